//! Sending a run's batches, from where the run stands.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ambient::{Stopwatch, Timestamp};
use delivery::{Courier, Issuing, Predecessor, Resolver, Settings};
use lms::LmsError;
use serde::{Deserialize, Serialize};
use store::state::States;
use store::state::lease::{self, Lease};
use store::state::run::{OpenRuns, Run, RunState, StoredRun};
use store::{Condition, StoreError, WakeUp};
use tracing::info;

use crate::progress::Stage;
use crate::{Pipeline, PipelineError, Rest};

/// What had no answer, or waits for something, is looked at again after so long.
const RETRIES_AFTER: Duration = Duration::from_secs(120);
/// Old places of people who have the new one by now are taken away after so long.
const MOVES_AFTER: Duration = Duration::from_secs(60);
/// What the LMS refused is tried again after so long: somebody may have put it right there.
const REJECTED_AFTER: Duration = Duration::from_secs(12 * 3600);
/// How long a deliverer steps back for somebody who asks for the lease.
const COURTESY: Duration = Duration::from_secs(2);

/// For how long, and for whom, a delivery goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// To its end: nobody else is at work on the integration.
    Done,
    /// Until this time; it steps back for a newer run, and for whoever asks for the lease.
    Time(Timestamp),
}

/// What ended a delivery.
pub(crate) enum Delivered {
    /// Every batch is recorded.
    All,
    /// The LMS cannot be worked with now.
    Blocked(LmsError),
    /// Somebody asked to stop.
    Stopped,
    /// The time is up; batches are left.
    OutOfTime,
    /// Quiet hours have begun, or somebody asked for a pause.
    Rests(Rest),
    /// This newer run waits to be planned: it plans what is left as well.
    Overtaken(String),
}

/// What is stored of a target, to notice when an address begins to answer as another site.
#[derive(Debug, Serialize, Deserialize)]
struct KnownSite {
    id: String,
    version: String,
}

impl Pipeline {
    /// Makes sure that the target is there and is the one it was, and marks the run as delivering.
    /// `Ok(Some(error))` where it is out of reach: the run waits then.
    pub(crate) async fn set_out(
        &self,
        lease: &Lease,
        run: &mut StoredRun,
    ) -> Result<Option<LmsError>, PipelineError> {
        let calls_before = self.lms.calls();
        let checked = self.check_site().await;
        run.run.calls += self.lms.calls() - calls_before;
        match checked {
            Ok(()) => {}
            Err(PipelineError::Lms(error)) => {
                self.wait(run, &error).await?;
                return Ok(Some(error));
            }
            Err(other @ PipelineError::OtherSite { .. }) => {
                self.end(lease, run, RunState::Failed, Some(other.to_string())).await?;
                return Err(other);
            }
            // The store is in trouble, which says nothing about the run.
            Err(other) => return Err(other),
        }
        run.run.state = RunState::Delivering;
        run.run.rests = false;
        run.save(&self.stores, &self.integration.scope).await?;
        Ok(None)
    }

    /// Delivers what a run planned; says what kept it from coming to its end.
    pub(crate) async fn deliver_all(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
    ) -> Result<Option<LmsError>, PipelineError> {
        if run.run.batches == 0 {
            self.finish(lease, run).await?;
            return Ok(None);
        }
        if let Some(blocked) = self.set_out(lease, run).await? {
            return Ok(Some(blocked));
        }
        match self.deliver_from(lease, run, Until::Done).await? {
            Delivered::Blocked(error) => {
                self.record_up_to(lease, run.run.delivered, run).await?;
                self.wait(run, &error).await?;
                return Ok(Some(error));
            }
            Delivered::Rests(rest) => {
                self.fold_up_to(lease, run, run.run.delivered).await?;
                self.rest(run, &rest).await?;
            }
            Delivered::Stopped => {
                self.record_up_to(lease, run.run.delivered, run).await?;
                let why = "stopped on request: what was not sent is planned again".to_owned();
                self.end(lease, run, RunState::Interrupted, Some(why)).await?;
            }
            // Without a time there is nobody to step back for.
            Delivered::All | Delivered::OutOfTime | Delivered::Overtaken(_) => {
                self.finish(lease, run).await?;
            }
        }
        Ok(None)
    }

    /// Asks the target who it is, and compares it with whom the state belongs to.
    pub(crate) async fn check_site(&self) -> Result<(), PipelineError> {
        let site = self.lms.identify().await?;
        let fingerprint = self.integration.fingerprint();
        let key =
            store::ItemKey::new(self.integration.scope.path(), format!("target/{fingerprint}"));
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            what: "known site".into(),
            reason: error.to_string(),
        };
        let known: Option<KnownSite> = match self.stores.table.get(&key).await? {
            None => None,
            Some(item) => Some(serde_json::from_slice(&item.body).map_err(damaged)?),
        };
        match known {
            Some(known) if known.id != site.id => {
                Err(PipelineError::OtherSite { url: site.url, known: known.id, found: site.id })
            }
            Some(_) => Ok(()),
            None => {
                let known = KnownSite { id: site.id, version: site.version };
                let body = serde_json::to_vec(&known).map_err(damaged)?;
                self.stores.table.put(&key, body, Condition::Any).await?;
                Ok(())
            }
        }
    }

    /// Sends the run's batches one after the other, and folds what they did every so often.
    pub(crate) async fn deliver_from(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
        until: Until,
    ) -> Result<Delivered, PipelineError> {
        // Ids that an earlier process made are in the run's ledger: folded, they are found.
        self.record_up_to(lease, run.run.delivered, run).await?;
        let mut resolver = self.resolver().await?;
        self.note_org_units(&run.run.id, run.run.delivered, &mut resolver).await?;
        let began_at = run.run.delivered;
        let total: u64 = run.run.changes.values().flat_map(|actions| actions.values()).sum();
        while run.run.delivered < run.run.batches {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Delivered::Stopped);
            }
            // One small read before each batch, so that a pause holds from the next one on.
            if let Some(rest) = self.rests().await? {
                return Ok(Delivered::Rests(rest));
            }
            if let Until::Time(time) = until {
                if let Some(newer) = self.newest_parsed(&run.run.id).await? {
                    return Ok(Delivered::Overtaken(newer));
                }
                // Whoever comes late, because the lease was out, still gets something done.
                if self.clock.now() >= time && run.run.delivered > began_at {
                    return Ok(Delivered::OutOfTime);
                }
                self.step_back(lease).await?;
            }
            let batch = run.run.delivered;
            let delivered = self.courier().deliver(lease, run, batch, &mut resolver).await?;
            let done = total_receipts(&run.run);
            self.progress.at(Stage::Delivering, done.min(total), total);
            if let Some(stopped) = delivered.stopped {
                return Ok(Delivered::Blocked(stopped));
            }
            if (batch + 1).is_multiple_of(self.integration.fold_every) {
                self.record_up_to(lease, batch + 1, run).await?;
                let states = States::new(&self.stores, self.integration.scope.clone());
                resolver.rebase(states.newest(&self.integration.applied()).await?);
            }
        }
        Ok(Delivered::All)
    }

    /// The newest run that waits to be planned, where it is newer than `than`.
    pub(crate) async fn newest_parsed(&self, than: &str) -> Result<Option<String>, PipelineError> {
        let scope = &self.integration.scope;
        let open = OpenRuns::load(&self.stores, scope).await?.ids;
        for id in open.into_iter().rev().filter(|id| id.as_str() > than) {
            let run = StoredRun::load(&self.stores, scope, &id).await?;
            if run.is_some_and(|run| run.run.state == RunState::Parsed) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Lets somebody who asks for the lease have it, and takes it again when they are done.
    async fn step_back(&self, lease: &mut Lease) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        if !lease::is_wanted(&self.stores, scope, self.clock.now()).await? {
            return Ok(());
        }
        let held = lease.clone();
        held.release(&self.stores, scope, &*self.clock).await.map_err(crate::drive::lease_lost)?;
        self.clock.sleep(COURTESY).await;
        let now = self.clock.now();
        let patience = self.integration.lease * 4;
        let until = now.saturating_add(patience).unwrap_or(now);
        *lease = self.lease_by(until).await?;
        Ok(())
    }

    pub(crate) fn courier(&self) -> Courier<'_> {
        Courier {
            stores: &self.stores,
            scope: &self.integration.scope,
            lms: Arc::clone(&self.lms),
            clock: Arc::clone(&self.clock),
            open: Box::new(|key, sealed| self.vault.open(key, sealed)),
            issuing: Issuing {
                seal: Box::new(|key, plain| self.vault.seal(key, plain)),
                random: Arc::clone(&self.random),
                lasts: self.integration.keeping.credentials,
            },
            fields: &self.integration.policy.fields,
            settings: Settings {
                lease: self.integration.lease,
                request_timeout: self.integration.request_timeout,
                predecessor: if self.sole_writer {
                    Predecessor::IsDead
                } else {
                    Predecessor::MayLive
                },
            },
        }
    }

    pub(crate) async fn resolver(&self) -> Result<Resolver, PipelineError> {
        let states = States::new(&self.stores, self.integration.scope.clone());
        let name = self.integration.applied();
        let base = states.newest(&name).await?;
        Ok(Resolver::new(states, name, base))
    }

    /// Folds what is delivered, and brings the run to its end.
    pub(crate) async fn finish(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
    ) -> Result<(), PipelineError> {
        let time = Stopwatch::start(&*self.clock);
        self.fold_up_to(lease, run, run.run.delivered).await?;
        if run.run.batches > 0 {
            self.refresh_index(lease, &self.integration.applied()).await?;
        }
        run.run.times.recording += time.millis(&*self.clock);
        let left = run.run.receipts;
        if left.retry + left.unknown + left.accepted + left.deferred > 0 {
            self.wake_up("retry", RETRIES_AFTER).await?;
        }
        if left.rejected + run.run.parked > 0 {
            self.wake_up("rejected", REJECTED_AFTER).await?;
        }
        if run.run.old_places > 0 && left.applied > 0 {
            self.wake_up("moves", MOVES_AFTER).await?;
        }
        let state = if run.run.held.is_empty() { RunState::Done } else { RunState::PartlyHeld };
        info!(run = %run.run.id, state = state.name(), "run ended");
        self.end(lease, run, state, None).await
    }
}

impl Pipeline {
    async fn wake_up(&self, reason: &str, after: Duration) -> Result<(), PipelineError> {
        let now = self.clock.now();
        let due = now.saturating_add(after).unwrap_or(now);
        let integration = self.integration.scope.path();
        Ok(self.stores.wake.set(WakeUp { due, integration, reason: reason.into() }).await?)
    }
}

fn total_receipts(run: &Run) -> u64 {
    let counts = run.receipts;
    counts.applied
        + counts.accepted
        + counts.rejected
        + counts.deferred
        + counts.retry
        + counts.unknown
}
