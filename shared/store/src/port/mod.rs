//! The ports. What each promises is written at its methods, and held by its suite.

mod error;
mod objects;
mod queue;
mod table;
mod wake;

pub use error::StoreError;
pub use objects::{ObjectMeta, Objects};
pub use queue::{Message, Queue, QueueName};
pub use table::{Condition, Item, ItemKey, MAX_BODY, MAX_TRANSACTION, Page, Table, Write};
pub use wake::{Wake, WakeUp};
