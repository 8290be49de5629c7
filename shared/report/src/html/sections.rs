//! The sections of the page.

use std::time::Duration;

use roster::{Findings, Kind, Severity};

use super::page::Page;
use crate::label::{clean, kind_words, many, number, short_id, span};
use crate::text::shared::{
    count_rows, course_counts, course_line_id, finding_totals, meaning, outcome_totals, standing,
    title, why,
};
use crate::view::place;
use crate::{CourseView, KindView, Line, Outcome, PlanView, ReceiptsView, RunView};

/// As many lines are shown without a click.
const SOON_READ: u64 = 5;

/// Title, state, what was read, how it ended.
pub(super) fn head(page: &mut Page, view: &RunView) {
    page.open("header", "");
    let state = match (&view.error, view.state.as_str()) {
        (Some(_), _) => "state bad",
        (None, "done") => "state good",
        (None, _) => "state odd",
    };
    page.element("span", state, &view.state.replace('_', " "));
    page.open("h1", "").text(&view.integration).close("h1");
    page.element("p", "target", &format!("{} → {}", view.tenant, view.target));
    if let Some(error) = &view.error {
        page.open("div", "callout bad").element("strong", "", &error.message);
        if let Some(hint) = &error.hint {
            page.element("p", "", hint);
        }
        page.close("div");
    }
    page.open("dl", "facts");
    fact(page, "Run", view.run.as_deref().unwrap_or("not kept"));
    fact(page, "Began", &view.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    fact(page, "Took", &span(view.took));
    fact(page, "LMS calls", &number(view.calls));
    if let Some(receipts) = &view.receipts {
        fact(page, "Outcome", &outcome_totals(&receipts.counts));
    }
    let mut records: Vec<_> = view.records.iter().filter(|(_, count)| **count > 0).collect();
    records.sort_by_key(|(kind, _)| (**kind != Kind::Person, **kind));
    let records: Vec<_> = records.iter().map(|(kind, count)| kind_words(**kind, **count)).collect();
    fact(page, "Records", &records.join(", "));
    let files: Vec<_> = view.read.iter().take(8).map(|file| clean(file)).collect();
    let more = view.read.len().saturating_sub(files.len());
    let more =
        if more > 0 { format!(" and {}", many(more as u64, "more file")) } else { String::new() };
    fact(page, "Files", &format!("{}{more}", files.join(", ")));
    page.close("dl").close("header");
}

fn fact(page: &mut Page, name: &str, value: &str) {
    if !value.is_empty() {
        page.raw("<div>").element("dt", "", name).element("dd", "", value).close("div");
    }
}

/// Findings by code.
pub(super) fn findings(page: &mut Page, view: &RunView) {
    let findings: &Findings = &view.findings;
    if findings.is_empty() {
        return;
    }
    page.open("section", "").open("h2", "").text("Findings ");
    page.element("small", "", &finding_totals(findings)).close("h2");
    for (severity, code, count) in findings.counts() {
        let class = match severity {
            Severity::Error => "tag bad",
            Severity::Warning => "tag odd",
            Severity::Note => "tag",
        };
        fold(page, count).element("span", class, severity.name());
        page.element("strong", "", code).element("span", "count", &number(count));
        page.close("summary").open("ul", "findings");
        let mut shown = 0;
        for one in findings.kept().iter().filter(|f| f.severity == severity && f.code == code) {
            shown += 1;
            page.open("li", "");
            if let Some(at) = place(&view.files, one.origin) {
                page.element("code", "", &at);
            }
            page.text(" ").text(&one.message).close("li");
        }
        more(page, count, shown);
        page.close("ul").close("details");
    }
    page.close("section");
}

/// The plan: counts, held, persons, courses, the rest.
pub(super) fn plan(page: &mut Page, view: &PlanView, run: Option<&str>) {
    page.open("section", "").open("h2", "").text("Plan ");
    let estimate = format!(
        "{} to deliver, about {} and {}",
        many(view.deliverable(), "change"),
        many(view.summary.calls, "LMS call"),
        span(Duration::from_millis(view.summary.millis)),
    );
    if view.deliverable() > 0 {
        page.element("small", "", &estimate);
    }
    page.close("h2");
    if view.is_empty() {
        page.element("p", "calm", "Nothing changes: the LMS holds what the sources say.");
    } else {
        counts(page, view);
    }
    for what in standing(view) {
        page.element("p", "note", &what);
    }
    page.close("section");
    held(page, view, run);
    view.kinds.iter().filter(|view| view.kind == Kind::Person).for_each(|view| kind(page, view));
    courses(page, view);
    view.kinds.iter().filter(|view| view.kind != Kind::Person).for_each(|view| kind(page, view));
}

fn counts(page: &mut Page, view: &PlanView) {
    let summary = &view.summary;
    let held = if view.held.count > 0 { "held" } else { "" };
    let (head, rows) = count_rows(&summary.counts, &summary.held_counts, held);
    page.raw("<div class=\"wide\"><table class=\"counts\"><thead><tr>");
    for cell in &head {
        page.element("th", "", cell);
    }
    page.raw("</tr></thead><tbody>\n");
    for row in &rows {
        page.raw("<tr>");
        for (at, cell) in row.iter().enumerate() {
            match (at, cell.is_empty()) {
                (0, _) => page.element("th", "", cell),
                (_, true) => page.element("td", "none", "·"),
                (_, false) => page.element("td", "", cell),
            };
        }
        page.close("tr");
    }
    page.raw("</tbody></table></div>\n");
}

fn held(page: &mut Page, view: &PlanView, run: Option<&str>) {
    if view.held.count == 0 {
        return;
    }
    page.open("section", "held").open("h2", "").text("Held ");
    let count = format!("{} for a person to look at", many(view.held.count, "change"));
    page.element("small", "", &count).close("h2");
    for group in &view.held.groups {
        page.element("h3", "", &why(group)).open("ul", "changes");
        for line in &group.examples {
            change(page, line, &short_id(&line.key));
        }
        more(page, group.count, group.examples.len());
        page.close("ul");
    }
    if view.held.more_courses > 0 {
        let text =
            format!("… and {} that would be emptied", many(view.held.more_courses, "more course"));
        page.element("p", "note", &text);
    }
    if let (Some(run), Some(checksum)) = (run, view.summary.held_checksum) {
        let approve = format!("rollcall approve {run} --checksum {checksum}");
        page.raw("<p>If this is meant:</p>").open("pre", "").text(&approve).close("pre");
        page.raw("<p>If it is not:</p>").open("pre", "");
        page.text(&format!("rollcall reject {run}")).close("pre");
    }
    page.close("section");
}

fn kind(page: &mut Page, view: &KindView) {
    let total: u64 = view.actions.values().map(|(count, _)| count).sum();
    page.open("section", "").open("h2", "").text(title(view.kind)).text(" ");
    page.element("small", "", &many(total, "change")).close("h2");
    for (action, (count, lines)) in &view.actions {
        fold(page, *count).element("strong", "", action.name());
        page.element("span", "count", &number(*count)).close("summary").open("ul", "changes");
        for line in lines {
            change(page, line, &short_id(&line.key));
        }
        more(page, *count, lines.len());
        page.close("ul").close("details");
    }
    page.close("section");
}

fn courses(page: &mut Page, view: &PlanView) {
    if view.courses == 0 {
        return;
    }
    page.open("section", "").open("h2", "").text("Courses ");
    page.element("small", "", &format!("{} with changes", number(view.courses))).close("h2");
    view.top_courses.iter().for_each(|view| course(page, view));
    let rest = view.courses.saturating_sub(view.top_courses.len() as u64);
    if rest > 0 {
        let text = format!("… and {} with fewer changes", many(rest, "course"));
        page.element("p", "note", &text);
    }
    page.close("section");
}

fn course(page: &mut Page, view: &CourseView) {
    fold(page, view.total).element("strong", "", &view.id);
    if let Some(name) = &view.name {
        page.element("span", "name", name);
    }
    page.element("span", "count", &number(view.total)).close("summary");
    let counts = course_counts(view);
    if !counts.is_empty() {
        page.element("p", "note", &counts);
    }
    page.open("ul", "changes");
    for line in &view.lines {
        change(page, line, &course_line_id(line));
    }
    more(page, view.total, view.lines.len());
    page.close("ul").close("details");
}

fn change(page: &mut Page, line: &Line, id: &str) {
    let class = match line.sign() {
        '+' => "plus",
        '-' => "minus",
        _ => "tilde",
    };
    page.open("li", class).element("code", "", id);
    if let Some(name) = &line.name {
        page.element("span", "name", name);
    }
    for note in [line.note.as_deref(), line.remark()].into_iter().flatten() {
        page.element("span", "note", note);
    }
    if let Some(origin) = &line.origin {
        page.element("span", "origin", origin);
    }
    if !line.fields.is_empty() {
        page.open("dl", "fields");
        for field in &line.fields {
            page.raw("<div>").element("dt", "", field.field).open("dd", "");
            value(page, "del", field.before.as_deref());
            page.raw(" → ");
            value(page, "ins", field.after.as_deref());
            page.close("dd").close("div");
        }
        page.close("dl");
    }
    page.close("li");
}

fn value(page: &mut Page, tag: &'static str, value: Option<&str>) {
    match value {
        Some(value) => page.element(tag, "", value),
        None => page.element("span", "note", "nothing"),
    };
}

/// Begins a section that folds: open where what is in it is soon read.
fn fold(page: &mut Page, count: u64) -> &mut Page {
    let open = if count <= SOON_READ { "<details open>" } else { "<details>" };
    page.raw(open).raw("<summary>")
}

fn more(page: &mut Page, total: u64, shown: usize) {
    let more = total.saturating_sub(shown as u64);
    if more > 0 {
        page.element("li", "more", &format!("… and {} more", number(more)));
    }
}

/// What did not go as planned.
pub(super) fn receipts(page: &mut Page, view: &ReceiptsView) {
    if view.groups.is_empty() {
        return;
    }
    page.open("section", "").open("h2", "").text("Not as planned ");
    page.element("small", "", &outcome_totals(&view.counts)).close("h2");
    for group in &view.groups {
        let class = match group.outcome {
            Outcome::Rejected | Outcome::Unknown => "tag bad",
            Outcome::Deferred | Outcome::Retry => "tag odd",
            Outcome::Accepted | Outcome::Applied => "tag",
        };
        page.raw("<details open><summary>").element("span", class, group.outcome.name());
        page.element("strong", "", &group.code);
        page.element("span", "name", &kind_words(group.kind, group.count)).close("summary");
        page.element("p", "note", meaning(group)).open("ul", "findings");
        for line in group.examples.iter().take(20) {
            page.open("li", "").element("code", "", &line.key.to_string());
            if let Some(needs) = &line.needs {
                page.element("span", "note", &format!("needs {needs}"));
            }
            if let Some(origin) = &line.origin {
                page.element("span", "origin", origin);
            }
            page.close("li");
        }
        more(page, group.count, group.examples.len().min(20));
        page.close("ul").close("details");
    }
    page.close("section");
}
