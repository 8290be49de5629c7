//! Undoing a run: its source says again what it said before, and the inverse is planned like
//! anything else.
//!
//! Nothing is sent backwards. The export is taken back ([`crate::Later`] says what becomes of
//! those that stand on it), and the difference between what the sources say then and what the LMS
//! holds is the undoing: with its limits, its approval and its receipts. So a run that was
//! delivered in part is undone in part, and an undoing that was interrupted goes on like any run.

use ambient::Timestamp;
use plan::{Cause, Refused};
use roster::Findings;
use store::state::audit;
use store::state::lease::Lease;
use store::state::run::{Run, RunState, ScopeRun, StoredRun};

use crate::rollback::{Later, Rollback};
use crate::{Next, Pipeline, PipelineError, SyncOutcome};

mod lost;

/// What undoing a run came to.
#[derive(Debug)]
pub struct Reverted {
    /// What was taken back.
    pub taken: TakenBack,
    /// What the run that plans and delivers the inverse came to. Its findings say what cannot be
    /// restored.
    pub outcome: SyncOutcome,
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The run that plans the inverse.
    pub run: String,
    /// The runs whose exports were taken back, oldest first; none where that was done before.
    pub runs: Vec<String>,
    /// The sources that say again what they said before; they rest until another export comes.
    pub sources: Vec<String>,
}

impl TakenBack {
    /// The message that has it planned.
    pub fn next(&self) -> Next {
        crate::steps::plan(&self.run)
    }
}

impl Pipeline {
    /// Takes the export of `run` back, then plans and delivers the inverse. Asked for once more it
    /// delivers what is left of it.
    ///
    /// # Errors
    /// [`PipelineError::StoodOn`] where later exports stand on it and are not to go with it;
    /// [`PipelineError::NotFound`] where there is nothing to take back. Nothing was changed then.
    pub async fn revert(
        &self,
        run: &str,
        later: Later,
        by: &str,
    ) -> Result<Reverted, PipelineError> {
        let mut lease = self.take_lease().await?;
        let reverted = self.revert_under(&mut lease, run, later, by).await;
        self.give_back(lease, reverted).await
    }

    async fn revert_under(
        &self,
        lease: &mut Lease,
        id: &str,
        later: Later,
        by: &str,
    ) -> Result<Reverted, PipelineError> {
        self.may_work()?;
        let recovered = self.recover(lease).await?;
        let (mut run, taken, lost) = self.take_run_back(lease, id, later, by).await?;
        run.run.waits = recovered.waits;
        let how = (Refused::TryAgain, Cause::Source);
        let outcome = self.carry_out(lease, run, recovered, how, (lost, Vec::new())).await?;
        Ok(Reverted { taken, outcome })
    }

    /// The first half of [`Pipeline::revert`], where another process plans
    /// ([`TakenBack::next`]); the lease is asked for until `until`.
    pub async fn begin_revert(
        &self,
        run: &str,
        later: Later,
        by: &str,
        until: Timestamp,
    ) -> Result<TakenBack, PipelineError> {
        self.may_work()?;
        let lease = self.lease_by(until).await?;
        let taken = self.take_run_back(&lease, run, later, by).await;
        Ok(self.give_back(lease, taken).await?.1)
    }

    /// Takes back what `id` brought, in one transaction with the run that is to plan the inverse.
    async fn take_run_back(
        &self,
        lease: &Lease,
        id: &str,
        later: Later,
        by: &str,
    ) -> Result<(StoredRun, TakenBack, Findings), PipelineError> {
        let asked = self.load_run(id).await?.run;
        let what = self.to_take_back(&asked, later).await?;
        let mut run = self.begin(lease).await?;
        run.run.reverts = if what.runs.is_empty() { vec![id.to_owned()] } else { what.ids() };
        run.run.tries_again = true;
        run.run.state = RunState::Parsed;
        let lost = self.lost(&asked, &run.run.reverts).await?;
        self.store_findings_of(&run.run.id, crate::findings::READ, &lost, &[]).await?;
        let taken = TakenBack {
            run: run.run.id.clone(),
            runs: what.ids(),
            sources: what.sources.keys().cloned().collect(),
        };
        let why = format!("run {id} was reverted");
        let undoing = Some(run.run.id.clone());
        let mark = |run: &mut Run| run.reverted_by.clone_from(&undoing);
        let scope = &self.integration.scope;
        let entry = audit::Entry::new(self.clock.now(), by, "reverted").run(id);
        let entry = entry.about(&taken.run).note(taken.runs.join(" "));
        let also = vec![run.write(scope)?, audit::write(scope, &entry)?];
        self.take_back(lease, what, &why, mark, also).await?;
        run.saved();
        Ok((run, taken, lost))
    }

    /// What is to be taken back for `asked`; nothing where that was done before.
    async fn to_take_back(&self, asked: &Run, later: Later) -> Result<Rollback, PipelineError> {
        let id = &asked.id;
        if !asked.reverts.is_empty() {
            let source = asked.planned_from.keys().next().map_or("SOURCE", String::as_str);
            return Err(PipelineError::NotFound(format!(
                "run {id} is an undoing itself: to have back what it took away, allow the export \
                 again with `rollcall resume {source}` and deliver it once more"
            )));
        }
        if let Some(scope) = &asked.scope {
            return Err(PipelineError::NotFound(decided(id, scope)));
        }
        if asked.source_generation.is_some() && asked.stands().is_none() {
            return Ok(Rollback::default());
        }
        let what = self.rollback_of(asked, later).await?;
        if what.sources.is_empty() {
            return Err(self.nothing_to_take_back(asked).await?);
        }
        // What no run brought is what somebody said of keys: an answer is no part of an export.
        if what.runs.is_empty() {
            return Err(self.only_answered(asked).await?);
        }
        Ok(what)
    }

    /// Why a run that delivered an answer about keys is not undone by itself.
    async fn only_answered(&self, asked: &Run) -> Result<PipelineError, PipelineError> {
        let id = &asked.id;
        let runs = self.runs(usize::from(u16::MAX)).await?;
        let brought = |run: &&Run| {
            let source = run.source.as_ref();
            let is_one = source.is_some_and(|source| asked.planned_from.contains_key(source));
            run.id < *id && is_one && run.stands().is_some()
        };
        let run = runs.iter().find(brought).map_or("RUN", |run| run.id.as_str());
        Ok(PipelineError::NotFound(format!(
            "run {id} brought nothing but an answer about keys: `rollcall rename OLD NEW --undo` \
             takes that back, and `rollcall revert {run}` the export that it was about"
        )))
    }

    /// Why a run that changed something in the LMS has nothing of its own to take back.
    async fn nothing_to_take_back(&self, asked: &Run) -> Result<PipelineError, PipelineError> {
        let id = &asked.id;
        let runs = self.runs(usize::from(u16::MAX)).await?;
        let brought = |run: &&Run| {
            let source = run.source.as_ref().and_then(|source| asked.planned_from.get(source));
            run.id < *id && source.is_some() && run.stands() == source.copied()
        };
        let from: Vec<&str> = runs.iter().filter(brought).map(|run| run.id.as_str()).collect();
        let before = runs.iter().find(|run| run.id < *id && run.checksum.is_some());
        let reconfigured =
            before.is_some_and(|before| before.config_version != asked.config_version);
        Ok(PipelineError::NotFound(match (reconfigured, from.as_slice()) {
            (true, _) => format!(
                "run {id} brought nothing new: it followed a change of the configuration; put that \
                 back and run `rollcall sweep`"
            ),
            (false, []) => format!("run {id} brought nothing that could be taken back"),
            (false, from) => format!(
                "run {id} brought nothing new: it went on with what run {} had brought; revert that \
                 one",
                from.join(" and run ")
            ),
        }))
    }
}

/// Why a run that carries out a word on a data source key is not reverted: the word is lifted.
fn decided(id: &str, scope: &ScopeRun) -> String {
    let key = &scope.key;
    let (what, instead) = match scope.verdict {
        Some(verdict) => (verdict.name(), "rollcall scope enable"),
        None => ("enabled", "rollcall scope disable (or remove)"),
    };
    format!(
        "run {id} brought no export: it carries out that data source key `{key}` was {what}; to \
         undo that, `{instead} {key}`"
    )
}
