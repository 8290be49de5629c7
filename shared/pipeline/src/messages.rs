//! What travels in the queue: pointers, never personal data.

use serde::{Deserialize, Serialize};

/// Points to a batch of a run's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMessage {
    /// The tenant.
    pub tenant: String,
    /// Its integration.
    pub integration: String,
    /// The run.
    pub run: String,
    /// The batch, from 0.
    pub batch: u64,
    /// How often a message for this batch has been sent.
    pub attempt: u32,
}

impl BatchMessage {
    /// Its deduplication id: the tuple that it points to.
    pub fn dedup(&self) -> String {
        let Self { tenant, integration, run, batch, attempt } = self;
        // A FIFO queue takes at most 128 characters, and names may be long.
        let whole = format!("{tenant}/{integration}/{run}/{batch}/{attempt}");
        blake3::hash(whole.as_bytes()).to_hex().to_string()
    }
}
