//! Every twin keeps every promise of its port.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::Mutex;

use ambient::{ManualClock, Timestamp};
use store::memory::{MemoryObjects, MemoryQueue, MemoryTable, MemoryWake};
use store::{DataDir, Objects, Queue, Table, Wake, suite};
use tempfile::TempDir;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_second(1_795_000_000).unwrap()))
}

/// Makes data folders that last as long as it does.
struct Folders {
    clock: Arc<ManualClock>,
    folders: Mutex<Vec<TempDir>>,
}

impl Folders {
    fn new() -> Self {
        Self { clock: clock(), folders: Mutex::default() }
    }

    fn make(&self) -> DataDir {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open_writer(folder.path().join("data"), self.clock.clone()).unwrap();
        self.folders.lock().unwrap().push(folder);
        data
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn objects_in_memory() {
    suite::objects(async || Arc::new(MemoryObjects::new()) as Arc<dyn Objects>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn objects_in_a_folder() {
    let folders = Folders::new();
    suite::objects(async || folders.make().objects()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn table_in_memory() {
    suite::table(async || Arc::new(MemoryTable::new()) as Arc<dyn Table>).await;
    suite::expiry(&MemoryTable::new(), &*clock()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn table_in_sqlite() {
    let folders = Folders::new();
    suite::table(async || folders.make().table()).await;
    suite::expiry(&*folders.make().table(), &*folders.clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queue_in_memory() {
    let clock = clock();
    let make = async || Arc::new(MemoryQueue::new(clock.clone())) as Arc<dyn Queue>;
    suite::queue(make, &*clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queue_in_sqlite() {
    let folders = Folders::new();
    suite::queue(async || folders.make().queue(), &*folders.clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wake_in_memory() {
    suite::wake(async || Arc::new(MemoryWake::new()) as Arc<dyn Wake>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wake_in_sqlite() {
    let folders = Folders::new();
    suite::wake(async || folders.make().wake()).await;
}
