//! One record's story: what the source says, what the LMS holds, what was done, and why it is as
//! it is.
//!
//! It is found through the states' indexes, so that the story of one of a million persons takes a
//! handful of reads: manifests, the buckets of the record and of the courses it is in, what is
//! kept of its past, and the plans that did it.

mod held;
mod look;
mod query;
mod ruled;
mod whom;
mod why;

use std::collections::{BTreeMap, BTreeSet};

use plan::{Applied, Change, HoldReason, Meta};
use roster::{CourseKey, DecodeError, Finding, Key, Kind, Origin, PackedRecord, PersonKey, Record};
use store::state::StateName;
use store::state::history::{self, HistoryEntry};
use store::state::hold::StoredSource;
use store::state::identity::Aliases;
use store::state::index::Term;
use store::state::meta::decode_applied;
use store::state::run::{Run, StoredRun};

use crate::desired::Fate;
use crate::provenance::{SaidOf, provenance};
use crate::{Pipeline, PipelineError, Provenance};
use look::Looked;
use ruled::Ruled;
use why::{Facts, Need, conclude};

/// How many runs are looked at for what is held and what was found.
const RUNS: usize = 30;

/// Something that was done to a record.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceEvent {
    /// When its run began, while that is kept.
    pub at: Option<ambient::Timestamp>,
    /// What, in which run, and what became of it.
    pub entry: HistoryEntry,
    /// The change, while its plan is kept.
    pub change: Option<Change>,
}

/// A record's story.
#[derive(Debug)]
pub struct Trace {
    /// Which record.
    pub key: Key,
    /// Other records that can be meant by the same word.
    pub also: Vec<Key>,
    /// What each source says of it: the source's name, the record, and file and line.
    pub sources: Vec<(String, Record, String, u32)>,
    /// From which source, file and line each field comes, and which lost.
    pub fields: Vec<Provenance>,
    /// What the LMS is known to hold.
    pub applied: Option<Applied>,
    /// What was done, oldest first.
    pub events: Vec<TraceEvent>,
    /// For a person: the enrollments that sources ask for and the LMS is known to hold.
    pub enrollments: Vec<Enrolled>,
    /// The change that is held now.
    pub held: Option<Holding>,
    /// What the newest runs found wrong or odd with it.
    pub findings: Vec<Noticed>,
    /// In one sentence: why it is as it is.
    pub conclusion: String,
}

/// A person in a course, as wanted and as applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolled {
    /// The course.
    pub course: CourseKey,
    /// Whether a source asks for it.
    pub wanted: bool,
    /// What is known of it in the LMS.
    pub applied: Option<Meta>,
}

/// A change that is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// What would be done.
    pub change: Change,
    /// Why it is held.
    pub reason: HoldReason,
    /// The run since which it has been held.
    pub since: String,
    /// The newest run that holds it: the one to approve.
    pub run: String,
}

/// A finding about the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Noticed {
    /// In which run.
    pub run: String,
    /// What.
    pub finding: Finding,
    /// The file that it stands in.
    pub file: String,
}

/// The states in which a story is looked for.
pub(crate) struct Looks {
    /// Each source's name and state.
    sources: Vec<(String, Looked)>,
    /// What the LMS is known to hold.
    applied: Looked,
}

type Said = Vec<SaidOf>;

impl Looks {
    /// What each source says of `key`.
    async fn said(&mut self, key: &Key) -> Result<Said, PipelineError> {
        let mut said = Vec::new();
        for at in 0..self.sources.len() {
            said.extend(self.said_under(at, key, key).await?);
        }
        Ok(said)
    }

    /// What source `at` says under `own`, as said of `key`.
    async fn said_under(
        &mut self,
        at: usize,
        own: &Key,
        key: &Key,
    ) -> Result<Option<SaidOf>, PipelineError> {
        let (name, source) = &mut self.sources[at];
        let take = |packed: PackedRecord<'_>| {
            Ok::<_, DecodeError>((packed.decode()?, Origin::decode(packed.side)?))
        };
        let Some((record, origin)) = source.get(own, take).await? else { return Ok(None) };
        let file = source.manifest.head.files.get(origin.file as usize);
        let file = file.map(|file| file.name.clone()).unwrap_or_default();
        let record = record.with_key(key.clone());
        Ok(record.map(|record| (name.clone(), record, file, origin.line)))
    }

    pub(crate) fn applied_mut(&mut self) -> &mut Looked {
        &mut self.applied
    }

    async fn applied(&mut self, key: &Key) -> Result<Option<Applied>, PipelineError> {
        self.applied.get(key, decode_applied).await
    }

    async fn is_known(&mut self, key: &Key) -> Result<bool, PipelineError> {
        for (_, source) in &mut self.sources {
            if source.get(key, |_| Ok(())).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(self.applied.get(key, |_| Ok(())).await?.is_some())
    }

    /// The courses that a person is in, as sources and the LMS have it.
    async fn enrollments(&mut self, person: &PersonKey) -> Result<Vec<Enrolled>, PipelineError> {
        let mut all = BTreeMap::<CourseKey, Enrolled>::new();
        let term = Term::Names(person.as_str());
        let course_of = |key: Key| match key {
            Key::Enrollment { course, person: who } if who == *person => Some(course),
            _ => None,
        };
        let blank =
            |course: &CourseKey| Enrolled { course: course.clone(), wanted: false, applied: None };
        for (_, source) in &mut self.sources {
            let each = |packed: PackedRecord<'_>| {
                if let Some(course) = course_of(packed.key()?) {
                    all.entry(course.clone()).or_insert_with(|| blank(&course)).wanted = true;
                }
                Ok(())
            };
            source.look_for(term, each).await?;
        }
        let each = |packed: PackedRecord<'_>| {
            if let Some(course) = course_of(packed.key()?) {
                let meta = decode_applied(packed)?.meta;
                all.entry(course.clone()).or_insert_with(|| blank(&course)).applied = Some(meta);
            }
            Ok(())
        };
        self.applied.look_for(term, each).await?;
        Ok(all.into_values().collect())
    }
}

impl Pipeline {
    /// Finds what `query` names and tells its story. `query` is `kind:id` (`person:p-1`,
    /// `course:MATH`, `enrollment:MATH/p-1`), or a bare key, user name, e-mail address, course
    /// code, LMS id or `COURSE/PERSON`.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where nothing has that name.
    pub async fn trace(&self, query: &str) -> Result<Trace, PipelineError> {
        let scope = &self.integration.scope;
        let aliases = Aliases::load(&self.stores, scope).await?;
        let mut looks = self.looks().await?;
        let (key, others) = match query::parse(query) {
            Some(key) => (query::renamed(key, &aliases), Vec::new()),
            None => {
                let mut meant = looks.meant(query, &aliases).await?.into_iter();
                let first = meant.next();
                let key = first.or_else(|| enrolled_as(query, &aliases)).ok_or_else(|| {
                    PipelineError::NotFound(format!(
                        "nobody and nothing is called `{query}` in any source or in the LMS as far \
                         as we put it there"
                    ))
                })?;
                (key, meant.collect())
            }
        };
        let mut whom = self.matched_persons(&looks).await?;
        let key = whom.key(&mut looks, &key).await?;
        let mut also: Vec<Key> = Vec::new();
        for other in &others {
            let other = whom.key(&mut looks, other).await?;
            if other != key && !also.contains(&other) {
                also.push(other);
            }
        }
        let mut said = looks.said(&key).await?;
        whom.add(&mut looks, &key, &mut said).await?;
        let decisions = self.decisions().await?;
        let ruled = Ruled::of(&decisions, &self.integration, &mut looks, (&key, &said)).await?;
        let fate = ruled.as_ref().map_or(Fate::AsSaid, |ruled| ruled.fate);
        let fields = provenance(&self.integration, &said, fate);
        let applied = looks.applied(&key).await?;
        let mut events = self.events(&key).await?;
        let runs = self.runs(RUNS).await?;
        let held = self.held_change(&key, &runs).await?;
        let findings = self.noticed(&key, &runs).await?;
        if said.is_empty() && applied.is_none() && events.is_empty() && findings.is_empty() {
            return Err(PipelineError::NotFound(format!("nothing is known of {key}")));
        }
        let enrollments = match &key {
            Key::Person(person) => {
                let mut all = looks.enrollments(person).await?;
                whom.enrollments(&mut looks, person, &mut all).await?;
                all
            }
            _ => Vec::new(),
        };
        let needs = self.needs(&mut looks, &key, &runs).await?;
        let began = self.began(applied.as_ref(), &events, &held, &needs, &runs).await?;
        for event in &mut events {
            event.at = began.get(event.entry.run.as_str()).copied();
        }
        let facts = Facts {
            key: &key,
            wanted: !said.is_empty() && fate != Fate::Gone,
            ruled: ruled.as_ref(),
            applied: applied.as_ref(),
            events: &events,
            held: held.as_ref(),
            findings: &findings,
            needs: &needs,
            paused: self.paused().await?,
            standing: self.integration.standing,
            newest: runs.first(),
            began: &began,
        };
        let conclusion = conclude(&facts);
        let sources = said;
        Ok(Trace {
            key,
            also,
            sources,
            fields,
            applied,
            events,
            enrollments,
            held,
            findings,
            conclusion,
        })
    }

    pub(crate) async fn looks(&self) -> Result<Looks, PipelineError> {
        let (stores, scope) = (&self.stores, &self.integration.scope);
        let mut sources = Vec::new();
        for source in &self.integration.sources {
            let name = StateName::Source(source.name.clone());
            sources.push((source.name.clone(), Looked::open(stores, scope, name).await?));
        }
        let applied = Looked::open(stores, scope, self.integration.applied()).await?;
        Ok(Looks { sources, applied })
    }

    async fn events(&self, key: &Key) -> Result<Vec<TraceEvent>, PipelineError> {
        let (scope, state) = (&self.integration.scope, self.integration.applied());
        let entries = history::of(&self.stores, scope, &state, key, |of| of == key).await?;
        let mut events = Vec::with_capacity(entries.len());
        for entry in entries {
            let change = self.stored_change(&entry.run, entry.batch, entry.index).await?;
            // A plan that was redacted holds another change in its place.
            let change = change.filter(|change| change.key() == key);
            events.push(TraceEvent { at: None, entry, change });
        }
        Ok(events)
    }

    /// The records that must be in the LMS before the one of `key` can be.
    async fn needs(
        &self,
        looks: &mut Looks,
        key: &Key,
        runs: &[Run],
    ) -> Result<Vec<Need>, PipelineError> {
        let mut needs = Vec::new();
        for key in required(key) {
            let wanted = !looks.said(&key).await?.is_empty();
            let applied = looks.applied(&key).await?;
            let held = self.held_change(&key, runs).await?;
            let findings = self.noticed(&key, runs).await?;
            needs.push(Need { key, wanted, applied, held, findings });
        }
        Ok(needs)
    }

    /// When the runs that the story speaks of began.
    async fn began(
        &self,
        applied: Option<&Applied>,
        events: &[TraceEvent],
        held: &Option<Holding>,
        needs: &[Need],
        runs: &[Run],
    ) -> Result<BTreeMap<String, ambient::Timestamp>, PipelineError> {
        let mut wanted: BTreeSet<String> =
            events.iter().map(|event| event.entry.run.to_string()).collect();
        let applied = applied.into_iter().chain(needs.iter().filter_map(|n| n.applied.as_ref()));
        for meta in applied.map(|applied| &applied.meta) {
            wanted.insert(meta.last_run.to_string());
            wanted.extend(meta.parked.iter().map(|parked| parked.run.to_string()));
        }
        let held = held.iter().chain(needs.iter().filter_map(|need| need.held.as_ref()));
        wanted.extend(held.map(|held| held.since.clone()));
        let mut began: BTreeMap<_, _> =
            runs.iter().map(|run| (run.id.clone(), run.started)).collect();
        for id in wanted {
            if began.contains_key(&id) {
                continue;
            }
            if let Some(run) = StoredRun::load(&self.stores, &self.integration.scope, &id).await? {
                began.insert(id, run.run.started);
            }
        }
        Ok(began)
    }

    /// Sources that rest, and why.
    async fn paused(&self) -> Result<Vec<(String, String)>, PipelineError> {
        let mut paused = Vec::new();
        for source in &self.integration.sources {
            let scope = &self.integration.scope;
            let status = StoredSource::load(&self.stores, scope, &source.name).await?.status;
            paused.extend(status.paused.map(|why| (source.name.clone(), why)));
        }
        Ok(paused)
    }
}

/// `COURSE/PERSON` of which nothing is known but that both can be meant.
fn enrolled_as(query: &str, aliases: &Aliases) -> Option<Key> {
    let (course, person) = query.rsplit_once('/')?;
    let (course, person) = (CourseKey::new(course), PersonKey::new(person));
    Some(query::renamed(Key::Enrollment { course, person }, aliases))
}

/// What a record of this key stands on.
fn required(key: &Key) -> Vec<Key> {
    let course = |course: &CourseKey| Key::Course(course.clone());
    let person = |person: &PersonKey| Key::Person(person.clone());
    match key {
        Key::Group { course: of, .. } => vec![course(of)],
        Key::Enrollment { course: of, person: who } => vec![course(of), person(who)],
        Key::GroupMember { course: of, group, person: who } => vec![
            course(of),
            Key::Group { course: of.clone(), group: group.clone() },
            person(who),
            Key::Enrollment { course: of.clone(), person: who.clone() },
        ],
        Key::Observer { person: who, observer } => vec![person(who), person(observer)],
        _ => Vec::new(),
    }
}

/// Whether something of this kind can stand in a plan of counts.
fn holds_kind(run: &Run, kind: Kind) -> bool {
    run.held.get(&kind).is_some_and(|actions| actions.values().any(|count| *count > 0))
}
