//! Data source keys that somebody disabled or removed, while what is wanted streams by.
//!
//! | record | its key is disabled | its key is removed |
//! |---|---|---|
//! | has the key itself, and can be inactive | wanted inactive | not wanted |
//! | has the key itself, and cannot (a term, an org unit, a group, ...) | as it is said | not wanted |
//! | stands in a course that has the key, and has none of its own | as it is said: the course is hidden with all who are in it | not wanted |
//!
//! Of a key that was enabled again, what the decision made inactive is wanted active, also where
//! the sources say nothing of a status.
//!
//! A record's key is the one that the sources' merge gives it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hashbrown::HashSet;
use roster::{Finding, Origin, Record, Severity, Status};
use store::state::decided::{Decisions, Verdict};
use store::state::scoped::{KeyOf, data_source};

/// What a decision makes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// As it is said.
    AsSaid,
    /// It is wanted inactive.
    Inactive,
    /// It is not wanted.
    Gone,
    /// What a decision that was lifted made inactive is wanted active.
    Back,
}

/// How many records each decision made something else of.
pub(crate) type Touched = RefCell<BTreeMap<String, u64>>;

/// Goes along with a run of records, in the order of places.
pub(crate) struct Deciding<'a> {
    decisions: &'a Decisions,
    of: KeyOf,
    touched: &'a Touched,
}

impl<'a> Deciding<'a> {
    pub fn new(decisions: &'a Decisions, touched: &'a Touched) -> Self {
        Self { decisions, of: KeyOf::default(), touched }
    }

    /// What becomes of `record`, as the sources say it.
    pub fn fate(&mut self, record: &Record) -> Fate {
        if self.decisions.is_empty() {
            return Fate::AsSaid;
        }
        let Some(key) = self.of.record(record) else { return Fate::AsSaid };
        let Some(decided) = self.decisions.of(key) else {
            return if self.decisions.lifted.contains(key.as_str()) {
                Fate::Back
            } else {
                Fate::AsSaid
            };
        };
        let fate = fate(decided.verdict, record);
        if fate != Fate::AsSaid {
            *self.touched.borrow_mut().entry(key.to_string()).or_default() += 1;
        }
        fate
    }
}

/// What a verdict on its key makes of a record.
pub(crate) fn fate(verdict: Verdict, record: &Record) -> Fate {
    let can = matches!(record, Record::Person(_) | Record::Course(_) | Record::Enrollment(_));
    match verdict {
        Verdict::Removed => Fate::Gone,
        Verdict::Disabled if can && data_source(record).is_some() => Fate::Inactive,
        Verdict::Disabled => Fate::AsSaid,
    }
}

/// Makes a record inactive that can be.
pub(crate) fn put_aside(record: &mut Record) {
    if let Some(status) = status_mut(record) {
        *status = Some(Status::Inactive);
    }
}

/// Makes a record active of whose status the sources say nothing, where the LMS holds it inactive.
pub(crate) fn bring_back(record: &mut Record, held_inactive: &HashSet<u64>) {
    let key = record.key().hash64();
    if let Some(status @ None) = status_mut(record)
        && held_inactive.contains(&key)
    {
        *status = Some(Status::Active);
    }
}

pub(super) fn status_mut(record: &mut Record) -> Option<&mut Option<Status>> {
    match record {
        Record::Person(person) => Some(&mut person.status),
        Record::Course(course) => Some(&mut course.status),
        Record::Enrollment(enrollment) => Some(&mut enrollment.status),
        _ => None,
    }
}

/// What the report says of decisions: one note for each.
pub(crate) fn told<'a>(
    decisions: &'a Decisions,
    touched: &'a BTreeMap<String, u64>,
) -> impl Iterator<Item = Finding> + 'a {
    decisions.keys.iter().map(|(key, decided)| {
        let (code, wanted) = match decided.verdict {
            Verdict::Disabled => ("data-source-disabled", "inactive"),
            Verdict::Removed => ("data-source-removed", "gone"),
        };
        let count = touched.get(key).copied().unwrap_or(0);
        Finding {
            severity: Severity::Note,
            code,
            message: format!(
                "data source key `{key}` was {} on {}: {count} records are wanted {wanted}, until \
                 `rollcall scope enable {key}`",
                decided.verdict.name(),
                decided.at.strftime("%-d %B %Y"),
            ),
            origin: Origin::default(),
            key: None,
        }
    })
}
