//! `<membership>`: one for each course, its members with their roles and groups.

use std::collections::BTreeSet;
use std::io::{self, Write};

use roster::{
    AssociationKind, CourseKey, Enrollment, GroupKey, Key, PersonKey, Record, Removal, Role, Roles,
    Status, Text,
};

use super::super::xml::XmlOut;
use super::{RecStatus, sourced_id, timeframe};

/// Joins enrollments and the group members behind them to members, and those of one course to a
/// membership. It holds one enrollment back, until it is clear which groups the person is in.
pub(super) struct Members {
    /// The system that issued the ids: of a member nothing but the id is known.
    source: Option<Text>,
    /// Org units among the groups: ids that stand for no course.
    units: BTreeSet<Text>,
    /// The id of the group whose membership is open.
    open: Option<Text>,
    waiting: Option<Waiting>,
}

/// A person in a course, of whom more may follow.
struct Waiting {
    course: CourseKey,
    person: PersonKey,
    /// What is there.
    enrollment: Option<Enrollment>,
    groups: Vec<GroupKey>,
    /// The roles that are gone, where the enrollment is; none says all of them.
    gone: Option<Roles>,
    gone_groups: Vec<GroupKey>,
}

/// What kind of thing a member is.
#[derive(Clone, Copy)]
enum Idtype {
    Person,
    Group,
}

impl Members {
    /// Nothing yet.
    pub(super) fn new(source: Option<Text>) -> Self {
        Self { source, units: BTreeSet::new(), open: None, waiting: None }
    }

    /// Learns that a group is written, and what it is.
    pub(super) fn note(&mut self, key: &Key) {
        if let Key::OrgUnit(unit) = key {
            self.units.insert(unit.text().clone());
        }
    }

    /// Takes `record`; false where the format has no element for it.
    pub(super) fn record<W: Write>(
        &mut self,
        xml: &mut XmlOut<W>,
        record: &Record,
    ) -> io::Result<bool> {
        match record {
            // A group is there because its members name it; it has nothing but a name.
            Record::Group(group) => {
                let Key::Group { group: key, .. } = group.key() else { return Ok(false) };
                let only_name = group.title.as_ref().is_none_or(|title| title == key.text());
                Ok(only_name && group.description.is_none() && group.group_set.is_none())
            }
            Record::Enrollment(enrollment) => {
                self.flush(xml)?;
                let Key::Enrollment { course, person } = enrollment.key() else { return Ok(false) };
                if enrollment.roles.as_ref().is_none_or(Roles::is_empty) {
                    return Ok(false);
                }
                self.waiting = Some(Waiting {
                    enrollment: Some((**enrollment).clone()),
                    ..Waiting::of(course, person)
                });
                Ok(true)
            }
            Record::GroupMember(member) => Ok(self.join(member.key(), RecStatus::AsIs)),
            Record::Association(association) => {
                self.flush(xml)?;
                self.association(xml, association.key(), RecStatus::AsIs)
            }
            _ => Ok(false),
        }
    }

    /// Takes the removal of an enrollment, group member or association; false where the format has
    /// no element for it.
    pub(super) fn removal<W: Write>(
        &mut self,
        xml: &mut XmlOut<W>,
        removal: &Removal,
    ) -> io::Result<bool> {
        if matches!(removal.key, Key::GroupMember { .. }) {
            return Ok(self.join(&removal.key, RecStatus::Delete));
        }
        self.flush(xml)?;
        let Key::Enrollment { course, person } = &removal.key else {
            return self.association(xml, &removal.key, RecStatus::Delete);
        };
        self.waiting =
            Some(Waiting { gone: Some(removal.roles.clone()), ..Waiting::of(course, person) });
        Ok(true)
    }

    /// Writes what was held back, and ends the membership that is open.
    pub(super) fn finish<W: Write>(&mut self, xml: &mut XmlOut<W>) -> io::Result<()> {
        self.flush(xml)?;
        self.leave(xml)
    }

    /// A group member belongs to the enrollment right before it.
    fn join(&mut self, key: &Key, status: RecStatus) -> bool {
        let Key::GroupMember { course, group, person } = key else { return false };
        let Some(waiting) = &mut self.waiting else { return false };
        if waiting.course != *course || waiting.person != *person {
            return false;
        }
        match status {
            RecStatus::AsIs if waiting.enrollment.is_none() => return false,
            RecStatus::AsIs => waiting.groups.push(group.clone()),
            RecStatus::Delete => waiting.gone_groups.push(group.clone()),
        }
        true
    }

    fn flush<W: Write>(&mut self, xml: &mut XmlOut<W>) -> io::Result<()> {
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        self.enter(xml, waiting.course.as_str())?;
        begin_member(xml, waiting.person.as_str(), Idtype::Person, self.source.as_ref())?;
        waiting.write_gone(xml)?;
        if let Some(enrollment) = &waiting.enrollment {
            for (at, role) in enrollment.roles.iter().flat_map(Roles::iter).enumerate() {
                // What is said about the member as a whole stands with the first role.
                let groups = if at == 0 { waiting.groups.as_slice() } else { &[] };
                write_role(xml, enrollment, role, groups)?;
            }
        }
        xml.close()
    }

    fn association<W: Write>(
        &mut self,
        xml: &mut XmlOut<W>,
        key: &Key,
        status: RecStatus,
    ) -> io::Result<bool> {
        let Key::Association { kind, from, to } = key else { return Ok(false) };
        // Members of an org unit are told from those of a course by the group alone.
        let into_unit = *kind != AssociationKind::CourseCourse;
        if self.units.contains(to) != into_unit {
            return Ok(false);
        }
        let idtype = match kind {
            AssociationKind::CourseCourse | AssociationKind::CourseOrgUnit => Idtype::Group,
            AssociationKind::PersonOrgUnit => Idtype::Person,
        };
        self.enter(xml, to)?;
        begin_member(xml, from, idtype, self.source.as_ref())?;
        let attributes = [("roletype", "04"), ("recstatus", "3")];
        let (attributes, active) = match status {
            RecStatus::AsIs => (&attributes[..1], "1"),
            RecStatus::Delete => (&attributes[..], "0"),
        };
        xml.open("role", attributes)?;
        xml.leaf("status", &[], active)?;
        xml.close()?;
        xml.close()?;
        Ok(true)
    }

    /// Opens the membership of the group `id`, where it is not open.
    fn enter<W: Write>(&mut self, xml: &mut XmlOut<W>, id: &str) -> io::Result<()> {
        if self.open.as_deref() == Some(id) {
            return Ok(());
        }
        self.leave(xml)?;
        xml.open("membership", &[])?;
        sourced_id(xml, self.source.as_ref(), id)?;
        self.open = Some(Text::new(id));
        Ok(())
    }

    fn leave<W: Write>(&mut self, xml: &mut XmlOut<W>) -> io::Result<()> {
        match self.open.take() {
            Some(_) => xml.close(),
            None => Ok(()),
        }
    }
}

impl Waiting {
    fn of(course: &CourseKey, person: &PersonKey) -> Self {
        Self {
            course: course.clone(),
            person: person.clone(),
            enrollment: None,
            groups: Vec::new(),
            gone: None,
            gone_groups: Vec::new(),
        }
    }

    /// The roles that are gone. To take a person who stays out of a group, one of the roles goes
    /// together with the group, and comes again behind it without.
    fn write_gone<W: Write>(&self, xml: &mut XmlOut<W>) -> io::Result<()> {
        let kept = self.enrollment.as_ref().and_then(|it| it.roles.as_ref());
        let roles: Vec<Option<&Role>> = match (&self.gone, kept) {
            (Some(gone), _) if !gone.is_empty() => gone.iter().map(Some).collect(),
            (Some(_), _) => vec![None],
            (None, Some(kept)) if !self.gone_groups.is_empty() => {
                kept.iter().take(1).map(Some).collect()
            }
            (None, _) => Vec::new(),
        };
        for (at, role) in roles.into_iter().enumerate() {
            let groups = if at == 0 { self.gone_groups.as_slice() } else { &[] };
            match role {
                // The type comes first: Moodle's own plugin reads no other order.
                Some(role) => {
                    xml.open("role", &[("roletype", &role_type(role)), ("recstatus", "3")])?;
                }
                None => xml.open("role", RecStatus::Delete.attributes())?,
            }
            xml.leaf("status", &[], "0")?;
            cohorts(xml, groups)?;
            xml.close()?;
        }
        Ok(())
    }
}

fn begin_member<W: Write>(
    xml: &mut XmlOut<W>,
    id: &str,
    idtype: Idtype,
    source: Option<&Text>,
) -> io::Result<()> {
    xml.open("member", &[])?;
    sourced_id(xml, source, id)?;
    let number = match idtype {
        Idtype::Person => "1",
        Idtype::Group => "2",
    };
    xml.leaf("idtype", &[], number)
}

fn write_role<W: Write>(
    xml: &mut XmlOut<W>,
    enrollment: &Enrollment,
    role: &Role,
    groups: &[GroupKey],
) -> io::Result<()> {
    xml.open("role", &[("roletype", &role_type(role))])?;
    xml.maybe("subrole", enrollment.sub_role.as_ref())?;
    let status = match enrollment.status {
        Some(Status::Inactive) => "0",
        Some(Status::Active) | None => "1",
    };
    xml.leaf("status", &[], status)?;
    timeframe(xml, enrollment.timeframe.as_ref())?;
    xml.maybe("datasource", enrollment.data_source.as_ref())?;
    cohorts(xml, groups)?;
    xml.close()
}

fn cohorts<W: Write>(xml: &mut XmlOut<W>, groups: &[GroupKey]) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    xml.open("extension", &[])?;
    for group in groups {
        xml.leaf("cohort", &[], group.as_str())?;
    }
    xml.close()
}

/// The number of one of the eight, the name of any other.
fn role_type(role: &Role) -> String {
    match role.ims_number() {
        Some(number) => format!("{number:02}"),
        None => role.name().to_owned(),
    }
}
