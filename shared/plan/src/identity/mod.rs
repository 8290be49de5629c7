//! Whether a record is still the person that it was: keys that come back as somebody else, and
//! persons who come back under another key.
//!
//! | what the plan would do | what it does |
//! |---|---|
//! | change a person's account so that it looks like a stranger's ([`judge`]) | hold that, and what would give the newcomer more of the account: new enrollments, other roles |
//! | take an account out of use and make one for somebody very much like its owner, now or within some days ([`rename`]) | hold both, with all that belongs to either, until somebody says whether they are one person |
//! | make an account for somebody whom nothing but the key tells from one who is there | hold it, until somebody says so |
//! | take an account out of use whose owner seems to have got another one lately | hold it |
//!
//! What is taken away from the former owner flows, under its limits. The first and the last kind of
//! hold are let go by an approval, as any other. The others are questions that an approval does not
//! answer.
//!
//! **Never:** nobody's account is given to another person, and no two accounts are made one.

mod judge;
mod rename;
mod sought;

pub use judge::{Known, Verdict, judge};
pub(crate) use rename::{Looking, Merge, hold_merges, hold_roles, propose};

use std::collections::BTreeSet;

use roster::{DecodeError, MarkKey, Marks, Person, Record, Text};
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
    /// For so many days after an export dropped somebody, or an account was made, the other half of
    /// a rename is looked for in later exports; 0: only within one export.
    #[serde(default = "rename_days")]
    pub rename_days: u16,
}

fn rename_days() -> u16 {
    IdentityRules::default().rename_days
}

impl Default for IdentityRules {
    fn default() -> Self {
        Self { reuse: true, rename: true, alike: 80, rename_days: 30 }
    }
}

/// Hands over the persons whom the LMS is known to hold, one by one, as often as it is asked.
pub type EachPerson<'a> = &'a dyn Fn(&mut dyn FnMut(&Applied)) -> Result<(), DecodeError>;

/// What a plan goes by where it looks at identities.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The rules.
    pub rules: &'a IdentityRules,
    /// The key of the integration's marks.
    pub key: &'a MarkKey,
    /// Pairs of a record id and a new key of which somebody has said that they are one person.
    pub same: &'a BTreeSet<(Text, Text)>,
    /// Pairs of which somebody has said that they are two.
    pub different: &'a BTreeSet<(Text, Text)>,
    /// Pairs, former key first, that the plan before this one asked about.
    pub asked: &'a BTreeSet<(Text, Text)>,
    /// Record ids of persons whose account goes back to its own key, also where they are gone: what
    /// made it another's was taken back.
    pub returned: &'a BTreeSet<Text>,
    /// What a run of the days that are looked back begins with at least: ids of runs sort by time.
    pub since: &'a str,
    /// The applied state's persons, looked at a second time where the plan makes some or takes some
    /// away.
    pub people: EachPerson<'a>,
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
