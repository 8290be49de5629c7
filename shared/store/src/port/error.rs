//! What can go wrong in a store.

use std::time::Duration;

/// A port's error. [`StoreError::is_retryable`] decides, once, whether trying again can help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A condition did not hold: somebody else wrote first. `index` is the write's place in a
    /// transaction, 0 for a single one.
    #[error("condition failed on `{key}` (write {index})")]
    ConditionFailed {
        /// The item's or object's key.
        key: String,
        /// Place of the first failed write.
        index: usize,
    },
    /// The store asks for a slower pace.
    #[error("store is throttling")]
    Throttled {
        /// How long it asks to wait, where it says.
        retry_after: Option<Duration>,
    },
    /// The store cannot be reached or answers with a passing fault.
    #[error("store is unavailable while trying to {doing}")]
    Unavailable {
        /// What was being done: `put object`.
        doing: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process holds the data folder.
    #[error("data folder is in use by another process (pid {pid})")]
    Locked {
        /// The holder, as far as it is known; 0 where not.
        pid: u32,
    },
    /// The disk or a quota is full.
    #[error("no space left while trying to {doing}")]
    Full {
        /// What was being done.
        doing: &'static str,
    },
    /// A body, key or transaction is over the port's limit.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What: `item body`.
        what: &'static str,
        /// The limit, in bytes or pieces.
        limit: usize,
    },
    /// A key, name or transaction that no store takes. A bug in what called, or a hand-made key.
    #[error("{what} is not valid: {reason}")]
    Invalid {
        /// What: `object key`.
        what: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// Something was to be written through a handle that only reads.
    #[error("cannot {doing}: this store was opened for reading only")]
    ReadOnly {
        /// What was being done.
        doing: &'static str,
    },
    /// What is stored is whole, but not for this program: a folder that it may not use, a version
    /// that it does not know, a file that stands in the way. Nothing was changed.
    #[error("{what} cannot be used: {reason}")]
    Unsupported {
        /// Which file or folder.
        what: String,
        /// Why, and what to do.
        reason: String,
    },
    /// What is stored cannot be read: a bug or a damaged disk; nothing was changed.
    #[error("stored `{what}` is damaged: {reason}")]
    Damaged {
        /// Which item, object or file.
        what: String,
        /// What does not fit.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call can succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }

    /// Whether somebody else wrote first.
    pub fn is_condition_failed(&self) -> bool {
        matches!(self, Self::ConditionFailed { .. })
    }
}
