//! What needs somebody: held changes, refusals, findings.

use roster::{Findings, Kind, Severity};

use super::changes::{change, fold, more};
use super::page::Page;
use crate::label::{capital, kind_words, many, number, short_id};
use crate::text::shared::{finding_totals, meaning, outcome_totals, why};
use crate::view::place;
use crate::{Outcome, ReceiptsView, RunView};

/// As many records of one reason are named.
const EXAMPLES: usize = 20;

/// What is held, why, and how to let it go or refuse it.
pub(super) fn held(page: &mut Page, view: &RunView) {
    let Some(plan) = view.plan.as_ref().filter(|plan| plan.held.count > 0) else { return };
    let count = format!("{} for a person to look at", many(plan.held.count, "change"));
    page.section("held", "attention", "Held", &count);
    for group in &plan.held.groups {
        page.element("h3", "", &capital(&why(group))).open("ul", "changes");
        for line in &group.examples {
            change(page, line, &short_id(&line.key), None);
        }
        more(page, group.count, group.examples.len());
        page.close("ul");
    }
    if plan.held.more_courses > 0 {
        let text =
            format!("… and {} that would be emptied", many(plan.held.more_courses, "more course"));
        page.element("p", "note", &text);
    }
    if let (Some(run), Some(checksum)) = (&view.run, plan.summary.held_checksum) {
        page.raw("<p>If this is meant:</p>");
        page.command(&view.command(&format!("approve {run} --checksum {checksum}")));
        if !view.read.is_empty() {
            page.raw("<p>If it is not:</p>");
            page.command(&view.command(&format!("reject {run}")));
        }
    }
    page.close("section");
}

/// What did not go as planned, by its reason.
pub(super) fn receipts(page: &mut Page, view: &ReceiptsView, has_list: bool) {
    if view.groups.is_empty() {
        return;
    }
    page.section("open", "", "Not as planned", &outcome_totals(&view.counts));
    for group in &view.groups {
        let class = match group.outcome {
            Outcome::Rejected | Outcome::Unknown => "tag bad",
            Outcome::Deferred | Outcome::Retry => "tag odd",
            Outcome::Accepted | Outcome::Applied => "tag",
        };
        fold(page, group.count.min(5)).element("span", class, group.outcome.name());
        page.element("strong", "", &kind_words(group.kind, group.count));
        page.element("span", "code", &group.code).close("summary");
        page.raw("<p class=\"what\">").prose(&sentence(meaning(group))).close("p");
        page.open("ul", "findings");
        for line in group.examples.iter().take(EXAMPLES) {
            page.open("li", "").element("code", "", &short_key(line));
            if let Some(needs) = &line.needs {
                page.element("span", "note", &format!("needs {needs}"));
            }
            if let Some(origin) = &line.origin {
                page.element("span", "origin", origin);
            }
            page.close("li");
        }
        more(page, group.count, group.examples.len().min(EXAMPLES));
        page.close("ul").close("details");
    }
    if has_list {
        page.raw("<p class=\"note\">All of it, for a spreadsheet: ");
        page.raw("<a href=\"rejects.csv\">rejects.csv</a></p>\n");
    }
    page.close("section");
}

fn sentence(text: &str) -> String {
    format!("{}.", capital(text.trim_end_matches('.')))
}

/// The key without its kind, where the heading says that.
fn short_key(line: &crate::ReceiptLine) -> String {
    match (line.key.kind(), line.key.course()) {
        (Kind::Course, _) | (_, None) => short_id(&line.key),
        (_, Some(course)) => format!("{} in {course}", short_id(&line.key)),
    }
}

/// Findings by code.
pub(super) fn findings(page: &mut Page, view: &RunView) {
    let findings: &Findings = &view.findings;
    if findings.is_empty() {
        return;
    }
    page.section("findings", "", "Findings", &finding_totals(findings));
    for (severity, code, count) in findings.counts() {
        let class = match severity {
            Severity::Error => "tag bad",
            Severity::Warning => "tag odd",
            Severity::Note => "tag",
        };
        fold(page, count).element("span", class, severity.name());
        page.element("strong", "", &code.replace('-', " "));
        page.element("span", "count", &number(count)).close("summary");
        page.open("ul", "findings");
        let mut shown = 0;
        for one in findings.kept().iter().filter(|f| f.severity == severity && f.code == code) {
            shown += 1;
            page.open("li", "");
            if let Some(at) = place(&view.files, one.origin) {
                page.element("code", "", &at);
            }
            page.raw(" ").prose(&one.message).close("li");
        }
        more(page, count, shown);
        page.close("ul").close("details");
    }
    page.close("section");
}
