//! The audit trail: who approved, rejected, resumed, changed, reverted, allowed or forgot what.
//!
//! Entries are only ever added. An entry's sort key begins with its time, so the trail reads in
//! order, and ends with a digest of what it says: noting the same twice is noting it once.
//!
//! ```
//! use ambient::Timestamp;
//! use store::state::audit::Entry;
//!
//! let entry = Entry::new(Timestamp::UNIX_EPOCH, "the registrar", "approved")
//!     .run("20261122T050738Z-3fa9c1")
//!     .checksum("5f0c63f1f1b24bd1a2b3c4d5e6f70819");
//! assert_eq!(entry.what, "approved");
//! ```
//!
//! **Never:** nothing personal of a pupil stands in an entry. `who` is whoever gave the order, as
//! the machine or the console calls them; `about` names a source, a scope, a setting or a keyed
//! mark, never a person of the roster.

use ambient::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, ItemKey, StoreError, Stores, Write};

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who: a user name of the machine or of the console.
    pub who: String,
    /// What: a verb in the past, `approved`, `rejected`, `resumed`, `changed`, `reverted`,
    /// `forgot`, `lifted`, `allowed`.
    pub what: String,
    /// The run that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The checksum of what exactly was approved or undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// What else it is about: a source, a data source key, a keyed mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Why, or what came of it, in a few words without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Entry {
    /// That `who` did `what`.
    pub fn new(at: Timestamp, who: impl Into<String>, what: impl Into<String>) -> Self {
        let (who, what) = (who.into(), what.into());
        Self { at, who, what, run: None, checksum: None, about: None, note: None }
    }

    /// It is about this run.
    pub fn run(mut self, run: impl Into<String>) -> Self {
        self.run = Some(run.into());
        self
    }

    /// It is about what has this checksum.
    pub fn checksum(mut self, checksum: impl Into<String>) -> Self {
        self.checksum = Some(checksum.into());
        self
    }

    /// It is about this source, data source key or mark.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Why, or what came of it.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// The write that adds `entry`, for the transaction that does what it tells of.
pub fn write(scope: &Scope, entry: &Entry) -> Result<Write, StoreError> {
    let body = to_json("audit entry", entry)?;
    // The digest tells apart what happens in one moment.
    let digest = blake3::hash(&body).to_hex();
    let key = scope.item(format!("{PREFIX}{}-{}", stamp(entry.at), &digest[..16]));
    Ok(Write::Put { key, body, condition: Condition::Any, expires: None })
}

/// Adds `entry` by itself, where what it tells of is no write of the same store.
pub async fn note(stores: &Stores, scope: &Scope, entry: &Entry) -> Result<(), StoreError> {
    stores.table.transact(vec![write(scope, entry)?]).await
}

/// The entries from `since` to before `until`, oldest first; all of them where neither is given.
pub async fn list(
    stores: &Stores,
    scope: &Scope,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<Vec<Entry>, StoreError> {
    let (mut all, pk) = (Vec::new(), scope.path());
    // No entry ends at its time, so this is before the first of that moment.
    let mut after = since.map(|since| format!("{PREFIX}{}", stamp(since)));
    loop {
        let page = stores.table.query(&pk, PREFIX, after.as_deref(), 1000).await?;
        for item in page.items {
            let entry: Entry = from_json("audit entry", &item.body)?;
            if until.is_some_and(|until| entry.at >= until) {
                return Ok(all);
            }
            all.push(entry);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// The entries from before `before`, oldest first, at most a thousand: what retention clears.
pub async fn older_than(
    stores: &Stores,
    scope: &Scope,
    before: Timestamp,
) -> Result<Vec<ItemKey>, StoreError> {
    let page = stores.table.query(&scope.path(), PREFIX, None, 1000).await?;
    let limit = format!("{PREFIX}{}", stamp(before));
    let keys = page.items.into_iter().map(|item| item.key);
    Ok(keys.take_while(|key| key.sk < limit).collect())
}

const PREFIX: &str = "audit/";

/// The time as text of one length, so that texts sort as times do.
fn stamp(at: Timestamp) -> String {
    format!("{at:.9}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ambient::ManualClock;

    use super::*;

    #[tokio::test]
    async fn the_trail_reads_in_order_and_by_time_and_says_nothing_twice() {
        let stores = Stores::memory(Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
        let scope = Scope::new("oak", "sis");
        let at = |second, nano| Timestamp::new(second, nano).unwrap();
        let entries = [
            Entry::new(at(9, 0), "ada", "approved").run("r-1").checksum("c"),
            Entry::new(at(10, 0), "ada", "rejected").run("r-2").note("wrong term"),
            Entry::new(at(10, 500), "ben", "resumed").about("registrar"),
            Entry::new(at(100, 0), "ben", "reverted").run("r-3"),
        ];
        for entry in entries.iter().rev().chain(&entries) {
            note(&stores, &scope, entry).await.unwrap();
        }
        let other = Scope::new("oak", "hr");
        note(&stores, &other, &entries[0]).await.unwrap();
        let listed = |since, until| list(&stores, &scope, since, until);
        assert_eq!(listed(None, None).await.unwrap(), entries);
        assert_eq!(listed(Some(at(10, 0)), None).await.unwrap(), entries[1..]);
        assert_eq!(listed(Some(at(10, 0)), Some(at(100, 0))).await.unwrap(), entries[1..3]);
        assert_eq!(listed(None, Some(at(9, 0))).await.unwrap(), []);
        assert_eq!(older_than(&stores, &scope, at(10, 0)).await.unwrap().len(), 1);
        assert_eq!(older_than(&stores, &scope, at(101, 0)).await.unwrap().len(), 4);
    }

    #[tokio::test]
    async fn two_things_of_one_moment_are_two_entries() {
        let stores = Stores::memory(Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
        let scope = Scope::new("oak", "sis");
        for source in ["hr", "registrar"] {
            let entry = Entry::new(Timestamp::UNIX_EPOCH, "ada", "resumed").about(source);
            note(&stores, &scope, &entry).await.unwrap();
        }
        assert_eq!(list(&stores, &scope, None, None).await.unwrap().len(), 2);
    }
}
