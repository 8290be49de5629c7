//! The one order in which records are kept, compared and planned.
//!
//! Records are ordered by the hash of their owner, then owner, then key. A bucket is a range of
//! that hash, so states with different bucket counts still stream in the same order and can be
//! merge-joined.

use std::cmp::Ordering;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Key, Owner};

/// The hash of an owner. Stored states are ordered by it: it must never change.
pub fn owner_hash(owner: Owner<'_>) -> u64 {
    xxh3_64_with_seed(owner.id.as_bytes(), owner.kind as u64)
}

/// A record's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// [`owner_hash`] of the key's owner.
    pub hash: u64,
    /// The key.
    pub key: &'a Key,
}

impl<'a> Place<'a> {
    /// The place of `key`.
    pub fn of(key: &'a Key) -> Self {
        Self { hash: owner_hash(key.owner()), key }
    }
}

impl Ord for Place<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.hash
            .cmp(&other.hash)
            .then_with(|| self.key.owner().cmp(&other.key.owner()))
            .then_with(|| self.key.cmp(other.key))
    }
}

impl PartialOrd for Place<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Something that has a place: what a merge-join runs over.
pub trait Placed {
    /// Its place.
    fn place(&self) -> Place<'_>;
}
