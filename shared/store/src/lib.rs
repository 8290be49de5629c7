//! Where Rollcall keeps what it knows: four small ports, their twins, and the state above them.
//!
//! - [`Objects`]: exports, plans, receipts, reports (S3; a folder).
//! - [`Table`]: state, ledger, runs (DynamoDB; one SQLite file).
//! - [`Queue`]: batches on their way to an LMS (SQS FIFO; the same SQLite file).
//! - [`Wake`]: what is due when (EventBridge Scheduler; rows that `rollcall sweep` fires).
//!
//! The twins in [`memory`] are for tests, those in `embedded` (a cargo feature, on by default) for
//! one machine. Every twin passes the same `suite` (a cargo feature), so that code above may lean
//! on what a port promises and on nothing else. [`Stores`] is one of each, as that code takes them.
//!
//! ```
//! use std::sync::Arc;
//! use store::{Condition, ItemKey, Stores};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), store::StoreError> {
//! let stores = Stores::memory(Arc::new(ambient::SystemClock));
//! let key = ItemKey::new("oakfield", "runs/1");
//! assert_eq!(stores.table.put(&key, b"received".to_vec(), Condition::Absent).await?, 1);
//! assert_eq!(stores.table.put(&key, b"parsed".to_vec(), Condition::Version(1)).await?, 2);
//! let late = stores.table.put(&key, b"rejected".to_vec(), Condition::Version(1)).await;
//! assert!(late.is_err_and(|error| error.is_condition_failed()));
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod memory;
mod overlay;
pub mod port;
pub mod state;
mod stores;
#[cfg(feature = "suite")]
pub mod suite;

#[cfg(feature = "embedded")]
pub use embedded::DataDir;
pub use memory::{MemoryObjects, MemoryQueue, MemoryTable, MemoryWake};
pub use overlay::overlay;
pub use port::{
    Condition, Item, ItemKey, Message, ObjectMeta, Objects, Page, Queue, QueueName, StoreError,
    Table, Wake, WakeUp, Write,
};
pub use stores::Stores;
