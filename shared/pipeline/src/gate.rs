//! What is held whole until somebody has looked at it once: the first plan for a target, and the
//! first after the configuration says something else of where records come from.
//!
//! An installation that has delivered to its target already is past its first plan, and one that
//! never noted where its records come from starts with what it has now.

use std::collections::BTreeSet;

use ambient::Timestamp;
use plan::HoldReason;
use roster::Text;
use serde::{Deserialize, Serialize};
use store::state::{Published, audit};
use store::{Condition, ItemKey, StoreError, Write};

use crate::{FirstSync, Pipeline, PipelineError, Standing};

/// Where records come from, as it was when a plan was delivered last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Origins {
    sources: BTreeSet<String>,
    keys: String,
}

/// Somebody's word that the first plan may go as it comes.
#[derive(Debug, Serialize, Deserialize)]
struct Allowed {
    by: String,
    at: Timestamp,
}

/// Whether a plan has to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Why all of it is held; `None` where it is not.
    pub reason: Option<HoldReason>,
    /// What is to be noted when it goes.
    pub passed: Option<Write>,
}

impl Pipeline {
    /// Lets the first plan for the target go without being held.
    pub async fn approve_first(&self, by: &str) -> Result<(), PipelineError> {
        let (scope, at) = (&self.integration.scope, self.clock.now());
        let allowed = Allowed { by: by.to_owned(), at };
        let body = serde_json::to_vec(&allowed).map_err(|error| damaged(&error))?;
        let put = Write::Put {
            key: self.first_sync_key(),
            body,
            condition: Condition::Any,
            expires: None,
        };
        let entry = audit::Entry::new(at, by, "allowed")
            .about(self.integration.fingerprint())
            .note("the first delivery to this target");
        Ok(self.stores.table.transact(vec![put, audit::write(scope, &entry)?]).await?)
    }

    /// Whether the plan that is made now has to be looked at. `applied` is what the target is
    /// known to hold.
    pub(crate) async fn gate(&self, applied: &Published) -> Result<Gate, PipelineError> {
        let integration = &self.integration;
        if integration.standing != Standing::Active {
            return Ok(Gate::default());
        }
        let sources = integration.sources.iter().map(|source| source.name.clone()).collect();
        let origins = Origins { sources, keys: integration.safety.keys.clone() };
        let (before, condition) = self.origins().await?;
        let changed = before.as_ref().and_then(|before| difference(before, &origins));
        let is_first = integration.safety.first_sync == FirstSync::Approve && applied.version == 0;
        let reason = match changed {
            _ if is_first && !self.is_first_allowed().await? => Some(HoldReason::FirstSync),
            // What was never delivered cannot be lost.
            Some(_) if applied.version == 0 => None,
            Some(what) => Some(HoldReason::Reconfigured { what: Text::from(what) }),
            None => None,
        };
        let passed = match before.as_ref() == Some(&origins) {
            true => None,
            false => {
                let body = serde_json::to_vec(&origins).map_err(|error| damaged(&error))?;
                Some(Write::Put { key: self.origins_key(), body, condition, expires: None })
            }
        };
        Ok(Gate { reason, passed })
    }

    async fn origins(&self) -> Result<(Option<Origins>, Condition), PipelineError> {
        let Some(item) = self.stores.table.get(&self.origins_key()).await? else {
            return Ok((None, Condition::Absent));
        };
        let origins = serde_json::from_slice(&item.body).map_err(|error| damaged(&error))?;
        Ok((Some(origins), Condition::Version(item.version)))
    }

    async fn is_first_allowed(&self) -> Result<bool, PipelineError> {
        Ok(self.stores.table.get(&self.first_sync_key()).await?.is_some())
    }

    fn first_sync_key(&self) -> ItemKey {
        let target = self.integration.fingerprint();
        ItemKey::new(self.integration.scope.path(), format!("first-sync/{target}"))
    }

    fn origins_key(&self) -> ItemKey {
        ItemKey::new(self.integration.scope.path(), "origins")
    }
}

/// What has changed in such a way that records may be missing, or be others, because of it. A
/// source that comes to it is none of that.
fn difference(before: &Origins, now: &Origins) -> Option<String> {
    let gone: Vec<String> =
        before.sources.difference(&now.sources).map(|source| format!("`{source}`")).collect();
    match (gone.as_slice(), before.keys != now.keys) {
        ([], false) => None,
        ([], true) => Some("records are known by other keys".to_owned()),
        ([one], _) => Some(format!("source {one} was removed")),
        (several, _) => Some(format!("sources {} were removed", several.join(", "))),
    }
}

fn damaged(error: &serde_json::Error) -> PipelineError {
    StoreError::Damaged { what: "what a plan is looked at for".into(), reason: error.to_string() }
        .into()
}
