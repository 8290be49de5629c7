//! What the ports promise, as tests that any twin can be driven through.
//!
//! Each suite takes a way to make a fresh, empty store and panics at the first promise that is not
//! held. Races are run on several threads: call it from a tokio runtime that has them.
//!
//! ```
//! # use std::sync::Arc;
//! # #[tokio::main]
//! # async fn main() {
//! let make = async || Arc::new(store::MemoryTable::new()) as Arc<dyn store::Table>;
//! store::suite::table(make).await;
//! # }
//! ```
//!
//! Time passes through [`Passage`], so that a twin on a simulated clock is through at once and one
//! that has only the real time can be driven too, with the patience it has.
//!
//! **Never:** it asks for nothing that the ports leave open.

mod objects;
mod queue;
mod table;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, Timestamp};
use async_trait::async_trait;

pub use objects::objects;
pub use queue::queue;
pub use table::{expiry, table};
pub use wake::wake;

use crate::port::StoreError;

/// How a suite lets the time of a twin pass.
#[async_trait]
pub trait Passage: Send + Sync {
    /// The twin's time.
    fn now(&self) -> Timestamp;

    /// Returns once `duration` has passed for the twin.
    async fn pass(&self, duration: Duration);

    /// The longest that it makes sense to wait at once: promises about longer times are not tried.
    fn patience(&self) -> Duration {
        Duration::MAX
    }
}

#[async_trait]
impl Passage for ManualClock {
    fn now(&self) -> Timestamp {
        Clock::now(self)
    }

    async fn pass(&self, duration: Duration) {
        self.advance(duration);
    }
}

/// How many do the same at once in a race.
const RACERS: usize = 8;

/// Runs `racer` several times at once and returns what each came to.
async fn race<T, F>(racer: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let (start, racing) = (start.clone(), racer(number));
            tokio::spawn(async move {
                start.wait().await;
                racing.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for racer in racers {
        results.push(racer.await.expect("a racer panicked"));
    }
    results
}

/// What must succeed.
#[track_caller]
fn ok<T>(result: Result<T, StoreError>) -> T {
    result.expect("this must succeed")
}

/// What must fail because somebody else was first; returns the place of the write.
#[track_caller]
fn condition_failed<T>(result: Result<T, StoreError>) -> usize {
    match result {
        Err(StoreError::ConditionFailed { index, .. }) => index,
        Err(other) => panic!("the condition must have failed, not: {other}"),
        Ok(_) => panic!("the condition must have failed"),
    }
}

#[track_caller]
fn too_large<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::TooLarge { .. }) => {}
        Err(other) => panic!("it must be too large, not: {other}"),
        Ok(_) => panic!("it must be too large"),
    }
}

#[track_caller]
fn invalid<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Invalid { .. }) => {}
        Err(other) => panic!("it must be invalid, not: {other}"),
        Ok(_) => panic!("it must be invalid"),
    }
}

/// Of several at once exactly one succeeds and the others find their condition failed.
#[track_caller]
fn one_winner<T>(results: Vec<Result<T, StoreError>>) -> T {
    let mut winner = None;
    for result in results {
        match result {
            Ok(value) => assert!(winner.replace(value).is_none(), "two won the same race"),
            Err(error) => assert!(error.is_condition_failed(), "a loser is told so, not: {error}"),
        }
    }
    winner.expect("somebody must win a race")
}
