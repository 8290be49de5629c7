//! Runs of the past, as a list or chart shows them: without plan or receipts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use plan::Action;
use roster::{Kind, Text};

use super::{Outcome, ReceiptCounts};

/// A run, as far as its own item tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// Its id.
    pub run: Text,
    /// Its state, as in `--json`.
    pub state: Text,
    /// When it began.
    pub started: Timestamp,
    /// How long it took; `None` while it is under way.
    pub took: Option<Duration>,
    /// Which source its export is of; `None` for a run without an export.
    pub source: Option<Text>,
    /// What was planned to be delivered, by action.
    pub planned: BTreeMap<Action, u64>,
    /// What became of it, and how many changes it held.
    pub receipts: ReceiptCounts,
    /// What an approval of the held part names.
    pub held_checksum: Option<String>,
    /// Requests to the LMS.
    pub calls: u64,
    /// Findings: errors, warnings, notes.
    pub findings: [u64; 3],
    /// Why it failed or waits.
    pub reason: Option<String>,
    /// Whether its report page is beside the others.
    pub has_page: bool,
}

impl PastRun {
    /// How many changes it planned to deliver.
    pub fn deliverable(&self) -> u64 {
        self.planned.values().sum()
    }
}

/// Where a run's time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeSpent {
    /// Reading the export and taking it in.
    pub reading: Duration,
    /// Comparing, and storing the plan.
    pub planning: Duration,
    /// Delivering.
    pub delivering: Duration,
    /// Writing down what was done.
    pub recording: Duration,
    /// Waiting: for the LMS, a queue, or another process.
    pub waiting: Duration,
}

impl TimeSpent {
    /// Each part with its name, in the order in which they come.
    pub fn parts(&self) -> [(&'static str, Duration); 5] {
        [
            ("reading", self.reading),
            ("planning", self.planning),
            ("delivering", self.delivering),
            ("writing down", self.recording),
            ("waiting", self.waiting),
        ]
    }

    /// All of it.
    pub fn total(&self) -> Duration {
        self.parts().iter().map(|(_, part)| *part).sum()
    }
}

/// What was not done for one reason, over some runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What became of it: refused, waiting, ...
    pub outcome: Outcome,
    /// The code; empty where there is none.
    pub code: Text,
    /// The kind of record.
    pub kind: Kind,
    /// How many.
    pub count: u64,
    /// The run that it was last seen in.
    pub run: Text,
}
