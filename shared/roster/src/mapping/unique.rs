//! E-mail addresses that no two persons may share.

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::{Context, MissingEmail, TargetRules, person};
use crate::{
    Finding, Findings, Key, Kind, Origin, Owner, Person, PersonKey, Record, Text, owner_hash,
};

/// Remembers who has which address, as hashes: sixteen bytes a person.
///
/// The first one to ask has it, so records must come in the same order each time.
#[derive(Debug, Default)]
pub struct UniqueEmails {
    owners: HashMap<u64, u64>,
    institution: HashMap<u64, u64>,
    named: u64,
}

impl UniqueEmails {
    /// Takes a mapped record.
    ///
    /// A person whose address somebody else has already gets the placeholder instead, with a
    /// warning, or, where the rules make none, is left out with an error. A person whose address
    /// at the institution somebody else has is left out with an error: third parties know people
    /// by it. Does nothing where the rules do not ask for it.
    ///
    /// `who` finds the person whose key has this hash ([`owner_hash`]), so that findings name
    /// both.
    pub fn take(
        &mut self,
        mut record: Record,
        rules: &TargetRules,
        origin: Origin,
        who: &dyn Fn(u64) -> Option<PersonKey>,
        findings: &mut dyn FnMut(Finding),
    ) -> Option<Record> {
        let Record::Person(person) = &mut record else { return Some(record) };
        if !rules.email.unique {
            return Some(record);
        }
        let mut context = Context { key: person.key().clone(), origin, findings };
        if let Some(other) = taken(&mut self.institution, person, &person.institution_email) {
            let other = self.name(other, who);
            context.error("institution-email-taken", |key| {
                format!("{key} has the same institution e-mail address as {other}; it is left out")
            });
            return None;
        }
        let Some(other) = taken(&mut self.owners, person, &person.email) else {
            return Some(record);
        };
        let other = self.name(other, who);
        if let MissingEmail::Placeholder { template } = &rules.email.missing {
            let key = person.person().as_str();
            person.email = Some(Text::from(person::placeholder(template, key)));
            context.warn("email-taken", |key| {
                format!("{key} has the same e-mail address as {other}; a placeholder stands for it")
            });
            return Some(record);
        }
        context.error("email-taken", |key| {
            format!("{key} has the same e-mail address as {other}; it is left out")
        });
        None
    }

    /// The other person by key; beyond the findings that are kept nobody is looked up.
    fn name(&mut self, other: u64, who: &dyn Fn(u64) -> Option<PersonKey>) -> String {
        self.named += 1;
        let found = (self.named <= 2 * Findings::KEPT_PER_CODE).then(|| who(other)).flatten();
        found.map_or_else(|| "another person".to_owned(), |key| Key::Person(key).to_string())
    }
}

/// Who has `address` already, where that is somebody else.
fn taken(owners: &mut HashMap<u64, u64>, person: &Person, address: &Option<Text>) -> Option<u64> {
    let address = xxh3_64(address.as_deref()?.to_lowercase().as_bytes());
    let owner = owner_hash(Owner { kind: Kind::Person, id: person.person().as_str() });
    let first = *owners.entry(address).or_insert(owner);
    (first != owner).then_some(first)
}
