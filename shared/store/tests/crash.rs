//! A writer that is killed at any moment leaves a whole store with all that it acknowledged.
//!
//! The test starts itself again as a writer that tells on its output what has returned, kills it
//! after a few of those lines, opens what it left, and lets the next one go on there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod common;

use std::collections::{BTreeSet, HashSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ambient::{Random, SeededRandom};
use common::{at, clock};
use store::{Condition, DataDir, ItemKey, QueueName, StoreError, Stores, WakeUp, Write};

const ROUNDS: usize = 20;
const FOLDER: &str = "STORE_CRASH_FOLDER";
const START: &str = "STORE_CRASH_START";
const HIDDEN: Duration = Duration::from_secs(60);

/// What killed writers have told.
#[derive(Default)]
struct Told {
    /// The steps that were done: all below this.
    steps: u64,
    /// The messages whose acknowledgement was begun.
    acking: BTreeSet<u64>,
    /// The messages whose acknowledgement returned.
    acked: BTreeSet<u64>,
}

#[tokio::test]
async fn a_killed_writer_leaves_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let random = SeededRandom::new(20);
    let mut told = Told::default();
    for round in 0..ROUNDS {
        let checked = told.steps;
        run_and_kill(&data, &random, &mut told);
        let clock = clock();
        let open = DataDir::open_writer(&data, clock.clone()).expect("the lock went with it");
        open.check_integrity().unwrap();
        check(&open.stores(), checked, told.steps, round).await;
        assert_eq!(std::fs::read_dir(data.join("objects/~tmp")).unwrap().count(), 0);
    }
    assert!(told.steps >= ROUNDS as u64, "the writers got somewhere");
    check_queue(&data, &told).await;
}

/// Lets a writer go on until it has told a random number of lines, and a little longer.
fn run_and_kill(data: &Path, random: &SeededRandom, told: &mut Told) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "write_until_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, data)
        .env(START, told.steps.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let enough = random.below(24);
    let mut seen = 0;
    let mut hear = |line: String| {
        // The test harness writes lines of its own, one of them without an end.
        let mut words =
            line.split(' ').skip_while(|word| !["did", "acking", "acked"].contains(word));
        let (Some(word), Some(number)) = (words.next(), words.next()) else { return 0 };
        let number: u64 = number.parse().unwrap();
        match word {
            "did" => told.steps = number + 1,
            "acking" => {
                told.acking.insert(number);
            }
            _ => assert!(told.acked.insert(number), "message {number} came after its ack"),
        }
        1
    };
    while seen < enough {
        let line = lines.next().expect("a writer writes until it is killed").unwrap();
        seen += hear(line);
    }
    let moment = if enough == 0 { 20_000 } else { 3_000 };
    std::thread::sleep(Duration::from_micros(random.below(moment)));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told just before counts too; a last line may be cut.
    let rest: Vec<String> =
        lines.map_while(Result::ok).filter(|line| line.ends_with('.')).collect();
    for line in rest {
        seen += hear(line);
    }
    assert!(seen >= enough);
}

/// Checks what steps from `from` on have left; those before `done` were acknowledged.
async fn check(stores: &Stores, from: u64, done: u64, round: usize) {
    let listed = stores.objects.list("o/", None, usize::MAX).await.unwrap();
    let numbers: HashSet<u64> = listed.iter().map(|meta| meta.key[2..].parse().unwrap()).collect();
    for number in from..done {
        assert!(numbers.contains(&number), "round {round}: object {number} is lost");
    }
    for number in numbers.into_iter().filter(|number| *number >= from) {
        let body = stores.objects.get(&format!("o/{number}")).await.unwrap();
        assert!(body == Some(body_of(number)), "round {round}: object {number} is not whole");
    }
    for number in from..done + 2 {
        let mut found = 0;
        for sk in rows_of(number) {
            if let Some(item) = stores.table.get(&ItemKey::new("t", sk)).await.unwrap() {
                assert!(item.body == body_of(number), "round {round}: row {number} is not whole");
                found += 1;
            }
        }
        assert!(found == 3 || found == 0, "round {round}: {found} of 3 rows of {number}");
        assert!(found == 3 || number >= done, "round {round}: rows of {number} are lost");
    }
    let wakes = stores.wake.of("t/i").await.unwrap();
    for number in done.saturating_sub(5)..done {
        let reason = format!("reason-{}", number % 5);
        let wake = wakes.iter().find(|wake| wake.reason == reason).expect("it was set");
        assert!(wake.due >= at(number as i64), "round {round}: wake-up {number} is lost");
    }
}

/// Takes out all messages: those that were sent, whose ack has not returned, are there, once.
async fn check_queue(data: &Path, told: &Told) {
    let clock = clock();
    clock.advance(HIDDEN);
    let queue = DataDir::open_writer(data, clock.clone()).unwrap().queue();
    let mut left = BTreeSet::new();
    while let Some(message) = queue.receive(QueueName::Deliver, HIDDEN, 1000).await.unwrap() {
        let number: u64 = message.body.parse().unwrap();
        assert!(left.insert(number), "message {number} is there twice");
        queue.ack(QueueName::Deliver, &message.receipt).await.unwrap();
    }
    assert!(left.is_disjoint(&told.acked), "an acknowledged message came back");
    for number in 0..told.steps {
        assert!(left.contains(&number) || told.acking.contains(&number), "{number} is lost");
    }
}

/// The writer; only the test above can run it.
#[tokio::test]
#[ignore = "it writes until it is killed"]
async fn write_until_killed() {
    let (Ok(folder), Ok(start)) = (std::env::var(FOLDER), std::env::var(START)) else { return };
    let stores = DataDir::open_writer(folder, clock()).unwrap().stores();
    for number in start.parse().unwrap().. {
        step(&stores, number).await.unwrap();
        tell("did", number);
    }
}

async fn step(stores: &Stores, number: u64) -> Result<(), StoreError> {
    stores.objects.put(&format!("o/{number}"), &body_of(number)).await?;
    let put = |sk| Write::Put {
        key: ItemKey::new("t", sk),
        body: body_of(number),
        condition: Condition::Any,
        expires: None,
    };
    stores.table.transact(rows_of(number).map(put).to_vec()).await?;
    let text = number.to_string();
    let group = format!("group-{}", number % 7);
    stores.queue.send(QueueName::Deliver, &group, &text, &text).await?;
    if number % 2 == 1
        && let Some(message) = stores.queue.receive(QueueName::Deliver, HIDDEN, 1000).await?
    {
        let number = message.body.parse().unwrap();
        tell("acking", number);
        stores.queue.ack(QueueName::Deliver, &message.receipt).await?;
        tell("acked", number);
    }
    let reason = format!("reason-{}", number % 5);
    let due = at(number as i64);
    stores.wake.set(WakeUp { due, integration: "t/i".to_owned(), reason }).await
}

/// One line, past the test harness, at once. The word at its end shows that it is whole.
fn tell(word: &str, number: u64) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{word} {number} .\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn rows_of(number: u64) -> [String; 3] {
    ["a", "b", "c"].map(|kind| format!("{kind}/{number}"))
}

/// A body that tells where it is cut or mixed.
fn body_of(number: u64) -> Vec<u8> {
    let random = SeededRandom::new(number);
    let words = 1 + random.below(12_000);
    (0..words).flat_map(|_| random.next_u64().to_le_bytes()).collect()
}
