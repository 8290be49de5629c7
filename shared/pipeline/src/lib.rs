//! The steps from an export to receipts, the same in every home: one process on one machine, or
//! functions that wake one another.
//!
//! - [`Pipeline::ingest`]: an export becomes the newest source state, or is refused and changes
//!   nothing;
//! - [`Pipeline::plan`]: source states, merged and mapped, against the applied state;
//! - [`Pipeline::deliver`]: one message of the queue, one batch;
//! - [`Pipeline::recover`]: what a run left that came to no end;
//! - [`Pipeline::sweep`]: what is due.
//!
//! [`Pipeline::sync`] is all of them in a row. Level-triggered: every plan compares what is wanted
//! with what is applied, so what was skipped, lost or superseded is planned again by itself.
//!
//! **Never:** nothing here knows a format or an LMS by name.

mod approve;
mod desired;
mod drive;
mod error;
mod findings;
mod folding;
mod ingest;
mod integration;
mod messages;
mod planning;
mod progress;
mod recover;
mod sweep;
mod trace;
mod vault;
mod view;

pub use approve::{Approved, Rejection};
pub use drive::{Pipeline, SyncOutcome};
pub use error::PipelineError;
pub use ingest::{ExportInput, Ingested, ReadExport, ReadSeek, read};
pub use integration::{Integration, Source, Standing};
pub use messages::BatchMessage;
pub use planning::Planned;
pub use progress::{NoProgress, Progress, Stage};
pub use recover::Recovered;
pub use sweep::Swept;
pub use trace::{Enrolled, Trace, TraceEvent};
pub use vault::{OpenVault, Vault};
pub use view::StoredPlan;
