//! What all pages share: the frame, search, paging, chips.

use std::fmt::Write;

use super::{Count, PAGE, Span, View, safe};
use crate::moodle::{Member, Roles, Standing};

/// The part of the sandbox that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    None,
    Courses,
    People,
    Calls,
}

const STYLE: &str = include_str!("style.css");

/// A whole page.
pub(super) fn page(title: &str, tab: Tab, body: &str) -> String {
    let link = |own: Tab, address: &str, name: &str| {
        let here = if own == tab { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{address}\"{here}>{name}</a>")
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'\">\
         <title>{title} · Sandbox</title><style>{STYLE}</style></head><body>\
         <header><div class=\"bar\"><a class=\"brand\" href=\"/\"><span class=\"mark\"></span>\
         Sandbox<small>simulated Moodle</small></a><nav>{}{}{}</nav></div></header>\
         <main>{body}</main></body></html>\n",
        link(Tab::Courses, "/", "Courses"),
        link(Tab::People, "/people", "People"),
        link(Tab::Calls, "/calls", "Calls"),
        title = safe(title),
    )
}

/// The search field of a list.
pub(super) fn search(address: &str, view: &View, hint: &str) -> String {
    format!(
        "<form class=\"search\" action=\"{address}\" role=\"search\">\
         <input type=\"search\" name=\"q\" value=\"{}\" placeholder=\"{hint}\" aria-label=\"{hint}\">\
         <button>Search</button></form>",
        safe(&view.typed)
    )
}

/// Links to the pages before and after, with where one is. `address` has no query; `kept` are
/// further parameters, encoded.
pub(super) fn pages(address: &str, kept: &str, view: &View, total: usize) -> String {
    if total <= PAGE {
        return String::new();
    }
    let last = (total - 1) / PAGE;
    let link = |page: usize, name: &str, there: bool| {
        if there {
            format!("<a href=\"{address}?page={}{kept}\">{name}</a>", page + 1)
        } else {
            format!("<span>{name}</span>")
        }
    };
    let from = (view.page * PAGE + 1).min(total);
    let to = ((view.page + 1) * PAGE).min(total);
    format!(
        "<nav class=\"pages\" aria-label=\"Pages\">{}<em>{} to {} of {}</em>{}</nav>",
        link(view.page.saturating_sub(1).min(last), "← Earlier", view.page > 0),
        Count(from),
        Count(to),
        Count(total),
        link(view.page + 1, "Later →", view.page < last),
    )
}

/// The search as a further parameter of a link.
pub(super) fn kept_search(view: &View) -> String {
    if view.typed.is_empty() {
        return String::new();
    }
    let mut kept = String::from("&amp;q=");
    for byte in view.typed.bytes() {
        if byte.is_ascii_alphanumeric() {
            kept.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(kept, "%{byte:02X}");
        }
    }
    kept
}

/// A person's roles as chips.
pub(super) fn roles(roles: Roles) -> String {
    let chip = |role: u8| {
        let (class, name) = match role {
            1 => ("lead", "Manager"),
            3 => ("teach", "Teacher"),
            4 => ("assist", "Non-editing teacher"),
            5 => ("learn", "Student"),
            _ => ("", "Other role"),
        };
        format!("<span class=\"chip {class}\">{name}</span>")
    };
    if roles.is_empty() {
        return "<span class=\"chip none\">no role</span>".to_owned();
    }
    roles.iter().map(chip).collect()
}

/// The state of an enrolment, said only where it is not the usual one.
fn standing(standing: Standing, start: i64, end: i64, now: i64) -> &'static str {
    match standing {
        Standing::Suspended => "<span class=\"chip off\">suspended</span>",
        Standing::None => "<span class=\"chip off\">not enrolled</span>",
        Standing::Active if start > now => "<span class=\"chip wait\">not begun</span>",
        Standing::Active if end != 0 && end <= now => "<span class=\"chip wait\">over</span>",
        Standing::Active => "",
    }
}

/// State and dates of an enrolment in one cell.
pub(super) fn enrolment(member: &Member, now: i64) -> String {
    let (start, end) = (member.start(), member.end());
    format!(
        "{} <span class=\"quiet\">{}</span>",
        standing(member.standing, start, end, now),
        Span(start, end)
    )
}

/// Names as quiet chips.
pub(super) fn plain_chips(names: &[String]) -> String {
    names.iter().map(|name| format!("<span class=\"chip\">{}</span>", safe(name))).collect()
}

/// A round sign with the first letters of a name.
pub(super) fn initials(first: &str, last: &str) -> String {
    let letters: String = [first, last]
        .iter()
        // "van der Laan" is filed under L.
        .filter_map(|name| {
            name.chars().find(|letter| letter.is_uppercase()).or(name.trim().chars().next())
        })
        .flat_map(char::to_uppercase)
        .collect();
    format!("<span class=\"face\" aria-hidden=\"true\">{}</span>", safe(&letters))
}
