//! From drafts to a plan: the order, the two parts, counts, checksums, the estimate.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hashbrown::HashMap;
use roster::{DecodeError, Kind, Record};

use crate::checksum::Summing;
use crate::draft::{Board, DraftId, Mark, Questions};
use crate::names::Names;
use crate::plan::{ChangeList, Counts, Plan, Summary};
use crate::{Action, Capabilities, Change, HoldReason, Phase};

/// What goes into the summary from elsewhere.
pub(crate) struct Totals {
    pub config_version: roster::Text,
    pub files: Vec<roster::Text>,
    pub parked: u64,
    pub deferred: u64,
    pub kept: u64,
    pub unsupported: BTreeMap<Kind, u64>,
}

/// Whether what is held was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Stays,
    /// It is, but for what needs an answer instead.
    Released(Questions),
}

impl Held {
    /// Whether a draft of this mark is delivered.
    pub(crate) fn lets_go(self, mark: Mark) -> bool {
        match (mark, self) {
            (Mark::Deliver | Mark::Released, _) => true,
            (Mark::Held(reason), Self::Released(questions)) => !questions.has(reason),
            (Mark::Held(_), Self::Stays) | (Mark::Dropped, _) => false,
        }
    }
}

/// Makes the plan.
pub(crate) fn assemble(
    board: &Board,
    names: &[Names],
    capabilities: &Capabilities,
    totals: Totals,
    held: Held,
) -> Result<Plan, DecodeError> {
    let mut deliver = Part::new(&totals.config_version);
    let mut kept_back = Part::new(&totals.config_version);
    let mut reasons = Vec::new();
    for names in names {
        for change in names.temporaries(board, held)? {
            deliver.add(&change);
        }
    }
    for (phase, _) in board.phases() {
        for id in ordered(board, phase)? {
            let into = match board.mark(id) {
                Mark::Dropped => continue,
                Mark::Held(reason) if !held.lets_go(Mark::Held(reason)) => {
                    reasons.push(board.reason_of(reason).clone());
                    &mut kept_back
                }
                Mark::Held(_) | Mark::Deliver | Mark::Released => &mut deliver,
            };
            into.add(&board.change(id)?);
        }
    }
    Ok(finish(deliver, kept_back, reasons, capabilities, totals))
}

/// One of the two parts while it grows.
struct Part {
    list: ChangeList,
    counts: Counts,
    /// By kind, temporary names included: what the LMS is asked to do.
    sent: [u64; 9],
    summing: Summing,
}

impl Part {
    fn new(config_version: &str) -> Self {
        Self {
            list: ChangeList::default(),
            counts: Counts::new(),
            sent: [0; 9],
            summing: Summing::new(config_version),
        }
    }

    fn add(&mut self, change: &Change) {
        self.sent[change.kind() as usize - 1] += 1;
        if change.temporary.is_none() {
            let counts = self.counts.entry(change.kind()).or_default();
            *counts.entry(change.action).or_default() += 1;
        }
        self.summing.add(change);
        self.list.push(change);
    }
}

fn finish(
    deliver: Part,
    held: Part,
    reasons: Vec<HoldReason>,
    capabilities: &Capabilities,
    totals: Totals,
) -> Plan {
    let (mut calls, mut millis) = (0, 0);
    for (at, sent) in deliver.sent.iter().enumerate() {
        calls += sent.div_ceil(u64::from(capabilities.changes_per_call[at].max(1)));
        millis += sent * u64::from(capabilities.millis_per_change[at]);
    }
    let summary = Summary {
        config_version: totals.config_version,
        files: totals.files,
        counts: deliver.counts,
        held_counts: held.counts,
        checksum: deliver.summing.finish(),
        held_checksum: (!held.list.is_empty()).then(|| held.summing.finish()),
        parked: totals.parked,
        deferred: totals.deferred,
        kept: totals.kept,
        unsupported: totals.unsupported,
        calls,
        millis,
    };
    Plan { summary, deliver: deliver.list, held: held.list, reasons }
}

/// The drafts of a phase in the order of delivery: by place; terms and org units with those that
/// they are part of first, and the other way round where they are taken away.
fn ordered(board: &Board, phase: Phase) -> Result<Vec<DraftId>, DecodeError> {
    let is = |action| {
        [Kind::Term, Kind::OrgUnit].iter().any(|kind| Phase::of(*kind, action, false) == phase)
    };
    let (makes, takes) = (is(Action::Create), is(Action::Remove));
    let mut ids: Vec<_> = board.ids(phase).collect();
    if !makes && !takes {
        return Ok(ids);
    }
    let changes = ids.iter().map(|id| board.change(*id)).collect::<Result<Vec<_>, _>>()?;
    let depths = depths(&changes);
    let depth = |id: &DraftId| depths[id.at as usize];
    if takes {
        ids.sort_by_key(|id| Reverse(depth(id)));
    } else {
        ids.sort_by_key(depth);
    }
    Ok(ids)
}

/// How many of the same list each of them stands in.
fn depths(changes: &[Change]) -> Vec<usize> {
    let places: HashMap<&str, usize> =
        changes.iter().enumerate().map(|(at, change)| (change.key().owner().id, at)).collect();
    let up = |at: usize| parent(&changes[at]).and_then(|parent| places.get(parent)).copied();
    let depth = |at| {
        // A ring of parents ends when it is as long as the list.
        std::iter::successors(up(at), |at| up(*at)).take(changes.len()).count()
    };
    (0..changes.len()).map(depth).collect()
}

/// The id of the term or org unit that a changed one is part of.
pub(crate) fn parent(change: &Change) -> Option<&str> {
    match change.after.as_ref().or(change.before.as_ref())? {
        Record::Term(term) => term.parent.as_deref(),
        Record::OrgUnit(unit) => unit.parent.as_deref(),
        _ => None,
    }
}
