//! How far a step has come, for whoever watches.

use roster::Findings;
use store::state::run::Run;

use crate::Planned;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the export; the total is its bytes.
    Reading,
    /// Comparing.
    Planning,
    /// Finishing what an interrupted run left; the total is its batches.
    Recovering,
    /// Sending changes; the total is their number.
    Delivering,
    /// Writing down what was done.
    Recording,
}

/// Somebody who watches. Called often: it must be quick.
pub trait Progress: Send + Sync {
    /// `stage` has come to `done` of `total`; 0 of 0 where neither is known.
    fn at(&self, stage: Stage, done: u64, total: u64);

    /// A plan is made and stored, and delivery is about to begin. By default nothing is done.
    fn planned(&self, _run: &Run, _planned: &Planned, _findings: &Findings) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn at(&self, _: Stage, _: u64, _: u64) {}
}
