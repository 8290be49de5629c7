//! What can be wrong with a plan.

use roster::{Key, Kind, Text};

use crate::{Action, Limited, Part, Phase, Span};

/// What is wrong with a plan. A plan that [`crate::diff`] made has none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lint {
    /// A phase comes after a later one.
    #[error("{key}: phase {phase:?} comes after phase {after:?}")]
    Order {
        /// Which change.
        key: Key,
        /// Its phase.
        phase: Phase,
        /// The phase before it.
        after: Phase,
    },
    /// A record is changed twice where once says it all.
    #[error("{key}: two changes do the same")]
    Twice {
        /// Which record.
        key: Key,
    },
    /// Something is changed or taken away that is not ours.
    #[error("{key}: {} of a record that is not ours", action.name())]
    NotOurs {
        /// Which record.
        key: Key,
        /// What would be done.
        action: Action,
    },
    /// A change is based on something that the LMS does not hold.
    #[error("{key}: {} does not fit what the LMS holds", action.name())]
    Baseless {
        /// Which record.
        key: Key,
        /// What would be done.
        action: Action,
    },
    /// A record refers to one that is neither there nor made before it.
    #[error("{key}: refers to {other}, which is neither there nor made before it")]
    Dangling {
        /// Which record.
        key: Key,
        /// The other one.
        other: Key,
    },
    /// More is taken away than the limit of a run allows.
    #[error("{count} of {of} records of kind {kind} are taken away, {allowed} are allowed")]
    Limit {
        /// Which kind.
        kind: Kind,
        /// How many are taken away.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many may be.
        allowed: u64,
    },
    /// More is done than another limit allows.
    #[error("{count} of {of} records of kind {kind} ({}, {span:?}), {allowed} are allowed", limited.name())]
    Over {
        /// Which kind.
        kind: Kind,
        /// What the limit counts.
        limited: Limited,
        /// Over which time.
        span: Span,
        /// How many there are, with those before in this time.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many may be.
        allowed: u64,
    },
    /// More is done than a source's or a data source key's own limit allows.
    #[error(
        "{count} of {of} records of kind {kind} of {} {name} ({}), {allowed} are allowed",
        part.name(),
        limited.name()
    )]
    OverPart {
        /// What has the limit.
        part: Part,
        /// Which one.
        name: Text,
        /// Which kind.
        kind: Kind,
        /// What the limit counts.
        limited: Limited,
        /// How many there are.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many may be.
        allowed: u64,
    },
    /// A course loses all its students, and nobody held it.
    #[error("{course}: loses all its {students} students")]
    Emptied {
        /// Which course.
        course: Key,
        /// How many it has.
        students: u64,
    },
    /// Something is taken away from a part of the export that dropped sharply.
    #[error("{key}: {} of a record whose part of the export dropped", action.name())]
    Suspect {
        /// Which record.
        key: Key,
        /// What would be done.
        action: Action,
    },
    /// A held change waits for a record that the plan makes.
    #[error("{key}: held for {needs}, which the plan makes")]
    Idle {
        /// Which record.
        key: Key,
        /// What it waits for.
        needs: String,
    },
}

impl Lint {
    /// The rule that is broken.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Order { .. } => "order",
            Self::Twice { .. } => "twice",
            Self::NotOurs { .. } => "not-ours",
            Self::Baseless { .. } => "baseless",
            Self::Dangling { .. } => "dangling",
            Self::Limit { .. } | Self::Over { .. } | Self::OverPart { .. } => "limit",
            Self::Emptied { .. } => "emptied",
            Self::Suspect { .. } => "suspect",
            Self::Idle { .. } => "idle",
        }
    }
}
