//! What somebody decided about whole data source keys: disabled, or removed.
//!
//! A decision belongs to the integration and stands until it is lifted: the next export does not
//! undo it. It is one item, so that it is made or lifted in the transaction that begins the run
//! which carries it out.

use std::collections::{BTreeMap, BTreeSet};

use ambient::Timestamp;
use serde::{Deserialize, Serialize};

use super::limits::Remembered;

/// What is decided about a data source key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What has it is wanted inactive.
    Disabled,
    /// What has it is wanted gone.
    Removed,
}

impl Verdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What.
    pub verdict: Verdict,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The run that carried it out first.
    pub run: String,
}

/// All decisions that stand, by data source key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// By key.
    pub keys: BTreeMap<String, Decided>,
    /// Keys of which a decision was lifted: what it made inactive is active again, also where the
    /// sources say nothing of a status.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lifted: BTreeSet<String>,
}

impl Decisions {
    /// The decision about a key.
    pub fn of(&self, key: &str) -> Option<&Decided> {
        self.keys.get(key)
    }

    /// Whether nothing was ever decided.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.lifted.is_empty()
    }

    /// Makes `decided` what stands of a key; `None` lifts what stood. Says whether that changes
    /// anything.
    pub fn decide(&mut self, key: &str, decided: Option<Decided>) -> bool {
        match decided {
            None => {
                let stood = self.keys.remove(key).is_some();
                self.lifted.insert(key.to_owned()) || stood
            }
            Some(decided) if self.of(key).is_some_and(|is| is.verdict == decided.verdict) => false,
            Some(decided) => {
                self.lifted.remove(key);
                self.keys.insert(key.to_owned(), decided);
                true
            }
        }
    }
}

impl Remembered for Decisions {
    const KEY: &'static str = "data-source-keys";
    const WHAT: &'static str = "decisions about data source keys";
}
