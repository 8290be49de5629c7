//! Files that are dropped off: which of them form an export, and which were taken in already.
//!
//! Uploads are told at least once and in any order, so each file carries a number that grows with
//! every upload under its name, and what was taken in is remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ambient::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Condition, ItemKey, StoreError, WakeUp};

use crate::{Pipeline, PipelineError};

/// What reasons of wake-ups for waiting files begin with; the source's name follows.
pub const SETTLE: &str = "settle-";
/// How long an export's other files are waited for before somebody is told.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// Reading a file that did not come to an end so often is not tried again.
const TRIES: u32 = 5;
/// So many names of files that were taken in are remembered; older ones are known by their time.
const REMEMBERED: usize = 300;
/// How often a change is tried again because another process changed something at the same time.
const ROUNDS: usize = 20;

/// A file that was dropped off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Where it stands.
    pub key: String,
    /// Its name, without its folder.
    pub name: String,
    /// Which version of it.
    pub version: Option<String>,
    /// Grows with every upload under this key: hexadecimal digits (S3's `sequencer`). Empty where
    /// nobody told.
    pub sequencer: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was dropped off.
    pub at: Timestamp,
}

/// What makes an export whole.
pub struct Wholeness<'a> {
    /// Those of the files that must be there which none of these names fits; empty where each file
    /// is an export of its own.
    pub missing: &'a (dyn Fn(&[&str]) -> Vec<String> + Send + Sync),
    /// Whether an export has several files.
    pub is_set: bool,
    /// How long nothing more may have come.
    pub settle: Duration,
}

/// What is to be done about a file, or about those that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// Nothing: it was taken in before.
    Known,
    /// Nothing yet: others are waited for.
    Waits {
        /// What is missing; empty where it only has to settle.
        missing: Vec<String>,
    },
    /// These form an export.
    Whole(Vec<Arrival>),
    /// They were dropped off before one that was taken in already.
    Late(Vec<Arrival>),
    /// Files of the same export have not come in time.
    Incomplete {
        /// What is missing.
        missing: Vec<String>,
        /// What has come.
        files: Vec<Arrival>,
    },
    /// Reading them did not come to an end several times.
    Poison(Vec<Arrival>),
}

/// What is stored of a source's files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Files {
    /// When the newest that was taken in was dropped off.
    newest: Option<Timestamp>,
    /// By key: number and time of the last upload that was taken in.
    taken: BTreeMap<String, (String, Timestamp)>,
    /// What waits for others.
    waiting: Vec<Arrival>,
    /// Since when.
    since: Option<Timestamp>,
    /// When the last one came.
    last: Option<Timestamp>,
    /// How often reading a file was begun.
    begun: BTreeMap<String, u32>,
}

impl Pipeline {
    /// Notes a file of `source` that was dropped off, or looks again at those that wait, and says
    /// what is to be done. What is to be read is counted as begun: call [`Pipeline::taken`] once
    /// something has come of it.
    pub async fn arrive(
        &self,
        source: &str,
        arrival: Option<Arrival>,
        wholeness: &Wholeness<'_>,
    ) -> Result<Arrived, PipelineError> {
        let now = self.clock.now();
        for _ in 0..ROUNDS {
            let (mut files, condition) = self.files(source).await?;
            let before = files.clone();
            let (arrived, wake) = files.arrive(arrival.clone(), wholeness, now);
            if let Some(due) = wake {
                let integration = self.integration.scope.path();
                let reason = format!("{SETTLE}{source}");
                self.stores.wake.set(WakeUp { due, integration, reason }).await?;
            }
            if files == before || self.store_files(source, &files, condition).await? {
                return Ok(arrived);
            }
        }
        Err(StoreError::Throttled { retry_after: None }.into())
    }

    /// Says that `arrivals` have been dealt with, for good.
    pub async fn taken(&self, source: &str, arrivals: &[Arrival]) -> Result<(), PipelineError> {
        for _ in 0..ROUNDS {
            let (mut files, condition) = self.files(source).await?;
            files.take(arrivals);
            if self.store_files(source, &files, condition).await? {
                return Ok(());
            }
        }
        Err(StoreError::Throttled { retry_after: None }.into())
    }

    /// Those of `listed` that nobody has told of: newer than all that was taken in, and dropped
    /// off at least `age` ago.
    pub async fn untold(
        &self,
        source: &str,
        listed: Vec<Arrival>,
        age: Duration,
    ) -> Result<Vec<Arrival>, PipelineError> {
        let (files, _) = self.files(source).await?;
        let now = self.clock.now();
        let untold = |file: &Arrival| {
            let old = Duration::try_from(now.duration_since(file.at)).unwrap_or_default() >= age;
            let newer = files.newest.is_none_or(|newest| file.at > newest);
            let waits = files.waiting.iter().any(|waiting| waiting.key == file.key);
            old && newer && !waits
        };
        Ok(listed.into_iter().filter(untold).collect())
    }

    /// When the newest export of `source` that was taken in was dropped off.
    pub async fn newest_export(&self, source: &str) -> Result<Option<Timestamp>, PipelineError> {
        Ok(self.files(source).await?.0.newest)
    }

    /// The uploads of all sources that were taken in and are remembered, by key.
    pub(crate) async fn uploads_taken(&self) -> Result<BTreeSet<String>, PipelineError> {
        let mut taken = BTreeSet::new();
        for source in &self.integration.sources {
            let (files, _) = self.files(&source.name).await?;
            let waiting: BTreeSet<String> = files.waiting.into_iter().map(|f| f.key).collect();
            taken.extend(files.taken.into_keys().filter(|key| !waiting.contains(key)));
        }
        Ok(taken)
    }

    async fn files(&self, source: &str) -> Result<(Files, Condition), PipelineError> {
        let key = self.arrivals_key(source);
        match self.stores.table.get(&key).await? {
            None => Ok((Files::default(), Condition::Absent)),
            Some(item) => {
                let files = serde_json::from_slice(&item.body).map_err(|error| damaged(&error))?;
                Ok((files, Condition::Version(item.version)))
            }
        }
    }

    /// `false` where somebody else wrote meanwhile.
    async fn store_files(
        &self,
        source: &str,
        files: &Files,
        condition: Condition,
    ) -> Result<bool, PipelineError> {
        let body = serde_json::to_vec(files).map_err(|error| damaged(&error))?;
        match self.stores.table.put(&self.arrivals_key(source), body, condition).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_condition_failed() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn arrivals_key(&self, source: &str) -> ItemKey {
        ItemKey::new(self.integration.scope.path(), format!("arrivals/{source}"))
    }
}

fn damaged(error: &serde_json::Error) -> PipelineError {
    StoreError::Damaged { what: "files that arrived".into(), reason: error.to_string() }.into()
}

impl Files {
    /// What is to be done, and when to look again.
    fn arrive(
        &mut self,
        arrival: Option<Arrival>,
        wholeness: &Wholeness<'_>,
        now: Timestamp,
    ) -> (Arrived, Option<Timestamp>) {
        if let Some(arrival) = &arrival
            && self.was_taken(arrival)
        {
            return (Arrived::Known, None);
        }
        if !wholeness.is_set && wholeness.settle.is_zero() {
            let one = arrival.into_iter().collect::<Vec<_>>();
            return (self.begin(one), None);
        }
        if let Some(arrival) = arrival {
            self.wait(arrival, now);
        }
        let (Some(since), Some(last)) = (self.since, self.last) else {
            return (Arrived::Known, None);
        };
        let names: Vec<&str> = self.waiting.iter().map(|file| file.name.as_str()).collect();
        let missing = (wholeness.missing)(&names);
        let settled = after(last, wholeness.settle);
        if !missing.is_empty() {
            let patience = after(since, PATIENCE.max(wholeness.settle));
            if now < patience {
                return (Arrived::Waits { missing }, Some(patience));
            }
            let files = std::mem::take(&mut self.waiting);
            (self.since, self.last) = (None, None);
            return (Arrived::Incomplete { missing, files }, None);
        }
        if now < settled {
            return (Arrived::Waits { missing }, Some(settled));
        }
        (self.begin(self.waiting.clone()), None)
    }

    fn was_taken(&self, arrival: &Arrival) -> bool {
        match self.taken.get(&arrival.key) {
            Some((_, at)) if arrival.sequencer.is_empty() => arrival.at <= *at,
            Some((taken, _)) => !is_newer(&arrival.sequencer, taken),
            None => false,
        }
    }

    fn wait(&mut self, arrival: Arrival, now: Timestamp) {
        match self.waiting.iter_mut().find(|file| file.key == arrival.key) {
            Some(known) if !is_newer(&arrival.sequencer, &known.sequencer) => return,
            Some(known) => *known = arrival,
            None => self.waiting.push(arrival),
        }
        self.waiting.sort_by(|a, b| a.name.cmp(&b.name));
        self.since.get_or_insert(now);
        self.last = Some(now);
    }

    fn begin(&mut self, files: Vec<Arrival>) -> Arrived {
        let Some(newest) = files.iter().map(|file| file.at).max() else { return Arrived::Known };
        if self.newest.is_some_and(|taken| newest < taken) {
            return Arrived::Late(files);
        }
        for file in &files {
            let begun = self.begun.entry(format!("{} {}", file.key, file.sequencer)).or_default();
            *begun += 1;
            if *begun > TRIES {
                return Arrived::Poison(files);
            }
        }
        Arrived::Whole(files)
    }

    fn take(&mut self, arrivals: &[Arrival]) {
        for file in arrivals {
            self.newest = self.newest.max(Some(file.at));
            self.taken.insert(file.key.clone(), (file.sequencer.clone(), file.at));
            self.begun.remove(&format!("{} {}", file.key, file.sequencer));
            self.waiting.retain(|waiting| {
                waiting.key != file.key || is_newer(&waiting.sequencer, &file.sequencer)
            });
        }
        if self.waiting.is_empty() {
            (self.since, self.last) = (None, None);
        }
        while self.taken.len() > REMEMBERED {
            let oldest = self.taken.iter().min_by_key(|(_, (_, at))| *at);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.taken.remove(&oldest);
        }
    }
}

/// Whether the upload numbered `one` came after `other`: hexadecimal digits, the shorter one filled
/// up with zeros on its right, as S3 says.
fn is_newer(one: &str, other: &str) -> bool {
    let length = one.len().max(other.len());
    let filled = |text: &str| format!("{:0<length$}", text.to_ascii_uppercase());
    filled(one) > filled(other)
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
