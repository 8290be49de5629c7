//! The home of many schools on AWS.
//!
//! | function | is woken by | does |
//! |---|---|---|
//! | parse | an upload under `incoming/` | reads the export, makes it the source's newest state ([`Host::upload`]) |
//! | diff | a message of the plan queue | plans, approves, rejects, resumes ([`Host::step`]) |
//! | deliver | a message of the deliver queue | delivers batches until its slice is over ([`Host::batch`]) |
//! | reconcile | a schedule | sweeps, retries, looks for files nobody told of ([`Host::wake`]) |
//!
//! A [`Host`] is made once in a process. For each piece of work it opens one integration: its
//! configuration from the table, its secrets from Secrets Manager, its stores behind the tenant's
//! fence.
//!
//! **Never:** no step is decided here, and nothing of one tenant is read for another.

mod configuration;
mod emf;
mod environment;
mod error;
mod files;
#[cfg(feature = "lambda")]
pub mod lambda;
mod messages;
mod open;
mod wake;

pub use configuration::{CONFIG, VAULT_KEY, integrations, load, remove, save};
pub use emf::{Metric, Metrics};
pub use environment::{Host, Knobs, Private};
pub use error::HostError;
pub use files::Upload;
pub use open::{Open, Reach};
pub use wake::{REDRIVE, Woken};
