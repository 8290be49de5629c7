//! Desired against applied: what has to change, in which order, and what is held.
//!
//! **Never:** no I/O, no clock, no randomness here; the same input gives the same plan to the
//! byte.

/// A day of the calendar: what windows of limits begin and end with.
pub use jiff::civil::Date as Day;

mod applied;
mod apply;
mod assemble;
mod batch;
mod capabilities;
mod change;
mod checksum;
mod codec;
mod course;
mod decide;
mod diff;
mod draft;
mod field_policy;
mod fields;
mod given_up;
mod hold;
mod identity;
mod join;
mod known;
mod limits;
mod lint;
mod moves;
mod names;
mod past;
mod plan;
mod policy;
mod refs;
mod selection;
mod share;
mod withhold;

pub use applied::{Applied, Meta, Ownership, Parked, Presence};
pub use apply::{Applying, Effect, apply, wanted_digest};
pub use batch::Batch;
pub use capabilities::{Capabilities, KindSupport};
pub use change::{Action, Cause, Change, HoldReason, Part, Phase};
pub use checksum::NotAChecksum;
pub use decide::{Absence, Refused};
pub use diff::{DiffInput, Diffed, diff};
pub use field_policy::{FieldPolicies, FieldPolicy, FieldSet};
pub use identity::{EachPerson, Identity, IdentityRules, Known as KnownPerson, Verdict, judge};
pub use join::{DiffError, Wanted};
pub use limits::{
    Allowance, Limit, LimitTable, Limited, Limits, SharpDrop, Span, Window, day, week,
};
pub use lint::{Lint, Looked, LosingCourses, lint};
pub use moves::{MOVE_WAITS, Moves};
pub use past::{Dropped, Past, Suspects};
pub use plan::{ChangeList, Checksum, Counts, Plan, Summary};
pub use policy::{KindPolicy, OnRemove, Policy};
pub use selection::{Fingerprint, HeldPart, Selector, Singled, held_parts, select};
pub use share::{PartLimits, Share, Shares};
pub use withhold::withhold;
