//! The hosted home on one machine: the real template and the real binaries on an emulator, and
//! simulated Moodles that they reach over HTTP.
//!
//! What the emulator does otherwise than AWS, and what stands in for it here:
//!
//! - it works off a FIFO queue one message after the other over all groups: where tenants are to be
//!   served side by side, [`Poller`] hands each group's messages to the functions in parallel, as
//!   AWS does;
//! - it has a visibility of at least 90 seconds from the template: [`Aws::hide_for`] makes it shorter,
//!   so that a killed function's message comes again within the test's time;
//! - it enforces no IAM: what roles allow is checked over the template, by `infra/check`.
//!
//! **Never:** nothing here reaches a real account: every address is of this machine.

mod aws;
mod http;
mod poller;
mod school;

pub use aws::{Aws, Taken};
pub use poller::Poller;
pub use school::School;
