//! From source states and the applied state to a stored plan.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ambient::Stopwatch;
use futures::stream::{self, StreamExt as _};
use hashbrown::{HashMap, HashSet};
use plan::{
    Absence, Batch, Cause, ChangeList, Checksum, DiffInput, Diffed, Fingerprint, HoldReason, Moves,
    Plan, Refused, Singled,
};
use roster::{DecodeError, Findings, Kind, Severity, Text};
use store::state::forget::Forgetting;
use store::state::hold::{StoredApproval, write_kept_back};
use store::state::lease::Lease;
use store::state::meta::decode_applied;
use store::state::run::{RunState, StoredRun};
use store::state::{Loaded, Published, StateName, States};

use crate::desired::{self, Held, LoadedSource, Notes, Sides, until_broken};
use crate::drive::lease_lost;
use crate::gate::Gate;
use crate::identity::{Identities, each_person};
use crate::learned::{Tally, fallen};
use crate::memory::{Memory, takes_away};
use crate::progress::Stage;
use crate::{Pipeline, PipelineError};

/// After so many batches have been stored the lease is renewed.
const RENEWED_EVERY: u64 = 200;

/// So many batches are being stored at the same time: where one takes 30 ms, a first plan of a large
/// school would outlast the function, one after another.
const STORED_AT_ONCE: usize = 16;

/// A plan that was made and stored.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What is wrong or odd in what is wanted.
    pub findings: Findings,
    /// Records of each kind in the applied state that it was compared with.
    pub applied: BTreeMap<Kind, u64>,
}

impl Pipeline {
    /// Compares what is wanted with what is applied, stores the plan and notes it in `run`. The
    /// findings of what was read, with their files, are merged with the plan's and stored.
    pub(crate) async fn plan(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
        (refused, because): (Refused, Cause),
        (mut findings, read): (Findings, Vec<Text>),
    ) -> Result<(Planned, Findings, Vec<Text>), PipelineError> {
        let time = Stopwatch::start(&*self.clock);
        self.progress.at(Stage::Planning, 0, 0);
        let sources = self.load_sources().await?;
        let generation = |source: &LoadedSource| source.published.manifest.head.generation;
        run.run.planned_from =
            sources.iter().map(|source| (source.name.clone(), generation(source))).collect();
        let (applied, loaded) = self.load_applied().await?;
        let matched = desired::matches(&sources, &*self.vault)?;
        let held = Held::new(&applied, &loaded);
        let mut memory = self.remember().await?;
        let mut leaving = Forgetting::under_way(&self.stores, &self.integration.scope).await?;
        leaving.retain(|who| who.lms);
        let identities = self.identities().await?;
        let marks = &identities.key;
        let decisions = &self.decisions().await?;
        let sides = Sides { sources: &sources, matched: &matched, held: &held, marks, decisions };
        let kept = self.kept_back().await?;
        let compare = Compare {
            kept: &kept,
            leaving: &leaving,
            pipeline: self,
            sides,
            applied: &loaded,
            refused,
            because,
            identities: &identities,
        };
        let mut diffed = compare.with_suspects(&mut memory).await?;
        let gate = self.gate(&applied).await?;
        let held = diffed.plan.summary.held_checksum;
        if let Some(reason) = &gate.reason {
            diffed.plan = plan::withhold(diffed.plan, reason).map_err(|error| in_memory(&error))?;
        }
        let mut approval = self.approval_of(&diffed.plan).await?;
        if approval.is_some() {
            diffed = compare.diff(&memory, Word { whole: held, ..Word::default() }, None)?;
            approval = approval.filter(|_| diffed.released || gate.reason.is_some());
        }
        let mut approvals: Vec<_> = approval.into_iter().collect();
        if approvals.is_empty() && gate.reason.is_none() {
            let (parts, released) = self.part_approvals(&diffed.plan).await?;
            let word = Word { whole: None, released: Some(&released) };
            let without = diffed.plan.held.len();
            if !parts.is_empty() {
                diffed = compare.diff(&memory, word, None)?;
            }
            // One that lets nothing go, for what it names needs what is held, is not used up.
            if diffed.plan.held.len() < without {
                approvals = parts;
            }
        }
        let as_limited = approvals.is_empty().then_some((&memory.limits, &memory.past));
        let limits = as_limited.filter(|_| !diffed.released);
        self.look_again(lease, run, &diffed.plan, limits, &loaded).await?;
        // One list of files for all findings: those that the plan's origins count in come first.
        let mut files = diffed.plan.summary.files.clone();
        findings.shift_files(files.len() as u32);
        findings.merge(diffed.findings.clone());
        files.extend(read);
        self.store_findings(&run.run.id, &findings, &files).await?;
        let held_back = (!kept.is_empty(), diffed.kept_back > 0 && !diffed.released);
        let word = (approvals, gate, held_back);
        self.store_plan(lease, run, &diffed, word, memory, time).await?;
        let applied = applied.manifest.head.counts;
        let planned = Planned { plan: diffed.plan, findings: diffed.findings, applied };
        Ok((planned, findings, files))
    }

    pub(crate) async fn load_sources(&self) -> Result<Vec<LoadedSource>, PipelineError> {
        let states = States::new(&self.stores, self.integration.scope.clone());
        let mut sources = Vec::new();
        for source in self.integration.sources.iter().filter(|source| !source.is_change_list()) {
            let name = StateName::Source(source.name.clone());
            let published = states.newest(&name).await?;
            let loaded = states.load(&name, &published.manifest).await?;
            let name = source.name.clone();
            sources.push(LoadedSource { name, rules: source.rules(), published, loaded });
        }
        sources.sort_by_key(|source| source.rules.precedence);
        Ok(sources)
    }

    pub(crate) async fn load_applied(&self) -> Result<(Published, Loaded), PipelineError> {
        let states = States::new(&self.stores, self.integration.scope.clone());
        let name = self.integration.applied();
        let published = states.newest(&name).await?;
        let loaded = states.load(&name, &published.manifest).await?;
        Ok((published, loaded))
    }

    pub(crate) async fn hold_on(&self, lease: &mut Lease) -> Result<(), PipelineError> {
        let (scope, ttl) = (&self.integration.scope, self.integration.lease);
        lease.renew(&self.stores, scope, &*self.clock, ttl).await.map_err(lease_lost)
    }

    /// Stores the batches of the part to deliver, and says how many there are.
    async fn store_batches(
        &self,
        lease: &mut Lease,
        run: &str,
        plan: &Plan,
    ) -> Result<u64, PipelineError> {
        let scope = &self.integration.scope;
        let store = |batch: Result<Batch, DecodeError>| async move {
            let batch =
                batch.map_err(|error| PipelineError::damaged("the plan in memory", &error))?;
            let key = scope.object("plans", &format!("{run}/batch-{:08}", batch.number));
            Ok::<_, PipelineError>(self.stores.objects.put(&key, &batch.to_bytes()).await?)
        };
        let batches = plan.batches(self.lms.capabilities().batch);
        let mut stored = stream::iter(batches).map(store).buffer_unordered(STORED_AT_ONCE);
        let mut count = 0;
        while let Some(done) = stored.next().await {
            done?;
            count += 1;
            if count % RENEWED_EVERY == 0 {
                self.hold_on(lease).await?;
            }
        }
        Ok(count)
    }

    async fn store_plan(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
        diffed: &Diffed,
        (approvals, gate, (was_kept, is_kept)): (Vec<StoredApproval>, Gate, (bool, bool)),
        memory: Memory,
        time: Stopwatch,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let id = run.run.id.clone();
        let summary = &diffed.plan.summary;
        let header = Plan {
            summary: summary.clone(),
            deliver: ChangeList::default(),
            held: diffed.plan.held.clone(),
            reasons: diffed.plan.reasons.clone(),
        };
        self.stores
            .objects
            .put(&scope.object("plans", &format!("{id}/header")), &header.to_bytes())
            .await?;
        let batches = self.store_batches(lease, &id, &diffed.plan).await?;
        run.run.state = RunState::Planned;
        run.run.target = self.integration.fingerprint();
        run.run.config_version.clone_from(&self.integration.config_version);
        run.run.checksum = Some(summary.checksum.to_string());
        run.run.held_checksum = summary.held_checksum.as_ref().map(ToString::to_string);
        run.run.changes = summary.counts.clone();
        run.run.held = summary.held_counts.clone();
        run.run.counting = self.counting_in_week(&diffed.counting, &memory.limits);
        run.run.parked = summary.parked;
        run.run.deferred = summary.deferred;
        run.run.batches = batches;
        run.run.old_places = match self.integration.policy.moves {
            Moves::AddFirst => diffed.findings.count_code(plan::MOVE_WAITS),
            Moves::Independent | Moves::Together => 0,
        };
        let counts = [Severity::Error, Severity::Warning, Severity::Note];
        for (total, severity) in run.run.findings.iter_mut().zip(counts) {
            *total += diffed.findings.count(severity);
        }
        run.run.times.planning += time.millis(&*self.clock);
        // Comparing and storing can take longer than the lease lasts: who lost it has planned from
        // what may not be true any more.
        self.hold_on(lease).await?;
        let mut writes = vec![lease.check(scope)];
        let shut = gate.reason.is_some() && approvals.is_empty() && !diffed.plan.held.is_empty();
        writes.extend(gate.passed.filter(|_| !shut));
        let of_part = approvals.iter().any(|stored| stored.approval.only.is_some());
        if is_kept || of_part {
            writes.push(write_kept_back(scope, Some(&id))?);
        } else if was_kept {
            writes.push(write_kept_back(scope, None)?);
        }
        let checksums: Vec<&str> =
            approvals.iter().map(|stored| stored.approval.checksum.as_str()).collect();
        run.run.approval = (!checksums.is_empty()).then(|| checksums.join(" "));
        for approval in &approvals {
            writes.push(approval.using(scope, &id)?);
        }
        // While all of it is held for another reason, what the limits remember stays as it was.
        if !shut {
            writes.extend(memory.writes(scope, diffed)?);
        }
        writes.push(run.write(scope)?);
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        run.saved();
        Ok(())
    }
}

fn in_memory(error: &DecodeError) -> PipelineError {
    PipelineError::damaged("the plan in memory", error)
}

/// One comparison, which may be made twice: without and with what was approved.
struct Compare<'a> {
    pipeline: &'a Pipeline,
    /// What stayed held when other changes of its plan were approved.
    kept: &'a HashMap<Fingerprint, HoldReason>,
    /// Those whom the LMS is to be rid of.
    leaving: &'a [Forgetting],
    sides: Sides<'a>,
    applied: &'a Loaded,
    refused: Refused,
    because: Cause,
    identities: &'a Identities,
}

/// What somebody approved of what a comparison would hold.
#[derive(Default, Clone, Copy)]
struct Word<'a> {
    /// All of it, where it has this checksum.
    whole: Option<Checksum>,
    /// These changes.
    released: Option<&'a HashSet<Fingerprint>>,
}

impl Compare<'_> {
    /// The comparison, with what belonged to a part of the export that dropped sharply held, and
    /// what is over in a part that has limits of its own.
    async fn with_suspects(&self, memory: &mut Memory) -> Result<Diffed, PipelineError> {
        let (drop, sources) = (memory.limits.sharp_drop, self.sides.sources);
        if drop.is_none() && memory.limits.parts.is_empty() {
            return self.diff(memory, Word::default(), None);
        }
        let tally = RefCell::new(Tally::new(sources, &self.pipeline.integration));
        let diffed = self.diff(memory, Word::default(), Some(&tally))?;
        memory.count(sources, tally.into_inner().parts());
        let learned = &memory.learned.value;
        let fallen = drop.map(|drop| fallen(learned, &memory.parts, drop)).unwrap_or_default();
        if !fallen.is_empty() && takes_away(&diffed.plan) {
            memory.past.suspects = self.pipeline.suspects(learned, &fallen).await?;
        }
        if !memory.limits.parts.is_empty() {
            memory.past.shares = self.pipeline.shares(&diffed.plan, sources, memory).await?;
        }
        if memory.past.suspects.is_empty() && memory.past.shares.is_empty() {
            return Ok(diffed);
        }
        self.diff(memory, Word::default(), None)
    }

    fn diff(
        &self,
        memory: &Memory,
        word: Word<'_>,
        tally: Option<&RefCell<Tally>>,
    ) -> Result<Diffed, PipelineError> {
        let integration = &self.pipeline.integration;
        let sources = self.sides.sources;
        let files = desired::files(sources);
        let spoken_for = sources.iter().all(|source| source.published.version > 0);
        let notes = Notes::default();
        // Absence says something only when every source has spoken once: before that, what a
        // source has not delivered yet is not gone. Nor is what had to be left out.
        let (leaving, none) = (self.leaving, HashSet::new());
        let absence = |applied: &plan::Applied| {
            let key = applied.record.key();
            if leaving.iter().any(|who| who.names(key)) {
                Absence::Deletes
            } else if spoken_for && !notes.left_out.has(key) {
                Absence::Removes
            } else {
                Absence::SaysNothing
            }
        };
        let people =
            |take: &mut dyn FnMut(&plan::Applied)| each_person(self.applied, &notes.broken, take);
        let input = DiffInput {
            weighed_before: &memory.weighed,
            past: &memory.past,
            policy: &integration.policy,
            limits: &memory.limits,
            capabilities: self.pipeline.lms.capabilities(),
            config_version: &integration.config_version,
            files: &files,
            now: memory.now,
            because: self.because,
            refused: self.refused,
            approved: word.whole,
            singled: Some(Singled { released: word.released.unwrap_or(&none), kept: self.kept }),
            absence: &absence,
            identity: Some(self.identities.of(&integration.identity, &people)),
        };
        let applied = until_broken(self.applied.iter(decode_applied), &notes.broken);
        let wanted = desired::wanted(self.sides, integration, &notes, tally)?;
        let diffed = plan::diff(&input, applied, wanted);
        if let Some(error) = notes.broken.take() {
            return Err(error.into());
        }
        let mut diffed = diffed?;
        let mut all = notes.findings.take();
        let touched = notes.touched.take();
        desired::told(self.sides.decisions, &touched).for_each(|note| all.push(note));
        all.merge(std::mem::take(&mut diffed.findings));
        diffed.findings = all;
        Ok(diffed)
    }
}
