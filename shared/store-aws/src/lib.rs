//! The ports of [`store`] on AWS, and what else Rollcall needs there.
//!
//! | what | on AWS | as |
//! |---|---|---|
//! | [`Objects`](store::Objects) | S3: one bucket | [`S3Objects`] |
//! | [`Table`](store::Table) | DynamoDB: one table | [`DynamoTable`] |
//! | [`Queue`](store::Queue) | SQS: two FIFO queues and their dead letters | [`SqsQueue`] |
//! | [`Wake`](store::Wake) | rows in the table, one-time schedules of EventBridge Scheduler | [`ScheduledWake`] |
//! | an integration's timetable | recurring schedules of EventBridge Scheduler | [`Schedules`] |
//! | secrets | Secrets Manager | [`Secrets`] |
//! | events that a function failed at | a standard SQS queue | [`FailedEvents`] |
//! | a school's exports | versions of S3 objects under `incoming/` | [`Exports`], [`ExportReader`] |
//! | one tenant's reach | a role assumed with a session tag | [`Fence`] |
//!
//! [`Clients`] is made once in a process, [`Names`] says what everything is called, and
//! [`aws_stores`] makes the four stores of them.
//!
//! ```no_run
//! # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use store_aws::{Ambience, Clients, Names, aws_stores};
//!
//! let clients = Clients::from_env().await?;
//! let names = Names::from_lookup(|name| std::env::var(name).ok())?;
//! let stores = aws_stores(&clients, &names, &Ambience::system());
//! # Ok(())
//! # }
//! ```
//!
//! What fails comes as a [`store::StoreError`] after the SDK's own retries (five tries with
//! jitter): throttling as `Throttled`, an outage as `Unavailable`, a missing permission or resource
//! as `Unsupported` with what to allow or check. A write whose answer was lost on the way and that
//! is tried again does not fail because of itself; how is said in each module.
//!
//! # Where an emulator is laxer than AWS
//!
//! Our own checks refuse, before any call:
//!
//! | AWS's limit | refused by |
//! |---|---|
//! | item of 400 KB, transaction of 100 items and 4 MB, no key twice | `store::port::check_writes` |
//! | key of 1,024 and 2,048 bytes, not empty | `store::port::check_item_key` |
//! | object key of 1,024 bytes | `store::port::check_object_key` |
//! | group and deduplication id of 128 printable characters, body of 256 KB | `store::port::check_message` |
//! | characters in a message that XML cannot hold | [`SqsQueue`] |
//! | visibility of twelve hours | `store::port::check_visibility` |
//! | schedule expressions, names of 64 characters | [`Schedules`], [`ScheduledWake`] |
//! | `at(...)` in the past | [`ScheduledWake`] |
//! | secret of 64 KB, its name | [`Secrets`] |
//! | stack name that makes no bucket name | [`Names`] |
//! | tenant names in session tags | [`Fence`] |
//!
//! Two of its answers that the suites look at are put right where it is started
//! (`emulator/corrections.py`); that policies hold, and how AWS throttles, cannot be seen there.
//!
//! **Never:** it creates or deletes no table, bucket, queue or role: the template does.

mod clients;
#[cfg(feature = "emulator")]
pub mod emulator;
mod exports;
mod failed;
mod fault;
mod fence;
mod names;
mod objects;
mod pace;
mod queue;
mod secrets;
mod table;
mod wake;

use std::sync::Arc;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use store::Stores;

pub use clients::{Clients, ConnectError, ConnectOptions};
pub use exports::{Export, ExportReader, Exports};
pub use failed::{FailedEvent, FailedEvents};
pub use fence::Fence;
pub use names::{Names, NamesError};
pub use objects::S3Objects;
pub use queue::{SqsQueue, TraceHeader, Wait};
pub use secrets::{SecretError, Secrets};
pub use table::DynamoTable;
pub use wake::{Alarm, Recurring, ScheduledWake, Schedules};

use pace::Pace;

/// What the stores take from their surroundings.
#[derive(Clone)]
pub struct Ambience {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Marks of writes, and jitter.
    pub random: Arc<dyn Random>,
    /// Tells the trace that a sent message belongs to; `None`: none.
    pub trace: Option<TraceHeader>,
    /// Whether a question for a message waits for one.
    pub wait: Wait,
}

impl Ambience {
    /// The machine's time and randomness, no trace, waiting questions.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            trace: None,
            wait: Wait::Second,
        }
    }

    fn pace(&self) -> Pace {
        Pace::new(Arc::clone(&self.clock), Arc::clone(&self.random))
    }
}

impl std::fmt::Debug for Ambience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ambience").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The four stores of the stack that `names` names.
pub fn aws_stores(clients: &Clients, names: &Names, ambience: &Ambience) -> Stores {
    let pace = ambience.pace();
    let queue = SqsQueue::new(clients, names, pace.clone()).wait(ambience.wait);
    let queue = match &ambience.trace {
        Some(trace) => queue.trace(Arc::clone(trace)),
        None => queue,
    };
    Stores {
        objects: Arc::new(S3Objects::new(clients, &names.bucket, pace.clone())),
        table: Arc::new(DynamoTable::new(clients, &names.table, pace.clone())),
        queue: Arc::new(queue),
        wake: Arc::new(ScheduledWake::new(clients, names, pace)),
    }
}

/// The recurring schedules of the stack that `names` names.
pub fn schedules(clients: &Clients, names: &Names, ambience: &Ambience) -> Schedules {
    Schedules::new(clients, names, ambience.pace())
}
