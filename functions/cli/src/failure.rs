//! What ends a command early: one sentence, its causes, what to do next, and an exit code.
//!
//! **Never:** no debug output and no backtrace reaches a user; no message holds personal data.

use std::error::Error;

use delivery::DeliveryError;
use lms::{ErrorClass, LmsError};
use pipeline::PipelineError;
use report::RunError;
use runtime::Exit;
use store::StoreError;

/// What ended a command early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// A stable code for `--json`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Why, from the nearest cause on.
    pub causes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { exit, code, message, causes: Vec::new(), hint: None }
    }

    /// The command line or the configuration does not fit.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The same with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same because of `error` and what caused that.
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        self.causes.push(error.to_string());
        self.sources(error)
    }

    /// The same with what caused `error`, which itself is the message.
    pub fn sources(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            let last = self.causes.last().unwrap_or(&self.message);
            // Some errors repeat what caused them.
            if !last.contains(&text) {
                self.causes.push(text);
            }
            source = cause.source();
        }
        self
    }

    /// As it stands in reports and in `--json`: the causes are part of the message.
    pub fn to_run_error(&self) -> RunError {
        let mut message = self.message.clone();
        for cause in &self.causes {
            message.push_str(": ");
            message.push_str(cause);
        }
        RunError { code: self.code.clone(), message, hint: self.hint.clone() }
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Unreadable { ref source, .. } => {
                Self::new(Exit::Unreadable, source.code(), error.to_string())
                    .hint(source.hint())
                    .sources(&error)
            }
            PipelineError::Refused { .. } => {
                Self::new(Exit::Unreadable, "export-refused", error.to_string())
            }
            PipelineError::Configuration(message) => {
                Self::new(Exit::Usage, "configuration", message)
            }
            PipelineError::StoodOn { ref run, ref later } => {
                let deltas = later.iter().filter(|later| later.is_delta).count();
                let lost = match deltas {
                    0 => String::new(),
                    deltas => {
                        format!("; {deltas} of them are deltas and do not come by themselves")
                    }
                };
                Self::new(Exit::Failed, "later-runs", error.to_string()).hint(format!(
                    "take the last one back first, or all of them{lost}: \
                     rollcall revert {run} --and-later"
                ))
            }
            PipelineError::NotFound(message) => Self::new(Exit::Failed, "not-found", message),
            PipelineError::Busy { .. } => Self::new(Exit::Locked, "locked", error.to_string())
                .hint("wait until it is done; if it died, its lease ends by itself at that time"),
            PipelineError::OtherSite { .. } => {
                Self::new(Exit::Usage, "other-site", error.to_string())
            }
            PipelineError::Unsound { .. } => {
                Self::new(Exit::Failed, "unsound-plan", error.to_string()).hint(
                    "nothing was changed; `rollcall trace KEY` tells what is known of a record",
                )
            }
            PipelineError::Store(error) => error.into(),
            PipelineError::Lms(error) => error.into(),
            PipelineError::Delivery(error) => from_delivery(&error),
            other => Self::new(Exit::Failed, "failed", other.to_string()).sources(&other),
        }
    }
}

/// A store error is told as one, whoever met it.
fn from_delivery(error: &DeliveryError) -> Failure {
    match error {
        DeliveryError::Store(store) => of_store(store),
        DeliveryError::LeaseLost => Failure::new(Exit::Locked, "locked", error.to_string())
            .hint("this process stopped sending; see `rollcall runs` for the other one"),
        DeliveryError::Plan { .. } => {
            Failure::new(Exit::Failed, "damaged", error.to_string()).sources(error)
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        of_store(&error)
    }
}

fn of_store(error: &StoreError) -> Failure {
    let failure = |exit, code: &str| Failure::new(exit, code, error.to_string()).sources(error);
    match error {
        StoreError::Locked { pid: 0 } => {
            Failure::new(Exit::Locked, "locked", "another rollcall is at work in this data folder")
                .hint("wait until it is done; `runs`, `show` and `plan` work meanwhile")
        }
        StoreError::Locked { pid } => Failure::new(
            Exit::Locked,
            "locked",
            format!("another rollcall (process {pid}) is at work in this data folder"),
        )
        .hint("wait until it is done; `runs`, `show` and `plan` work meanwhile"),
        StoreError::Full { .. } => failure(Exit::Failed, "disk-full").hint(
            "make room on that disk and run the same command again: what was done is recorded, \
             the rest goes on from there",
        ),
        StoreError::Damaged { .. } => failure(Exit::Failed, "damaged")
            .hint("restore a backup into a new folder: rollcall restore FILE --data NEW_DIR"),
        StoreError::Unsupported { .. } => failure(Exit::Usage, "unusable-folder"),
        StoreError::Throttled { .. } => failure(Exit::Failed, "throttled"),
        StoreError::Unavailable { .. } => failure(Exit::Failed, "unavailable")
            .hint("check that the data folder may be read and written"),
        _ => failure(Exit::Failed, "store"),
    }
}

impl From<LmsError> for Failure {
    fn from(error: LmsError) -> Self {
        let code = format!("lms-{}", error.class);
        let (message, hint) = match error.class {
            ErrorClass::Auth if error.code == "connect" => (
                "the LMS may not be talked to",
                "check `url`, `ca_file` and `allow_private` in the configuration",
            ),
            ErrorClass::Auth => (
                "the LMS does not let us in",
                "check the token, that its service is on, and the rights of its user",
            ),
            ErrorClass::Throttled => ("the LMS asks us to slow down", "run it again in a while"),
            ErrorClass::Rejected => ("the LMS refused the request", "see the log with -v"),
            ErrorClass::Transient | ErrorClass::Outage | ErrorClass::Unknown => {
                ("the LMS cannot be reached", "check that it is up, and `url` in the configuration")
            }
        };
        let mut failure = Self::new(Exit::Lms, code, message).hint(error.hint.unwrap_or(hint));
        // Class and hint have their own places.
        failure.causes.push(format!("{} answered `{}`", error.call, error.code));
        failure.sources(&error)
    }
}

impl From<runtime::ConfigError> for Failure {
    fn from(error: runtime::ConfigError) -> Self {
        Self::new(Exit::Usage, "configuration", error.to_string())
    }
}

impl From<runtime::config::SelectError> for Failure {
    fn from(error: runtime::config::SelectError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<runtime::secrets::SecretError> for Failure {
    fn from(error: runtime::secrets::SecretError) -> Self {
        Self::new(Exit::Usage, "secret", error.to_string()).sources(&error)
    }
}

impl From<roster::DecodeError> for Failure {
    fn from(error: roster::DecodeError) -> Self {
        let error = StoreError::Damaged { what: "plan".into(), reason: error.to_string() };
        of_store(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let lms = |class| LmsError::new(class, "core_webservice_get_site_info", "x");
        for (failure, exit) in [
            (Failure::from(StoreError::Locked { pid: 7 }), Exit::Locked),
            (Failure::from(StoreError::Full { doing: "put" }), Exit::Failed),
            (Failure::from(lms(ErrorClass::Auth)), Exit::Lms),
            (Failure::from(PipelineError::from(lms(ErrorClass::Outage))), Exit::Lms),
            (Failure::from(PipelineError::Configuration("x".into())), Exit::Usage),
            (Failure::from(PipelineError::Refused { reason: "x".into() }), Exit::Unreadable),
            (Failure::from(PipelineError::from(StoreError::Locked { pid: 0 })), Exit::Locked),
        ] {
            assert_eq!(failure.exit, exit, "{failure:?}");
        }
    }

    #[test]
    fn causes_are_told_once() {
        let error = LmsError::new(ErrorClass::Outage, "f", "http-503");
        let failure = Failure::from(PipelineError::Lms(error));
        assert_eq!(failure.causes, ["f answered `http-503`"]);
        assert!(failure.to_run_error().message.ends_with("answered `http-503`"));
    }
}
