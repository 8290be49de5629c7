//! All steps in a row, under one lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::{Clock, Random, run_id};
use delivery::{Courier, Predecessor, Resolver, Settings};
use lms::{ErrorClass, Lms, LmsError};
use plan::{Cause, Refused};
use roster::{Findings, Text};
use serde::{Deserialize, Serialize};
use store::state::States;
use store::state::lease::{self, Lease};
use store::state::run::{OpenRuns, Run, RunState, StoredRun};
use store::{Condition, QueueName, StoreError, Stores, WakeUp};
use tracing::info;

use crate::folding::FOLD_EVERY;
use crate::ingest::ReadExport;
use crate::progress::{Progress, Stage};
use crate::vault::Vault;
use crate::{BatchMessage, Integration, PipelineError, Planned, Source, Standing};

/// After so many receptions a message is poison.
const MAX_RECEIVES: u32 = 5;

/// One integration with all that its steps need. A clone is another handle.
#[derive(Clone)]
pub struct Pipeline {
    /// The store.
    pub stores: Stores,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids.
    pub random: Arc<dyn Random>,
    /// The integration.
    pub integration: Arc<Integration>,
    /// Its target.
    pub lms: Arc<dyn Lms>,
    /// Where delivered passwords are sealed.
    pub vault: Arc<dyn Vault>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
    /// This process's name in the lease: host and process id.
    pub holder: String,
    /// Whether a lease that has not run out may be taken over: only where something else (the data
    /// folder's lock) proves that its holder is dead.
    pub sole_writer: bool,
    /// Set to stop delivery: the batch in flight is recorded, then the run ends as interrupted.
    pub stop: Arc<AtomicBool>,
}

/// What a run came to.
#[derive(Debug)]
pub struct SyncOutcome {
    /// The run.
    pub run: Run,
    /// What is wrong or odd in the export and in what is wanted.
    pub findings: Findings,
    /// The files that origins of plan and findings count in.
    pub files: Vec<Text>,
    /// The plan, where it came to one.
    pub planned: Option<Planned>,
    /// Runs that were left without an end and are finished now.
    pub recovered: Vec<String>,
    /// What kept the run from going on: the LMS was out of reach or did not let us in.
    pub stopped: Option<LmsError>,
}

/// What ended a delivery.
enum Delivered {
    /// Every batch is recorded.
    All,
    /// The LMS cannot be worked with now.
    Blocked(LmsError),
    /// Somebody asked to stop.
    Stopped,
}

/// What is stored of a target, to notice when an address begins to answer as another site.
#[derive(Debug, Serialize, Deserialize)]
struct KnownSite {
    id: String,
    version: String,
}

impl Pipeline {
    /// Takes in an export that was read, plans, and delivers what may be delivered.
    pub async fn sync(
        &self,
        source: &Source,
        export: ReadExport,
    ) -> Result<SyncOutcome, PipelineError> {
        let mut lease = self.take_lease().await?;
        let outcome = self.sync_under(&mut lease, Some((source, export)), Refused::Wait).await;
        self.give_back(lease, outcome).await
    }

    /// Plans and delivers what the sources say now, without a new export: what was rejected is
    /// tried again.
    pub async fn resync(&self) -> Result<SyncOutcome, PipelineError> {
        let mut lease = self.take_lease().await?;
        let outcome = self.sync_under(&mut lease, None, Refused::TryAgain).await;
        self.give_back(lease, outcome).await
    }

    async fn give_back<T>(
        &self,
        lease: Lease,
        outcome: Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let released = lease.release(&self.stores, &self.integration.scope, &*self.clock).await;
        let outcome = outcome?;
        match released {
            // It ran out and somebody else has it: it is given back already.
            Err(error) if error.is_condition_failed() => Ok(outcome),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(outcome),
        }
    }

    pub(crate) async fn take_lease(&self) -> Result<Lease, PipelineError> {
        let (scope, ttl) = (&self.integration.scope, self.integration.lease);
        if self.sole_writer {
            let clock = &*self.clock;
            return Ok(lease::take_over(&self.stores, scope, clock, &self.holder, ttl).await?);
        }
        let taken = lease::acquire(&self.stores, scope, &*self.clock, &self.holder, ttl).await?;
        taken.map_err(|held| PipelineError::Busy {
            holder: held.holder,
            until: held.until.to_string(),
        })
    }

    async fn sync_under(
        &self,
        lease: &mut Lease,
        export: Option<(&Source, ReadExport)>,
        refused: Refused,
    ) -> Result<SyncOutcome, PipelineError> {
        if self.integration.standing == Standing::Inactive {
            return Err(PipelineError::Configuration(
                "this integration is inactive: set `status = \"active\"` (or \"test\") to use it"
                    .into(),
            ));
        }
        let recovered = self.recover(lease).await?;
        let mut run = self.begin().await?;
        run.run.waits = recovered.waits;
        let (mut findings, mut read) = (Findings::default(), Vec::new());
        if let Some((source, export)) = export {
            let ingested = self.ingest(lease, source, export, &mut run).await;
            let ingested = match ingested {
                Ok(ingested) => ingested,
                Err(error) => {
                    let state = match error {
                        PipelineError::Refused { .. } => RunState::Rejected,
                        _ => RunState::Failed,
                    };
                    self.end(&mut run, state, Some(error.to_string())).await?;
                    return Err(error);
                }
            };
            (findings, read) = (ingested.findings, ingested.files);
        }
        let planned = self.plan(&mut run, refused, Cause::Source).await?;
        // One list of files for all findings: those that the plan's origins count in come first.
        let mut files = planned.plan.summary.files.clone();
        findings.shift_files(files.len() as u32);
        findings.merge(planned.findings.clone());
        files.extend(read);
        self.store_findings(&run.run.id, &findings, &files).await?;
        self.progress.planned(&run.run, &planned, &findings);
        let mut stopped = None;
        if let Some(blocked) = recovered.blocked {
            self.wait(&mut run, &blocked).await?;
            stopped = Some(blocked);
        } else if self.integration.standing == Standing::Active {
            stopped = self.deliver_all(lease, &mut run).await?;
        } else {
            let why = "the integration's status is `test`: nothing was delivered".to_owned();
            self.end(&mut run, RunState::Done, Some(why)).await?;
        }
        let recovered = recovered.finished;
        let planned = Some(planned);
        Ok(SyncOutcome { run: run.run, findings, files, planned, recovered, stopped })
    }

    /// Stores a new run and lists it among the open ones.
    async fn begin(&self) -> Result<StoredRun, PipelineError> {
        let scope = &self.integration.scope;
        let id = run_id(self.clock.now(), &*self.random);
        let mut open = OpenRuns::load(&self.stores, scope).await?;
        open.ids.push(id.clone());
        let run = Run::new(id, self.clock.now());
        let created = StoredRun::create(&self.stores, scope, run, vec![open.write(scope)?]);
        created.await.map_err(lease_lost)
    }

    /// Brings a run to rest and takes it off the open ones.
    pub(crate) async fn end(
        &self,
        run: &mut StoredRun,
        state: RunState,
        reason: Option<String>,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        run.run.end(state, self.clock.now());
        run.run.reason = reason.or(run.run.reason.take());
        let mut open = OpenRuns::load(&self.stores, scope).await?;
        open.ids.retain(|id| *id != run.run.id);
        let writes = vec![run.write(scope)?, open.write(scope)?];
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        run.saved();
        Ok(())
    }

    /// Notes that the LMS is out of reach, and when to try again: after 1, 2, 4, ... minutes, at
    /// most 4 hours, or when it asks for.
    pub(crate) async fn wait(
        &self,
        run: &mut StoredRun,
        error: &LmsError,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        run.run.state = RunState::Waiting;
        run.run.reason = Some(error.to_string());
        let minutes = 1u64 << run.run.waits.min(8);
        run.run.waits += 1;
        let growing = std::time::Duration::from_secs(60 * minutes.min(240));
        let wait = error.retry_after.unwrap_or_default().max(growing);
        let due = self.clock.now().saturating_add(wait).unwrap_or(self.clock.now());
        let wake = WakeUp { due, integration: scope.path(), reason: "retry".into() };
        self.stores.wake.set(wake).await?;
        run.save(&self.stores, scope).await?;
        Ok(())
    }

    /// Delivers what a run planned; says what kept it from coming to its end.
    async fn deliver_all(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
    ) -> Result<Option<LmsError>, PipelineError> {
        if run.run.batches == 0 {
            self.finish(lease, run).await?;
            return Ok(None);
        }
        let calls_before = self.lms.calls();
        let checked = self.check_site().await;
        run.run.calls += self.lms.calls() - calls_before;
        if let Err(error) = checked {
            return match error {
                PipelineError::Lms(error) => {
                    self.wait(run, &error).await?;
                    Ok(Some(error))
                }
                other => {
                    self.end(run, RunState::Failed, Some(other.to_string())).await?;
                    Err(other)
                }
            };
        }
        run.run.state = RunState::Delivering;
        run.save(&self.stores, &self.integration.scope).await?;
        match self.deliver_from(lease, run).await? {
            Delivered::All => {
                self.finish(lease, run).await?;
                Ok(None)
            }
            Delivered::Blocked(error) => {
                self.fold_up_to(lease, run, run.run.delivered).await?;
                self.wait(run, &error).await?;
                Ok(Some(error))
            }
            Delivered::Stopped => {
                self.fold_up_to(lease, run, run.run.delivered).await?;
                let why = "stopped on request: what was not sent is planned again".to_owned();
                self.end(run, RunState::Interrupted, Some(why)).await?;
                Ok(None)
            }
        }
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

    /// Sends the run's batches through the queue, one message at a time.
    async fn deliver_from(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
    ) -> Result<Delivered, PipelineError> {
        let mut resolver = self.resolver().await?;
        let total: u64 = run.run.changes.values().flat_map(|actions| actions.values()).sum();
        self.send(run, run.run.delivered).await?;
        while run.run.delivered < run.run.batches {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Delivered::Stopped);
            }
            let message = self.message_of(run).await?;
            let batch = run.run.delivered;
            let delivered = self.courier().deliver(lease, run, batch, &mut resolver).await?;
            let done = total_receipts(&run.run);
            self.progress.at(Stage::Delivering, done.min(total), total);
            if delivered.stopped.is_none() && batch + 1 < run.run.batches {
                self.send(run, batch + 1).await?;
            }
            if let Some(message) = message {
                self.stores.queue.ack(QueueName::Deliver, &message.receipt).await?;
            }
            if let Some(stopped) = delivered.stopped {
                return Ok(Delivered::Blocked(stopped));
            }
            if (batch + 1).is_multiple_of(FOLD_EVERY) {
                self.fold_up_to(lease, run, batch + 1).await?;
                resolver = self.resolver().await?;
            }
        }
        Ok(Delivered::All)
    }

    /// The message of the run's next batch. `None` where the queue still keeps it behind one that
    /// a process died with: the lease says who may deliver, so the batch goes without it, and
    /// whoever receives it later finds that it is done.
    async fn message_of(&self, run: &StoredRun) -> Result<Option<store::Message>, PipelineError> {
        while let Some(message) = self.next_message().await? {
            let pointer: Option<BatchMessage> = serde_json::from_str(&message.body).ok();
            let next = |pointer: &BatchMessage| {
                pointer.run == run.run.id && pointer.batch == run.run.delivered
            };
            if pointer.as_ref().is_some_and(next) {
                return Ok(Some(message));
            }
            // It belongs to a run that was finished in another way, or was delivered twice.
            self.stores.queue.ack(QueueName::Deliver, &message.receipt).await?;
        }
        Ok(None)
    }

    async fn send(&self, run: &StoredRun, batch: u64) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let pointer = BatchMessage {
            tenant: scope.tenant.clone(),
            integration: scope.integration.clone(),
            run: run.run.id.clone(),
            batch,
            attempt: run.run.waits,
        };
        let body = serde_json::to_string(&pointer).map_err(|error| StoreError::Damaged {
            what: "message in memory".into(),
            reason: error.to_string(),
        })?;
        let queue = &self.stores.queue;
        queue.send(QueueName::Deliver, &group(&scope.path()), &pointer.dedup(), &body).await?;
        Ok(())
    }

    async fn next_message(&self) -> Result<Option<store::Message>, PipelineError> {
        let visibility = self.integration.lease + self.integration.request_timeout;
        Ok(self.stores.queue.receive(QueueName::Deliver, visibility, MAX_RECEIVES).await?)
    }

    pub(crate) fn courier(&self) -> Courier<'_> {
        Courier {
            stores: &self.stores,
            scope: &self.integration.scope,
            lms: Arc::clone(&self.lms),
            clock: Arc::clone(&self.clock),
            open: Box::new(|key, sealed| self.vault.open(key, sealed)),
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
    async fn finish(&self, lease: &mut Lease, run: &mut StoredRun) -> Result<(), PipelineError> {
        self.fold_up_to(lease, run, run.run.delivered).await?;
        let left = run.run.receipts;
        if left.retry + left.unknown + left.accepted + left.deferred > 0 {
            let minutes = std::time::Duration::from_secs(120);
            let due = self.clock.now().saturating_add(minutes).unwrap_or(self.clock.now());
            let integration = self.integration.scope.path();
            self.stores.wake.set(WakeUp { due, integration, reason: "retry".into() }).await?;
        }
        let state = if run.run.held.is_empty() { RunState::Done } else { RunState::PartlyHeld };
        info!(run = %run.run.id, state = state.name(), "run ended");
        self.end(run, state, None).await
    }
}

pub(crate) fn lease_lost(error: StoreError) -> PipelineError {
    if error.is_condition_failed() {
        PipelineError::Delivery(delivery::DeliveryError::LeaseLost)
    } else {
        error.into()
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

/// A queue group has at most 128 characters; scopes are shorter but for absurd names.
fn group(path: &str) -> String {
    if path.len() <= 128 {
        path.to_owned()
    } else {
        blake3::hash(path.as_bytes()).to_hex().to_string()
    }
}

/// Whether an error means that nobody can get on with the LMS now.
pub(crate) fn is_out_of_reach(error: &LmsError) -> bool {
    error.class != ErrorClass::Rejected
}
