//! What is remembered of a call, for people to look at.

use std::borrow::Cow;

use jiff::Timestamp;

/// One call of the web service. It holds no parameter and nobody's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// When it came in.
    pub at: Timestamp,
    /// The function; empty where none that exists was named.
    pub function: &'static str,
    /// What it came to.
    pub result: CallResult,
    /// Whether variables beyond the limit were dropped.
    pub cut: bool,
    /// The planned fault that struck it.
    pub fault: Option<&'static str>,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// It was done.
    Done,
    /// It was refused with this code.
    Refused(String),
    /// It never reached the platform.
    Failed,
}

impl CallRecord {
    /// The outcome in a word or two.
    pub fn outcome(&self) -> Cow<'_, str> {
        match &self.result {
            CallResult::Done => Cow::Borrowed("done"),
            CallResult::Failed => Cow::Borrowed("not reached"),
            // The password policy answers a whole page of HTML as its code.
            CallResult::Refused(code) if code.starts_with('<') => Cow::Borrowed("password policy"),
            CallResult::Refused(code) => Cow::Borrowed(code),
        }
    }
}
