//! Whether a record is still the person that it was: keys that come back as somebody else, and
//! persons who come back under another key.
//!
//! | what the plan would do | what it does |
//! |---|---|
//! | change a person's account so that it looks like a stranger's ([`judge`]) | hold that, and what would give the newcomer more of the account: new enrollments, other roles |
//! | take an account out of use and make one for somebody very much like its owner ([`rename`]) | hold both, with all that belongs to either, until somebody says whether they are one person |
//!
//! What is taken away from the former owner flows, under its limits. The first kind of hold is let
//! go by an approval, as any other: it says "the same person". The second is a question that an
//! approval does not answer.
//!
//! **Never:** nobody's account is given to another person, and no two accounts are made one.

mod judge;
mod rename;

pub use judge::{Known, Verdict, judge};
pub(crate) use rename::{hold_roles, propose};

use std::collections::BTreeSet;

use roster::{MarkKey, Marks, Person, Record, Text};
use serde::{Deserialize, Serialize};

use crate::{Applied, Ownership, Presence, Wanted};

/// What an integration does about keys and persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityRules {
    /// Hold what would give a person's account to somebody else.
    pub reuse: bool,
    /// Propose one who vanished and one who is new and similar as one person with a new key.
    pub rename: bool,
    /// From which likeness on (0 to 100) two names are one.
    pub alike: u8,
}

impl Default for IdentityRules {
    fn default() -> Self {
        Self { reuse: true, rename: true, alike: 80 }
    }
}

/// What a plan goes by where it looks at identities.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The rules.
    pub rules: &'a IdentityRules,
    /// The key of the integration's marks.
    pub key: &'a MarkKey,
    /// Pairs of a record id and a new key of which somebody has said that they are one person.
    pub same: &'a BTreeSet<(Text, Text)>,
    /// Pairs of which somebody has said that they are two.
    pub different: &'a BTreeSet<(Text, Text)>,
}

impl Identity<'_> {
    /// Whether the account that `applied` stands for would become somebody else's by `wanted`. Where
    /// somebody has said of the two keys that they are one person, it does not.
    pub(crate) fn is_stranger(&self, applied: &Applied, wanted: &Wanted) -> bool {
        let (Record::Person(before), Record::Person(after)) = (&applied.record, &wanted.record)
        else {
            return false;
        };
        let ours = applied.meta.ownership != Ownership::Found;
        let known = match applied.meta.presence {
            Some(Presence::Present | Presence::Suspended) if ours => Known::account(before),
            Some(Presence::Removed) => Known::tombstone(before),
            _ => return false,
        };
        let keys = (before.person().text().clone(), Text::new(after.sourced_id()));
        self.rules.reuse
            && !self.same.contains(&keys)
            && judge(self, known, after) == Verdict::Stranger
    }

    /// All marks of a person as it is planned.
    pub(crate) fn marks(&self, person: &Person) -> Marks {
        person.marks.unwrap_or_default().over(self.key.of(person))
    }
}
