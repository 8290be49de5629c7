//! What an earlier run left that came to no end: its process died, or the LMS was out of reach.
//!
//! A batch that was claimed and not recorded is sent again with [`lms::Attempt::Again`], after no
//! request of its first sending can be under way any more: everything in it is looked up before
//! it is written. What is recorded is folded into the applied state. What was not begun is left
//! to the next plan.

use delivery::Resolver;
use lms::LmsError;
use plan::Change;
use roster::Kind;
use store::state::lease::Lease;
use store::state::ledger;
use store::state::run::{OpenRuns, RunState, StoredRun};
use tracing::info;

use crate::drive::{is_out_of_reach, lease_lost};
use crate::progress::Stage;
use crate::{Pipeline, PipelineError, Rest, Standing};

/// What was found and done.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Runs that are finished now.
    pub finished: Vec<String>,
    /// What keeps a claimed batch from being looked into: nothing can be delivered before that.
    pub blocked: Option<LmsError>,
    /// Why nothing is delivered now, where that keeps a claimed batch from being looked into.
    pub rest: Option<Rest>,
    /// How often in a row the LMS was out of reach.
    pub waits: u32,
}

impl Pipeline {
    /// Finishes what earlier runs left.
    pub async fn recover(&self, lease: &mut Lease) -> Result<Recovered, PipelineError> {
        let scope = &self.integration.scope;
        let mut recovered = Recovered::default();
        let open = OpenRuns::load(&self.stores, scope).await?.ids;
        let total = open.len() as u64;
        let rest = if total > 0 { self.rests().await? } else { None };
        for (done, id) in open.into_iter().enumerate() {
            self.progress.at(Stage::Recovering, done as u64, total);
            let Some(mut run) = StoredRun::load(&self.stores, scope, &id).await? else {
                // Listed and never stored: its process died in between.
                self.forget_open(lease, &id).await?;
                continue;
            };
            if run.run.state == RunState::Waiting {
                recovered.waits = recovered.waits.max(run.run.waits);
            }
            if rest.is_some() && self.is_in_doubt(&run).await? {
                recovered.rest.clone_from(&rest);
                continue;
            }
            if let Some(blocked) = self.finish_claimed(lease, &mut run).await? {
                recovered.blocked = Some(blocked);
                continue;
            }
            self.fold_up_to(lease, &run, run.run.delivered).await?;
            let state = match run.run.state {
                RunState::Waiting => RunState::Superseded,
                _ => RunState::Interrupted,
            };
            info!(run = %id, state = state.name(), "an unfinished run was brought to its end");
            self.end(lease, &mut run, state, None).await?;
            recovered.finished.push(id);
        }
        Ok(recovered)
    }

    /// Looks into the batch that was claimed and not recorded, where there is one.
    async fn finish_claimed(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
    ) -> Result<Option<LmsError>, PipelineError> {
        let next = run.run.delivered;
        if next >= run.run.batches || self.integration.standing != Standing::Active {
            return Ok(None);
        }
        let scope = &self.integration.scope;
        let claimed = ledger::load(&self.stores, scope, &run.run.id, next).await?;
        if claimed.is_none() {
            return Ok(None);
        }
        match self.check_site().await {
            Ok(()) => {}
            Err(PipelineError::Lms(error)) if is_out_of_reach(&error) => return Ok(Some(error)),
            Err(other) => return Err(other),
        }
        // What the run did before is not folded yet: ids it made are in its ledger.
        self.fold_up_to(lease, run, next).await?;
        let mut resolver = self.resolver().await?;
        self.note_org_units(&run.run.id, next, &mut resolver).await?;
        let delivered = self.courier().deliver(lease, run, next, &mut resolver).await?;
        Ok(delivered.stopped.filter(|_| run.run.delivered == next))
    }

    /// Tells the resolver which org units the run could not make. They come before all that stands
    /// in them, so only the first batches are looked at.
    pub(crate) async fn note_org_units(
        &self,
        run: &str,
        end: u64,
        resolver: &mut Resolver,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        for number in 0..end {
            let batch = delivery::load_batch(&self.stores, scope, run, number).await?;
            let mut changes = Vec::new();
            for change in batch.changes.iter() {
                changes.push(
                    change.map_err(|error| PipelineError::damaged("a plan's batch", &error))?,
                );
            }
            let early = |change: &Change| {
                change.temporary.is_some() || matches!(change.kind(), Kind::Term | Kind::OrgUnit)
            };
            if !changes.iter().any(early) {
                break;
            }
            let entry = ledger::load(&self.stores, scope, run, number).await?;
            let lines = entry.and_then(|stored| stored.entry.lines).unwrap_or_default();
            changes.iter().zip(&lines).for_each(|(change, line)| resolver.note(change, line));
        }
        Ok(())
    }

    pub(crate) async fn forget_open(&self, lease: &Lease, id: &str) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let mut open = OpenRuns::load(&self.stores, scope).await?;
        open.ids.retain(|known| known != id);
        let writes = vec![lease.check(scope), open.write(scope)?];
        self.stores.table.transact(writes).await.map_err(lease_lost)
    }
}
