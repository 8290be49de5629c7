//! Holding a whole plan: until somebody has looked at it once.

use roster::DecodeError;

use crate::checksum::Summing;
use crate::plan::{ChangeList, Counts};
use crate::{HoldReason, Plan};

/// The plan that delivers nothing of `plan` and holds all of it for `reason`; what is held anyway
/// keeps its own. A plan without changes stays as it is.
///
/// # Errors
/// Where a change does not decode.
pub fn withhold(plan: Plan, reason: &HoldReason) -> Result<Plan, DecodeError> {
    let Plan { mut summary, deliver, held, reasons } = plan;
    let mut all = ChangeList::default();
    let mut why = Vec::with_capacity(usize::try_from(deliver.len() + held.len()).unwrap_or(0));
    let mut counts = Counts::new();
    let mut summing = Summing::new(&summary.config_version);
    let mut later = held.iter().zip(&reasons).peekable();
    let mut earlier = deliver.iter().peekable();
    loop {
        // Both lists are in the order of delivery, and so is what is made of them.
        let take_held = match (earlier.peek(), later.peek()) {
            (None, None) => break,
            (None, Some(_)) => true,
            (Some(Ok(next)), Some((Ok(held), _))) => held.phase() < next.phase(),
            (Some(_), _) => false,
        };
        let (change, reason) = match take_held {
            true => later.next(),
            false => earlier.next().map(|change| (change, reason)),
        }
        .unwrap_or_else(|| unreachable!("one of them has a next"));
        let change = change?;
        // A name for a moment is found anew when the plan goes.
        if change.temporary.is_some() {
            continue;
        }
        *counts.entry(change.kind()).or_default().entry(change.action).or_default() += 1;
        summing.add(&change);
        all.push(&change);
        why.push(reason.clone());
    }
    summary.counts = Counts::new();
    summary.held_counts = counts;
    summary.checksum = Summing::new(&summary.config_version).finish();
    summary.held_checksum = (!all.is_empty()).then(|| summing.finish());
    (summary.calls, summary.millis) = (0, 0);
    Ok(Plan { summary, deliver: ChangeList::default(), held: all, reasons: why })
}
