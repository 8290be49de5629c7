//! Data source keys as a whole: what each of them has, and a word on all of it at once.
//!
//! Disabling, removing and enabling a key is a decision that is stored; what it makes of the LMS is
//! a plan like any other, with its limits, its approval and its receipts. The decision and the run
//! that carries it out are one transaction, so that a process which dies leaves both or none.
//!
//! **Never:** no source state is changed here. What the sources say stays as it is, so that a
//! decision which is lifted leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use ambient::Timestamp;
use plan::{Cause, Refused};
use roster::{DecodeError, Findings, Kind};
use serde::{Deserialize, Serialize};
use store::Write;
use store::state::audit;
use store::state::decided::{Decided, Decisions, Verdict};
use store::state::lease::Lease;
use store::state::limits::Stored;
use store::state::run::{RunState, ScopeRun, StoredRun};
use store::state::scoped::KeyOf;
use store::state::{StateName, States};

use crate::drive::lease_lost;
use crate::{Next, Pipeline, PipelineError, SyncOutcome};

/// Of more keys than this the rest is counted as one: a key for each record is no key of a set.
const MOST_KEYS: usize = 10_000;

/// What is said of a data source key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeAct {
    /// What has it is to be inactive.
    Disable,
    /// What has it is to be gone.
    Remove,
    /// It is to be as the sources say again.
    Enable,
}

impl ScopeAct {
    fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Disable => Some(Verdict::Disabled),
            Self::Remove => Some(Verdict::Removed),
            Self::Enable => None,
        }
    }

    /// As the audit trail and a run have it.
    pub fn done(self) -> &'static str {
        self.verdict().map_or("enabled", Verdict::name)
    }
}

/// One data source key, and what the sources have under it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ScopeCount {
    /// The key; `None` for records without one.
    pub key: Option<String>,
    /// The sources that have it, by name.
    pub sources: BTreeSet<String>,
    /// Records of each kind, over all sources.
    pub records: BTreeMap<Kind, u64>,
    /// What somebody decided about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// What a word on a data source key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeSaid {
    /// The run that plans what it makes.
    pub run: String,
    /// The key.
    pub key: String,
    /// Whether it was not so before.
    pub is_new: bool,
}

impl ScopeSaid {
    /// The message that has it planned.
    pub fn next(&self) -> Next {
        crate::steps::plan(&self.run)
    }
}

/// What a word on a data source key came to, with what was delivered of it.
#[derive(Debug)]
pub struct Scoped {
    /// The decision.
    pub said: ScopeSaid,
    /// What its run came to.
    pub outcome: SyncOutcome,
}

impl Pipeline {
    /// Every data source key that a source has or somebody decided about, in the order of keys;
    /// records without one are the last, and with them those of keys beyond the first 10,000. One
    /// source's packed state is in memory at a time.
    ///
    /// # Errors
    /// Where a state cannot be read.
    pub async fn scopes(&self) -> Result<Vec<ScopeCount>, PipelineError> {
        self.count_scopes(None).await
    }

    /// [`Pipeline::scopes`], where the key `asked` for is counted however many others there are.
    async fn count_scopes(&self, asked: Option<&str>) -> Result<Vec<ScopeCount>, PipelineError> {
        let scope = &self.integration.scope;
        let mut counts: BTreeMap<String, ScopeCount> = BTreeMap::new();
        let mut none = ScopeCount::default();
        let states = States::new(&self.stores, scope.clone());
        for source in &self.integration.sources {
            let name = StateName::Source(source.name.clone());
            let newest = states.newest(&name).await?;
            let loaded = states.load(&name, &newest.manifest).await?;
            let mut of = KeyOf::default();
            loaded.for_each(|packed| {
                let record = packed.decode()?;
                let count = match of.record(&record).map(|key| key.as_str()) {
                    None => &mut none,
                    Some(key) if counts.len() < MOST_KEYS || asked == Some(key) => {
                        counts.entry(key.to_owned()).or_default()
                    }
                    Some(key) => counts.get_mut(key).unwrap_or(&mut none),
                };
                *count.records.entry(record.kind()).or_default() += 1;
                if !count.sources.contains(&source.name) {
                    count.sources.insert(source.name.clone());
                }
                Ok::<(), DecodeError>(())
            })?;
        }
        for (key, decided) in self.decisions().await?.keys {
            counts.entry(key).or_default().decided = Some(decided);
        }
        let named = |(key, count)| ScopeCount { key: Some(key), ..count };
        let mut all: Vec<_> = counts.into_iter().map(named).collect();
        if !none.records.is_empty() {
            all.push(none);
        }
        Ok(all)
    }

    /// What somebody decided about data source keys.
    pub(crate) async fn decisions(&self) -> Result<Decisions, PipelineError> {
        Ok(Stored::<Decisions>::load(&self.stores, &self.integration.scope).await?.value)
    }

    /// Disables, removes or enables all of a data source key, then plans and delivers what that
    /// makes. Said once more it delivers what is left of it.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where neither a source nor a decision has the key, with the
    /// nearest ones that there are. Nothing was changed then.
    pub async fn scope(&self, act: ScopeAct, key: &str, by: &str) -> Result<Scoped, PipelineError> {
        let mut lease = self.take_lease().await?;
        let scoped = self.scope_under(&mut lease, act, key, by).await;
        self.give_back(lease, scoped).await
    }

    async fn scope_under(
        &self,
        lease: &mut Lease,
        act: ScopeAct,
        key: &str,
        by: &str,
    ) -> Result<Scoped, PipelineError> {
        self.may_work()?;
        let recovered = self.recover(lease).await?;
        let (mut run, said) = self.decide_scope(lease, act, key, by).await?;
        run.run.waits = recovered.waits;
        let how = (Refused::Wait, Cause::Source);
        let read = (Findings::default(), Vec::new());
        let outcome = self.carry_out(lease, run, recovered, how, read).await?;
        Ok(Scoped { said, outcome })
    }

    /// The first half of [`Pipeline::scope`], where another process plans ([`ScopeSaid::next`]); the
    /// lease is asked for until `until`.
    ///
    /// # Errors
    /// As [`Pipeline::scope`].
    pub async fn begin_scope(
        &self,
        act: ScopeAct,
        key: &str,
        by: &str,
        until: Timestamp,
    ) -> Result<ScopeSaid, PipelineError> {
        self.may_work()?;
        let lease = self.lease_by(until).await?;
        let said = self.decide_scope(&lease, act, key, by).await;
        Ok(self.give_back(lease, said).await?.1)
    }

    /// Stores the decision in one transaction with the run that is to carry it out.
    async fn decide_scope(
        &self,
        lease: &Lease,
        act: ScopeAct,
        key: &str,
        by: &str,
    ) -> Result<(StoredRun, ScopeSaid), PipelineError> {
        let (scope, now) = (&self.integration.scope, self.clock.now());
        let mut decisions = Stored::<Decisions>::load(&self.stores, scope).await?;
        if decisions.value.of(key).is_none() {
            self.must_have(key).await?;
        }
        let verdict = act.verdict();
        let is_new = decisions.value.of(key).map(|decided| decided.verdict) != verdict;
        let mut run = self.begin(lease).await?;
        run.run.state = RunState::Parsed;
        run.run.scope = Some(ScopeRun { key: key.to_owned(), verdict });
        let mut writes: Vec<Write> = vec![lease.check(scope), run.write(scope)?];
        let id = &run.run.id;
        let decided =
            verdict.map(|verdict| Decided { verdict, by: by.to_owned(), at: now, run: id.clone() });
        if decisions.value.decide(key, decided) {
            let entry = audit::Entry::new(now, by, act.done()).run(id).about(key);
            writes.push(audit::write(scope, &entry.note("data source key"))?);
            writes.push(decisions.write(scope)?);
        }
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        run.saved();
        let said = ScopeSaid { run: run.run.id.clone(), key: key.to_owned(), is_new };
        Ok((run, said))
    }

    /// Refuses a key that no source has: it was mistyped.
    async fn must_have(&self, key: &str) -> Result<(), PipelineError> {
        let known: Vec<String> =
            self.count_scopes(Some(key)).await?.into_iter().filter_map(|count| count.key).collect();
        if known.iter().any(|known| known == key) {
            return Ok(());
        }
        let near = nearest(key, &known);
        let hint = match near.as_slice() {
            [] => "the sources have no data source keys at all".to_owned(),
            near => format!("did you mean {}? `rollcall scope list` shows all", near.join(" or ")),
        };
        Err(PipelineError::NotFound(format!("no source has the data source key `{key}`: {hint}")))
    }
}

/// The keys that are most like `key`, the nearest first.
fn nearest(key: &str, known: &[String]) -> Vec<String> {
    const NAMED: usize = 3;
    let small = key.to_lowercase();
    let far = |known: &String| strsim::damerau_levenshtein(&small, &known.to_lowercase());
    let mut near: Vec<_> = known.iter().map(|known| (far(known), known)).collect();
    near.sort();
    near.into_iter().take(NAMED).map(|(_, known)| format!("`{known}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_keys_are_named_first() {
        let known = ["2011_fall_SIS_courses", "2012_spring_SIS_courses", "SIS_persons", "guests"];
        let known: Vec<String> = known.map(str::to_owned).into();
        let near = nearest("2011_fal_sis_courses", &known);
        assert_eq!(near[0], "`2011_fall_SIS_courses`");
        assert_eq!(near.len(), 3);
        assert_eq!(nearest("x", &[]), Vec::<String>::new());
    }
}
