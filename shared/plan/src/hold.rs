//! What is held, and what with it.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use roster::{DecodeError, Kind};

use crate::course::{Edge, Emptied};
use crate::draft::{Board, DraftId, Mark};
use crate::known::id_hash;
use crate::{Action, HoldReason, Limits, Phase};

/// What the limits are weighed against, per kind.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    /// Records of ours that take part.
    pub held: [u64; 9],
    /// The drafts that take something away and count.
    pub counted: [Vec<DraftId>; 9],
}

impl Weights {
    /// Weighs a kind against no more than it was weighed against when it was held first.
    pub(crate) fn keep_below(&mut self, before: &BTreeMap<Kind, u64>) {
        for (kind, before) in before {
            let held = &mut self.held[*kind as usize - 1];
            *held = (*held).min(*before);
        }
    }
}

/// Holds every counted removal of a kind that has more of them than its limit allows.
pub(crate) fn over_limit(weights: &Weights, limits: &Limits, board: &mut Board) {
    for kind in Kind::ALL {
        let at = kind as usize - 1;
        let (of, drafts) = (weights.held[at], &weights.counted[at]);
        let (count, allowed) = (drafts.len() as u64, limits.of(kind).allowed(of));
        if count > allowed {
            let mark = board.reason(HoldReason::Limit { count, of, allowed });
            drafts.iter().for_each(|draft| {
                board.set(*draft, mark);
            });
        }
    }
}

/// Holds the removals of courses that would lose all their students. Says whether any is new.
pub(crate) fn emptied(courses: &[Emptied], board: &mut Board) -> bool {
    let mut any = false;
    for course in courses {
        let live = course.lost.iter().any(|draft| board.is_live(*draft));
        // Where some of them are held already it loses not all of its students.
        let all = course.lost.iter().all(|draft| board.is_live(*draft));
        if !live || !all || !course.stands(board) {
            continue;
        }
        let mark = board.reason(HoldReason::EmptiesCourse {
            course: course.course.text().clone(),
            students: course.students,
        });
        for draft in &course.lost {
            any |= board.set(*draft, mark);
        }
    }
    any
}

/// Holds what must not go while something else is held. Says whether any is new.
pub(crate) fn along_edges(edges: &[Edge], board: &mut Board) -> Result<bool, DecodeError> {
    let mut any = false;
    for edge in edges {
        if matches!(board.mark(edge.need), Mark::Held(_)) && board.is_live(edge.dependent) {
            let (_, key) = board.head(edge.need)?;
            any |= board.hold_for(edge.dependent, key.to_string());
        }
    }
    Ok(any)
}

/// Holds the removal of every person of whom an enrollment's removal is held: the account would
/// take it along.
pub(crate) fn leavers(board: &mut Board) -> Result<bool, DecodeError> {
    let mut leavers = HashMap::new();
    for id in board.ids(Phase::of(Kind::Person, Action::Remove, false)) {
        let (action, key) = board.head(id)?;
        if action == Action::Remove && board.is_live(id) {
            leavers.insert(id_hash(Kind::Person, key.owner().id), id);
        }
    }
    let mut any = false;
    if leavers.is_empty() {
        return Ok(any);
    }
    for id in board.ids(Phase::of(Kind::Enrollment, Action::Remove, false)) {
        if !matches!(board.mark(id), Mark::Held(_)) {
            continue;
        }
        let (_, key) = board.head(id)?;
        let person = key.person().map(|person| id_hash(Kind::Person, person.as_str()));
        if let Some(leaver) = person.and_then(|person| leavers.get(&person)) {
            any |= board.hold_for(*leaver, key.to_string());
        }
    }
    Ok(any)
}
