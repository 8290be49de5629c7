//! Persons and their keys: what tells one from another, and what somebody says when nobody but a
//! person can tell.
//!
//! A re-key that is accepted here is what one that a source announces is: the new key means the
//! record that the former one meant, for ever, and account, enrollments and history stay.
//!
//! **Never:** two accounts are never made one. Where both keys have an account, somebody has to
//! join them in the LMS first.

mod undone;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ambient::{Timestamp, run_time};
use plan::{Applied, EachPerson, HoldReason, Identity, IdentityRules, Plan, Presence};
use roster::{
    DecodeError, Entry, Key, Kind, MarkKey, Marks, Mode, Origin, PersonKey, Place, Record, Sink,
    SnapshotBuilder, Text,
};
use store::Write;
use store::state::answers::{Answer, mark_key};
use store::state::forget::Forgotten;
use store::state::identity::Aliases;
use store::state::lease::Lease;
use store::state::manifest::Manifest;
use store::state::meta::decode_applied;
use store::state::source::rewrite;
use store::state::{Loaded, Published, StateName, States};
use tracing::info;

use crate::desired::{Broken, LoadedSource, aside};
use crate::drive::lease_lost;
use crate::ingest::under_record_id;
use crate::{Pipeline, PipelineError};

/// So many runs are looked through for the newest plan.
const LOOKED_THROUGH: usize = 20;

/// What somebody says of a key that vanished and one that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// They are one person.
    Same,
    /// They are two.
    Different,
}

/// What answers came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renamed {
    /// The pairs that were answered, former key first.
    pub pairs: Vec<(Text, Text)>,
    /// How many sources say something under another key now.
    pub sources: usize,
}

/// What persons are told apart by.
pub(crate) struct Identities {
    pub key: MarkKey,
    same: BTreeSet<(Text, Text)>,
    different: BTreeSet<(Text, Text)>,
    asked: BTreeSet<(Text, Text)>,
    returned: BTreeSet<Text>,
    since: String,
}

impl Identities {
    pub(crate) fn of<'a>(
        &'a self,
        rules: &'a IdentityRules,
        people: EachPerson<'a>,
    ) -> Identity<'a> {
        let Self { key, same, different, asked, returned, since } = self;
        Identity { rules, key, same, different, asked, returned, since, people }
    }
}

/// Hands over the persons of the applied state. Where it cannot be read, `broken` says why.
pub(crate) fn each_person(
    applied: &Loaded,
    broken: &Broken,
    take: &mut dyn FnMut(&Applied),
) -> Result<(), DecodeError> {
    let each = applied.for_each(|packed| {
        if matches!(packed.key()?, Key::Person(_)) {
            take(&decode_applied(packed)?);
        }
        Ok(())
    });
    each.map_err(|error| aside(error, broken))
}

/// The mark of the day on which a person was born, as the source says it.
pub(crate) fn born(record: &Record, key: &MarkKey) -> Option<u32> {
    match record {
        Record::Person(person) => person.birth_date.and_then(|day| key.born(day)),
        _ => None,
    }
}

/// Puts the mark where the plan finds it.
pub(crate) fn mark(record: &mut Record, born: Option<u32>) {
    if let (Record::Person(person), Some(_)) = (record, born) {
        person.marks = Some(Marks { born, ..Marks::default() });
    }
}

impl Pipeline {
    pub(crate) async fn identities(&self) -> Result<Identities, PipelineError> {
        let scope = &self.integration.scope;
        let fresh = || {
            let mut key = [0; 32];
            for part in key.chunks_exact_mut(8) {
                part.copy_from_slice(&self.random.next_u64().to_be_bytes());
            }
            key
        };
        let key = MarkKey::new(mark_key(&self.stores, scope, fresh).await?);
        let (mut same, mut different) = (BTreeSet::new(), BTreeSet::new());
        let mut returned = BTreeSet::new();
        for Answer { old, new, same: said, taken_back, .. } in
            Answer::all(&self.stores, scope).await?
        {
            if taken_back {
                returned.insert(old.clone());
            }
            match said {
                Some(true) => same.insert((old, new)),
                Some(false) => different.insert((old, new)),
                None => false,
            };
        }
        let days = u64::from(self.integration.identity.rename_days);
        let since = self.clock.now().checked_sub(Duration::from_secs(24 * 3600 * days));
        let since = run_time(since.unwrap_or(Timestamp::UNIX_EPOCH));
        let asked = self.asked_last().await?;
        Ok(Identities { key, same, different, asked, returned, since })
    }

    /// The pairs of keys that the newest plan asks about: they stay asked about until somebody
    /// answers, however long ago it was that one vanished.
    async fn asked_last(&self) -> Result<BTreeSet<(Text, Text)>, PipelineError> {
        let runs = self.runs(LOOKED_THROUGH).await?;
        let newest = runs.iter().find(|run| run.checksum.is_some());
        let Some(holding) = newest.filter(|run| run.held_checksum.is_some()) else {
            return Ok(BTreeSet::new());
        };
        self.pairs_of(&holding.id, |_| true).await
    }

    /// The pairs of keys that a run asks about, former key first: those that the answer fits. Who
    /// is there, or has an account, cannot be said to be the same as somebody else.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where there is no such run.
    pub async fn questions(
        &self,
        run: &str,
        said: Said,
    ) -> Result<Vec<(Text, Text)>, PipelineError> {
        let run = self.load_run(run).await?;
        let fits = |reason: &HoldReason| match said {
            Said::Same => matches!(reason, HoldReason::Rename { .. }),
            Said::Different => true,
        };
        Ok(self.pairs_of(&run.run.id, fits).await?.into_iter().collect())
    }

    async fn pairs_of(
        &self,
        run: &str,
        fits: impl Fn(&HoldReason) -> bool,
    ) -> Result<BTreeSet<(Text, Text)>, PipelineError> {
        let header = self.integration.scope.object("plans", &format!("{run}/header"));
        let Some(bytes) = self.stores.objects.get(&header).await? else {
            return Ok(BTreeSet::new());
        };
        let plan = Plan::from_bytes(&bytes)
            .map_err(|error| PipelineError::damaged("a plan's header", &error))?;
        Ok(plan.reasons.into_iter().filter(fits).filter_map(pair).collect())
    }

    /// Takes somebody's word on keys of persons: whether each pair of a former and a new key is
    /// one person. The lease is asked for until `until`; `by` is who says so. All of it is noted,
    /// or nothing.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where the former key is nobody's, or the new one is somebody
    /// else's.
    pub async fn rename(
        &self,
        pairs: &[(Text, Text)],
        said: Said,
        by: &str,
        until: Timestamp,
    ) -> Result<Renamed, PipelineError> {
        let lease = self.lease_by(until).await?;
        let renamed = self.rename_under(&lease, pairs, said, by).await;
        self.give_back(lease, renamed).await
    }

    async fn rename_under(
        &self,
        lease: &Lease,
        pairs: &[(Text, Text)],
        said: Said,
        by: &str,
    ) -> Result<Renamed, PipelineError> {
        let scope = &self.integration.scope;
        let (at, same) = (self.clock.now(), said == Said::Same);
        let aliases = Aliases::load(&self.stores, scope).await?;
        let said_before = Answer::all(&self.stores, scope).await?;
        let mut writes = vec![lease.check(scope)];
        let mut sources = 0;
        if same {
            let (more, rewritten) = self.accept(pairs, &aliases).await?;
            writes.extend(more);
            sources = rewritten;
        }
        for (old, new) in pairs {
            let (old, new) = (aliases.record_id(Kind::Person, old), new.clone());
            info!(old = %old, new = %new, same, "two keys were answered for");
            // That an account goes back to its own key holds until somebody says that it is one.
            let taken_back =
                !same && said_before.iter().any(|s| s.old == old && s.new == new && s.taken_back);
            let (by, same) = (by.to_owned(), Some(same));
            writes.push(Answer { old, new, same, taken_back, by, at }.write(scope)?);
        }
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        Ok(Renamed { pairs: pairs.to_vec(), sources })
    }

    /// The writes by which each new key means the former one's record, in every source.
    async fn accept(
        &self,
        pairs: &[(Text, Text)],
        stored: &Aliases,
    ) -> Result<(Vec<Write>, usize), PipelineError> {
        let scope = &self.integration.scope;
        let mut aliases = stored.clone();
        let all =
            pairs.iter().flat_map(|(old, new)| [stored.record_id(Kind::Person, old), new.clone()]);
        let known = self.in_lms(all.map(|id| Key::Person(PersonKey::from(id))).collect()).await?;
        let sources = self.load_sources().await?;
        let forgotten = Forgotten::load(&self.stores, scope).await?;
        for (old, new) in pairs {
            if forgotten.has(new) {
                return Err(PipelineError::NotFound(format!(
                    "{new} was the key of somebody who was forgotten, and is never given to another \
                     person"
                )));
            }
            let record = aliases.record_id(Kind::Person, old);
            if aliases.resolve(Kind::Person, new) == Some(&record) {
                // It was said before.
                continue;
            }
            check(&known, old, &record, new)?;
            for source in &sources {
                if person(&source.published, &source.loaded, &record)?.is_some() {
                    return Err(PipelineError::NotFound(format!(
                        "person {old} is still in source `{}`: one key can become the other only \
                         when it is gone",
                        source.name
                    )));
                }
            }
            if aliases.rekey(Kind::Person, old, new).is_err() {
                return Err(PipelineError::NotFound(format!(
                    "{new} is the key of another person already"
                )));
            }
        }
        let mut writes = aliases.writes(stored, scope)?;
        let states = States::new(&self.stores, scope.clone());
        let mut rewritten = 0;
        for source in &sources {
            let name = StateName::Source(source.name.clone());
            let more = self.under_new_keys(&states, &name, source, &aliases, &[]).await?;
            rewritten += usize::from(!more.is_empty());
            writes.extend(more);
        }
        Ok((writes, rewritten))
    }

    /// The writes by which a source says what it says under the keys that hold now; but for the
    /// records of `left_over`.
    pub(crate) async fn under_new_keys(
        &self,
        states: &States,
        name: &StateName,
        source: &LoadedSource,
        aliases: &Aliases,
        left_over: &[Key],
    ) -> Result<Vec<Write>, PipelineError> {
        let renamed = |entry: Entry| {
            let stays = !left_over.contains(entry.record.key());
            stays.then(|| under_record_id(entry, aliases))
        };
        self.rewritten(states, name, source, renamed).await
    }

    /// The writes by which a source says what `each` makes of what it says.
    async fn rewritten(
        &self,
        states: &States,
        name: &StateName,
        source: &LoadedSource,
        each: impl Fn(Entry) -> Option<Entry>,
    ) -> Result<Vec<Write>, PipelineError> {
        Ok(match self.next_with(states, name, source, each).await? {
            Some(next) => states.publication(name, &source.published, &next)?,
            None => Vec::new(),
        })
    }

    /// The generation in which a source says what `each` makes of what it says; `None` where that
    /// is the same.
    pub(crate) async fn next_with(
        &self,
        states: &States,
        name: &StateName,
        source: &LoadedSource,
        each: impl Fn(Entry) -> Option<Entry>,
    ) -> Result<Option<Manifest>, PipelineError> {
        let mut builder = SnapshotBuilder::new(Mode::Full);
        for file in &source.published.manifest.head.files {
            builder.add_file(&file.name);
        }
        source.loaded.for_each(|packed| {
            let (record, origin) = (packed.decode()?, Origin::decode(packed.side)?);
            if let Some(entry) = each(Entry { record, origin }) {
                builder.record(entry.record, entry.origin);
            }
            Ok(())
        })?;
        let snapshot = builder
            .finish()
            .map_err(|error| PipelineError::damaged("a source in memory", &error))?;
        let (base, now) = (&source.published, self.clock.now());
        Ok(rewrite(states, name, base, snapshot.buckets(), now).await?)
    }

    /// What is known of these records in the LMS.
    pub(crate) async fn in_lms(
        &self,
        keys: BTreeSet<Key>,
    ) -> Result<BTreeMap<Key, Applied>, PipelineError> {
        let mut known = BTreeMap::new();
        if keys.is_empty() {
            return Ok(known);
        }
        let (published, loaded) = self.load_applied().await?;
        let bucket = |key: &Key| published.manifest.bucket_of(Place::of(key).hash);
        let buckets: BTreeSet<usize> = keys.iter().map(bucket).collect();
        let damaged = |error| PipelineError::damaged("the applied state", &error);
        for bucket in buckets {
            for packed in loaded.bucket(bucket)?.iter() {
                let packed = packed.map_err(damaged)?;
                let key = packed.key().map_err(damaged)?;
                if keys.contains(&key) {
                    known.insert(key, decode_applied(packed).map_err(damaged)?);
                }
            }
        }
        Ok(known)
    }
}

fn pair(reason: HoldReason) -> Option<(Text, Text)> {
    match reason {
        HoldReason::Rename { old, new }
        | HoldReason::TwoKeys { old, new }
        | HoldReason::Merge { old, new } => Some((old, new)),
        _ => None,
    }
}

/// Whether a record is in the LMS.
pub(crate) fn has_account(known: Option<&Applied>) -> bool {
    let presence = known.and_then(|applied| applied.meta.presence);
    matches!(presence, Some(Presence::Present | Presence::Suspended))
}

/// Whether `new` can be the key of the person whom `old` means.
fn check(
    known: &BTreeMap<Key, Applied>,
    old: &Text,
    record: &Text,
    new: &Text,
) -> Result<(), PipelineError> {
    let not = |why: String| Err(PipelineError::NotFound(why));
    if old == new {
        return not(format!("{old} and {new} are one key"));
    }
    let of = |id: &Text| known.get(&Key::Person(PersonKey::from(id.clone())));
    if !has_account(of(record)) {
        return not(format!("person {old} has no account of ours: there is nothing to keep"));
    }
    if record == new {
        return Ok(());
    }
    if has_account(of(new)) {
        return not(format!(
            "{old} and {new} each have an account: Rollcall makes no two accounts one. Decide \
             which one stays, take over in the LMS what the other one holds, and leave one of the \
             keys out of the source; what is held of the other account then needs an approval"
        ));
    }
    if of(new).and_then(|applied| applied.meta.presence) == Some(Presence::Removed) {
        return not(format!(
            "{new} was somebody's key before, and is never given to another person"
        ));
    }
    Ok(())
}

/// A person of a source's state.
fn person(
    published: &Published,
    loaded: &Loaded,
    id: &Text,
) -> Result<Option<Record>, PipelineError> {
    let key = Key::Person(PersonKey::from(id.clone()));
    let bucket = published.manifest.bucket_of(Place::of(&key).hash);
    let damaged = |error| PipelineError::damaged("a source", &error);
    for packed in loaded.bucket(bucket)?.iter() {
        let packed = packed.map_err(damaged)?;
        if packed.key().map_err(damaged)? == key {
            return Ok(Some(packed.decode().map_err(damaged)?));
        }
    }
    Ok(None)
}
