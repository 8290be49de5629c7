//! Data source keys made by the source's pattern, on the way into its state.
//!
//! | the export says | what the pattern makes | becomes |
//! |---|---|---|
//! | no key | a key | that key |
//! | a key | the same | as it is said |
//! | a key | another one | as it is said; a note tells of the first of each kind, and how many there are |
//! | no key, in a course that the export does not have | nothing, where the pattern asks for year or term | none of its own: it goes by its course's |
//!
//! The year of a course is that of its own first day, or of its term's; a term that an export leaves
//! out is looked up in what the source said before.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use roster::mapping::{FieldList, ScopeParts, ScopePattern};
use roster::{
    CourseKey, Entry, Finding, Key, Kind, Origin, Record, Severity, Snapshot, Text, Timeframe,
};
use store::state::scoped::data_source;
use store::state::{Published, StateName, States};

use crate::{Pipeline, PipelineError, Source};

impl Pipeline {
    /// `snapshot` with the data source keys that the source's pattern makes, and a note of those
    /// that do not fit it.
    pub(crate) async fn with_scope_keys(
        &self,
        source: &Source,
        base: &Published,
        snapshot: Snapshot,
    ) -> Result<Snapshot, PipelineError> {
        let Some(pattern) = &source.read.data_source_key else { return Ok(snapshot) };
        let mut terms = Terms::of(&snapshot)?;
        if pattern.reads_year() && terms.lack_any(&snapshot)? {
            let states = States::new(&self.stores, self.integration.scope.clone());
            let name = StateName::Source(source.name.clone());
            states.load(&name, &base.manifest).await?.for_each(|packed| {
                if packed.key()?.kind() == Kind::Term {
                    terms.know(&packed.decode()?);
                }
                Ok(())
            })?;
        }
        keyed(snapshot, &Making { pattern, source: &source.name, terms: &terms })
    }
}

/// The years in which terms begin.
#[derive(Debug, Default)]
struct Terms {
    years: HashMap<Text, String>,
}

impl Terms {
    fn of(snapshot: &Snapshot) -> Result<Self, PipelineError> {
        let mut terms = Self::default();
        for packed in snapshot.packed() {
            let packed = packed.map_err(damaged)?;
            if packed.key().map_err(damaged)?.kind() == Kind::Term {
                terms.know(&packed.decode().map_err(damaged)?);
            }
        }
        Ok(terms)
    }

    /// Takes note of a term that is not known yet.
    fn know(&mut self, record: &Record) {
        if let (Record::Term(term), Key::Term(key)) = (record, record.key())
            && let Some(year) = year(term.timeframe.as_ref())
        {
            self.years.entry(key.text().clone()).or_insert(year);
        }
    }

    /// Whether a course without a first day is in a term that is not known.
    fn lack_any(&self, snapshot: &Snapshot) -> Result<bool, PipelineError> {
        for packed in snapshot.packed() {
            let packed = packed.map_err(damaged)?;
            if packed.key().map_err(damaged)?.kind() == Kind::Course
                && let Record::Course(course) = packed.decode().map_err(damaged)?
                && year(course.timeframe.as_ref()).is_none()
                && course.term.as_ref().is_some_and(|term| !self.years.contains_key(term))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn year(timeframe: Option<&Timeframe>) -> Option<String> {
    timeframe?.begin.map(|day| day.to_string().chars().take(4).collect())
}

struct Making<'a> {
    pattern: &'a ScopePattern,
    source: &'a str,
    terms: &'a Terms,
}

/// The course that a run of records is at: its year and its term.
#[derive(Default)]
struct At {
    course: Option<CourseKey>,
    year: Option<String>,
    term: Option<Text>,
}

impl Making<'_> {
    /// The key that the pattern makes for `record`, which comes in the order of places.
    fn make(&self, record: &Record, at: &mut At) -> Option<Text> {
        let (key, kind) = (record.key(), record.kind());
        let mut parts = ScopeParts { year: None, term: None, source: self.source, kind };
        match (record, key) {
            (Record::Course(course), Key::Course(of)) => {
                let term = course.term.clone();
                let by_term = || self.terms.years.get(term.as_ref()?).cloned();
                let year = year(course.timeframe.as_ref()).or_else(by_term);
                *at = At { course: Some(of.clone()), year, term };
            }
            (Record::Term(_), Key::Term(of)) => {
                parts.year = self.terms.years.get(of.text()).cloned();
                parts.term = Some(of.as_str());
                return self.pattern.make(&parts);
            }
            _ => {}
        }
        if let Some(course) = key.course() {
            if at.course.as_ref() == Some(course) {
                parts.year.clone_from(&at.year);
                parts.term = at.term.as_deref();
            } else if self.pattern.reads_course() {
                return None;
            }
        }
        self.pattern.make(&parts)
    }
}

/// Keys of one kind that do not fit: how many, and the first.
struct Misfits {
    count: u64,
    first: (Key, Origin),
    said: Text,
    made: Text,
}

fn keyed(snapshot: Snapshot, making: &Making<'_>) -> Result<Snapshot, PipelineError> {
    let (mut at, mut misfits) = (At::default(), BTreeMap::<Kind, Misfits>::new());
    let record = |mut entry: Entry| {
        let Some(made) = making.make(&entry.record, &mut at) else { return Some(entry) };
        match data_source(&entry.record) {
            Some(said) if *said == made => {}
            Some(said) => {
                let (key, said) = (entry.record.key(), said.clone());
                let first = || Misfits {
                    count: 0,
                    first: (key.clone(), entry.origin),
                    said,
                    made: made.clone(),
                };
                misfits.entry(key.kind()).or_insert_with(first).count += 1;
            }
            None => {
                if let Some(spec) = Record::spec(entry.record.kind(), "data_source") {
                    entry.record.set_field(spec, &made);
                }
            }
        }
        Some(entry)
    };
    let mut keyed = snapshot.map(record, Some).map_err(damaged)?;
    for (kind, misfits) in misfits {
        keyed.findings_mut().push(misfit(kind, making.pattern, misfits));
    }
    Ok(keyed)
}

fn misfit(kind: Kind, pattern: &ScopePattern, misfits: Misfits) -> Finding {
    let Misfits { count, first: (key, origin), said, made } = misfits;
    let kinds = kind.name().replace('_', " ");
    let many = if count == 1 { format!("{kinds} has a") } else { format!("{kinds}s have a") };
    Finding {
        severity: Severity::Note,
        code: "data-source-key-misfit",
        message: format!(
            "{count} {many} data source key that does not fit the pattern `{pattern}`: it stays as \
             the export says; the first is {key} with `{said}`, and the pattern makes `{made}`"
        ),
        origin,
        key: Some(Text::from(key.to_string())),
    }
}

/// The export without what the configuration does not list: it is not kept either.
pub(crate) fn narrowed(snapshot: Snapshot, list: &FieldList) -> Result<Snapshot, PipelineError> {
    if list.is_empty() {
        return Ok(snapshot);
    }
    let record = |mut entry: Entry| {
        list.narrow(&mut entry.record);
        Some(entry)
    };
    snapshot.map(record, Some).map_err(damaged)
}

fn damaged(error: roster::DecodeError) -> PipelineError {
    PipelineError::damaged("the export in memory", &error)
}
