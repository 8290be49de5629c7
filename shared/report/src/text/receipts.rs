//! What became of changes.

use anstyle::Style;

use super::look::{BAD, BOLD, DIM, Look, ODD};
use crate::label::{clean, kind_words, number};
use crate::{Outcome, OutcomeGroup, ReceiptCounts, ReceiptsView, explain};

/// How many records of one reason are shown.
const SHOWN: usize = 3;

/// What became of the changes of a run: counts, then what did not work by its reason.
pub fn receipts(view: &ReceiptsView, look: &Look) -> String {
    let mut out = String::new();
    write(&mut out, view, look);
    out
}

pub(super) fn write(out: &mut String, view: &ReceiptsView, look: &Look) {
    if view.groups.is_empty() {
        return;
    }
    look.heading(out, "Not as planned", "");
    for group in &view.groups {
        one_group(out, group, look);
    }
}

fn one_group(out: &mut String, group: &OutcomeGroup, look: &Look) {
    let style = match group.outcome {
        Outcome::Rejected | Outcome::Unknown => BAD,
        Outcome::Deferred | Outcome::Retry => ODD,
        Outcome::Accepted | Outcome::Applied => DIM,
    };
    let count = format!("  {}", kind_words(group.kind, group.count));
    let code = clean(&group.code);
    let code = if code.is_empty() { code } else { format!("  {code}") };
    let pieces = [(style, group.outcome.name()), (Style::new(), count.as_str()), (BOLD, &code)];
    look.line(out, 2, &pieces);
    look.line(out, 4, &[(DIM, meaning(group))]);
    let examples = group.examples.iter().take(look.fold.of(SHOWN));
    let mut shown = 0;
    for line in examples {
        shown += 1;
        let key = clean(&line.key.to_string());
        let needs = line.needs.as_ref().map(|key| format!("  needs {}", clean(&key.to_string())));
        let at = line.origin.as_ref().map(|at| format!("  {}", clean(at))).unwrap_or_default();
        let pieces = [(Style::new(), key.as_str()), (DIM, &needs.unwrap_or_default()), (DIM, &at)];
        look.line(out, 4, &pieces);
    }
    look.more(out, 4, group.count, shown);
}

/// What to do, or at least what it means.
pub(crate) fn meaning(group: &OutcomeGroup) -> &'static str {
    explain(&group.code).unwrap_or_else(|| group.outcome.meaning())
}

/// `240 applied, 2 rejected`.
pub(crate) fn totals(counts: &ReceiptCounts) -> String {
    let all = [
        (counts.applied, "applied"),
        (counts.accepted, "accepted"),
        (counts.rejected, "rejected"),
        (counts.deferred, "deferred"),
        (counts.retry, "to retry"),
        (counts.unknown, "unanswered"),
        (counts.held, "held"),
    ];
    let some = all.iter().filter(|(count, _)| *count > 0);
    let words: Vec<_> = some.map(|(count, word)| format!("{} {word}", number(*count))).collect();
    if words.is_empty() { "nothing sent".to_owned() } else { words.join(", ") }
}
