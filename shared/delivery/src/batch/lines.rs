//! What the ledger says of a batch, from what the platform said: a line for each change.

use lms::{MatchedBy, Outcome, Receipt, Survey};
use roster::Text;
use store::state::ledger::{Line, LineResult, Sight};
use store::state::run::ReceiptCounts;

pub(super) fn plain(result: LineResult) -> Line {
    Line { result, lms_id: None, ownership: None, remark: None }
}

/// Whether a part of it was done before time, or the platform, kept it from going on: the platform
/// has made it and said how it is called there.
pub(super) fn is_begun(receipt: &Receipt) -> bool {
    matches!(receipt.outcome, Outcome::NotSent | Outcome::Retry { .. }) && receipt.lms_id.is_some()
}

/// What was begun in an earlier round stays so where this one did not get to it.
pub(super) fn keep_begun(receipt: &mut Receipt, before: Receipt) {
    if receipt.outcome == Outcome::NotSent && receipt.lms_id.is_none() {
        (receipt.lms_id, receipt.ownership) = (before.lms_id, before.ownership);
        receipt.remark = receipt.remark.take().or(before.remark);
    }
}

pub(super) fn line_of(receipt: Receipt) -> Line {
    let begun = is_begun(&receipt);
    let result = match receipt.outcome {
        // The next plan has to look what is there of it.
        _ if begun => LineResult::Unknown,
        Outcome::Applied => LineResult::Applied,
        Outcome::Accepted => LineResult::Accepted,
        Outcome::Rejected { code } => LineResult::Rejected(code),
        Outcome::Deferred { needs } => LineResult::Deferred(Text::from(needs.to_string())),
        Outcome::Retry { code } => LineResult::Retry(code),
        Outcome::Unknown => LineResult::Unknown,
        Outcome::NotSent => LineResult::NotSent,
    };
    Line {
        result,
        lms_id: receipt.lms_id,
        ownership: receipt.ownership.map(Line::word),
        remark: receipt.remark,
    }
}

pub(super) fn sight_of(survey: &Survey) -> Sight {
    match survey {
        Survey::NotNeeded => Sight::NotNeeded,
        Survey::Absent => Sight::Absent,
        Survey::Changed { fields } => Sight::Changed { fields: *fields },
        Survey::Ambiguous { count } => Sight::Ambiguous { count: *count },
        Survey::Found { lms_id, by } => {
            Sight::Found { id: lms_id.clone(), by: Text::new(matched_name(*by)) }
        }
    }
}

pub(super) fn survey_of(sight: &Sight) -> Survey {
    match sight {
        Sight::NotNeeded => Survey::NotNeeded,
        Sight::Absent => Survey::Absent,
        Sight::Changed { fields } => Survey::Changed { fields: *fields },
        Sight::Ambiguous { count } => Survey::Ambiguous { count: *count },
        Sight::Found { id, by } => Survey::Found { lms_id: id.clone(), by: matched_by(by) },
    }
}

const MATCHES: [(MatchedBy, &str); 5] = [
    (MatchedBy::Key, "key"),
    (MatchedBy::Username, "username"),
    (MatchedBy::Email, "email"),
    (MatchedBy::ShortName, "short_name"),
    (MatchedBy::Name, "name"),
];

fn matched_name(by: MatchedBy) -> &'static str {
    MATCHES.iter().find(|(known, _)| *known == by).map_or("key", |(_, name)| name)
}

fn matched_by(name: &str) -> MatchedBy {
    MATCHES.iter().find(|(_, known)| *known == name).map_or(MatchedBy::Key, |(by, _)| *by)
}

pub(super) fn count(lines: &[Line]) -> ReceiptCounts {
    let mut counts = ReceiptCounts::default();
    for line in lines {
        match line.result {
            LineResult::Applied => counts.applied += 1,
            LineResult::Accepted => counts.accepted += 1,
            LineResult::Rejected(_) => counts.rejected += 1,
            LineResult::Deferred(_) => counts.deferred += 1,
            LineResult::Retry(_) | LineResult::NotSent => counts.retry += 1,
            LineResult::Unknown => counts.unknown += 1,
        }
    }
    counts
}

pub(super) fn add(to: &mut ReceiptCounts, more: ReceiptCounts) {
    to.applied += more.applied;
    to.accepted += more.accepted;
    to.rejected += more.rejected;
    to.deferred += more.deferred;
    to.retry += more.retry;
    to.unknown += more.unknown;
}
