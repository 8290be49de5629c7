//! The limits as they hold now: configuration, the open window, what somebody allowed, and what
//! was done in the last days.

use std::time::Duration;

use ambient::Timestamp;
use plan::{Allowance, Counts, Limited, Limits};
use roster::Kind;
use store::Write;
use store::state::audit;
use store::state::limits::{Allowances, Given, Lately, Stored};
use store::state::run::Run;

use crate::{Pipeline, PipelineError};

/// The longest time for which more can be allowed.
pub const LONGEST_ALLOWANCE: Duration = Duration::from_secs(31 * 86_400);

/// What somebody wants to allow for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Of which kind.
    pub kind: Kind,
    /// What.
    pub limited: Limited,
    /// Which share, in percent.
    pub percent: Option<u8>,
    /// How many.
    pub count: Option<u64>,
    /// For how long.
    pub lasts: Duration,
}

/// The limits as they hold at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsNow {
    /// When.
    pub at: Timestamp,
    /// The limits that hold: of the open window, with what is allowed.
    pub limits: Limits,
    /// The open window's name and last day.
    pub window: Option<(String, String)>,
    /// What was allowed by whom, the newest last; what has ended is among it.
    pub given: Vec<Given>,
    /// What was delivered in the last seven days and counts.
    pub week: Counts,
}

impl Pipeline {
    /// The limits as they hold now.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub async fn limits_now(&self) -> Result<LimitsNow, PipelineError> {
        let (scope, at) = (&self.integration.scope, self.clock.now());
        let given = Stored::<Allowances>::load(&self.stores, scope).await?.value;
        let lately = Stored::<Lately>::load(&self.stores, scope).await?.value;
        let limits = self.integration.limits.at(at, &given.standing(at));
        let window = self.integration.limits.window(at);
        let window = window.map(|window| (window.name.to_string(), window.until.to_string()));
        Ok(LimitsNow { at, limits, window, given: given.given, week: lately.week(at) })
    }

    /// Allows more for a while: for the run and for the seven days. It ends by itself, and what is
    /// delivered under it does not count in the days that follow. What was allowed of the same
    /// before ends now.
    ///
    /// # Errors
    /// [`PipelineError::Configuration`] where it says nothing, or lasts too long.
    pub async fn allow(&self, wish: Wish, by: &str) -> Result<Given, PipelineError> {
        let Wish { kind, limited, percent, count, lasts } = wish;
        if percent.is_none() && count.is_none() {
            return Err(PipelineError::Configuration(
                "an allowance says how much: a share, a number, or both".into(),
            ));
        }
        if lasts.is_zero() || lasts > LONGEST_ALLOWANCE {
            return Err(PipelineError::Configuration(
                "an allowance lasts at most 31 days: what is always so belongs into the \
                 configuration's limits"
                    .into(),
            ));
        }
        let (scope, at) = (&self.integration.scope, self.clock.now());
        let until = at.saturating_add(lasts).unwrap_or(at);
        let allowance = Allowance { kind, limited, percent, count, until };
        let given = Given { allowance, by: by.to_owned(), at };
        let mut all = Stored::<Allowances>::load(&self.stores, scope).await?;
        all.value.give(given.clone());
        let share = percent.map(|percent| format!("{percent} %"));
        let number = count.map(|count| count.to_string());
        let much: Vec<String> = [share, number].into_iter().flatten().collect();
        let entry = audit::Entry::new(at, by, "allowed")
            .about(format!("{} of {}", limited.name(), kind.name()))
            .note(format!("{}, until {until}", much.join(", at most ")));
        let writes = vec![all.write(scope)?, audit::write(scope, &entry)?];
        self.stores.table.transact(writes).await?;
        Ok(given)
    }

    /// The write that counts what a fold of `run` did, for the fold's own transaction; `None`
    /// where nothing of it counts.
    pub(crate) async fn count_lately(
        &self,
        run: &Run,
        done: &Counts,
    ) -> Result<Option<Write>, PipelineError> {
        if done.is_empty() || run.counting.is_empty() {
            return Ok(None);
        }
        let scope = &self.integration.scope;
        let mut lately = Stored::<Lately>::load(&self.stores, scope).await?;
        let before = lately.value.clone();
        lately.value.count(&run.id, &run.counting, done, self.clock.now());
        if lately.value == before {
            return Ok(None);
        }
        Ok(Some(lately.write(scope)?))
    }
}
