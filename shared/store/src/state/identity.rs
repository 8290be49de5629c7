//! Identity: which record a SIS key means.
//!
//! A record's id is the key under which it was first seen, so most keys need no entry. A re-key
//! (IMS: `sourcedidtype` Old and New) adds one: from then on the new key means the old record,
//! and the old key is spent: it is never given to anybody else.

use std::collections::BTreeMap;

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
        self.shards.values().all(|shard| shard.stored.means.is_empty())
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

    /// Every `(kind, key, record id)`.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &str, &Text)> {
        self.shards.values().flat_map(|shard| &shard.stored.means).filter_map(|(name, record)| {
            let (kind, key) = name.split_once('/')?;
            let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
            Some((kind, key, record))
        })
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
}
