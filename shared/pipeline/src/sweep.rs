//! What is due: retries, delayed deletes, expired items, garbage.

use store::state::{StateName, States};

use crate::{Pipeline, PipelineError, Standing, SyncOutcome};

/// What a sweep did.
#[derive(Debug)]
pub struct Swept {
    /// Wake-ups that were due.
    pub due: Vec<String>,
    /// The run that delivered what was open; `None` where nothing was to be delivered.
    pub outcome: Option<SyncOutcome>,
    /// Segments of generations that are no longer kept.
    pub segments_deleted: u64,
}

impl Pipeline {
    /// Plans again what is open (what was rejected is tried again, what is due to be deleted is)
    /// and delivers it, then clears what is no longer needed.
    pub async fn sweep(&self) -> Result<Swept, PipelineError> {
        let scope = &self.integration.scope;
        let now = self.clock.now();
        let wakes = self.stores.wake.due(now).await?;
        let ours: Vec<_> =
            wakes.into_iter().filter(|wake| wake.integration == scope.path()).collect();
        let outcome = match self.integration.standing {
            Standing::Inactive => None,
            Standing::Test | Standing::Active => Some(self.resync().await?),
        };
        for wake in &ours {
            // One that the run has moved meanwhile stays.
            self.stores.wake.clear(wake).await?;
        }
        let lease = self.take_lease().await?;
        let check = lease.check(scope);
        let states = States::new(&self.stores, scope.clone());
        let mut segments_deleted =
            states.collect_garbage(&self.integration.applied(), &check).await?;
        for source in &self.integration.sources {
            let name = StateName::Source(source.name.clone());
            segments_deleted += states.collect_garbage(&name, &check).await?;
        }
        lease.release(&self.stores, scope, &*self.clock).await?;
        let due = ours.into_iter().map(|wake| wake.reason).collect();
        Ok(Swept { due, outcome, segments_deleted })
    }
}
