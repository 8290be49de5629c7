//! The twins in memory can be looked into as a whole, and forked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{at, check_sample, check_sample_queue, clock, fill_sample};
use store::memory::{MemoryObjects, MemoryQueue, MemoryTable, MemoryWake};
use store::{Condition, ItemKey, Objects, Queue, QueueName, Stores, Table, Wake, WakeUp};

#[tokio::test]
async fn the_stores_in_memory_hold_the_sample() {
    let clock = clock();
    let stores = Stores::memory(clock.clone());
    fill_sample(&stores).await;
    check_sample(&stores.clone()).await;
    check_sample_queue(&stores, &clock).await;
}

#[tokio::test]
async fn a_fork_goes_its_own_way() {
    let clock = clock();
    let objects = Arc::new(MemoryObjects::new());
    let table = Arc::new(MemoryTable::new());
    let queue = Arc::new(MemoryQueue::new(clock.clone()));
    let wake = Arc::new(MemoryWake::new());
    let stores = Stores {
        objects: objects.clone(),
        table: table.clone(),
        queue: queue.clone(),
        wake: wake.clone(),
    };
    fill_sample(&stores).await;
    let forked = Stores {
        objects: Arc::new(objects.fork()),
        table: Arc::new(table.fork()),
        queue: Arc::new(queue.fork(clock.clone())),
        wake: Arc::new(wake.fork()),
    };
    objects.delete("oakfield/sis/plans/run-1/header").await.unwrap();
    table.put(&ItemKey::new("oakfield/sis", "lease"), vec![], Condition::Any).await.unwrap();
    queue.receive(QueueName::DeadLetter, Duration::from_secs(60), 9).await.unwrap().unwrap();
    let moved = WakeUp { due: at(5), integration: "oakfield/sis".into(), reason: "retry".into() };
    wake.set(moved.clone()).await.unwrap();
    check_sample(&forked).await;
    check_sample_queue(&forked, &clock).await;

    assert_eq!(
        objects.objects().into_keys().collect::<Vec<_>>(),
        ["oakfield/sis/incoming/empty.xml"]
    );
    let versions: Vec<_> = table.items().iter().map(|item| item.version).collect();
    assert_eq!(versions, [2, 2]);
    let messages = queue.messages(QueueName::Deliver);
    let counts: Vec<_> =
        messages.iter().map(|queued| (queued.body.as_str(), queued.receive_count)).collect();
    assert_eq!(counts, [("run-1/1", 1), ("run-1/2", 0)]);
    assert_eq!(queue.messages(QueueName::DeadLetter)[0].receive_count, 1);
    assert_eq!(wake.wakes(), [moved]);
}

#[tokio::test]
async fn expired_items_are_dropped_when_a_test_says_so() {
    let table = MemoryTable::new();
    let key = ItemKey::new("t", "a");
    let write = store::Write::Put {
        key: key.clone(),
        body: vec![],
        condition: Condition::Any,
        expires: Some(at(10)),
    };
    table.transact(vec![write]).await.unwrap();
    assert_eq!(table.drop_expired(at(9)), 0);
    assert_eq!(table.drop_expired(at(10)), 1);
    assert_eq!(table.get(&key).await.unwrap(), None);
}
