//! Somebody's word on what is held: approve it, or reject the run that brought it.

use ambient::Timestamp;
use hashbrown::HashSet;
use plan::{ChangeList, Fingerprint, HoldReason, Plan, Selector};
use store::Write;
use store::state::audit;
use store::state::hold::{Approval, StoredApproval, StoredSource};
use store::state::lease::Lease;
use store::state::run::{OpenRuns, Run, RunState, StoredRun};

use crate::rollback::{Later, Rollback};
use crate::{Pipeline, PipelineError};

/// An approval that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The held part's checksum.
    pub checksum: String,
    /// Until when it can be used.
    pub expires: Timestamp,
}

/// What rejecting a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The source that is paused now.
    pub source: Option<String>,
    /// Whether the source's state was rolled back to what it said before the run.
    pub rolled_back: bool,
}

impl Pipeline {
    /// Approves the held part of `run`, whose checksum the caller must name: what is approved is
    /// what was looked at.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where the run holds nothing, or something else.
    pub async fn approve(
        &self,
        run: &str,
        checksum: &str,
        by: &str,
    ) -> Result<Approved, PipelineError> {
        let stored = self.load_run(run).await?;
        let held = stored.run.held_checksum.as_deref();
        match held {
            None => {
                return Err(PipelineError::NotFound(format!("run {run} holds nothing")));
            }
            Some(held) if held != checksum => {
                return match self.part_of_one_reason(run, checksum).await? {
                    true => self.give(run, checksum, by, Some(Selector::Alone.to_string())).await,
                    false => Err(other_checksum(run, held, checksum)),
                };
            }
            Some(_) => {}
        }
        if self.holds_questions_alone(run).await? {
            return Err(PipelineError::NotFound(format!(
                "run {run} holds nothing that an approval lets go: it asks whether persons are the \
                 same under another key; answer with `rollcall rename OLD NEW`, as `rollcall show \
                 {run}` prints it"
            )));
        }
        self.give(run, checksum, by, None).await
    }

    /// Stores an approval and says so in the audit trail.
    pub(crate) async fn give(
        &self,
        run: &str,
        checksum: &str,
        by: &str,
        only: Option<String>,
    ) -> Result<Approved, PipelineError> {
        let now = self.clock.now();
        let expires = now.saturating_add(self.integration.approval_lasts).unwrap_or(now);
        let approval = Approval {
            checksum: checksum.to_owned(),
            run: run.to_owned(),
            by: by.to_owned(),
            at: now,
            expires,
            used_by: None,
            only,
        };
        StoredApproval::give(&self.stores, &self.integration.scope, approval).await?;
        Ok(Approved { checksum: checksum.to_owned(), expires })
    }

    /// Whether all that a run holds waits for an answer about keys.
    async fn holds_questions_alone(&self, run: &str) -> Result<bool, PipelineError> {
        let Some(plan) = self.plan_header(run).await? else { return Ok(false) };
        let is_question = |reason: &HoldReason| {
            matches!(reason, HoldReason::Rename { .. } | HoldReason::TwoKeys { .. })
        };
        let asks = plan.reasons.iter().any(is_question);
        let follows = |reason| is_question(reason) || matches!(reason, HoldReason::Needs { .. });
        Ok(asks && plan.reasons.iter().all(follows))
    }

    /// Rejects a run: the source's state goes back to what it was before the run, its export is
    /// not taken in again, and the source rests until a different export comes.
    ///
    /// # Errors
    /// [`PipelineError::StoodOn`] where a newer export of the source has been taken in since.
    pub async fn reject(&self, run: &str, by: &str) -> Result<Rejection, PipelineError> {
        self.reject_by(run, by, self.clock.now()).await
    }

    /// [`Pipeline::reject`], asking for the lease until `until`.
    pub async fn reject_by(
        &self,
        run: &str,
        by: &str,
        until: Timestamp,
    ) -> Result<Rejection, PipelineError> {
        let mut lease = self.lease_by(until).await?;
        let rejected = self.reject_under(&mut lease, run, by).await;
        self.give_back(lease, rejected).await
    }

    async fn reject_under(
        &self,
        lease: &mut Lease,
        id: &str,
        by: &str,
    ) -> Result<Rejection, PipelineError> {
        let mut stored = self.load_run(id).await?;
        if stored.run.state == RunState::Rejected && stored.run.source_generation.is_some() {
            return Ok(Rejection { source: stored.run.source, rolled_back: true });
        }
        // What it did already is known before nobody asks for it any more.
        if self.is_in_doubt(&stored).await? {
            return Err(PipelineError::NotFound(format!(
                "run {id} was stopped in the middle of a batch: `rollcall sweep` finds out what \
                 became of it; reject the run then"
            )));
        }
        self.fold_up_to(lease, &stored, stored.run.delivered).await?;
        let why = Some("rejected by hand".to_owned());
        let entry = audit::Entry::new(self.clock.now(), by, "rejected").run(id);
        let Some(source) = stored.run.source.clone() else {
            audit::note(&self.stores, &self.integration.scope, &entry).await?;
            self.end(lease, &mut stored, RunState::Rejected, why).await?;
            return Ok(Rejection { source: None, rolled_back: false });
        };
        let rolled_back = stored.run.source_generation.is_some();
        let what = match rolled_back {
            true => self.rollback_of(&stored.run, Later::Refused).await?,
            // It said nothing new: the source says what it says, and the export is refused.
            false => Rollback { sources: [(source.clone(), u64::MAX)].into(), runs: vec![stored] },
        };
        let now = self.clock.now();
        let mark = |run: &mut Run| {
            run.end(RunState::Rejected, now);
            run.reason.clone_from(&why);
        };
        let mut also = self.closing(&what.runs).await?;
        also.push(audit::write(&self.integration.scope, &entry.about(&source))?);
        let reason = format!("run {id} was rejected");
        self.take_back(lease, what, &reason, mark, also).await?;
        Ok(Rejection { source: Some(source), rolled_back })
    }

    /// The writes that take `runs` off the open ones, and count those that come to their end now.
    async fn closing(&self, runs: &[StoredRun]) -> Result<Vec<Write>, PipelineError> {
        let mut open = OpenRuns::load(&self.stores, &self.integration.scope).await?;
        let mut writes = Vec::new();
        for stored in runs {
            let listed = open.ids.len();
            open.ids.retain(|id| *id != stored.run.id);
            if open.ids.len() < listed {
                writes.push(open.write(&self.integration.scope)?);
                writes.push(self.counting(&stored.run).await?);
            }
        }
        Ok(writes)
    }

    /// Lets a source that rests after a rejection deliver again, the refused export included.
    pub async fn resume(&self, source: &str, by: &str) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        if self.integration.source(source).is_none() {
            return Err(PipelineError::NotFound(format!("there is no source `{source}`")));
        }
        let mut status = StoredSource::load(&self.stores, scope, source).await?;
        status.status.refused.clear();
        status.status.paused = None;
        let entry = audit::Entry::new(self.clock.now(), by, "resumed").about(source);
        let writes = vec![status.write(scope)?, audit::write(scope, &entry)?];
        Ok(self.stores.table.transact(writes).await?)
    }

    /// The approval that lets the held part of `plan` go: one that names its checksum, or one of
    /// a larger part of which this is what is left, because some of it was done before a process
    /// died, the LMS was out of reach or refused it, or is within the limits by now.
    pub(crate) async fn approval_of(
        &self,
        plan: &Plan,
    ) -> Result<Option<StoredApproval>, PipelineError> {
        let Some(held) = &plan.summary.held_checksum else { return Ok(None) };
        let held = held.to_string();
        let (scope, now) = (&self.integration.scope, self.clock.now());
        let whole = StoredApproval::unexpired(&self.stores, scope, now).await?.into_iter();
        for stored in whole.filter(|stored| stored.approval.only.is_none()) {
            let fits = stored.approval.checksum == held || self.covers(&stored, plan).await?;
            if fits && self.is_unspent(&stored).await? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// Whether nobody has used it, or whoever did left something of it undone.
    pub(crate) async fn is_unspent(&self, stored: &StoredApproval) -> Result<bool, PipelineError> {
        let Some(user) = &stored.approval.used_by else { return Ok(true) };
        let Some(user) = StoredRun::load(&self.stores, &self.integration.scope, user).await? else {
            return Ok(false);
        };
        let left = user.run.receipts;
        let undone = left.accepted + left.deferred + left.rejected + left.retry + left.unknown;
        Ok(match user.run.state {
            RunState::Done | RunState::PartlyHeld => undone > 0,
            RunState::Rejected => false,
            _ => true,
        })
    }

    /// Whether every change that `plan` holds is one that was looked at and approved.
    async fn covers(&self, stored: &StoredApproval, plan: &Plan) -> Result<bool, PipelineError> {
        let Some(shown) = self.shown_for(stored).await? else { return Ok(false) };
        let approved = fingerprints(&shown.held)?;
        Ok(fingerprints(&plan.held)?.is_subset(&approved))
    }

    /// The plan that was looked at when the approval was given, where it was made by the rules that
    /// hold now.
    pub(crate) async fn shown_for(
        &self,
        stored: &StoredApproval,
    ) -> Result<Option<Plan>, PipelineError> {
        let scope = &self.integration.scope;
        let shown = StoredRun::load(&self.stores, scope, &stored.approval.run).await?;
        let same_rules = |shown: StoredRun| {
            shown.run.config_version == self.integration.config_version
                && shown.run.target == self.integration.fingerprint()
        };
        match shown.is_some_and(same_rules) {
            true => self.plan_header(&stored.approval.run).await,
            false => Ok(None),
        }
    }

    /// What a run holds and why, as it was stored, without what it delivered; `None` where that is not
    /// kept any more.
    ///
    /// # Errors
    /// The store's; a damaged plan.
    pub async fn plan_header(&self, run: &str) -> Result<Option<Plan>, PipelineError> {
        let header = self.integration.scope.object("plans", &format!("{run}/header"));
        let Some(bytes) = self.stores.objects.get(&header).await? else { return Ok(None) };
        let plan = Plan::from_bytes(&bytes);
        plan.map(Some).map_err(|error| PipelineError::damaged("a plan's header", &error))
    }

    pub(crate) async fn load_run(&self, run: &str) -> Result<StoredRun, PipelineError> {
        let scope = &self.integration.scope;
        StoredRun::load(&self.stores, scope, run).await?.ok_or_else(|| {
            PipelineError::NotFound(format!("there is no run {run}: `rollcall runs` lists them"))
        })
    }
}

pub(crate) fn other_checksum(run: &str, held: &str, checksum: &str) -> PipelineError {
    PipelineError::NotFound(format!(
        "run {run} holds {held}, not {checksum}: look at it again with `rollcall show {run}` and \
         approve what you see"
    ))
}

/// What each change does, in a few bytes.
fn fingerprints(changes: &ChangeList) -> Result<HashSet<Fingerprint>, PipelineError> {
    let all = changes.iter().map(|change| change.map(|change| change.fingerprint()));
    all.collect::<Result<_, _>>()
        .map_err(|error| PipelineError::damaged("a plan's changes", &error))
}
