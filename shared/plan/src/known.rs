//! What the run knows of records beyond the one at hand: which of them the LMS will have, and who
//! holds which name. Hashes, not records, so that it stays near ten bytes a record.

use hashbrown::HashMap;
use roster::{AssociationKind, Key, Kind, Owner, owner_hash};

/// The hash of a record that others refer to. Two ids that share one are taken for the same when
/// asked whether something is there, and for nothing else.
pub(crate) fn id_hash(kind: Kind, id: &str) -> u64 {
    owner_hash(Owner { kind, id })
}

/// The hash of a group, which is one only within its course.
pub(crate) fn group_hash(course: &str, group: &str) -> u64 {
    id_hash(Kind::Course, course).rotate_left(17) ^ id_hash(Kind::Group, group)
}

/// The hash of a key that others can refer to.
pub(crate) fn key_hash(key: &Key) -> Option<u64> {
    match key {
        Key::Term(_) | Key::OrgUnit(_) | Key::Person(_) | Key::Course(_) => {
            Some(owner_hash(key.owner()))
        }
        Key::Group { course, group } => Some(group_hash(course.as_str(), group.as_str())),
        _ => None,
    }
}

/// The records that the one of `key` must find in the LMS before it can be there itself.
pub(crate) fn references(key: &Key) -> Vec<Key> {
    match key {
        Key::Term(_) | Key::OrgUnit(_) | Key::Person(_) | Key::Course(_) => Vec::new(),
        Key::Group { course, .. } => vec![Key::Course(course.clone())],
        Key::Enrollment { course, person } => {
            vec![Key::Course(course.clone()), Key::Person(person.clone())]
        }
        Key::GroupMember { course, group, person } => vec![
            Key::Course(course.clone()),
            Key::Group { course: course.clone(), group: group.clone() },
            Key::Person(person.clone()),
        ],
        Key::Association { kind, from, to } => {
            let (from, to) = (from.clone(), to.clone());
            let from = match kind {
                AssociationKind::PersonOrgUnit => Key::Person(from.into()),
                _ => Key::Course(from.into()),
            };
            let to = match kind {
                AssociationKind::CourseCourse => Key::Course(to.into()),
                _ => Key::OrgUnit(to.into()),
            };
            vec![from, to]
        }
        Key::Observer { person, observer } => {
            vec![Key::Person(person.clone()), Key::Person(observer.clone())]
        }
    }
}

/// The same, as hashes only and without allocation: what millions of drafts are checked by.
pub(crate) fn reference_hashes(key: &Key) -> [Option<u64>; 3] {
    match key {
        Key::Enrollment { course, person } => [
            Some(id_hash(Kind::Course, course.as_str())),
            Some(id_hash(Kind::Person, person.as_str())),
            None,
        ],
        Key::GroupMember { course, group, person } => [
            Some(id_hash(Kind::Course, course.as_str())),
            Some(id_hash(Kind::Person, person.as_str())),
            Some(group_hash(course.as_str(), group.as_str())),
        ],
        _ => {
            let mut hashes = [None; 3];
            for (slot, other) in hashes.iter_mut().zip(references(key)) {
                *slot = key_hash(&other);
            }
            hashes
        }
    }
}

/// What is known of a record that others refer to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing(u8);

impl Standing {
    /// The source wants it.
    pub(crate) const WANTED: Self = Self(1);
    /// The LMS has it.
    pub(crate) const THERE: Self = Self(2);
    /// A change of this run makes it.
    pub(crate) const COMING: Self = Self(4);
    /// A change of this run takes it away, and nobody wants it.
    pub(crate) const GOING: Self = Self(8);
    /// The change that makes it is held.
    pub(crate) const STUCK: Self = Self(16);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Whether what refers to it can be made in this run.
    pub(crate) fn is_available(self) -> bool {
        (self.has(Self::THERE) && !self.has(Self::GOING)) || self.has(Self::COMING)
    }
}

/// The standing of all terms, org units, persons, courses and groups.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<u64, Standing>);

impl Known {
    pub(crate) fn get(&self, hash: u64) -> Standing {
        self.0.get(&hash).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, hash: u64, standing: Standing) {
        self.0.entry(hash).or_default().add(standing);
    }

    pub(crate) fn remove(&mut self, hash: u64, standing: Standing) {
        self.0.entry(hash).or_default().remove(standing);
    }
}
