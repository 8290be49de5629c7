//! What is wanted: all source states, merged field by field, mapped for the target.
//!
//! Every state streams in the order of places, so that nothing is held of them but a bucket each.
//! Where a source's persons are known elsewhere under other keys, its records for them are held,
//! packed, under those keys ([`matched`]).
//!
//! What has to be left out (a record that the target cannot hold, a person who could be either of
//! two) is noted in [`LeftOut`]: that it is missing then says nothing about whether it is gone.

mod decided;
mod fit;
mod held;
mod made_keys;
mod matched;
mod streams;
mod usernames;

pub(crate) use decided::{Fate, fate, put_aside, told};
pub(crate) use fit::fit;
pub(crate) use held::Held;
pub(crate) use matched::{Matched, matches};
pub(crate) use usernames::Usernames;

use std::cell::RefCell;

use hashbrown::HashSet;
use plan::Wanted;
use roster::mapping::{UniqueEmails, made_up};
use roster::merge::{Merged, Said, SourceRules, merge};
use roster::{DecodeError, Finding, Findings, Key, MarkKey, Severity, Text};
use store::StoreError;
use store::state::decided::Decisions;
use store::state::{Loaded, Published};

use crate::Integration;
use crate::identity;
use crate::learned::Tally;
use decided::{Deciding, Touched, bring_back};
use made_keys::MadeKeys;
use streams::Streams;

/// One source's state, loaded.
pub(crate) struct LoadedSource {
    /// Its name.
    pub name: String,
    /// How it takes part.
    pub rules: SourceRules,
    /// The manifest that `loaded` is of.
    pub published: Published,
    /// Its segments.
    pub loaded: Loaded,
}

/// The files of all sources, in the order in which their origins count them.
pub(crate) fn files(sources: &[LoadedSource]) -> Vec<Text> {
    let files = sources.iter().flat_map(|source| &source.published.manifest.head.files);
    files.map(|file| Text::new(&file.name)).collect()
}

/// Where a stream that cannot carry a store error leaves it.
pub(crate) type Broken = RefCell<Option<StoreError>>;

/// Ends a stream at the first store error and keeps the error aside.
pub(crate) fn until_broken<T>(
    items: impl Iterator<Item = Result<T, StoreError>>,
    broken: &Broken,
) -> impl Iterator<Item = Result<T, DecodeError>> {
    items.map(|item| item.map_err(|error| aside(error, broken)))
}

/// Keeps a store error aside; what stands for it ends the stream.
pub(crate) fn aside(error: StoreError, broken: &Broken) -> DecodeError {
    *broken.borrow_mut() = Some(error);
    DecodeError { what: "a readable state", at: 0 }
}

/// Records that sources have and that are not wanted all the same, because nobody can tell as what.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(RefCell<HashSet<u64>>);

impl LeftOut {
    pub fn add(&self, key: &Key) {
        self.0.borrow_mut().insert(key.hash64());
    }

    pub fn has(&self, key: &Key) -> bool {
        let left_out = self.0.borrow();
        !left_out.is_empty() && left_out.contains(&key.hash64())
    }
}

/// Where what is found on the way goes.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Findings.
    pub findings: RefCell<Findings>,
    /// What stopped the stream.
    pub broken: Broken,
    /// What is left out and not gone.
    pub left_out: LeftOut,
    /// What decisions about data source keys made something else of.
    pub touched: Touched,
}

impl Notes {
    pub fn find(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }
}

/// The two sides that what is wanted is made from.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    /// With the lowest precedence first.
    pub sources: &'a [LoadedSource],
    /// Whom their persons are, in the same order.
    pub matched: &'a [Matched],
    /// What the LMS is known to hold.
    pub held: &'a Held<'a>,
    /// The key of the integration's marks.
    pub marks: &'a MarkKey,
    /// What somebody decided about data source keys.
    pub decisions: &'a Decisions,
}

/// The merged and mapped records, in order. What each source says is counted in `tally`.
pub(crate) fn wanted<'a>(
    sides: Sides<'a>,
    integration: &'a Integration,
    notes: &'a Notes,
    tally: Option<&'a RefCell<Tally>>,
) -> Result<impl Iterator<Item = Result<Wanted, DecodeError>> + 'a, StoreError> {
    for matched in sides.matched {
        matched.report(notes);
    }
    let usernames = Usernames::new(integration, sides.held)?;
    let rules = sides.sources.iter().map(|source| source.rules.clone()).collect();
    let deciding = Deciding::new(sides.decisions, &notes.touched);
    let inactive = match sides.decisions.lifted.is_empty() {
        true => HashSet::new(),
        false => sides.held.inactive()?,
    };
    let (addresses, made_keys) = (UniqueEmails::default(), MadeKeys::new(integration, sides.held)?);
    let mut making = Making {
        sides,
        integration,
        notes,
        rules,
        deciding,
        inactive,
        addresses,
        made_keys,
        usernames,
    };
    let streams = Streams::new(sides, &notes.broken, tally);
    Ok(streams.filter_map(move |said| match said {
        Err(error) => Some(Err(error)),
        Ok(said) => making.wanted(said).transpose(),
    }))
}

/// What is remembered from record to record.
struct Making<'a> {
    sides: Sides<'a>,
    integration: &'a Integration,
    notes: &'a Notes,
    rules: Vec<SourceRules>,
    deciding: Deciding<'a>,
    /// What the LMS holds inactive, where a decision was lifted.
    inactive: HashSet<u64>,
    addresses: UniqueEmails,
    made_keys: MadeKeys,
    usernames: Usernames,
}

impl Making<'_> {
    fn wanted(&mut self, mut said: Vec<Said>) -> Result<Option<Wanted>, DecodeError> {
        let marks = self.sides.marks;
        let fate;
        let made = match said.len() {
            1 => {
                let Some(Said { source, record, origin }) = said.pop() else { return Ok(None) };
                let key = record.key().clone();
                let Some(record) = self.rules[source].alone(record) else {
                    self.only_listed(&key, source, origin);
                    return Ok(None);
                };
                fate = self.deciding.fate(&record);
                let find = &mut |finding| self.notes.find(finding);
                // The target may not take the day of birth; what it says of the person is kept.
                let born = identity::born(&record, marks);
                (key, origin, born, fit(record, self.integration, origin, find))
            }
            _ => {
                let Some(merged) = merge(&said, &self.rules) else { return Ok(None) };
                fate = self.deciding.fate(&merged.record);
                let (key, origin) = (merged.record.key().clone(), merged.origin);
                let born = identity::born(&merged.record, marks);
                (key, origin, born, self.merged(merged, &said)?)
            }
        };
        let (key, origin, born, fitted) = made;
        if fate == Fate::Gone {
            return Ok(None);
        }
        let fitted = fitted.map(|record| self.unless_known(record)).transpose()?;
        let notes = self.notes;
        let sides = self.sides;
        let who = |hash| {
            owner_of(sides.sources, hash).unwrap_or_else(|error| {
                // The finding does without the name, and the plan without being made.
                aside(error, &notes.broken);
                None
            })
        };
        let person = |hash| match who(hash) {
            Some(Key::Person(key)) => Some(key),
            _ => None,
        };
        let (integration, find) = (self.integration, &mut |finding| notes.find(finding));
        let (addresses, made_keys) = (&mut self.addresses, &mut self.made_keys);
        let record = fitted
            .and_then(|record| made_keys.take(record, integration, origin, &who, find))
            .and_then(|record| addresses.take(record, &integration.rules, origin, &person, find));
        let Some(mut record) = record else {
            notes.left_out.add(&key);
            return Ok(None);
        };
        identity::mark(&mut record, born);
        match fate {
            Fate::Inactive => put_aside(&mut record),
            Fate::Back => bring_back(&mut record, &self.inactive),
            Fate::AsSaid | Fate::Gone => {}
        }
        self.usernames.take(&mut record, origin, &mut |finding| notes.find(finding));
        Ok(Some(Wanted { record, origin }))
    }

    /// The record of several sources as the target should hold it. What they dispute stays as the
    /// LMS has it, where that makes a difference there.
    fn merged(&self, merged: Merged, said: &[Said]) -> Result<Option<roster::Record>, DecodeError> {
        let origin = merged.origin;
        let find = &mut |finding| self.notes.find(finding);
        if merged.disputed.is_empty() {
            return Ok(fit(merged.record, self.integration, origin, find));
        }
        let settled = fit::disputed(merged, said, &self.rules, self.integration, find);
        let Some(mut record) = settled.record else { return Ok(None) };
        if !settled.contested.is_empty() {
            let held = self.sides.held.there(record.key());
            if let Some(held) = held.map_err(|error| aside(error, &self.notes.broken))? {
                for field in settled.contested {
                    record.copy_field(field, &held.record);
                }
            }
        }
        Ok(Some(record))
    }

    /// What the sources do not carry clears nothing: what the LMS has stays rather than what
    /// would stand for it in a new record.
    fn unless_known(&self, mut record: roster::Record) -> Result<roster::Record, DecodeError> {
        let made_up = made_up(&record, &self.integration.rules);
        if made_up.is_empty() {
            return Ok(record);
        }
        let held = self.sides.held.there(record.key());
        if let Some(held) = held.map_err(|error| aside(error, &self.notes.broken))? {
            for field in made_up {
                if held.record.field(field).is_some() {
                    record.copy_field(field, &held.record);
                }
            }
        }
        Ok(record)
    }

    fn only_listed(&self, key: &Key, source: usize, origin: roster::Origin) {
        self.notes.find(Finding {
            severity: Severity::Note,
            code: "only-in-a-list",
            message: format!(
                "only `{}` has {key}, and {}: nothing is made of it",
                self.rules[source].name,
                match self.rules[source].part.adds {
                    true => "a list of enrollments makes no persons (unless `adds = true`)",
                    false => "it adds nothing of its own (`adds = false`)",
                }
            ),
            origin,
            key: Some(Text::from(key.to_string())),
        });
    }
}

/// The person or course whose key has this hash, in whichever source.
fn owner_of(sources: &[LoadedSource], hash: u64) -> Result<Option<Key>, StoreError> {
    for source in sources {
        let bucket = source.loaded.bucket(source.published.manifest.bucket_of(hash))?;
        for packed in bucket.iter() {
            let key = packed.and_then(|packed| packed.key()).map_err(|error| {
                let (what, reason) = (format!("the state of `{}`", source.name), error.to_string());
                StoreError::Damaged { what, reason }
            })?;
            if matches!(key, Key::Person(_) | Key::Course(_))
                && roster::owner_hash(key.owner()) == hash
            {
                return Ok(Some(key));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
