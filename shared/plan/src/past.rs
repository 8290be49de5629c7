//! What earlier runs tell the limits: what was done in the last days, and which part of the export
//! says much less than it did.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use roster::{CourseKey, Key, Kind, Owner, Text, owner_hash};

use crate::known::id_hash;
use crate::{Counts, Part, Shares};

/// What earlier runs tell. The default is what is known before the first.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// What was delivered in the seven days that a week's limits count, this run's left out, and
    /// counts in them.
    pub week: Counts,
    /// What of the export dropped sharply.
    pub suspects: Suspects,
    /// Courses whose removals are held because they dropped, and how many enrollments each had
    /// then ([`crate::Diffed::dropped_courses`]).
    pub courses: BTreeMap<Text, u64>,
    /// What belongs to parts that have limits of their own.
    pub shares: Shares,
}

/// A part of the export that dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// What kind of part.
    pub part: Part,
    /// Which one.
    pub name: Text,
    /// Records of which kind it has fewer of.
    pub kind: Kind,
    /// How many it had.
    pub learned: u64,
    /// How many it has.
    pub now: u64,
}

/// Records that belonged to a part which dropped: what takes them away is held.
///
/// Keys are kept as hashes; one that is taken for another is held for nothing, and never lost.
#[derive(Debug, Clone, Default)]
pub struct Suspects {
    parts: Vec<Dropped>,
    courses: HashMap<u64, u32>,
    records: HashMap<u64, u32>,
    kinds: Vec<(Kind, u32)>,
}

impl Suspects {
    /// Adds a part that dropped; the answer stands for it.
    pub fn add(&mut self, dropped: Dropped) -> u32 {
        self.parts.push(dropped);
        self.parts.len() as u32 - 1
    }

    /// Everything that belongs to `course` belonged to the part; the course itself is not meant.
    pub fn add_course(&mut self, course: &CourseKey, part: u32) {
        self.courses.entry(id_hash(Kind::Course, course.as_str())).or_insert(part);
    }

    /// The record of `key` belonged to the part.
    pub fn add_record(&mut self, key: &Key, part: u32) {
        self.records.entry(record_hash(key)).or_insert(part);
    }

    /// Nobody knows any more which records belonged to the part: all of the kind are suspect.
    pub fn add_kind(&mut self, kind: Kind, part: u32) {
        self.kinds.push((kind, part));
    }

    /// The parts that dropped.
    pub fn parts(&self) -> &[Dropped] {
        &self.parts
    }

    /// Whether nothing dropped.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The part that the record of `key` belonged to.
    pub(crate) fn of(&self, key: &Key) -> Option<u32> {
        let course = match key {
            Key::Course(_) => None,
            key => key.course().map(|course| id_hash(Kind::Course, course.as_str())),
        };
        let by_course = course.and_then(|course| self.courses.get(&course).copied());
        let by_record =
            || (!self.records.is_empty()).then(|| self.records.get(&record_hash(key)).copied());
        let by_kind = || self.kinds.iter().find(|(kind, _)| *kind == key.kind());
        by_course.or_else(|| by_record().flatten()).or_else(|| by_kind().map(|(_, part)| *part))
    }
}

/// The hash of a whole key.
fn record_hash(key: &Key) -> u64 {
    owner_hash(Owner { kind: key.kind(), id: &key.to_string() })
}
