//! Desired against applied: what has to change, in which order, and what is held.
//!
//! **Never:** no I/O, no clock, no randomness here; the same input gives the same plan to the
//! byte.

mod applied;
mod capabilities;
mod change;
mod limits;
mod plan;
mod policy;

pub use applied::{Applied, Meta, Ownership, Parked, Presence};
pub use capabilities::{Capabilities, KindSupport};
pub use change::{Action, Cause, Change, HoldReason, Phase};
pub use limits::{Limit, Limits};
pub use plan::{ChangeList, Checksum, Counts, Plan, Summary};
pub use policy::{KindPolicy, OnRemove, Policy};
