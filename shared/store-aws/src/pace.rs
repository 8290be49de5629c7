//! Waiting between our own tries, where the SDK's retries do not reach.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random};

/// How often a call is tried again that conflicts with another's.
pub(crate) const TRIES: u32 = 9;
/// The first wait is up to this long, each later one up to twice the one before.
const FIRST: Duration = Duration::from_millis(25);
/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(1);

/// Time and chance, as this crate takes them.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
    }

    /// Waits after try number `tried` (from 0), at random so that two do not meet again.
    pub(crate) async fn pause(&self, tried: u32) {
        let most = FIRST.saturating_mul(1 << tried.min(10)).min(LONGEST);
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        self.clock.sleep(Duration::from_micros(self.random.below(micros))).await;
    }

    /// 32 hexadecimal digits that nobody else has: the mark of one logical write.
    pub(crate) fn mark(&self) -> String {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64())
    }
}
