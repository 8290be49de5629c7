//! Reading and writing states: segments first, then one conditional write that publishes them.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use roster::{DecodeError, Packed, PackedRecord};

use super::manifest::{BucketRef, MAX_BITS, Manifest, first_hash};
use super::names::{Scope, StateName};
use super::segment::{self, Segment, SegmentName, hex};
use crate::{Condition, Item, ItemKey, StoreError, Stores, Table, Write};

/// How many segments are read or written at a time.
const PARALLEL: usize = 8;
/// How many earlier generations stay readable, for undo and time travel.
pub const KEPT_GENERATIONS: u64 = 10;
/// How many times more buckets than any kept generation has are looked through for garbage, in
/// powers of two.
const SPARE_BITS: u8 = 2;
/// How many items are deleted in one transaction, the lease's check beside them.
const DELETED_AT_ONCE: usize = 50;

/// A manifest as it is stored, with the version that the next publication must find.
#[derive(Debug, Clone)]
pub struct Published {
    /// The manifest.
    pub manifest: Manifest,
    /// 0 where nothing has been published yet.
    pub version: u64,
}

/// A state's segments in memory, still compressed: buckets decode one at a time.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    buckets: Vec<Vec<Segment>>,
}

impl Loaded {
    /// The bucket's run, decoded.
    pub fn bucket(&self, bucket: usize) -> Result<Packed, StoreError> {
        join(self.buckets.get(bucket).map(Vec::as_slice).unwrap_or_default())
    }

    /// Runs over all buckets in order, one in memory at a time, and hands each record to `each`.
    pub fn for_each(
        &self,
        mut each: impl FnMut(PackedRecord<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), StoreError> {
        for bucket in 0..self.buckets.len() {
            for record in self.bucket(bucket)?.iter() {
                record
                    .and_then(&mut each)
                    .map_err(|error| segment::damaged("a bucket's record", &error))?;
            }
        }
        Ok(())
    }

    /// The records in order, each decoded by `decode`; one bucket in memory at a time.
    pub fn iter<'a, T: 'a>(
        &'a self,
        decode: impl Fn(PackedRecord<'_>) -> Result<T, DecodeError> + 'a,
    ) -> impl Iterator<Item = Result<T, StoreError>> + 'a {
        (0..self.buckets.len()).flat_map(move |bucket| {
            let decoded: Result<Vec<_>, _> = self.bucket(bucket).and_then(|packed| {
                let records = packed.iter().map(|record| record.and_then(&decode));
                records
                    .collect::<Result<Vec<T>, _>>()
                    .map_err(|error| segment::damaged("a bucket's record", &error))
            });
            let (good, bad) = match decoded {
                Ok(records) => (records, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            good.into_iter().map(Ok).chain(bad)
        })
    }
}

fn join(segments: &[Segment]) -> Result<Packed, StoreError> {
    let mut whole = Packed::default();
    for (at, piece) in segments.iter().enumerate() {
        let part = segment::decompress(piece.name, &piece.bytes)?;
        if at == 0 {
            whole = part;
            continue;
        }
        for record in part.iter() {
            let record = record.map_err(|error| segment::damaged("a segment", &error))?;
            whole.push(record.record, record.side);
        }
    }
    Ok(whole)
}

/// The states of one integration.
#[derive(Clone)]
pub struct States {
    table: Arc<dyn Table>,
    scope: Scope,
}

impl States {
    /// The states of `scope` in `stores`.
    pub fn new(stores: &Stores, scope: Scope) -> Self {
        Self { table: Arc::clone(&stores.table), scope }
    }

    /// The newest generation; an empty one where there is none.
    pub async fn newest(&self, name: &StateName) -> Result<Published, StoreError> {
        match self.table.get(&self.manifest_key(name)).await? {
            None => Ok(Published { manifest: Manifest::default(), version: 0 }),
            Some(item) => {
                Ok(Published { manifest: Manifest::from_bytes(&item.body)?, version: item.version })
            }
        }
    }

    /// An earlier generation, where it is still kept.
    pub async fn generation(
        &self,
        name: &StateName,
        generation: u64,
    ) -> Result<Option<Manifest>, StoreError> {
        let newest = self.newest(name).await?;
        if newest.manifest.head.generation == generation {
            return Ok(Some(newest.manifest));
        }
        let item = self.table.get(&self.old_manifest_key(name, generation)).await?;
        item.map(|item| Manifest::from_bytes(&item.body)).transpose()
    }

    /// Every kept generation with the item that it is stored in, the newest first.
    pub(super) async fn kept(&self, name: &StateName) -> Result<Vec<(Item, Manifest)>, StoreError> {
        let newest = self.table.get(&self.manifest_key(name)).await?;
        let mut items: Vec<Item> = newest.into_iter().collect();
        let prefix = format!("old-manifest/{}/", name.slug());
        let mut after: Option<String> = None;
        loop {
            let page = self.table.query(&self.scope.path(), &prefix, after.as_deref(), 100).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let read = |item: Item| Ok((item.clone(), Manifest::from_bytes(&item.body)?));
        items.into_iter().map(read).collect()
    }

    /// The names of all states that are stored, of sources and targets that are no longer
    /// configured too.
    pub async fn names(&self) -> Result<Vec<StateName>, StoreError> {
        let (mut names, mut after) = (Vec::new(), None::<String>);
        loop {
            let prefix = "manifest/";
            let page = self.table.query(&self.scope.path(), prefix, after.as_deref(), 100).await?;
            let slugs = page.items.iter().filter_map(|item| item.key.sk.strip_prefix(prefix));
            names.extend(slugs.filter_map(StateName::of_slug));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(names),
            }
        }
    }

    /// All segments of a state.
    pub async fn load(&self, name: &StateName, manifest: &Manifest) -> Result<Loaded, StoreError> {
        let all: Vec<usize> = (0..manifest.buckets.len()).collect();
        let buckets = stream::iter(all)
            .map(|bucket| self.load_segments(name, manifest, bucket))
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        Ok(Loaded { buckets })
    }

    /// One bucket's run.
    pub async fn load_bucket(
        &self,
        name: &StateName,
        manifest: &Manifest,
        bucket: usize,
    ) -> Result<Packed, StoreError> {
        join(&self.load_segments(name, manifest, bucket).await?)
    }

    async fn load_segments(
        &self,
        name: &StateName,
        manifest: &Manifest,
        bucket: usize,
    ) -> Result<Vec<Segment>, StoreError> {
        let mut segments = Vec::new();
        for piece in &manifest.buckets[bucket].segments {
            let key = self.segment_key(name, manifest.first_hash(bucket), *piece);
            let item = self.table.get(&key).await?.ok_or_else(|| StoreError::Damaged {
                what: format!("segment {}", piece.hex()),
                reason: "it is missing".into(),
            })?;
            segments.push(Segment { name: *piece, bytes: item.body });
        }
        Ok(segments)
    }

    /// Writes a bucket's segments and says how the manifest is to name them. Nothing refers to
    /// them until a manifest is published.
    pub async fn write_bucket(
        &self,
        name: &StateName,
        first_hash: u64,
        bucket: &Packed,
    ) -> Result<BucketRef, StoreError> {
        let mut entry = BucketRef { digest: short_digest(bucket), segments: Vec::new() };
        for piece in segment::compress(bucket)? {
            let key = self.segment_key(name, first_hash, piece.name);
            match self.table.put(&key, piece.bytes, Condition::Absent).await {
                Ok(_) => {}
                // The name is the content's digest: it is there already.
                Err(error) if error.is_condition_failed() => {}
                Err(error) => return Err(error),
            }
            entry.segments.push(piece.name);
        }
        Ok(entry)
    }

    /// The writes that make `next` the newest generation after `base` and keep `base` readable.
    /// They go into one transaction, with whatever else must be true at the same moment.
    pub fn publication(
        &self,
        name: &StateName,
        base: &Published,
        next: &Manifest,
    ) -> Result<Vec<Write>, StoreError> {
        let condition = match base.version {
            0 => Condition::Absent,
            version => Condition::Version(version),
        };
        let mut writes = vec![Write::Put {
            key: self.manifest_key(name),
            body: next.to_bytes()?,
            condition,
            expires: None,
        }];
        if base.version > 0 {
            writes.push(Write::Put {
                key: self.old_manifest_key(name, base.manifest.head.generation),
                body: base.manifest.to_bytes()?,
                condition: Condition::Any,
                expires: None,
            });
        }
        Ok(writes)
    }

    /// The writes that make `next` the newest generation after `base` without keeping `base`: for
    /// what is derived.
    pub(super) fn replacement(
        &self,
        name: &StateName,
        base: &Published,
        next: &Manifest,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = self.publication(name, base, next)?;
        // The second write, where there is one, keeps `base` readable.
        writes.truncate(1);
        Ok(writes)
    }

    /// Publishes `next` and nothing else.
    pub async fn publish(
        &self,
        name: &StateName,
        base: &Published,
        next: &Manifest,
    ) -> Result<(), StoreError> {
        self.table.transact(self.publication(name, base, next)?).await
    }

    /// Deletes generations beyond [`KEPT_GENERATIONS`] and every segment that no kept generation
    /// names; segments of a fold that died go with the rest. Returns how many segments went.
    ///
    /// `lease` is the check of the caller's lease. Every deletion is made under it: whoever takes
    /// the lease over may write and name segments that this process does not know of.
    pub async fn collect_garbage(
        &self,
        name: &StateName,
        lease: &Write,
    ) -> Result<u64, StoreError> {
        let newest = self.newest(name).await?;
        let mut kept = vec![newest.manifest.clone()];
        let mut old = Vec::new();
        let mut after: Option<String> = None;
        let prefix = format!("old-manifest/{}/", name.slug());
        loop {
            let page = self.table.query(&self.scope.path(), &prefix, after.as_deref(), 100).await?;
            for item in page.items {
                let manifest = Manifest::from_bytes(&item.body)?;
                let age = newest.manifest.head.generation.saturating_sub(manifest.head.generation);
                if age > KEPT_GENERATIONS {
                    old.push(item);
                } else {
                    kept.push(manifest);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        self.delete_under(lease, old).await?;
        self.delete_segments_outside(name, &kept, lease).await
    }

    async fn delete_segments_outside(
        &self,
        name: &StateName,
        kept: &[Manifest],
        lease: &Write,
    ) -> Result<u64, StoreError> {
        let keys = |(hash, piece): (u64, SegmentName)| self.segment_key(name, hash, piece);
        let named: std::collections::BTreeSet<ItemKey> =
            kept.iter().flat_map(|manifest| manifest.segments().map(keys)).collect();
        let most = kept.iter().map(|manifest| manifest.bits).max().unwrap_or(0);
        // The partitions of fewer buckets are among those of more. A fold that died while it made
        // more of them is found once a later one has done it.
        let bits = most.saturating_add(SPARE_BITS).min(MAX_BITS);
        let mut deleted = 0;
        for bucket in 0..1usize << bits {
            let pk = self.scope.bucket_pk(name, first_hash(bucket, bits));
            let mut after: Option<String> = None;
            loop {
                let page = self.table.query(&pk, "segment/", after.as_deref(), 1000).await?;
                let gone: Vec<Item> =
                    page.items.into_iter().filter(|item| !named.contains(&item.key)).collect();
                deleted += gone.len() as u64;
                self.delete_under(lease, gone).await?;
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(deleted)
    }

    async fn delete_under(&self, lease: &Write, items: Vec<Item>) -> Result<(), StoreError> {
        for part in items.chunks(DELETED_AT_ONCE) {
            let delete = |item: &Item| Write::Delete {
                key: item.key.clone(),
                condition: Condition::Version(item.version),
            };
            let writes = std::iter::once(lease.clone()).chain(part.iter().map(delete));
            self.table.transact(writes.collect()).await?;
        }
        Ok(())
    }

    fn manifest_key(&self, name: &StateName) -> ItemKey {
        self.scope.item(format!("manifest/{}", name.slug()))
    }

    fn old_manifest_key(&self, name: &StateName, generation: u64) -> ItemKey {
        self.scope.item(format!("old-manifest/{}/{generation:010}", name.slug()))
    }

    pub(super) fn segment_key(
        &self,
        name: &StateName,
        first_hash: u64,
        piece: SegmentName,
    ) -> ItemKey {
        ItemKey::new(self.scope.bucket_pk(name, first_hash), format!("segment/{}", hex(&piece.0)))
    }
}

/// Half of a bucket's digest: enough to tell that it changed.
pub fn short_digest(bucket: &Packed) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&bucket.digest()[..16]);
    digest
}
