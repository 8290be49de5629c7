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

impl PipelineError {
    pub(crate) fn damaged(what: &str, error: &DecodeError) -> Self {
        Self::Store(StoreError::Damaged { what: what.into(), reason: error.to_string() })
    }
}
