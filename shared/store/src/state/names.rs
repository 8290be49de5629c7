//! Where each thing stands in the table and among the objects.
//!
//! Every partition key begins with the tenant, so that a role can be fenced to it
//! (`dynamodb:LeadingKeys`). No name holds personal data: buckets are numbers, states are named by
//! configuration, the rest by run ids and digests.

use crate::ItemKey;

/// Whose data: one integration of one tenant. The names are checked by configuration:
/// `[a-z0-9-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The tenant.
    pub tenant: String,
    /// Its integration.
    pub integration: String,
}

impl Scope {
    /// The integration `integration` of `tenant`.
    pub fn new(tenant: impl Into<String>, integration: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), integration: integration.into() }
    }

    /// `tenant/integration`: the queue group, the wake-ups' owner, the first part of every key.
    pub fn path(&self) -> String {
        format!("{}/{}", self.tenant, self.integration)
    }

    pub(super) fn item(&self, sk: impl Into<String>) -> ItemKey {
        ItemKey::new(self.path(), sk)
    }

    /// Segments and history of one bucket share a partition, so that a trace is one query.
    pub(super) fn bucket_pk(&self, state: &StateName, first_hash: u64) -> String {
        // Twelve bits of the hash: a state with fewer buckets uses fewer partitions, and one that
        // is split keeps finding its history by the hash alone.
        format!("{}#{}#{:03x}", self.path(), state.slug(), first_hash >> 52)
    }

    /// An object's key. What it is stands first, so that lifecycle rules and notifications can be
    /// set by prefix; the tenant second, so that a role can be fenced to it.
    pub fn object(&self, kind: &str, rest: &str) -> String {
        format!("{kind}/{}/{}/{rest}", self.tenant, self.integration)
    }
}

/// Which state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateName {
    /// What a source says now; its name in the configuration.
    Source(String),
    /// What an LMS holds because we put it there; the target's fingerprint.
    Applied(String),
    /// Where to look for things in the state of this slug ([`super::index`]).
    Index(String),
}

impl StateName {
    /// Its name in keys.
    pub fn slug(&self) -> String {
        match self {
            Self::Source(name) => format!("source-{name}"),
            Self::Applied(target) => format!("applied-{target}"),
            Self::Index(of) => format!("index-{of}"),
        }
    }

    /// The state of this slug; `None` for an index, or what is none of ours.
    pub fn of_slug(slug: &str) -> Option<Self> {
        let source = slug.strip_prefix("source-").map(|name| Self::Source(name.to_owned()));
        source.or_else(|| slug.strip_prefix("applied-").map(|to| Self::Applied(to.to_owned())))
    }

    /// The index of this state.
    pub fn index(&self) -> Self {
        Self::Index(self.slug())
    }
}
