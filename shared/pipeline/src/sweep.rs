//! What is due: retries, delayed deletes, expired items, garbage.

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::Timestamp;
use serde::{Deserialize, Serialize};
use store::state::lease::Lease;
use store::state::run::{OpenRuns, RunState, StoredRun};
use store::state::{StateName, States};

use store::{Condition, ItemKey, StoreError};
use tracing::warn;

use crate::arrivals::SETTLE;
use crate::steps::{deliver, plan};
use crate::{Ask, Cleared, Deliver, Next, Pipeline, PipelineError, Rest, Standing, SyncOutcome};

/// An open run that has not moved for so long has lost its message: it is sent again.
const STALLS_AFTER: Duration = Duration::from_secs(10 * 60);

/// After so many outages in a row the circuit opens.
const OPENS_AFTER: u32 = 3;

/// How often garbage is collected by sweeps that come every few minutes.
const TIDIES_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What a sweep did.
#[derive(Debug)]
pub struct Swept {
    /// Wake-ups that were due.
    pub due: Vec<String>,
    /// The run that delivered what was open; `None` where nothing was to be delivered.
    pub outcome: Option<SyncOutcome>,
    /// Segments of generations that are no longer kept.
    pub segments_deleted: u64,
    /// What was kept no longer.
    pub cleared: Cleared,
    /// The circuit to the LMS is open until then: nothing was sent.
    pub circuit_open_until: Option<Timestamp>,
    /// Why nothing is delivered now: nothing was planned either.
    pub rest: Option<Rest>,
}

/// What a sweep by messages did.
#[derive(Debug, Default)]
pub struct SweptStep {
    /// Wake-ups that were due.
    pub due: Vec<String>,
    /// Runs that stood still and were asked for again.
    pub stalled: Vec<String>,
    /// Segments of generations that are no longer kept.
    pub segments_deleted: u64,
    /// The circuit to the LMS is open until then: nothing was asked of it.
    pub circuit_open_until: Option<Timestamp>,
}

/// How an open run stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    state: RunState,
    delivered: u64,
    since: Timestamp,
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
        self.finish_forgetting(now).await?;
        let rest = self.rests().await?;
        let outcome = match self.integration.standing {
            _ if circuit_open_until.is_some() || rest.is_some() => None,
            Standing::Inactive => None,
            Standing::Test | Standing::Active => Some(self.resync().await?),
        };
        // What is due stays so while nothing is delivered.
        for wake in ours.iter().filter(|_| rest.is_none()) {
            // One that the run has moved meanwhile stays.
            self.stores.wake.clear(wake).await?;
        }
        self.finish_forgetting(now).await?;
        let mut lease = self.take_lease().await?;
        let segments_deleted = self.collect_garbage(&lease).await?;
        let cleared = self.clear_old(&mut lease).await?;
        self.erase_expired_credentials().await?;
        lease.release(&self.stores, scope, &*self.clock).await?;
        let due = ours.into_iter().map(|wake| wake.reason).collect();
        Ok(Swept { due, outcome, segments_deleted, cleared, circuit_open_until, rest })
    }

    /// The sweep of a home where each step has its own process: it sends messages for what is due
    /// and for runs that stand still, and clears what is no longer needed.
    pub async fn sweep_step(&self, until: Timestamp) -> Result<SweptStep, PipelineError> {
        let scope = &self.integration.scope;
        let mut swept = SweptStep::default();
        if self.integration.standing == Standing::Inactive {
            return Ok(swept);
        }
        let now = self.clock.now();
        let mut due = self.stores.wake.of(&scope.path()).await?;
        // Files that wait for others are looked at by whoever reads files.
        due.retain(|wake| wake.due <= now && !wake.reason.starts_with(SETTLE));
        swept.circuit_open_until = self.circuit_open_until().await?;
        swept.stalled = self.nudge(now).await?;
        let rests = self.rests().await?.is_some();
        if !due.is_empty() && swept.circuit_open_until.is_none() && !rests {
            let next = self.begin_resync(until).await?;
            self.send(&next).await?;
            for wake in &due {
                // One that was moved meanwhile stays.
                self.stores.wake.clear(wake).await?;
            }
            swept.due = due.into_iter().map(|wake| wake.reason).collect();
        }
        self.finish_forgetting(until).await?;
        let mut lease = self.lease_by(until).await?;
        let tidied = async {
            self.close_received(&lease).await?;
            if self.is_tidied(now).await? {
                return Ok(0);
            }
            let deleted = self.collect_garbage(&lease).await?;
            self.clear_old(&mut lease).await?;
            self.erase_expired_credentials().await?;
            self.stores.table.put(&self.tidied(), now.to_string().into(), Condition::Any).await?;
            Ok(deleted)
        };
        let tidied = tidied.await;
        swept.segments_deleted = self.give_back(lease, tidied).await?;
        Ok(swept)
    }

    /// Whether garbage was collected within the last day: looking for it reads the whole state,
    /// which is most of what a large school's sweeps would cost.
    async fn is_tidied(&self, now: Timestamp) -> Result<bool, PipelineError> {
        let Some(item) = self.stores.table.get(&self.tidied()).await? else { return Ok(false) };
        let last = std::str::from_utf8(&item.body).ok().and_then(|text| text.parse().ok());
        let since = last.map(|last: Timestamp| now.duration_since(last));
        let since = since.and_then(|since| Duration::try_from(since).ok());
        Ok(since.is_some_and(|since| since < TIDIES_EVERY))
    }

    fn tidied(&self) -> ItemKey {
        ItemKey::new(self.integration.scope.path(), "tidied")
    }

    /// Ends runs whose process died while it took its export in. It held the lease for that, so
    /// under the lease nobody is at it; its event or file comes again under another run.
    async fn close_received(&self, lease: &Lease) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        for id in OpenRuns::load(&self.stores, scope).await?.ids {
            match StoredRun::load(&self.stores, scope, &id).await? {
                None => self.forget_open(lease, &id).await?,
                Some(mut run) if run.run.state == RunState::Received => {
                    self.end(lease, &mut run, RunState::Interrupted, None).await?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Sends the messages again of open runs that stand as they stood at an earlier sweep.
    async fn nudge(&self, now: Timestamp) -> Result<Vec<String>, PipelineError> {
        let scope = &self.integration.scope;
        let key = ItemKey::new(scope.path(), "standing-still");
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            what: "what stood still".into(),
            reason: error.to_string(),
        };
        let found = self.stores.table.get(&key).await?;
        let before: BTreeMap<String, Seen> = match &found {
            None => BTreeMap::new(),
            Some(item) => serde_json::from_slice(&item.body).map_err(damaged)?,
        };
        let (mut seen, mut stalled) = (BTreeMap::new(), Vec::new());
        for id in OpenRuns::load(&self.stores, scope).await?.ids {
            let Some(run) = StoredRun::load(&self.stores, scope, &id).await? else { continue };
            let run = run.run;
            let stands = (run.state, run.delivered);
            let since = match before.get(&id) {
                Some(earlier) if (earlier.state, earlier.delivered) == stands => earlier.since,
                _ => now,
            };
            let still = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            seen.insert(id.clone(), Seen { state: run.state, delivered: run.delivered, since });
            if still < STALLS_AFTER {
                continue;
            }
            // The time sets the message apart from the one that was lost.
            let next = match (run.state, deliver(&run)) {
                (RunState::Parsed, _) => {
                    let Next::Plan(Ask::Plan { run, .. }) = plan(&id) else { continue };
                    Next::Plan(Ask::Plan { run, after: Some(now.to_string()) })
                }
                (RunState::Planned | RunState::Delivering, Next::Deliver(batch)) => {
                    let waits = u32::try_from(now.as_second() / 60).unwrap_or(u32::MAX);
                    Next::Deliver(Deliver { waits, ..batch })
                }
                _ => continue,
            };
            warn!(run = %id, state = run.state.name(), "a run stands still: it is asked for again");
            self.send(&next).await?;
            stalled.push(id);
        }
        if seen != before {
            let body = serde_json::to_vec(&seen).map_err(damaged)?;
            self.stores.table.put(&key, body, Condition::Any).await?;
        }
        Ok(stalled)
    }

    /// The applied state and every source's.
    pub(crate) fn state_names(&self) -> Vec<StateName> {
        let sources = self.integration.sources.iter();
        let sources = sources.map(|source| StateName::Source(source.name.clone()));
        std::iter::once(self.integration.applied()).chain(sources).collect()
    }

    async fn collect_garbage(&self, lease: &Lease) -> Result<u64, PipelineError> {
        let scope = &self.integration.scope;
        let check = lease.check(scope);
        let states = States::new(&self.stores, scope.clone());
        let mut deleted = 0;
        for name in self.state_names() {
            deleted += states.collect_garbage(&name, &check).await?;
            deleted += states.collect_garbage(&name.index(), &check).await?;
        }
        Ok(deleted)
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
