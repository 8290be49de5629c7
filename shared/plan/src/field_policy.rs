//! When a field is told to the target.

use std::collections::BTreeMap;

use roster::{FieldSpec, Kind, Record};
use serde::{Deserialize, Serialize};

use crate::{Action, Cause, Change};

/// When a field is told to the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldPolicy {
    /// Whenever the source says something else.
    #[default]
    Always,
    /// When the record is made; what comes later is the target's own.
    OnCreate,
    /// As long as nobody changes it in the target. Then it is its user's for good. Where the
    /// target cannot show the field this is [`FieldPolicy::OnCreate`].
    UntilChanged,
}

/// Fields of one kind of record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldSet(u64);

impl FieldSet {
    /// The set that [`FieldSet::bits`] stands for.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// A bit for each field, by its number.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the field is in it.
    pub fn has(self, spec: FieldSpec) -> bool {
        self.0 & bit(spec) != 0
    }

    /// Adds a field.
    pub fn add(&mut self, spec: FieldSpec) {
        self.0 |= bit(spec);
    }

    /// Those that are in either.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of those that records of `kind` have, in the order of their numbers.
    pub fn names(self, kind: Kind) -> Vec<&'static str> {
        let specs = Record::specs(kind).iter().filter(|spec| self.has(**spec));
        specs.map(|spec| spec.name).collect()
    }
}

/// A field of a number beyond the bits is in no set.
fn bit(spec: FieldSpec) -> u64 {
    1u64.checked_shl(u32::from(spec.number)).unwrap_or(0)
}

/// The fields that are not told always, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldPolicies(BTreeMap<Kind, (FieldSet, FieldSet)>);

impl FieldPolicies {
    /// Whether every field is told always.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets when a field is told.
    pub fn set(&mut self, kind: Kind, spec: FieldSpec, policy: FieldPolicy) {
        let (on_create, until_changed) = self.0.entry(kind).or_default();
        match policy {
            FieldPolicy::Always => {}
            FieldPolicy::OnCreate => on_create.add(spec),
            FieldPolicy::UntilChanged => until_changed.add(spec),
        }
    }

    /// The fields that are told at creation only.
    pub fn on_create(&self, kind: Kind) -> FieldSet {
        self.0.get(&kind).map(|(on_create, _)| *on_create).unwrap_or_default()
    }

    /// The fields that are told until somebody changes them.
    pub fn until_changed(&self, kind: Kind) -> FieldSet {
        self.0.get(&kind).map(|(_, until_changed)| *until_changed).unwrap_or_default()
    }

    /// The fields that have to be read back before `change` is sent: those that it would tell anew,
    /// and of a record in doubt, which is told as a whole, all of them.
    pub fn to_read_back(&self, change: &Change) -> FieldSet {
        let mut asked = FieldSet::default();
        let until_changed = self.until_changed(change.kind());
        let updates = matches!(change.action, Action::Update | Action::Rekey | Action::Restore);
        let (true, false, None) = (updates, until_changed.is_empty(), &change.temporary) else {
            return asked;
        };
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return asked };
        if change.cause == Cause::InDoubt {
            return until_changed;
        }
        let differing = before.differing(after).into_iter();
        differing.filter(|spec| until_changed.has(*spec)).for_each(|spec| asked.add(spec));
        asked
    }
}

impl Change {
    /// Leaves these fields as they are: what the target holds of them is its user's.
    pub fn leave(&mut self, fields: FieldSet) {
        let (Some(before), Some(after)) = (&self.before, &mut self.after) else { return };
        let mut kept = before.clone();
        kept.retain(|spec| fields.has(spec));
        after.retain(|spec| !fields.has(spec));
        after.overlay(&kept);
    }
}

#[cfg(test)]
mod tests {
    use roster::{Person, PersonKey, Text};

    use super::*;

    #[test]
    fn what_is_read_back_is_what_would_change_and_may_be_somebody_elses() {
        let spec = |name| *Record::specs(Kind::Person).iter().find(|s| s.name == name).unwrap();
        let mut policies = FieldPolicies::default();
        policies.set(Kind::Person, spec("email"), FieldPolicy::UntilChanged);
        policies.set(Kind::Person, spec("given"), FieldPolicy::UntilChanged);
        policies.set(Kind::Person, spec("family"), FieldPolicy::OnCreate);
        let person = |email: &str| -> Option<Record> {
            let mut person = Person::new(PersonKey::new("p"));
            person.email = Some(Text::new(email));
            person.given = Some(Text::new("Ada"));
            Some(person.into())
        };
        let mut change = Change {
            action: Action::Update,
            before: person("a@oak.example"),
            after: person("b@oak.example"),
            cause: Cause::Source,
            origin: None,
            lms_id: None,
            temporary: None,
        };
        let asked = policies.to_read_back(&change);
        assert_eq!(asked.names(Kind::Person), ["email"]);
        change.leave(asked);
        assert_eq!(change.after, change.before);
        assert!(policies.to_read_back(&change).is_empty());
        let doubtful = Change { cause: Cause::InDoubt, ..change.clone() };
        let asked = policies.to_read_back(&doubtful);
        assert_eq!(asked.names(Kind::Person), ["given", "email"]);
        let create = Change { action: Action::Create, before: None, ..change };
        assert!(policies.to_read_back(&create).is_empty());
        assert!(Record::specs(Kind::Person).iter().all(|spec| bit(*spec) != 0));
    }
}
