//! IMS Enterprise 1.1, 1.01 and 1.0, and the Vista dialect.
//!
//! Elements are matched by local name, whatever their case, prefix and order. What an export says
//! becomes records as follows; see [`crate::codes`] for what becomes findings.
//!
//! | element | becomes |
//! |---|---|
//! | `person` | person; with `recstatus="3"` its removal |
//! | `group` | course, term or org unit, by [`GroupTypes`]; with `recstatus="3"` its removal |
//! | `group/org` | org units, each in the one before; the last is the course's |
//! | `relationship` 1 | the course's term, org unit or the course that it is part of, by label |
//! | `member` of idtype 1 or none | enrollment in a course; or a tie to an org unit |
//! | `member` of idtype 2 | cross-listing of two courses; or a course's tie to an org unit |
//! | `role/extension/cohort` | group in the course, and the person in it |
//! | sourcedids `New` and `Old` | the key, and former keys |
//!
//! Roles of one member: all that do not have `recstatus="3"` make the enrollment, which is inactive
//! if all of them are; the others make a removal of just these roles.
//!
//! **Never:** whether a member's person or course exists is not looked at here.

mod extension;
mod group;
mod ids;
mod member;
mod names;
mod person;
mod properties;
mod types;
mod values;

pub(crate) use types::same_word;
pub use types::{GroupIs, GroupTypeRule, GroupTypes};

use std::collections::{HashMap, HashSet};

use roster::{Finding, Key, Kind, Origin, Owner, Record, Removal, Sink, Text, owner_hash};

use crate::codes::{self, Code};
use crate::encoding::TextSource;
use crate::sniff::Dialect;
use crate::xml::names::{NameTable, OTHER};
use crate::xml::tree::{At, Tree};
use crate::xml::{Place, Records, scan};
use crate::{Properties, ReadError, ReadOptions};

/// Keys that are remembered at most to know one kind of group from another, or not to say the
/// same thing twice. Beyond that an export is read as if the rest were courses.
const REMEMBERED: usize = 1 << 18;

/// Reads all of `source` into `sink`.
pub(crate) fn read(
    source: &mut TextSource<'_>,
    file: u32,
    options: &ReadOptions,
    sink: &mut dyn Sink,
) -> Result<Properties, ReadError> {
    let mut ims = Ims {
        sink,
        options,
        file,
        properties: Properties::default(),
        target_met: false,
        roots: 0,
        membership: None,
        kinds: HashMap::new(),
        units: HashSet::new(),
        cohorts: HashSet::new(),
        cohorts_of: Text::default(),
    };
    scan(source, &options.limits, &mut ims)?;
    match &options.target {
        Some(wanted) if !ims.target_met => {
            Err(ReadError::OtherTarget { wanted: wanted.to_string() })
        }
        _ => Ok(ims.properties),
    }
}

/// What is known while an export is read.
struct Ims<'a> {
    sink: &'a mut dyn Sink,
    options: &'a ReadOptions,
    file: u32,
    properties: Properties,
    target_met: bool,
    roots: u32,
    membership: Option<member::Membership>,
    /// Groups that are no courses, by hash of their id.
    kinds: HashMap<u64, Kind>,
    /// Org units of `org` that were handed over already.
    units: HashSet<u64>,
    /// Cohorts of the course `cohorts_of` that were handed over already.
    cohorts: HashSet<u64>,
    cohorts_of: Text,
}

/// A record that is being read: its tree, its line, and its key once it has one.
#[derive(Clone, Copy)]
struct Here<'t> {
    tree: &'t Tree,
    line: u32,
    key: Option<&'t Key>,
}

/// What a `recstatus` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecStatus {
    /// 1, 2 or nothing: it is as it stands here.
    Kept,
    /// 3.
    Removed,
}

impl Ims<'_> {
    fn origin(&self, here: Here<'_>) -> Origin {
        Origin { file: self.file, line: here.line }
    }

    fn emit(&mut self, here: Here<'_>, record: impl Into<Record>) {
        let origin = self.origin(here);
        self.sink.record(record.into(), origin);
    }

    fn remove(&mut self, here: Here<'_>, key: Key) {
        let origin = self.origin(here);
        self.sink.removal(Removal { key, roles: roster::Roles::default() }, origin);
    }

    #[cold]
    fn find(&mut self, here: Here<'_>, code: &'static Code, message: String) {
        let key = here.key.map(|key| Text::from(key.to_string()));
        self.finding(code, here.line, key, message);
    }

    fn finding(&mut self, code: &'static Code, line: u32, key: Option<Text>, message: String) {
        let origin = Origin { file: self.file, line };
        let (severity, code) = (code.severity, code.name);
        self.sink.finding(Finding { severity, code, message, origin, key });
    }

    fn rec_status(&mut self, here: Here<'_>, at: At) -> RecStatus {
        let Some(status) = here.tree.attribute(at, "recstatus") else { return RecStatus::Kept };
        match status.trim() {
            "" | "1" | "2" => RecStatus::Kept,
            "3" => RecStatus::Removed,
            word if same_word(word, "add") || same_word(word, "update") => RecStatus::Kept,
            word if same_word(word, "delete") => RecStatus::Removed,
            _ => {
                let message =
                    "the record has a recstatus other than 1, 2 and 3; it is taken as an update";
                self.find(here, &codes::UNKNOWN_RECSTATUS, message.into());
                RecStatus::Kept
            }
        }
    }

    /// What a group is that was read before; a course where nothing is known of it.
    fn kind_of(&self, id: &str) -> Kind {
        if self.kinds.is_empty() {
            return Kind::Course;
        }
        let hash = owner_hash(Owner { kind: Kind::Course, id });
        self.kinds.get(&hash).copied().unwrap_or(Kind::Course)
    }

    fn remember_kind(&mut self, id: &str, kind: Kind) {
        let hash = owner_hash(Owner { kind: Kind::Course, id });
        match kind {
            Kind::Course => {
                self.kinds.remove(&hash);
            }
            other if self.kinds.len() < REMEMBERED => {
                self.kinds.insert(hash, other);
            }
            _ => {}
        }
    }
}

impl Records for Ims<'_> {
    fn table(&self) -> &'static NameTable {
        &names::TABLE
    }

    fn place(
        &mut self,
        parent: Option<u8>,
        tag: &str,
        name: u8,
        line: u32,
    ) -> Result<Place, ReadError> {
        match (parent, name) {
            (None, names::ENTERPRISE) => {
                self.roots += 1;
                if self.roots > 1 {
                    let message = "another `enterprise` begins; it is read too".to_owned();
                    self.finding(&codes::SEVERAL_ROOTS, line, None, message);
                }
                let vista = tag.contains("http://www.webct.com/IMS");
                if vista {
                    self.properties.dialect = Dialect::Vista;
                }
                Ok(Place::Envelope)
            }
            (None, _) if self.roots == 0 => Err(ReadError::NotThisFormat {
                found: "XML of another kind".into(),
                wanted: crate::Format::ImsEnterprise.title(),
            }),
            (None, _) => {
                let message = "an element stands behind the end of `enterprise`".to_owned();
                self.finding(&codes::CONTENT_AFTER_END, line, None, message);
                Ok(self.begin(name))
            }
            (Some(names::ENTERPRISE), _) => Ok(self.begin(name)),
            (Some(_), _) => Ok(Place::Record),
        }
    }

    fn leave(&mut self, name: u8, line: u32) -> Result<(), ReadError> {
        if name == names::MEMBERSHIP {
            self.end_membership(line);
        }
        Ok(())
    }

    fn record(&mut self, tree: &Tree, line: u32) -> Result<(), ReadError> {
        let here = Here { tree, line, key: None };
        match (tree.name(Tree::ROOT), self.membership.is_some()) {
            (names::MEMBER, true) => self.member(here),
            (names::SOURCEDID, true) => self.membership_id(here),
            (names::PERSON, false) => self.person(here),
            (names::GROUP, false) => self.group(here),
            (names::PROPERTIES, false) => self.read_properties(here)?,
            // Banner says of a membership that it is a cross-listing; its idtype says so too.
            (names::COMMENTS, _) | (names::TYPE, true) => {}
            (OTHER, _) => {
                let message = "an element that is no record of IMS Enterprise; it is left out";
                self.find(here, &codes::UNKNOWN_ELEMENT, message.into());
            }
            (name, _) => {
                let name = names::TABLE.name(name);
                let message = format!("a `{name}` stands where none belongs; it is left out");
                self.find(here, &codes::UNKNOWN_ELEMENT, message);
            }
        }
        Ok(())
    }

    fn odd(&mut self, code: &'static Code, line: u32, message: String) {
        self.finding(code, line, None, message);
    }
}

impl Ims<'_> {
    fn begin(&mut self, name: u8) -> Place {
        if name != names::MEMBERSHIP {
            return Place::Record;
        }
        self.membership = Some(member::Membership::default());
        Place::Envelope
    }
}
