//! Who is whom, found through the indexes: what [`roster::matching`] says of all persons, of one.
//!
//! A source's persons are who they are by the sources above it alone, so every question goes
//! upwards and comes to an end.
//!
//! **Invariant:** an index says where to look; who somebody is, is decided by the records.

use std::collections::HashMap;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use roster::matching::{MatchBy, Selector};
use roster::{Key, Kind, Person, PersonKey, Record};
use store::state::index::Term;

use super::super::Looks;
use crate::{Integration, PipelineError};

/// An answer that is asked for step by step.
type Answer<'a, T> = BoxFuture<'a, Result<T, PipelineError>>;

/// Whom a source's person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Means {
    /// Nobody but themselves, or nobody at all.
    Themselves,
    /// This person of the sources above.
    One(PersonKey),
    /// Nobody can say: several, or one whom another person of the source is too.
    Unclear,
}

/// The rules of every source, in the order in which sources are looked into.
pub(super) struct Lookup {
    sources: Vec<Asking>,
    /// Whom a person of a source could be, where it was asked before.
    known: HashMap<(usize, PersonKey), Vec<PersonKey>>,
}

/// How one source's persons are matched.
struct Asking {
    by: Vec<MatchBy>,
    /// The sources with a higher precedence.
    above: Vec<usize>,
}

impl Lookup {
    /// The rules; `None` where they go by what no index has, or an index is missing.
    pub fn new(integration: &Integration, looks: &Looks) -> Option<Self> {
        let sources = &integration.sources;
        let above = |precedence: i64| {
            let all = sources.iter().enumerate();
            all.filter(move |(_, other)| other.precedence > precedence).map(|(at, _)| at).collect()
        };
        let asking = sources.iter().map(|source| Asking {
            by: source.part.match_by.clone(),
            above: above(source.precedence),
        });
        let asking: Vec<Asking> = asking.collect();
        let by = asking.iter().flat_map(|of| &of.by);
        let unindexed = |selector: &Selector| matches!(selector, Selector::Attribute(_));
        let reads = by.flat_map(|by| [&by.here, &by.there]).any(unindexed);
        let missing = looks.sources.iter().any(|(_, looked)| !looked.is_indexed());
        if reads || missing {
            return None;
        }
        Some(Self { sources: asking, known: HashMap::new() })
    }

    /// Whom the person of this key in source `at` is.
    pub fn means<'a>(
        &'a mut self,
        looks: &'a mut Looks,
        at: usize,
        key: &'a PersonKey,
    ) -> Answer<'a, Means> {
        async move {
            if self.sources[at].by.is_empty() {
                return Ok(Means::Themselves);
            }
            let Some(person) = looks.person_named(at, key).await? else {
                return Ok(Means::Themselves);
            };
            if self.is_above(looks, at, key).await? {
                return Ok(Means::Themselves);
            }
            let candidates = self.candidates(looks, at, &person).await?;
            Ok(match candidates.as_slice() {
                [] => Means::Themselves,
                [one] if self.who_are(looks, at, one).await?.len() == 1 => Means::One(one.clone()),
                _ => Means::Unclear,
            })
        }
        .boxed()
    }

    /// The key, beside `person` itself, under which source `at` knows `person`.
    pub async fn own_key(
        &mut self,
        looks: &mut Looks,
        at: usize,
        person: &PersonKey,
    ) -> Result<Option<PersonKey>, PipelineError> {
        let mut who = self.who_are(looks, at, person).await?;
        // Two who would be one person are left out, both of them.
        Ok(who.pop().filter(|own| who.is_empty() && own != person))
    }

    /// Whether a source above `at` has a person of this key.
    async fn is_above(
        &mut self,
        looks: &mut Looks,
        at: usize,
        key: &PersonKey,
    ) -> Result<bool, PipelineError> {
        for above in self.sources[at].above.clone() {
            let there = looks.person(above, key).await?.is_some();
            // Whoever is this one under another key is so by a source that is higher still.
            if there && self.means(looks, above, key).await? == Means::Themselves {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The persons above `at` whom `person` of that source could be, in order.
    fn candidates<'a>(
        &'a mut self,
        looks: &'a mut Looks,
        at: usize,
        person: &'a Person,
    ) -> Answer<'a, Vec<PersonKey>> {
        async move {
            let asked = (at, person.person().clone());
            if let Some(known) = self.known.get(&asked) {
                return Ok(known.clone());
            }
            let mut candidates: Vec<PersonKey> = Vec::new();
            for by in self.sources[at].by.clone() {
                let Some(value) = by.here.value(person) else { continue };
                for above in self.sources[at].above.clone() {
                    candidates.extend(self.offered(looks, above, &by.there, &value).await?);
                }
            }
            candidates.sort();
            candidates.dedup();
            self.known.insert(asked, candidates.clone());
            Ok(candidates)
        }
        .boxed()
    }

    /// Whom source `at` offers with this value, each under the key of whom they are.
    async fn offered(
        &mut self,
        looks: &mut Looks,
        at: usize,
        selector: &Selector,
        value: &str,
    ) -> Result<Vec<PersonKey>, PipelineError> {
        let mut offered = Vec::new();
        for person in looks.persons_with(at, selector, value).await? {
            match self.means(looks, at, person.person()).await? {
                Means::Themselves => offered.push(person.person().clone()),
                Means::One(one) => offered.extend(
                    under(&person, &one)
                        .filter(|renamed| selector.value(renamed).as_deref() == Some(value))
                        .map(|_| one),
                ),
                Means::Unclear => {}
            }
        }
        // The key in use is whom they are, where nothing else is said.
        if *selector == Selector::SourcedId {
            let one = PersonKey::new(value);
            if let Some(own) = self.own_key(looks, at, &one).await?
                && let Some(person) = looks.person(at, &own).await?
            {
                let renamed = under(&person, &one);
                let is_so = renamed
                    .is_some_and(|renamed| selector.value(&renamed).as_deref() == Some(value));
                offered.extend(is_so.then_some(one));
            }
        }
        Ok(offered)
    }

    /// Everybody of source `at` who can be nobody but `person`: by the same key, or matched.
    fn who_are<'a>(
        &'a mut self,
        looks: &'a mut Looks,
        at: usize,
        person: &'a PersonKey,
    ) -> Answer<'a, Vec<PersonKey>> {
        async move {
            let mut who = Vec::new();
            if self.sources[at].by.is_empty() {
                return Ok(who);
            }
            let here = looks.person_named(at, person).await?.is_some();
            if here && self.is_above(looks, at, person).await? {
                who.push(person.clone());
            }
            let offered = self.records_of(looks, at, person).await?;
            for by in self.sources[at].by.clone() {
                for value in offered.iter().filter_map(|person| by.there.value(person)) {
                    for other in looks.asking_with(at, &by.here, &value).await? {
                        let key = other.person();
                        if who.contains(key) || self.is_above(looks, at, key).await? {
                            continue;
                        }
                        let could_be = self.candidates(looks, at, &other).await?;
                        if could_be.as_slice() == std::slice::from_ref(person) {
                            who.push(key.clone());
                        }
                    }
                }
            }
            Ok(who)
        }
        .boxed()
    }

    /// What the sources above `at` say of `person`, each under that key.
    async fn records_of(
        &mut self,
        looks: &mut Looks,
        at: usize,
        person: &PersonKey,
    ) -> Result<Vec<Person>, PipelineError> {
        let mut records = Vec::new();
        for above in self.sources[at].above.clone() {
            if let Some(record) = looks.person(above, person).await?
                && self.means(looks, above, person).await? == Means::Themselves
            {
                records.push(record);
            }
            if let Some(own) = self.own_key(looks, above, person).await?
                && let Some(record) = looks.person(above, &own).await?
            {
                records.extend(under(&record, person));
            }
        }
        Ok(records)
    }
}

/// A person under another key.
fn under(person: &Person, key: &PersonKey) -> Option<Person> {
    match Record::from(person.clone()).with_key(Key::Person(key.clone()))? {
        Record::Person(person) => Some(*person),
        _ => None,
    }
}

impl Looks {
    /// The person of this key in source `at`.
    async fn person(
        &mut self,
        at: usize,
        key: &PersonKey,
    ) -> Result<Option<Person>, PipelineError> {
        let key = Key::Person(key.clone());
        let (_, looked) = &mut self.sources[at];
        let found = looked.get(&key, |packed| packed.decode()).await?;
        Ok(match found {
            Some(Record::Person(person)) => Some(*person),
            _ => None,
        })
    }

    /// The person of this key in source `at`, also where that has no more of them than the key, in
    /// other records.
    async fn person_named(
        &mut self,
        at: usize,
        key: &PersonKey,
    ) -> Result<Option<Person>, PipelineError> {
        if let Some(person) = self.person(at, key).await? {
            return Ok(Some(person));
        }
        let mut named = false;
        let mut look = |packed: roster::PackedRecord<'_>| {
            let record = packed.key()?;
            let observer = match &record {
                Key::Observer { observer, .. } => Some(observer),
                _ => None,
            };
            named |= record.person() == Some(key) || observer == Some(key);
            Ok(())
        };
        let (_, looked) = &mut self.sources[at];
        looked.look_for(Term::Names(key.as_str()), &mut look).await?;
        // What stands with the person has no hint.
        looked.look_beside(&Key::Person(key.clone()), &mut look).await?;
        Ok(named.then(|| Person::new(key.clone())))
    }

    /// Everybody in source `at` who has this value, and who is named by it alone.
    async fn asking_with(
        &mut self,
        at: usize,
        selector: &Selector,
        value: &str,
    ) -> Result<Vec<Person>, PipelineError> {
        let mut asking = self.persons_with(at, selector, value).await?;
        if *selector == Selector::SourcedId {
            let key = PersonKey::new(value);
            if self.person(at, &key).await?.is_none() {
                asking.extend(self.person_named(at, &key).await?);
            }
        }
        Ok(asking)
    }

    /// Everybody in source `at` who has this value.
    async fn persons_with(
        &mut self,
        at: usize,
        selector: &Selector,
        value: &str,
    ) -> Result<Vec<Person>, PipelineError> {
        let mut found: Vec<Person> = Vec::new();
        let mut add = |record: Record| {
            if let Record::Person(person) = record
                && selector.value(&person).as_deref() == Some(value)
                && !found.iter().any(|known| known.person() == person.person())
            {
                found.push(*person);
            }
        };
        let (_, looked) = &mut self.sources[at];
        let each = |packed: roster::PackedRecord<'_>| {
            if packed.key()?.kind() == Kind::Person {
                add(packed.decode()?);
            }
            Ok(())
        };
        looked.look_for(Term::Called(value), each).await?;
        // What is the key as well may have no hint.
        for key in [value, &value.trim().to_lowercase()] {
            let key = Key::Person(PersonKey::new(key));
            if let Some(record) = looked.get(&key, |packed| packed.decode()).await? {
                add(record);
            }
        }
        Ok(found)
    }
}
