//! How much may be taken away in one run before it is held for a person to look at.

use std::collections::BTreeMap;

use roster::Kind;
use serde::{Deserialize, Serialize};

/// The limit of one kind's removals and suspensions in a run. The stricter of the two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Share of the records of the kind that the LMS is known to hold for us, in percent.
    pub percent: Option<u8>,
    /// Absolute number.
    pub count: Option<u64>,
    /// With so few of the kind or fewer, the percentage does not apply.
    pub minimum: u64,
}

impl Default for Limit {
    /// 10 % from 10 records up.
    fn default() -> Self {
        Self { percent: Some(10), count: None, minimum: 10 }
    }
}

impl Limit {
    /// How many of `held` records may be taken away.
    pub fn allowed(&self, held: u64) -> u64 {
        let percent = match self.percent {
            Some(percent) if held >= self.minimum => held * u64::from(percent) / 100,
            _ => u64::MAX,
        };
        percent.min(self.count.unwrap_or(u64::MAX))
    }
}

/// The limits of an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// For every kind that has none of its own.
    pub removals: Limit,
    /// By kind.
    pub kinds: BTreeMap<Kind, Limit>,
    /// A course that would lose all its students keeps them until somebody approves.
    pub hold_emptied_courses: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { removals: Limit::default(), kinds: BTreeMap::new(), hold_emptied_courses: true }
    }
}

impl Limits {
    /// The limit of `kind`.
    pub fn of(&self, kind: Kind) -> Limit {
        self.kinds.get(&kind).copied().unwrap_or(self.removals)
    }
}
