//! One process at work on a world, and what it can be asked to do.

use std::io::Cursor;
use std::sync::Arc;

use pipeline::{
    Account, ExportInput, Later, NoProgress, Pipeline, PipelineError, ReadExport, Source,
    SyncOutcome, read,
};
use roster::Mode;
use store::state::run::{Run, RunState};

use crate::careful::LIST;
use crate::life::{Day, Event};
use crate::tap::Tap;

/// One process at work on a world.
pub struct Process {
    /// Its pipeline.
    pub pipeline: Pipeline,
    /// Where all its calls pass.
    pub tap: Arc<Tap>,
    pub(crate) source: Source,
}

/// What became of a step.
#[derive(Debug)]
pub enum Ended {
    /// The process died in it.
    Killed,
    /// It came to an end.
    Came(Result<Box<SyncOutcome>, PipelineError>),
}

impl Ended {
    /// Whether everything is done: nothing waits, nothing is open.
    pub fn is_settled(&self) -> bool {
        let Self::Came(Ok(outcome)) = self else { return false };
        let left = outcome.run.receipts;
        let open = left.accepted + left.deferred + left.retry + left.unknown + left.rejected;
        let ended = matches!(outcome.run.state, RunState::Done | RunState::PartlyHeld);
        ended && open + outcome.run.parked + outcome.run.deferred == 0
    }

    /// The outcome of a step that must have worked.
    pub fn outcome(self) -> Box<SyncOutcome> {
        match self {
            Self::Came(Ok(outcome)) => outcome,
            other => panic!("the step did not work: {other:?}"),
        }
    }
}

/// What a process is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Take in an export and deliver it.
    Sync(&'a [u8]),
    /// What is due.
    Sweep,
    /// Approve what the newest run holds, then take in the export.
    ApproveAndSync(&'a [u8]),
    /// Take in a list of the second source and deliver it.
    List(&'a [u8]),
    /// Forget the person of this key, then take in the export.
    ForgetAndSync(&'a str, &'a [u8]),
    /// Let the person of this key come back, then take in the export.
    LiftAndSync(&'a str, &'a [u8]),
    /// Take back what the newest export brought.
    Revert,
}

/// What a process is asked to do on a day.
pub fn step(day: &Day) -> Step<'_> {
    match &day.event {
        Event::Export(bytes) | Event::Broken(bytes) => Step::Sync(bytes),
        Event::Moves { export, .. } => Step::Sync(export),
        Event::Approval(bytes) => Step::ApproveAndSync(bytes),
        Event::List(bytes) => Step::List(bytes),
        Event::Forgetting(who, bytes) => Step::ForgetAndSync(who, bytes),
        Event::Lifting(who, bytes) => Step::LiftAndSync(who, bytes),
        Event::Reverting => Step::Revert,
    }
}

impl Process {
    /// Does one step, or dies in it.
    pub async fn run(&self, step: Step<'_>) -> Ended {
        let work = async {
            match step {
                Step::Sync(bytes) => self.sync(bytes).await.map(Some),
                Step::Sweep => self.pipeline.sweep().await.map(|swept| swept.outcome),
                Step::ApproveAndSync(bytes) => {
                    self.approve().await?;
                    self.sync(bytes).await.map(Some)
                }
                Step::List(bytes) => self.takes(LIST, bytes).await.map(Some),
                Step::ForgetAndSync(who, bytes) => {
                    self.forget(who).await?;
                    self.sync(bytes).await.map(Some)
                }
                Step::LiftAndSync(who, bytes) => {
                    self.pipeline.lift(who, "the registrar").await?;
                    self.sync(bytes).await.map(Some)
                }
                Step::Revert => {
                    let run = newest_export(self.pipeline.runs(20).await?);
                    let reverted = self.pipeline.revert(&run, Later::Refused, "the registrar");
                    reverted.await.map(|reverted| Some(reverted.outcome))
                }
            }
        };
        tokio::select! {
            biased;
            ended = work => match ended {
                Ok(Some(outcome)) => Ended::Came(Ok(Box::new(outcome))),
                Ok(None) => unreachable!("the integration is active"),
                Err(error) => Ended::Came(Err(error)),
            },
            () = self.tap.killed() => Ended::Killed,
        }
    }

    async fn sync(&self, bytes: &[u8]) -> Result<SyncOutcome, PipelineError> {
        let export = self.reads(&self.source, "registrar.xml", bytes)?;
        self.pipeline.sync(&self.source, export).await
    }

    /// Takes in a file of the source of this name.
    async fn takes(&self, source: &str, bytes: &[u8]) -> Result<SyncOutcome, PipelineError> {
        let source = self.pipeline.integration.source(source).expect("a source of this name");
        let export = self.reads(source, &format!("{}.csv", source.name), bytes)?;
        self.pipeline.sync(source, export).await
    }

    /// Reads a file.
    pub(crate) fn reads(
        &self,
        source: &Source,
        name: &str,
        bytes: &[u8],
    ) -> Result<ReadExport, PipelineError> {
        let reader = Box::new(Cursor::new(bytes.to_vec()));
        let input = ExportInput { name: name.to_owned(), reader };
        read(source, Mode::Full, vec![input], &*self.pipeline.vault, &NoProgress)
    }

    /// Forgets the person of this key.
    pub(crate) async fn forget(&self, who: &str) -> Result<(), PipelineError> {
        let who = format!("person:{who}");
        self.pipeline.forget(&who, "the registrar", Account::Leave).await.map(drop)
    }

    /// Approves what the newest run that holds something holds.
    async fn approve(&self) -> Result<(), PipelineError> {
        let runs = self.pipeline.runs(20).await?;
        let held = runs.iter().find_map(|run| Some((run.id.clone(), run.held_checksum.clone()?)));
        let Some((run, checksum)) = held else { return Ok(()) };
        self.pipeline.approve(&run, &checksum, "the registrar").await.map(drop)
    }
}

/// The run that took in the newest export that said something new.
pub(crate) fn newest_export(runs: Vec<Run>) -> String {
    let brought = |run: &Run| run.source_generation.is_some() && run.reverts.is_empty();
    runs.into_iter().find(brought).expect("an export was taken in").id
}
