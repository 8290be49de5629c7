//! History: what every fold did to each record, by bucket, so that a trace needs a few reads.
//!
//! An entry is small: which run, batch and place in the batch, what was done and what became of
//! it. The plan's batch object holds the rest (before, after, origin).

use roster::{DecodeError, Decoder, Key, Place, Text, put_bytes, put_varint};

use super::manifest::{MAX_BITS, bucket_of, first_hash};
use super::names::{Scope, StateName};
use super::segment::damaged;
use crate::port::MAX_BODY;
use crate::{Condition, ItemKey, StoreError, Stores, Write};

/// One thing that was done to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Which record.
    pub key: Key,
    /// In which run.
    pub run: Text,
    /// In which batch of its plan.
    pub batch: u64,
    /// Its place in the batch.
    pub index: u32,
    /// What was done: an action's name.
    pub action: Text,
    /// What became of it: an outcome's name.
    pub outcome: Text,
    /// The LMS's code, where it gave one.
    pub code: Text,
}

impl HistoryEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        self.key.encode(out);
        put_bytes(out, self.run.as_bytes());
        put_varint(out, self.batch);
        put_varint(out, u64::from(self.index));
        for text in [&self.action, &self.outcome, &self.code] {
            put_bytes(out, text.as_bytes());
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: Key::decode(from)?,
            run: Text::new(from.str()?),
            batch: from.varint()?,
            index: from.varint()? as u32,
            action: Text::new(from.str()?),
            outcome: Text::new(from.str()?),
            code: Text::new(from.str()?),
        })
    }
}

/// The writes that add one bucket's entries of one fold; none where there are none. Writing the
/// same fold again replaces the same items.
pub fn writes(
    scope: &Scope,
    state: &StateName,
    first_hash: u64,
    fold: &str,
    entries: &[HistoryEntry],
) -> Result<Vec<Write>, StoreError> {
    let pk = scope.bucket_pk(state, first_hash);
    let mut writes = Vec::new();
    let mut chunk = Vec::new();
    for entry in entries {
        entry.encode(&mut chunk);
        // Ten times the limit compresses to well below it: entries repeat run, action, outcome.
        if chunk.len() > MAX_BODY {
            writes.push(write(&pk, fold, writes.len(), &std::mem::take(&mut chunk))?);
        }
    }
    if !chunk.is_empty() {
        writes.push(write(&pk, fold, writes.len(), &chunk)?);
    }
    Ok(writes)
}

fn write(pk: &str, fold: &str, part: usize, chunk: &[u8]) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key: ItemKey::new(pk, format!("history/{fold}/{part:04}")),
        body: compress(chunk)?,
        condition: Condition::Any,
        expires: None,
    })
}

fn compress(chunk: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::bulk::compress(chunk, 3).map_err(|source| StoreError::Unavailable {
        doing: "compress history",
        source: Box::new(source),
    })
}

/// All that was done to the records that `wanted` picks among those which stand with `key`'s
/// owner, oldest first.
pub async fn of(
    stores: &Stores,
    scope: &Scope,
    state: &StateName,
    key: &Key,
    mut wanted: impl FnMut(&Key) -> bool,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let hash = Place::of(key).hash;
    let mut found = Vec::new();
    // The state may have had any number of buckets when an entry was written.
    let mut partitions: Vec<String> = (0..=MAX_BITS)
        .map(|bits| scope.bucket_pk(state, first_hash(bucket_of(hash, bits), bits)))
        .collect();
    partitions.dedup();
    for pk in partitions {
        let mut after: Option<String> = None;
        loop {
            let page = stores.table.query(&pk, "history/", after.as_deref(), 100).await?;
            for item in &page.items {
                read(&item.body, &item.key.sk, &mut wanted, &mut found)?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    found.sort_by(|a, b| (&a.run, a.batch, a.index).cmp(&(&b.run, b.batch, b.index)));
    Ok(found)
}

/// Deletes the history of runs that `old` picks, under the check of the caller's lease. Returns how
/// many items went.
pub async fn clear(
    stores: &Stores,
    scope: &Scope,
    state: &StateName,
    old: &(dyn Fn(&str) -> bool + Send + Sync),
    lease: &Write,
) -> Result<u64, StoreError> {
    let mut cleared = 0;
    for partition in 0..1usize << MAX_BITS {
        let pk = scope.bucket_pk(state, first_hash(partition, MAX_BITS));
        let mut after: Option<String> = None;
        loop {
            let page = stores.table.query(&pk, "history/", after.as_deref(), 50).await?;
            let gone =
                page.items.iter().filter(|item| item.key.sk.split('/').nth(1).is_some_and(old));
            let delete = |item: &crate::Item| Write::Delete {
                key: item.key.clone(),
                condition: Condition::Version(item.version),
            };
            let writes: Vec<Write> = gone.map(delete).collect();
            if !writes.is_empty() {
                cleared += writes.len() as u64;
                let all = std::iter::once(lease.clone()).chain(writes);
                stores.table.transact(all.collect()).await?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(cleared)
}

/// An item's bytes without the entries that `gone` picks, and how many those are; `None` where no
/// entry is left.
pub(super) fn without(
    body: &[u8],
    name: &str,
    gone: impl Fn(&Key) -> bool,
) -> Result<(Option<Vec<u8>>, u64), StoreError> {
    let mut all = Vec::new();
    read(body, name, &mut |_| true, &mut all)?;
    let before = all.len();
    all.retain(|entry| !gone(&entry.key));
    let mut chunk = Vec::new();
    all.iter().for_each(|entry| entry.encode(&mut chunk));
    let taken = (before - all.len()) as u64;
    let rest = if all.is_empty() { None } else { Some(compress(&chunk)?) };
    Ok((rest, taken))
}

fn read(
    body: &[u8],
    name: &str,
    wanted: &mut impl FnMut(&Key) -> bool,
    found: &mut Vec<HistoryEntry>,
) -> Result<(), StoreError> {
    let raw = zstd::stream::decode_all(body)
        .map_err(|error| StoreError::Damaged { what: name.into(), reason: error.to_string() })?;
    let mut from = Decoder::new(&raw);
    while !from.is_done() {
        let entry = HistoryEntry::decode(&mut from).map_err(|error| damaged(name, &error))?;
        if wanted(&entry.key) {
            found.push(entry);
        }
    }
    Ok(())
}
