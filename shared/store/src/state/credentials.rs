//! Passwords that were made for new accounts, sealed, until somebody hands them over.
//!
//! One item for each batch that made any. It is written in the transaction that claims the batch,
//! before any request of it: whoever completes the batch after a crash sends the same passwords, so
//! that the list says what the LMS holds. The batch's record says which accounts came to be.
//!
//! | standing | what it says | handed over |
//! |---|---|---|
//! | `under_way` | the batch is claimed and not recorded | no: it is not known yet |
//! | `set` | the LMS made the account with this password | yes |
//! | `unknown` | the LMS gave no answer: the account may be there or not | yes, and says so |
//!
//! **Never:** no password stands here in clear; nothing but a person's key names anybody.

use ambient::Timestamp;
use roster::Text;
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, Item, ItemKey, StoreError, Stores, Write};

/// What is known of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its batch is claimed and not recorded.
    UnderWay,
    /// The account has it.
    Set,
    /// It was sent and never answered.
    Unknown,
}

/// The password of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The person's record id.
    pub key: Text,
    /// What is handed over, sealed for this person: hexadecimal digits.
    pub sealed: String,
    /// What is known of it.
    pub standing: Standing,
}

/// The passwords that one batch made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// When they were made.
    pub at: Timestamp,
    /// From when on nobody gets them any more.
    pub expires: Timestamp,
    /// One for each account.
    pub credentials: Vec<Credential>,
}

/// An issue with its place and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIssue {
    /// The passwords.
    pub issue: Issue,
    /// Where they stand.
    pub place: ItemKey,
    /// 0 where it is not stored yet.
    pub version: u64,
}

const PREFIX: &str = "credentials/";

impl StoredIssue {
    /// A new one of a batch; nothing is stored.
    pub fn new(scope: &Scope, run: &str, batch: u64, issue: Issue) -> Self {
        Self { issue, place: place(scope, run, batch), version: 0 }
    }

    /// What the batch made; `None` where it made none, or that is over.
    pub async fn load(
        stores: &Stores,
        scope: &Scope,
        run: &str,
        batch: u64,
    ) -> Result<Option<Self>, StoreError> {
        let item = stores.table.get(&place(scope, run, batch)).await?;
        item.map(Self::of).transpose()
    }

    /// Every issue of the integration, the oldest run's first. Those that are over and that the
    /// store has not dropped yet are among them.
    pub async fn all(stores: &Stores, scope: &Scope) -> Result<Vec<Self>, StoreError> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = stores.table.query(&scope.path(), PREFIX, after.as_deref(), 1000).await?;
            for item in page.items {
                all.push(Self::of(item)?);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    fn of(item: Item) -> Result<Self, StoreError> {
        let issue = from_json("issued passwords", &item.body)?;
        Ok(Self { issue, place: item.key, version: item.version })
    }

    /// Whether a batch is still at work on it.
    pub fn is_under_way(&self) -> bool {
        self.issue.credentials.iter().any(|one| one.standing == Standing::UnderWay)
    }

    /// The write that stores it, or removes it where nothing is left of it.
    pub fn write(&self) -> Result<Write, StoreError> {
        let (key, condition) = (self.place.clone(), self.condition());
        if self.issue.credentials.is_empty() {
            return Ok(Write::Delete { key, condition });
        }
        let body = to_json("issued passwords", &self.issue)?;
        Ok(Write::Put { key, body, condition, expires: Some(self.issue.expires) })
    }

    /// The write that removes it, as it was read.
    pub fn erase(&self) -> Write {
        Write::Delete { key: self.place.clone(), condition: self.condition() }
    }

    fn condition(&self) -> Condition {
        match self.version {
            0 => Condition::Absent,
            version => Condition::Version(version),
        }
    }
}

fn place(scope: &Scope, run: &str, batch: u64) -> ItemKey {
    scope.item(format!("{PREFIX}{run}/{batch:08}"))
}

/// Whether an item's sort key is one of these.
pub fn is_issue(sk: &str) -> bool {
    sk.starts_with(PREFIX)
}
