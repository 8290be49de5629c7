//! IMS Enterprise 1.1, element for element in the order of its schema.
//!
//! ```
//! use readers::write::ims::{ImsOptions, ImsWriter};
//! use roster::{Course, CourseKey, Enrollment, Person, PersonKey, Role, Roles, Text};
//!
//! let mut person = Person::new(PersonKey::new("4711"));
//! person.full_name = Some(Text::new("Sanne van den Berg"));
//! let course = CourseKey::new("MOODLE101");
//! let mut enrollment = Enrollment::new(course.clone(), PersonKey::new("4711"));
//! enrollment.roles = Some(Roles::one(Role::Student));
//!
//! let mut writer = ImsWriter::new(Vec::new(), ImsOptions::default())?;
//! writer.record(&person.into())?;
//! writer.record(&Course::new(course).into())?;
//! writer.record(&enrollment.into())?;
//! let (bytes, written) = writer.finish()?;
//! assert!(bytes.ends_with(b"</enterprise>\n"));
//! assert_eq!(written.total(), 3);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The schema wants persons first, then groups (org units, terms, courses), then memberships. The
//! writer streams, so records have to come in that order; only terms and org units may also come
//! before, and are kept until the persons are through; anything else is an `InvalidInput` error.
//! The enrollments of a course come together, each (or its removal) directly followed by the group
//! members of that person that are there, or are gone.
//!
//! What the format has no element for is not written: whole records, which are counted in
//! [`Written::left_out`], and single fields, which are not (a course's status, an association's
//! label, a free attribute whose name cannot be an element's).

mod group;
mod member;
mod person;

use std::collections::BTreeMap;
use std::io::{self, Write};

use roster::{Key, Kind, Labelled, Record, Removal, Text};

use super::xml::{Encoding, Layout, XmlOut};
use member::Members;

/// How an export is written.
#[derive(Debug, Clone, Default)]
pub struct ImsOptions {
    /// What the export says about itself.
    pub properties: ImsProperties,
    /// The system that issued the ids, for records that do not say so themselves.
    pub source: Option<Text>,
    /// How text becomes bytes.
    pub encoding: Encoding,
    /// How elements are laid out.
    pub layout: Layout,
}

/// What stands in an export's `properties`.
#[derive(Debug, Clone, Default)]
pub struct ImsProperties {
    /// The system that made the export.
    pub datasource: Text,
    /// Whom it is meant for; none says anybody.
    pub targets: Vec<Text>,
    /// What kind of export it is, in the words of its maker.
    pub kind: Option<Text>,
    /// When it was made, for instance `2026-11-22T05:30:00Z`.
    pub datetime: Text,
}

/// How many records of each kind an export holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Records that can be read back from it.
    pub records: BTreeMap<Kind, u64>,
    /// Removals that it announces.
    pub removals: BTreeMap<Kind, u64>,
    /// Records and removals for which the format has no element.
    pub left_out: BTreeMap<Kind, u64>,
}

impl Written {
    /// All records and removals that were written.
    pub fn total(&self) -> u64 {
        self.records.values().chain(self.removals.values()).sum()
    }
}

/// Writes an export, record by record, in constant memory but for terms and org units.
pub struct ImsWriter<W: Write> {
    xml: XmlOut<W>,
    source: Option<Text>,
    stage: Stage,
    /// Terms and org units that came before or among the persons.
    early: Vec<Entry>,
    members: Members,
    written: Written,
}

/// How far the file is, in the order of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Persons,
    Groups,
    Members,
}

/// A record to write, or one to announce as removed.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// It is there, as it stands here.
    Record(Record),
    /// It is gone.
    Removal(Removal),
}

impl From<Record> for Entry {
    fn from(record: Record) -> Self {
        Self::Record(record)
    }
}

impl From<Removal> for Entry {
    fn from(removal: Removal) -> Self {
        Self::Removal(removal)
    }
}

/// Writes a whole export: all of `entries`, in the order that [`ImsWriter`] wants.
///
/// # Errors
/// As [`ImsWriter::record`]. What was written until then is a truncated export.
pub fn export<E: Into<Entry>>(
    entries: impl IntoIterator<Item = E>,
    options: ImsOptions,
    out: impl Write,
) -> io::Result<Written> {
    let mut writer = ImsWriter::new(out, options)?;
    for entry in entries {
        match entry.into() {
            Entry::Record(record) => writer.record(&record)?,
            Entry::Removal(removal) => writer.removal(&removal)?,
        }
    }
    writer.finish().map(|(_, written)| written)
}

/// What an element says is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecStatus {
    /// Nothing said: it is as it stands here.
    AsIs,
    /// `recstatus="3"`.
    Delete,
}

impl<W: Write> ImsWriter<W> {
    /// Begins an export.
    pub fn new(out: W, options: ImsOptions) -> io::Result<Self> {
        let ImsOptions { properties, source, encoding, layout } = options;
        let mut xml = XmlOut::new(out, encoding, layout);
        xml.open("enterprise", &[])?;
        xml.open("properties", &[])?;
        xml.leaf("datasource", &[], &properties.datasource)?;
        for target in &properties.targets {
            xml.leaf("target", &[], target)?;
        }
        xml.maybe("type", properties.kind.as_ref())?;
        xml.leaf("datetime", &[], &properties.datetime)?;
        xml.close()?;
        Ok(Self {
            xml,
            stage: Stage::Persons,
            early: Vec::new(),
            members: Members::new(source.clone()),
            source,
            written: Written::default(),
        })
    }

    /// Writes `record`.
    ///
    /// # Errors
    /// What the output says; `InvalidInput` where the record comes too late in the order.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        let kind = record.kind();
        let expressed = match record {
            Record::Person(person) => {
                self.reach(Stage::Persons, record.key())?;
                person::write(&mut self.xml, person, self.source.as_ref())?;
                true
            }
            Record::Term(_) | Record::OrgUnit(_) if self.stage == Stage::Persons => {
                self.members.note(record.key());
                self.early.push(Entry::Record(record.clone()));
                true
            }
            Record::Term(_) | Record::OrgUnit(_) | Record::Course(_) => {
                self.reach(Stage::Groups, record.key())?;
                self.members.note(record.key());
                group::write(&mut self.xml, record, self.source.as_ref())?;
                true
            }
            Record::Group(_)
            | Record::Enrollment(_)
            | Record::GroupMember(_)
            | Record::Association(_) => {
                self.reach(Stage::Members, record.key())?;
                self.members.record(&mut self.xml, record)?
            }
            Record::Observer(_) => false,
        };
        let counts = if expressed { &mut self.written.records } else { &mut self.written.left_out };
        *counts.entry(kind).or_default() += 1;
        Ok(())
    }

    /// Announces a removal (`recstatus="3"`); for exports that tell what has changed.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn removal(&mut self, removal: &Removal) -> io::Result<()> {
        let key = &removal.key;
        let expressed = match key {
            Key::Person(_) => {
                self.reach(Stage::Persons, key)?;
                person::remove(&mut self.xml, key, self.source.as_ref())?;
                true
            }
            Key::Term(_) | Key::OrgUnit(_) if self.stage == Stage::Persons => {
                self.early.push(Entry::Removal(removal.clone()));
                true
            }
            Key::Term(_) | Key::OrgUnit(_) | Key::Course(_) => {
                self.reach(Stage::Groups, key)?;
                group::remove(&mut self.xml, key, self.source.as_ref())?;
                true
            }
            Key::Enrollment { .. } | Key::GroupMember { .. } | Key::Association { .. } => {
                self.reach(Stage::Members, key)?;
                self.members.removal(&mut self.xml, removal)?
            }
            // A group is there as long as somebody is said to be in it.
            Key::Group { .. } | Key::Observer { .. } => false,
        };
        let counts =
            if expressed { &mut self.written.removals } else { &mut self.written.left_out };
        *counts.entry(key.kind()).or_default() += 1;
        Ok(())
    }

    /// Ends the export; without this it is a truncated one. Gives the output back.
    pub fn finish(mut self) -> io::Result<(W, Written)> {
        if self.stage == Stage::Persons {
            self.enter_groups()?;
        }
        self.members.finish(&mut self.xml)?;
        Ok((self.xml.finish()?, self.written))
    }

    /// Goes on to `stage`, where it is not behind.
    fn reach(&mut self, stage: Stage, key: &Key) -> io::Result<()> {
        if stage < self.stage {
            let kind = key.kind();
            let what = format!("a {kind} comes after records that follow it in IMS Enterprise");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        if self.stage == Stage::Persons && stage > Stage::Persons {
            self.enter_groups()?;
        }
        self.stage = stage;
        Ok(())
    }

    fn enter_groups(&mut self) -> io::Result<()> {
        self.stage = Stage::Groups;
        for entry in std::mem::take(&mut self.early) {
            match entry {
                Entry::Record(record) => {
                    group::write(&mut self.xml, &record, self.source.as_ref())?;
                }
                Entry::Removal(removal) => {
                    group::remove(&mut self.xml, &removal.key, self.source.as_ref())?;
                }
            }
        }
        Ok(())
    }
}

impl RecStatus {
    /// As an attribute.
    fn attributes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::AsIs => &[],
            Self::Delete => &[("recstatus", "3")],
        }
    }
}

/// `<sourcedid>` with its source, where one is known, and `id`.
fn sourced_id<W: Write>(xml: &mut XmlOut<W>, source: Option<&Text>, id: &str) -> io::Result<()> {
    xml.open("sourcedid", &[])?;
    xml.maybe("source", source)?;
    xml.leaf("id", &[], id)?;
    xml.close()
}

/// The sourcedids of a record: only one, or those that it had before and the new one.
fn sourced_ids<W: Write>(
    xml: &mut XmlOut<W>,
    source: Option<&Text>,
    id: &str,
    former: Option<&Vec<Text>>,
) -> io::Result<()> {
    let Some(former) = former.filter(|former| !former.is_empty()) else {
        return sourced_id(xml, source, id);
    };
    let olds = former.iter().map(|id| ("Old", id.as_str()));
    for (kind, id) in std::iter::once(("New", id)).chain(olds) {
        xml.open("sourcedid", &[("sourcedidtype", kind)])?;
        xml.maybe("source", source)?;
        xml.leaf("id", &[], id)?;
        xml.close()?;
    }
    Ok(())
}

/// `<timeframe>`, where it says anything.
fn timeframe<W: Write>(
    xml: &mut XmlOut<W>,
    timeframe: Option<&roster::Timeframe>,
) -> io::Result<()> {
    let Some(timeframe) = timeframe.filter(|timeframe| !timeframe.is_empty()) else {
        return Ok(());
    };
    xml.open("timeframe", &[])?;
    let sides = [
        ("begin", timeframe.begin, timeframe.restrict_begin),
        ("end", timeframe.end, timeframe.restrict_end),
    ];
    for (name, date, restrict) in sides {
        if let Some(date) = date {
            let restrict = if restrict { "1" } else { "0" };
            xml.leaf(name, &[("restrict", restrict)], &date.to_string())?;
        }
    }
    xml.maybe("adminperiod", timeframe.admin_period.as_ref())?;
    xml.close()
}

/// Where a free attribute stands in an `extension`, and its value; `None` for a label that is no
/// path of element names. Parts of a name have elements of their own.
fn path(attribute: &Labelled) -> Option<(Vec<&str>, &Text)> {
    let Labelled { label, value } = attribute;
    let is_name = |part: &&str| {
        let starts = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        starts && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    };
    let path: Vec<&str> = label.split('/').collect();
    let fits = path.len() <= 16 && path.iter().all(is_name) && path[0] != "partname";
    fits.then_some((path, value))
}
