//! The steps from an export to receipts, the same in every home: one process on one machine, or
//! functions that wake one another.
//!
//! Where each step has a process of its own, it says what is to be done next and a message carries
//! it on ([`Pipeline::handle_step`], [`Pipeline::handle_batch`]):
//!
//! - [`Pipeline::take_in`]: an export becomes the newest source state, or is refused and changes
//!   nothing;
//! - [`Pipeline::plan_step`]: source states, merged and mapped, against the applied state;
//! - [`Pipeline::deliver_step`]: a run's batches, from where it stands;
//! - [`Pipeline::sweep_step`]: what is due, and what stands still.
//!
//! In one process [`Pipeline::sync`] is all of them in a row, under one lease and without a queue,
//! and [`Pipeline::sweep`] what is due. Level-triggered: every plan compares what is wanted with
//! what is applied, so what was skipped, lost or superseded is planned again by itself.
//!
//! **Never:** nothing here knows a format or an LMS by name.

mod approve;
mod arrivals;
mod credentials;
mod deliver;
mod desired;
mod dispatch;
mod drive;
mod error;
mod findings;
mod folding;
mod forget;
mod gate;
mod identity;
mod ingest;
mod integration;
mod keeping;
mod learned;
mod limits;
mod log;
mod memory;
mod messages;
mod parts;
mod person_keys;
mod planning;
mod progress;
mod provenance;
mod quiet;
mod recover;
mod rekeys;
mod revert;
mod rollback;
mod scope_keys;
mod scopes;
mod shares;
mod steps;
mod sweep;
mod trace;
mod usage;
mod vault;
mod view;

pub use approve::{Approved, Rejection};
pub use arrivals::{Arrival, Arrived, SETTLE, Wholeness};
pub use credentials::{HandOver, WaitingCredential};
pub use delivery::{Handed, hand_over};
pub use dispatch::Handled;
pub use drive::{Pipeline, SyncOutcome};
pub use error::{LaterRun, PipelineError};
pub use folding::FOLD_EVERY;
pub use forget::{Account, Erasure, Forgot};
pub use identity::{Renamed, Said};
pub use ingest::{ExportInput, Ingested, ReadExport, ReadSeek, read};
pub use integration::{FirstSync, Integration, Safety, Source, Speaks, Standing};
pub use keeping::{Cleared, Keeping};
pub use limits::{LONGEST_ALLOWANCE, LimitsNow, Wish};
pub use log::{LogEntry, LogFilter};
pub use messages::{Ask, BatchMessage, Deliver, Envelope, StepMessage, group, queue_of};
pub use planning::Planned;
pub use progress::{NoProgress, Progress, Stage};
pub use provenance::{Claim, Lost, Provenance};
pub use quiet::{Pause, Rest};
pub use recover::Recovered;
pub use revert::{Reverted, TakenBack};
pub use rollback::Later;
pub use scopes::{ScopeAct, ScopeCount, ScopeSaid, Scoped};
pub use steps::{Next, Stepped, TakenIn};
pub use sweep::{Swept, SweptStep};
pub use trace::{Enrolled, Holding, Noticed, Trace, TraceEvent};
pub use usage::Usage;
pub use vault::{OpenVault, Vault};
pub use view::StoredPlan;
