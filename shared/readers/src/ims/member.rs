//! `membership`: who is in a course, with which roles and in which groups.

use roster::{
    Association, AssociationKind, CourseKey, EnrollmentParts, Group, GroupKey, Key, Kind,
    MemberParts, Owner, PersonKey, Removal, Role, Roles, Status, Text, Timeframe, owner_hash,
};

use super::ids::Ids;
use super::{Here, Ims, REMEMBERED, RecStatus, names};
use crate::codes;
use crate::ims::same_word;
use crate::xml::tree::{At, Tree};

/// The membership that is being read.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// The group, once its sourcedid has come.
    group: Option<(Text, Kind)>,
    /// Members that came before it.
    early: Vec<(Tree, u32)>,
    /// Bytes of these.
    early_bytes: usize,
    /// Members that came too early and were too many.
    dropped: u64,
    told: bool,
}

/// Members that are kept until the group's id comes, and their bytes, at most: it should come
/// first.
const EARLY: usize = 4096;
const EARLY_BYTES: usize = 4 << 20;

/// All roles of one member.
#[derive(Default)]
struct Read {
    kept: Roles,
    gone: Roles,
    has_kept: bool,
    has_gone: bool,
    active: bool,
    inactive: bool,
    sub_role: Option<Text>,
    timeframe: Option<Timeframe>,
    data_source: Option<Text>,
    cohorts: Vec<Text>,
    gone_cohorts: Vec<Text>,
}

impl Ims<'_> {
    /// The membership's own sourcedid.
    pub(super) fn membership_id(&mut self, here: Here<'_>) {
        let Some(Some(id)) = self.id(here, Tree::ROOT) else { return };
        let kind = self.kind_of(&id);
        let Some(membership) = &mut self.membership else { return };
        if membership.group.is_none() {
            membership.group = Some((id, kind));
            for (tree, line) in std::mem::take(&mut membership.early) {
                self.member(Here { tree: &tree, line, key: None });
            }
        }
    }

    pub(super) fn end_membership(&mut self, line: u32) {
        let Some(membership) = self.membership.take() else { return };
        let lost = membership.early.len() as u64 + membership.dropped;
        if lost > 0 {
            let message = format!("a membership names no group; its {lost} members are left out");
            self.finding(&codes::MEMBERSHIP_WITHOUT_GROUP, line, None, message);
        }
    }

    pub(super) fn member(&mut self, here: Here<'_>) {
        let Some(membership) = &mut self.membership else { return };
        let Some((group, kind)) = &membership.group else {
            if membership.early.len() < EARLY && membership.early_bytes < EARLY_BYTES {
                membership.early_bytes += here.tree.memory();
                membership.early.push((here.tree.clone(), here.line));
            } else {
                membership.dropped += 1;
            }
            return;
        };
        if *kind == Kind::Term {
            let told = std::mem::replace(&mut membership.told, true);
            let message = format!("`{group}` is a term and cannot have members; they are left out");
            if !told {
                self.find(here, &codes::MEMBERSHIP_OF_TERM, message);
            }
            return;
        }
        let (group, kind) = (group.clone(), *kind);
        let Some(Ids { key: member, .. }) = self.ids(here, "member") else { return };
        match self.id_type(here) {
            Some(Kind::Person) if kind == Kind::Course => self.enroll(here, &group, &member),
            Some(Kind::Person) => {
                self.tie(here, AssociationKind::PersonOrgUnit, &member, &group);
            }
            Some(_) if kind == Kind::Course => {
                self.tie(here, AssociationKind::CourseCourse, &member, &group);
            }
            Some(_) => self.tie(here, AssociationKind::CourseOrgUnit, &member, &group),
            None => {
                let message = format!("`{member}` in `{group}` is neither person nor group");
                self.find(here, &codes::UNKNOWN_IDTYPE, message);
            }
        }
    }

    /// Person or course. Without an idtype it is a person.
    fn id_type(&self, here: Here<'_>) -> Option<Kind> {
        let Some(at) = here.tree.child(Tree::ROOT, names::IDTYPE) else {
            return Some(Kind::Person);
        };
        match here.tree.text(at).trim() {
            "" | "1" => Some(Kind::Person),
            "2" => Some(Kind::Course),
            word if same_word(word, "person") => Some(Kind::Person),
            word if same_word(word, "group") || same_word(word, "section") => Some(Kind::Course),
            _ => None,
        }
    }

    fn enroll(&mut self, here: Here<'_>, course: &Text, person: &Text) {
        let read = self.roles(here, course, person);
        if !read.has_kept && !read.has_gone {
            let message = format!("`{person}` in `{course}` has no role; it is left out");
            return self.find(here, &codes::MISSING_ROLE, message);
        }
        let origin = self.origin(here);
        if read.has_gone {
            let key =
                Key::Enrollment { course: CourseKey::new(course), person: PersonKey::new(person) };
            self.sink.removal(Removal { key, roles: read.gone }, origin);
            for cohort in read.gone_cohorts.iter().filter(|gone| !read.cohorts.contains(gone)) {
                let key = Key::GroupMember {
                    course: CourseKey::new(course),
                    group: GroupKey::new(cohort),
                    person: PersonKey::new(person),
                };
                self.remove(here, key);
            }
        }
        if !read.has_kept {
            return;
        }
        let status = match (read.active, read.inactive) {
            (true, _) => Some(Status::Active),
            (false, true) => Some(Status::Inactive),
            (false, false) => None,
        };
        let parts = EnrollmentParts {
            course,
            person,
            roles: &read.kept,
            sub_role: read.sub_role.as_ref(),
            status,
            timeframe: read.timeframe.as_ref(),
            data_source: read.data_source.as_ref(),
        };
        self.sink.enrollment(parts, origin);
        for cohort in &read.cohorts {
            self.emit_cohort(here, course, cohort);
            let data_source = read.data_source.as_ref();
            let parts = MemberParts { course, group: cohort, person, data_source };
            self.sink.group_member(parts, origin);
        }
    }

    fn roles(&mut self, here: Here<'_>, course: &Text, person: &Text) -> Read {
        let mut read = Read::default();
        for child in here.tree.children(Tree::ROOT) {
            if here.tree.name(child) == names::ROLE {
                self.role(here, child, &mut read, (course, person));
            }
        }
        read
    }

    fn role(&mut self, here: Here<'_>, at: At, read: &mut Read, of: (&Text, &Text)) {
        let removed = self.rec_status(here, at) == RecStatus::Removed;
        let role = self.role_type(here, at, of);
        if role.is_none() && !removed {
            let (course, person) = of;
            let message = format!("`{person}` in `{course}` has a role without a type");
            return self.find(here, &codes::ROLE_WITHOUT_TYPE, message);
        }
        if removed {
            // A removal without a role is one of all roles.
            match role {
                Some(role) if !read.has_gone || !read.gone.is_empty() => read.gone.insert(role),
                _ => read.gone = Roles::default(),
            }
            read.has_gone = true;
        } else if let Some(role) = role {
            match read.has_kept {
                true => read.kept.insert(role),
                false => read.kept = Roles::one(role),
            }
            read.has_kept = true;
        }
        for child in here.tree.children(at) {
            match here.tree.name(child) {
                names::EXTENSION => {
                    let list = if removed { &mut read.gone_cohorts } else { &mut read.cohorts };
                    self.cohorts(here, child, list);
                }
                _ if removed => {}
                names::STATUS => match self.status(here, child) {
                    Some(Status::Active) => read.active = true,
                    Some(Status::Inactive) => read.inactive = true,
                    None => {}
                },
                names::SUBROLE if read.sub_role.is_none() => {
                    read.sub_role = self.value(here, child);
                }
                names::TIMEFRAME => {
                    let more = self.timeframe(here, child);
                    read.timeframe = widen(read.timeframe.take(), more);
                }
                names::DATASOURCE => read.data_source = self.value(here, child),
                _ => {}
            }
        }
    }

    fn role_type(&mut self, here: Here<'_>, at: At, of: (&Text, &Text)) -> Option<Role> {
        let attribute = here.tree.attribute(at, "roletype")?;
        let word = attribute.trim();
        let role = match word {
            "01" | "1" => Role::Student,
            "02" | "2" => Role::Instructor,
            "" => return None,
            _ => role_of(word).unwrap_or_else(|| {
                let (course, person) = of;
                let message = format!("`{person}` in `{course}` has a role that IMS does not know");
                self.find(here, &codes::UNKNOWN_ROLETYPE, message);
                Role::Other(self.clean(here, word).unwrap_or_default())
            }),
        };
        (role != Role::Other(Text::default())).then_some(role)
    }

    fn cohorts(&mut self, here: Here<'_>, at: At, list: &mut Vec<Text>) {
        for child in here.tree.children(at) {
            if here.tree.name(child) == names::COHORT
                && list.len() < self.options.limits.attributes
                && let Some(cohort) = self.value(here, child)
                && !list.contains(&cohort)
            {
                list.push(cohort);
            }
        }
    }

    /// Hands over a cohort's group, once per course.
    fn emit_cohort(&mut self, here: Here<'_>, course: &Text, cohort: &Text) {
        if self.cohorts_of != *course {
            self.cohorts.clear();
            self.cohorts_of = course.clone();
        }
        let hash = owner_hash(Owner { kind: Kind::Group, id: cohort });
        if self.cohorts.len() < REMEMBERED && !self.cohorts.insert(hash) {
            return;
        }
        let mut group = Group::new(CourseKey::new(course), GroupKey::new(cohort));
        group.title = Some(cohort.clone());
        self.emit(here, group);
    }

    /// A tie between a member and the group. What is inactive is no tie.
    fn tie(&mut self, here: Here<'_>, kind: AssociationKind, from: &Text, to: &Text) {
        let tie = Association::new(kind, from.clone(), to.clone());
        let key = tie.key().clone();
        let here = Here { key: Some(&key), ..here };
        let roles =
            here.tree.children(Tree::ROOT).filter(|child| here.tree.name(*child) == names::ROLE);
        let (mut kept, mut gone, mut inactive) = (false, false, false);
        for role in roles {
            if self.rec_status(here, role) == RecStatus::Removed {
                gone = true;
                continue;
            }
            let status = here.tree.child(role, names::STATUS);
            match status.and_then(|status| self.status(here, status)) {
                Some(Status::Inactive) => inactive = true,
                _ => kept = true,
            }
        }
        if kept || !(gone || inactive) {
            return self.emit(here, tie);
        }
        if inactive {
            let message = "the tie has status 0, which a tie cannot have; it is taken as removed";
            self.find(here, &codes::INACTIVE_TIE, message.into());
        }
        self.remove(here, key.clone());
    }
}

/// One of the eight, by number or name.
fn role_of(word: &str) -> Option<Role> {
    let digits = word.trim_start_matches('0');
    if let Ok(number @ 1..=8) = digits.parse::<usize>() {
        return Some(Role::IMS[number - 1].clone());
    }
    let names = ["learner", "student"].map(|name| (name, Role::Student));
    let others = Role::IMS.iter().map(|role| (role.name(), role.clone()));
    let mut all = names.into_iter().chain(others);
    all.find(|(name, _)| same_word(name, word)).map(|(_, role)| role)
}

/// From the earlier begin to the later end of two timeframes: who has two roles is in the course
/// as long as one of them lasts. A side that one of them leaves open is open.
fn widen(a: Option<Timeframe>, b: Option<Timeframe>) -> Option<Timeframe> {
    let (Some(a), Some(b)) = (a.clone(), b.clone()) else { return a.or(b) };
    let begin = a.begin.zip(b.begin).map(|(a, b)| a.min(b));
    let end = a.end.zip(b.end).map(|(a, b)| a.max(b));
    let widest = Timeframe {
        begin,
        end,
        restrict_begin: begin.is_some() && a.restrict_begin && b.restrict_begin,
        restrict_end: end.is_some() && a.restrict_end && b.restrict_end,
        admin_period: a.admin_period.or(b.admin_period),
    };
    (!widest.is_empty()).then_some(widest)
}
