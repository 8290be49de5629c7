//! Keys that the mapping makes for the LMS, where two records would get the same one.
//!
//! | the key is | then |
//! |---|---|
//! | nobody's, or the record's own | it goes as it is |
//! | another record's in the LMS, or of one that came before | left out, an error that names both |
//! | not made as `hidden_key` says | left out, an error |
//!
//! Whoever has the key in the LMS keeps it: the other one would be taken for it there, and two
//! courses would become one.

use hashbrown::HashMap;
use plan::Applied;
use roster::{Finding, Findings, Key, Kind, Origin, Owner, Record, Severity, Text, owner_hash};
use store::StoreError;

use super::Held;
use crate::Integration;

/// Who has which key, as hashes: sixteen bytes a record, of the kinds whose keys are made.
pub(crate) struct MadeKeys {
    kinds: Vec<Kind>,
    owners: HashMap<u64, u64>,
    named: u64,
}

impl MadeKeys {
    pub fn new(integration: &Integration, held: &Held<'_>) -> Result<Self, StoreError> {
        let makes = |kind: &Kind| integration.mapping.makes_keys(*kind);
        let kinds: Vec<Kind> = [Kind::Person, Kind::Course].into_iter().filter(makes).collect();
        let mut made = Self { kinds, owners: HashMap::new(), named: 0 };
        if !made.kinds.is_empty() {
            held.each_there(|Applied { record, .. }| {
                if let Some(id) = made.id(record) {
                    let key = owner_hash(Owner { kind: record.kind(), id });
                    made.owners.entry(key).or_insert(owner_hash(record.key().owner()));
                }
            })?;
        }
        Ok(made)
    }

    /// The key that the LMS gets, where keys of its kind are made.
    fn id<'r>(&self, record: &'r Record) -> Option<&'r str> {
        match record {
            Record::Person(person) if self.kinds.contains(&Kind::Person) => {
                Some(person.sourced_id())
            }
            Record::Course(course) if self.kinds.contains(&Kind::Course) => {
                Some(course.sourced_id())
            }
            _ => None,
        }
    }

    /// The record, where its key in the LMS is its own. `who` finds the record whose key has this
    /// hash, so that findings name both.
    pub fn take(
        &mut self,
        record: Record,
        integration: &Integration,
        origin: Origin,
        who: &dyn Fn(u64) -> Option<Key>,
        find: &mut dyn FnMut(Finding),
    ) -> Option<Record> {
        let key = record.key();
        if let (Record::Course(course), Some(parts)) = (&record, &integration.mapping.hidden_key)
            && parts.split(course.sourced_id()).is_none()
        {
            let message = format!(
                "the key that {key} would get in the LMS is not made like `{parts}`, and a course \
                 never changes it afterwards: it is left out"
            );
            find(error("hidden-key-pattern", key, message, origin));
            return None;
        }
        let Some(id) = self.id(&record) else { return Some(record) };
        let owner = owner_hash(key.owner());
        let made = owner_hash(Owner { kind: key.kind(), id });
        let first = *self.owners.entry(made).or_insert(owner);
        if first == owner {
            return Some(record);
        }
        self.named += 1;
        let other = (self.named <= 2 * Findings::KEPT_PER_CODE).then(|| who(first)).flatten();
        let other =
            other.map_or_else(|| format!("another {}", key.kind()), |other| other.to_string());
        let message = format!(
            "the mapping makes the same key for {key} as {other} has in the LMS or gets: two never \
             become one, so {key} is left out; mend the rule that writes `sourced_id`"
        );
        find(error("made-key-taken", key, message, origin));
        None
    }
}

fn error(code: &'static str, key: &Key, message: String, origin: Origin) -> Finding {
    let key = Some(Text::from(key.to_string()));
    Finding { severity: Severity::Error, code, message, origin, key }
}
