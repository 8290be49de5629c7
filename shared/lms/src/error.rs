//! What an LMS or the way to it can refuse, classed once.

use std::fmt;
use std::time::Duration;

use crate::TransportError;

/// What kind of failure it is; everything above decides by this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// It will not work as it is: this record, or this request, is refused.
    Rejected,
    /// A passing fault: worth another try in a moment.
    Transient,
    /// Too fast: wait as long as it asks.
    Throttled,
    /// Our credentials or rights are not good: nothing will work until somebody mends them.
    Auth,
    /// It is down or in maintenance: try again much later.
    Outage,
    /// It was sent and no answer came: it may have happened.
    Unknown,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rejected => "rejected",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Auth => "auth",
            Self::Outage => "outage",
            Self::Unknown => "unknown",
        })
    }
}

/// An LMS's refusal or failure.
///
/// `code` and `hint` are ours or the platform's error codes: never the platform's free text,
/// which can quote a name or an address.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{class}: {call} answered `{code}`{}", hint.map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct LmsError {
    /// What kind.
    pub class: ErrorClass,
    /// Which of the platform's functions or addresses was called.
    pub call: &'static str,
    /// The platform's error code, or ours (`http-503`, `connect`, `timeout`).
    pub code: String,
    /// What a person can do about it.
    pub hint: Option<&'static str>,
    /// How long the platform asks to wait.
    pub retry_after: Option<Duration>,
    /// The transport's error, where it was one.
    #[source]
    pub source: Option<TransportError>,
}

impl LmsError {
    /// The code of what was not sent because it could have outlasted the deadline.
    pub const DEADLINE: &str = "deadline";

    /// An error of `class`, answered to `call` with `code`.
    pub fn new(class: ErrorClass, call: &'static str, code: impl Into<String>) -> Self {
        Self { class, call, code: code.into(), hint: None, retry_after: None, source: None }
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Whether nothing is wrong but the time that was given: the rest can be sent in a next round.
    pub fn is_out_of_time(&self) -> bool {
        self.code == Self::DEADLINE
    }

    /// Whether the same request can succeed in a moment.
    pub fn is_retryable(&self) -> bool {
        matches!(self.class, ErrorClass::Transient | ErrorClass::Throttled)
    }
}
