//! A whole run: what was read, what was planned, what became of it.

use anstyle::Style;

use super::look::{BAD, BOLD, DIM, GOOD, Look, ODD};
use super::plan::Kept;
use super::{findings, plan, receipts};
use crate::RunView;
use crate::label::{clean, harmless_text, many, span};

/// A run, as far as it came: [`opening`], then [`closing`].
pub fn run(view: &RunView, look: &Look) -> String {
    let mut out = opening(view, look);
    out.push_str(&closing(view, look));
    out
}

/// What was read and what is planned: what can be said before anything is delivered.
pub fn opening(view: &RunView, look: &Look) -> String {
    let mut out = String::new();
    let kept = view.run.as_deref().map(|run| Kept { run, of_export: !view.read.is_empty() });
    head(&mut out, view, look);
    findings::write(&mut out, &view.findings, &view.files, look);
    if let Some(plan) = &view.plan {
        let what = if plan.is_empty() { "" } else { &format!("for {}", clean(&view.target)) };
        look.heading(&mut out, "Plan", what);
        plan::write(&mut out, plan, kept, look);
    }
    out
}

/// What became of it: what did not work, then the state, how long it took, and the report. Begins
/// with an empty line, for it stands behind [`opening`].
pub fn closing(view: &RunView, look: &Look) -> String {
    let mut out = String::new();
    if let Some(view) = &view.receipts {
        receipts::write(&mut out, view, look);
    }
    if !out.is_empty() {
        out.insert(0, '\n');
    }
    out.push('\n');
    end(&mut out, view, look);
    out
}

fn head(out: &mut String, view: &RunView, look: &Look) {
    let who = format!("{} / {}", clean(&view.tenant), clean(&view.integration));
    let run = view.run.as_ref().map(|run| format!("  run {}", clean(run))).unwrap_or_default();
    look.line(out, 0, &[(BOLD, &who), (DIM, &run)]);
    let files: Vec<String> = view.read.iter().map(|file| clean(file)).collect();
    let shown = files.len().min(4);
    let mut read = files[..shown].join(", ");
    if files.len() > shown {
        read.push_str(&format!(" and {}", many((files.len() - shown) as u64, "more file")));
    }
    if !read.is_empty() {
        look.line(out, 0, &[(Style::new(), &read)]);
    }
    if !view.records.is_empty() {
        out.push_str(&findings::records(&view.records, look));
    }
}

fn end(out: &mut String, view: &RunView, look: &Look) {
    if let Some(error) = &view.error {
        // What happened and what to do are worth their length: they are never cut.
        for (row, text) in
            findings::wrap(&harmless_text(&error.message), "error: ", look.width).iter().enumerate()
        {
            let first = if row == 0 { "error: " } else { "  " };
            look.line(out, 0, &[(BAD, first), (BOLD, text)]);
        }
        for text in error
            .hint
            .iter()
            .flat_map(|hint| findings::wrap(&harmless_text(hint), "  ", look.width))
        {
            look.line(out, 2, &[(Style::new(), &text)]);
        }
    }
    let took = format!(" in {}, ", span(view.took));
    let calls = many(view.calls, "LMS call");
    let (style, state) = match (&view.error, view.state.as_str()) {
        (Some(_), state) => (BAD, state),
        (None, "done") => (GOOD, "done"),
        (None, state) => (ODD, state),
    };
    let mut state = clean(&state.replace('_', " "));
    if let Some(first) = state.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let what = view.receipts.as_ref().map(|view| format!(": {}", receipts::totals(&view.counts)));
    let what = what.unwrap_or_default();
    let pieces = [(style, state.as_str()), (DIM, &took), (DIM, &calls), (Style::new(), &what)];
    look.line(out, 0, &pieces);
    if let Some(report) = &view.report {
        let look = &Look { width: usize::MAX, ..*look };
        look.line(out, 0, &[(DIM, "Report: "), (Style::new(), &clean(report))]);
    }
}
