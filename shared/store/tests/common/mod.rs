//! What several tests fill a store with.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use store::{Condition, DataDir, Item, ItemKey, ObjectMeta, QueueName, Stores, WakeUp, Write};

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(1_795_000_000)))
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub fn writer(path: impl AsRef<Path>) -> DataDir {
    DataDir::open_writer(path, clock()).unwrap()
}

pub fn reader(path: impl AsRef<Path>) -> DataDir {
    DataDir::open_reader(path, clock()).unwrap()
}

/// Fills empty stores with one of everything: a sample whose content [`check_sample`] knows.
pub async fn fill_sample(stores: &Stores) {
    stores.objects.put("oakfield/sis/plans/run-1/header", b"{\"changes\": 3}").await.unwrap();
    stores.objects.put("oakfield/sis/incoming/empty.xml", b"").await.unwrap();
    let put = |sk: &str, body: &[u8], expires| Write::Put {
        key: ItemKey::new("oakfield/sis", sk),
        body: body.to_vec(),
        condition: Condition::Absent,
        expires,
    };
    let writes = vec![
        put("runs/run-1", b"planned", None),
        put("lease", &[0, 159, 146, 150], Some(at(1_795_000_060))),
    ];
    stores.table.transact(writes).await.unwrap();
    let run = ItemKey::new("oakfield/sis", "runs/run-1");
    stores.table.put(&run, b"delivering".to_vec(), Condition::Version(1)).await.unwrap();
    let hidden = Duration::from_secs(60);
    for number in 0..3 {
        let dedup = format!("run-1/{number}");
        stores.queue.send(QueueName::Deliver, "oakfield/sis", &dedup, &dedup).await.unwrap();
    }
    let first = stores.queue.receive(QueueName::Deliver, hidden, 9).await.unwrap().unwrap();
    stores.queue.ack(QueueName::Deliver, &first.receipt).await.unwrap();
    stores.queue.receive(QueueName::Deliver, hidden, 9).await.unwrap().unwrap();
    stores.queue.send(QueueName::DeadLetter, "oakfield/sis", "run-0", "poison").await.unwrap();
    stores.wake.set(sample_wake()).await.unwrap();
}

fn sample_wake() -> WakeUp {
    WakeUp {
        due: Timestamp::new(1_795_003_600, 5).unwrap(),
        integration: "oakfield/sis".to_owned(),
        reason: "retry".to_owned(),
    }
}

/// Checks what can be read of the sample.
pub async fn check_sample(stores: &Stores) {
    let meta = |key: &str, len| ObjectMeta { key: key.to_owned(), len };
    let listed = stores.objects.list("", None, 99).await.unwrap();
    let expected =
        [meta("oakfield/sis/incoming/empty.xml", 0), meta("oakfield/sis/plans/run-1/header", 14)];
    assert_eq!(listed, expected);
    let header = stores.objects.get("oakfield/sis/plans/run-1/header").await.unwrap();
    assert_eq!(header.as_deref(), Some(&b"{\"changes\": 3}"[..]));
    let item = |sk: &str, version, body: &[u8], expires| Item {
        key: ItemKey::new("oakfield/sis", sk),
        version,
        body: body.to_vec(),
        expires,
    };
    let items = stores.table.query("oakfield/sis", "", None, 99).await.unwrap().items;
    let expected = [
        item("lease", 1, &[0, 159, 146, 150], Some(at(1_795_000_060))),
        item("runs/run-1", 2, b"delivering", None),
    ];
    assert_eq!(items, expected);
    assert_eq!(stores.wake.of("oakfield/sis").await.unwrap(), [sample_wake()]);
}

/// Checks what is left in the queues of the sample, by taking it out, at the sample's own time.
pub async fn check_sample_queue(stores: &Stores, clock: &ManualClock) {
    let hidden = Duration::from_secs(60);
    let deliver = QueueName::Deliver;
    assert_eq!(stores.queue.receive(deliver, hidden, 9).await.unwrap(), None, "it is out");
    stores.queue.send(deliver, "oakfield/sis", "run-1/0", "again").await.unwrap();
    clock.advance(hidden);
    for (body, count) in [("run-1/1", 2), ("run-1/2", 1)] {
        let message = stores.queue.receive(deliver, hidden, 9).await.unwrap().unwrap();
        assert_eq!((message.body.as_str(), message.receive_count), (body, count));
        stores.queue.ack(deliver, &message.receipt).await.unwrap();
    }
    assert_eq!(stores.queue.receive(deliver, hidden, 9).await.unwrap(), None, "it was a second");
    let dead = stores.queue.receive(QueueName::DeadLetter, hidden, 9).await.unwrap().unwrap();
    assert_eq!((dead.body.as_str(), dead.receive_count), ("poison", 1));
}
