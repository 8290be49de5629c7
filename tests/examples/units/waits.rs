//! How long a call takes where everything is simulated but the steps. Assumptions, not measured.

use std::time::Duration;

/// A call to the table.
pub const TABLE: Duration = Duration::from_millis(6);
/// A call to the bucket, and what each MB of it adds.
pub const BUCKET: Duration = Duration::from_millis(30);
/// What each MB of an object adds.
pub const MEGABYTE: Duration = Duration::from_millis(12);
/// A call to a queue, or to the scheduler.
pub const MESSAGE: Duration = Duration::from_millis(12);
