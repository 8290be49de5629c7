//! After the join has passed: what is held and what follows from it, and the plan.

use roster::{DecodeError, Text};

use super::{DiffInput, Diffed, Run};
use crate::assemble::{Held, Totals, assemble};
use crate::draft::Questions;
use crate::identity::{Looking, Merge};
use crate::moves::Gains;
use crate::{DiffError, Moves, Plan, hold, identity, refs, share};

impl Run<'_> {
    /// Holds what must be held, and makes the plan.
    pub(super) fn finish(mut self) -> Result<Diffed, DiffError> {
        let left = self.course.leave(None);
        self.leave(left);
        if !self.input.limits.hold_emptied_courses {
            self.emptied.clear();
        }
        for names in &self.names {
            let findings = &mut self.findings;
            self.deferred +=
                names.drop_taken(&mut self.board, &mut self.known, |f| findings.push(f))?;
        }
        self.tell_fixed_codes();
        self.tell_unseen_fields();
        let (questions, merges) = self.ask()?;
        // Whoever is asked about waits for the answer, and not for the key.
        let findings = &mut self.findings;
        self.deferred +=
            self.given_up.defer(&mut self.board, &mut self.known, |f| findings.push(f))?;
        identity::hold_merges(merges, &mut self.board)?;
        self.hold_strangers()?;
        self.weights.keep_below(self.input.weighed_before);
        let DiffInput { limits, past, .. } = *self.input;
        let gains = self.moving.gains(&self.board)?;
        if self.input.policy.moves == Moves::AddFirst {
            let findings = &mut self.findings;
            self.deferred +=
                self.moving.add_first(&gains, &mut self.board, |f| findings.push(f))?;
        }
        // What cannot be done at all is not weighed: it would hold what can, and no approval could
        // let it go.
        let (board, known) = (&mut self.board, &mut self.known);
        let findings = &mut self.findings;
        while refs::check(board, known, &mut self.deferred, |f| findings.push(f))? {}
        // Only the part that dropped is held for it, so that what is left is weighed without it.
        hold::suspects(&self.suspected, &past.suspects, &mut self.board);
        let drop = limits.sharp_drop;
        let mut dropped_courses =
            hold::dropped_courses(&self.losing, drop, &past.courses, &mut self.board);
        let boards = (&mut self.board, &mut self.known);
        share::hold_over(&self.weights, &past.shares, boards)?;
        let boards = (&mut self.board, &mut self.known);
        let mut weighed = hold::over_limit(&self.weights, limits, past, boards)?;
        if self.kept_back > 0 {
            hold::stick_all(&self.board, &mut self.known)?;
        }
        self.hold_all(&gains)?;

        let stays = self.assemble(Held::Stays)?;
        let released =
            self.input.approved.is_some() && self.input.approved == stays.summary.held_checksum;
        let counting = self.weights.counting(&self.board)?;
        let plan = if released { self.assemble(Held::Released(questions))? } else { stays };
        if released {
            weighed.clear();
            dropped_courses.clear();
        }
        let (findings, kept_back) = (self.findings, self.kept_back);
        Ok(Diffed { plan, findings, released, kept_back, weighed, counting, dropped_courses })
    }

    /// Holds what needs an answer, with all that follows from it: an approval does not let it go.
    fn ask(&mut self) -> Result<(Questions, Vec<Merge>), DecodeError> {
        let DiffInput { identity, absence, .. } = *self.input;
        let Some(identity) = &identity else { return Ok(Default::default()) };
        let first = self.board.reasons();
        let looking = Looking { identity, absence, anybody: self.anybody };
        let merges = identity::propose(&looking, &mut self.board, &mut self.known)?;
        if self.board.reasons() > first {
            while self.follow()? {}
        }
        Ok((Questions { first, end: self.board.reasons() }, merges))
    }

    /// Holds what hangs on a person who may be a stranger.
    fn hold_strangers(&mut self) -> Result<(), DecodeError> {
        identity::hold_roles(&mut self.board, &self.strangers)
    }

    /// Holds follow from one another; each round holds more or is the last.
    fn hold_all(&mut self, gains: &Gains) -> Result<(), DecodeError> {
        loop {
            let mut any = self.follow()?;
            any |= hold::emptied(&self.emptied, &mut self.board);
            if self.input.policy.moves == Moves::Together {
                let (deferred, findings) = (&mut self.deferred, &mut self.findings);
                let board = &mut self.board;
                any |= self.moving.together(gains, board, deferred, |f| findings.push(f))?;
            }
            if !any {
                return Ok(());
            }
        }
    }

    /// One round of what follows from what is held. Says whether anything is new.
    fn follow(&mut self) -> Result<bool, DecodeError> {
        let (board, known) = (&mut self.board, &mut self.known);
        let mut any = false;
        for names in &self.names {
            any |= names.hold(board, known, &mut self.deferred);
        }
        let findings = &mut self.findings;
        any |= refs::check(board, known, &mut self.deferred, |f| findings.push(f))?;
        any |= hold::homeless(board, known)?;
        any |= hold::along_edges(&self.edges, board, &mut self.deferred)?;
        any |= hold::leavers(board)?;
        Ok(any)
    }

    fn assemble(&self, held: Held) -> Result<Plan, DecodeError> {
        let totals = Totals {
            config_version: Text::new(self.input.config_version),
            files: self.input.files.to_vec(),
            parked: self.parked,
            deferred: self.deferred,
            kept: self.kept,
            unsupported: self.unsupported.clone(),
        };
        assemble(&self.board, &self.names, self.input.capabilities, totals, held)
    }
}
