//! Approving a part of what a run holds.
//!
//! A part is approved under its own checksum ([`plan::HeldPart`]). What was approved is the very
//! changes that were shown: a newer plan lets go those of them that it holds, and nothing else.
//! What was not approved stays held in the plans that follow, though it might be within the limits
//! by itself, until somebody approves it or no source asks for it any more.

use hashbrown::{HashMap, HashSet};
use plan::{Fingerprint, HeldPart, HoldReason, Plan, Selector, held_parts, select};
use store::state::hold::{StoredApproval, kept_back};

use crate::approve::other_checksum;
use crate::{Approved, Pipeline, PipelineError};

impl Pipeline {
    /// The part of what `run` holds that `only` chooses.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where that is nothing, or can only be approved as a whole.
    pub async fn held_part(&self, run: &str, only: &[Selector]) -> Result<HeldPart, PipelineError> {
        let not = |why: String| PipelineError::NotFound(why);
        let plan = self.plan_header(run).await?;
        let plan = plan.filter(|plan| !plan.held.is_empty());
        let plan = plan.ok_or_else(|| not(format!("run {run} holds nothing")))?;
        if let Some(part) = select(&plan, only).map_err(|error| damaged(&error))? {
            return Ok(part);
        }
        let is_whole = |reason: &HoldReason| {
            matches!(reason, HoldReason::FirstSync | HoldReason::Reconfigured { .. })
        };
        Err(not(match plan.reasons.iter().any(is_whole) {
            true => format!(
                "run {run} is held as a whole and approved as a whole: `rollcall holds` says why"
            ),
            false => format!(
                "run {run} holds nothing of that by itself: what needs a held change goes with it; \
                 `rollcall holds` lists the parts"
            ),
        }))
    }

    /// Approves the part of what `run` holds that `only` chooses, whose checksum the caller must
    /// name; the rest stays held.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where the run holds nothing of it, or something else.
    pub async fn approve_part(
        &self,
        run: &str,
        only: &[Selector],
        checksum: &str,
        by: &str,
    ) -> Result<Approved, PipelineError> {
        let stored = self.load_run(run).await?;
        let part = self.held_part(run, only).await?.checksum.to_string();
        if part != checksum {
            return Err(other_checksum(run, &part, checksum));
        }
        let is_all = stored.run.held_checksum.as_deref() == Some(checksum);
        let names = only.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        self.give(run, checksum, by, (!is_all).then_some(names)).await
    }

    /// Whether `checksum` is that of what a run holds for one reason.
    pub(crate) async fn part_of_one_reason(
        &self,
        run: &str,
        checksum: &str,
    ) -> Result<bool, PipelineError> {
        let Some(plan) = self.plan_header(run).await? else { return Ok(false) };
        let parts = held_parts(&plan).map_err(|error| damaged(&error))?;
        Ok(parts.iter().any(|part| part.checksum.to_string() == checksum))
    }

    /// The approvals of parts that let go something of what `plan` holds, and what.
    pub(crate) async fn part_approvals(
        &self,
        plan: &Plan,
    ) -> Result<(Vec<StoredApproval>, HashSet<Fingerprint>), PipelineError> {
        let (mut used, mut released) = (Vec::new(), HashSet::new());
        if plan.held.is_empty() {
            return Ok((used, released));
        }
        let (scope, now) = (&self.integration.scope, self.clock.now());
        let all = StoredApproval::unexpired(&self.stores, scope, now).await?;
        let parts: Vec<_> = all.into_iter().filter(|one| one.approval.only.is_some()).collect();
        if parts.is_empty() {
            return Ok((used, released));
        }
        let held = answerable(plan)?;
        for stored in parts {
            if !self.is_unspent(&stored).await? {
                continue;
            }
            let Some(shown) = self.shown_for(&stored).await? else { continue };
            let Some(part) = part_of(&shown, &stored)? else { continue };
            let before = released.len();
            let theirs = part.changes.into_iter().filter(|change| held.contains(change));
            released.extend(theirs);
            if released.len() > before {
                used.push(stored);
            }
        }
        Ok((used, released))
    }

    /// What stayed held when a part of the plan that held it was approved, and for which reason.
    pub(crate) async fn kept_back(
        &self,
    ) -> Result<HashMap<Fingerprint, HoldReason>, PipelineError> {
        let run = kept_back(&self.stores, &self.integration.scope).await?;
        let plan = match run {
            Some(run) => self.plan_header(&run).await?,
            None => None,
        };
        let mut kept = HashMap::new();
        for (change, reason) in plan.iter().flat_map(|plan| plan.held.iter().zip(&plan.reasons)) {
            if reason.outlasts_approval() {
                let change = change.map_err(|error| damaged(&error))?;
                kept.insert(change.fingerprint(), reason.clone());
            }
        }
        Ok(kept)
    }
}

/// What an approval can let go: what waits for an answer about keys it cannot.
fn answerable(plan: &Plan) -> Result<HashSet<Fingerprint>, PipelineError> {
    let held = plan.held.iter().zip(&plan.reasons);
    let asks = |reason: &HoldReason| {
        matches!(reason, HoldReason::Rename { .. } | HoldReason::TwoKeys { .. })
    };
    let held = held.filter(|(_, reason)| !asks(reason));
    let all = held.map(|(change, _)| change.map(|change| change.fingerprint()));
    all.collect::<Result<_, _>>().map_err(|error| damaged(&error))
}

/// The part of the plan that was shown which an approval names.
fn part_of(shown: &Plan, stored: &StoredApproval) -> Result<Option<HeldPart>, PipelineError> {
    let names = stored.approval.only.as_deref().unwrap_or_default();
    let only: Vec<Selector> = names
        .lines()
        .map(|name| {
            let Ok(selector) = name.parse();
            selector
        })
        .collect();
    let parts = match only.contains(&Selector::Alone) {
        true => held_parts(shown),
        false => select(shown, &only).map(|part| part.into_iter().collect()),
    };
    let parts = parts.map_err(|error| damaged(&error))?;
    Ok(parts.into_iter().find(|part| part.checksum.to_string() == stored.approval.checksum))
}

fn damaged(error: &roster::DecodeError) -> PipelineError {
    PipelineError::damaged("a plan's held changes", error)
}
