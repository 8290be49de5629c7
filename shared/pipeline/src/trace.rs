//! One record's story: what the source says, what the LMS holds, what was done, and why it is as
//! it is.

use plan::{Applied, Change, Meta, Presence};
use roster::{CourseKey, Key, Kind, Labelled, Origin, PersonKey, Record, Text};
use store::state::history::{self, HistoryEntry};
use store::state::meta::decode_applied;

use crate::desired::LoadedSource;
use crate::{Pipeline, PipelineError};

/// Something that was done to a record.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceEvent {
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
    /// What each source says of it: the source's name, the record, and file and line.
    pub sources: Vec<(String, Record, String, u32)>,
    /// What the LMS is known to hold.
    pub applied: Option<Applied>,
    /// What was done, oldest first.
    pub events: Vec<TraceEvent>,
    /// For a person: the enrollments that sources ask for and the LMS is known to hold.
    pub enrollments: Vec<Enrolled>,
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

impl Pipeline {
    /// Finds what `query` names and tells its story. `query` is `kind:id` (`person:p-1`,
    /// `course:MATH`, `enrollment:MATH/p-1`), or a bare sourcedId, user name, course code or LMS
    /// id.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where nothing has that name.
    pub async fn trace(&self, query: &str) -> Result<Trace, PipelineError> {
        let sources = self.load_sources().await?;
        let (_, applied) = self.load_applied().await?;
        let key = match parse(query) {
            Some(key) => key,
            None => self.search(query, &sources, &applied)?.ok_or_else(|| {
                PipelineError::NotFound(format!(
                    "nobody and nothing is called `{query}` in any source or in the LMS as far as \
                     we put it there"
                ))
            })?,
        };
        let said = self.said(&key, &sources)?;
        let mut held = None;
        applied.for_each(|packed| {
            if packed.key()? == key {
                held = Some(decode_applied(packed)?);
            }
            Ok(())
        })?;
        let scope = &self.integration.scope;
        let state = self.integration.applied();
        let entries = history::of(&self.stores, scope, &state, &key, |of| *of == key).await?;
        let mut events = Vec::with_capacity(entries.len());
        for entry in entries {
            let change = self.stored_change(&entry.run, entry.batch, entry.index).await?;
            events.push(TraceEvent { entry, change });
        }
        if said.is_empty() && held.is_none() && events.is_empty() {
            return Err(PipelineError::NotFound(format!("nothing is known of {key}")));
        }
        let enrollments = match &key {
            Key::Person(person) => enrollments(person, &sources, &applied)?,
            _ => Vec::new(),
        };
        let conclusion = conclude(&key, !said.is_empty(), held.as_ref(), &events);
        Ok(Trace { key, sources: said, applied: held, events, enrollments, conclusion })
    }

    /// What each source says of `key`.
    fn said(
        &self,
        key: &Key,
        sources: &[LoadedSource],
    ) -> Result<Vec<(String, Record, String, u32)>, PipelineError> {
        let mut said = Vec::new();
        for source in sources {
            let bucket = source.published.manifest.bucket_of(roster::Place::of(key).hash);
            let packed = source.loaded.bucket(bucket)?;
            for record in packed.iter() {
                let damaged = |error| PipelineError::damaged("a source's record", &error);
                let record = record.map_err(damaged)?;
                if record.key().map_err(damaged)? != *key {
                    continue;
                }
                let origin = Origin::decode(record.side).map_err(damaged)?;
                let file = source.published.manifest.head.files.get(origin.file as usize);
                let file = file.map(|file| file.name.clone()).unwrap_or_default();
                let name = source.name.clone();
                said.push((name, record.decode().map_err(damaged)?, file, origin.line));
            }
        }
        Ok(said)
    }

    /// Looks through all that is known for something called `query`.
    fn search(
        &self,
        query: &str,
        sources: &[LoadedSource],
        applied: &store::state::Loaded,
    ) -> Result<Option<Key>, PipelineError> {
        let mut found: Option<Key> = None;
        for source in sources {
            source.loaded.for_each(|packed| {
                let key = packed.key()?;
                let direct = key.owner().id == query && is_own(&key);
                let by_name = || Ok::<_, roster::DecodeError>(is_called(&packed.decode()?, query));
                if found.is_none() && is_own(&key) && (direct || by_name()?) {
                    found = Some(key);
                }
                Ok(())
            })?;
        }
        if found.is_some() {
            return Ok(found);
        }
        applied.for_each(|packed| {
            let key = packed.key()?;
            if found.is_none() && is_own(&key) {
                let applied = decode_applied(packed)?;
                let by_id = applied.meta.lms_id.as_deref() == Some(query);
                if by_id || key.owner().id == query || is_called(&applied.record, query) {
                    found = Some(key);
                }
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// A person, course, term or org unit: what people look for by name.
fn is_own(key: &Key) -> bool {
    matches!(key.kind(), Kind::Person | Kind::Course | Kind::OrgUnit | Kind::Term)
}

fn is_called(record: &Record, query: &str) -> bool {
    let is =
        |text: &Option<Text>| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(query));
    match record {
        Record::Person(person) => {
            let listed = |ids: &Vec<Labelled>| ids.iter().any(|id| id.value.as_str() == query);
            is(&person.username)
                || is(&person.sourced_id)
                || is(&person.email)
                || person.user_ids.as_ref().is_some_and(listed)
        }
        Record::Course(course) => is(&course.short_name) || is(&course.sourced_id),
        _ => false,
    }
}

/// `kind:id`, with `/` between the ids of an enrollment or group. A course key may hold slashes
/// itself, so the last ones count.
fn parse(query: &str) -> Option<Key> {
    let (kind, id) = query.split_once(':')?;
    Some(match kind {
        "person" => Key::Person(PersonKey::new(id)),
        "course" => Key::Course(CourseKey::new(id)),
        "org_unit" => Key::OrgUnit(roster::OrgUnitKey::new(id)),
        "term" => Key::Term(roster::TermKey::new(id)),
        "enrollment" => {
            let (course, person) = id.rsplit_once('/')?;
            Key::Enrollment { course: CourseKey::new(course), person: PersonKey::new(person) }
        }
        "group" => {
            let (course, group) = id.rsplit_once('/')?;
            Key::Group { course: CourseKey::new(course), group: roster::GroupKey::new(group) }
        }
        "group_member" => {
            let (rest, person) = id.rsplit_once('/')?;
            let (course, group) = rest.rsplit_once('/')?;
            Key::GroupMember {
                course: CourseKey::new(course),
                group: roster::GroupKey::new(group),
                person: PersonKey::new(person),
            }
        }
        _ => return None,
    })
}

fn enrollments(
    person: &PersonKey,
    sources: &[LoadedSource],
    applied: &store::state::Loaded,
) -> Result<Vec<Enrolled>, PipelineError> {
    let mut all = std::collections::BTreeMap::<CourseKey, Enrolled>::new();
    let blank =
        |course: &CourseKey| Enrolled { course: course.clone(), wanted: false, applied: None };
    for source in sources {
        source.loaded.for_each(|packed| {
            if let Key::Enrollment { course, person: who } = packed.key()?
                && who == *person
            {
                all.entry(course.clone()).or_insert_with(|| blank(&course)).wanted = true;
            }
            Ok(())
        })?;
    }
    applied.for_each(|packed| {
        if let Key::Enrollment { course, person: who } = packed.key()?
            && who == *person
        {
            let meta = decode_applied(packed)?.meta;
            all.entry(course.clone()).or_insert_with(|| blank(&course)).applied = Some(meta);
        }
        Ok(())
    })?;
    Ok(all.into_values().collect())
}

/// The one sentence.
fn conclude(key: &Key, wanted: bool, applied: Option<&Applied>, events: &[TraceEvent]) -> String {
    let last = events.last();
    if let Some(parked) = applied.and_then(|applied| applied.meta.parked.as_ref()) {
        return format!(
            "{key} is not as wanted: the LMS refused it with `{}` in run {}; it is tried again when \
             the source says something else, or by `rollcall sweep`",
            parked.answer, parked.run
        );
    }
    if applied.is_some_and(|applied| applied.meta.in_doubt) {
        return format!(
            "{key} is in doubt: it was sent and the LMS never answered; the next run looks first"
        );
    }
    let presence = applied.and_then(|applied| applied.meta.presence);
    match (wanted, presence) {
        (true, Some(Presence::Present)) => {
            format!("{key} is in the LMS as its source wants it{}", since(applied))
        }
        (true, Some(Presence::Suspended)) => format!("{key} is in the LMS, suspended"),
        (true, Some(Presence::Removed) | None) => match last {
            Some(event) if event.entry.outcome.as_str() == "deferred" => format!(
                "{key} is not in the LMS: it waits for {}, which is not there",
                event.entry.code
            ),
            _ => format!(
                "{key} is in the source and not in the LMS yet: see `rollcall plan` or the newest \
                 run for what holds it back"
            ),
        },
        (false, Some(Presence::Present)) => format!(
            "{key} is in the LMS and in no source: policy leaves it, or its removal is held (see \
             `rollcall runs`)"
        ),
        (false, Some(Presence::Suspended)) => {
            format!("{key} is suspended in the LMS because no source has it any more")
        }
        (false, Some(Presence::Removed)) => {
            format!("{key} was removed because no source has it any more")
        }
        (false, None) => format!("{key} is neither in a source nor in the LMS"),
    }
}

fn since(applied: Option<&Applied>) -> String {
    applied
        .map(|applied| format!(", last changed in run {}", applied.meta.last_run))
        .unwrap_or_default()
}
