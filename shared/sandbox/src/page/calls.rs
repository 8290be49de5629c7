//! The last calls of the web service.

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::frame::{self, Tab};
use super::safe;
use crate::moodle::{CallResult, Site};

/// The list of calls, the newest first.
pub(super) fn list(site: &Site) -> String {
    let mut rows = String::new();
    for call in site.calls().rev() {
        let time = call.at.to_zoned(TimeZone::UTC);
        let class = match call.result {
            CallResult::Done => "fine",
            CallResult::Refused(_) | CallResult::Failed => "off",
        };
        let function = if call.function.is_empty() { "unknown function" } else { call.function };
        let fault = call.fault.map_or_else(String::new, |fault| {
            format!("<span class=\"chip wait\">fault: {}</span>", safe(fault))
        });
        let cut = if call.cut { "<span class=\"chip wait\">variables dropped</span>" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(
            rows,
            "<tr><td class=\"main\"><code>{function}</code></td>\
             <td data-label=\"Time\" class=\"quiet\">{}</td>\
             <td data-label=\"Outcome\"><span class=\"chip {class}\">{}</span>{fault}{cut}</td></tr>",
            time.strftime("%Y-%m-%d %H:%M:%S"),
            safe(&call.outcome()),
        );
    }
    let table = if rows.is_empty() {
        "<p class=\"empty\">No call yet.</p>".to_owned()
    } else {
        format!(
            "<table><thead><tr><th>Function</th><th>Time (UTC)</th><th>Outcome</th></tr></thead>\
             <tbody>{rows}</tbody></table>"
        )
    };
    let body = format!(
        "<section><div class=\"head\"><h1>Calls</h1></div><p class=\"quiet\">The last hundred \
         calls of the web service.</p>{table}</section>"
    );
    frame::page("Calls", Tab::Calls, &body)
}
