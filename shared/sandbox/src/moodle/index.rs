//! Compact look-up from a text to the ids of the rows that have it.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Hashes and row ids, eight bytes each; the texts stay in the rows.
///
/// A look-up gives candidates, which the caller compares with the rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    table: HashTable<(u32, u32)>,
}

impl Index {
    pub(super) fn insert(&mut self, key: &str, id: u32) {
        let hash = short_hash(key);
        self.table.insert_unique(spread(hash), (hash, id), |(hash, _)| spread(*hash));
    }

    pub(super) fn remove(&mut self, key: &str, id: u32) {
        let hash = short_hash(key);
        if let Ok(entry) = self.table.find_entry(spread(hash), |entry| *entry == (hash, id)) {
            entry.remove();
        }
    }

    /// The ids of all rows that may have `key`, in no order.
    pub(super) fn candidates(&self, key: &str) -> impl Iterator<Item = u32> {
        let hash = short_hash(key);
        self.table.iter_hash(spread(hash)).filter(move |entry| entry.0 == hash).map(|entry| entry.1)
    }
}

fn short_hash(key: &str) -> u32 {
    (xxh3_64(key.as_bytes()) >> 32) as u32
}

/// The table uses the top bits of a hash for its tags and the low ones for the place.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
