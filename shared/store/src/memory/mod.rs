//! The twins in memory, for tests and for the seeded world.
//!
//! Each can be looked into as a whole (`items`, `objects`, `messages`, `wakes`) and forked: a fork
//! starts with the same content and goes its own way, so that a test can crash a world at every
//! step. They promise what the ports promise, but for lasting longer than the process.
//!
//! **Never:** no file, no socket, no clock but the one that was handed in.

mod objects;
mod queue;
mod table;
mod wake;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use objects::MemoryObjects;
pub use queue::{MemoryQueue, Queued};
pub use table::MemoryTable;
pub use wake::MemoryWake;

/// Locks. Every change under these locks is made in one step after all checks, so what a panicking
/// thread leaves behind is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
