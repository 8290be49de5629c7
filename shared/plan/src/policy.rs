//! What may be done to each kind of record.

use roster::Kind;
use serde::{Deserialize, Serialize};

use crate::{FieldPolicies, Moves};

/// What happens to a record that its source no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRemove {
    /// Nothing: it stays as it is.
    Ignore,
    /// It is put aside: the account or enrollment suspended, the course hidden.
    Suspend,
    /// It is removed.
    Delete,
    /// It is put aside, and removed when it has been so for this many days.
    DeleteAfter {
        /// How many days.
        days: u16,
    },
}

/// What may be done to one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindPolicy {
    /// Whether missing records are made.
    pub create: bool,
    /// Whether existing ones are kept in step.
    pub update: bool,
    /// Whether those that were put aside are taken back into use when they are wanted again.
    #[serde(default = "yes")]
    pub restore: bool,
    /// What happens to those that are gone from the source.
    pub remove: OnRemove,
}

fn yes() -> bool {
    true
}

/// The policy of an integration, kind by kind.
///
/// Defaults (design): everything is created, updated and restored; persons are suspended, courses hidden,
/// enrollments, group members, associations and observers removed; groups, terms and org units
/// stay where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    kinds: [KindPolicy; 9],
    /// What becomes of the old place of somebody who moves between courses.
    #[serde(default)]
    pub moves: Moves,
    /// When the fields are told.
    #[serde(default)]
    pub fields: FieldPolicies,
}

impl Policy {
    /// What may be done to `kind`.
    pub fn of(&self, kind: Kind) -> KindPolicy {
        self.kinds[kind as usize - 1]
    }

    /// Sets what may be done to `kind`.
    pub fn set(&mut self, kind: Kind, policy: KindPolicy) {
        self.kinds[kind as usize - 1] = policy;
    }
}

impl Default for Policy {
    fn default() -> Self {
        let kinds = Kind::ALL.map(|kind| {
            let remove = match kind {
                Kind::Person | Kind::Course => OnRemove::Suspend,
                Kind::Term | Kind::OrgUnit | Kind::Group => OnRemove::Ignore,
                Kind::Enrollment | Kind::GroupMember | Kind::Association | Kind::Observer => {
                    OnRemove::Delete
                }
            };
            KindPolicy { create: true, update: true, restore: true, remove }
        });
        Self { kinds, moves: Moves::default(), fields: FieldPolicies::default() }
    }
}
