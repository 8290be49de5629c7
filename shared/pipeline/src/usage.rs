//! What an integration has used, month by month: for whoever hosts many schools.

use ambient::Timestamp;
use serde::{Deserialize, Serialize};
use store::state::run::Run;
use store::{Condition, ItemKey, StoreError, Write};

use crate::{Pipeline, PipelineError};

/// What was used in a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Runs that came to an end.
    pub runs: u64,
    /// Records in the exports that they read.
    pub records: u64,
    /// Changes that the LMS took.
    pub changes: u64,
    /// Requests to the LMS.
    pub lms_calls: u64,
    /// Bytes of the exports that they read.
    pub bytes: u64,
}

impl Usage {
    fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.records += run.records.values().sum::<u64>();
        self.changes += run.receipts.applied;
        self.lms_calls += run.calls;
        self.bytes += run.files.iter().map(|file| file.bytes).sum::<u64>();
    }
}

impl Pipeline {
    /// What was used in the month of `at`.
    pub async fn usage(&self, at: Timestamp) -> Result<Usage, PipelineError> {
        Ok(self.stored_usage(at).await?.0)
    }

    /// The write that counts a run which comes to its end now, once.
    pub(crate) async fn counting(&self, run: &Run) -> Result<Write, PipelineError> {
        let now = self.clock.now();
        let (mut usage, condition) = self.stored_usage(now).await?;
        usage.add(run);
        let body = serde_json::to_vec(&usage).map_err(|error| damaged(&error))?;
        Ok(Write::Put { key: self.usage_key(now), body, condition, expires: None })
    }

    async fn stored_usage(&self, at: Timestamp) -> Result<(Usage, Condition), PipelineError> {
        match self.stores.table.get(&self.usage_key(at)).await? {
            None => Ok((Usage::default(), Condition::Absent)),
            Some(item) => {
                let usage = serde_json::from_slice(&item.body).map_err(|error| damaged(&error))?;
                Ok((usage, Condition::Version(item.version)))
            }
        }
    }

    fn usage_key(&self, at: Timestamp) -> ItemKey {
        let month = at.to_string().chars().take(7).collect::<String>();
        ItemKey::new(self.integration.scope.path(), format!("usage/{month}"))
    }
}

fn damaged(error: &serde_json::Error) -> PipelineError {
    StoreError::Damaged { what: "usage".into(), reason: error.to_string() }.into()
}
