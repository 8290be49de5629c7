//! The lease: one writer per integration, fenced by a number that only grows.

use std::time::Duration;

use ambient::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, StoreError, Stores};

/// What is stored of a lease.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    fence: u64,
    holder: String,
    until: Timestamp,
}

/// A lease that is held. It is given back by [`Lease::release`]; a holder that dies leaves it to
/// run out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Grows with every holder: what a stale holder writes under an older one is refused.
    pub fence: u64,
    /// Until when it holds.
    pub until: Timestamp,
    holder: String,
    version: u64,
}

/// Who holds the lease, for somebody who cannot have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The holder's name.
    pub holder: String,
    /// Until when.
    pub until: Timestamp,
}

/// Takes the lease for `ttl`. `Ok(Err(held))` where somebody else has it.
pub async fn acquire(
    stores: &Stores,
    scope: &Scope,
    clock: &dyn Clock,
    holder: &str,
    ttl: Duration,
) -> Result<Result<Lease, Held>, StoreError> {
    let key = scope.item("lease");
    let found = stores.table.get(&key).await?;
    let (fence, condition) = match &found {
        None => (1, Condition::Absent),
        Some(item) => {
            let stored: Stored = from_json("lease", &item.body)?;
            if stored.until > clock.now() {
                return Ok(Err(Held { holder: stored.holder, until: stored.until }));
            }
            (stored.fence + 1, Condition::Version(item.version))
        }
    };
    let until = after(clock.now(), ttl);
    let body = to_json("lease", &Stored { fence, holder: holder.to_owned(), until })?;
    match stores.table.put(&key, body, condition).await {
        Ok(version) => Ok(Ok(Lease { fence, until, holder: holder.to_owned(), version })),
        Err(error) if error.is_condition_failed() => {
            Ok(Err(Held { holder: "another process".into(), until }))
        }
        Err(error) => Err(error),
    }
}

/// Takes the lease over from a holder that is known to be dead (its process no longer holds the
/// data folder's lock). What that holder still had under way must be waited out by the caller.
pub async fn take_over(
    stores: &Stores,
    scope: &Scope,
    clock: &dyn Clock,
    holder: &str,
    ttl: Duration,
) -> Result<Lease, StoreError> {
    let key = scope.item("lease");
    let found = stores.table.get(&key).await?;
    let (fence, condition) = match &found {
        None => (1, Condition::Absent),
        Some(item) => {
            let stored: Stored = from_json("lease", &item.body)?;
            (stored.fence + 1, Condition::Version(item.version))
        }
    };
    let until = after(clock.now(), ttl);
    let body = to_json("lease", &Stored { fence, holder: holder.to_owned(), until })?;
    let version = stores.table.put(&key, body, condition).await?;
    Ok(Lease { fence, until, holder: holder.to_owned(), version })
}

/// How often somebody who wants the lease tries again.
pub const ASKS_EVERY: Duration = Duration::from_millis(250);
/// For how long one asking counts: who dies while asking is soon forgotten.
const ASKING_LASTS: Duration = Duration::from_secs(5);

/// Says that somebody would like to have the lease, so that its holder can step back in between.
pub async fn ask(stores: &Stores, scope: &Scope, now: Timestamp) -> Result<(), StoreError> {
    let body = to_json("lease that is wanted", &after(now, ASKING_LASTS))?;
    stores.table.put(&wanted(scope), body, Condition::Any).await.map(drop)
}

/// Takes [`ask`] back: it was had.
pub async fn asks_no_more(stores: &Stores, scope: &Scope) -> Result<(), StoreError> {
    stores.table.delete(&wanted(scope), Condition::Any).await
}

/// Whether somebody would like to have the lease.
pub async fn is_wanted(stores: &Stores, scope: &Scope, now: Timestamp) -> Result<bool, StoreError> {
    let Some(item) = stores.table.get(&wanted(scope)).await? else { return Ok(false) };
    let until: Timestamp = from_json("lease that is wanted", &item.body)?;
    Ok(until > now)
}

fn wanted(scope: &Scope) -> crate::ItemKey {
    scope.item("lease-wanted")
}

impl Lease {
    /// Holds on for `ttl` from now. Fails with [`StoreError::ConditionFailed`] where somebody
    /// else took it meanwhile: then stop at once.
    pub async fn renew(
        &mut self,
        stores: &Stores,
        scope: &Scope,
        clock: &dyn Clock,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.write(stores, scope, after(clock.now(), ttl)).await
    }

    /// Gives it back.
    pub async fn release(
        mut self,
        stores: &Stores,
        scope: &Scope,
        clock: &dyn Clock,
    ) -> Result<(), StoreError> {
        self.write(stores, scope, clock.now()).await
    }

    /// The condition under which only this holder's writes go through, for a transaction.
    pub fn check(&self, scope: &Scope) -> crate::Write {
        crate::Write::Check {
            key: scope.item("lease"),
            condition: Condition::Version(self.version),
        }
    }

    async fn write(
        &mut self,
        stores: &Stores,
        scope: &Scope,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let stored = Stored { fence: self.fence, holder: self.holder.clone(), until };
        let body = to_json("lease", &stored)?;
        let condition = Condition::Version(self.version);
        self.version = stores.table.put(&scope.item("lease"), body, condition).await?;
        self.until = until;
        Ok(())
    }
}

/// `time` plus `duration`, never past the end of time.
pub(crate) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ambient::ManualClock;

    use super::*;

    #[tokio::test]
    async fn one_holder_at_a_time_and_a_stale_one_is_refused() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_000).unwrap()));
        let stores = Stores::memory(clock.clone());
        let scope = Scope::new("oak", "sis");
        let ttl = Duration::from_secs(60);
        let take = |name: &'static str| acquire(&stores, &scope, &*clock, name, ttl);
        let mut first = take("one").await.unwrap().unwrap();
        let held = take("two").await.unwrap().unwrap_err();
        assert_eq!(held.holder, "one");
        clock.advance(Duration::from_secs(30));
        first.renew(&stores, &scope, &*clock, ttl).await.unwrap();
        clock.advance(Duration::from_secs(59));
        assert!(take("two").await.unwrap().is_err(), "the renewed lease still holds");
        clock.advance(Duration::from_secs(2));
        let second = take("two").await.unwrap().unwrap();
        assert!(second.fence > first.fence);
        let error = first.renew(&stores, &scope, &*clock, ttl).await.unwrap_err();
        assert!(error.is_condition_failed());
        let error = stores.table.transact(vec![first.check(&scope)]).await.unwrap_err();
        assert!(error.is_condition_failed());
        second.release(&stores, &scope, &*clock).await.unwrap();
        assert!(take("three").await.unwrap().is_ok(), "a released lease is free at once");
    }
}
