//! When nothing is delivered though it might be: quiet hours, and a pause that somebody asked for.
//!
//! Plans are made as ever. A run that comes to be delivered waits, and says until when; a wake-up
//! is set for that time, and whatever comes then plans anew what is still wanted. A batch that has
//! begun is completed first.

use ambient::Timestamp;
use serde::{Deserialize, Serialize};
use store::state::audit;
use store::state::run::{RunState, StoredRun};
use store::{Condition, ItemKey, StoreError, WakeUp, Write};

use crate::{Pipeline, PipelineError};

/// The wake-up at the end of quiet hours or of a pause.
const WAKES: &str = "quiet";

/// A pause that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None` where somebody has to end it.
    pub until: Option<Timestamp>,
    /// Who asked for it.
    pub by: String,
}

/// Why nothing is delivered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Until when; `None` where somebody has to end it.
    pub until: Option<Timestamp>,
    /// Why, and what to do where it must not wait.
    pub why: String,
}

impl Pipeline {
    /// From now on nothing is delivered, until `until` or until somebody ends it.
    pub async fn pause(&self, until: Option<Timestamp>, by: &str) -> Result<Pause, PipelineError> {
        let scope = &self.integration.scope;
        let pause = Pause { since: self.clock.now(), until, by: by.to_owned() };
        let body = serde_json::to_vec(&pause).map_err(|error| damaged(&error))?;
        let condition = Condition::Any;
        let put = Write::Put { key: self.pause_key(), body, condition, expires: None };
        let mut entry = audit::Entry::new(pause.since, by, "paused");
        if let Some(until) = until {
            entry = entry.note(format!("until {until:.0}"));
        }
        self.stores.table.transact(vec![put, audit::write(scope, &entry)?]).await?;
        Ok(pause)
    }

    /// Ends a pause; says which one, where there was one.
    pub async fn unpause(&self, by: &str) -> Result<Option<Pause>, PipelineError> {
        let Some(pause) = self.current_pause().await? else { return Ok(None) };
        let scope = &self.integration.scope;
        let delete = Write::Delete { key: self.pause_key(), condition: Condition::Any };
        let entry = audit::Entry::new(self.clock.now(), by, "unpaused");
        self.stores.table.transact(vec![delete, audit::write(scope, &entry)?]).await?;
        Ok(Some(pause))
    }

    /// The pause that holds now.
    pub async fn current_pause(&self) -> Result<Option<Pause>, PipelineError> {
        let Some(item) = self.stores.table.get(&self.pause_key()).await? else { return Ok(None) };
        let pause: Pause = serde_json::from_slice(&item.body).map_err(|error| damaged(&error))?;
        let now = self.clock.now();
        Ok(Some(pause).filter(|pause| pause.until.is_none_or(|until| until > now)))
    }

    /// Why nothing is to be delivered now, where that is so.
    pub async fn rests(&self) -> Result<Option<Rest>, PipelineError> {
        if let Some(pause) = self.current_pause().await? {
            let until = match pause.until {
                Some(until) => format!("until {until:.0}"),
                None => "until somebody ends it".to_owned(),
            };
            let by = &pause.by;
            let why = format!("paused by {by} {until}; `rollcall unpause` ends it");
            return Ok(Some(Rest { until: pause.until, why }));
        }
        Ok(self.is_quiet())
    }

    /// The quiet hours that it is in.
    pub(crate) fn is_quiet(&self) -> Option<Rest> {
        let until = self.integration.safety.quiet.until(self.clock.now())?;
        let why = format!("quiet hours until {until:.0}; `--now` does not wait for their end");
        Some(Rest { until: Some(until), why })
    }

    /// Lets a run wait for the end of `rest`.
    pub(crate) async fn rest(&self, run: &mut StoredRun, rest: &Rest) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        run.run.state = RunState::Waiting;
        run.run.rests = true;
        run.run.reason = Some(rest.why.clone());
        if let Some(due) = rest.until {
            let wake = WakeUp { due, integration: scope.path(), reason: WAKES.into() };
            self.stores.wake.set(wake).await?;
        }
        Ok(run.save(&self.stores, scope).await?)
    }

    fn pause_key(&self) -> ItemKey {
        ItemKey::new(self.integration.scope.path(), "pause")
    }
}

fn damaged(error: &serde_json::Error) -> PipelineError {
    StoreError::Damaged { what: "a pause".into(), reason: error.to_string() }.into()
}
