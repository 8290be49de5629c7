//! Applies a plan to an LMS, batch by batch.
//!
//! One batch goes like this; the numbers are the points at which a crash leaves something to find:
//!
//! 1. references are resolved to LMS ids; a change whose prerequisite has none is deferred;
//! 2. the LMS is asked what it holds of the records that are to be made (reads only);
//! 3. **claim**: the ledger says that requests may start now, and what the survey saw;
//! 4. the adapter sends;
//! 5. **record**: one conditional write says what became of every change.
//!
//! Whoever finds a claim without a record waits until no request of it can be under way, and then
//! does the same with [`lms::Attempt::Again`]: everything is looked up before it is written.
//!
//! **Never:** no request starts without a claim under the lease; nothing is read from a plan that
//! is held.

mod batch;
mod error;
mod resolve;

pub use batch::{
    Courier, Delivered, Handed, Issuing, OpenPassword, Predecessor, SealPassword, Settings,
    hand_over, load_batch, sealing_key,
};
pub use error::DeliveryError;
pub use resolve::{Known, Resolver};
