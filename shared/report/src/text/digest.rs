//! A digest, fit for a mail.

use anstyle::Style;

use super::findings::wrap;
use super::look::{BAD, BOLD, DIM, GOOD, Look, ODD};
use super::table;
use crate::label::{capital, clean, harmless_text, kind_words, many, number};
use crate::{Digest, Outcome, PastRun, explain};

/// As many reasons are named, and as many runs.
const REASONS: usize = 10;
const RUNS: usize = 20;

/// What happened lately: one sentence, what to do, what is held, what was not done, the runs.
pub fn digest(digest: &Digest, look: &Look) -> String {
    let mut out = String::new();
    let who = format!("{} / {}", clean(&digest.tenant), clean(&digest.integration));
    look.line(
        &mut out,
        0,
        &[(BOLD, &who), (DIM, "  for "), (Style::new(), &clean(&digest.target))],
    );
    let day = |time: jiff::Timestamp| time.strftime("%-d %B %Y %H:%M").to_string();
    let when = format!("{} to {} UTC", day(digest.since), day(digest.until));
    look.line(&mut out, 0, &[(DIM, &when)]);
    out.push('\n');
    for text in wrap(&sentence(digest), "", look.width) {
        look.line(&mut out, 0, &[(if needs_nobody(digest) { GOOD } else { ODD }, &text)]);
    }
    held(&mut out, digest, look);
    refusals(&mut out, digest, look);
    stopped(&mut out, digest, look);
    runs(&mut out, digest, look);
    out
}

fn needs_nobody(digest: &Digest) -> bool {
    digest.held.is_none()
        && digest.refusals.is_empty()
        && digest.parked == 0
        && digest.runs.last().is_none_or(|run| matches!(run.state.as_str(), "done" | "partly_held"))
}

/// What there is to know, for who reads no further.
fn sentence(digest: &Digest) -> String {
    let made: u64 = digest.runs.iter().map(|run| run.receipts.applied).sum();
    let began = match digest.runs.len() {
        0 => "There was no run.".to_owned(),
        count => format!(
            "{} made {}.",
            many(count as u64, "run"),
            if made == 0 { "no change".to_owned() } else { many(made, "change") }
        ),
    };
    let mut parts = Vec::new();
    if let Some(held) = &digest.held {
        let verb = if held.count == 1 { "is" } else { "are" };
        parts.push(format!("{} {verb} held until somebody decides", many(held.count, "change")));
    }
    let open = |outcome| {
        digest.refusals.iter().filter(|of| of.outcome == outcome).map(|of| of.count).sum::<u64>()
    };
    let refused = open(Outcome::Rejected).max(digest.parked);
    if refused > 0 {
        let verb = if refused == 1 { "is" } else { "are" };
        parts.push(format!("{} {verb} refused by the LMS", many(refused, "record")));
    }
    let deferred = open(Outcome::Deferred);
    if deferred > 0 {
        let verb = if deferred == 1 { "waits" } else { "wait" };
        parts.push(format!("{} {verb} for another", many(deferred, "record")));
    }
    if let Some(run) = digest.runs.last().filter(|run| is_stopped(run)) {
        parts.push(format!("the newest run is {}", clean(&run.state.replace('_', " "))));
    }
    match parts.is_empty() {
        true => format!("{began} Nothing waits for you."),
        false => format!("{began} {}.", capital(&parts.join(", "))),
    }
}

fn command(out: &mut String, digest: &Digest, look: &Look, what: &str, command: &str) {
    // Commands are for copying: they are never cut.
    let look = &Look { width: usize::MAX, ..*look };
    look.line(
        out,
        2,
        &[(DIM, what), (BOLD, &harmless_text(&format!("rollcall {}{command}", digest.flags)))],
    );
}

fn held(out: &mut String, digest: &Digest, look: &Look) {
    let Some(held) = &digest.held else { return };
    look.heading(out, "Held", &format!("{} for a person to look at", many(held.count, "change")));
    for reason in held.reasons.iter().take(REASONS) {
        look.line(out, 2, &[(ODD, reason)]);
    }
    look.more(out, 2, held.reasons.len() as u64, REASONS.min(held.reasons.len()));
    out.push('\n');
    let run = &held.run;
    command(out, digest, look, "To look at it:     ", &format!("show {run}"));
    if let Some(checksum) = &held.checksum {
        let approve = format!("approve {run} --checksum {checksum}");
        command(out, digest, look, "If this is meant:  ", &approve);
    }
    if held.of_export {
        command(out, digest, look, "If it is not:      ", &format!("reject {run}"));
    }
}

fn refusals(out: &mut String, digest: &Digest, look: &Look) {
    let Some(newest) = digest.refusals.iter().map(|refusal| &refusal.run).max() else {
        return;
    };
    look.heading(out, "Not done", "");
    for refusal in digest.refusals.iter().take(REASONS) {
        let style = match refusal.outcome {
            Outcome::Rejected | Outcome::Unknown => BAD,
            _ => ODD,
        };
        let count = format!("  {}", kind_words(refusal.kind, refusal.count));
        let code = clean(&refusal.code);
        let code = if code.is_empty() { code } else { format!("  {code}") };
        look.line(
            out,
            2,
            &[(style, refusal.outcome.name()), (Style::new(), &count), (BOLD, &code)],
        );
        let what = explain(&refusal.code).unwrap_or_else(|| refusal.outcome.meaning());
        for text in wrap(what, "    ", look.width) {
            look.line(out, 4, &[(DIM, &text)]);
        }
    }
    look.more(out, 2, digest.refusals.len() as u64, REASONS.min(digest.refusals.len()));
    out.push('\n');
    let list = format!("show {newest} --rejects rejects.csv");
    command(out, digest, look, "As a list:         ", &list);
}

/// Whether it came to no good end.
fn is_stopped(run: &PastRun) -> bool {
    matches!(run.state.as_str(), "waiting" | "failed" | "rejected" | "interrupted")
}

/// Runs that came to no good end, and why.
fn stopped(out: &mut String, digest: &Digest, look: &Look) {
    let stopped: Vec<&PastRun> = digest.runs.iter().rev().filter(|run| is_stopped(run)).collect();
    if stopped.is_empty() {
        return;
    }
    look.heading(out, "Did not come to their end", "");
    for run in stopped.iter().take(REASONS) {
        look.line(
            out,
            2,
            &[(ODD, &clean(&run.state.replace('_', " "))), (DIM, "  "), (DIM, &clean(&run.run))],
        );
        let reason = harmless_text(run.reason.as_deref().unwrap_or_default());
        for text in wrap(&reason, "    ", look.width).iter().filter(|text| !text.is_empty()) {
            look.line(out, 4, &[(Style::new(), text)]);
        }
    }
    look.more(out, 2, stopped.len() as u64, REASONS.min(stopped.len()));
}

fn runs(out: &mut String, digest: &Digest, look: &Look) {
    if digest.runs.is_empty() {
        return;
    }
    look.heading(out, "Runs", "the newest first");
    let shown = |count: u64| if count == 0 { String::new() } else { number(count) };
    let row = |run: &PastRun| {
        vec![
            run.started.strftime("%-d %b %H:%M").to_string(),
            clean(&run.state.replace('_', " ")),
            shown(run.receipts.applied),
            shown(run.receipts.rejected),
            shown(run.receipts.held),
            shown(run.findings[0] + run.findings[1]),
        ]
    };
    let rows: Vec<Vec<String>> = digest.runs.iter().rev().take(RUNS).map(row).collect();
    let head = ["began", "state", "made", "refused", "held", "findings"];
    table::write(out, 2, &head, &rows, look);
    look.more(out, 2, digest.runs.len() as u64, rows.len());
}
