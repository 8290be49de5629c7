//! What became of changes: counted, and what did not work grouped by why.

use std::collections::BTreeMap;

use plan::Action;
use roster::{Key, Kind, Text};
use serde::Serialize;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It will not work as it is.
    Rejected,
    /// It waits for another record.
    Deferred,
    /// It was sent and nobody knows.
    Unknown,
    /// It was not done (or not sent) and is tried again.
    Retry,
    /// The platform took it and will tell later.
    Accepted,
    /// It is done.
    Applied,
}

impl Outcome {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
            Self::Unknown => "unknown",
            Self::Retry => "retry",
            Self::Accepted => "accepted",
            Self::Applied => "applied",
        }
    }

    /// What it means, for a heading.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Rejected => "refused by the LMS; not tried again until the record changes",
            Self::Deferred => "waiting for another record",
            Self::Unknown => "sent without an answer; looked up before anything else next time",
            Self::Retry => "not done; tried again",
            Self::Accepted => "taken by the LMS, not yet confirmed",
            Self::Applied => "done",
        }
    }
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// Of which record.
    pub key: Key,
    /// What was to be done.
    pub action: Action,
    /// What became of it.
    pub outcome: Outcome,
    /// The platform's code or ours.
    pub code: Option<Text>,
    /// The record that it waits for.
    pub needs: Option<Key>,
    /// What is odd though it worked, as a code.
    pub remark: Option<Text>,
    /// `file:line` in the export.
    pub origin: Option<String>,
}

/// How many of each outcome, and how many are held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is an outcome; see there")]
pub struct ReceiptCounts {
    pub applied: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub deferred: u64,
    pub retry: u64,
    pub unknown: u64,
    /// Changes of the plan that were not sent because they are held.
    pub held: u64,
}

impl ReceiptCounts {
    /// Counts one.
    pub fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Rejected => &mut self.rejected,
            Outcome::Deferred => &mut self.deferred,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Retry => &mut self.retry,
            Outcome::Accepted => &mut self.accepted,
            Outcome::Applied => &mut self.applied,
        } += 1;
    }
}

/// What did not work, or worked oddly, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeGroup {
    /// What became of them.
    pub outcome: Outcome,
    /// The code; of applied changes, the remark. Empty where there is none.
    pub code: Text,
    /// Their kind.
    pub kind: Kind,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<ReceiptLine>,
}

/// What became of the changes of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptsView {
    /// How many of each.
    pub counts: ReceiptCounts,
    /// What did not work, refusals first; then what worked with a remark.
    pub groups: Vec<OutcomeGroup>,
}

/// How many examples a group holds.
const EXAMPLES: usize = 50;

impl ReceiptsView {
    /// Collects receipts in one pass; `held` changes of the plan got none.
    pub fn collect(receipts: impl Iterator<Item = ReceiptLine>, held: u64) -> Self {
        let mut counts = ReceiptCounts { held, ..ReceiptCounts::default() };
        let mut groups: BTreeMap<(Outcome, Text, Kind), OutcomeGroup> = BTreeMap::new();
        for line in receipts {
            counts.add(line.outcome);
            let code = match (line.outcome, &line.code, &line.remark) {
                (Outcome::Applied, _, None) => continue,
                (Outcome::Applied, _, Some(code)) | (_, Some(code), _) => code.clone(),
                (_, None, _) => Text::default(),
            };
            let (outcome, kind) = (line.outcome, line.key.kind());
            let group = groups.entry((outcome, code.clone(), kind)).or_insert_with(|| {
                OutcomeGroup { outcome, code, kind, count: 0, examples: Vec::new() }
            });
            group.count += 1;
            if group.examples.len() < EXAMPLES {
                group.examples.push(line);
            }
        }
        Self { counts, groups: groups.into_values().collect() }
    }
}
