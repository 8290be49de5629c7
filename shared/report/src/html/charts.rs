//! Charts: bars of one line, drawn as SVG beside their numbers in text.
//!
//! The text stands outside of the drawing, so that it is as large on a phone as elsewhere; what a
//! bar shows is always there in numbers, too.

use std::time::Duration;

use plan::Action;

use super::page::Page;
use crate::label::{number, span};
use crate::{PastRun, RunView};

/// How wide a whole bar is, in units of the drawing.
const WIDE: u64 = 1000;
/// No part is thinner: what is not nothing is seen.
const THIN: u64 = 6;
/// How many runs are drawn.
const RUNS: usize = 14;

/// A part of a bar.
pub(super) struct Part {
    /// Its colour, a class of the style.
    pub class: &'static str,
    /// What it is.
    pub name: &'static str,
    /// How much.
    pub count: u64,
    /// The same for people.
    pub shown: String,
}

impl Part {
    /// A part that counts.
    pub fn new(class: &'static str, name: &'static str, count: u64) -> Self {
        Self { class, name, count, shown: number(count) }
    }
}

/// A bar of `parts`, as long as `whole` is of the line, and what they are.
pub(super) fn bar_with_legend(page: &mut Page, title: &str, parts: &[Part]) {
    let total = parts.iter().map(|part| part.count).sum();
    bar(page, title, parts, total);
    page.open("ul", "legend");
    for part in parts.iter().filter(|part| part.count > 0) {
        page.raw("<li><span class=\"dot ").raw(part.class).raw("\"></span> ").text(part.name);
        page.raw(" ").element("b", "", &part.shown).close("li");
    }
    page.close("ul");
}

/// A bar, where `whole` would fill the line. Longer ones are cut, and look it.
fn bar(page: &mut Page, title: &str, parts: &[Part], whole: u64) {
    let shown: Vec<&Part> = parts.iter().filter(|part| part.count > 0).collect();
    let words: Vec<String> =
        shown.iter().map(|part| format!("{} {}", part.name, part.shown)).collect();
    page.drawing("bar", WIDE, 10, title, &words.join(", "));
    let total: u64 = shown.iter().map(|part| part.count).sum();
    let mut at = 0;
    for (part, width) in shown.iter().zip(widths(&shown, total.max(whole))) {
        let width = width.min(WIDE.saturating_sub(at));
        page.rect(part.class, at, width.saturating_sub(2).max(1));
        at += width;
    }
    if total > whole {
        page.rect("tear", WIDE - 40, 8).rect("tear", WIDE - 24, 8);
    }
    page.close("svg");
}

/// How wide each part is, where `of` fills the line. What thin parts have too much, the widest one
/// gives.
fn widths(parts: &[&Part], of: u64) -> Vec<u64> {
    let wide =
        |part: &&Part| (u128::from(part.count) * u128::from(WIDE) / u128::from(of.max(1))) as u64;
    let mut widths: Vec<u64> = parts.iter().map(|part| wide(part).max(THIN)).collect();
    let over = widths.iter().sum::<u64>().saturating_sub(WIDE);
    if let Some(widest) = widths.iter_mut().max() {
        *widest = widest.saturating_sub(over).max(THIN);
    }
    widths
}

/// What became of the changes.
pub(super) fn outcome(page: &mut Page, view: &RunView) {
    let counts = view.counts();
    let open = counts.retry + counts.unknown + counts.accepted;
    let parts = [
        Part::new("c-good", "made", counts.applied),
        Part::new("c-held", "held", counts.held),
        Part::new("c-bad", "refused", counts.rejected),
        Part::new("c-wait", "waiting", counts.deferred),
        Part::new("c-open", "open", open),
    ];
    let kinds = parts.iter().filter(|part| part.count > 0).count();
    if kinds > 1 || counts.applied > 0 {
        bar_with_legend(page, "What became of the changes", &parts);
    }
}

/// Where the time went.
pub(super) fn time(page: &mut Page, view: &RunView) {
    let total = view.spent.total();
    if total < Duration::from_millis(1) {
        return;
    }
    page.section("time", "", "Where the time went", &span(total));
    let classes = ["c-read", "c-plan", "c-good", "c-open", "c-wait"];
    let parts = view.spent.parts().into_iter().zip(classes).map(|((name, spent), class)| {
        let count = u64::try_from(spent.as_millis()).unwrap_or(u64::MAX);
        Part { class, name, count, shown: span(spent) }
    });
    bar_with_legend(page, "Where the time went", &parts.collect::<Vec<_>>());
    page.close("section");
}

/// What the last runs changed, one bar each, the newest first.
pub(super) fn history(page: &mut Page, past: &[PastRun], this: Option<&str>, up: &'static str) {
    if past.len() < 2 {
        return;
    }
    let shown = &past[past.len().saturating_sub(RUNS)..];
    page.section("runs", "", "The last runs", "changes by action, the newest run first");
    let whole = scale(shown);
    legend(page, shown);
    page.raw("<ol class=\"runs\">\n");
    for run in shown.iter().rev() {
        let class = if this == Some(run.run.as_str()) { "this" } else { "" };
        page.open("li", class);
        page.raw("<span class=\"when\">");
        run_link(page, run, this, up);
        page.raw("</span>");
        page.element("span", "total", &total_words(run));
        bar(page, &format!("Run of {}", when(run)), &parts(run), whole);
        page.close("li");
    }
    page.raw("</ol>\n");
    if shown.iter().any(|run| total(run) > whole) {
        page.element("p", "note", "A bar with two gaps at its end is longer than there is room.");
    }
    in_numbers(page, shown);
    page.close("section");
}

/// The time of a run, as a link to its page where there is one.
pub(super) fn run_link(page: &mut Page, run: &PastRun, this: Option<&str>, up: &'static str) {
    if run.has_page && this != Some(run.run.as_str()) {
        page.link(up, &run.run, "/report.html", &when(run));
    } else {
        page.text(&when(run));
    }
}

/// When a run began, in UTC.
pub(super) fn when(run: &PastRun) -> String {
    run.started.strftime("%-d %b %Y %H:%M").to_string()
}

fn total(run: &PastRun) -> u64 {
    run.deliverable() + run.receipts.held
}

fn total_words(run: &PastRun) -> String {
    let mut words = vec![number(run.deliverable())];
    if !matches!(run.state.as_str(), "done" | "partly_held") {
        words.insert(0, run.state.replace('_', " "));
    }
    let beside = [(run.receipts.held, "held"), (run.receipts.rejected, "refused")];
    let beside = beside.into_iter().filter(|(count, _)| *count > 0);
    words.extend(beside.map(|(count, word)| format!("{} {word}", number(count))));
    words.join(" · ")
}

/// What one length of the line stands for: the longest bar, unless it dwarfs the others.
fn scale(runs: &[PastRun]) -> u64 {
    let mut totals: Vec<u64> = runs.iter().map(total).filter(|total| *total > 0).collect();
    totals.sort_unstable();
    let longest = totals.last().copied().unwrap_or(1);
    let middle = totals.get(totals.len() / 2).copied().unwrap_or(1);
    match totals.len() {
        0..3 => longest,
        _ => longest.min(middle.saturating_mul(6)),
    }
}

/// Actions in groups that are told apart at a glance: colour and name.
const GROUPS: [(&str, &str); 5] = [
    ("c-new", "created"),
    ("c-same", "changed"),
    ("c-back", "brought back"),
    ("c-gone", "taken away"),
    ("c-held", "held"),
];

/// How many changes of each of [`GROUPS`] a run has.
fn groups(run: &PastRun) -> [u64; 5] {
    let of = |actions: &[Action]| actions.iter().filter_map(|action| run.planned.get(action)).sum();
    [
        of(&[Action::Create, Action::Adopt]),
        of(&[Action::Update, Action::Rekey]),
        of(&[Action::Restore]),
        of(&[Action::Remove, Action::Suspend]),
        run.receipts.held,
    ]
}

fn parts(run: &PastRun) -> Vec<Part> {
    let counted = GROUPS.iter().zip(groups(run));
    counted.map(|((class, name), count)| Part::new(class, name, count)).collect()
}

fn legend(page: &mut Page, runs: &[PastRun]) {
    page.open("ul", "legend");
    for (at, (class, name)) in GROUPS.iter().enumerate() {
        if runs.iter().any(|run| groups(run)[at] > 0) {
            page.raw("<li><span class=\"dot ").raw(class).raw("\"></span> ");
            page.text(name).close("li");
        }
    }
    page.close("ul");
}

fn in_numbers(page: &mut Page, runs: &[PastRun]) {
    page.raw("<details><summary><strong>The same in numbers</strong></summary>");
    let names = GROUPS.iter().map(|(_, name)| *name);
    let head: Vec<&str> = ["run"].into_iter().chain(names).chain(["refused"]).collect();
    page.table("Changes of the last runs by action", &head);
    for run in runs.iter().rev() {
        page.open("tr", "").row_head(&when(run));
        for count in groups(run).into_iter().chain([run.receipts.rejected]) {
            page.cell(&if count == 0 { String::new() } else { number(count) });
        }
        page.close("tr");
    }
    page.end_table();
    page.close("details");
}
