//! One change, and where it stands in the order.

use roster::{Key, Kind, Origin, Record, Text};
use serde::{Deserialize, Serialize};

use crate::limits::{Limited, Span};

/// What is done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// Make it.
    Create = 1,
    /// Change fields of it.
    Update = 2,
    /// Put it aside: suspend an account or enrollment, hide a course. Nothing else of it changes.
    Suspend = 3,
    /// Take it back into use, with whatever else of it differs.
    Restore = 4,
    /// Take it away.
    Remove = 5,
    /// Give it the key that the source uses now, and whatever else of it differs.
    Rekey = 6,
    /// Take over what is there already.
    Adopt = 7,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::Update,
        Self::Suspend,
        Self::Restore,
        Self::Remove,
        Self::Rekey,
        Self::Adopt,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Suspend => "suspend",
            Self::Restore => "restore",
            Self::Remove => "remove",
            Self::Rekey => "rekey",
            Self::Adopt => "adopt",
        }
    }

    /// Whether somebody loses something by it: what the removal limits count.
    pub fn takes_away(self) -> bool {
        matches!(self, Self::Suspend | Self::Remove)
    }
}

/// Why a change is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Cause {
    /// The source says something else than before.
    Source = 1,
    /// The LMS holds something else than we put there.
    Drift = 2,
    /// It failed earlier and is tried again.
    Retry = 3,
    /// It was sent and never answered: look first, then assert.
    InDoubt = 4,
}

impl Cause {
    fn decode(from: &mut roster::Decoder<'_>) -> Result<Self, roster::DecodeError> {
        Ok(match from.byte()? {
            1 => Self::Source,
            2 => Self::Drift,
            3 => Self::Retry,
            4 => Self::InDoubt,
            _ => return Err(from.expected("a cause")),
        })
    }
}

/// Why a change is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum HoldReason {
    /// More removals of a kind than the limit allows.
    Limit {
        /// How many there are.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// A course would lose all its students.
    EmptiesCourse {
        /// Which course.
        course: Text,
        /// How many students it has.
        students: u64,
    },
    /// It gives a person a role in the LMS itself, which nobody gets without a word from a person.
    GrantsSystemRole {
        /// Which.
        role: Text,
    },
    /// A person's key has come back with the identity of somebody else.
    SuspectedReuse {
        /// The key.
        key: Text,
    },
    /// One person vanished and one who is new is much like them: perhaps the same person under a
    /// new key. An answer is needed, not an approval.
    Rename {
        /// The key that vanished.
        old: Text,
        /// The key that is new.
        new: Text,
    },
    /// Nothing but the key tells one who is new from one who is there and stays: perhaps one person
    /// with two keys. An answer is needed, not an approval.
    TwoKeys {
        /// The key of the one who is there.
        old: Text,
        /// The key that is new.
        new: Text,
    },
    /// One person vanished, and one who came lately is much like them: perhaps the same person, who
    /// has two accounts then. Nobody makes them one but people.
    Merge {
        /// The key that vanished.
        old: Text,
        /// The key that came lately.
        new: Text,
    },
    /// Nothing has been delivered to this target before: all of it is looked at once.
    FirstSync,
    /// The configuration says something else of where records come from or by which keys.
    Reconfigured {
        /// What is different, in a few words.
        what: Text,
    },
    /// It needs the effect of a change that is held.
    Needs {
        /// That change's record.
        key: Text,
    },
    /// More changes of a kind than another limit allows than that of a run's removals.
    Over {
        /// What the limit counts.
        limited: Limited,
        /// Over which time.
        span: Span,
        /// How many there are in this run.
        count: u64,
        /// How many there were before, within the time.
        before: u64,
        /// Of how many.
        of: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// More changes of a kind than the own limit of a source or a data source key allows in a run.
    PartLimit {
        /// What has the limit.
        part: Part,
        /// Which one.
        name: Text,
        /// What the limit counts.
        limited: Limited,
        /// How many there are in this run.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// The export says so much less of a part than it did before that what it takes away there has
    /// to be looked at.
    SharpDrop {
        /// What dropped.
        part: Part,
        /// Which one.
        name: Text,
        /// Records of which kind it has fewer of.
        kind: Kind,
        /// How many it had when nothing was held last.
        learned: u64,
        /// How many it has.
        now: u64,
    },
}

/// A part of what a source says, whose records are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Part {
    /// A course with who is in it.
    Course = 1,
    /// An org unit with its courses and people.
    OrgUnit = 2,
    /// A source's file, by its name without what changes from day to day.
    File = 3,
    /// What carries one data source key.
    DataSource = 4,
    /// All that a source says.
    Source = 5,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Course, Self::OrgUnit, Self::File, Self::DataSource, Self::Source];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Course => "course",
            Self::OrgUnit => "org unit",
            Self::File => "file",
            Self::DataSource => "data source key",
            Self::Source => "source",
        }
    }
}

/// One change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// The record as the LMS is known to hold it; `None` where it holds none.
    pub before: Option<Record>,
    /// The record as it is to be after; `None` where it is to be gone. For a suspension it is the
    /// record as it stays behind.
    pub after: Option<Record>,
    /// Why.
    pub cause: Cause,
    /// Where the export says so; `None` where absence says it.
    pub origin: Option<Origin>,
    /// The LMS's id of the record, where it is known at planning.
    pub lms_id: Option<Text>,
    /// For an update of a user name (or another unique name) that another record still holds: the
    /// name to take for a moment. The change comes twice: first with it, then without. The first
    /// is an update whose `before` and `after` hold the name and nothing else.
    pub temporary: Option<Text>,
}

impl Change {
    /// The record's key.
    ///
    /// A change has a `before` or an `after`; [`Change::decode`] and `diff` make no other.
    pub fn key(&self) -> &Key {
        match (&self.after, &self.before) {
            (Some(record), _) | (None, Some(record)) => record.key(),
            (None, None) => unreachable!("a change without before and after"),
        }
    }

    /// The record's kind.
    pub fn kind(&self) -> Kind {
        self.key().kind()
    }

    /// Its place in the order of delivery.
    pub fn phase(&self) -> Phase {
        Phase::of(self.kind(), self.action, self.temporary.is_some())
    }
}

/// A step of delivery: everything in a phase can go in any order and in parallel; a phase begins
/// when the one before has ended.
///
/// | number | what |
/// |---|---|
/// | 0 | user names and course codes freed by a temporary name |
/// | 10 + kind | create, adopt, update, restore, rekey: terms first, observers last |
/// | 50 - kind | suspend and remove: observers first, terms last |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Phase(pub u8);

impl Phase {
    /// The phase of an action on a kind.
    pub fn of(kind: Kind, action: Action, temporary: bool) -> Self {
        match (temporary, action.takes_away()) {
            (true, _) => Self(0),
            (false, false) => Self(10 + kind as u8),
            (false, true) => Self(50 - kind as u8),
        }
    }
}

/// Decodes `count` changes; the codec's other half is [`Change::encode`].
pub(crate) fn decode_all(
    bytes: &[u8],
    count: u64,
) -> impl Iterator<Item = Result<Change, roster::DecodeError>> + '_ {
    let mut from = roster::Decoder::new(bytes);
    let mut left = count;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        left -= 1;
        let change = from.bytes().and_then(Change::decode);
        if change.is_err() {
            left = 0;
        }
        Some(change)
    })
}

impl Change {
    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        use roster::put_bytes;
        out.push(self.action as u8);
        out.push(self.cause as u8);
        let flags = u8::from(self.before.is_some())
            | u8::from(self.after.is_some()) << 1
            | u8::from(self.origin.is_some()) << 2
            | u8::from(self.lms_id.is_some()) << 3
            | u8::from(self.temporary.is_some()) << 4;
        out.push(flags);
        for record in [&self.before, &self.after].into_iter().flatten() {
            put_bytes(out, &record.to_bytes());
        }
        if let Some(origin) = &self.origin {
            let mut bytes = Vec::with_capacity(8);
            origin.encode(&mut bytes);
            put_bytes(out, &bytes);
        }
        for text in [&self.lms_id, &self.temporary].into_iter().flatten() {
            put_bytes(out, text.as_bytes());
        }
    }

    /// Reads what [`Change::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, roster::DecodeError> {
        let mut from = roster::Decoder::new(bytes);
        let action = from.byte()?;
        let action = Action::ALL.into_iter().find(|known| *known as u8 == action);
        let action = action.ok_or_else(|| from.expected("an action"))?;
        let cause = Cause::decode(&mut from)?;
        let flags = from.byte()?;
        let has = |bit: u8| flags & bit != 0;
        let mut record = |bit| has(bit).then(|| Record::from_bytes(from.bytes()?)).transpose();
        let (before, after) = (record(1)?, record(2)?);
        if before.is_none() && after.is_none() {
            return Err(from.expected("a before or an after"));
        }
        let origin = has(4).then(|| Origin::decode(from.bytes()?)).transpose()?;
        let mut text = |bit| has(bit).then(|| from.str().map(Text::new)).transpose();
        let (lms_id, temporary) = (text(8)?, text(16)?);
        Ok(Self { action, before, after, cause, origin, lms_id, temporary })
    }
}

/// What can be read of a change without decoding its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    pub action: Action,
    pub cause: Cause,
    pub has_before: bool,
    pub has_after: bool,
    pub is_temporary: bool,
    pub key: Key,
}

/// The outlines of encoded changes, one by one. After an error it ends. A clone goes on from where
/// the other stands.
#[derive(Debug, Clone)]
pub(crate) struct Outlines<'a> {
    from: roster::Decoder<'a>,
    left: u64,
}

impl<'a> Outlines<'a> {
    pub(crate) fn new(bytes: &'a [u8], count: u64) -> Self {
        Self { from: roster::Decoder::new(bytes), left: count }
    }
}

impl Iterator for Outlines<'_> {
    type Item = Result<Outline, roster::DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let outline = self.from.bytes().and_then(Outline::decode);
        if outline.is_err() {
            self.left = 0;
        }
        Some(outline)
    }
}

impl Outline {
    pub(crate) fn phase(&self) -> Phase {
        Phase::of(self.key.kind(), self.action, self.is_temporary)
    }

    /// Reads it off what [`Change::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, roster::DecodeError> {
        let mut from = roster::Decoder::new(bytes);
        let action = from.byte()?;
        let action = Action::ALL.into_iter().find(|known| *known as u8 == action);
        let action = action.ok_or_else(|| from.expected("an action"))?;
        let cause = Cause::decode(&mut from)?;
        let flags = from.byte()?;
        let mut record = roster::Decoder::new(from.bytes()?);
        let key = Key::decode(&mut record)?;
        let has = |bit: u8| flags & bit != 0;
        let (has_before, has_after, is_temporary) = (has(1), has(2), has(16));
        if !has_before && !has_after {
            return Err(from.expected("a before or an after"));
        }
        Ok(Self { action, cause, has_before, has_after, is_temporary, key })
    }
}

impl Change {
    /// Reads action and key of what [`Change::encode`] wrote, and nothing else.
    pub(crate) fn decode_head(bytes: &[u8]) -> Result<(Action, Key), roster::DecodeError> {
        let mut from = roster::Decoder::new(bytes);
        let action = from.byte()?;
        let action = Action::ALL.into_iter().find(|known| *known as u8 == action);
        let action = action.ok_or_else(|| from.expected("an action"))?;
        from.take(2)?;
        let mut record = roster::Decoder::new(from.bytes()?);
        Ok((action, Key::decode(&mut record)?))
    }
}
