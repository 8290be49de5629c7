//! Forgetting a person: who is to be erased, and what is kept so that they stay forgotten.
//!
//! Kept is a tombstone for each key that the person had: a keyed hash, in whose name nothing can
//! be read. Exports that name the person go on without them until it is lifted, and the key is
//! never issued to anybody else meanwhile.
//!
//! While somebody is being erased a `forgetting` item says whom, so that whoever dies in it is
//! taken up where they were; it is the last thing that is erased.
//!
//! **Never:** nothing here touches an LMS.

mod erase;

use std::collections::{BTreeMap, BTreeSet};

use ambient::{Random, Timestamp};
use roster::{AssociationKind, FormerKey, Key, Kind, PersonKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use erase::{Erased, erase, words};

use super::names::Scope;
use super::segment::hex;
use super::{from_json, to_json};
use crate::{Condition, ItemKey, StoreError, Stores, Write};

const TOMBSTONES: &str = "forgotten/";
const UNDER_WAY: &str = "forgetting/";

/// Makes keyed marks of keys: each integration has a key of its own, made when it first forgets
/// somebody.
#[derive(Clone)]
pub struct Marks([u8; 32]);

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Marks").finish_non_exhaustive()
    }
}

impl Marks {
    /// Those of the integration, where it has ever forgotten anybody.
    pub async fn load(stores: &Stores, scope: &Scope) -> Result<Option<Self>, StoreError> {
        let Some(item) = stores.table.get(&mark_key(scope)).await? else { return Ok(None) };
        let key = <[u8; 32]>::try_from(item.body.as_slice());
        key.map(|key| Some(Self(key))).map_err(|_| StoreError::Damaged {
            what: "key of the tombstones".into(),
            reason: "it is not 32 bytes long".into(),
        })
    }

    /// Those of the integration; its first ones are made.
    pub async fn make(
        stores: &Stores,
        scope: &Scope,
        random: &dyn Random,
    ) -> Result<Self, StoreError> {
        if let Some(marks) = Self::load(stores, scope).await? {
            return Ok(marks);
        }
        let mut key = [0; 32];
        for piece in key.chunks_exact_mut(8) {
            piece.copy_from_slice(&random.next_u64().to_be_bytes());
        }
        stores.table.put(&mark_key(scope), key.to_vec(), Condition::Absent).await?;
        Ok(Self(key))
    }

    /// The mark of a person's key: 32 hexadecimal digits.
    pub fn of(&self, person: &str) -> String {
        hex(&blake3::keyed_hash(&self.0, person.as_bytes()).as_bytes()[..16])
    }
}

fn mark_key(scope: &Scope) -> ItemKey {
    scope.item("forgotten-key")
}

/// What is kept of a key whose person is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The mark of the record id: all keys of one person share it.
    pub person: String,
    /// Since when.
    pub since: Timestamp,
}

/// Everybody who is forgotten.
#[derive(Debug, Clone, Default)]
pub struct Forgotten {
    marks: Option<Marks>,
    /// By mark.
    known: BTreeMap<String, Tombstone>,
}

impl Forgotten {
    /// As it is now: one read where nobody ever was forgotten.
    pub async fn load(stores: &Stores, scope: &Scope) -> Result<Self, StoreError> {
        let marks = Marks::load(stores, scope).await?;
        let mut known = BTreeMap::new();
        if marks.is_some() {
            for item in all(stores, scope, TOMBSTONES).await? {
                let mark = item.key.sk[TOMBSTONES.len()..].to_owned();
                known.insert(mark, from_json("tombstone", &item.body)?);
            }
        }
        Ok(Self { marks, known })
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the person of this key is forgotten.
    pub fn has(&self, person: &str) -> bool {
        let marks = self.marks.as_ref().filter(|_| !self.is_empty());
        marks.is_some_and(|marks| self.known.contains_key(&marks.of(person)))
    }

    /// Where an export says that a forgotten person has another key now, that one is forgotten too.
    /// Returns the writes that keep it so.
    pub fn spread(
        &mut self,
        scope: &Scope,
        announced: &[FormerKey],
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        let Some(marks) = self.marks.clone().filter(|_| !self.is_empty()) else {
            return Ok(writes);
        };
        // A chain of announcements can stand in any order.
        for _ in 0..announced.len() {
            let before = writes.len();
            for FormerKey { kind, former, current, .. } in announced {
                let (old, new) = (marks.of(former), marks.of(current));
                if *kind != Kind::Person || self.known.contains_key(&new) {
                    continue;
                }
                let Some(tombstone) = self.known.get(&old).cloned() else { continue };
                let key = scope.item(format!("{TOMBSTONES}{new}"));
                writes.push(put(key, to_json("tombstone", &tombstone)?));
                self.known.insert(new, tombstone);
            }
            if writes.len() == before {
                break;
            }
        }
        Ok(writes)
    }

    /// Whether a key names somebody who is forgotten.
    pub fn names(&self, key: &Key) -> bool {
        !self.is_empty() && named(key).any(|person| self.has(person))
    }
}

/// A person who is being erased. It names them, so it is the last thing that is erased.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgetting {
    /// The mark of the record id.
    pub mark: String,
    /// Every key that means the person: the record id and those of the source.
    pub keys: BTreeSet<String>,
    /// What the person is called where no key stands: addresses, user names, family name.
    pub words: BTreeSet<String>,
    /// Whether the LMS is to be rid of the account first.
    pub lms: bool,
    /// When it was asked for.
    pub began: Timestamp,
}

impl std::fmt::Debug for Forgetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whom it names must not reach a log.
        f.debug_struct("Forgetting").field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl Forgetting {
    /// Whether a record's key names the person.
    pub fn names(&self, key: &Key) -> bool {
        named(key).any(|person| self.keys.contains(person))
    }

    /// The key that stands in place of the person's where a place has to be kept.
    pub fn stand_in(&self) -> PersonKey {
        PersonKey::new(stand_in(&self.mark))
    }

    /// The writes that begin it: tombstones, and the item that says whom.
    pub fn begin(&self, scope: &Scope, marks: &Marks) -> Result<Vec<Write>, StoreError> {
        let tombstone = Tombstone { person: self.mark.clone(), since: self.began };
        let body = to_json("tombstone", &tombstone)?;
        let mut writes = vec![put(under_way(scope, &self.mark), to_json("forgetting", self)?)];
        // Where a key was made at random, what tells the person leads to the stand-in from now on.
        let stand_in = self.stand_in();
        for key in self.keys.iter().map(String::as_str).chain([stand_in.as_str()]) {
            let key = scope.item(format!("{TOMBSTONES}{}", marks.of(key)));
            writes.push(put(key, body.clone()));
        }
        Ok(writes)
    }

    /// Everybody who is being erased.
    pub async fn under_way(stores: &Stores, scope: &Scope) -> Result<Vec<Self>, StoreError> {
        let items = all(stores, scope, UNDER_WAY).await?;
        items.iter().map(|item| from_json("forgetting", &item.body)).collect()
    }

    /// The writes that end it: nothing of the person is left but the tombstones. Where the store
    /// keeps what was overwritten (free pages), that is to be cleared yet: see [`is_to_clear`].
    pub fn end(&self, scope: &Scope, now: Timestamp) -> Vec<Write> {
        let key = under_way(scope, &self.mark);
        vec![
            Write::Delete { key, condition: Condition::Any },
            put(scope.item(TO_CLEAR), now.to_string().into_bytes()),
        ]
    }
}

const TO_CLEAR: &str = "forgotten-to-clear";

/// Whether somebody was erased and what the store keeps of overwritten bytes is not yet cleared.
pub async fn is_to_clear(stores: &Stores, scope: &Scope) -> Result<bool, StoreError> {
    Ok(stores.table.get(&scope.item(TO_CLEAR)).await?.is_some())
}

/// Notes that it is cleared.
pub async fn cleared(stores: &Stores, scope: &Scope) -> Result<(), StoreError> {
    stores.table.delete(&scope.item(TO_CLEAR), Condition::Any).await
}

fn stand_in(mark: &str) -> String {
    let short = mark.get(..8).unwrap_or(mark);
    format!("forgotten-{short}")
}

/// Takes the tombstones of `person` away, under whatever key: the next export brings them back.
/// Whether there were any.
pub async fn lift(
    stores: &Stores,
    scope: &Scope,
    person: &str,
    with: Vec<Write>,
) -> Result<Option<String>, StoreError> {
    let Some(marks) = Marks::load(stores, scope).await? else { return Ok(None) };
    let key = scope.item(format!("{TOMBSTONES}{}", marks.of(person)));
    let Some(found) = stores.table.get(&key).await? else { return Ok(None) };
    let found: Tombstone = from_json("tombstone", &found.body)?;
    let mut writes = with;
    for item in all(stores, scope, TOMBSTONES).await? {
        let other: Tombstone = from_json("tombstone", &item.body)?;
        if other.person == found.person {
            writes.push(Write::Delete { key: item.key, condition: Condition::Any });
        }
    }
    // A key that is made at random is made anew for them.
    for item in all(stores, scope, "identity/").await? {
        let mut map: Value = from_json("identity map", &item.body)?;
        let gone = stand_in(&found.person);
        let Some(assigned) = map.get_mut("assigned").and_then(Value::as_object_mut) else {
            continue;
        };
        let before = assigned.len();
        assigned.retain(|_, key| key.as_str() != Some(&gone));
        if assigned.len() < before {
            let (body, condition) =
                (to_json("identity map", &map)?, Condition::Version(item.version));
            writes.push(Write::Put { key: item.key, body, condition, expires: None });
        }
    }
    stores.table.transact(writes).await?;
    Ok(Some(found.person))
}

/// The persons that a key names.
fn named(key: &Key) -> impl Iterator<Item = &str> {
    let other = match key {
        Key::Observer { observer, .. } => Some(observer.as_str()),
        Key::Association { kind: AssociationKind::PersonOrgUnit, from, .. } => Some(from.as_str()),
        _ => None,
    };
    key.person().map(PersonKey::as_str).into_iter().chain(other)
}

async fn all(stores: &Stores, scope: &Scope, prefix: &str) -> Result<Vec<crate::Item>, StoreError> {
    let (mut items, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = stores.table.query(&scope.path(), prefix, after.as_deref(), 1000).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(items),
        }
    }
}

fn under_way(scope: &Scope, mark: &str) -> ItemKey {
    scope.item(format!("{UNDER_WAY}{mark}"))
}

fn put(key: ItemKey, body: Vec<u8>) -> Write {
    Write::Put { key, body, condition: Condition::Any, expires: None }
}
