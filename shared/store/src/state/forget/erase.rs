//! Taking a person out of a state: every kept generation, every segment that nobody names any more,
//! and the history.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Kind, Packed, Record, Text};

use super::Forgetting;
use crate::state::history;
use crate::state::manifest::{BucketRef, MAX_BITS, Manifest, first_hash};
use crate::state::names::{Scope, StateName};
use crate::state::segment::{SegmentName, damaged};
use crate::state::states::States;
use crate::{Condition, Item, ItemKey, StoreError, Stores, Write};

/// How many items are deleted in one transaction, the lease's check beside them.
const AT_ONCE: usize = 50;

/// What was taken out of a state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Records, in all generations.
    pub records: u64,
    /// Generations that held any.
    pub generations: u64,
    /// Entries of the history.
    pub history: u64,
}

impl std::ops::AddAssign for Erased {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.generations += other.generations;
        self.history += other.history;
    }
}

/// What a person is called in any kept generation of a state, beside the keys.
pub async fn words(
    stores: &Stores,
    scope: &Scope,
    name: &StateName,
    who: &Forgetting,
) -> Result<BTreeSet<String>, StoreError> {
    let states = States::new(stores, scope.clone());
    let mut words = BTreeSet::new();
    let mut seen: BTreeSet<(u64, Vec<SegmentName>)> = BTreeSet::new();
    for manifest in states.kept(name).await?.iter().map(|(_, manifest)| manifest) {
        for key in &who.keys {
            let key = roster::Key::Person(roster::PersonKey::new(key));
            let bucket = manifest.bucket_of(roster::Place::of(&key).hash);
            let place = (manifest.first_hash(bucket), manifest.buckets[bucket].segments.clone());
            if !seen.insert(place) {
                continue;
            }
            for record in states.load_bucket(name, manifest, bucket).await?.iter() {
                let record = record.and_then(|record| record.decode());
                let record = record.map_err(|error| damaged("a bucket's record", &error))?;
                if let Record::Person(_) = &record
                    && who.names(record.key())
                {
                    called(&record, &mut words);
                }
            }
        }
    }
    Ok(words)
}

fn called(record: &Record, words: &mut BTreeSet<String>) {
    let Record::Person(person) = record else { return };
    let texts = [
        &person.username,
        &person.email,
        &person.institution_email,
        &person.sourced_id,
        &person.family,
        &person.full_name,
        &person.sort_name,
    ];
    let ids = person.user_ids.iter().flatten().map(|id| id.value.to_string());
    let texts = texts.into_iter().flatten().map(Text::to_string);
    // What is shorter stands in too much that has nothing to do with anybody.
    words.extend(texts.chain(ids).filter(|text| text.chars().count() >= 3));
}

/// Takes the person out of the state `name`. `lease` is the check of the caller's lease. Whoever
/// dies in it calls it again.
pub async fn erase(
    stores: &Stores,
    scope: &Scope,
    name: &StateName,
    who: &Forgetting,
    lease: &Write,
) -> Result<Erased, StoreError> {
    let states = States::new(stores, scope.clone());
    let mut erased = Erased::default();
    let mut rewritten = BTreeMap::new();
    let mut named: BTreeSet<ItemKey> = BTreeSet::new();
    for (item, manifest) in states.kept(name).await? {
        let mut eraser = Eraser { states: &states, name, who, rewritten: &mut rewritten };
        let (next, gone) = eraser.manifest(&manifest).await?;
        named.extend(next.segments().map(|(hash, piece)| states.segment_key(name, hash, piece)));
        if gone == 0 {
            continue;
        }
        erased.generations += 1;
        erased.records += gone;
        let condition = Condition::Version(item.version);
        let put = Write::Put { key: item.key, body: next.to_bytes()?, condition, expires: None };
        stores.table.transact(vec![lease.clone(), put]).await?;
    }
    erased.history = clear_partitions(stores, scope, name, who, &named, lease).await?;
    Ok(erased)
}

type Rewritten = BTreeMap<(u64, Vec<SegmentName>), (BucketRef, BTreeMap<Kind, u64>)>;

struct Eraser<'a> {
    states: &'a States,
    name: &'a StateName,
    who: &'a Forgetting,
    /// Generations share most of their segments: each is looked through once.
    rewritten: &'a mut Rewritten,
}

impl Eraser<'_> {
    /// The manifest without the person, and how many records that took.
    async fn manifest(&mut self, manifest: &Manifest) -> Result<(Manifest, u64), StoreError> {
        let (mut next, mut gone) = (manifest.clone(), 0);
        for bucket in 0..manifest.buckets.len() {
            let segments = &manifest.buckets[bucket].segments;
            if segments.is_empty() {
                continue;
            }
            let first = manifest.first_hash(bucket);
            let place = (first, segments.clone());
            if !self.rewritten.contains_key(&place) {
                let packed = self.states.load_bucket(self.name, manifest, bucket).await?;
                let (rest, counts) = without(&packed, self.who)?;
                let entry = match (counts.is_empty(), rest.is_empty()) {
                    (true, _) => manifest.buckets[bucket].clone(),
                    (false, true) => BucketRef::default(),
                    (false, false) => self.states.write_bucket(self.name, first, &rest).await?,
                };
                self.rewritten.insert(place.clone(), (entry, counts));
            }
            let Some((entry, counts)) = self.rewritten.get(&place) else { continue };
            next.buckets[bucket].clone_from(entry);
            for (kind, count) in counts {
                gone += count;
                let left = next.head.counts.entry(*kind).or_default();
                *left = left.saturating_sub(*count);
            }
        }
        next.head.counts.retain(|_, count| *count > 0);
        Ok((next, gone))
    }
}

/// What is left of a bucket, and how many records of each kind are not.
fn without(packed: &Packed, who: &Forgetting) -> Result<(Packed, BTreeMap<Kind, u64>), StoreError> {
    let (mut rest, mut counts) = (Packed::default(), BTreeMap::new());
    for record in packed.iter() {
        let record = record.map_err(|error| damaged("a bucket's record", &error))?;
        let key = record.key().map_err(|error| damaged("a bucket's record", &error))?;
        if who.names(&key) {
            *counts.entry(key.kind()).or_default() += 1;
        } else {
            rest.push(record.record, record.side);
        }
    }
    Ok((rest, counts))
}

/// Runs over all that is stored of a state beside its manifests: segments that no kept generation
/// names go, whatever they hold, and the history is rewritten. Returns entries taken out of it.
async fn clear_partitions(
    stores: &Stores,
    scope: &Scope,
    name: &StateName,
    who: &Forgetting,
    named: &BTreeSet<ItemKey>,
    lease: &Write,
) -> Result<u64, StoreError> {
    let mut taken = 0;
    for partition in 0..1usize << MAX_BITS {
        let pk = scope.bucket_pk(name, first_hash(partition, MAX_BITS));
        let mut after: Option<String> = None;
        loop {
            let page = stores.table.query(&pk, "", after.as_deref(), 1000).await?;
            let mut writes = Vec::new();
            for item in page.items {
                if item.key.sk.starts_with("segment/") {
                    if !named.contains(&item.key) {
                        writes.push(delete(item));
                    }
                    continue;
                }
                let (rest, count) =
                    history::without(&item.body, &item.key.sk, |key| who.names(key))?;
                if count == 0 {
                    continue;
                }
                taken += count;
                writes.push(match rest {
                    None => delete(item),
                    Some(body) => {
                        let condition = Condition::Version(item.version);
                        Write::Put { key: item.key, body, condition, expires: item.expires }
                    }
                });
            }
            write_under(stores, lease, writes).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(taken)
}

fn delete(item: Item) -> Write {
    Write::Delete { key: item.key, condition: Condition::Version(item.version) }
}

async fn write_under(stores: &Stores, lease: &Write, writes: Vec<Write>) -> Result<(), StoreError> {
    let (deletes, puts): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|write| matches!(write, Write::Delete { .. }));
    for part in deletes.chunks(AT_ONCE) {
        let all = std::iter::once(lease.clone()).chain(part.iter().cloned());
        stores.table.transact(all.collect()).await?;
    }
    for put in puts {
        stores.table.transact(vec![lease.clone(), put]).await?;
    }
    Ok(())
}
