use std::time::Duration;

use super::*;

fn response(status: u16, content_type: &str, body: &str) -> Response {
    Response {
        status,
        content_type: content_type.to_owned(),
        retry_after: None,
        body: body.as_bytes().to_vec(),
    }
}

fn check(effect: Effect, answer: Result<Response, TransportError>, class: ErrorClass, code: &str) {
    let error = classed("f", effect, answer).expect_err(code);
    assert_eq!((error.class, error.code.as_str()), (class, code));
}

fn exception(code: &str) -> Result<Response, TransportError> {
    let body = serde_json::json!({
        "exception": "core\\exception\\moodle_exception",
        "errorcode": code,
        "message": "Jan de Vries <jan@school.invalid>",
        "debuginfo": "jan@school.invalid",
    });
    Ok(response(200, "application/json", &body.to_string()))
}

#[test]
fn refusals_in_json_go_by_their_code() {
    use ErrorClass::{Auth, Outage, Rejected, Transient};
    for (code, class) in [
        ("invalidtoken", Auth),
        ("accessexception", Auth),
        ("nopermissions", Auth),
        ("wsaccessusersuspended", Auth),
        ("forcepasswordchangenotice", Auth),
        ("usernotfullysetup", Auth),
        ("sitemaintenance", Outage),
        ("dbconnectionfailed", Outage),
        ("dmlreadexception", Transient),
        ("dmlwriteexception", Rejected),
        ("invalidparameter", Rejected),
        ("invalidrecordunknown", Rejected),
        ("shortnametaken", Rejected),
        ("wsnoinstance", Rejected),
        ("something_new", Rejected),
    ] {
        check(Effect::Writes, exception(code), class, code);
    }
}

#[test]
fn what_is_no_code_is_not_kept() {
    let html = "<div>Passwords must be at least 8 characters long.</div>";
    check(Effect::Writes, exception(html), ErrorClass::Rejected, "password-refused");
    check(
        Effect::Writes,
        exception("jan@school.invalid"),
        ErrorClass::Rejected,
        "exception-moodle_exception",
    );
    let no_code = r#"{"exception":"Error","message":"Attempt to assign property on null"}"#;
    let answer = Ok(response(200, "application/json", no_code));
    check(Effect::Reads, answer, ErrorClass::Rejected, "exception-Error");
}

#[test]
fn nothing_that_moodle_says_in_words_is_in_an_error() {
    let error = classed("f", Effect::Writes, exception("invalidparameter")).unwrap_err();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("jan") && !shown.contains("Jan"), "{shown}");
    }
}

#[test]
fn other_shapes() {
    use ErrorClass::{Auth, Outage, Rejected, Throttled, Transient, Unknown};
    let xml = "<?xml version=\"1.0\"?><EXCEPTION><ERRORCODE>invalidtoken</ERRORCODE></EXCEPTION>";
    let page = "\n<!DOCTYPE html><html><body>Log in</body></html>";
    let writes = |status, kind, body, class, code| {
        check(Effect::Writes, Ok(response(status, kind, body)), class, code);
    };
    writes(200, "application/xml; charset=utf-8", xml, Rejected, "body-too-large");
    writes(200, "text/html; charset=utf-8", page, Auth, "not-moodle");
    writes(200, "application/json", r#"[{"id":4,"user"#, Unknown, "odd-answer");
    writes(200, "application/json", "", Unknown, "odd-answer");
    writes(403, "text/html", "", Auth, "http-403");
    writes(404, "text/html", page, Auth, "http-404");
    writes(302, "text/html", "", Auth, "http-302");
    writes(413, "text/html", page, Rejected, "http-413");
    writes(500, "text/html", page, Unknown, "http-500");
    writes(502, "text/html", page, Unknown, "http-502");
    writes(504, "text/html", page, Unknown, "http-504");
    writes(503, "text/html", page, Outage, "http-503");
    check(Effect::Reads, Ok(response(502, "", "")), Transient, "http-502");
    check(Effect::Reads, Ok(response(200, "application/json", "[{")), Transient, "odd-answer");
    for status in [429, 503] {
        let mut slow = response(status, "text/html", "");
        slow.retry_after = Some(Duration::from_secs(9));
        let error = classed("f", Effect::Writes, Ok(slow)).unwrap_err();
        assert_eq!((error.class, error.retry_after), (Throttled, Some(Duration::from_secs(9))));
    }
}

#[test]
fn what_was_not_answered() {
    use ErrorClass::{Auth, Transient, Unknown};
    let not_sent = |permanent| TransportError::NotSent { reason: "refused".into(), permanent };
    let silence = || TransportError::NoAnswer { reason: "timeout".into() };
    check(Effect::Writes, Err(not_sent(false)), Transient, "connect");
    check(Effect::Writes, Err(not_sent(true)), Auth, "connect");
    check(Effect::Writes, Err(silence()), Unknown, "no-answer");
    check(Effect::Reads, Err(silence()), Transient, "no-answer");
    check(Effect::Writes, Err(TransportError::TooLarge { limit: 9 }), Unknown, "answer-too-large");
}

#[test]
fn null_and_lists_are_answers() {
    for body in ["null", "[]", r#"{"warnings":[]}"#, r#"{"errorcode_like":1}"#] {
        let answer = Ok(response(200, "application/json", body));
        assert!(classed("f", Effect::Writes, answer).is_ok(), "{body}");
    }
}
