//! A store that answers with an error: somebody else who was first is an answer, anything else is
//! an error, and nothing is named that was not written.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bench;

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use async_trait::async_trait;
use bench::{Bench, batch, create, export, line, many, packed, person};
use plan::Policy;
use roster::Mode;
use store::state::applied::{Fold, fold};
use store::state::ledger::LineResult;
use store::state::{States, lease};
use store::{Condition, Item, ItemKey, Page, StoreError, Stores, Table, Write};

/// What the store answers to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Throttled,
    SomebodyWasFirst,
}

/// A table that refuses writes of keys that begin with `prefix`; reads go through.
struct Refusing {
    table: Arc<dyn Table>,
    prefix: &'static str,
    answer: Answer,
}

impl Refusing {
    fn check(&self, key: &ItemKey) -> Result<(), StoreError> {
        match self.answer {
            _ if !key.sk.starts_with(self.prefix) => Ok(()),
            Answer::Throttled => Err(StoreError::Throttled { retry_after: None }),
            Answer::SomebodyWasFirst => {
                Err(StoreError::ConditionFailed { key: key.to_string(), index: 0 })
            }
        }
    }
}

#[async_trait]
impl Table for Refusing {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.table.get(key).await
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.table.query(pk, prefix, after, limit).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        writes.iter().try_for_each(|write| self.check(write.key()))?;
        self.table.transact(writes).await
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.check(key)?;
        self.table.put(key, body, condition).await
    }
}

/// The same integration over a table that refuses.
fn refusing(bench: &Bench, prefix: &'static str, answer: Answer) -> Bench {
    let table = Arc::new(Refusing { table: bench.stores.table.clone(), prefix, answer });
    let stores = Stores { table, ..bench.stores.clone() };
    Bench { states: States::new(&stores, bench.scope.clone()), stores, scope: bench.scope.clone() }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

#[tokio::test]
async fn a_lease_is_somebody_elses_only_where_the_store_says_so() {
    let bench = Bench::new();
    let clock = ManualClock::new(now());
    let ttl = Duration::from_secs(60);
    let take = async |answer| {
        let Bench { stores, scope, .. } = refusing(&bench, "lease", answer);
        lease::acquire(&stores, &scope, &clock, "one", ttl).await
    };
    let held = take(Answer::SomebodyWasFirst).await.unwrap().unwrap_err();
    assert_eq!((held.holder.as_str(), held.until), ("another process", now() + ttl));
    let error = take(Answer::Throttled).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let free = lease::acquire(&bench.stores, &bench.scope, &clock, "two", ttl).await.unwrap();
    assert_eq!(free.unwrap().fence, 1, "nothing was written");
}

#[tokio::test]
async fn a_segment_that_is_there_already_is_fine_and_one_that_was_not_written_is_not() {
    let bench = Bench::new();
    let source = bench.source();
    let bucket = packed(&[person("a", "Ada")]);
    let write = async |answer| {
        refusing(&bench, "segment/", answer).states.write_bucket(&source, 0, &bucket).await
    };
    let error = write(Answer::Throttled).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let named = write(Answer::SomebodyWasFirst).await.unwrap();
    assert_eq!(named, bench.states.write_bucket(&source, 0, &bucket).await.unwrap());
    assert_eq!(named.segments.len(), 1);
    // Written twice it is the same.
    assert_eq!(named, bench.states.write_bucket(&source, 0, &bucket).await.unwrap());
}

#[tokio::test]
async fn a_fold_ends_at_the_first_write_that_fails() {
    let bench = Bench::new();
    let changes = [create(person("a", "Ada"))];
    let batches = [batch(0, &changes, &[], Some(vec![line(LineResult::Applied, Some("1"))]))];
    let policy = Policy::default();
    let with = Fold { run: "r1", now: now(), policy: &policy };
    let name = bench.applied();
    let base = bench.states.newest(&name).await.unwrap();
    for prefix in ["segment/", "history/"] {
        let Bench { stores, scope, .. } = refusing(&bench, prefix, Answer::Throttled);
        let error = fold(&stores, &scope, &name, &base, with, &batches).await.unwrap_err();
        assert!(error.is_retryable(), "{prefix}: {error}");
    }
    assert_eq!(bench.states.newest(&name).await.unwrap().version, 0);
}

#[tokio::test]
async fn garbage_that_cannot_be_deleted_is_an_error_and_is_found_again() {
    let bench = Bench::new();
    let source = bench.source();
    bench.take_in(&export(Mode::Full, &many(3), &[], 1), "r1").await;
    let orphan = packed(&[person("z", "Zoe")]);
    bench.states.write_bucket(&source, 0, &orphan).await.unwrap();
    let clock = ManualClock::new(now());
    let ttl = Duration::from_secs(60);
    let taken = lease::acquire(&bench.stores, &bench.scope, &clock, "one", ttl).await.unwrap();
    let check = taken.unwrap().check(&bench.scope);
    let refused = refusing(&bench, "segment/", Answer::Throttled).states;
    let error = refused.collect_garbage(&source, &check).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(bench.states.collect_garbage(&source, &check).await.unwrap(), 1);
    assert_eq!(bench.records().await.len(), 3);
}
