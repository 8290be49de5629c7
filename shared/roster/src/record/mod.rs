//! The nine records.

mod course;
mod fields;
mod person;

pub use course::{Association, Course, Enrollment, Group, GroupMember, Observer, OrgUnit, Term};
pub use fields::{FieldSpec, Fields};
pub use person::Person;

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use crate::{
    AssociationKind, CourseKey, DecodeError, Decoder, GroupKey, Key, Kind, OrgUnitKey, PersonKey,
    Place, Placed, TermKey,
};

/// Any record.
#[derive(Clone, PartialEq)]
#[expect(missing_docs, reason = "the records have their own docs")]
pub enum Record {
    Term(Box<Term>),
    OrgUnit(Box<OrgUnit>),
    Person(Box<Person>),
    Course(Box<Course>),
    Group(Box<Group>),
    Enrollment(Box<Enrollment>),
    GroupMember(Box<GroupMember>),
    Association(Box<Association>),
    Observer(Box<Observer>),
}

/// Runs one expression for whichever record it is.
macro_rules! each {
    ($record:expr, $it:ident => $then:expr) => {
        match $record {
            Record::Term($it) => $then,
            Record::OrgUnit($it) => $then,
            Record::Person($it) => $then,
            Record::Course($it) => $then,
            Record::Group($it) => $then,
            Record::Enrollment($it) => $then,
            Record::GroupMember($it) => $then,
            Record::Association($it) => $then,
            Record::Observer($it) => $then,
        }
    };
}

/// Runs one expression where both are the same kind, another where they are not.
macro_rules! pair {
    ($a:expr, $b:expr, $x:ident, $y:ident => $then:expr, else $other:expr) => {
        match ($a, $b) {
            (Record::Term($x), Record::Term($y)) => $then,
            (Record::OrgUnit($x), Record::OrgUnit($y)) => $then,
            (Record::Person($x), Record::Person($y)) => $then,
            (Record::Course($x), Record::Course($y)) => $then,
            (Record::Group($x), Record::Group($y)) => $then,
            (Record::Enrollment($x), Record::Enrollment($y)) => $then,
            (Record::GroupMember($x), Record::GroupMember($y)) => $then,
            (Record::Association($x), Record::Association($y)) => $then,
            (Record::Observer($x), Record::Observer($y)) => $then,
            _ => $other,
        }
    };
}

impl Record {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        each!(self, it => it.key().kind())
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        each!(self, it => it.key())
    }

    /// Its known fields, for a person to read, in the order of their numbers.
    pub fn fields(&self) -> Vec<(FieldSpec, Cow<'_, str>)> {
        let mut fields = Vec::new();
        each!(self, it => it.show_each(&mut |spec, shown| fields.push((spec, shown))));
        fields
    }

    /// The fields in which `wanted` knows something else than this record. What `wanted` does not
    /// know never counts.
    pub fn differing(&self, wanted: &Self) -> Vec<FieldSpec> {
        let mut differing = Vec::new();
        pair!(self, wanted, a, b => a.differing_each(b, &mut |spec| differing.push(spec)), else ());
        differing
    }

    /// Whether `wanted` asks for anything that this record does not already say.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        pair!(self, wanted, a, b => a.satisfies(b), else false)
    }

    /// Takes over every field that `other` knows. Records of different kinds are left alone.
    pub fn overlay(&mut self, other: &Self) {
        pair!(self, other, a, b => a.overlay(b), else ());
    }

    /// Forgets every known field that `keep` refuses.
    pub fn retain(&mut self, mut keep: impl FnMut(FieldSpec) -> bool) {
        each!(self, it => it.retain(&mut keep));
    }

    /// The fields that are known, in the order of their numbers.
    pub fn known(&self) -> Vec<FieldSpec> {
        let mut known = Vec::new();
        each!(self, it => it.known_each(&mut |spec| known.push(spec)));
        known
    }

    /// A field as shown text; `None` where it is not known.
    pub fn field(&self, spec: FieldSpec) -> Option<Cow<'_, str>> {
        each!(self, it => it.show_one(spec.number))
    }

    /// Whether `other` has a field just so: the same value, or neither knows it.
    pub fn agrees(&self, spec: FieldSpec, other: &Self) -> bool {
        pair!(self, other, a, b => a.same_one(spec.number, b), else false)
    }

    /// Takes over one field as `other` has it, known or not. Records of different kinds are left
    /// alone.
    pub fn copy_field(&mut self, spec: FieldSpec, other: &Self) {
        pair!(self, other, a, b => a.copy_one(spec.number, b), else ());
    }

    /// Sets a field to what `text` says of it: text as it is, a status, day or yes and no by its
    /// word; a list becomes one of this one value. `false`, and nothing is changed, where the
    /// field cannot be set so (`text` is no day; a password or an address).
    pub fn set_field(&mut self, spec: FieldSpec, text: &str) -> bool {
        each!(self, it => it.set_one(spec.number, text))
    }

    /// The names of the fields that records of `kind` can have.
    pub fn field_names(kind: Kind) -> &'static [&'static str] {
        static NAMES: OnceLock<Vec<Vec<&'static str>>> = OnceLock::new();
        let all = NAMES.get_or_init(|| {
            let names = |kind| Self::specs(kind).iter().map(|spec| spec.name).collect();
            Kind::ALL.map(names).into()
        });
        &all[kind as usize - 1]
    }

    /// The field of `kind` that has this name.
    pub fn spec(kind: Kind, name: &str) -> Option<FieldSpec> {
        Self::specs(kind).iter().find(|spec| spec.name == name).copied()
    }

    /// A record of `kind` that knows nothing, under a key that is nobody's: to try rules on.
    pub fn blank(kind: Kind) -> Self {
        match kind {
            Kind::Term => Term::new(TermKey::default()).into(),
            Kind::OrgUnit => OrgUnit::new(OrgUnitKey::default()).into(),
            Kind::Person => Person::new(PersonKey::default()).into(),
            Kind::Course => Course::new(CourseKey::default()).into(),
            Kind::Group => Group::new(CourseKey::default(), GroupKey::default()).into(),
            Kind::Enrollment => Enrollment::new(CourseKey::default(), PersonKey::default()).into(),
            Kind::GroupMember => {
                let (course, group) = (CourseKey::default(), GroupKey::default());
                GroupMember::new(course, group, PersonKey::default()).into()
            }
            Kind::Association => Association::new(AssociationKind::CourseOrgUnit, "", "").into(),
            Kind::Observer => Observer::new(PersonKey::default(), PersonKey::default()).into(),
        }
    }

    /// Every field that records of `kind` can have.
    pub fn specs(kind: Kind) -> &'static [FieldSpec] {
        match kind {
            Kind::Term => Term::SPECS,
            Kind::OrgUnit => OrgUnit::SPECS,
            Kind::Person => Person::SPECS,
            Kind::Course => Course::SPECS,
            Kind::Group => Group::SPECS,
            Kind::Enrollment => Enrollment::SPECS,
            Kind::GroupMember => GroupMember::SPECS,
            Kind::Association => Association::SPECS,
            Kind::Observer => Observer::SPECS,
        }
    }

    /// The same record under another key of its kind. `None` where the kinds differ.
    pub fn with_key(mut self, key: Key) -> Option<Self> {
        if self.kind() != key.kind() {
            return None;
        }
        each!(&mut self, it => it.set_key(key));
        Some(self)
    }

    /// Appends its bytes: the key, then each known field as number, length, value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        each!(self, it => it.encode(out));
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        self.encode(&mut out);
        out
    }

    /// A hash of all of it: two records with the same one are one in practice.
    pub fn hash64(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.to_bytes())
    }

    /// Reads all of `bytes`. A field that this version does not know is passed over.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let key = Key::decode(&mut from)?;
        Ok(match key.kind() {
            Kind::Term => Self::Term(Box::new(Term::decode(key, from)?)),
            Kind::OrgUnit => Self::OrgUnit(Box::new(OrgUnit::decode(key, from)?)),
            Kind::Person => Self::Person(Box::new(Person::decode(key, from)?)),
            Kind::Course => Self::Course(Box::new(Course::decode(key, from)?)),
            Kind::Group => Self::Group(Box::new(Group::decode(key, from)?)),
            Kind::Enrollment => Self::Enrollment(Box::new(Enrollment::decode(key, from)?)),
            Kind::GroupMember => Self::GroupMember(Box::new(GroupMember::decode(key, from)?)),
            Kind::Association => Self::Association(Box::new(Association::decode(key, from)?)),
            Kind::Observer => Self::Observer(Box::new(Observer::decode(key, from)?)),
        })
    }
}

impl Placed for Record {
    fn place(&self) -> Place<'_> {
        Place::of(self.key())
    }
}

impl fmt::Debug for Record {
    /// The key and nothing else: records hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.key(), f)
    }
}
