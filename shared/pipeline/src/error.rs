//! What stops a step.

use delivery::DeliveryError;
use lms::LmsError;
use plan::DiffError;
use readers::ReadError;
use roster::DecodeError;
use store::StoreError;

/// Why a step came to no end. What is wrong with records is findings, what the LMS refuses is
/// receipts: neither is an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The export cannot be read; nothing was changed.
    #[error("`{file}` was not taken in")]
    Unreadable {
        /// The file's name.
        file: String,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// The export cannot be taken in for another reason; nothing was changed.
    #[error("the export was not taken in: {reason}")]
    Refused {
        /// Why, and what to do.
        reason: String,
    },
    /// The configuration does not allow it.
    #[error("{0}")]
    Configuration(String),
    /// There is no such run, record or approval.
    #[error("{0}")]
    NotFound(String),
    /// Later exports stand on what is to be taken back.
    #[error(
        "run {run} cannot be taken back alone: {} built on what it brought: {}",
        if later.len() == 1 { "a later run" } else { "later runs" },
        later.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    StoodOn {
        /// The run.
        run: String,
        /// The later ones, oldest first.
        later: Vec<LaterRun>,
    },
    /// The store failed.
    #[error("the state cannot be read or written")]
    Store(#[from] StoreError),
    /// Another process is at work on this integration.
    #[error("`{holder}` is at work on this integration until {until}")]
    Busy {
        /// Who.
        holder: String,
        /// Until when its lease holds.
        until: String,
    },
    /// The comparison failed; nothing was changed.
    #[error("no plan could be made")]
    Diff(#[from] DiffError),
    /// The plan does not stand a second look: it was not stored, and nothing was changed.
    #[error(
        "the plan breaks its own rules and is not delivered: {}; this is a fault of the program: \
         report it with this text",
        told(faults)
    )]
    Unsound {
        /// What is wrong with it; keys, and no personal data.
        faults: Vec<plan::Lint>,
    },
    /// The LMS cannot be worked with at all.
    #[error("the LMS cannot be reached or does not let us in")]
    Lms(#[from] LmsError),
    /// The target is another site than the one that the applied state belongs to.
    #[error(
        "{url} is not the site that it was: the state belongs to site `{known}`, it says `{found}`; \
         restore the address, or use a new integration name to start with an empty state"
    )]
    OtherSite {
        /// The address.
        url: String,
        /// The id it had.
        known: String,
        /// The id it has.
        found: String,
    },
    /// Delivery failed.
    #[error("delivery stopped")]
    Delivery(#[from] DeliveryError),
}

/// A run whose export stands on an earlier one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterRun {
    /// The run.
    pub run: String,
    /// Whose export it was.
    pub source: String,
    /// Whether it was a delta: taken back, it does not come again by itself.
    pub is_delta: bool,
    /// Records in it.
    pub records: u64,
}

impl std::fmt::Display for LaterRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.is_delta { "a delta" } else { "an export" };
        write!(f, "{} ({what} of `{}`, {} records)", self.run, self.source, self.records)
    }
}

/// The first faults, each with its rule.
fn told(faults: &[plan::Lint]) -> String {
    const TOLD: usize = 3;
    let first = faults.iter().take(TOLD).map(|fault| format!("[{}] {fault}", fault.rule()));
    let mut told = first.collect::<Vec<_>>().join("; ");
    if faults.len() > TOLD {
        told.push_str(&format!("; and {} more", faults.len() - TOLD));
    }
    told
}

impl PipelineError {
    pub(crate) fn damaged(what: &str, error: &DecodeError) -> Self {
        Self::Store(StoreError::Damaged { what: what.into(), reason: error.to_string() })
    }
}
