//! Indexes: in which buckets of a state to look for a user name, an address, an LMS id, or for
//! what is said of a person elsewhere, so that a trace reads a handful of items.
//!
//! An index is derived from its state and never decides anything. What it gives are hints: whoever
//! follows one reads the bucket and looks whether the record is there. So a hint that is out of
//! date costs a read and does no harm, nothing needs to be taken out when a record changes, and an
//! index can be missing, old or thrown away: buckets that it does not speak for are looked through.
//!
//! It is kept as a state is: hints in buckets by the hash of what is looked for, each bucket a list
//! of immutable segments. What a night adds is one small segment for each bucket that it touches;
//! once a bucket has [`MAX_PIECES`] of them they become one.
//!
//! **Never:** no name, address or key is in an index, only parts of their hashes.

mod hint;
mod refresh;

use std::collections::BTreeSet;

use roster::Packed;

pub use hint::{Term, names};
pub use refresh::refresh;

use super::manifest::{Manifest, bucket_of};
use super::names::StateName;
use super::states::States;
use crate::StoreError;

/// So many segments a bucket of an index has at most before they are made one.
const MAX_PIECES: usize = 8;

/// The index of one state, for one generation of it.
pub struct Index {
    states: States,
    name: StateName,
    bits: u8,
    /// `None` where there is no index.
    hints: Option<Manifest>,
    /// Buckets of the state that the index does not speak for.
    unknown: Vec<usize>,
    total: usize,
}

impl Index {
    /// The index of the state `name`, whose generation is `now`.
    pub async fn open(
        states: &States,
        name: &StateName,
        now: &Manifest,
    ) -> Result<Self, StoreError> {
        let (states, name) = (states.clone(), name.clone());
        let found = states.newest(&name.index()).await?;
        let (bits, total) = (now.bits, now.buckets.len());
        let all = || (0..total).collect();
        let mut index = Self { states, name, bits, hints: None, unknown: Vec::new(), total };
        if found.version == 0 || found.manifest.head.hinted != hint::RULES {
            index.unknown = all();
            return Ok(index);
        }
        let covers = found.manifest.head.covers;
        index.hints = Some(found.manifest);
        if covers == now.head.generation {
            return Ok(index);
        }
        let then = index.states.generation(&index.name, covers).await?;
        index.unknown = match then.filter(|then| then.bits == now.bits) {
            None => all(),
            Some(then) => changed(&then, now).collect(),
        };
        Ok(index)
    }

    /// Whether every bucket is indexed: nothing is looked through that need not be.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }

    /// How many buckets are not indexed, and are looked through whatever is looked for.
    pub fn unknown(&self) -> usize {
        self.unknown.len()
    }

    /// The buckets of the state in which there may be something for `term`, in order.
    pub async fn buckets(&self, term: Term<'_>) -> Result<Vec<usize>, StoreError> {
        let mut buckets: BTreeSet<usize> = self.unknown.iter().copied().collect();
        let Some(manifest) = self.hints.as_ref().filter(|_| buckets.len() < self.total) else {
            return Ok(buckets.into_iter().collect());
        };
        let bucket = manifest.bucket_of(term.hash());
        let packed = match self.states.load_bucket(&self.name.index(), manifest, bucket).await {
            Ok(packed) => packed,
            // Made anew since it was opened, and cleared: then every bucket is looked through.
            Err(StoreError::Damaged { .. }) => return Ok((0..self.total).collect()),
            Err(error) => return Err(error),
        };
        hint::each(&packed, &mut |hint| {
            if hint::is_for(hint, term) {
                buckets.insert(bucket_of(hint::place(hint), self.bits));
            }
        })?;
        Ok(buckets.into_iter().collect())
    }
}

/// The buckets that differ between two generations with the same number of them.
fn changed<'a>(then: &'a Manifest, now: &'a Manifest) -> impl Iterator<Item = usize> + 'a {
    let pairs = then.buckets.iter().zip(&now.buckets).enumerate();
    pairs.filter(|(_, (then, now))| then.segments != now.segments).map(|(bucket, _)| bucket)
}

/// The hints of a bucket, or of several of its segments, in order and each once.
fn sorted(packed: &Packed) -> Result<Vec<u64>, StoreError> {
    let mut hints = Vec::new();
    hint::each(packed, &mut |hint| hints.push(hint))?;
    hints.sort_unstable();
    hints.dedup();
    Ok(hints)
}
