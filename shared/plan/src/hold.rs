//! What is held, and what with it.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use roster::{DecodeError, Kind, Record, Text};

use crate::course::{Edge, Emptied, Losing};
use crate::draft::{Board, DraftId, Mark};
use crate::known::{Known, Standing, id_hash, key_hash};
use crate::past::Suspects;
use crate::{
    Action, Cause, Change, Counts, HoldReason, Limited, Limits, Part, Past, Phase, SharpDrop, Span,
};

/// The system role that a change gives somebody who did not have it.
pub(crate) fn granted(change: &Change) -> Option<&Text> {
    fn role(record: &Option<Record>) -> Option<&Text> {
        match record {
            Some(Record::Person(person)) => person.system_role.as_ref(),
            _ => None,
        }
    }
    let after = role(&change.after).filter(|role| role.as_str() != "none")?;
    (role(&change.before) != Some(after)).then_some(after)
}

/// What the limits are weighed against, per kind.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    /// Records of ours that take part.
    pub held: [u64; 9],
    /// The drafts that take something away and count.
    pub counted: [Vec<DraftId>; 9],
    /// How many drafts make or change something and count, by action.
    made: [[u64; Action::ALL.len()]; 9],
}

impl Weights {
    /// Weighs a kind against no more than it was weighed against when it was held first.
    pub(crate) fn keep_below(&mut self, before: &BTreeMap<Kind, u64>) {
        for (kind, before) in before {
            let held = &mut self.held[*kind as usize - 1];
            *held = (*held).min(*before);
        }
    }

    /// Counts a change that makes or changes something.
    pub(crate) fn make(&mut self, change: &Change) {
        if makes(change.action, change.cause) {
            self.made[change.kind() as usize - 1][change.action as usize - 1] += 1;
        }
    }

    /// What is to be delivered and counts in the seven days.
    pub(crate) fn counting(&self, board: &Board) -> Result<Counts, DecodeError> {
        let mut counts = Counts::new();
        for kind in Kind::ALL {
            let at = kind as usize - 1;
            let mut of = BTreeMap::new();
            for action in Action::ALL {
                of.insert(action, self.made[at][action as usize - 1]);
            }
            for id in makes_of(kind, board).filter(|id| board.mark(*id) != Mark::Deliver) {
                let change = board.change(id)?;
                if makes(change.action, change.cause) {
                    of.entry(change.action).and_modify(|count| *count -= 1);
                }
            }
            // What somebody approved is live, and does not count.
            let delivered = |id: &&DraftId| board.mark(**id) == Mark::Deliver;
            for id in self.counted[at].iter().filter(delivered) {
                *of.entry(board.head(*id)?.0).or_default() += 1;
            }
            of.retain(|_, count| *count > 0);
            if !of.is_empty() {
                counts.insert(kind, of);
            }
        }
        Ok(counts)
    }
}

/// Whether a change that makes something counts: what is asserted once more was counted before.
pub(crate) fn makes(action: Action, cause: Cause) -> bool {
    !action.takes_away() && cause != Cause::InDoubt
}

/// The drafts that make or change something of a kind.
pub(crate) fn makes_of(kind: Kind, board: &Board) -> impl Iterator<Item = DraftId> + use<> {
    board.ids(Phase::of(kind, Action::Create, false))
}

/// Holds what takes records away from parts of the export that dropped.
pub(crate) fn suspects(suspected: &[(DraftId, u32)], suspects: &Suspects, board: &mut Board) {
    let mut marks = HashMap::new();
    for (draft, part) in suspected {
        let mark = *marks.entry(*part).or_insert_with(|| {
            let dropped = suspects.parts()[*part as usize].clone();
            board.reason(HoldReason::SharpDrop {
                part: dropped.part,
                name: dropped.name,
                kind: dropped.kind,
                learned: dropped.learned,
                now: dropped.now,
            })
        });
        board.set(*draft, mark);
    }
}

/// Holds what courses lose that lose more than is usual, unless all of it is held already. The
/// answer is how many enrollments each of them had when that was held first.
pub(crate) fn dropped_courses(
    courses: &[Losing],
    drop: Option<SharpDrop>,
    before: &BTreeMap<Text, u64>,
    board: &mut Board,
) -> BTreeMap<Text, u64> {
    let mut dropped = BTreeMap::new();
    let Some(drop) = drop else { return dropped };
    for course in courses {
        let name = course.course.text();
        let lost = course.lost.len() as u64;
        // What came since it was held first makes no room for it.
        let learned = before.get(name).map_or(course.before, |before| course.before.min(*before));
        let now = learned.saturating_sub(lost);
        if !drop.is(learned, now) {
            continue;
        }
        let mark = board.reason(HoldReason::SharpDrop {
            part: Part::Course,
            name: name.clone(),
            kind: Kind::Enrollment,
            learned,
            now,
        });
        for draft in &course.lost {
            board.set(*draft, mark);
        }
        dropped.insert(name.clone(), learned);
    }
    dropped
}

/// Holds every counted change of a kind that has more of them than a limit allows. Says for each
/// kind of which it holds something what that was weighed against.
pub(crate) fn over_limit(
    weights: &Weights,
    limits: &Limits,
    past: &Past,
    (board, known): (&mut Board, &mut Known),
) -> Result<BTreeMap<Kind, u64>, DecodeError> {
    let mut weighed = BTreeMap::new();
    for kind in Kind::ALL {
        let weighing = Weighing { weights, limits, past, kind };
        for limited in Limited::ALL {
            for span in [Span::Run, Span::Week] {
                if weighing.hold(limited, span, board)? {
                    weighed.insert(kind, weights.held[kind as usize - 1]);
                }
            }
        }
        if weighed.contains_key(&kind) {
            stick(kind, board, known)?;
        }
    }
    Ok(weighed)
}

struct Weighing<'a> {
    weights: &'a Weights,
    limits: &'a Limits,
    past: &'a Past,
    kind: Kind,
}

impl Weighing<'_> {
    /// Holds what `limited` counts, where that is more than its limit allows.
    fn hold(&self, limited: Limited, span: Span, board: &mut Board) -> Result<bool, DecodeError> {
        let Some(limit) = self.limits.limit(self.kind, limited, span) else { return Ok(false) };
        let held = self.weights.held[self.kind as usize - 1];
        let week = |limited: Limited| match span {
            Span::Run => 0,
            Span::Week => limited.sum(&self.past.week, self.kind),
        };
        // Who was taken away in the last days was there at the beginning of them.
        let (before, of) = (week(limited), held + week(Limited::Removals));
        let allowed = limit.allowed(of);
        let most = self.most(limited);
        if most + before <= allowed {
            return Ok(false);
        }
        let drafts = self.drafts(limited, board)?;
        let count = drafts.len() as u64;
        if count == 0 || count + before <= allowed {
            return Ok(false);
        }
        let mark = board.reason(match (limited, span) {
            (Limited::Removals, Span::Run) => HoldReason::Limit { count, of, allowed },
            _ => HoldReason::Over { limited, span, count, before, of, allowed },
        });
        drafts.iter().for_each(|draft| {
            board.set(*draft, mark);
        });
        Ok(true)
    }

    /// How many changes there can be at most: what needs no look at any of them.
    fn most(&self, limited: Limited) -> u64 {
        let at = self.kind as usize - 1;
        let made = Action::ALL.iter().filter(|action| limited.counts(**action));
        let made: u64 = made.map(|action| self.weights.made[at][*action as usize - 1]).sum();
        let taken = [Action::Suspend, Action::Remove].into_iter().any(|a| limited.counts(a));
        made + if taken { self.weights.counted[at].len() as u64 } else { 0 }
    }

    /// The live drafts that `limited` counts.
    fn drafts(&self, limited: Limited, board: &Board) -> Result<Vec<DraftId>, DecodeError> {
        let mut drafts = Vec::new();
        for id in &self.weights.counted[self.kind as usize - 1] {
            if board.is_live(*id) && limited.counts(board.head(*id)?.0) {
                drafts.push(*id);
            }
        }
        if !drafts.is_empty() {
            return Ok(drafts);
        }
        for id in makes_of(self.kind, board).filter(|id| board.is_live(*id)) {
            let (action, _) = board.head(id)?;
            if limited.counts(action) && makes(action, board.change(id)?.cause) {
                drafts.push(id);
            }
        }
        Ok(drafts)
    }
}

/// Makes known which records do not come because what makes them is held.
pub(crate) fn stick_all(board: &Board, known: &mut Known) -> Result<(), DecodeError> {
    Kind::ALL.into_iter().try_for_each(|kind| stick(kind, board, known))
}

/// Makes known which records of `kind` do not come because what makes them is held.
pub(crate) fn stick(kind: Kind, board: &Board, known: &mut Known) -> Result<(), DecodeError> {
    for id in makes_of(kind, board) {
        if !matches!(board.mark(id), Mark::Held(_)) {
            continue;
        }
        let (action, key) = board.head(id)?;
        if let (Action::Create | Action::Adopt, Some(hash)) = (action, key_hash(&key)) {
            known.add(hash, Standing::STUCK);
        }
    }
    Ok(())
}

/// Holds courses that are to stand in a term or an org unit of which the making is held. Says
/// whether any is new.
pub(crate) fn homeless(board: &mut Board, known: &mut Known) -> Result<bool, DecodeError> {
    let mut homes = HashMap::new();
    for kind in [Kind::Term, Kind::OrgUnit] {
        for id in makes_of(kind, board).filter(|id| matches!(board.mark(*id), Mark::Held(_))) {
            let (action, key) = board.head(id)?;
            if action == Action::Create {
                homes.insert(id_hash(kind, key.owner().id), key);
            }
        }
    }
    let mut any = false;
    if homes.is_empty() {
        return Ok(any);
    }
    for id in makes_of(Kind::Course, board) {
        if !board.is_live(id) {
            continue;
        }
        let change = board.change(id)?;
        let home = new_homes(&change).into_iter().flatten().find_map(|home| homes.get(&home));
        if let Some(home) = home {
            any |= board.hold_for(id, home.to_string());
        }
    }
    if any {
        stick(Kind::Course, board, known)?;
    }
    Ok(any)
}

/// The term and the org unit that a course comes to stand in by a change.
fn new_homes(change: &Change) -> [Option<u64>; 2] {
    let of = |record: &Option<Record>| match record {
        Some(Record::Course(course)) => (course.term.clone(), course.org_unit.clone()),
        _ => (None, None),
    };
    let ((term, unit), before) = (of(&change.after), of(&change.before));
    let term = term.filter(|term| before.0.as_ref() != Some(term));
    let unit = unit.filter(|unit| before.1.as_ref() != Some(unit));
    [
        term.map(|term| id_hash(Kind::Term, term.as_str())),
        unit.map(|unit| id_hash(Kind::OrgUnit, unit.as_str())),
    ]
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

/// Holds what must not go while something else is held, and leaves out what must not go while
/// something else waits. Says whether any is new.
pub(crate) fn along_edges(
    edges: &[Edge],
    board: &mut Board,
    deferred: &mut u64,
) -> Result<bool, DecodeError> {
    let mut any = false;
    for edge in edges {
        if board.mark(edge.need) == Mark::Dropped && board.set(edge.dependent, Mark::Dropped) {
            *deferred += 1;
            any = true;
        }
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
