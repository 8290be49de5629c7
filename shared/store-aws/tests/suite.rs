//! Every twin keeps every promise of its port: these on an emulated AWS.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use ambient::{Clock, SystemClock, Timestamp};
use async_trait::async_trait;
use common::stores;
use store::suite::{self, Passage};

/// The machine's time, with the patience of whoever waits for tests.
struct RealTime;

/// Twice the suite's visibility: the three cases about it run, the dedup window's does not.
const PATIENCE: Duration = Duration::from_secs(40);

#[async_trait]
impl Passage for RealTime {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    async fn pass(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn objects_on_s3() {
    suite::objects(async || stores().await.objects).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn table_on_dynamodb() {
    suite::table(async || stores().await.table).await;
    suite::expiry(&*stores().await.table, &RealTime).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queue_on_sqs() {
    suite::queue(async || stores().await.queue, &RealTime).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wake_on_scheduler() {
    suite::wake(async || stores().await.wake).await;
}
