//! The ports. What each promises is written at its methods, and held by its suite.

mod check;
mod error;
mod objects;
mod queue;
mod table;
mod wake;

pub use check::{
    check_item_key, check_message, check_object_key, check_object_prefix, check_visibility,
    check_writes,
};
pub use error::StoreError;
pub use objects::{MAX_KEY, MAX_KEY_PART, ObjectMeta, Objects};
pub use queue::{DEDUP_WINDOW, MAX_MESSAGE, MAX_NAME, MAX_VISIBILITY, Message, Queue, QueueName};
pub use table::{
    Condition, Item, ItemKey, MAX_BODY, MAX_PK, MAX_SK, MAX_TRANSACTION, MAX_TRANSACTION_BYTES,
    PAGE_BYTES, Page, Table, Write,
};
pub use wake::{Wake, WakeUp};
