//! The applied state: what an LMS holds because we put it there. Folding turns a run's ledger
//! into its next generation.

use std::collections::{BTreeMap, BTreeSet};

use ambient::Timestamp;
use plan::{
    Applied, Applying, Cause, Change, ChangeList, Counts, Effect, FieldSet, Policy, Presence,
};
use roster::{CourseKey, Key, Kind, PackedRecord, Place, Text};

use super::history::{self, HistoryEntry};
use super::ledger::{Entry, Line, LineResult, Sight};
use super::manifest::{BucketRef, Head, Manifest, wanted_bits};
use super::meta;
use super::names::{Scope, StateName};
use super::rewrite::{Rewriter, Unchanged};
use super::segment::damaged;
use super::states::{Published, States};
use crate::{StoreError, Stores, Write};

/// History items in one transaction: each is up to 390 KB, and DynamoDB takes 4 MB at a time.
const HISTORY_WRITES: usize = 8;

/// A batch of a plan with what the ledger says of it.
#[derive(Debug)]
pub struct FoldBatch {
    /// Its number in the plan.
    pub number: u64,
    /// Its changes.
    pub changes: ChangeList,
    /// Its entry: claimed without lines means that every change of it is in doubt.
    pub entry: Entry,
}

/// What a fold works with.
#[derive(Debug, Clone, Copy)]
pub struct Fold<'a> {
    /// The run whose ledger is folded.
    pub run: &'a str,
    /// When.
    pub now: Timestamp,
    /// The policy that its plan was made with.
    pub policy: &'a Policy,
}

/// One step on the way of a record.
struct Step {
    hash: u64,
    change: Change,
    effect: Effect,
    /// Fields that are their user's: what the LMS holds of them stays.
    left: FieldSet,
    batch: u64,
    index: u32,
    outcome: &'static str,
    code: Text,
}

/// What a fold wrote: publish it with [`States::publication`] together with whatever must be true
/// at the same moment.
#[derive(Debug)]
pub struct Folded {
    /// The next generation.
    pub manifest: Manifest,
    /// What had its effect and may count against limits: makings and changes that are not asserted
    /// once more, and whoever took part until now and does not any more.
    pub done: Counts,
}

/// Folds `batches` (in order, following what is folded already) into the state after `base`:
/// writes segments and history, publishes nothing. Folding the same batches again writes the
/// same bytes.
pub async fn fold(
    stores: &Stores,
    scope: &Scope,
    name: &StateName,
    base: &Published,
    fold: Fold<'_>,
    batches: &[FoldBatch],
) -> Result<Folded, StoreError> {
    let states = States::new(stores, scope.clone());
    let base = &base.manifest;
    let (mut steps, read) = steps(batches)?;
    steps.sort_by(|a, b| {
        let by_place = Place { hash: a.hash, key: a.change.key() }
            .cmp(&Place { hash: b.hash, key: b.change.key() });
        by_place.then((a.batch, a.index).cmp(&(b.batch, b.index)))
    });
    let growth: usize = steps.len() * 96;
    let raw = usize::try_from(base.head.raw).unwrap_or(usize::MAX).saturating_add(growth);
    let bits = wanted_bits(raw, base.bits);
    let folder = Folder { stores, scope, states: &states, name, base, fold, read };
    let (buckets, tally, raw) = if bits == base.bits {
        folder.touched_buckets(&steps, batches).await?
    } else {
        folder.all_buckets(&steps, batches, bits).await?
    };
    let Tally { counts, done } = tally;
    let mut head = Head {
        generation: base.head.generation + 1,
        run: fold.run.to_owned(),
        published: fold.now,
        counts,
        files: Vec::new(),
        folded: base.head.folded.clone(),
        raw,
        covers: 0,
        hinted: 0,
    };
    if let Some(last) = batches.last() {
        head.folded.insert(fold.run.to_owned(), last.number);
    }
    Ok(Folded { manifest: Manifest { head, bits, buckets }, done })
}

/// Every change of the batches with its effect, and the courses whose members were read.
fn steps(batches: &[FoldBatch]) -> Result<(Vec<Step>, BTreeSet<CourseKey>), StoreError> {
    let mut steps = Vec::new();
    let mut read = BTreeSet::new();
    for batch in batches {
        for (index, change) in batch.changes.iter().enumerate() {
            let mut change = change.map_err(|error| damaged("a plan's batch", &error))?;
            let line = batch.entry.lines.as_ref().and_then(|lines| lines.get(index));
            let sight = batch.entry.sights.get(index);
            if let (Key::Enrollment { course, .. }, Some(sight)) = (change.key(), sight)
                && *sight != Sight::NotNeeded
            {
                read.insert(course.clone());
            }
            let (effect, outcome, code) = effect(line);
            let left = match (sight, &effect) {
                (Some(Sight::Changed { fields }), Effect::Done { .. }) => *fields,
                _ => FieldSet::default(),
            };
            change.leave(left);
            steps.push(Step {
                hash: Place::of(change.key()).hash,
                change,
                effect,
                left,
                batch: batch.number,
                index: index as u32,
                outcome,
                code,
            });
        }
    }
    Ok((steps, read))
}

/// What a ledger line means for the state. A claimed change without a line is in doubt.
fn effect(line: Option<&Line>) -> (Effect, &'static str, Text) {
    let none = Text::default;
    let Some(line) = line else { return (Effect::Unknown, "unknown", none()) };
    match &line.result {
        LineResult::Applied => {
            let done = Effect::Done { lms_id: line.lms_id.clone(), ownership: line.owned() };
            (done, "applied", line.remark.clone().unwrap_or_default())
        }
        LineResult::Accepted => (Effect::Unknown, "accepted", none()),
        LineResult::Rejected(code) => {
            (Effect::Rejected { code: code.clone() }, "rejected", code.clone())
        }
        LineResult::Deferred(needs) => (Effect::NotDone, "deferred", needs.clone()),
        LineResult::Retry(code) => (Effect::NotDone, "retry", code.clone()),
        LineResult::Unknown => (Effect::Unknown, "unknown", none()),
        LineResult::NotSent => (Effect::NotDone, "not_sent", none()),
    }
}

struct Folder<'a> {
    stores: &'a Stores,
    scope: &'a Scope,
    states: &'a States,
    name: &'a StateName,
    base: &'a Manifest,
    fold: Fold<'a>,
    read: BTreeSet<CourseKey>,
}

type Written = (Vec<BucketRef>, Tally, u64);

/// What is counted on the way.
struct Tally {
    /// Records of each kind in the state.
    counts: BTreeMap<Kind, u64>,
    /// What had its effect.
    done: Counts,
}

impl Tally {
    fn new(base: &Manifest) -> Self {
        Self { counts: base.head.counts.clone(), done: Counts::new() }
    }

    /// Counts a step that is about to change `state`.
    fn step(&mut self, state: Option<&Applied>, step: &Step) {
        let Step { change, effect, .. } = step;
        let presence = state.and_then(|state| state.meta.presence);
        let counts = match change.action.takes_away() {
            true => presence == Some(Presence::Present),
            false => change.temporary.is_none() && change.cause != Cause::InDoubt,
        };
        if counts && matches!(effect, Effect::Done { .. }) {
            let of = self.done.entry(change.kind()).or_default();
            *of.entry(change.action).or_default() += 1;
        }
    }
}

impl Folder<'_> {
    /// The usual case: only the buckets that the steps fall into are read and written.
    async fn touched_buckets(
        &self,
        steps: &[Step],
        batches: &[FoldBatch],
    ) -> Result<Written, StoreError> {
        let mut buckets = self.base.buckets.clone();
        let mut tally = Tally::new(self.base);
        let mut raw = self.base.head.raw;
        for steps in
            steps.chunk_by(|a, b| self.base.bucket_of(a.hash) == self.base.bucket_of(b.hash))
        {
            let bucket = self.base.bucket_of(steps[0].hash);
            let old = self.states.load_bucket(self.name, self.base, bucket).await?;
            let mut new = roster::Packed::default();
            self.merge(&old, steps, &mut tally, &mut |record, side| new.push(record, side))?;
            raw = raw.saturating_sub(old.size() as u64) + new.size() as u64;
            let first = self.base.first_hash(bucket);
            buckets[bucket] = self.states.write_bucket(self.name, first, &new).await?;
            self.write_history(first, bucket, steps, batches).await?;
        }
        Ok((buckets, tally, raw))
    }

    /// The state grew or shrank so much that it gets another number of buckets.
    async fn all_buckets(
        &self,
        steps: &[Step],
        batches: &[FoldBatch],
        bits: u8,
    ) -> Result<Written, StoreError> {
        let mut tally = Tally::new(self.base);
        let mut writer = Rewriter::new(self.states, self.name, self.base, bits);
        for bucket in 0..self.base.buckets.len() {
            let from = steps.partition_point(|step| self.base.bucket_of(step.hash) < bucket);
            let to = steps.partition_point(|step| self.base.bucket_of(step.hash) <= bucket);
            let steps = &steps[from..to];
            let old = self.states.load_bucket(self.name, self.base, bucket).await?;
            let mut new = roster::Packed::default();
            self.merge(&old, steps, &mut tally, &mut |record, side| new.push(record, side))?;
            for record in new.iter() {
                let record = record.map_err(|error| damaged("a bucket in memory", &error))?;
                writer.push(record, record.side, Unchanged::Never).await?;
            }
            if !steps.is_empty() {
                self.write_history(self.base.first_hash(bucket), bucket, steps, batches).await?;
            }
        }
        let finished = writer.finish(Unchanged::Never).await?;
        Ok((finished.buckets, tally, finished.raw))
    }

    /// Runs over a bucket and the steps that fall into it, in order.
    fn merge(
        &self,
        old: &roster::Packed,
        steps: &[Step],
        tally: &mut Tally,
        push: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), StoreError> {
        let mut steps = steps.chunk_by(|a, b| a.change.key() == b.change.key()).peekable();
        for record in old.iter() {
            let record = record.map_err(|error| damaged("a segment", &error))?;
            let key = record.key().map_err(|error| damaged("a segment", &error))?;
            let before = |steps: &[Step]| {
                Place { hash: steps[0].hash, key: steps[0].change.key() } < Place::of(&key)
            };
            while let Some(new) = steps.next_if(|steps| before(steps)) {
                self.step(None, new, tally, push);
            }
            let reads = self.marks_read(&key);
            match steps.next_if(|steps| *steps[0].change.key() == key) {
                Some(same) => self.step(Some(decode(record)?), same, tally, push),
                None if reads => self.push(decode(record)?, push),
                None => push(record.record, record.side),
            }
        }
        for new in steps {
            self.step(None, new, tally, push);
        }
        Ok(())
    }

    fn step(
        &self,
        old: Option<Applied>,
        steps: &[Step],
        tally: &mut Tally,
        push: &mut dyn FnMut(&[u8], &[u8]),
    ) {
        let run = Text::new(self.fold.run);
        let applying = Applying { run: &run, now: self.fold.now, policy: self.fold.policy };
        let kind = steps[0].change.kind();
        if old.is_some() {
            let count = tally.counts.entry(kind).or_default();
            *count = count.saturating_sub(1);
        }
        let mut state = old;
        for step in steps {
            tally.step(state.as_ref(), step);
            state = plan::apply(state, &step.change, &step.effect, &applying);
            if let Some(applied) = &mut state {
                applied.meta.user_fields = applied.meta.user_fields.with(step.left);
            }
        }
        if let Some(applied) = state {
            *tally.counts.entry(kind).or_default() += 1;
            self.push(applied, push);
        }
        tally.counts.retain(|_, count| *count > 0);
    }

    fn push(&self, mut applied: Applied, push: &mut dyn FnMut(&[u8], &[u8])) {
        applied.meta.members_read |= self.marks_read(applied.record.key());
        let mut side = Vec::with_capacity(32);
        meta::encode(&applied.meta, &mut side);
        push(&applied.record.to_bytes(), &side);
    }

    fn marks_read(&self, key: &Key) -> bool {
        matches!(key, Key::Course(course) if self.read.contains(course))
    }

    async fn write_history(
        &self,
        first_hash: u64,
        bucket: usize,
        steps: &[Step],
        batches: &[FoldBatch],
    ) -> Result<(), StoreError> {
        let run = Text::new(self.fold.run);
        let entries: Vec<_> = steps
            .iter()
            .map(|step| HistoryEntry {
                key: step.change.key().clone(),
                run: run.clone(),
                batch: step.batch,
                index: step.index,
                action: Text::new(step.change.action.name()),
                outcome: Text::new(step.outcome),
                code: step.code.clone(),
            })
            .collect();
        let first = batches.first().map_or(0, |batch| batch.number);
        let fold = format!("{}/{first:08}/{bucket:04}", self.fold.run);
        let mut writes: Vec<Write> =
            history::writes(self.scope, self.name, first_hash, &fold, &entries)?;
        while !writes.is_empty() {
            let rest = writes.split_off(writes.len().min(HISTORY_WRITES));
            self.stores.table.transact(writes).await?;
            writes = rest;
        }
        Ok(())
    }
}

fn decode(record: PackedRecord<'_>) -> Result<Applied, StoreError> {
    meta::decode_applied(record).map_err(|error| damaged("a segment", &error))
}
