//! The same person in several sources, under different keys.
//!
//! A person whom a source calls by a key that no source above it knows is looked for there by
//! other values: [`MatchBy`]. Exactly one hit is a match, none is a person of its own, and more
//! than one is [`Meaning::Several`]: nobody is guessed.
//!
//! ```
//! use roster::matching::{MatchBy, Matcher, Meaning};
//! use roster::{Person, PersonKey, Text};
//!
//! let person = |key: &str, email: &str| {
//!     let mut person = Person::new(PersonKey::new(key));
//!     person.email = Some(Text::new(email));
//!     person
//! };
//! let by = [MatchBy::try_from("email".to_owned()).unwrap()];
//! let mut matcher = Matcher::new(&by);
//! matcher.ask(&person("hr-7", "Ada@school.example"));
//! matcher.offer(&person("p-1", "ada@school.example"));
//! let matches = matcher.finish();
//! assert_eq!(matches.of(&PersonKey::new("hr-7")), Some(&Meaning::One(PersonKey::new("p-1"))));
//! ```
//!
//! **Never:** values are kept as hashes alone, and only those that are asked for.

use std::fmt;

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{FieldSpec, Kind, Labelled, Person, PersonKey, Record};

/// More candidates than these are not told apart: it is ambiguous already.
const CANDIDATES: usize = 8;

/// A value of a person that can tell them from others: a field's name, `user_id:TYPE` or
/// `attribute:LABEL`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Selector {
    /// The key that the source uses now.
    SourcedId,
    /// The user name.
    Username,
    /// The person's own address.
    Email,
    /// The institution's address.
    InstitutionEmail,
    /// The user id of this type.
    UserId(String),
    /// The free attribute of this name.
    Attribute(String),
}

impl Selector {
    /// The value, so that equal ones are equal: addresses and user names in small letters.
    pub fn value(&self, person: &Person) -> Option<String> {
        let listed = |list: &Option<Vec<Labelled>>, label: &str| {
            let item = list.iter().flatten().find(|item| item.label.as_str() == label);
            item.map(|item| item.value.to_string())
        };
        let value = match self {
            Self::SourcedId => Some(person.sourced_id().to_owned()),
            Self::UserId(label) => listed(&person.user_ids, label),
            Self::Attribute(label) => listed(&person.attributes, label),
            Self::Username => person.username.as_deref().map(str::to_lowercase),
            Self::Email => person.email.as_deref().map(str::to_lowercase),
            Self::InstitutionEmail => person.institution_email.as_deref().map(str::to_lowercase),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The field that it reads, where that is one that can be left out.
    pub fn field(&self) -> Option<FieldSpec> {
        let name = match self {
            Self::SourcedId => return None,
            Self::Username => "username",
            Self::Email => "email",
            Self::InstitutionEmail => "institution_email",
            Self::UserId(_) => "user_ids",
            Self::Attribute(_) => "attributes",
        };
        Record::spec(Kind::Person, name)
    }
}

impl TryFrom<String> for Selector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "sourced_id" => return Ok(Self::SourcedId),
            "username" => return Ok(Self::Username),
            "email" => return Ok(Self::Email),
            "institution_email" => return Ok(Self::InstitutionEmail),
            _ => {}
        }
        match text.split_once(':') {
            Some(("user_id", label)) if !label.is_empty() => Ok(Self::UserId(label.to_owned())),
            Some(("attribute", label)) if !label.is_empty() => {
                Ok(Self::Attribute(label.to_owned()))
            }
            _ => Err("a person is told from others by sourced_id, username, email, \
                      institution_email, user_id:TYPE or attribute:LABEL"
                .to_owned()),
        }
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourcedId => f.write_str("sourced_id"),
            Self::Username => f.write_str("username"),
            Self::Email => f.write_str("email"),
            Self::InstitutionEmail => f.write_str("institution_email"),
            Self::UserId(label) => write!(f, "user_id:{label}"),
            Self::Attribute(label) => write!(f, "attribute:{label}"),
        }
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which value of a person here is which value of the same person there: `email`, or
/// `user_id:registrar=sourced_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MatchBy {
    /// In the source that asks.
    pub here: Selector,
    /// In the sources above it.
    pub there: Selector,
}

impl TryFrom<String> for MatchBy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (here, there) = text.split_once('=').unwrap_or((&text, &text));
        let selector = |text: &str| Selector::try_from(text.trim().to_owned());
        Ok(Self { here: selector(here)?, there: selector(there)? })
    }
}

impl From<MatchBy> for String {
    fn from(by: MatchBy) -> Self {
        if by.here == by.there { by.here.to_string() } else { format!("{}={}", by.here, by.there) }
    }
}

/// Whom a source's person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// This person of the sources above.
    One(PersonKey),
    /// One of these, and nobody can say which.
    Several(Vec<PersonKey>),
    /// This one, and another person of the same source is so too.
    Shared(PersonKey),
}

impl Meaning {
    /// Everybody whom it could be.
    pub fn candidates(&self) -> &[PersonKey] {
        match self {
            Self::One(key) | Self::Shared(key) => std::slice::from_ref(key),
            Self::Several(keys) => keys,
        }
    }
}

/// Looks for one source's persons in the sources above it: first all of [`ask`](Self::ask), then
/// all of [`offer`](Self::offer).
#[derive(Debug)]
pub struct Matcher<'a> {
    by: &'a [MatchBy],
    persons: Vec<(PersonKey, Vec<(usize, u64)>)>,
    /// Keys of the source that asks, by hash, and whether a source above knows them too.
    keys: HashMap<u64, bool>,
    /// Who has a value that is asked for.
    found: HashMap<(usize, u64), Vec<PersonKey>>,
}

impl<'a> Matcher<'a> {
    /// A matcher by these rules.
    pub fn new(by: &'a [MatchBy]) -> Self {
        Self { by, persons: Vec::new(), keys: HashMap::new(), found: HashMap::new() }
    }

    /// Takes a person of the source whose persons are looked for.
    pub fn ask(&mut self, person: &Person) {
        let value = |(at, by): (usize, &MatchBy)| Some((at, hash(&by.here.value(person)?)));
        let values: Vec<_> = self.by.iter().enumerate().filter_map(value).collect();
        for value in &values {
            self.found.entry(*value).or_default();
        }
        self.keys.insert(hash(person.person().as_str()), false);
        self.persons.push((person.person().clone(), values));
    }

    /// Takes a person of whom the source that asks has nothing but the key, in other records. Once
    /// all whom it knows have been asked for.
    pub fn name(&mut self, key: &PersonKey) {
        if !self.keys.contains_key(&hash(key.as_str())) {
            self.ask(&Person::new(key.clone()));
        }
    }

    /// Takes a person of a source above.
    pub fn offer(&mut self, person: &Person) {
        let key = person.person();
        if let Some(known) = self.keys.get_mut(&hash(key.as_str())) {
            *known = true;
        }
        for (at, by) in self.by.iter().enumerate() {
            let Some(value) = by.there.value(person) else { continue };
            if let Some(found) = self.found.get_mut(&(at, hash(&value)))
                && !found.contains(key)
                && found.len() < CANDIDATES
            {
                found.push(key.clone());
            }
        }
    }

    /// Who is whom.
    pub fn finish(self) -> Matches {
        let mut matches = Matches::default();
        let mut taken: HashSet<PersonKey> = HashSet::new();
        let mut shared: HashSet<PersonKey> = HashSet::new();
        for (key, values) in self.persons {
            if self.keys.get(&hash(key.as_str())) == Some(&true) {
                if !taken.insert(key.clone()) {
                    shared.insert(key);
                }
                continue;
            }
            let mut candidates: Vec<PersonKey> = Vec::new();
            for found in values.iter().filter_map(|value| self.found.get(value)).flatten() {
                if !candidates.contains(found) {
                    candidates.push(found.clone());
                }
            }
            candidates.sort();
            let meaning = match <[PersonKey; 1]>::try_from(candidates) {
                Ok([one]) => {
                    if !taken.insert(one.clone()) {
                        shared.insert(one.clone());
                    }
                    Meaning::One(one)
                }
                Err(none) if none.is_empty() => continue,
                Err(several) => Meaning::Several(several),
            };
            matches.means.insert(key, meaning);
        }
        for meaning in matches.means.values_mut() {
            if let Meaning::One(one) = meaning
                && shared.contains(one)
            {
                *meaning = Meaning::Shared(one.clone());
            }
        }
        matches
    }
}

fn hash(value: &str) -> u64 {
    xxh3_64(value.as_bytes())
}

/// Whom a source's persons are, where it is not themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    means: HashMap<PersonKey, Meaning>,
}

impl Matches {
    /// Whom this one is; `None`: nobody but themselves.
    pub fn of(&self, key: &PersonKey) -> Option<&Meaning> {
        self.means.get(key)
    }

    /// Everybody who is this one.
    pub fn who_is(&self, key: &PersonKey) -> impl Iterator<Item = &PersonKey> {
        let is = move |meaning: &Meaning| matches!(meaning, Meaning::One(one) if one == key);
        self.means.iter().filter(move |(_, meaning)| is(meaning)).map(|(own, _)| own)
    }

    /// Whether nobody is anybody else.
    pub fn is_empty(&self) -> bool {
        self.means.is_empty()
    }
}

#[cfg(test)]
mod tests;
