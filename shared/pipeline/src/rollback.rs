//! Taking exports back: what rejecting a run and undoing one have in common.
//!
//! The source says again what it said before, the exports are refused from then on, whatever name
//! or file they come in, and the source rests until another one comes. Re-keys that they announced
//! are taken back with them. All of it is one conditional write, so that it is done once and whole.

use std::collections::{BTreeMap, BTreeSet};

use store::Write;
use store::state::hold::StoredSource;
use store::state::identity::Aliases;
use store::state::lease::Lease;
use store::state::manifest::Manifest;
use store::state::rollback::roll_back;
use store::state::run::{ExportFile, Run, RunState, StoredRun};
use store::state::{KEPT_GENERATIONS, StateName, States};

use crate::drive::lease_lost;
use crate::error::LaterRun;
use crate::{Pipeline, PipelineError};

/// How many runs are looked through for those that stand on another.
const LOOKED_THROUGH: usize = 100_000;

/// What becomes of runs that are later than the one that is taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Later {
    /// Where one stands on what is taken back, nothing is.
    #[default]
    Refused,
    /// They are taken back with it.
    TakenBackToo,
}

/// What is to be taken back.
#[derive(Debug, Default)]
pub(crate) struct Rollback {
    /// The generation that each source goes back to.
    pub sources: BTreeMap<String, u64>,
    /// The runs whose exports are taken back, oldest first.
    pub runs: Vec<StoredRun>,
}

impl Rollback {
    /// The ids of the runs.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.runs.iter().map(|stored| stored.run.id.clone()).collect()
    }
}

impl Pipeline {
    /// What has to be taken back so that what `run` brought is not wanted any more.
    ///
    /// # Errors
    /// [`PipelineError::StoodOn`] where later exports stand on it and are not to go.
    pub(crate) async fn rollback_of(
        &self,
        run: &Run,
        later: Later,
    ) -> Result<Rollback, PipelineError> {
        let scope = &self.integration.scope;
        let mut all = StoredRun::list(&self.stores, scope, LOOKED_THROUGH).await?;
        all.reverse();
        let mut sources = match (&run.source, run.source_generation) {
            (Some(source), Some(generation)) => {
                BTreeMap::from([(source.clone(), generation.saturating_sub(1))])
            }
            _ => went_on_from(run, &all),
        };
        let stands_on = |sources: &BTreeMap<String, u64>, other: &Run| {
            let to = other.source.as_ref().and_then(|source| sources.get(source));
            to.zip(other.stands()).is_some_and(|(to, generation)| generation > *to)
        };
        let ids = |sources: &BTreeMap<String, u64>| -> BTreeSet<String> {
            let theirs = all.iter().filter(|other| stands_on(sources, &other.run));
            theirs.map(|other| other.run.id.clone()).collect()
        };
        // Whoever came after a re-key may have been read by it, from whichever source.
        let aliases = Aliases::load(&self.stores, scope).await?;
        if aliases.has_any_of(&ids(&sources)) {
            for other in all.iter().map(|other| &other.run).filter(|other| other.id > run.id) {
                let (Some(source), Some(generation)) = (&other.source, other.stands()) else {
                    continue;
                };
                let to = sources.entry(source.clone()).or_insert(generation - 1);
                *to = (*to).min(generation - 1);
            }
        }
        let taken = ids(&sources);
        let runs: Vec<StoredRun> =
            all.iter().filter(|other| taken.contains(&other.run.id)).cloned().collect();
        let above: Vec<LaterRun> = runs
            .iter()
            .filter(|other| other.run.id > run.id)
            .map(|other| self.later_run(&other.run))
            .collect();
        if later == Later::Refused && !above.is_empty() {
            return Err(PipelineError::StoodOn { run: run.id.clone(), later: above });
        }
        Ok(Rollback { sources, runs })
    }

    fn later_run(&self, run: &Run) -> LaterRun {
        let source = run.source.clone().unwrap_or_default();
        let mode = self.integration.source(&source).map(|source| source.mode);
        LaterRun {
            run: run.id.clone(),
            is_delta: mode == Some(roster::Mode::Incremental),
            records: run.records.values().sum(),
            source,
        }
    }

    /// Takes it back, in one transaction with `also`. `mark` says in each run what became of it.
    pub(crate) async fn take_back(
        &self,
        lease: &Lease,
        mut what: Rollback,
        why: &str,
        mut mark: impl FnMut(&mut Run),
        also: Vec<Write>,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let mut writes = vec![lease.check(scope)];
        let stored = Aliases::load(&self.stores, scope).await?;
        let mut aliases = stored.clone();
        aliases.take_back(&what.ids().into_iter().collect());
        for (source, to) in &what.sources {
            let taken = (what.runs.as_slice(), &aliases);
            writes.extend(self.source_writes(source, *to, taken, why).await?);
        }
        writes.extend(aliases.writes(&stored, scope)?);
        for stored in &mut what.runs {
            mark(&mut stored.run);
            writes.push(stored.write(scope)?);
        }
        writes.extend(also);
        self.stores.table.transact(writes).await.map_err(lease_lost)
    }

    /// The writes that let `source` say again what it said in generation `to`, refuse the exports
    /// of `runs` and let it rest.
    async fn source_writes(
        &self,
        source: &str,
        to: u64,
        (runs, aliases): (&[StoredRun], &Aliases),
        why: &str,
    ) -> Result<Vec<Write>, PipelineError> {
        let Some(configured) = self.integration.source(source) else {
            return Err(PipelineError::NotFound(format!(
                "the configuration has no source `{source}` any more: put it back first"
            )));
        };
        let scope = &self.integration.scope;
        let states = States::new(&self.stores, scope.clone());
        let name = StateName::Source(source.to_owned());
        let newest = states.newest(&name).await?;
        let mut writes = Vec::new();
        if newest.manifest.head.generation > to {
            let earlier = self.earlier(&states, &name, to).await?;
            let now = self.clock.now();
            let back = roll_back(&states, &name, &newest, &earlier, now).await?;
            let both = (&newest, back);
            let back = self.under_later_keys(&states, configured, both, aliases).await?;
            writes.extend(states.publication(&name, &newest, &back)?);
        }
        let mut status = StoredSource::load(&self.stores, scope, source).await?;
        let theirs = runs.iter().filter(|stored| stored.run.source.as_deref() == Some(source));
        for digest in theirs.flat_map(|stored| digests(&stored.run)) {
            if !status.status.refused.contains(&digest) {
                status.status.refused.push(digest);
            }
        }
        status.status.last_digest = None;
        status.status.paused = Some(why.to_owned());
        writes.push(status.write(scope)?);
        Ok(writes)
    }

    /// The generation `to`, which may be the empty one before the first.
    async fn earlier(
        &self,
        states: &States,
        name: &StateName,
        to: u64,
    ) -> Result<Manifest, PipelineError> {
        if to == 0 {
            return Ok(Manifest::default());
        }
        states.generation(name, to).await?.ok_or_else(|| {
            PipelineError::NotFound(format!(
                "what the source said before that run is not kept any more: only its last \
                 {KEPT_GENERATIONS} exports that changed something can be taken back"
            ))
        })
    }
}

/// What the sources said when the LMS was last brought up to date before `run`: for a run that
/// has no export of its own, or one that said nothing new.
fn went_on_from(run: &Run, all: &[StoredRun]) -> BTreeMap<String, u64> {
    let up_to_date = |other: &&Run| {
        other.id < run.id
            && matches!(other.state, RunState::Done | RunState::PartlyHeld)
            && other.checksum.is_some()
            && other.target == run.target
            && other.delivered == other.batches
    };
    let before = all.iter().rev().map(|stored| &stored.run).find(up_to_date);
    let known = |source: &String| {
        before.and_then(|before| before.planned_from.get(source)).copied().unwrap_or_default()
    };
    let newer = run.planned_from.iter().filter(|(source, generation)| **generation > known(source));
    newer.map(|(source, _)| (source.clone(), known(source))).collect()
}

/// By what an export is known when it comes again: its bytes, and what it says.
fn digests(run: &Run) -> impl Iterator<Item = String> {
    let bytes = (!run.files.is_empty()).then(|| digest_of(&run.files));
    bytes.into_iter().chain(run.content.clone())
}

/// One digest over the files of an export, from the digest of each.
pub(crate) fn digest_of(files: &[ExportFile]) -> String {
    let mut whole = blake3::Hasher::new();
    for file in files {
        let byte = |at: usize| {
            file.digest.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok())
        };
        let bytes: Vec<u8> = (0..file.digest.len()).step_by(2).filter_map(byte).collect();
        whole.update(&bytes);
    }
    whole.finalize().to_hex().to_string()
}
