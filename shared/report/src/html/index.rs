//! The runs of an integration, as a page that leads to theirs.

use super::charts;
use super::page::Page;
use crate::PastRun;
use crate::label::{number, span};

/// The page of all runs in `past`, oldest first; `title` says whose they are.
pub fn index(title: &str, past: &[PastRun]) -> String {
    let mut page = Page::new(title);
    page.raw("<header>\n<p class=\"target\">Runs of</p>\n<h1>").text(title).close("h1");
    page.close("header").raw("<main>\n");
    charts::history(&mut page, past, None, "");
    page.section(
        "list",
        "",
        "All runs",
        &format!("{}, the newest first", number(past.len() as u64)),
    );
    let head = ["began", "state", "changes", "made", "refused", "held", "calls", "took"];
    page.table("Runs, the newest first", &head);
    for run in past.iter().rev() {
        page.raw("<tr><th scope=\"row\">");
        charts::run_link(&mut page, run, None, "");
        page.close("th").raw("<td class=\"word\">");
        page.element("span", tag(&run.state), &run.state.replace('_', " ")).close("td");
        let of = &run.receipts;
        for count in [run.deliverable(), of.applied, of.rejected, of.held, run.calls] {
            page.cell(&if count == 0 { String::new() } else { number(count) });
        }
        page.cell(&run.took.map(span).unwrap_or_default()).close("tr");
    }
    page.end_table().close("section");
    page.raw("</main>\n<footer><p>Written by Rollcall. Times are in UTC.</p></footer>\n");
    page.finish()
}

fn tag(state: &str) -> &'static str {
    match state {
        "done" => "tag good",
        "rejected" | "failed" | "waiting" => "tag bad",
        _ => "tag odd",
    }
}
