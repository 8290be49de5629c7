//! The four stores together, as what stands above takes them.

use std::fmt;
use std::sync::Arc;

use ambient::Clock;

use crate::memory::{MemoryObjects, MemoryQueue, MemoryTable, MemoryWake};
use crate::port::{Objects, Queue, Table, Wake};

/// One store of each kind. A clone is another handle on the same ones.
#[derive(Clone)]
pub struct Stores {
    /// Exports, plans, receipts, reports.
    pub objects: Arc<dyn Objects>,
    /// State, ledger, runs.
    pub table: Arc<dyn Table>,
    /// Batches on their way.
    pub queue: Arc<dyn Queue>,
    /// What is due when.
    pub wake: Arc<dyn Wake>,
}

impl Stores {
    /// Empty ones in memory, on `clock`.
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        Self {
            objects: Arc::new(MemoryObjects::new()),
            table: Arc::new(MemoryTable::new()),
            queue: Arc::new(MemoryQueue::new(clock)),
            wake: Arc::new(MemoryWake::new()),
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What they hold is personal data, and nothing of it may reach a log.
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}
