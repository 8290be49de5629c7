//! What is due: retries, delayed deletes, expired items, garbage.

use ambient::Timestamp;
use store::state::run::{OpenRuns, RunState, StoredRun};
use store::state::{StateName, States};

use crate::{Pipeline, PipelineError, Standing, SyncOutcome};

/// After so many outages in a row the circuit opens.
const OPENS_AFTER: u32 = 3;

/// What a sweep did.
#[derive(Debug)]
pub struct Swept {
    /// Wake-ups that were due.
    pub due: Vec<String>,
    /// The run that delivered what was open; `None` where nothing was to be delivered.
    pub outcome: Option<SyncOutcome>,
    /// Segments of generations that are no longer kept.
    pub segments_deleted: u64,
    /// The circuit to the LMS is open until then: nothing was sent.
    pub circuit_open_until: Option<Timestamp>,
}

impl Pipeline {
    /// Plans again what is open (what was rejected is tried again, what is due to be deleted is)
    /// and delivers it, then clears what is no longer needed.
    pub async fn sweep(&self) -> Result<Swept, PipelineError> {
        let scope = &self.integration.scope;
        let now = self.clock.now();
        let wakes = self.stores.wake.of(&scope.path()).await?;
        let ours: Vec<_> = wakes.into_iter().filter(|wake| wake.due <= now).collect();
        let circuit_open_until = self.circuit_open_until().await?;
        let outcome = match self.integration.standing {
            _ if circuit_open_until.is_some() => None,
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
        Ok(Swept { due, outcome, segments_deleted, circuit_open_until })
    }

    /// Until when the circuit to the LMS is open: after several outages in a row, what fires by
    /// itself leaves the LMS alone until its next try is due. A sync tries at once, so a new export
    /// or somebody's command closes the circuit as soon as the LMS answers again.
    pub async fn circuit_open_until(&self) -> Result<Option<Timestamp>, PipelineError> {
        let scope = &self.integration.scope;
        let mut outages = 0;
        for id in OpenRuns::load(&self.stores, scope).await?.ids {
            let run = StoredRun::load(&self.stores, scope, &id).await?;
            let waiting = run.filter(|run| run.run.state == RunState::Waiting);
            outages = outages.max(waiting.map_or(0, |run| run.run.waits));
        }
        if outages < OPENS_AFTER {
            return Ok(None);
        }
        let wakes = self.stores.wake.of(&scope.path()).await?;
        let retry = wakes.into_iter().find(|wake| wake.reason == "retry").map(|wake| wake.due);
        Ok(retry.filter(|due| *due > self.clock.now()))
    }
}
