//! Runs: one pass from an export (or a schedule) to receipts.

use std::collections::BTreeMap;

use ambient::Timestamp;
use plan::Counts;
use roster::Kind;
use serde::{Deserialize, Serialize};

use super::decided::Verdict;
use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, StoreError, Stores, Write};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The export is there.
    Received,
    /// It has been read.
    Parsed,
    /// What it asks for is known.
    Planned,
    /// Batches are on their way.
    Delivering,
    /// The LMS is out of reach: it goes on by itself later.
    Waiting,
    /// All is done.
    Done,
    /// All that could be done is done; the rest waits for somebody's word.
    PartlyHeld,
    /// The export was refused, or somebody rejected the run.
    Rejected,
    /// It failed and will not go on by itself.
    Failed,
    /// Its process died or was stopped; the next run takes up what it left.
    Interrupted,
    /// A newer run planned again what this one had not delivered.
    Superseded,
}

impl RunState {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Parsed => "parsed",
            Self::Planned => "planned",
            Self::Delivering => "delivering",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::PartlyHeld => "partly_held",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Superseded => "superseded",
        }
    }

    /// Whether nothing of it is under way any more.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Received | Self::Parsed | Self::Planned | Self::Delivering | Self::Waiting
        )
    }
}

/// How many receipts of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the outcomes have their docs at lms::Outcome")]
pub struct ReceiptCounts {
    pub applied: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub deferred: u64,
    pub retry: u64,
    pub unknown: u64,
}

/// An export's file as the run saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFile {
    /// Its name, without its folder.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// blake3 of its bytes.
    pub digest: String,
}

/// Where a run's time went, in milliseconds. What is left of the time from its beginning to its end
/// it waited: for the LMS, a queue, or somebody's word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// Reading the export's files, before the run began.
    pub reading: u64,
    /// Making what was read the newest state of its source.
    pub taking_in: u64,
    /// Comparing, and storing the plan.
    pub planning: u64,
    /// Delivering batches.
    pub delivering: u64,
    /// Writing down in the applied state what was done.
    pub recording: u64,
}

/// A word on a data source key, which a run carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRun {
    /// The key.
    pub key: String,
    /// What was decided; `None` where an earlier decision was lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id; ids sort by time.
    pub id: String,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started: Timestamp,
    /// When it came to rest.
    pub ended: Option<Timestamp>,
    /// Which source its export is of; `None` for a run without an export.
    pub source: Option<String>,
    /// The export.
    pub files: Vec<ExportFile>,
    /// Records of each kind in the export.
    pub records: BTreeMap<Kind, u64>,
    /// Findings: errors, warnings, notes.
    pub findings: [u64; 3],
    /// The target's fingerprint.
    pub target: String,
    /// Version of the configuration.
    pub config_version: String,
    /// The delivered part's checksum.
    pub checksum: Option<String>,
    /// The held part's checksum.
    pub held_checksum: Option<String>,
    /// What is to be delivered.
    pub changes: Counts,
    /// What is held.
    pub held: Counts,
    /// What of the changes counts in a week's limits once it is done.
    #[serde(default)]
    pub counting: Counts,
    /// Batches in the plan.
    pub batches: u64,
    /// Batches that are recorded: also the number of the next one.
    pub delivered: u64,
    /// What became of the changes so far.
    pub receipts: ReceiptCounts,
    /// Requests made to the LMS so far.
    pub calls: u64,
    /// Records that stay parked because the LMS refused them before.
    pub parked: u64,
    /// Records that wait for another record which the LMS does not hold.
    #[serde(default)]
    pub deferred: u64,
    /// Old places of people who move and get the new one first: the next run takes them away.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub old_places: u64,
    /// Whether it waits for the end of quiet hours or of a pause, not for its LMS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rests: bool,
    /// How often it has waited for an LMS that was out of reach.
    #[serde(default)]
    pub waits: u32,
    /// Whether what the LMS refused before is tried again.
    #[serde(default)]
    pub tries_again: bool,
    /// The generation of the source state that it published, to roll back to the one before.
    pub source_generation: Option<u64>,
    /// What its export says, as a digest: another export with the same one says the same, however
    /// its files differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The generation of each source's state that its plan was made from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub planned_from: BTreeMap<String, u64>,
    /// The runs that it takes back, where it is an undoing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverts: Vec<String>,
    /// The run that took this one's export back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverted_by: Option<String>,
    /// The word on a data source key that it carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeRun>,
    /// The approval that let its held part go.
    pub approval: Option<String>,
    /// Where its time went.
    #[serde(default)]
    pub times: Times,
    /// Why it failed or waits, without personal data.
    pub reason: Option<String>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Run {
    /// A run that has just begun.
    pub fn new(id: impl Into<String>, started: Timestamp) -> Self {
        Self {
            id: id.into(),
            state: RunState::Received,
            started,
            ended: None,
            source: None,
            files: Vec::new(),
            records: BTreeMap::new(),
            findings: [0; 3],
            target: String::new(),
            config_version: String::new(),
            checksum: None,
            held_checksum: None,
            changes: Counts::new(),
            held: Counts::new(),
            counting: Counts::new(),
            batches: 0,
            delivered: 0,
            receipts: ReceiptCounts::default(),
            calls: 0,
            parked: 0,
            deferred: 0,
            old_places: 0,
            rests: false,
            waits: 0,
            tries_again: false,
            source_generation: None,
            content: None,
            planned_from: BTreeMap::new(),
            reverts: Vec::new(),
            reverted_by: None,
            scope: None,
            approval: None,
            times: Times::default(),
            reason: None,
        }
    }

    /// The generation that it published and that still counts: not where it was taken back.
    pub fn stands(&self) -> Option<u64> {
        let taken_back = self.reverted_by.is_some() || self.state == RunState::Rejected;
        self.source_generation.filter(|_| !taken_back)
    }

    /// Brings it to rest in `state`.
    pub fn end(&mut self, state: RunState, now: Timestamp) {
        self.state = state;
        self.ended = Some(now);
    }
}

/// A run with the version that its next write must find: every transition is conditional.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// The run.
    pub run: Run,
    version: u64,
}

impl StoredRun {
    /// Stores a new run, together with whatever must be true at the same moment.
    pub async fn create(
        stores: &Stores,
        scope: &Scope,
        run: Run,
        with: Vec<Write>,
    ) -> Result<Self, StoreError> {
        let mut writes = vec![Write::Put {
            key: key(scope, &run.id),
            body: to_json("run", &run)?,
            condition: Condition::Absent,
            expires: None,
        }];
        writes.extend(with);
        stores.table.transact(writes).await?;
        Ok(Self { run, version: 1 })
    }

    /// The run of this id.
    pub async fn load(
        stores: &Stores,
        scope: &Scope,
        id: &str,
    ) -> Result<Option<Self>, StoreError> {
        let item = stores.table.get(&key(scope, id)).await?;
        item.map(|item| Ok(Self { run: from_json("run", &item.body)?, version: item.version }))
            .transpose()
    }

    /// The newest `limit` runs, newest first.
    pub async fn list(
        stores: &Stores,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Self>, StoreError> {
        let mut newest = std::collections::VecDeque::with_capacity(limit);
        let mut after: Option<String> = None;
        loop {
            let page = stores.table.query(&scope.path(), "run/", after.as_deref(), 200).await?;
            for item in page.items {
                if newest.len() == limit {
                    newest.pop_back();
                }
                newest
                    .push_front(Self { run: from_json("run", &item.body)?, version: item.version });
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(newest.into()),
            }
        }
    }

    /// Stores what was changed in `run`.
    pub async fn save(&mut self, stores: &Stores, scope: &Scope) -> Result<(), StoreError> {
        let body = to_json("run", &self.run)?;
        let condition = Condition::Version(self.version);
        self.version = stores.table.put(&key(scope, &self.run.id), body, condition).await?;
        Ok(())
    }

    /// The write that [`StoredRun::save`] would do, for a transaction; after it call
    /// [`StoredRun::saved`].
    pub fn write(&self, scope: &Scope) -> Result<Write, StoreError> {
        Ok(Write::Put {
            key: key(scope, &self.run.id),
            body: to_json("run", &self.run)?,
            condition: Condition::Version(self.version),
            expires: None,
        })
    }

    /// Says that the transaction with [`StoredRun::write`] went through.
    pub fn saved(&mut self) {
        self.version += 1;
    }
}

/// The runs that have come to no end: at most a few.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenRuns {
    /// Their ids, oldest first.
    pub ids: Vec<String>,
    version: u64,
}

impl OpenRuns {
    /// The list as it is now.
    pub async fn load(stores: &Stores, scope: &Scope) -> Result<Self, StoreError> {
        match stores.table.get(&scope.item("open-runs")).await? {
            None => Ok(Self::default()),
            Some(item) => {
                let ids = from_json("list of open runs", &item.body)?;
                Ok(Self { ids, version: item.version })
            }
        }
    }

    /// The write that stores it. It fails where somebody else wrote since: a process that lost its
    /// lease must not take another's run off the list.
    pub fn write(&self, scope: &Scope) -> Result<Write, StoreError> {
        Ok(Write::Put {
            key: scope.item("open-runs"),
            body: to_json("list of open runs", &self.ids)?,
            condition: match self.version {
                0 => Condition::Absent,
                version => Condition::Version(version),
            },
            expires: None,
        })
    }
}

fn key(scope: &Scope, id: &str) -> crate::ItemKey {
    scope.item(format!("run/{id}"))
}
