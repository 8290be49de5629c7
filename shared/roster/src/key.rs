//! Kinds and keys. A key is kind and id; each id has a type of its own, so that two of them
//! cannot be swapped.

use std::fmt;

use crate::{DecodeError, Decoder, Text, put_bytes};

/// The nine kinds of record, in the order in which an LMS needs them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the word itself; see the records' own docs")]
pub enum Kind {
    Term = 1,
    OrgUnit = 2,
    Person = 3,
    Course = 4,
    Group = 5,
    Enrollment = 6,
    GroupMember = 7,
    Association = 8,
    Observer = 9,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Term,
        Self::OrgUnit,
        Self::Person,
        Self::Course,
        Self::Group,
        Self::Enrollment,
        Self::GroupMember,
        Self::Association,
        Self::Observer,
    ];

    /// Its name in commands, JSON and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Term => "term",
            Self::OrgUnit => "org_unit",
            Self::Person => "person",
            Self::Course => "course",
            Self::Group => "group",
            Self::Enrollment => "enrollment",
            Self::GroupMember => "group_member",
            Self::Association => "association",
            Self::Observer => "observer",
        }
    }

    /// The kind of this number.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Text);

        impl $name {
            /// The id `id`, as it is. Readers trim and normalise it first.
            pub fn new(id: impl AsRef<str>) -> Self {
                Self(Text::new(id))
            }
            /// The id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
            /// The id.
            pub fn text(&self) -> &Text {
                &self.0
            }
        }
        impl From<Text> for $name {
            fn from(text: Text) -> Self {
                Self(text)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )+};
}

id! {
    /// A person's sourcedId (Blackboard: external_person_key).
    PersonKey;
    /// A course's sourcedId (a section; Blackboard: external_course_key).
    CourseKey;
    /// A group's id within its course.
    GroupKey;
    /// A term's sourcedId.
    TermKey;
    /// An org unit's sourcedId (school, faculty, department; Blackboard: node).
    OrgUnitKey;
}

/// What an association ties to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AssociationKind {
    /// A course also belongs to an org unit.
    CourseOrgUnit = 1,
    /// A course is merged into (cross-listed under) another course.
    CourseCourse = 2,
    /// A person belongs to an org unit.
    PersonOrgUnit = 3,
}

impl AssociationKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CourseOrgUnit => "course-org_unit",
            Self::CourseCourse => "course-course",
            Self::PersonOrgUnit => "person-org_unit",
        }
    }
}

/// A record's key: its kind and the ids that make it one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the ids' types say what they are")]
pub enum Key {
    Term(TermKey),
    OrgUnit(OrgUnitKey),
    Person(PersonKey),
    Course(CourseKey),
    Group { course: CourseKey, group: GroupKey },
    Enrollment { course: CourseKey, person: PersonKey },
    GroupMember { course: CourseKey, group: GroupKey, person: PersonKey },
    Association { kind: AssociationKind, from: Text, to: Text },
    Observer { person: PersonKey, observer: PersonKey },
}

/// What a record stands with: the person or course (or term, org unit) that it is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner<'a> {
    /// Term, org unit, person or course.
    pub kind: Kind,
    /// Its id.
    pub id: &'a str,
}

impl Key {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Term(_) => Kind::Term,
            Self::OrgUnit(_) => Kind::OrgUnit,
            Self::Person(_) => Kind::Person,
            Self::Course(_) => Kind::Course,
            Self::Group { .. } => Kind::Group,
            Self::Enrollment { .. } => Kind::Enrollment,
            Self::GroupMember { .. } => Kind::GroupMember,
            Self::Association { .. } => Kind::Association,
            Self::Observer { .. } => Kind::Observer,
        }
    }

    /// What the record stands with.
    pub fn owner(&self) -> Owner<'_> {
        let (kind, id): (Kind, &str) = match self {
            Self::Term(term) => (Kind::Term, term.as_str()),
            Self::OrgUnit(unit) => (Kind::OrgUnit, unit.as_str()),
            Self::Person(person) | Self::Observer { person, .. } => (Kind::Person, person.as_str()),
            Self::Course(course)
            | Self::Group { course, .. }
            | Self::Enrollment { course, .. }
            | Self::GroupMember { course, .. } => (Kind::Course, course.as_str()),
            Self::Association { kind: AssociationKind::PersonOrgUnit, from, .. } => {
                (Kind::Person, from.as_str())
            }
            Self::Association { from, .. } => (Kind::Course, from.as_str()),
        };
        Owner { kind, id }
    }

    /// The course it is or belongs to.
    pub fn course(&self) -> Option<&CourseKey> {
        match self {
            Self::Course(course)
            | Self::Group { course, .. }
            | Self::Enrollment { course, .. }
            | Self::GroupMember { course, .. } => Some(course),
            _ => None,
        }
    }

    /// The person it is or is about.
    pub fn person(&self) -> Option<&PersonKey> {
        match self {
            Self::Person(person)
            | Self::Enrollment { person, .. }
            | Self::GroupMember { person, .. }
            | Self::Observer { person, .. } => Some(person),
            _ => None,
        }
    }

    /// A hash of all of it: two keys with the same one are one in practice.
    pub fn hash64(&self) -> u64 {
        let mut bytes = Vec::with_capacity(48);
        self.encode(&mut bytes);
        xxhash_rust::xxh3::xxh3_64(&bytes)
    }

    /// The same key with other persons in it: each goes through `person`.
    pub fn with_persons(&self, mut person: impl FnMut(&PersonKey) -> PersonKey) -> Self {
        match self {
            Self::Person(key) => Self::Person(person(key)),
            Self::Enrollment { course, person: who } => {
                Self::Enrollment { course: course.clone(), person: person(who) }
            }
            Self::GroupMember { course, group, person: who } => {
                let (course, group) = (course.clone(), group.clone());
                Self::GroupMember { course, group, person: person(who) }
            }
            Self::Observer { person: who, observer } => {
                Self::Observer { person: person(who), observer: person(observer) }
            }
            Self::Association { kind: kind @ AssociationKind::PersonOrgUnit, from, to } => {
                let from = person(&PersonKey::from(from.clone())).text().clone();
                Self::Association { kind: *kind, from, to: to.clone() }
            }
            other => other.clone(),
        }
    }

    /// Appends kind and ids.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind() as u8);
        match self {
            Self::Term(id) => put_bytes(out, id.as_str().as_bytes()),
            Self::OrgUnit(id) => put_bytes(out, id.as_str().as_bytes()),
            Self::Person(id) => put_bytes(out, id.as_str().as_bytes()),
            Self::Course(id) => put_bytes(out, id.as_str().as_bytes()),
            Self::Group { course, group } => {
                put_bytes(out, course.as_str().as_bytes());
                put_bytes(out, group.as_str().as_bytes());
            }
            Self::Enrollment { course, person } => {
                put_bytes(out, course.as_str().as_bytes());
                put_bytes(out, person.as_str().as_bytes());
            }
            Self::GroupMember { course, group, person } => {
                put_bytes(out, course.as_str().as_bytes());
                put_bytes(out, group.as_str().as_bytes());
                put_bytes(out, person.as_str().as_bytes());
            }
            Self::Association { kind, from, to } => {
                out.push(*kind as u8);
                put_bytes(out, from.as_bytes());
                put_bytes(out, to.as_bytes());
            }
            Self::Observer { person, observer } => {
                put_bytes(out, person.as_str().as_bytes());
                put_bytes(out, observer.as_str().as_bytes());
            }
        }
    }

    /// Reads what [`Key::encode`] wrote.
    pub fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let kind = Kind::from_u8(from.byte()?).ok_or_else(|| from.expected("a kind"))?;
        Ok(match kind {
            Kind::Term => Self::Term(TermKey::new(from.str()?)),
            Kind::OrgUnit => Self::OrgUnit(OrgUnitKey::new(from.str()?)),
            Kind::Person => Self::Person(PersonKey::new(from.str()?)),
            Kind::Course => Self::Course(CourseKey::new(from.str()?)),
            Kind::Group => Self::Group {
                course: CourseKey::new(from.str()?),
                group: GroupKey::new(from.str()?),
            },
            Kind::Enrollment => Self::Enrollment {
                course: CourseKey::new(from.str()?),
                person: PersonKey::new(from.str()?),
            },
            Kind::GroupMember => Self::GroupMember {
                course: CourseKey::new(from.str()?),
                group: GroupKey::new(from.str()?),
                person: PersonKey::new(from.str()?),
            },
            Kind::Association => {
                let kind = match from.byte()? {
                    1 => AssociationKind::CourseOrgUnit,
                    2 => AssociationKind::CourseCourse,
                    3 => AssociationKind::PersonOrgUnit,
                    _ => return Err(from.expected("a kind of association")),
                };
                Self::Association { kind, from: Text::new(from.str()?), to: Text::new(from.str()?) }
            }
            Kind::Observer => Self::Observer {
                person: PersonKey::new(from.str()?),
                observer: PersonKey::new(from.str()?),
            },
        })
    }
}

impl fmt::Display for Key {
    /// `person:p-1`, `enrollment:MATH/p-1`, `group_member:MATH/unit 2/p-1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind())?;
        match self {
            Self::Term(id) => write!(f, "{id}"),
            Self::OrgUnit(id) => write!(f, "{id}"),
            Self::Person(id) => write!(f, "{id}"),
            Self::Course(id) => write!(f, "{id}"),
            Self::Group { course, group } => write!(f, "{course}/{group}"),
            Self::Enrollment { course, person } => write!(f, "{course}/{person}"),
            Self::GroupMember { course, group, person } => write!(f, "{course}/{group}/{person}"),
            Self::Association { kind, from, to } => write!(f, "{}/{from}/{to}", kind.name()),
            Self::Observer { person, observer } => write!(f, "{person}/{observer}"),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
