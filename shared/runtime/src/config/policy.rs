//! Policy, kind by kind.

use std::collections::BTreeMap;

use plan::{FieldPolicy, KindPolicy, Moves, OnRemove, Policy};
use roster::{FieldSpec, Kind, Record};
use serde::Deserialize;

/// A number of days: `"90d"`, or `"12w"` for weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Days(u16);

impl TryFrom<String> for Days {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let wrong = "a time is a number of days or weeks, for instance \"90d\" or \"12w\", at \
                     least a day and at most ten years";
        let (number, days) = match text.char_indices().next_back() {
            Some((at, 'd')) => (&text[..at], 1),
            Some((at, 'w')) => (&text[..at], 7),
            _ => return Err(wrong),
        };
        let days = number.parse::<u16>().ok().and_then(|number| number.checked_mul(days));
        days.filter(|days| (1..=3653).contains(days)).map(Self).ok_or(wrong)
    }
}

#[derive(Default, Deserialize)]
#[serde(try_from = "BTreeMap<Kind, KindSection>")]
pub(super) struct PolicySection(BTreeMap<Kind, KindSection>);

impl TryFrom<BTreeMap<Kind, KindSection>> for PolicySection {
    type Error = String;

    fn try_from(kinds: BTreeMap<Kind, KindSection>) -> Result<Self, String> {
        for (kind, KindSection(keys)) in &kinds {
            if let Some(name) = keys.fields.keys().find(|name| field(*kind, name).is_none()) {
                return Err(format!(
                    "`{kind}.fields.{name}`: a {kind} has no such field to choose"
                ));
            }
        }
        let moves = |(kind, section): &(&Kind, &KindSection)| {
            **kind != Kind::Enrollment && section.0.moves.is_some()
        };
        match kinds.iter().find(moves) {
            Some((kind, _)) => Err(format!(
                "`move` stands below `enrollment`, not below `{kind}`: it is people who move \
                 between courses"
            )),
            None => Ok(Self(kinds)),
        }
    }
}

/// A field whose telling can be chosen: not one that has rules of its own.
fn field(kind: Kind, name: &str) -> Option<FieldSpec> {
    const OWN_RULES: [&str; 5] = ["status", "password", "sourced_id", "marks", "former_keys"];
    let spec = Record::specs(kind).iter().find(|spec| spec.name == name);
    spec.filter(|_| !OWN_RULES.contains(&name)).copied()
}

#[derive(Deserialize)]
#[serde(try_from = "KindKeys")]
struct KindSection(KindKeys);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindKeys {
    create: Option<bool>,
    update: Option<bool>,
    restore: Option<bool>,
    remove: Option<Removal>,
    after: Option<Days>,
    #[serde(rename = "move")]
    moves: Option<Moves>,
    #[serde(default)]
    fields: BTreeMap<String, FieldPolicy>,
}

/// The words for it in the configuration; `after` stands beside them.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Removal {
    Ignore,
    Suspend,
    Delete,
}

impl TryFrom<KindKeys> for KindSection {
    type Error = &'static str;

    fn try_from(keys: KindKeys) -> Result<Self, &'static str> {
        match (keys.after, keys.remove) {
            (Some(_), Some(Removal::Ignore | Removal::Suspend) | None) => {
                Err("`after` says when a record is deleted: it goes with remove = \"delete\"")
            }
            _ => Ok(Self(keys)),
        }
    }
}

impl PolicySection {
    pub fn into_policy(self) -> Policy {
        let mut policy = Policy::default();
        for (kind, KindSection(keys)) in self.0 {
            let default = policy.of(kind);
            policy.moves = keys.moves.unwrap_or(policy.moves);
            let remove = match (keys.remove, keys.after) {
                (None, _) => default.remove,
                (Some(Removal::Ignore), _) => OnRemove::Ignore,
                (Some(Removal::Suspend), _) => OnRemove::Suspend,
                (Some(Removal::Delete), None) => OnRemove::Delete,
                (Some(Removal::Delete), Some(Days(days))) => OnRemove::DeleteAfter { days },
            };
            for (name, told) in &keys.fields {
                if let Some(spec) = field(kind, name) {
                    policy.fields.set(kind, spec, *told);
                }
            }
            let create = keys.create.unwrap_or(default.create);
            let update = keys.update.unwrap_or(default.update);
            let restore = keys.restore.unwrap_or(default.restore);
            policy.set(kind, KindPolicy { create, update, restore, remove });
        }
        policy
    }
}
