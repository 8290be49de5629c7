//! What was stored of a run, read back for whoever asks.

use std::collections::{BTreeMap, BTreeSet};

use plan::{Batch, Change, ChangeList, Plan};
use roster::{Key, Place, Record};
use store::state::States;
use store::state::ledger::{self, Line};
use store::state::run::{Run, StoredRun};

use crate::{Pipeline, PipelineError};

/// A run's plan as it was stored, with what became of its changes.
#[derive(Debug)]
pub struct StoredPlan {
    /// Summary, held part and reasons; `deliver` is whole.
    pub plan: Plan,
    /// For each delivered change, in order: what became of it. Shorter than the plan while it is
    /// under way.
    pub lines: Vec<Line>,
}

impl Pipeline {
    /// The newest `limit` runs, newest first.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>, PipelineError> {
        let runs = StoredRun::list(&self.stores, &self.integration.scope, limit).await?;
        Ok(runs.into_iter().map(|stored| stored.run).collect())
    }

    /// One run.
    pub async fn run(&self, id: &str) -> Result<Run, PipelineError> {
        Ok(self.load_run(id).await?.run)
    }

    /// The plan of a run, where it came to one.
    pub async fn stored_plan(&self, run: &Run) -> Result<Option<StoredPlan>, PipelineError> {
        let scope = &self.integration.scope;
        let header = scope.object("plans", &format!("{}/header", run.id));
        let Some(bytes) = self.stores.objects.get(&header).await? else { return Ok(None) };
        let mut plan = Plan::from_bytes(&bytes)
            .map_err(|error| PipelineError::damaged("a plan's header", &error))?;
        let (mut deliver, mut lines) = (ChangeList::default(), Vec::new());
        for number in 0..run.batches {
            let batch = delivery::load_batch(&self.stores, scope, &run.id, number).await?;
            for change in batch.changes.iter() {
                let change =
                    change.map_err(|error| PipelineError::damaged("a plan's batch", &error))?;
                deliver.push(&change);
            }
            if let Some(entry) = ledger::load(&self.stores, scope, &run.id, number).await? {
                lines.extend(entry.entry.lines.into_iter().flatten());
            }
        }
        plan.deliver = deliver;
        Ok(Some(StoredPlan { plan, lines }))
    }

    /// What the applied state says of some records; those that it does not know are left out. Reads
    /// the buckets in which they stand, and no more.
    pub async fn applied_records(
        &self,
        keys: &[Key],
    ) -> Result<BTreeMap<Key, Record>, PipelineError> {
        let states = States::new(&self.stores, self.integration.scope.clone());
        let name = self.integration.applied();
        let manifest = states.newest(&name).await?.manifest;
        let mut wanted: BTreeMap<usize, BTreeSet<&Key>> = BTreeMap::new();
        for key in keys {
            wanted.entry(manifest.bucket_of(Place::of(key).hash)).or_default().insert(key);
        }
        let damaged = |error| PipelineError::damaged("a state's record", &error);
        let mut found = BTreeMap::new();
        for (bucket, keys) in wanted {
            let packed = states.load_bucket(&name, &manifest, bucket).await?;
            for record in packed.iter() {
                let record = record.map_err(damaged)?;
                let key = record.key().map_err(damaged)?;
                if keys.contains(&key) {
                    found.insert(key, record.decode().map_err(damaged)?);
                }
            }
        }
        Ok(found)
    }

    /// One change of a run's plan.
    pub(crate) async fn stored_change(
        &self,
        run: &str,
        batch: u64,
        index: u32,
    ) -> Result<Option<Change>, PipelineError> {
        let scope = &self.integration.scope;
        let key = scope.object("plans", &format!("{run}/batch-{batch:08}"));
        let Some(bytes) = self.stores.objects.get(&key).await? else { return Ok(None) };
        let batch = Batch::from_bytes(&bytes)
            .map_err(|error| PipelineError::damaged("a plan's batch", &error))?;
        let change = batch.changes.iter().nth(index as usize).transpose();
        change.map_err(|error| PipelineError::damaged("a plan's batch", &error))
    }
}
