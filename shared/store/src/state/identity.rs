//! Identity: which record a SIS key means.
//!
//! A record's id is the key under which it was first seen, so most keys need no entry. A re-key
//! (IMS: `sourcedidtype` Old and New) adds one: from then on the new key means the old record,
//! and the old key is spent: it is never given to anybody else.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Key, Kind, Text};
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, StoreError, Stores, Write};

/// How many items the map is spread over; each holds some ten thousand re-keys.
const SHARDS: u64 = 16;

/// The map from keys to records, where they differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases {
    shards: BTreeMap<u64, Shard>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shard {
    version: u64,
    stored: Stored,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    /// `person/NEW` to the record id.
    means: BTreeMap<String, Text>,
    /// Keys that were made at random, by a digest of what tells the person.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    assigned: BTreeMap<String, Text>,
    /// `person/NEW` to the run whose export said so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    by: BTreeMap<String, Text>,
    /// `person/ID` of records whose re-keys were taken back: they say their own key from then on,
    /// because the LMS may still know them by the other one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    returned: BTreeSet<String>,
}

/// Why a re-key cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The new key is another record's already.
    Taken,
}

impl Aliases {
    /// Loads the map.
    pub async fn load(stores: &Stores, scope: &Scope) -> Result<Self, StoreError> {
        let mut aliases = Self::default();
        for shard in 0..SHARDS {
            if let Some(item) = stores.table.get(&key(scope, shard)).await? {
                let stored = from_json("identity map", &item.body)?;
                aliases.shards.insert(shard, Shard { version: item.version, stored });
            }
        }
        Ok(aliases)
    }

    /// Whether there is none: then every key means itself.
    pub fn is_empty(&self) -> bool {
        let is_empty = |stored: &Stored| stored.means.is_empty() && stored.returned.is_empty();
        self.shards.values().all(|shard| is_empty(&shard.stored))
    }

    /// The record that `sis_key` means.
    pub fn resolve(&self, kind: Kind, sis_key: &str) -> Option<&Text> {
        let name = name(kind, sis_key);
        self.shards.get(&shard_of(&name))?.stored.means.get(&name)
    }

    /// The record id of `sis_key`: itself where no re-key says otherwise.
    pub fn record_id(&self, kind: Kind, sis_key: &str) -> Text {
        self.resolve(kind, sis_key).cloned().unwrap_or_else(|| Text::new(sis_key))
    }

    /// Notes that `new` is what `old` was. `Ok(false)` where that is known already.
    ///
    /// # Errors
    /// [`Refusal`] where `new` is somebody else's.
    pub fn rekey(&mut self, kind: Kind, old: &str, new: &str) -> Result<bool, Refusal> {
        let record = self.record_id(kind, old);
        match self.resolve(kind, new) {
            Some(known) if *known == record => return Ok(false),
            Some(_) => return Err(Refusal::Taken),
            None if record.as_str() == new => return Ok(false),
            None => {}
        }
        let name = name(kind, new);
        let shard = self.shards.entry(shard_of(&name)).or_default();
        shard.stored.means.insert(name, record);
        Ok(true)
    }

    /// Notes that the person whom a source tells by `name` has the key `record`, unless they have
    /// one already: it is given once, and nothing takes it back.
    pub fn assign(&mut self, name: &str, record: &Text) {
        let shard = self.shards.entry(shard_of(name)).or_default();
        shard.stored.assigned.entry(name.to_owned()).or_insert_with(|| record.clone());
    }

    /// The key that was given to the person whom a source tells by `name`.
    pub fn assigned(&self, name: &str) -> Option<&Text> {
        self.shards.get(&shard_of(name))?.stored.assigned.get(name)
    }

    /// Every key that was given so.
    pub fn all_assigned(&self) -> impl Iterator<Item = (&str, &Text)> {
        let assigned = self.shards.values().flat_map(|shard| &shard.stored.assigned);
        assigned.map(|(name, record)| (name.as_str(), record))
    }

    /// Every `(kind, key, record id)`.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &str, &Text)> {
        self.shards.values().flat_map(|shard| &shard.stored.means).filter_map(|(name, record)| {
            let (kind, key) = split(name)?;
            Some((kind, key, record))
        })
    }

    /// Every record whose re-key was taken back: kind and record id.
    pub fn returned(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.shards.values().flat_map(|shard| &shard.stored.returned).filter_map(|name| split(name))
    }

    /// Notes that what was added since `before` comes from the export of `run`.
    pub fn added_by(&mut self, before: &Self, run: &str) {
        for (number, shard) in &mut self.shards {
            let known = before.shards.get(number).map(|shard| &shard.stored.means);
            let is_new = |name: &&String| known.is_none_or(|known| !known.contains_key(*name));
            let new: Vec<String> = shard.stored.means.keys().filter(is_new).cloned().collect();
            shard.stored.by.extend(new.into_iter().map(|name| (name, Text::new(run))));
        }
    }

    /// Whether the export of one of `runs` re-keyed anything.
    pub fn has_any_of(&self, runs: &BTreeSet<String>) -> bool {
        let mut by = self.shards.values().flat_map(|shard| shard.stored.by.values());
        by.any(|run| runs.contains(run.as_str()))
    }

    /// Takes back that `key` means `record`, which is known by its own key again. Whether it did.
    pub fn take_key_back(&mut self, kind: Kind, key: &str, record: &Text) -> bool {
        if self.resolve(kind, key) != Some(record) {
            return false;
        }
        let named = name(kind, key);
        if let Some(shard) = self.shards.get_mut(&shard_of(&named)) {
            shard.stored.means.remove(&named);
            shard.stored.by.remove(&named);
        }
        let own = name(kind, record);
        self.shards.entry(shard_of(&own)).or_default().stored.returned.insert(own);
        true
    }

    /// Takes back what the exports of `runs` re-keyed: those keys mean nothing any more, and their
    /// records are known by their own keys again.
    pub fn take_back(&mut self, runs: &BTreeSet<String>) {
        let mut returned = Vec::new();
        for shard in self.shards.values_mut() {
            let stored = &mut shard.stored;
            let gone = stored.by.extract_if(.., |_, run| runs.contains(run.as_str()));
            for (name, _) in gone.collect::<Vec<_>>() {
                let record = stored.means.remove(&name);
                let kind = split(&name).map(|(kind, _)| kind);
                returned.extend(kind.zip(record));
            }
        }
        for (kind, record) in returned {
            let name = name(kind, &record);
            let shard = self.shards.entry(shard_of(&name)).or_default();
            shard.stored.returned.insert(name);
        }
    }

    /// The writes that store what differs from `stored`.
    pub fn writes(&self, stored: &Self, scope: &Scope) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for (number, shard) in &self.shards {
            if stored.shards.get(number).map(|shard| &shard.stored) == Some(&shard.stored) {
                continue;
            }
            writes.push(Write::Put {
                key: key(scope, *number),
                body: to_json("identity map", &shard.stored)?,
                condition: match shard.version {
                    0 => Condition::Absent,
                    version => Condition::Version(version),
                },
                expires: None,
            });
        }
        Ok(writes)
    }
}

/// The key under which a record is known in the source, of a person or course.
pub fn is_rekeyable(key: &Key) -> bool {
    matches!(key.kind(), Kind::Person | Kind::Course)
}

fn name(kind: Kind, key: &str) -> String {
    format!("{kind}/{key}")
}

fn split(name: &str) -> Option<(Kind, &str)> {
    let (kind, key) = name.split_once('/')?;
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
    Some((kind, key))
}

fn shard_of(name: &str) -> u64 {
    u64::from(blake3::hash(name.as_bytes()).as_bytes()[0]) % SHARDS
}

fn key(scope: &Scope, shard: u64) -> crate::ItemKey {
    scope.item(format!("identity/{shard:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_chain_of_re_keys_means_the_first_record_and_a_spent_key_stays_spent() {
        let clock = std::sync::Arc::new(ambient::ManualClock::new(ambient::Timestamp::UNIX_EPOCH));
        let stores = Stores::memory(clock);
        let scope = Scope::new("oak", "sis");
        let stored = Aliases::load(&stores, &scope).await.unwrap();
        let mut aliases = stored.clone();
        assert_eq!(aliases.rekey(Kind::Person, "a", "b"), Ok(true));
        assert_eq!(aliases.rekey(Kind::Person, "a", "b"), Ok(false));
        assert_eq!(aliases.rekey(Kind::Person, "b", "c"), Ok(true));
        assert_eq!(aliases.record_id(Kind::Person, "c").as_str(), "a");
        assert_eq!(aliases.record_id(Kind::Course, "c").as_str(), "c");
        assert_eq!(aliases.rekey(Kind::Person, "x", "c"), Err(Refusal::Taken));
        stores.table.transact(aliases.writes(&stored, &scope).unwrap()).await.unwrap();
        let again = Aliases::load(&stores, &scope).await.unwrap();
        assert_eq!(again.record_id(Kind::Person, "c").as_str(), "a");
        assert!(again.writes(&again.clone(), &scope).unwrap().is_empty());
        assert_eq!(again.iter().count(), 2);
    }

    #[test]
    fn a_key_that_was_made_is_given_once_and_never_taken_back() {
        let mut aliases = Aliases::default();
        aliases.assign("random:hr:1", &Text::new("abc"));
        aliases.assign("random:hr:1", &Text::new("other"));
        aliases.added_by(&Aliases::default(), "run-1");
        aliases.take_back(&["run-1".to_owned()].into());
        assert_eq!(aliases.assigned("random:hr:1").map(Text::as_str), Some("abc"));
        assert_eq!(aliases.all_assigned().count(), 1);
        assert!(aliases.is_empty(), "it re-keys nobody");
    }

    #[tokio::test]
    async fn what_one_export_re_keyed_is_taken_back_and_nothing_else() {
        let clock = std::sync::Arc::new(ambient::ManualClock::new(ambient::Timestamp::UNIX_EPOCH));
        let stores = Stores::memory(clock);
        let scope = Scope::new("oak", "sis");
        let mut aliases = Aliases::default();
        for (run, old, new) in [("r-1", "a", "b"), ("r-2", "b", "c"), ("r-2", "x", "y")] {
            let before = aliases.clone();
            aliases.rekey(Kind::Person, old, new).unwrap();
            aliases.added_by(&before, run);
        }
        stores.table.transact(aliases.writes(&Aliases::default(), &scope).unwrap()).await.unwrap();
        let stored = Aliases::load(&stores, &scope).await.unwrap();
        let mut left = stored.clone();
        let second: BTreeSet<String> = ["r-2".to_owned()].into();
        assert!(left.has_any_of(&second));
        left.take_back(&second);
        assert!(!left.has_any_of(&second));
        assert_eq!(left.record_id(Kind::Person, "b").as_str(), "a");
        assert_eq!(left.resolve(Kind::Person, "c"), None, "it can be somebody else's again");
        assert_eq!(left.resolve(Kind::Person, "y"), None);
        let mut returned: Vec<_> = left.returned().collect();
        returned.sort_unstable();
        assert_eq!(returned, [(Kind::Person, "a"), (Kind::Person, "x")]);
        stores.table.transact(left.writes(&stored, &scope).unwrap()).await.unwrap();
        let again = Aliases::load(&stores, &scope).await.unwrap();
        assert_eq!((again.iter().count(), again.returned().count()), (1, 2));
    }
}
