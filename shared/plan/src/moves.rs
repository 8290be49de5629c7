//! People who move from one class to another: what they lose and what they get, in one plan.
//!
//! Whoever loses a place in a course and is to get one in another moves. By policy
//! ([`crate::Moves`])
//!
//! | | what is lost goes |
//! |---|---|
//! | `independent` | whatever becomes of the new place |
//! | `together` | in the same plan: where a new place is held it is held with it, where one waits or was refused it waits |
//! | `add-first` | in a later plan: when none of the new places is missing any more |
//!
//! Nothing is lost twice: what waits is left out of the plan and counted as deferred.

use hashbrown::{HashMap, HashSet};
use roster::{DecodeError, Finding, Key, Kind, Origin, Severity, Text};

use crate::draft::{Board, DraftId, Mark};
use crate::known::id_hash;
use crate::{Action, Phase};

/// The code of the note on an old place that waits for the new one.
pub const MOVE_WAITS: &str = "move-waits";

/// What becomes of the old place of somebody who moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moves {
    /// It goes whatever becomes of the new one.
    #[default]
    Independent,
    /// It goes with the new one.
    Together,
    /// It goes one run after the new one is there.
    AddFirst,
}

/// Who moves.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    losses: Vec<(u64, DraftId)>,
    /// People of whom the LMS has refused a new place.
    refused: HashSet<u64>,
}

/// The new places of everybody who loses one.
pub(crate) type Gains = HashMap<u64, Vec<DraftId>>;

impl Moving {
    /// Somebody loses a place in a course that stays.
    pub(crate) fn lose(&mut self, key: &Key, draft: DraftId) {
        self.losses.extend(person(key).map(|person| (person, draft)));
    }

    /// The LMS has refused somebody a place, and it is not tried again.
    pub(crate) fn refused(&mut self, key: &Key) {
        self.refused.extend(person(key));
    }

    /// What those who lose something get.
    pub(crate) fn gains(&self, board: &Board) -> Result<Gains, DecodeError> {
        let mut gains = Gains::new();
        if self.losses.is_empty() {
            return Ok(gains);
        }
        let losing: HashSet<u64> = self.losses.iter().map(|(person, _)| *person).collect();
        for id in board.ids(Phase::of(Kind::Enrollment, Action::Create, false)) {
            let (action, key) = board.head(id)?;
            let comes = matches!(action, Action::Create | Action::Adopt | Action::Restore);
            if let Some(person) = person(&key).filter(|person| comes && losing.contains(person)) {
                gains.entry(person).or_default().push(id);
            }
        }
        Ok(gains)
    }

    /// Leaves out what is lost by those of whom a place is still missing. How many.
    pub(crate) fn add_first(
        &self,
        gains: &Gains,
        board: &mut Board,
        finding: impl FnMut(Finding),
    ) -> Result<u64, DecodeError> {
        self.wait(board, finding, |person, _| gains.contains_key(&person))
    }

    /// Holds or leaves out what is lost by those of whom a new place is held, or waits. Says
    /// whether anything is new.
    pub(crate) fn together(
        &self,
        gains: &Gains,
        board: &mut Board,
        deferred: &mut u64,
        finding: impl FnMut(Finding),
    ) -> Result<bool, DecodeError> {
        let mut any = false;
        for (person, loss) in &self.losses {
            let of = gains.get(person).map(Vec::as_slice).unwrap_or_default();
            let held = of.iter().find(|gain| matches!(board.mark(**gain), Mark::Held(_)));
            if let Some(held) = held.filter(|_| board.is_live(*loss)) {
                let (_, needs) = board.head(*held)?;
                any |= board.hold_for(*loss, needs.to_string());
            }
        }
        let waiting = self.wait(board, finding, |person, board| {
            let of = gains.get(&person).map(Vec::as_slice).unwrap_or_default();
            of.iter().any(|gain| board.mark(*gain) == Mark::Dropped)
        })?;
        *deferred += waiting;
        Ok(any || waiting > 0)
    }

    /// Leaves out the losses of people of whom a place was refused, or who `waits`. How many.
    fn wait(
        &self,
        board: &mut Board,
        mut finding: impl FnMut(Finding),
        waits: impl Fn(u64, &Board) -> bool,
    ) -> Result<u64, DecodeError> {
        let mut waiting = 0;
        for (person, loss) in &self.losses {
            if !self.refused.contains(person) && !waits(*person, board) {
                continue;
            }
            if board.set(*loss, Mark::Dropped) {
                waiting += 1;
                finding(kept(&board.head(*loss)?.1));
            }
        }
        Ok(waiting)
    }
}

fn person(key: &Key) -> Option<u64> {
    match key {
        Key::Enrollment { person, .. } => Some(id_hash(Kind::Person, person.as_str())),
        _ => None,
    }
}

fn kept(key: &Key) -> Finding {
    Finding {
        severity: Severity::Note,
        code: MOVE_WAITS,
        message: format!(
            "{key} is gone from the source and stays for now: the person is to get another place, \
             and that is not there yet"
        ),
        origin: Origin::default(),
        key: Some(Text::from(key.to_string())),
    }
}
