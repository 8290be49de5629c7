//! What is held, part by part.

use plan::HoldReason;

use super::findings::wrap;
use super::look::{BOLD, DIM, Look, ODD};
use super::why::why;
use crate::label::{clean, harmless_text, many, short_id};
use crate::{HoldPart, HoldsView};

/// Each part with its numbers, three examples, what goes with it and what lets it go; at the end
/// what lets go, or refuses, all of it.
pub fn holds(view: &HoldsView, look: &Look) -> String {
    let mut out = String::new();
    let who = format!("{} / {}", clean(&view.tenant), clean(&view.integration));
    let count = format!("  {} for a person to look at", many(view.count, "change"));
    look.line(&mut out, 0, &[(BOLD, &who), (ODD, &count)]);
    let day = view.since.strftime("%-d %B %Y %H:%M").to_string();
    let run = harmless_text(&view.run);
    look.line(&mut out, 0, &[(DIM, &format!("held by run {run}, {day} UTC"))]);
    for part in &view.parts {
        out.push('\n');
        one(&mut out, part, view, look);
    }
    if view.more_courses > 0 {
        let more = format!("… and {} more", many(view.more_courses, "course"));
        look.line(&mut out, 2, &[(DIM, &more)]);
    }
    out.push('\n');
    if let Some(checksum) = view.checksum.filter(|_| has_word(view)) {
        let all = format!("approve {run} --checksum {checksum}");
        command(&mut out, view, look, 2, ("If all is meant:   ", &all));
    }
    if view.of_export {
        command(&mut out, view, look, 2, ("If none of it is:  ", &format!("reject {run}")));
    }
    out
}

/// Whether an approval lets any of it go: what asks about keys alone waits for answers.
fn has_word(view: &HoldsView) -> bool {
    let waits = |why: &HoldReason| {
        use HoldReason::{Needs, Rename, TwoKeys};
        matches!(why, Rename { .. } | TwoKeys { .. } | Needs { .. })
    };
    !view.parts.iter().all(|part| waits(&part.group.why.reason)) || view.more_courses > 0
}

fn one(out: &mut String, part: &HoldPart, view: &HoldsView, look: &Look) {
    let group = &part.group;
    for text in wrap(&why(group), "  ", look.width) {
        look.line(out, 2, &[(ODD, text.trim_start())]);
    }
    for line in &group.examples {
        look.change(out, 4, line, &short_id(&line.key));
    }
    look.more(out, 4, group.count, group.examples.len());
    if part.follow > 0 {
        let verb = if part.follow == 1 { "needs it and goes" } else { "need it and go" };
        let text = format!("{} {verb} with it", many(part.follow, "other change"));
        look.line(out, 4, &[(DIM, &text)]);
    }
    let run = harmless_text(&view.run);
    let is_all = part.checksum == view.checksum;
    if let Some(checksum) = part.checksum.filter(|_| !is_all) {
        let alone = format!("approve {run} --checksum {checksum}");
        command(out, view, look, 4, ("This part alone: ", &alone));
    }
}

fn command(out: &mut String, view: &HoldsView, look: &Look, indent: usize, what: (&str, &str)) {
    // Commands are for copying: they are never cut.
    let look = &Look { width: usize::MAX, ..*look };
    let command = harmless_text(&format!("rollcall {}{}", view.flags, what.1));
    look.line(out, indent, &[(DIM, what.0), (BOLD, &command)]);
}
