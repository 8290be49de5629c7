//! What stops a delivery.

use store::StoreError;

/// Why a batch could not be delivered and recorded. What the LMS refused is no error but a line
/// of the ledger.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The store failed.
    #[error("the state cannot be read or written")]
    Store(#[from] StoreError),
    /// Somebody else took the lease: this process must not send anything any more.
    #[error("another process has taken over this integration")]
    LeaseLost,
    /// A part of the plan is missing or damaged.
    #[error("batch {batch} of plan {run} {reason}")]
    Plan {
        /// The run.
        run: String,
        /// The batch.
        batch: u64,
        /// What is wrong.
        reason: String,
    },
}

impl DeliveryError {
    /// A store error of a write under the lease: a failed condition means that it is lost.
    pub(crate) fn under_lease(error: StoreError) -> Self {
        if error.is_condition_failed() { Self::LeaseLost } else { Self::Store(error) }
    }
}
