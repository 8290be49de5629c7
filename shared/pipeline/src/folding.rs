//! From the ledger to the next generation of the applied state.

use std::collections::BTreeMap;

use ambient::Stopwatch;
use store::state::applied::{Fold, FoldBatch, fold};
use store::state::lease::Lease;
use store::state::run::StoredRun;
use store::state::{StateName, States, index, ledger};

use crate::drive::lease_lost;
use crate::progress::Stage;
use crate::{Pipeline, PipelineError};

/// A good number of batches to deliver before what they did is folded into the applied state:
/// enough that a bucket is not written for every batch, few enough that a fold stays small in
/// memory.
pub const FOLD_EVERY: u64 = 64;

impl Pipeline {
    /// The same as [`Pipeline::fold_up_to`], and the time that it takes is noted in the run.
    pub(crate) async fn record_up_to(
        &self,
        lease: &mut Lease,
        end: u64,
        run: &mut StoredRun,
    ) -> Result<(), PipelineError> {
        let time = Stopwatch::start(&*self.clock);
        self.fold_up_to(lease, run, end).await?;
        run.run.times.recording += time.millis(&*self.clock);
        Ok(())
    }

    /// Folds the run's batches below `end` that are not folded yet into the applied state.
    pub(crate) async fn fold_up_to(
        &self,
        lease: &mut Lease,
        run: &StoredRun,
        end: u64,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let (states, name) = (States::new(&self.stores, scope.clone()), self.integration.applied());
        loop {
            let base = states.newest(&name).await?;
            let folded = &base.manifest.head.folded;
            let from = folded.get(&run.run.id).map_or(0, |last| last + 1);
            let to = end.min(from + self.integration.fold_every);
            if from >= to {
                return Ok(());
            }
            self.progress.at(Stage::Recording, from, end);
            let renewed = lease.renew(&self.stores, scope, &*self.clock, self.integration.lease);
            renewed.await.map_err(lease_lost)?;
            let batches = self.fold_batches(&run.run.id, from, to).await?;
            let what =
                Fold { run: &run.run.id, now: self.clock.now(), policy: &self.integration.policy };
            let folded = fold(&self.stores, scope, &name, &base, what, &batches).await?;
            let mut next = folded.manifest;
            forget_finished(&mut next.head.folded, &run.run.id);
            let mut writes = states.publication(&name, &base, &next)?;
            writes.push(lease.check(scope));
            writes.extend(self.count_lately(&run.run, &folded.done).await?);
            self.stores.table.transact(writes).await.map_err(lease_lost)?;
        }
    }

    /// Brings the index of a state up to what was published of it. It is derived: whoever dies
    /// before leaves an index that is older than its state, which costs a trace some more reads.
    pub(crate) async fn refresh_index(
        &self,
        lease: &Lease,
        name: &StateName,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let refreshed =
            index::refresh(&self.stores, scope, name, self.clock.now(), lease.check(scope));
        refreshed.await.map_err(lease_lost)
    }

    async fn fold_batches(
        &self,
        run: &str,
        from: u64,
        to: u64,
    ) -> Result<Vec<FoldBatch>, PipelineError> {
        let scope = &self.integration.scope;
        let mut batches = Vec::new();
        for number in from..to {
            let Some(stored) = ledger::load(&self.stores, scope, run, number).await? else {
                break;
            };
            let batch = delivery::load_batch(&self.stores, scope, run, number).await?;
            batches.push(FoldBatch { number, changes: batch.changes, entry: stored.entry });
        }
        Ok(batches)
    }
}

/// Runs end one after the other under the lease, so only the newest is of interest.
fn forget_finished(folded: &mut BTreeMap<String, u64>, run: &str) {
    folded.retain(|id, _| id == run);
}
