//! What a plan changes: in numbers, by person, by course.

use std::time::Duration;

use roster::Kind;

use super::page::Page;
use crate::label::{many, number, short_id, span};
use crate::text::shared::{count_rows, course_counts, course_line_id, done, standing, title};
use crate::{CourseView, KindView, Line, PlanView, Ties};

/// As many lines are shown without a click.
const SOON_READ: u64 = 5;

/// Counts, people, courses, the rest.
pub(super) fn changes(page: &mut Page, view: &PlanView) {
    let estimate = match view.deliverable() {
        0 => String::new(),
        count => format!(
            "{}, about {} and {}",
            many(count, "change"),
            many(view.summary.calls, "LMS call"),
            span(Duration::from_millis(view.summary.millis)),
        ),
    };
    page.section("changes", "", "What changes", &estimate);
    if view.is_empty() {
        page.element("p", "calm", "Nothing: the LMS holds what the sources say.");
    } else {
        counts(page, view);
    }
    for what in standing(view) {
        page.element("p", "note", &what);
    }
    page.close("section");
    people(page, view);
    courses(page, view);
    let others = view.kinds.iter().filter(|view| view.kind != Kind::Person);
    let others: Vec<&KindView> = others.collect();
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|view| title(view.kind)).collect();
        page.section("others", "", &names.join(", "), "");
        others.into_iter().for_each(|view| actions(page, view, None));
        page.close("section");
    }
}

fn counts(page: &mut Page, view: &PlanView) {
    let summary = &view.summary;
    let held = if view.held.count > 0 { "held" } else { "" };
    let (head, rows) = count_rows(&summary.counts, &summary.held_counts, held);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    page.table("Changes by kind of record and action", &head);
    for row in &rows {
        page.open("tr", "");
        for (at, cell) in row.iter().enumerate() {
            match at {
                0 => page.row_head(cell),
                _ => page.cell(cell),
            };
        }
        page.close("tr");
    }
    page.end_table();
}

fn people(page: &mut Page, view: &PlanView) {
    let people = &view.people;
    if people.touched == 0 {
        return;
    }
    let beside = format!("{} with changes", number(people.touched));
    page.section("people", "", "People", &beside);
    for of in view.kinds.iter().filter(|view| view.kind == Kind::Person) {
        actions(page, of, Some(view));
    }
    if people.moving > 0 {
        fold(page, people.moving).element("strong", "", "join, leave or change courses");
        page.element("span", "count", &number(people.moving)).close("summary");
        page.open("ul", "changes");
        for mover in &people.movers {
            page.open("li", "tilde").element("code", "", mover.key.as_str());
            if let Some(name) = &mover.name {
                page.element("span", "name", name);
            }
            page.element("span", "note", &ties(&mover.ties)).close("li");
        }
        more(page, people.moving, people.movers.len());
        page.close("ul").close("details");
    }
    page.close("section");
}

/// `joins BIO, MAT and 3 more; leaves LAT`
fn ties(ties: &Ties) -> String {
    let named = |word: &str, count: u64, names: &[roster::Text]| {
        let names: Vec<&str> = names.iter().map(roster::Text::as_str).collect();
        let more = count.saturating_sub(names.len() as u64);
        let more = if more > 0 { format!(" and {} more", number(more)) } else { String::new() };
        (count > 0).then(|| format!("{word} {}{more}", names.join(", ")))
    };
    let mut parts: Vec<String> =
        [named("joins", ties.joins, &ties.joined), named("leaves", ties.leaves, &ties.left)]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() && ties.others > 0 {
        parts.push(format!("{} of roles or groups", many(ties.others, "change")));
    }
    parts.join("; ")
}

fn actions(page: &mut Page, view: &KindView, of: Option<&PlanView>) {
    for (action, (count, lines)) in &view.actions {
        let kind = if of.is_some() { String::new() } else { view.kind.name().replace('_', " ") };
        fold(page, *count).element("strong", "", format!("{kind} {}", done(*action)).trim());
        page.element("span", "count", &number(*count)).close("summary").open("ul", "changes");
        for line in lines {
            let ties = of.zip(line.key.person()).and_then(|(of, key)| of.people.ties.get(key));
            change(page, line, &short_id(&line.key), ties);
        }
        more(page, *count, lines.len());
        page.close("ul").close("details");
    }
}

fn courses(page: &mut Page, view: &PlanView) {
    if view.courses == 0 {
        return;
    }
    page.section("courses", "", "Courses", &format!("{} with changes", number(view.courses)));
    view.top_courses.iter().for_each(|of| course(page, of, view.courses));
    let rest = view.courses.saturating_sub(view.top_courses.len() as u64);
    if rest > 0 {
        let text = format!("… and {} with fewer changes", many(rest, "course"));
        page.element("p", "note", &text);
    }
    page.close("section");
}

fn course(page: &mut Page, view: &CourseView, of: u64) {
    // Of many courses each is a line: what is in it unfolds.
    let soon_read = if of > SOON_READ { u64::MAX } else { view.total };
    fold(page, soon_read).element("strong", "", &view.id);
    if let Some(name) = &view.name {
        page.element("span", "name", name);
    }
    page.element("span", "count", &number(view.total));
    let counts = course_counts(view);
    if !counts.is_empty() {
        page.element("span", "sum", &counts);
    }
    page.close("summary").open("ul", "changes");
    for line in &view.lines {
        change(page, line, &course_line_id(line), None);
    }
    more(page, view.total, view.lines.len());
    page.close("ul").close("details");
}

/// A change: its sign in words for who does not see it, id, name, notes, and fields.
pub(super) fn change(page: &mut Page, line: &Line, id: &str, of: Option<&Ties>) {
    let class = match line.sign() {
        '+' => "plus",
        '-' => "minus",
        _ => "tilde",
    };
    page.open("li", class).element("span", "unseen", done(line.action));
    page.element("code", "", id);
    if let Some(name) = line.name.as_ref().filter(|name| *name != id) {
        page.element("span", "name", name);
    }
    for note in [line.note.as_deref(), line.remark()].into_iter().flatten() {
        page.element("span", "note", note);
    }
    if let Some(of) = of {
        page.element("span", "note", &ties(of));
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
pub(super) fn fold(page: &mut Page, count: u64) -> &mut Page {
    let open = if count <= SOON_READ { "<details open>" } else { "<details>" };
    page.raw(open).raw("<summary>")
}

/// `… and 214 more`, where there are more.
pub(super) fn more(page: &mut Page, total: u64, shown: usize) {
    let more = total.saturating_sub(shown as u64);
    if more > 0 {
        page.element("li", "more", &format!("… and {} more", number(more)));
    }
}
