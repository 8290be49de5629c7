//! The steps one by one, for homes in which each runs in a process of its own and says what is to
//! be done next.
//!
//! Each takes the lease for as long as it works and can be asked for any number of times: what is
//! done already is not done again. A step that finds something newer leaves its own work to it.

use ambient::Timestamp;
use lms::LmsError;
use plan::{Cause, Refused};
use roster::Findings;
use store::state::lease::Lease;
use store::state::ledger;
use store::state::run::{ExportFile, OpenRuns, Run, RunState, StoredRun};
use tracing::info;

use crate::deliver::{Delivered, Until};
use crate::ingest::ReadExport;
use crate::{Ask, Deliver, Ingested, Pipeline, PipelineError, Source, Standing};

/// What is to be done next, as a message says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// A step of the plan queue.
    Plan(Ask),
    /// A batch.
    Deliver(Deliver),
}

/// What a step came to.
#[derive(Debug)]
pub struct Stepped {
    /// The run that it worked on, as it stands now.
    pub run: Run,
    /// What is to be done next.
    pub next: Next,
    /// What kept it from going on: the LMS was out of reach or did not let us in.
    pub stopped: Option<LmsError>,
}

/// What taking in an export came to.
#[derive(Debug)]
pub struct TakenIn {
    /// Its run.
    pub run: Run,
    /// What was read; `None` where it was refused.
    pub ingested: Option<Ingested>,
    /// What is to be done next.
    pub next: Next,
}

impl Stepped {
    fn new(run: StoredRun, next: Next) -> Self {
        Self { run: run.run, next, stopped: None }
    }
}

pub(crate) fn plan(run: &str) -> Next {
    Next::Plan(Ask::Plan { run: run.to_owned(), after: None })
}

pub(crate) fn deliver(run: &Run) -> Next {
    Next::Deliver(Deliver { run: run.id.clone(), batch: run.delivered, waits: run.waits })
}

impl Pipeline {
    /// Makes an export that was read the newest state of its source; the lease is asked for until
    /// `until`. A refused one is a run that was rejected, not an error.
    pub async fn take_in(
        &self,
        source: &Source,
        export: ReadExport,
        until: Timestamp,
    ) -> Result<TakenIn, PipelineError> {
        let lease = self.lease_by(until).await?;
        let taken = self.take_in_under(&lease, source, export).await;
        self.give_back(lease, taken).await
    }

    async fn take_in_under(
        &self,
        lease: &Lease,
        source: &Source,
        export: ReadExport,
    ) -> Result<TakenIn, PipelineError> {
        let mut run = self.begin(lease).await?;
        match self.ingest(lease, source, export, &mut run).await {
            Ok(ingested) => {
                self.store_read_findings(&run.run.id, &ingested).await?;
                let next = plan(&run.run.id);
                Ok(TakenIn { run: run.run, ingested: Some(ingested), next })
            }
            Err(refused @ PipelineError::Refused { .. }) => {
                self.end(lease, &mut run, RunState::Rejected, Some(refused.to_string())).await?;
                Ok(TakenIn { run: run.run, ingested: None, next: Next::Nothing })
            }
            Err(error) => Err(error),
        }
    }

    /// Notes an export that cannot be read as a run that was rejected, so that somebody sees it.
    pub async fn note_refused(
        &self,
        source: &Source,
        files: Vec<ExportFile>,
        why: String,
        until: Timestamp,
    ) -> Result<Run, PipelineError> {
        let lease = self.lease_by(until).await?;
        let noted = async {
            let mut run = self.begin(&lease).await?;
            run.run.source = Some(source.name.clone());
            run.run.files = files;
            self.end(&lease, &mut run, RunState::Rejected, Some(why)).await?;
            Ok(run.run)
        };
        let noted = noted.await;
        self.give_back(lease, noted).await
    }

    /// Begins a run without an export: it plans what the sources say now, and tries again what the
    /// LMS refused.
    pub async fn begin_resync(&self, until: Timestamp) -> Result<Next, PipelineError> {
        let lease = self.lease_by(until).await?;
        let begun = async {
            let mut run = self.begin(&lease).await?;
            run.run.tries_again = true;
            run.run.state = RunState::Parsed;
            run.save(&self.stores, &self.integration.scope).await?;
            Ok(plan(&run.run.id))
        };
        let begun = begun.await;
        self.give_back(lease, begun).await
    }

    /// Plans the newest run that waits for it; `id` is the one that was asked for. What an earlier
    /// run left is folded first; a batch of it that is in doubt is looked into before anything is
    /// planned, by a delivery that this step asks for.
    pub async fn plan_step(&self, id: &str, until: Timestamp) -> Result<Stepped, PipelineError> {
        let mut lease = self.lease_by(until).await?;
        let stepped = self.plan_under(&mut lease, id).await;
        self.give_back(lease, stepped).await
    }

    async fn plan_under(&self, lease: &mut Lease, id: &str) -> Result<Stepped, PipelineError> {
        let asked = self.load_run(id).await?;
        if self.integration.standing == Standing::Inactive {
            return Ok(Stepped::new(asked, Next::Nothing));
        }
        match asked.run.state {
            RunState::Parsed => {}
            // It was planned, and whoever planned it died before it could say so.
            RunState::Planned | RunState::Delivering => {
                let next = deliver(&asked.run);
                return Ok(Stepped::new(asked, next));
            }
            _ => return Ok(Stepped::new(asked, Next::Nothing)),
        }
        let newest = self.newest_parsed(id).await?;
        let mut run = match newest {
            Some(newer) => self.load_run(&newer).await?,
            None => asked,
        };
        if let Some(doubted) = self.clear_the_way(lease, &mut run).await? {
            return Ok(Stepped::new(doubted.0, doubted.1));
        }
        let refused = if run.run.tries_again { Refused::TryAgain } else { Refused::Wait };
        let read = self.read_findings(&run.run.id).await?;
        self.plan(lease, &mut run, (refused, Cause::Source), read).await?;
        if self.integration.standing == Standing::Test {
            let why = "the integration's status is `test`: nothing was delivered".to_owned();
            self.end(lease, &mut run, RunState::Done, Some(why)).await?;
        } else if run.run.batches == 0 {
            self.finish(lease, &mut run).await?;
        } else {
            let next = deliver(&run.run);
            return Ok(Stepped::new(run, next));
        }
        Ok(Stepped::new(run, Next::Nothing))
    }

    /// Brings every other open run to its end. `Some` where one has a batch in doubt.
    async fn clear_the_way(
        &self,
        lease: &mut Lease,
        newest: &mut StoredRun,
    ) -> Result<Option<(StoredRun, Next)>, PipelineError> {
        let scope = &self.integration.scope;
        for id in OpenRuns::load(&self.stores, scope).await?.ids {
            if id == newest.run.id {
                continue;
            }
            let Some(mut run) = StoredRun::load(&self.stores, scope, &id).await? else {
                self.forget_open(lease, &id).await?;
                continue;
            };
            if self.is_in_doubt(&run).await? {
                let next = deliver(&run.run);
                return Ok(Some((run, next)));
            }
            self.fold_up_to(lease, &run, run.run.delivered).await?;
            newest.run.tries_again |= run.run.tries_again && run.run.state == RunState::Parsed;
            if run.run.state == RunState::Waiting {
                newest.run.waits = newest.run.waits.max(run.run.waits);
            }
            // Who received an export holds the lease until it is taken in.
            let state = match run.run.state {
                RunState::Received => RunState::Interrupted,
                _ => RunState::Superseded,
            };
            info!(run = %id, state = state.name(), "an unfinished run was brought to its end");
            self.end(lease, &mut run, state, None).await?;
        }
        Ok(None)
    }

    /// Whether the run's next batch was claimed and has no outcome.
    pub(crate) async fn is_in_doubt(&self, run: &StoredRun) -> Result<bool, PipelineError> {
        let next = run.run.delivered;
        if next >= run.run.batches || self.integration.standing != Standing::Active {
            return Ok(false);
        }
        let scope = &self.integration.scope;
        Ok(ledger::load(&self.stores, scope, &run.run.id, next).await?.is_some())
    }

    /// Delivers a run's batches from where it stands, until `until`.
    pub async fn deliver_step(&self, id: &str, until: Timestamp) -> Result<Stepped, PipelineError> {
        let stored = self.load_run(id).await?;
        if stored.run.state.is_final() {
            return Ok(Stepped::new(stored, Next::Nothing));
        }
        let mut lease = self.lease_by(until).await?;
        let stepped = self.deliver_under(&mut lease, id, until).await;
        self.give_back(lease, stepped).await
    }

    async fn deliver_under(
        &self,
        lease: &mut Lease,
        id: &str,
        until: Timestamp,
    ) -> Result<Stepped, PipelineError> {
        let mut run = self.load_run(id).await?;
        match run.run.state {
            state if state.is_final() => return Ok(Stepped::new(run, Next::Nothing)),
            RunState::Received => return Ok(Stepped::new(run, Next::Nothing)),
            RunState::Parsed => return Ok(Stepped::new(run, plan(id))),
            _ => {}
        }
        let newer = self.newest_parsed(id).await?;
        let in_doubt = self.is_in_doubt(&run).await?;
        if self.integration.standing != Standing::Active || (newer.is_some() && !in_doubt) {
            return self.leave_to(lease, run, newer).await;
        }
        if let Some(rest) = self.rests().await? {
            self.fold_up_to(lease, &run, run.run.delivered).await?;
            self.rest(&mut run, &rest).await?;
            return Ok(Stepped::new(run, Next::Nothing));
        }
        match self.set_out(lease, &mut run).await {
            Ok(None) => {}
            Ok(Some(stopped)) => {
                return Ok(Stepped { run: run.run, next: Next::Nothing, stopped: Some(stopped) });
            }
            // The run has failed, and says why.
            Err(PipelineError::OtherSite { .. }) => return Ok(Stepped::new(run, Next::Nothing)),
            Err(error) => return Err(error),
        }
        if in_doubt {
            // It is looked into, whatever is newer and however late it is.
            if let Some(stopped) = self.look_into(lease, &mut run).await? {
                self.wait(&mut run, &stopped).await?;
                return Ok(Stepped { run: run.run, next: Next::Nothing, stopped: Some(stopped) });
            }
        }
        match self.deliver_from(lease, &mut run, Until::Time(until)).await? {
            Delivered::All => {
                self.finish(lease, &mut run).await?;
                Ok(Stepped::new(run, Next::Nothing))
            }
            Delivered::Blocked(error) => {
                self.record_up_to(lease, run.run.delivered, &mut run).await?;
                self.wait(&mut run, &error).await?;
                Ok(Stepped { run: run.run, next: Next::Nothing, stopped: Some(error) })
            }
            Delivered::Rests(rest) => {
                self.fold_up_to(lease, &run, run.run.delivered).await?;
                self.rest(&mut run, &rest).await?;
                Ok(Stepped::new(run, Next::Nothing))
            }
            Delivered::Overtaken(newer) => self.leave_to(lease, run, Some(newer)).await,
            Delivered::OutOfTime | Delivered::Stopped => {
                let next = deliver(&run.run);
                Ok(Stepped::new(run, next))
            }
        }
    }

    /// Completes the batch that was claimed and has no outcome.
    async fn look_into(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
    ) -> Result<Option<LmsError>, PipelineError> {
        let next = run.run.delivered;
        self.fold_up_to(lease, run, next).await?;
        let mut resolver = self.resolver().await?;
        self.note_org_units(&run.run.id, next, &mut resolver).await?;
        let delivered = self.courier().deliver(lease, run, next, &mut resolver).await?;
        Ok(delivered.stopped)
    }

    /// Folds what the run did, and leaves the rest to a newer one.
    async fn leave_to(
        &self,
        lease: &mut Lease,
        mut run: StoredRun,
        newer: Option<String>,
    ) -> Result<Stepped, PipelineError> {
        self.fold_up_to(lease, &run, run.run.delivered).await?;
        self.end(lease, &mut run, RunState::Superseded, None).await?;
        let after = Some(run.run.id.clone());
        let next = newer.map_or(Next::Nothing, |run| Next::Plan(Ask::Plan { run, after }));
        Ok(Stepped::new(run, next))
    }

    /// What the export's own findings were, with its files.
    async fn read_findings(
        &self,
        run: &str,
    ) -> Result<(Findings, Vec<roster::Text>), PipelineError> {
        self.stored_findings_of(run, crate::findings::READ).await
    }

    async fn store_read_findings(
        &self,
        run: &str,
        ingested: &Ingested,
    ) -> Result<(), PipelineError> {
        let (findings, files) = (&ingested.findings, &ingested.files);
        self.store_findings_of(run, crate::findings::READ, findings, files).await
    }
}
