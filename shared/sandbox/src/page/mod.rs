//! Pages for people, and the addresses that steer the sandbox.
//!
//! Plain HTML made on the spot, without scripts or anything from elsewhere. Only who asks by a name
//! of this machine gets here.
//!
//! **Never:** a page changes nothing; only `POST /sandbox/faults` does.

mod admin;
mod calls;
mod courses;
mod frame;
mod people;

use std::fmt;

use jiff::Timestamp;

use crate::form::{Form, Key, Place, Value};
use crate::moodle::{Escaped, Site};
use crate::{Method, Request, Response};

/// Rows on one page.
const PAGE: usize = 50;

/// Answers everything that is not the web service.
pub(crate) fn respond(site: &mut Site, request: &Request, now: Timestamp) -> Response {
    let view = View::of(request);
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let found = match (request.method, path.as_slice()) {
        (Method::Get, [""]) => Some(courses::list(site, &view)),
        (Method::Get, ["courses", id]) => {
            id.parse().ok().and_then(|id| courses::one(site, id, &view, now))
        }
        (Method::Get, ["people"]) => Some(people::list(site, &view)),
        (Method::Get, ["people", id]) => id.parse().ok().and_then(|id| people::one(site, id, now)),
        (Method::Get, ["calls"]) => Some(calls::list(site)),
        (_, ["sandbox", ..]) => return admin::respond(site, request, &path),
        _ => None,
    };
    match found {
        Some(page) => Response::html(page),
        None => {
            let body = "<p class=\"empty\">There is nothing at this address.</p>";
            let page = frame::page("Not found", frame::Tab::None, body);
            Response { status: 404, ..Response::html(page) }
        }
    }
}

/// What of a list is asked for.
#[derive(Debug, Default)]
struct View {
    /// The search, in lower case.
    search: String,
    /// The search as it was typed.
    typed: String,
    /// The page, from 0.
    page: usize,
    /// Only this group.
    group: Option<u32>,
}

impl View {
    fn of(request: &Request) -> Self {
        let form = Form::parse(request.query.as_bytes(), Place::Query, 20);
        let mut view = Self::default();
        for (key, value) in form.variables.entries {
            let (Key::Name(key), Value::Text(value)) = (key, value) else { continue };
            match key.as_ref() {
                "q" => view.typed = value.trim().to_owned(),
                "page" => view.page = value.parse::<usize>().unwrap_or(1).saturating_sub(1),
                "group" => view.group = value.parse().ok(),
                _ => {}
            }
        }
        view.search = view.typed.to_lowercase();
        view
    }

    fn finds(&self, texts: &[&str]) -> bool {
        self.search.is_empty()
            || texts.iter().any(|text| text.to_lowercase().contains(&self.search))
    }
}

/// Text made safe for HTML.
fn safe(text: &str) -> Escaped<'_> {
    Escaped(text)
}

/// A day, or a dash for none.
struct Day(i64);

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(time) if self.0 != 0 => {
                write!(out, "{}", time.to_zoned(jiff::tz::TimeZone::UTC).date())
            }
            _ => out.write_str("–"),
        }
    }
}

/// From one day to another; nothing where both are open.
struct Span(i64, i64);

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (0, 0) => Ok(()),
            (start, 0) => write!(out, "from {}", Day(start)),
            (0, end) => write!(out, "until {}", Day(end)),
            (start, end) => write!(out, "{} – {}", Day(start), Day(end)),
        }
    }
}

/// A number with thin spaces between its thousands.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                out.write_str("\u{202f}")?;
            }
            write!(out, "{digit}")?;
        }
        Ok(())
    }
}
