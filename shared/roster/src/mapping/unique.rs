//! E-mail addresses that no two persons may share.

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::{Context, MissingEmail, TargetRules, person};
use crate::{Finding, Origin, Record, Text};

/// Remembers who has which address, as hashes: sixteen bytes a person.
///
/// The first one to ask has it, so records must come in the same order each time.
#[derive(Debug, Default)]
pub struct UniqueEmails {
    owners: HashMap<u64, u64>,
}

impl UniqueEmails {
    /// Takes a mapped record. A person whose address somebody else has already gets the
    /// placeholder instead, with a warning, or, where the rules make none, is left out with an
    /// error. Does nothing where the rules do not ask for it.
    pub fn take(
        &mut self,
        mut record: Record,
        rules: &TargetRules,
        origin: Origin,
        findings: &mut dyn FnMut(Finding),
    ) -> Option<Record> {
        let Record::Person(person) = &mut record else { return Some(record) };
        let (true, Some(address)) = (rules.email.unique, &person.email) else {
            return Some(record);
        };
        let owner = xxh3_64(person.person().as_str().as_bytes());
        let address = xxh3_64(address.to_lowercase().as_bytes());
        if *self.owners.entry(address).or_insert(owner) == owner {
            return Some(record);
        }
        let mut context = Context { key: person.key().clone(), origin, findings };
        if let MissingEmail::Placeholder { template } = &rules.email.missing {
            person.email =
                Some(Text::from(person::placeholder(template, person.person().as_str())));
            context.warn("email-taken", |key| {
                format!(
                    "another person has the e-mail address of {key}; a placeholder stands for it"
                )
            });
            return Some(record);
        }
        context.error("email-taken", |key| {
            format!("another person has the e-mail address of {key}; it is left out")
        });
        None
    }
}
