//! Writing a new generation of a state: what did not change is named again, the rest is written.

use std::collections::BTreeMap;

use roster::{Kind, Packed, PackedRecord, Place};

use super::manifest::{BucketRef, Head, Manifest, bucket_of, first_hash};
use super::names::StateName;
use super::segment::damaged;
use super::states::{States, short_digest};
use crate::StoreError;

/// Takes records in the order of [`Place`] and writes the buckets that they make.
pub struct Rewriter<'a> {
    states: &'a States,
    name: &'a StateName,
    base: &'a Manifest,
    bits: u8,
    done: Vec<BucketRef>,
    current: Packed,
    counts: BTreeMap<Kind, u64>,
    raw: u64,
}

/// Which of a bucket's bytes decide whether it is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// Equal records are enough: what stands beside them keeps its first form (a source's
    /// origins).
    ByRecords,
    /// Everything counts (what is known of a record in the LMS).
    Never,
}

impl<'a> Rewriter<'a> {
    /// Starts a generation after `base` with 2^`bits` buckets.
    pub fn new(states: &'a States, name: &'a StateName, base: &'a Manifest, bits: u8) -> Self {
        Self {
            states,
            name,
            base,
            bits,
            done: Vec::with_capacity(1 << bits),
            current: Packed::default(),
            counts: BTreeMap::new(),
            raw: 0,
        }
    }

    /// Takes the next record.
    pub async fn push(
        &mut self,
        record: PackedRecord<'_>,
        side: &[u8],
        unchanged: Unchanged,
    ) -> Result<(), StoreError> {
        let key = record.key().map_err(|error| damaged("a record", &error))?;
        let bucket = bucket_of(Place::of(&key).hash, self.bits);
        while self.done.len() < bucket {
            self.flush(unchanged).await?;
        }
        *self.counts.entry(key.kind()).or_default() += 1;
        self.current.push(record.record, side);
        Ok(())
    }

    async fn flush(&mut self, unchanged: Unchanged) -> Result<(), StoreError> {
        let bucket = std::mem::take(&mut self.current);
        self.raw += bucket.size() as u64;
        let at = self.done.len();
        let same = unchanged == Unchanged::ByRecords
            && self.bits == self.base.bits
            && !bucket.is_empty()
            && !self.base.buckets[at].segments.is_empty()
            && self.base.buckets[at].digest == short_digest(&bucket);
        let entry = if same {
            self.base.buckets[at].clone()
        } else if bucket.is_empty() {
            BucketRef::default()
        } else {
            self.states.write_bucket(self.name, first_hash(at, self.bits), &bucket).await?
        };
        self.done.push(entry);
        Ok(())
    }

    /// Writes what is left.
    pub async fn finish(mut self, unchanged: Unchanged) -> Result<Finished, StoreError> {
        while self.done.len() < 1 << self.bits {
            self.flush(unchanged).await?;
        }
        Ok(Finished { bits: self.bits, buckets: self.done, counts: self.counts, raw: self.raw })
    }
}

/// What a [`Rewriter`] wrote.
#[derive(Debug)]
pub struct Finished {
    /// There are 2^`bits` buckets.
    pub bits: u8,
    /// The buckets.
    pub buckets: Vec<BucketRef>,
    /// Records of each kind.
    pub counts: BTreeMap<Kind, u64>,
    /// Raw bytes.
    pub raw: u64,
}

impl Finished {
    /// The manifest under `head`.
    pub fn into_manifest(self, head: Head) -> Manifest {
        Manifest { head, bits: self.bits, buckets: self.buckets }
    }

    /// Whether it names the same buckets as `base`.
    pub fn equals(&self, base: &Manifest) -> bool {
        self.bits == base.bits && self.buckets == base.buckets
    }
}
