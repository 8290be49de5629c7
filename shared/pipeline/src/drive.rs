//! All steps in a row, under one lease.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ambient::{Clock, Random, Timestamp, run_id};
use lms::{ErrorClass, Lms, LmsError};
use plan::{Cause, Refused};
use roster::{Findings, Text};
use store::state::lease::{self, Lease};
use store::state::run::{OpenRuns, Run, RunState, StoredRun};
use store::{StoreError, Stores, WakeUp};

use crate::ingest::ReadExport;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::{Integration, PipelineError, Planned, Recovered, Source, Standing};

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

    pub(crate) async fn give_back<T>(
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
        self.lease_by(self.clock.now()).await
    }

    /// Takes the lease; where somebody else has it, asks for it until `until`.
    pub(crate) async fn lease_by(&self, until: Timestamp) -> Result<Lease, PipelineError> {
        let (scope, ttl) = (&self.integration.scope, self.integration.lease);
        let (stores, clock) = (&self.stores, &*self.clock);
        if self.sole_writer {
            return Ok(lease::take_over(stores, scope, clock, &self.holder, ttl).await?);
        }
        let mut asked = false;
        loop {
            let held = match lease::acquire(stores, scope, clock, &self.holder, ttl).await? {
                Ok(lease) => {
                    if asked {
                        lease::asks_no_more(stores, scope).await?;
                    }
                    return Ok(lease);
                }
                Err(held) => held,
            };
            if clock.now() >= until {
                let until = held.until.to_string();
                return Err(PipelineError::Busy { holder: held.holder, until });
            }
            lease::ask(stores, scope, clock.now()).await?;
            asked = true;
            clock.sleep(lease::ASKS_EVERY).await;
        }
    }

    async fn sync_under(
        &self,
        lease: &mut Lease,
        export: Option<(&Source, ReadExport)>,
        refused: Refused,
    ) -> Result<SyncOutcome, PipelineError> {
        self.may_work()?;
        let recovered = self.recover(lease).await?;
        let mut run = self.begin(lease).await?;
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
                    self.end(lease, &mut run, state, Some(error.to_string())).await?;
                    return Err(error);
                }
            };
            (findings, read) = (ingested.findings, ingested.files);
        }
        self.carry_out(lease, run, recovered, (refused, Cause::Source), (findings, read)).await
    }

    /// An inactive integration does nothing.
    pub(crate) fn may_work(&self) -> Result<(), PipelineError> {
        if self.integration.standing == Standing::Inactive {
            return Err(PipelineError::Configuration(
                "this integration is inactive: set `status = \"active\"` (or \"test\") to use it"
                    .into(),
            ));
        }
        Ok(())
    }

    /// Plans what the sources say now, and delivers what may be delivered of it.
    pub(crate) async fn carry_out(
        &self,
        lease: &mut Lease,
        mut run: StoredRun,
        recovered: Recovered,
        how: (Refused, Cause),
        read: (Findings, Vec<Text>),
    ) -> Result<SyncOutcome, PipelineError> {
        let (planned, findings, files) = self.plan(lease, &mut run, how, read).await?;
        self.progress.planned(&run.run, &planned, &findings);
        let mut stopped = None;
        if let Some(blocked) = recovered.blocked {
            self.wait(&mut run, &blocked).await?;
            stopped = Some(blocked);
        } else if self.integration.standing == Standing::Active {
            let rest = match recovered.rest {
                None if run.run.batches > 0 => self.rests().await?,
                rest => rest,
            };
            stopped = match rest {
                Some(rest) => self.rest(&mut run, &rest).await.map(|()| None)?,
                None => self.deliver_all(lease, &mut run).await?,
            };
        } else {
            let why = "the integration's status is `test`: nothing was delivered".to_owned();
            self.end(lease, &mut run, RunState::Done, Some(why)).await?;
        }
        let recovered = recovered.finished;
        let planned = Some(planned);
        Ok(SyncOutcome { run: run.run, findings, files, planned, recovered, stopped })
    }

    /// Stores a new run and lists it among the open ones.
    pub(crate) async fn begin(&self, lease: &Lease) -> Result<StoredRun, PipelineError> {
        let scope = &self.integration.scope;
        let id = run_id(self.clock.now(), &*self.random);
        let mut open = OpenRuns::load(&self.stores, scope).await?;
        open.ids.push(id.clone());
        let run = Run::new(id, self.clock.now());
        let with = vec![lease.check(scope), open.write(scope)?];
        let created = StoredRun::create(&self.stores, scope, run, with);
        created.await.map_err(lease_lost)
    }

    /// Brings a run to rest and takes it off the open ones. Who has lost the lease must not: somebody
    /// else may be about to send a batch of it, which nobody would look into once it is at rest.
    pub(crate) async fn end(
        &self,
        lease: &Lease,
        run: &mut StoredRun,
        state: RunState,
        reason: Option<String>,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        run.run.end(state, self.clock.now());
        run.run.reason = reason.or(run.run.reason.take());
        let mut open = OpenRuns::load(&self.stores, scope).await?;
        open.ids.retain(|id| *id != run.run.id);
        let counting = self.counting(&run.run).await?;
        let writes = vec![lease.check(scope), run.write(scope)?, open.write(scope)?, counting];
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
        run.run.rests = false;
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
}

pub(crate) fn lease_lost(error: StoreError) -> PipelineError {
    if error.is_condition_failed() {
        PipelineError::Delivery(delivery::DeliveryError::LeaseLost)
    } else {
        error.into()
    }
}

/// Whether an error means that nobody can get on with the LMS now.
pub(crate) fn is_out_of_reach(error: &LmsError) -> bool {
    error.class != ErrorClass::Rejected
}
