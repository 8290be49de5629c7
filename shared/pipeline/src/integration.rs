//! An integration, as the steps need it: configuration that has been checked.

use std::time::Duration;

use ambient::Quiet;
use plan::{IdentityRules, Limits, Policy};
use readers::{Format, FormatChoice, ReadOptions};
use roster::Mode;
use roster::mapping::{MappingRules, TargetRules};
use roster::merge::{Part, SourceRules};
use store::state::{Scope, StateName};

use crate::Keeping;

/// Whether an integration may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It plans and reports, and delivers nothing.
    Test,
    /// It does nothing.
    Inactive,
    /// It delivers.
    Active,
}

/// Whether the first plan for a target is looked at before anything of it is delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FirstSync {
    /// It is held until somebody approves it.
    Approve,
    /// It is delivered.
    #[default]
    Deliver,
}

/// When and how an integration is careful.
#[derive(Debug, Clone, Default)]
pub struct Safety {
    /// What becomes of the first plan for a target.
    pub first_sync: FirstSync,
    /// By which keys records are known: where it changes, the plan is looked at first.
    pub keys: String,
    /// When nothing is delivered.
    pub quiet: Quiet,
}

/// What a full export speaks for: absence from it removes nothing outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Speaks {
    /// All of its source.
    #[default]
    ForSource,
    /// The data source keys that it contains.
    ForItsDataSources,
}

/// One SIS feed.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// What absence from its exports means.
    pub mode: Mode,
    /// What a full export of it speaks for.
    pub scope: Speaks,
    /// Where two sources say something else of one field, the higher one is believed.
    pub precedence: i64,
    /// How its exports are read.
    pub read: ReadOptions,
    /// How it takes part beside others.
    pub part: Part,
}

impl Source {
    /// What the merge goes by.
    pub fn rules(&self) -> SourceRules {
        let name = roster::Text::new(&self.name);
        SourceRules { name, precedence: self.precedence, part: self.part.clone() }
    }

    /// Whether its exports say which keys change, and nothing of who is there: it has no state.
    pub fn is_change_list(&self) -> bool {
        self.read.format == FormatChoice::Named(Format::Changes)
    }
}

/// One tenant's pairing of sources with a target.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Whose it is.
    pub scope: Scope,
    /// Whether it may write.
    pub standing: Standing,
    /// Its sources.
    pub sources: Vec<Source>,
    /// What may be done to each kind of record.
    pub policy: Policy,
    /// How much may be taken away at once.
    pub limits: Limits,
    /// How persons are told apart.
    pub identity: IdentityRules,
    /// When and how it is careful.
    pub safety: Safety,
    /// How the target wants its records.
    pub rules: TargetRules,
    /// How the school wants them, before they are made to fit the target.
    pub mapping: MappingRules,
    /// Version of the configuration: an input of every plan.
    pub config_version: String,
    /// `moodle`, ...
    pub target_kind: String,
    /// The target's address; the applied state is bound to kind and address.
    pub target_url: String,
    /// The longest that one request can take.
    pub request_timeout: Duration,
    /// How long a lease is taken for.
    pub lease: Duration,
    /// How long an approval can be used.
    pub approval_lasts: Duration,
    /// After how many batches what they did is folded into the applied state: [`FOLD_EVERY`].
    ///
    /// [`FOLD_EVERY`]: crate::FOLD_EVERY
    pub fold_every: u64,
    /// For how long what is stored is kept.
    pub keeping: Keeping,
}

impl Integration {
    /// The fingerprint of the target: kind and address, so that another target is another state.
    pub fn fingerprint(&self) -> String {
        let url = self.target_url.trim_end_matches('/');
        let digest = blake3::hash(format!("{}\n{url}", self.target_kind).as_bytes());
        digest.to_hex()[..16].to_owned()
    }

    /// The applied state of the target.
    pub fn applied(&self) -> StateName {
        StateName::Applied(self.fingerprint())
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }
}
