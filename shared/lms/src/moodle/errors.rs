//! The many shapes of refusal, classed once.
//!
//! | answer | class | code |
//! |---|---|---|
//! | 200 `{"errorcode": ..}`, of the token, the service or our rights | auth | Moodle's |
//! | 200 `sitemaintenance`, `dbconnectionfailed`, `upgraderunning` | outage | Moodle's |
//! | 200 `dmlreadexception`, `codingerror` of a lost lock, ... | transient | Moodle's |
//! | 200, any other errorcode | rejected | Moodle's |
//! | 200 in XML: our `json` did not arrive, so neither did the rest | rejected | `body-too-large` |
//! | 413 | rejected | `http-413` |
//! | 429, or 503 with `Retry-After` | throttled | `http-429`, `http-503` |
//! | 503 else | outage | `http-503` |
//! | other 5xx, JSON that ends early | unknown for a write, transient for a read | `http-502`, `odd-answer` |
//! | 403, 401, 404, 3xx, or a web page with 200 | auth | `http-403`, ..., `not-moodle` |
//!
//! **Never:** a message or `debuginfo` of Moodle's is kept: they quote names and addresses.

use serde_json::Value;

use crate::{ErrorClass, LmsError, Response, TransportError};

/// Whether a call changes something: what an answer that never came can mean depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
}

/// The answer's content, or what kind of failure it is.
pub(super) fn classed(
    call: &'static str,
    effect: Effect,
    answer: Result<Response, TransportError>,
) -> Result<Value, LmsError> {
    let response = answer.map_err(|error| unanswered(call, effect, error))?;
    if response.status == 200 {
        return content(call, effect, &response);
    }
    let code = format!("http-{}", response.status);
    let error = |class| {
        let mut error = LmsError::new(class, call, code.clone());
        error.retry_after = response.retry_after;
        error
    };
    Err(match (response.status, response.retry_after) {
        (429, _) | (503, Some(_)) => error(ErrorClass::Throttled),
        (503, None) => error(ErrorClass::Outage)
            .hint("the site is down or in maintenance: the next run tries again"),
        (413, _) => error(ErrorClass::Rejected)
            .hint("the web server refuses requests of this size: lower `max_body`"),
        (401 | 403, _) => error(ErrorClass::Auth).hint(
            "web services or the REST protocol are switched off, or a firewall is in between",
        ),
        (300..=399, _) => error(ErrorClass::Auth)
            .hint("the site answers at another address: put that one into `url`"),
        (400..=499, _) => error(ErrorClass::Auth)
            .hint("there is no Moodle web service at this address: check `url`"),
        _ => error(uncertain(effect)),
    })
}

/// A failure of which nobody knows whether the call was done: for a read that does not matter.
fn uncertain(effect: Effect) -> ErrorClass {
    match effect {
        Effect::Reads => ErrorClass::Transient,
        Effect::Writes => ErrorClass::Unknown,
    }
}

fn unanswered(call: &'static str, effect: Effect, error: TransportError) -> LmsError {
    let (class, code) = match &error {
        TransportError::NotSent { permanent: true, .. } => (ErrorClass::Auth, "connect"),
        TransportError::NotSent { permanent: false, .. } => (ErrorClass::Transient, "connect"),
        TransportError::NoAnswer { .. } => (uncertain(effect), "no-answer"),
        TransportError::TooLarge { .. } => (
            match effect {
                Effect::Reads => ErrorClass::Rejected,
                Effect::Writes => ErrorClass::Unknown,
            },
            "answer-too-large",
        ),
    };
    LmsError { source: Some(error), ..LmsError::new(class, call, code) }
}

fn content(call: &'static str, effect: Effect, response: &Response) -> Result<Value, LmsError> {
    if response.content_type.contains("xml") {
        let error = LmsError::new(ErrorClass::Rejected, call, "body-too-large");
        return Err(error.hint("PHP dropped the request for its size: lower `max_body`"));
    }
    match serde_json::from_slice::<Value>(&response.body) {
        Ok(value) => match value.get("exception") {
            Some(exception) => Err(refusal(call, exception, value.get("errorcode"))),
            None => Ok(value),
        },
        Err(_) if looks_like_a_page(response) => {
            let error = LmsError::new(ErrorClass::Auth, call, "not-moodle");
            Err(error.hint("a web page came back: check `url`, and what stands before the site"))
        }
        Err(_) => Err(LmsError::new(uncertain(effect), call, "odd-answer")),
    }
}

fn looks_like_a_page(response: &Response) -> bool {
    let start = response.body.iter().position(|byte| !byte.is_ascii_whitespace());
    let starts_with_tag = start.is_some_and(|at| {
        let head = response.body[at..].get(..9).unwrap_or_default().to_ascii_lowercase();
        head.starts_with(b"<!doctype") || head.starts_with(b"<html")
    });
    response.content_type.starts_with("text/html") && starts_with_tag
}

fn refusal(call: &'static str, exception: &Value, code: Option<&Value>) -> LmsError {
    let code = safe_code(code.and_then(Value::as_str), exception.as_str().unwrap_or_default());
    let (class, hint) = class_of(&code);
    LmsError { hint, ..LmsError::new(class, call, code) }
}

/// Moodle's error code, made safe to keep: password rules come as HTML in its place, and PHP's
/// own errors have none.
pub(super) fn safe_code(code: Option<&str>, exception: &str) -> String {
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 60
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/' | b':'))
    };
    match code {
        Some(code) if plain(code) => code.to_owned(),
        Some(code) if code.contains('<') => "password-refused".to_owned(),
        _ => {
            let class = exception.rsplit('\\').next().unwrap_or_default();
            if plain(class) { format!("exception-{class}") } else { "exception".to_owned() }
        }
    }
}

fn class_of(code: &str) -> (ErrorClass, Option<&'static str>) {
    match code {
        "invalidtoken" => (
            ErrorClass::Auth,
            Some(
                "the token is wrong, deleted or expired: make a new one in the site's administration",
            ),
        ),
        "accessexception" => (
            ErrorClass::Auth,
            Some(
                "the service is off, lacks this function, excludes our address, or the token expired",
            ),
        ),
        "nopermissions" | "requiredcapability" | "nopermission" => (
            ErrorClass::Auth,
            Some("the service's user lacks a right that this function needs: check its role"),
        ),
        "wsaccessusersuspended"
        | "wsaccessuserdeleted"
        | "wsaccessuserunconfirmed"
        | "wsaccessuserexpired"
        | "wsaccessusernologin" => {
            (ErrorClass::Auth, Some("the account of the web service cannot log in: mend it"))
        }
        "forcepasswordchangenotice" | "usernotfullysetup" | "sitepolicynotagreed" => (
            ErrorClass::Auth,
            Some("log in once with the service's account and finish what it is asked for"),
        ),
        "servicenotavailable"
        | "servicerequireslogin"
        | "enablewsdescription"
        | "invalidiptoken"
        | "restoredaccountresetpassword" => (ErrorClass::Auth, None),
        "sitemaintenance"
        | "dbconnectionfailed"
        | "upgraderunning"
        | "upgrading"
        | "databaseconnectionfailed" => (
            ErrorClass::Outage,
            Some("the site is down or in maintenance: the next run tries again"),
        ),
        "dmlreadexception" | "dmltransactionexception" | "locktimeout" | "cannotobtainlock" => {
            (ErrorClass::Transient, None)
        }
        "wsnoinstance" => (
            ErrorClass::Rejected,
            Some("the course has no manual enrolment: add it under the course's participants"),
        ),
        "wsusercannotassign" => (
            ErrorClass::Rejected,
            Some(
                "the service's role may not assign this role: allow it, or check the id in `roles`",
            ),
        ),
        "password-refused" => {
            (ErrorClass::Rejected, Some("the password breaks the site's password rules"))
        }
        "errorcatcontextnotvalid" => {
            (ErrorClass::Rejected, Some("the category is not there: check `category`"))
        }
        _ => (ErrorClass::Rejected, None),
    }
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
