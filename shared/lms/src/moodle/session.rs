//! The calls of one piece of work: paced, within a deadline, short faults tried again in place.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use ambient::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;

use super::Moodle;
use super::errors::{Effect, classed};
use super::requests::Form;
use crate::{ErrorClass, LmsError};

/// How often a call is tried in all.
const TRIES: u32 = 4;
/// Calls in a row without a usable answer after which nothing more is sent.
const SILENT_CALLS: u32 = 3;
/// The longest wait for a reader who has no deadline.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first wait between tries; it doubles.
const BACKOFF: Duration = Duration::from_millis(250);

/// Why there is no answer to work with.
#[derive(Debug, Clone)]
pub(super) enum Refused {
    /// The call was not made: the work was stopped before.
    NotSent,
    /// It was made and failed.
    Failed(LmsError),
}

impl From<LmsError> for Refused {
    fn from(error: LmsError) -> Self {
        Self::Failed(error)
    }
}

/// The calls of one `apply` or `survey`.
pub(super) struct Session<'a> {
    pub(super) site: &'a Moodle,
    deadline: Option<Timestamp>,
    calls: AtomicU64,
    silent: AtomicU32,
    stopped: Mutex<Option<LmsError>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(site: &'a Moodle, deadline: Option<Timestamp>) -> Self {
        Self {
            site,
            deadline,
            calls: AtomicU64::new(0),
            silent: AtomicU32::new(0),
            stopped: Mutex::new(None),
        }
    }

    /// How many requests were made, and what stopped them.
    pub(super) fn end(self) -> (u64, Option<LmsError>) {
        let stopped = self.stopped.into_inner();
        (self.calls.into_inner(), stopped.unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// A call that changes nothing, read as `T`.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        function: &'static str,
        form: Form,
    ) -> Result<T, Refused> {
        let value = self.call(function, Effect::Reads, form).await?;
        serde_json::from_value(value).map_err(|_| {
            // Serde's own words would quote what the answer held.
            Refused::Failed(LmsError::new(ErrorClass::Rejected, function, "odd-answer"))
        })
    }

    /// A call that changes something.
    pub(super) async fn write(&self, function: &'static str, form: Form) -> Result<Value, Refused> {
        self.call(function, Effect::Writes, form).await
    }

    /// The error for a caller who must have an answer.
    pub(super) fn error(&self, refused: Refused) -> LmsError {
        let stopped = || {
            let stopped = self.stopped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            stopped.clone()
        };
        match refused {
            Refused::Failed(error) => error,
            Refused::NotSent => stopped()
                .unwrap_or_else(|| LmsError::new(ErrorClass::Transient, "moodle", "not-sent")),
        }
    }

    async fn call(
        &self,
        function: &'static str,
        effect: Effect,
        form: Form,
    ) -> Result<Value, Refused> {
        let mut tries = 1;
        loop {
            self.admit(function).await?;
            let timeout = self.site.config.timeout();
            let request = form.clone().request(&self.site.access, function, timeout);
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.site.calls.fetch_add(1, Ordering::Relaxed);
            let error = match classed(function, effect, self.site.transport.send(request).await) {
                Ok(value) => {
                    self.silent.store(0, Ordering::Relaxed);
                    return Ok(value);
                }
                Err(error) => error,
            };
            debug!(function, class = %error.class, code = %error.code, tries, "a call failed");
            let wait = self.wait(&error, tries);
            if !error.is_retryable() || tries == TRIES || !self.has_time_for(wait) {
                return Err(self.give_up(error));
            }
            self.site.clock.sleep(wait).await;
            tries += 1;
        }
    }

    /// Waits a moment, so that two calls that were in each other's way are not so again.
    pub(super) async fn step_aside(&self) {
        self.site.clock.sleep(self.backoff(1)).await;
    }

    /// Waits for this call's turn; refuses it once something stopped the work or time is up.
    async fn admit(&self, function: &'static str) -> Result<(), Refused> {
        let waiting = self.site.pace();
        if !self.has_time_for(waiting) {
            self.stop(LmsError::new(ErrorClass::Transient, function, LmsError::DEADLINE));
        }
        if self.is_stopped() {
            return Err(Refused::NotSent);
        }
        if !waiting.is_zero() {
            self.site.clock.sleep(waiting).await;
        }
        Ok(())
    }

    /// Whether a request that starts after `wait` surely ends before the deadline.
    fn has_time_for(&self, wait: Duration) -> bool {
        let Some(deadline) = self.deadline else { return wait <= PATIENCE };
        let whole = wait.saturating_add(self.site.config.timeout());
        self.site.clock.now().saturating_add(whole).is_ok_and(|end| end <= deadline)
    }

    fn wait(&self, error: &LmsError, tries: u32) -> Duration {
        error.retry_after.unwrap_or_else(|| self.backoff(tries))
    }

    /// Exponential, with jitter of half of it, so that several callers do not return in step.
    fn backoff(&self, tries: u32) -> Duration {
        let whole = BACKOFF * 2_u32.pow(tries - 1);
        let half = u64::try_from(whole.as_millis() / 2).unwrap_or(u64::MAX);
        Duration::from_millis(half + self.site.random.below(half + 1))
    }

    /// Decides whether a failure ends the whole work, and says what became of this call.
    fn give_up(&self, mut error: LmsError) -> Refused {
        if error.class == ErrorClass::Transient && error.code == "connect" {
            // Refused again and again: this is no passing fault.
            error.class = ErrorClass::Outage;
        }
        let stops = match error.class {
            ErrorClass::Auth | ErrorClass::Outage | ErrorClass::Throttled => true,
            ErrorClass::Transient | ErrorClass::Unknown => {
                self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_CALLS
            }
            ErrorClass::Rejected => {
                self.silent.store(0, Ordering::Relaxed);
                false
            }
        };
        if stops {
            let mut why = error.clone();
            if why.class == ErrorClass::Unknown {
                why.class = ErrorClass::Outage;
            }
            self.stop(why);
        }
        Refused::Failed(error)
    }

    /// Goes on after a refusal that was asked for.
    pub(super) fn resume(&self) {
        let mut stopped = self.stopped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *stopped = None;
    }

    fn is_stopped(&self) -> bool {
        self.stopped.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_some()
    }

    /// Ends the work; the first reason stands.
    fn stop(&self, why: LmsError) {
        let mut stopped = self.stopped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        stopped.get_or_insert(why);
    }
}
