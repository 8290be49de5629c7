//! Sources whose persons are known elsewhere under other keys.

use roster::matching::{Matcher, Matches, Meaning};
use roster::{
    DecodeError, Entry, Finding, Key, Kind, Mode, Origin, PersonKey, Record, Severity, Sink,
    Snapshot, SnapshotBuilder, Text,
};
use store::StoreError;

use super::{LoadedSource, Notes};
use crate::PipelineError;
use crate::vault::{Vault, left_out, reseal};

/// One source's persons: who they are, and its records under those keys, packed and in order.
#[derive(Default)]
pub(crate) struct Matched {
    matches: Matches,
    moved: Option<Snapshot>,
    /// Persons who are left out, and all that hangs on them.
    unclear: Vec<Unclear>,
    /// What there is to say of passwords that did not go along.
    passwords: Option<Finding>,
}

struct Unclear {
    key: Key,
    /// The same key for each person whom it could mean.
    could_be: Vec<Key>,
    person: Option<(Origin, Meaning)>,
    source: Text,
}

/// Matches the persons of every source that asks for it with those of the sources above it.
/// `sources` come with the lowest precedence first.
pub(crate) fn matches(
    sources: &[LoadedSource],
    vault: &dyn Vault,
) -> Result<Vec<Matched>, PipelineError> {
    let mut all: Vec<Matched> = sources.iter().map(|_| Matched::default()).collect();
    let mut file_base: Vec<u32> = Vec::with_capacity(sources.len());
    let mut base = 0;
    for source in sources {
        file_base.push(base);
        base += source.published.manifest.head.files.len() as u32;
    }
    // From above, so that whom a source's persons are is known when one below asks for them.
    for at in (0..sources.len()).rev() {
        let source = &sources[at];
        if source.rules.part.match_by.is_empty() {
            continue;
        }
        let mut matcher = Matcher::new(&source.rules.part.match_by);
        each_person(source, |person| matcher.ask(person))?;
        // Also whom it only names: a list of places has no more than their keys.
        source.loaded.for_each(|packed| {
            let key = packed.key()?;
            if key.kind() != Kind::Person {
                persons(&key).for_each(|person| matcher.name(person));
            }
            Ok(())
        })?;
        for (above, matched) in sources.iter().zip(&all) {
            if above.rules.precedence <= source.rules.precedence {
                continue;
            }
            each_person(above, |person| match matched.matches.of(person.person()) {
                None => matcher.offer(person),
                Some(Meaning::One(key)) => {
                    let record = Record::from(person.clone()).with_key(Key::Person(key.clone()));
                    if let Some(Record::Person(person)) = record {
                        matcher.offer(&person);
                    }
                }
                // Nobody knows who that is: nobody can be matched with them.
                Some(Meaning::Several(_) | Meaning::Shared(_)) => {}
            })?;
        }
        all[at] = Matched::of(source, matcher.finish(), file_base[at], vault)?;
    }
    Ok(all)
}

fn each_person(
    source: &LoadedSource,
    mut each: impl FnMut(&roster::Person),
) -> Result<(), StoreError> {
    source.loaded.for_each(|packed| {
        if packed.key()?.kind() == Kind::Person
            && let Record::Person(person) = packed.decode()?
        {
            each(&person);
        }
        Ok(())
    })
}

impl Matched {
    fn of(
        source: &LoadedSource,
        matches: Matches,
        base: u32,
        vault: &dyn Vault,
    ) -> Result<Self, PipelineError> {
        let mut matched = Self { matches, ..Self::default() };
        if matched.matches.is_empty() {
            return Ok(matched);
        }
        let mut builder = SnapshotBuilder::new(Mode::Incremental);
        let (mut unclear, mut passwords) = (Vec::new(), 0);
        source.loaded.for_each(|packed| {
            let key = packed.key()?;
            if !matched.moves(&key) {
                return Ok(());
            }
            let origin = Origin::decode(packed.side)?;
            match matched.renamed(&key) {
                Some(renamed) => {
                    if let Some(mut record) = packed.decode()?.with_key(renamed) {
                        if let Key::Person(own) = &key {
                            passwords += u64::from(!reseal(vault, own, &mut record));
                        }
                        builder.record(record, origin);
                    }
                }
                None => unclear.push(matched.unclear(key, source, origin, base)),
            }
            Ok(())
        })?;
        matched.unclear = unclear;
        matched.passwords = left_out(&source.rules.name, passwords);
        let moved = builder.finish();
        let damaged = |error| PipelineError::damaged("records in memory", &error);
        matched.moved = Some(moved.map_err(damaged)?);
        Ok(matched)
    }

    /// Whether nobody is anybody else.
    pub fn is_empty(&self) -> bool {
        self.matches.is_empty()
    }

    /// Whether a record does not stay under its own key.
    pub fn moves(&self, key: &Key) -> bool {
        persons(key).any(|person| self.matches.of(person).is_some())
    }

    /// The source's records under the keys of whom they are about, in order.
    pub fn moved(&self) -> impl Iterator<Item = Result<Entry, DecodeError>> + '_ {
        self.moved.iter().flat_map(Snapshot::entries)
    }

    /// Whom the source calls `key`, where that is one other person.
    pub fn person(&self, key: &PersonKey) -> Option<&PersonKey> {
        match self.matches.of(key)? {
            Meaning::One(one) => Some(one),
            Meaning::Several(_) | Meaning::Shared(_) => None,
        }
    }

    /// The keys under which the source knows this person.
    pub fn own_keys(&self, person: &PersonKey) -> impl Iterator<Item = &PersonKey> {
        self.matches.who_is(person)
    }

    /// Notes what is left out: it is missing and not gone.
    pub fn report(&self, notes: &Notes) {
        self.passwords.iter().for_each(|finding| notes.find(finding.clone()));
        for unclear in &self.unclear {
            notes.left_out.add(&unclear.key);
            unclear.could_be.iter().for_each(|key| notes.left_out.add(key));
            if let Some((origin, meaning)) = &unclear.person {
                notes.find(finding(&unclear.key, &unclear.source, *origin, meaning));
            }
        }
    }

    /// The key for whom it means; `None` where nobody can say.
    fn renamed(&self, key: &Key) -> Option<Key> {
        let clear = persons(key)
            .all(|person| matches!(self.matches.of(person), None | Some(Meaning::One(_))));
        clear.then(|| key.with_persons(|person| self.person(person).unwrap_or(person).clone()))
    }

    fn unclear(&self, key: Key, source: &LoadedSource, origin: Origin, base: u32) -> Unclear {
        let who = persons(&key).find_map(|person| {
            let meaning = self.matches.of(person)?;
            (!matches!(meaning, Meaning::One(_))).then(|| (person.clone(), meaning.clone()))
        });
        let origin = Origin { file: origin.file + base, line: origin.line };
        let could_be = match (&key, &who) {
            // Who it could be is there in their own right.
            (Key::Person(_), _) | (_, None) => Vec::new(),
            (_, Some((unclear, meaning))) => {
                let meant = |candidate: &PersonKey| {
                    key.with_persons(|person| {
                        if person == unclear { candidate.clone() } else { person.clone() }
                    })
                };
                meaning.candidates().iter().map(meant).collect()
            }
        };
        let person = who.filter(|_| matches!(key, Key::Person(_)));
        let person = person.map(|(_, meaning)| (origin, meaning));
        Unclear { key, could_be, person, source: source.rules.name.clone() }
    }
}

/// The persons of a key.
fn persons(key: &Key) -> impl Iterator<Item = &PersonKey> {
    let observer = match key {
        Key::Observer { observer, .. } => Some(observer),
        _ => None,
    };
    key.person().into_iter().chain(observer)
}

fn finding(key: &Key, source: &str, origin: Origin, meaning: &Meaning) -> Finding {
    let (code, what) = match meaning {
        Meaning::Several(_) => ("match-ambiguous", "could be any of"),
        _ => ("match-shared", "would be, together with another person of the same source,"),
    };
    let names: Vec<String> = meaning.candidates().iter().map(ToString::to_string).collect();
    Finding {
        severity: Severity::Error,
        code,
        message: format!(
            "{key} of `{source}` {what} person {}: it is left out, and nothing of it is taken \
             away; mend the value that is not unique, or give it the same key in both",
            names.join(", ")
        ),
        origin,
        key: Some(Text::from(key.to_string())),
    }
}
