//! Where Rollcall keeps what it knows: four small ports, their twins, and the state above them.
//!
//! - [`Objects`]: exports, plans, receipts, reports (S3; a folder).
//! - [`Table`]: state, ledger, runs (DynamoDB; one SQLite file).
//! - [`Queue`]: batches on their way to an LMS (SQS FIFO; the same SQLite file).
//! - [`Wake`]: what is due when (EventBridge Scheduler; rows that `rollcall sweep` fires).
//!
//! Every twin passes the same suite (`suite`), so that code above may lean on what a port
//! promises and on nothing else.

pub mod port;

pub use port::{
    Condition, Item, ItemKey, Message, ObjectMeta, Objects, Page, Queue, QueueName, StoreError, Table, Wake,
    WakeUp, Write,
};
