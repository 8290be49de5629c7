//! User names that two persons would have: a number behind one of them, where that is configured.

use hashbrown::HashMap;
use roster::mapping::SameUsername;
use roster::{Finding, Key, Kind, Origin, Owner, Record, Severity, Text, owner_hash};
use store::StoreError;

use super::Held;
use crate::Integration;

/// Numbers that are tried: more people of one name are a mistake.
const NUMBERS: std::ops::Range<u32> = 2..10_000;

/// Who has which user name, as hashes: in the LMS first, then in the order in which they come.
///
/// Whoever has a name in the LMS keeps it, with or without a number, so that the same persons get
/// the same names on every run.
pub(crate) struct Usernames {
    numbered: bool,
    longest: usize,
    owners: HashMap<u64, u64>,
}

impl Usernames {
    pub fn new(integration: &Integration, held: &Held<'_>) -> Result<Self, StoreError> {
        let numbered = integration.mapping.same_username == SameUsername::Number;
        let mut owners = HashMap::new();
        if numbered {
            held.each_there(|applied| {
                if let Record::Person(person) = &applied.record
                    && let Some(name) = &person.username
                {
                    owners.insert(name_hash(name), key_hash(person.key()));
                }
            })?;
        }
        Ok(Self { numbered, longest: integration.rules.username.max, owners })
    }

    /// Gives a person a user name that nobody else has.
    pub fn take(&mut self, record: &mut Record, origin: Origin, find: &mut dyn FnMut(Finding)) {
        let Record::Person(person) = record else { return };
        let (true, Some(name)) = (self.numbered, person.username.clone()) else { return };
        let owner = key_hash(person.key());
        if self.claim(&name, owner) {
            return;
        }
        let free = NUMBERS.map(|number| self.with_number(&name, number));
        let free = free
            .into_iter()
            .find(|name| self.owners.get(&name_hash(name)).is_none_or(|other| *other == owner));
        // Without any free one the plan says that the name is taken.
        let Some(free) = free else { return };
        self.claim(&free, owner);
        let key = person.key().to_string();
        person.username = Some(Text::from(free));
        find(Finding {
            severity: Severity::Note,
            code: "username-numbered",
            message: format!(
                "another person has the user name of {key}: a number stands behind it"
            ),
            origin,
            key: Some(Text::from(key)),
        });
    }

    fn claim(&mut self, name: &str, owner: u64) -> bool {
        *self.owners.entry(name_hash(name)).or_insert(owner) == owner
    }

    /// The name with a number behind it, no longer than the target takes.
    fn with_number(&self, name: &str, number: u32) -> String {
        let number = number.to_string();
        let room = match self.longest {
            0 => usize::MAX,
            longest => longest.saturating_sub(number.len()),
        };
        let mut numbered: String = name.chars().take(room).collect();
        numbered.push_str(&number);
        numbered
    }
}

fn name_hash(name: &str) -> u64 {
    owner_hash(Owner { kind: Kind::OrgUnit, id: name })
}

fn key_hash(key: &Key) -> u64 {
    owner_hash(key.owner())
}
