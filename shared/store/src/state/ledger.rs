//! The ledger: one item per batch. It is claimed before the batch's first request and records
//! what became of every change, in one conditional write each.

use ambient::Timestamp;
use plan::{FieldSet, Ownership};
use roster::Text;
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, ItemKey, StoreError, Stores, Write};

/// What the LMS held of a record before the batch's first write. The same as `lms::Survey`, in
/// the form in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// It was not looked for.
    NotNeeded,
    /// It was not there.
    Absent,
    /// It was there.
    Found {
        /// Its id.
        id: Text,
        /// By what it was recognised: `key`, `username`, `email`, `short_name`, `name`.
        by: Text,
    },
    /// It was there, and these of its fields hold something else than we told.
    Changed {
        /// The fields.
        fields: FieldSet,
    },
    /// More than one fits.
    Ambiguous {
        /// How many.
        count: u32,
    },
}

/// What became of a change, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineResult {
    /// Done.
    Applied,
    /// Taken, not yet confirmed.
    Accepted,
    /// Refused, with the LMS's code.
    Rejected(Text),
    /// Waits for another record.
    Deferred(Text),
    /// To be tried again, with the reason.
    Retry(Text),
    /// Sent without an answer.
    Unknown,
    /// Never sent.
    NotSent,
}

/// One change's line in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What became of it.
    #[serde(rename = "r")]
    pub result: LineResult,
    /// The record's LMS id, where it is known.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub lms_id: Option<Text>,
    /// Whose the record is, where this settled it: `created`, `adopted`, `found`.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Text>,
    /// What is odd about it, as a code.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<Text>,
}

impl Line {
    /// Whose the record is.
    pub fn owned(&self) -> Option<Ownership> {
        match self.ownership.as_deref() {
            Some("created") => Some(Ownership::Created),
            Some("adopted") => Some(Ownership::Adopted),
            Some("found") => Some(Ownership::Found),
            _ => None,
        }
    }

    /// The stored word for an ownership.
    pub fn word(ownership: Ownership) -> Text {
        Text::new(match ownership {
            Ownership::Created => "created",
            Ownership::Adopted => "adopted",
            Ownership::Found => "found",
        })
    }
}

/// A batch's item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The fence of the lease under which it was last claimed.
    pub fence: u64,
    /// How often it has been claimed.
    pub attempts: u32,
    /// When no request of the newest claim can be under way any more.
    pub quiet_after: Timestamp,
    /// What the survey before the first claim saw, change by change.
    pub sights: Vec<Sight>,
    /// What became of each change; `None` while it is claimed.
    pub lines: Option<Vec<Line>>,
    /// Requests made for it.
    pub calls: u64,
}

/// An entry with the version that its next write must find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// 0 where it is not stored yet.
    pub version: u64,
}

/// The item of a batch.
pub fn key(scope: &Scope, run: &str, batch: u64) -> ItemKey {
    scope.item(format!("ledger/{run}/{batch:08}"))
}

/// The entry of a batch, where it was claimed.
pub async fn load(
    stores: &Stores,
    scope: &Scope,
    run: &str,
    batch: u64,
) -> Result<Option<StoredEntry>, StoreError> {
    let item = stores.table.get(&key(scope, run, batch)).await?;
    item.map(|item| {
        Ok(StoredEntry { entry: from_json("ledger entry", &item.body)?, version: item.version })
    })
    .transpose()
}

impl StoredEntry {
    /// The write that stores it, for a transaction with the lease's check.
    pub fn write(&self, scope: &Scope, run: &str, batch: u64) -> Result<Write, StoreError> {
        Ok(Write::Put {
            key: key(scope, run, batch),
            body: to_json("ledger entry", &self.entry)?,
            condition: match self.version {
                0 => Condition::Absent,
                version => Condition::Version(version),
            },
            expires: None,
        })
    }
}
