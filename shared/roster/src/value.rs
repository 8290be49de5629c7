//! The types of fields.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

use crate::{DecodeError, Decoder, Text, put_bytes, put_varint};

/// What a field can hold. `decode(encode(v)) == v`, and equal values have equal bytes.
pub trait Value: Sized + Clone + PartialEq {
    /// Appends its bytes, without a length.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads all of `bytes`.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
    /// For a person to read; a secret shows as dots.
    fn show(&self) -> Cow<'_, str>;
    /// What `text`, as a configuration writes it, says. `None` where it says no such value, and
    /// for types that are more than one text.
    fn parse(_text: &str) -> Option<Self> {
        None
    }
}

impl Value for Text {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes);
        text.map(Self::new).map_err(|_| DecodeError { what: "UTF-8 text", at: 0 })
    }

    fn show(&self) -> Cow<'_, str> {
        self.as_str().into()
    }

    fn parse(text: &str) -> Option<Self> {
        crate::normal::text(text)
    }
}

impl Value for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(DecodeError { what: "a yes or no", at: 0 }),
        }
    }

    fn show(&self) -> Cow<'_, str> {
        if *self { "yes".into() } else { "no".into() }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }
}

/// A list: items in the order given.
impl Value for Vec<Text> {
    fn encode(&self, out: &mut Vec<u8>) {
        for item in self {
            put_bytes(out, item.as_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let mut items = Self::new();
        while !from.is_done() {
            items.push(Text::new(from.str()?));
        }
        Ok(items)
    }

    fn show(&self) -> Cow<'_, str> {
        self.iter().map(Text::as_str).collect::<Vec<_>>().join(", ").into()
    }

    fn parse(text: &str) -> Option<Self> {
        Text::parse(text).map(|item| vec![item])
    }
}

/// A value under a name: a phone by its type, a user id by its `useridtype`, a free attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labelled {
    /// The name.
    pub label: Text,
    /// The value.
    pub value: Text,
}

impl Value for Vec<Labelled> {
    fn encode(&self, out: &mut Vec<u8>) {
        for item in self {
            put_bytes(out, item.label.as_bytes());
            put_bytes(out, item.value.as_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let mut items = Self::new();
        while !from.is_done() {
            items.push(Labelled { label: Text::new(from.str()?), value: Text::new(from.str()?) });
        }
        Ok(items)
    }

    fn show(&self) -> Cow<'_, str> {
        let shown = self.iter().map(|item| match item.label.as_str() {
            "" => item.value.to_string(),
            label => format!("{label}={}", item.value),
        });
        shown.collect::<Vec<_>>().join(", ").into()
    }
}

/// A postal address; any part may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the parts are the words themselves")]
pub struct Address {
    pub street: Vec<Text>,
    pub locality: Option<Text>,
    pub region: Option<Text>,
    pub postal_code: Option<Text>,
    pub country: Option<Text>,
}

impl Value for Address {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.street.len() as u64);
        for line in &self.street {
            put_bytes(out, line.as_bytes());
        }
        for part in [&self.locality, &self.region, &self.postal_code, &self.country] {
            out.push(u8::from(part.is_some()));
            if let Some(part) = part {
                put_bytes(out, part.as_bytes());
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let mut street = Vec::new();
        for _ in 0..from.varint()? {
            street.push(Text::new(from.str()?));
        }
        let mut part = || match from.byte()? {
            0 => Ok(None),
            _ => Ok(Some(Text::new(from.str()?))),
        };
        Ok(Self {
            street,
            locality: part()?,
            region: part()?,
            postal_code: part()?,
            country: part()?,
        })
    }

    fn show(&self) -> Cow<'_, str> {
        let rest = [&self.locality, &self.region, &self.postal_code, &self.country];
        let parts = self.street.iter().chain(rest.into_iter().flatten());
        parts.map(Text::as_str).collect::<Vec<_>>().join(", ").into()
    }
}

/// Whether something takes part now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It does.
    Active,
    /// It is there and does not: suspended, hidden, disabled.
    Inactive,
}

impl Value for Status {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [0] => Ok(Self::Active),
            [1] => Ok(Self::Inactive),
            _ => Err(DecodeError { what: "a status", at: 0 }),
        }
    }

    fn show(&self) -> Cow<'_, str> {
        match self {
            Self::Active => "active".into(),
            Self::Inactive => "inactive".into(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}

/// What a person does in a course. The eight of IMS Enterprise 1.1 (`roletype` 01 to 08), and any
/// other by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the roles are the words themselves")]
pub enum Role {
    Student,
    Instructor,
    ContentDeveloper,
    Member,
    Manager,
    Mentor,
    Administrator,
    TeachingAssistant,
    Other(Text),
}

impl Role {
    /// The eight, in the order of their IMS numbers 1 to 8.
    pub const IMS: [Self; 8] = [
        Self::Student,
        Self::Instructor,
        Self::ContentDeveloper,
        Self::Member,
        Self::Manager,
        Self::Mentor,
        Self::Administrator,
        Self::TeachingAssistant,
    ];

    /// Its name in configuration and reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Student => "student",
            Self::Instructor => "instructor",
            Self::ContentDeveloper => "content_developer",
            Self::Member => "member",
            Self::Manager => "manager",
            Self::Mentor => "mentor",
            Self::Administrator => "administrator",
            Self::TeachingAssistant => "teaching_assistant",
            Self::Other(name) => name,
        }
    }

    /// The role of this [`name`](Self::name).
    pub fn from_name(name: &str) -> Self {
        let known = Self::IMS.into_iter().find(|role| role.name() == name);
        known.unwrap_or_else(|| Self::Other(Text::new(name)))
    }

    /// Its IMS Enterprise number, 1 to 8.
    pub fn ims_number(&self) -> Option<u8> {
        Self::IMS.iter().position(|role| role == self).map(|at| at as u8 + 1)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The roles of one person in one course: sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Roles(SmallVec<[Role; 1]>);

impl Roles {
    /// One role.
    pub fn one(role: Role) -> Self {
        Self(SmallVec::from_buf([role]))
    }

    /// Adds a role; one that is there already changes nothing.
    pub fn insert(&mut self, role: Role) {
        if let Err(at) = self.0.binary_search(&role) {
            self.0.insert(at, role);
        }
    }

    /// Takes a role away.
    pub fn remove(&mut self, role: &Role) {
        self.0.retain(|held| held != role);
    }

    /// Whether it is among them.
    pub fn contains(&self, role: &Role) -> bool {
        self.0.binary_search(role).is_ok()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.0.iter()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        let mut all = Self::default();
        roles.into_iter().for_each(|role| all.insert(role));
        all
    }
}

impl Value for Roles {
    fn encode(&self, out: &mut Vec<u8>) {
        for role in &self.0 {
            match (role, role.ims_number()) {
                (_, Some(number)) => out.push(number),
                (role, None) => {
                    out.push(0);
                    put_bytes(out, role.name().as_bytes());
                }
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let mut roles = Self::default();
        while !from.is_done() {
            roles.insert(match from.byte()? {
                0 => Role::Other(Text::new(from.str()?)),
                number @ 1..=8 => Role::IMS[usize::from(number) - 1].clone(),
                _ => return Err(from.expected("a role")),
            });
        }
        Ok(roles)
    }

    fn show(&self) -> Cow<'_, str> {
        self.0.iter().map(Role::name).collect::<Vec<_>>().join(", ").into()
    }

    fn parse(text: &str) -> Option<Self> {
        Text::parse(text).map(|name| Self::one(Role::from_name(&name)))
    }
}

/// How a person gets a password in the LMS.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// Delivered in clear by the source. It must be sealed before it is stored.
    Delivered(Text),
    /// Delivered as a hash, to be passed on unchanged.
    Hashed {
        /// Its type as the source names it: `SSHA`, `MD5`.
        scheme: Text,
        /// The hash as delivered.
        value: Text,
    },
    /// A delivered one, encrypted for this installation.
    Sealed(Vec<u8>),
    /// Made at delivery, at random.
    Generated,
    /// None: the LMS asks somebody else (single sign-on).
    External,
    /// What the LMS holds, as a keyed digest: enough to see a change, too little to log in.
    Digest([u8; 16]),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show())
    }
}

impl Value for Password {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Delivered(text) => {
                out.push(0);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Hashed { scheme, value } => {
                out.push(1);
                put_bytes(out, scheme.as_bytes());
                put_bytes(out, value.as_bytes());
            }
            Self::Sealed(bytes) => {
                out.push(2);
                out.extend_from_slice(bytes);
            }
            Self::Generated => out.push(3),
            Self::External => out.push(4),
            Self::Digest(digest) => {
                out.push(5);
                out.extend_from_slice(digest);
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let kind = from.byte()?;
        let rest = &bytes[1..];
        Ok(match kind {
            0 => Self::Delivered(Text::decode(rest)?),
            1 => Self::Hashed { scheme: Text::new(from.str()?), value: Text::new(from.str()?) },
            2 => Self::Sealed(rest.to_vec()),
            3 => Self::Generated,
            4 => Self::External,
            5 => Self::Digest(rest.try_into().map_err(|_| from.expected("a digest"))?),
            _ => return Err(from.expected("a kind of password")),
        })
    }

    fn show(&self) -> Cow<'_, str> {
        match self {
            Self::Delivered(_) | Self::Sealed(_) | Self::Digest(_) => "delivered".into(),
            Self::Hashed { scheme, .. } => format!("hashed ({scheme})").into(),
            Self::Generated => "generated".into(),
            Self::External => "none".into(),
        }
    }
}
