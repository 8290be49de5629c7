//! The time, and waiting for it to pass.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Tells the time and waits.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> Timestamp;

    /// Returns once `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock. `sleep` needs a tokio runtime with its time driver.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A simulated clock: it stands still until told otherwise, and a `sleep` moves it on at once.
///
/// With several sleepers in parallel the clock ends at the latest of their wake-up times, as the
/// machine's clock would.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self { now: Mutex::new(start) }
    }

    /// Moves the clock on by `duration`.
    pub fn advance(&self, duration: Duration) {
        let to = self.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        self.reach(to);
    }

    /// Moves the clock on to `time`; does nothing where that has passed already.
    pub fn reach(&self, time: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = (*now).max(time);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        let wake = self.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        tokio::task::yield_now().await;
        self.reach(wake);
    }
}

/// Time that has passed since it was started, read off a [`Clock`].
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    started: Timestamp,
}

impl Stopwatch {
    /// Starts now.
    pub fn start(clock: &dyn Clock) -> Self {
        Self { started: clock.now() }
    }

    /// What has passed since; zero where the clock was set back.
    pub fn elapsed(&self, clock: &dyn Clock) -> Duration {
        Duration::try_from(clock.now().duration_since(self.started)).unwrap_or_default()
    }

    /// The same in whole milliseconds, as it is stored.
    pub fn millis(&self, clock: &dyn Clock) -> u64 {
        u64::try_from(self.elapsed(clock).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_simulated_sleep_moves_the_clock_and_nothing_else_does() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let watch = Stopwatch::start(&clock);
        assert_eq!(watch.elapsed(&clock), Duration::ZERO);
        clock.sleep(Duration::from_secs(90)).await;
        assert_eq!(watch.elapsed(&clock), Duration::from_secs(90));
        clock.reach(Timestamp::UNIX_EPOCH);
        assert_eq!(watch.elapsed(&clock), Duration::from_secs(90), "a clock never goes back");
    }
}
