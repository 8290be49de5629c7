//! Several sources on one record: per field the one with the highest rank is believed.
//!
//! | of those that know the field | the field |
//! |---|---|
//! | one | as it says |
//! | several, one with the highest rank | as that one says; the others lost |
//! | several share the highest rank and say the same | as they say |
//! | several share the highest rank and differ | disputed: left unknown, never guessed |
//! | only such as are never believed | unknown |
//!
//! A source's rank is its precedence, unless it has one of its own for the field. What a source
//! does not carry is unknown and clears nothing, so that every source below is a fallback.
//!
//! ```
//! use roster::merge::{Said, SourceRules, merge};
//! use roster::{Origin, Person, PersonKey, Record, Text};
//!
//! let says = |source, given: &str| {
//!     let mut person = Person::new(PersonKey::new("p-1"));
//!     person.given = Some(Text::new(given));
//!     Said { source, record: person.into(), origin: Origin::default() }
//! };
//! let (sis, hr) = (SourceRules::new("sis", 0), SourceRules::new("hr", 10));
//! let merged = merge(&[says(0, "Ad"), says(1, "Ada")], &[sis, hr]).unwrap();
//! let Record::Person(person) = merged.record else { panic!("a person") };
//! assert_eq!(person.given.as_deref(), Some("Ada"));
//! ```
//!
//! **Never:** the order in which sources delivered or are listed decides nothing that is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::matching::MatchBy;
use crate::{FieldSpec, Finding, Key, Kind, Origin, Record, Severity, Text};

/// How much a source is believed of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Not at all, even where nobody else knows it.
    Never,
    /// Where two know the field, the higher one.
    At(i64),
}

impl<'de> Deserialize<'de> for Rank {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ReadRank)
    }
}

struct ReadRank;

impl Visitor<'_> for ReadRank {
    type Value = Rank;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or \"never\"")
    }

    fn visit_i64<E: Error>(self, rank: i64) -> Result<Rank, E> {
        Ok(Rank::At(rank))
    }

    fn visit_u64<E: Error>(self, rank: u64) -> Result<Rank, E> {
        let rank = i64::try_from(rank);
        rank.map(Rank::At).map_err(|_| E::custom("this number is too large"))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Rank, E> {
        match word {
            "never" => Ok(Rank::Never),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}

/// Where the keys of a source's persons come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PersonKeys {
    /// From the source.
    #[default]
    Source,
    /// Made at random, once, for each person that this tells from others.
    Random {
        /// What a person is recognised by.
        natural: crate::matching::Selector,
    },
}

/// How a source takes part in the merge, beside its precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Ranks of their own, by kind and field.
    pub fields: BTreeMap<Kind, BTreeMap<String, Rank>>,
    /// How a person whom only this source knows by their key is found in sources above it.
    pub match_by: Vec<MatchBy>,
    /// Whether what this source alone has is wanted. Not where it is a list that only adds to what
    /// others have.
    pub adds: bool,
    /// Whether the same goes for persons. Not where it is a list of enrollments, which names
    /// persons whom others know.
    pub adds_persons: bool,
    /// Where the keys of its persons come from.
    pub keys: PersonKeys,
}

impl Default for Part {
    fn default() -> Self {
        let (fields, match_by, keys) = (BTreeMap::new(), Vec::new(), PersonKeys::Source);
        Self { fields, match_by, adds: true, adds_persons: true, keys }
    }
}

/// One source of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRules {
    /// Its name.
    pub name: Text,
    /// Its rank for every field that has none of its own.
    pub precedence: i64,
    /// What else there is to it.
    pub part: Part,
}

impl SourceRules {
    /// A source with nothing but a precedence.
    pub fn new(name: impl AsRef<str>, precedence: i64) -> Self {
        Self { name: Text::new(name), precedence, part: Part::default() }
    }

    /// Its rank for a field.
    pub fn rank(&self, kind: Kind, spec: FieldSpec) -> Rank {
        let own = self.part.fields.get(&kind).and_then(|fields| fields.get(spec.name));
        own.copied().unwrap_or(Rank::At(self.precedence))
    }

    /// Whether what it alone has of this kind is wanted.
    pub fn adds(&self, kind: Kind) -> bool {
        self.part.adds && (kind != Kind::Person || self.part.adds_persons)
    }

    /// What is left of its record where nobody else has one; `None` where it is not wanted.
    pub fn alone(&self, mut record: Record) -> Option<Record> {
        let kind = record.kind();
        if !self.adds(kind) {
            return None;
        }
        if self.part.fields.contains_key(&kind) {
            record.retain(|spec| self.rank(kind, spec) != Rank::Never);
        }
        Some(record)
    }
}

/// What one source says of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The source's place in the list of rules.
    pub source: usize,
    /// The record, under the key that it is merged by.
    pub record: Record,
    /// Where it stands.
    pub origin: Origin,
}

/// Several sources' records as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// What is undisputed.
    pub record: Record,
    /// Where the source that is believed most says it.
    pub origin: Origin,
    /// The fields of which sources with the same rank say different things, and those sources.
    pub disputed: Vec<Disputed>,
}

/// A field that nobody can be believed of.
#[derive(Debug, Clone, PartialEq)]
pub struct Disputed {
    /// Which.
    pub field: FieldSpec,
    /// The places in what was said of those who differ, in order.
    pub between: Vec<usize>,
}

/// Merges what the sources say of one record. `None` where nothing is said, or only by sources
/// that add nothing of their own.
pub fn merge(said: &[Said], rules: &[SourceRules]) -> Option<Merged> {
    if let [only] = said {
        let record = rules[only.source].alone(only.record.clone())?;
        return Some(Merged { record, origin: only.origin, disputed: Vec::new() });
    }
    if !said.iter().any(|said| rules[said.source].adds(said.record.kind())) {
        return None;
    }
    let most = said.iter().max_by_key(|said| {
        // Of two with one precedence the first: it is but where findings point.
        (rules[said.source].precedence, std::cmp::Reverse(said.source))
    })?;
    let (kind, origin) = (most.record.kind(), most.origin);
    let mut record = most.record.clone();
    let mut disputed = Vec::new();
    record.retain(|_| false);
    for field in Record::specs(kind) {
        match settle(said, rules, *field) {
            Settled::Unknown => {}
            Settled::By(at) => record.copy_field(*field, &said[at].record),
            Settled::Disputed(between) => disputed.push(Disputed { field: *field, between }),
        }
    }
    Some(Merged { record, origin, disputed })
}

/// Who is believed of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Nobody knows it, or nobody who knows it may be believed.
    Unknown,
    /// The one at this place.
    By(usize),
    /// Those at these places differ and have the same rank.
    Disputed(Vec<usize>),
}

/// Decides who is believed of `field`.
pub fn settle(said: &[Said], rules: &[SourceRules], field: FieldSpec) -> Settled {
    let rank = |said: &Said| rules[said.source].rank(said.record.kind(), field);
    let knows = |said: &Said| said.record.field(field).is_some();
    let mut top: Vec<usize> = Vec::new();
    let mut best = i64::MIN;
    for (at, one) in said.iter().enumerate().filter(|(_, one)| knows(one)) {
        match rank(one) {
            Rank::Never => {}
            Rank::At(rank) if !top.is_empty() && rank < best => {}
            Rank::At(rank) if !top.is_empty() && rank == best => top.push(at),
            Rank::At(rank) => (best, top) = (rank, vec![at]),
        }
    }
    let Some(first) = top.first().copied() else { return Settled::Unknown };
    let agree = |at: &usize| said[*at].record.agrees(field, &said[first].record);
    if top.iter().all(agree) || is_bookkeeping(field) {
        return Settled::By(first);
    }
    Settled::Disputed(top)
}

/// Fields that say where a record comes from: each source has its own, and none is wrong.
fn is_bookkeeping(field: FieldSpec) -> bool {
    matches!(field.name, "source" | "data_source" | "former_keys")
}

/// What to say of a dispute: one code for each kind and field, so that they are counted by it.
pub fn dispute(
    key: &Key,
    field: FieldSpec,
    (one, other): (&SourceRules, &SourceRules),
    origin: Origin,
) -> Finding {
    Finding {
        severity: Severity::Warning,
        code: dispute_code(key.kind(), field),
        message: format!(
            "`{}` and `{}` have the same precedence and differ in {field} of {key}: what the LMS \
             has stays; give one of them a precedence for it under `[integration.source.fields.{}]`",
            one.name,
            other.name,
            key.kind()
        ),
        origin,
        key: Some(Text::from(key.to_string())),
    }
}

fn dispute_code(kind: Kind, field: FieldSpec) -> &'static str {
    static CODES: OnceLock<BTreeMap<(Kind, u16), &'static str>> = OnceLock::new();
    let codes = CODES.get_or_init(|| {
        let of = |kind: Kind| Record::specs(kind).iter().map(move |spec| (kind, *spec));
        let code = |(kind, spec): (Kind, FieldSpec)| {
            let code = format!("sources-differ-{kind}-{spec}").replace('_', "-");
            // Once for each of the hundred fields that there are.
            ((kind, spec.number), &*code.leak())
        };
        Kind::ALL.into_iter().flat_map(of).map(code).collect()
    });
    codes.get(&(kind, field.number)).copied().unwrap_or("sources-differ")
}

#[cfg(test)]
mod tests;
