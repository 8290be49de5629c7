//! The top of a run's page: what it came to and what to do; and its end.

use super::charts;
use super::page::Page;
use crate::label::{capital, clean, kind_words, many, number, span};
use crate::text::shared::{finding_totals, records_in_order};
use crate::verdict::Tone;
use crate::{PastRun, RunView};

/// A longer value takes the room of two.
const LONG: usize = 60;
/// As many files are named.
const FILES: usize = 8;

/// Verdict, what to do, facts.
pub(super) fn head(page: &mut Page, view: &RunView) {
    let verdict = view.verdict();
    let (class, state) = match verdict.tone {
        Tone::Good => ("good", "state good"),
        Tone::Odd => ("odd", "state odd"),
        Tone::Bad => ("bad", "state bad"),
    };
    page.open("header", class).raw("<p class=\"target\">");
    page.element("span", state, &view.state.replace('_', " "));
    page.element("span", "name", &format!("{} / {}", view.tenant, view.integration)).raw(" → ");
    page.element("span", "name", &view.target).close("p");
    page.raw("<h1>").prose(&verdict.sentence).close("h1");
    if let Some(error) = &view.error {
        page.raw("<p class=\"error\">").prose(&capital(&error.message)).close("p");
    }
    charts::outcome(page, view);
    if !verdict.next.is_empty() {
        page.raw("<h2>What to do</h2>\n<ol class=\"next\">\n");
        for step in &verdict.next {
            page.raw("<li>").prose(&step.what);
            if let Some(command) = &step.command {
                page.command(command);
            }
            page.close("li");
        }
        page.close("ol");
    }
    facts(page, view);
    contents(page, view);
    page.close("header").raw("<main>\n");
}

fn facts(page: &mut Page, view: &RunView) {
    page.open("dl", "facts");
    fact(page, "Run", view.run.as_deref().unwrap_or("not kept"));
    fact(page, "Began", &view.started.strftime("%-d %B %Y, %H:%M:%S UTC").to_string());
    fact(page, "Took", &span(view.took));
    fact(page, "LMS calls", &number(view.calls));
    let records = records_in_order(&view.records);
    let records: Vec<_> =
        records.into_iter().map(|(kind, count)| kind_words(kind, count)).collect();
    let files: Vec<_> = view.read.iter().take(FILES).map(|file| clean(file)).collect();
    let more = view.read.len().saturating_sub(files.len()) as u64;
    let more = if more > 0 { format!(" and {}", many(more, "more file")) } else { String::new() };
    fact(page, "Read", &format!("{}{more}", files.join(", ")));
    fact(page, "Records", &records.join(", "));
    fact(page, "Findings", &finding_totals(&view.findings));
    page.close("dl");
}

fn fact(page: &mut Page, name: &str, value: &str) {
    if !value.is_empty() {
        let class = if value.len() > LONG { "long" } else { "" };
        page.open("div", class)
            .element("dt", "", name)
            .raw("<dd>")
            .prose(value)
            .close("dd")
            .close("div");
    }
}

/// Where the page goes from here: its sections, and other pages.
fn contents(page: &mut Page, view: &RunView) {
    let plan = view.plan.as_ref();
    let sections = [
        ("#held", "Held", plan.is_some_and(|plan| plan.held.count > 0)),
        ("#open", "Not as planned", view.receipts.as_ref().is_some_and(|of| !of.groups.is_empty())),
        ("#findings", "Findings", !view.findings.is_empty()),
        ("#changes", "Changes", plan.is_some()),
        ("#people", "People", plan.is_some_and(|plan| plan.people.touched > 0)),
        ("#courses", "Courses", plan.is_some_and(|plan| plan.courses > 0)),
        ("#runs", "The last runs", view.past.len() > 1),
    ];
    page.raw("<nav aria-label=\"On this page, and beside it\">\n");
    for (place, name, _) in sections.into_iter().filter(|(.., is_there)| *is_there) {
        page.raw("<a href=\"").raw(place).raw("\">").text(name).raw("</a>\n");
    }
    if let Some(previous) = &view.beside.previous {
        page.link("../", previous, "/report.html", "← The run before");
    }
    if view.beside.index {
        page.raw("<a href=\"../index.html\">All runs</a>\n");
    }
    page.close("nav");
}

/// What the page is, for whoever finds it on a printer.
pub(super) fn foot(page: &mut Page, view: &RunView) {
    page.raw("</main>\n<footer><p>");
    page.text("Written by Rollcall. This page names people: keep it where only those see it who ");
    page.text("may.");
    if let Some(PastRun { run, .. }) = view.past.last() {
        page.raw(" ").text("Every change of it: ");
        page.raw("<code>").text(&view.command(&format!("show {run} --all"))).raw("</code>");
    }
    page.raw("</p></footer>\n");
}
