//! One export, read: its records in order, its removals and its findings.
//!
//! [`SnapshotBuilder`] takes what a reader finds and packs it at once, so that nothing is held as
//! objects; [`Snapshot`] is the outcome, ready to be merge-joined. Records of one key become one:
//! the roles of an enrollment are united, and of anything else a later record's values win.
//!
//! ```
//! use roster::{Mode, Origin, Person, PersonKey, Sink, SnapshotBuilder};
//!
//! let mut builder = SnapshotBuilder::new(Mode::Full);
//! let file = builder.add_file("registrar.xml");
//! let person = Person::new(PersonKey::new("p-1"));
//! builder.record(person.into(), Origin { file, line: 12 });
//! let snapshot = builder.finish()?;
//! assert!(snapshot.persons().contains("p-1"));
//! assert_eq!(snapshot.entries().count(), 1);
//! # Ok::<(), roster::DecodeError>(())
//! ```
//!
//! **Never:** no decision here about what a record means: a member that names an unknown person is
//! as good as any other.

mod builder;
mod keys;
mod log;
mod parts;
mod raw;
mod sort;

pub use builder::SnapshotBuilder;
pub use keys::KeySet;
pub use parts::{EnrollmentParts, MemberParts};

use std::collections::BTreeMap;

use crate::{
    DecodeError, Findings, Kind, Mode, Origin, Packed, PackedRecord, Place, Placed, Record,
    Removal, Sink, Text,
};

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// Where in the export.
    pub origin: Origin,
}

impl Placed for Entry {
    fn place(&self) -> Place<'_> {
        self.record.place()
    }
}

/// A key that the source says a record had before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormerKey {
    /// Person or course.
    pub kind: Kind,
    /// The key it had.
    pub former: Text,
    /// The key it has.
    pub current: Text,
    /// Where the export says so.
    pub origin: Origin,
}

/// One export, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    mode: Mode,
    files: Vec<Text>,
    buckets: Vec<Packed>,
    removals: Vec<(Removal, Origin)>,
    findings: Findings,
    counts: BTreeMap<Kind, u64>,
    former_keys: Vec<FormerKey>,
    rekeys: Vec<FormerKey>,
    persons: KeySet,
    courses: KeySet,
    digest: [u8; 32],
}

impl Snapshot {
    /// What absence from it means.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The files that it was read from; [`Origin::file`] counts in this list.
    pub fn files(&self) -> &[Text] {
        &self.files
    }

    /// The records by the top bits of their owners' hashes, each with its [`Origin`] beside it.
    /// There is a power of two of them.
    pub fn buckets(&self) -> &[Packed] {
        &self.buckets
    }

    /// What the export says is to be removed, in the order of the keys' places.
    pub fn removals(&self) -> &[(Removal, Origin)] {
        &self.removals
    }

    /// What is wrong or odd.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// To add what is found later.
    pub fn findings_mut(&mut self) -> &mut Findings {
        &mut self.findings
    }

    /// How many records of each kind.
    pub fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    /// How many records.
    pub fn len(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Whether it has no record.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The re-keys that the export announces, sorted: what its records say and what no record says.
    pub fn former_keys(&self) -> &[FormerKey] {
        &self.former_keys
    }

    /// The keys of its persons.
    pub fn persons(&self) -> &KeySet {
        &self.persons
    }

    /// The keys of its courses.
    pub fn courses(&self) -> &KeySet {
        &self.courses
    }

    /// The digest of mode, records, removals and re-keys that no record says: two exports with the same one say the same,
    /// however their files differ. Origins and findings do not count.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// All records in the order of their places, still encoded.
    pub fn packed(&self) -> impl Iterator<Item = Result<PackedRecord<'_>, DecodeError>> + '_ {
        self.buckets.iter().flat_map(Packed::iter)
    }

    /// All records in the order of their places.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, DecodeError>> + '_ {
        self.packed().map(|packed| decode(&packed?))
    }

    /// The same export with other records, for instance under other keys: each goes through
    /// `record`, each removal through `removal`, and what comes back as `None` is left out.
    pub fn map(
        self,
        mut record: impl FnMut(Entry) -> Option<Entry>,
        mut removal: impl FnMut(Removal) -> Option<Removal>,
    ) -> Result<Self, DecodeError> {
        let mut builder = SnapshotBuilder::new(self.mode);
        for file in &self.files {
            builder.add_file(file);
        }
        self.rekeys.into_iter().for_each(|change| builder.rekey(change));
        for (kept, origin) in self.removals {
            if let Some(kept) = removal(kept) {
                builder.removal(kept, origin);
            }
        }
        for bucket in self.buckets {
            for packed in bucket.iter() {
                if let Some(entry) = record(decode(&packed?)?) {
                    builder.record(entry.record, entry.origin);
                }
            }
        }
        let mut mapped = builder.finish()?;
        let later = std::mem::replace(&mut mapped.findings, self.findings);
        mapped.findings.merge(later);
        Ok(mapped)
    }
}

fn decode(packed: &PackedRecord<'_>) -> Result<Entry, DecodeError> {
    Ok(Entry { record: packed.decode()?, origin: Origin::decode(packed.side)? })
}

#[cfg(test)]
mod tests;
