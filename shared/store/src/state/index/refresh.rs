//! Bringing an index up to its state: what differs is added, and once it no longer fits it is made
//! anew from the state.

use ambient::Timestamp;
use futures::{StreamExt, TryStreamExt, stream};

use super::hint::{self, Sides};
use super::{MAX_PIECES, changed, sorted};
use crate::state::manifest::{BucketRef, Head, MAX_BITS, Manifest, first_hash};
use crate::state::names::{Scope, StateName};
use crate::state::segment::damaged;
use crate::state::states::States;
use crate::{StoreError, Stores, Write};

/// Hints that go into one bucket: about 40 KB.
const PER_BUCKET: usize = 8192;
/// How many buckets are read or written at a time.
const PARALLEL: usize = 8;

/// Makes the index of the state `name` speak for its newest generation. Where it does already,
/// nothing is written. `lease` is the check of the caller's lease.
pub async fn refresh(
    stores: &Stores,
    scope: &Scope,
    name: &StateName,
    now: Timestamp,
    lease: Write,
) -> Result<(), StoreError> {
    let states = States::new(stores, scope.clone());
    let newest = states.newest(name).await?.manifest;
    let index = name.index();
    let base = states.newest(&index).await?;
    let covers = base.manifest.head.covers;
    let holds = base.version > 0 && base.manifest.head.hinted == hint::RULES;
    if newest.head.generation == 0 || (holds && covers == newest.head.generation) {
        return Ok(());
    }
    let then = match holds {
        false => None,
        true => states.generation(name, covers).await?,
    };
    let work = Work { states: &states, name, index: &index };
    let mut next = match then {
        Some(then) if then.bits == newest.bits && !is_crowded(&base.manifest) => {
            let added = work.added(&then, &newest).await?;
            work.add(base.manifest.clone(), &added).await?
        }
        _ => work.anew(&newest).await?,
    };
    next.head.generation = base.manifest.head.generation + 1;
    next.head.run.clone_from(&newest.head.run);
    next.head.published = now;
    next.head.covers = newest.head.generation;
    next.head.hinted = hint::RULES;
    let mut writes = states.replacement(&index, &base, &next)?;
    writes.push(lease);
    stores.table.transact(writes).await
}

/// Whether so many hints have come together that it wants more buckets; many of them are out of
/// date by then.
fn is_crowded(index: &Manifest) -> bool {
    let most = (PER_BUCKET as u64 * 4) << index.bits;
    index.head.raw > most
}

struct Work<'a> {
    states: &'a States,
    name: &'a StateName,
    index: &'a StateName,
}

impl Work<'_> {
    /// The hints of a bucket of the state, sorted.
    async fn hints(&self, manifest: &Manifest, bucket: usize) -> Result<Vec<u64>, StoreError> {
        let packed = self.states.load_bucket(self.name, manifest, bucket).await?;
        let sides = match self.name {
            StateName::Applied(_) => Sides::Meta,
            _ => Sides::Origins,
        };
        let mut hints = Vec::new();
        for record in packed.iter() {
            record
                .and_then(|record| hint::of(record, sides, &mut hints))
                .map_err(|error| damaged("a bucket's record", &error))?;
        }
        hints.sort_unstable();
        hints.dedup();
        Ok(hints)
    }

    /// What `now` has and `then` did not have, sorted.
    async fn added(&self, then: &Manifest, now: &Manifest) -> Result<Vec<u64>, StoreError> {
        let buckets: Vec<usize> = changed(then, now).collect();
        let each = buckets.into_iter().map(|bucket| async move {
            let before = self.hints(then, bucket).await?;
            let mut after = self.hints(now, bucket).await?;
            after.retain(|hint| before.binary_search(hint).is_err());
            Ok::<_, StoreError>(after)
        });
        let added: Vec<Vec<u64>> = stream::iter(each).buffered(PARALLEL).try_collect().await?;
        let mut added: Vec<u64> = added.into_iter().flatten().collect();
        added.sort_unstable();
        added.dedup();
        Ok(added)
    }

    /// Adds sorted hints, a small segment to each bucket that they fall into.
    async fn add(&self, mut index: Manifest, added: &[u64]) -> Result<Manifest, StoreError> {
        let bits = index.bits;
        let base = &index;
        let parts =
            added.chunk_by(|a, b| base.bucket_of(hint::home(*a)) == base.bucket_of(hint::home(*b)));
        let each = parts.map(|part| async move {
            let bucket = base.bucket_of(hint::home(part[0]));
            let known = &base.buckets[bucket];
            if known.segments.len() < MAX_PIECES {
                let new = self.write(first_hash(bucket, bits), part).await?;
                let segments = known.segments.iter().chain(&new.segments).copied().collect();
                return Ok((bucket, BucketRef { digest: new.digest, segments }, part.len() as i64));
            }
            let before = self.states.load_bucket(self.index, base, bucket).await?;
            let mut all = sorted(&before)?;
            let held = all.len() as i64;
            all.extend_from_slice(part);
            all.sort_unstable();
            all.dedup();
            let grown = all.len() as i64 - held;
            let entry = self.write(first_hash(bucket, bits), &all).await?;
            Ok::<_, StoreError>((bucket, entry, grown))
        });
        let written: Vec<_> = stream::iter(each).buffered(PARALLEL).try_collect().await?;
        for (bucket, entry, grown) in written {
            index.buckets[bucket] = entry;
            index.head.raw = index.head.raw.saturating_add_signed(grown);
        }
        Ok(index)
    }

    /// A new index of all that the state holds.
    async fn anew(&self, now: &Manifest) -> Result<Manifest, StoreError> {
        let each = (0..now.buckets.len()).map(|bucket| self.hints(now, bucket));
        let mut all = Vec::new();
        let mut buckets = stream::iter(each).buffered(PARALLEL);
        while let Some(hints) = buckets.try_next().await? {
            all.extend(hints);
        }
        drop(buckets);
        all.sort_unstable();
        all.dedup();
        let mut bits = 0;
        while bits < MAX_BITS && all.len() >> bits > PER_BUCKET {
            bits += 1;
        }
        let head = Head { raw: all.len() as u64, ..Head::default() };
        let buckets = vec![BucketRef::default(); 1 << bits];
        let mut index = Manifest { head, bits, buckets };
        let base = index.clone();
        let parts =
            all.chunk_by(|a, b| base.bucket_of(hint::home(*a)) == base.bucket_of(hint::home(*b)));
        let each = parts.map(|part| {
            let bucket = base.bucket_of(hint::home(part[0]));
            async move {
                Ok::<_, StoreError>((bucket, self.write(first_hash(bucket, bits), part).await?))
            }
        });
        let written: Vec<_> = stream::iter(each).buffered(PARALLEL).try_collect().await?;
        for (bucket, entry) in written {
            index.buckets[bucket] = entry;
        }
        Ok(index)
    }

    async fn write(&self, first_hash: u64, hints: &[u64]) -> Result<BucketRef, StoreError> {
        self.states.write_bucket(self.index, first_hash, &hint::pack(hints)).await
    }
}
