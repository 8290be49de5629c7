//! Holds and approvals. They belong to the integration, not to a run: a newer run finds the
//! approval of what it holds.

use std::collections::BTreeMap;

use ambient::Timestamp;
use roster::Kind;
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{audit, from_json, to_json};
use crate::{Condition, StoreError, Stores, Write};

/// Somebody's word that a held part may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The held part's checksum: what exactly was approved.
    pub checksum: String,
    /// The run that showed it.
    pub run: String,
    /// Who: a user name of the machine or of the console.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Until when it can be used.
    pub expires: Timestamp,
    /// The run that used it last. It works once: only where that run came to no whole end may
    /// another one take up what is left.
    pub used_by: Option<String>,
    /// Which part of what the run holds it is for, as selectors, one a line; `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
}

/// An approval with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApproval {
    /// The approval.
    pub approval: Approval,
    version: u64,
}

impl StoredApproval {
    /// The approval of this checksum, used or not.
    pub async fn load(
        stores: &Stores,
        scope: &Scope,
        checksum: &str,
    ) -> Result<Option<Self>, StoreError> {
        let item = stores.table.get(&key(scope, checksum)).await?;
        item.map(|item| {
            Ok(Self { approval: from_json("approval", &item.body)?, version: item.version })
        })
        .transpose()
    }

    /// Every approval of the integration that has not expired at `now`, used or not.
    pub async fn unexpired(
        stores: &Stores,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let from = after.as_deref();
            let page = stores.table.query(&scope.path(), "approval/", from, 1000).await?;
            for item in page.items {
                let approval: Approval = from_json("approval", &item.body)?;
                if approval.expires > now {
                    all.push(Self { approval, version: item.version });
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Gives an approval and notes it in the audit trail; a used or expired one of the same
    /// checksum is replaced.
    pub async fn give(
        stores: &Stores,
        scope: &Scope,
        approval: Approval,
    ) -> Result<Self, StoreError> {
        let body = to_json("approval", &approval)?;
        let mut given = audit::Entry::new(approval.at, &approval.by, "approved")
            .run(&approval.run)
            .checksum(&approval.checksum);
        if let Some(only) = &approval.only {
            given = given.note(format!("a part: {}", only.replace('\n', ", ")));
        }
        let key = key(scope, &approval.checksum);
        let found = stores.table.get(&key).await?.map_or(0, |item| item.version);
        let condition = match found {
            0 => Condition::Absent,
            version => Condition::Version(version),
        };
        let put = Write::Put { key, body, condition, expires: None };
        stores.table.transact(vec![put, audit::write(scope, &given)?]).await?;
        Ok(Self { approval, version: found + 1 })
    }

    /// The write that uses it up, for the transaction that stores the run which needs it.
    pub fn using(&self, scope: &Scope, run: &str) -> Result<Write, StoreError> {
        let mut used = self.approval.clone();
        used.used_by = Some(run.to_owned());
        Ok(Write::Put {
            key: key(scope, &used.checksum),
            body: to_json("approval", &used)?,
            condition: Condition::Version(self.version),
            expires: None,
        })
    }
}

fn key(scope: &Scope, checksum: &str) -> crate::ItemKey {
    scope.item(format!("approval/{checksum}"))
}

/// The run whose plan shows what stayed held when a part of it was approved, while that is held.
pub async fn kept_back(stores: &Stores, scope: &Scope) -> Result<Option<String>, StoreError> {
    match stores.table.get(&scope.item("kept-back")).await? {
        None => Ok(None),
        Some(item) => from_json("what stayed held", &item.body),
    }
}

/// The write that notes it, for the transaction that stores the run; `None`: nothing is any more.
pub fn write_kept_back(scope: &Scope, run: Option<&str>) -> Result<Write, StoreError> {
    let (key, condition) = (scope.item("kept-back"), Condition::Any);
    Ok(match run {
        None => Write::Delete { key, condition },
        Some(run) => {
            let body = to_json("what stayed held", &run)?;
            Write::Put { key, body, condition, expires: None }
        }
    })
}

/// What the limits were weighed against, by kind, while they hold something of it: a hold outlives
/// the run that made it, and what later runs add makes no room for it.
pub async fn weighed(stores: &Stores, scope: &Scope) -> Result<BTreeMap<Kind, u64>, StoreError> {
    match stores.table.get(&scope.item("weighed")).await? {
        None => Ok(BTreeMap::new()),
        Some(item) => from_json("weights of the limits", &item.body),
    }
}

/// The write that stores it, for the transaction that stores the run whose plan holds so.
pub fn write_weighed(scope: &Scope, weighed: &BTreeMap<Kind, u64>) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key: scope.item("weighed"),
        body: to_json("weights of the limits", weighed)?,
        condition: Condition::Any,
        expires: None,
    })
}

/// What is known of a source beside its state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The newest export that was taken in.
    pub last_digest: Option<String>,
    /// Digests of exports that were refused by somebody: they are not taken in again.
    pub refused: Vec<String>,
    /// Why the source is paused, where it is.
    pub paused: Option<String>,
}

/// A source's status with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSource {
    /// The status.
    pub status: SourceStatus,
    version: u64,
    name: String,
}

impl StoredSource {
    /// The status of the source `name`; a new one where there is none.
    pub async fn load(stores: &Stores, scope: &Scope, name: &str) -> Result<Self, StoreError> {
        let name = name.to_owned();
        match stores.table.get(&source_key(scope, &name)).await? {
            None => Ok(Self { status: SourceStatus::default(), version: 0, name }),
            Some(item) => Ok(Self {
                status: from_json("source status", &item.body)?,
                version: item.version,
                name,
            }),
        }
    }

    /// The write that stores it.
    pub fn write(&self, scope: &Scope) -> Result<Write, StoreError> {
        Ok(Write::Put {
            key: source_key(scope, &self.name),
            body: to_json("source status", &self.status)?,
            condition: match self.version {
                0 => Condition::Absent,
                version => Condition::Version(version),
            },
            expires: None,
        })
    }

    /// Stores it.
    pub async fn save(&self, stores: &Stores, scope: &Scope) -> Result<(), StoreError> {
        stores.table.transact(vec![self.write(scope)?]).await
    }
}

fn source_key(scope: &Scope, name: &str) -> crate::ItemKey {
    scope.item(format!("source/{name}"))
}
