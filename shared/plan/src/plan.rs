//! The plan: an immutable, ordered list of changes with a part to deliver and a part that is held.

use std::collections::BTreeMap;

use roster::{DecodeError, Kind, Text};

use crate::{Action, Change, HoldReason};

/// How many changes of each kind and action.
pub type Counts = BTreeMap<Kind, BTreeMap<Action, u64>>;

/// A checksum over key, action, before, after and configuration version of each change; not over
/// run, origin or time. 32 hexadecimal digits when shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub [u8; 16]);

/// Changes in the order of delivery, encoded: a plan of millions stays near its packed size.
///
/// A list is what [`crate::Batch`] holds and what plans are made of; see [`ChangeList::iter`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeList {
    pub(crate) count: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What a plan says before any of its changes is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Version of the configuration that it was made with.
    pub config_version: Text,
    /// The export's files: an origin's `file` is a place in this list.
    pub files: Vec<Text>,
    /// What is to be delivered.
    pub counts: Counts,
    /// What is held.
    pub held_counts: Counts,
    /// Over the part to deliver.
    pub checksum: Checksum,
    /// Over the held part; `None` where nothing is held.
    pub held_checksum: Option<Checksum>,
    /// Records that stay parked: the LMS refused what is still wanted, unchanged.
    pub parked: u64,
    /// Records that wait for another record which the LMS does not hold.
    pub deferred: u64,
    /// Records in the LMS that stay as they are because the course they belong to is gone from
    /// the source and was put aside, not deleted.
    pub kept: u64,
    /// Wanted records of kinds that the target does not hold.
    pub unsupported: BTreeMap<Kind, u64>,
    /// Estimated LMS calls.
    pub calls: u64,
    /// Estimated time of delivery, in milliseconds.
    pub millis: u64,
}

/// A plan. Only [`crate::diff`](crate) and loading a stored one make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it says in short.
    pub summary: Summary,
    /// What is to be delivered, in order.
    pub deliver: ChangeList,
    /// What is held, in the same order, each with its reason beside it.
    pub held: ChangeList,
    /// The reasons, one for each change of `held`.
    pub reasons: Vec<HoldReason>,
}

impl ChangeList {
    /// How many changes.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The changes, decoded one by one. After an error it ends.
    pub fn iter(&self) -> impl Iterator<Item = Result<Change, DecodeError>> + '_ {
        crate::change::decode_all(&self.bytes, self.count)
    }

    /// Each as its bytes. After an error it ends.
    pub(crate) fn raw(&self) -> impl Iterator<Item = Result<&[u8], DecodeError>> {
        let (mut from, mut left) = (roster::Decoder::new(&self.bytes), self.count);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let raw = from.bytes();
            if raw.is_err() {
                left = 0;
            }
            Some(raw)
        })
    }

    /// What can be read of them without decoding records.
    pub(crate) fn outlines(&self) -> crate::change::Outlines<'_> {
        crate::change::Outlines::new(&self.bytes, self.count)
    }
}
