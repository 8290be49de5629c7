//! What earlier runs and people tell a plan's limits, and what the plan tells the next one.

use std::collections::BTreeMap;

use ambient::Timestamp;
use plan::{Counts, Diffed, Limits, Looked, LosingCourses, Past, Plan};
use roster::Kind;
use store::Write;
use store::state::hold::{weighed, write_weighed};
use store::state::lease::Lease;
use store::state::limits::{Allowances, Lately, Learned, LearnedPart, Stored};
use store::state::meta;
use store::state::run::{RunState, StoredRun};
use store::state::{Loaded, Scope};

use crate::desired::{Broken, LoadedSource, until_broken};
use crate::{Pipeline, PipelineError};

/// What a plan is weighed by, beside its configuration.
pub(crate) struct Memory {
    /// The time that the plan is made at.
    pub now: Timestamp,
    /// The limits that hold.
    pub limits: Limits,
    /// What the limits were weighed against, while they hold something.
    pub weighed: BTreeMap<Kind, u64>,
    /// What was done in the last days, what dropped.
    pub past: Past,
    /// What was learned.
    pub learned: Stored<Learned>,
    /// What the sources say now, part by part.
    pub parts: Vec<LearnedPart>,
    generations: BTreeMap<String, u64>,
}

impl Pipeline {
    /// All that the next plan is to be weighed by.
    pub(crate) async fn remember(&self) -> Result<Memory, PipelineError> {
        let (stores, scope, now) = (&self.stores, &self.integration.scope, self.clock.now());
        let lately = Stored::<Lately>::load(stores, scope).await?.value;
        let allowances = Stored::<Allowances>::load(stores, scope).await?.value;
        let learned = Stored::<Learned>::load(stores, scope).await?;
        let of = |(name, count): (&String, &u64)| (roster::Text::new(name), *count);
        let courses = learned.value.courses.iter().map(of).collect();
        let past = Past { week: lately.week(now), courses, ..Past::default() };
        Ok(Memory {
            now,
            limits: self.integration.limits.at(now, &allowances.standing(now)),
            weighed: weighed(stores, scope).await?,
            past,
            learned,
            parts: Vec::new(),
            generations: BTreeMap::new(),
        })
    }

    /// What of a plan counts in the seven days: not what a window or an allowance lets through.
    pub(crate) fn counting_in_week(&self, counting: &Counts, limits: &Limits) -> Counts {
        let usual = &self.integration.limits;
        let mut counts = counting.clone();
        for (kind, actions) in &mut counts {
            actions.retain(|action, _| usual.counts_in_week(limits, *kind, *action));
        }
        counts.retain(|_, actions| !actions.is_empty());
        counts
    }

    /// Looks at a finished plan once more, by rules that know nothing of how it was made, before it
    /// is stored or anything of it delivered. Where it breaks one the run has failed, and nothing
    /// else is changed. `limits` are those that hold, with what earlier runs tell them; `None` for a
    /// plan whose held part somebody approved. `applied` is what it was made from.
    ///
    /// # Errors
    /// [`PipelineError::Unsound`] names the rules and the keys.
    pub async fn look_again(
        &self,
        lease: &Lease,
        run: &mut StoredRun,
        plan: &Plan,
        limits: Option<(&Limits, &Past)>,
        applied: &Loaded,
    ) -> Result<(), PipelineError> {
        let broken = Broken::default();
        let courses = LosingCourses::of(plan)
            .map_err(|error| PipelineError::damaged("the plan in memory", &error))?;
        let rows = applied.iter(|row| {
            let (key, meta) = (row.key()?, meta::decode(row.side)?);
            // Nothing is decoded of a record but its key, unless who it is of matters.
            match courses.has(&key) {
                true => Ok(Looked::new(&row.decode()?, meta)),
                false => Ok(Looked { key, meta, is_student: false }),
            }
        });
        let rows = until_broken(rows, &broken);
        let faults = plan::lint(plan, rows, limits);
        if let Some(error) = broken.take() {
            return Err(error.into());
        }
        let faults =
            faults.map_err(|error| PipelineError::damaged("the plan in memory", &error))?;
        if faults.is_empty() {
            return Ok(());
        }
        let error = PipelineError::Unsound { faults };
        self.end(lease, run, RunState::Failed, Some(error.to_string())).await?;
        Err(error)
    }
}

impl Memory {
    /// Takes note of what the sources say now.
    pub(crate) fn count(&mut self, sources: &[LoadedSource], parts: Vec<LearnedPart>) {
        let generation = |source: &LoadedSource| {
            (source.name.clone(), source.published.manifest.head.generation)
        };
        self.generations = sources.iter().map(generation).collect();
        self.parts = parts;
    }

    /// What the next plan is to know, where it is not what is known already: for the transaction
    /// that stores this plan's run. Counts are learned where nothing is held.
    pub(crate) fn writes(
        mut self,
        scope: &Scope,
        diffed: &Diffed,
    ) -> Result<Vec<Write>, PipelineError> {
        let mut writes = Vec::new();
        if diffed.weighed != self.weighed {
            writes.push(write_weighed(scope, &diffed.weighed)?);
        }
        let before = self.learned.value.clone();
        let learned = &mut self.learned.value;
        if diffed.plan.held.is_empty() && !self.generations.is_empty() {
            learned.parts = self.parts;
            learned.generations = self.generations;
        }
        let courses = diffed.dropped_courses.iter().take(MOST_COURSES);
        learned.courses = courses.map(|(name, count)| (name.to_string(), *count)).collect();
        if *learned != before {
            writes.push(self.learned.write(scope)?);
        }
        Ok(writes)
    }
}

/// Of so many courses it is remembered how many people they had when they dropped: the item that
/// holds it has to stay small. Those beyond are held all the same.
const MOST_COURSES: usize = 3000;

/// Whether anything is taken away.
pub(crate) fn takes_away(plan: &Plan) -> bool {
    [&plan.summary.counts, &plan.summary.held_counts]
        .into_iter()
        .flat_map(|counts| counts.values())
        .any(|actions| actions.keys().any(|action| action.takes_away()))
}
