//! The promises of `Queue`.

use std::sync::Arc;
use std::time::Duration;

use super::{Passage, condition_failed, invalid, ok, race, too_large};
use crate::port::{
    DEDUP_WINDOW, MAX_MESSAGE, MAX_NAME, MAX_VISIBILITY, Message, Queue, QueueName, StoreError,
};

use QueueName::{DeadLetter, Deliver};

/// How long messages are hidden: short enough to wait for, long enough not to end by accident.
const HIDDEN: Duration = Duration::from_secs(20);
/// A little time.
const MOMENT: Duration = Duration::from_secs(2);
/// A number of receptions that is never reached.
const EVER: u32 = 1000;

/// Drives the queues that `make` makes, on the time of `passage`, through every promise of
/// [`Queue`].
///
/// # Panics
///
/// Where one is not held.
pub async fn queue(make: impl AsyncFn() -> Arc<dyn Queue>, passage: &dyn Passage) {
    a_message_comes_and_goes(&*make().await).await;
    groups_are_in_order(&*make().await).await;
    a_group_waits_for_its_first(&*make().await).await;
    queues_are_apart(&*make().await).await;
    limits(&*make().await).await;
    handing_back(&*make().await).await;
    a_second_send_changes_nothing(&*make().await).await;
    if HIDDEN * 2 <= passage.patience() {
        an_unacknowledged_message_comes_again(&*make().await, passage).await;
        extending(&*make().await, passage).await;
        lapsed_receipts(&*make().await, passage).await;
    }
    if DEDUP_WINDOW * 2 <= passage.patience() {
        dedup_ends(&*make().await, passage).await;
    }
    poison_goes_to_the_dead_letters(&*make().await).await;
    dead_letters_stay(&*make().await).await;
    one_of_many_receives(make().await).await;
    one_of_many_sends(make().await).await;
}

async fn a_message_comes_and_goes(queue: &dyn Queue) {
    assert_eq!(receive(queue).await, None);
    ok(queue.send(Deliver, "oakfield/sis", "oakfield/sis/run-1/0", "{\"batch\": 0}").await);
    let message = receive(queue).await.expect("it was sent");
    assert_eq!(message.group, "oakfield/sis");
    assert_eq!(message.dedup, "oakfield/sis/run-1/0");
    assert_eq!(message.body, "{\"batch\": 0}");
    assert_eq!(message.receive_count, 1);
    assert_eq!(receive(queue).await, None, "it is hidden");
    ok(queue.ack(Deliver, &message.receipt).await);
    ok(queue.ack(Deliver, &message.receipt).await);
    condition_failed(queue.extend(Deliver, &message.receipt, HIDDEN).await);
    assert_eq!(receive(queue).await, None);
}

async fn groups_are_in_order(queue: &dyn Queue) {
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"), ("b", "b2")] {
        ok(queue.send(Deliver, group, body, body).await);
    }
    let mut seen: Vec<(String, String)> = Vec::new();
    while let Some(message) = receive(queue).await {
        ok(queue.ack(Deliver, &message.receipt).await);
        seen.push((message.group, message.body));
    }
    let of = |group: &str| -> Vec<String> {
        seen.iter().filter(|(name, _)| name == group).map(|(_, body)| body.clone()).collect()
    };
    assert_eq!(of("a"), ["a1", "a2", "a3"]);
    assert_eq!(of("b"), ["b1", "b2"]);
}

async fn a_group_waits_for_its_first(queue: &dyn Queue) {
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2")] {
        ok(queue.send(Deliver, group, body, body).await);
    }
    let one = receive(queue).await.expect("the first of a group");
    let two = receive(queue).await.expect("the first of the other group");
    let mut out = [one.body.as_str(), two.body.as_str()];
    out.sort_unstable();
    assert_eq!(out, ["a1", "b1"], "groups do not wait for each other");
    assert_eq!(receive(queue).await, None, "both groups are busy");
    let (first, second) = (one.group.clone(), two.group.clone());
    ok(queue.ack(Deliver, &two.receipt).await);
    let next = receive(queue).await.expect("the second of the freed group");
    assert_eq!((next.group, next.body), (second.clone(), format!("{second}2")));
    assert_eq!(receive(queue).await, None, "the other is still busy");
    ok(queue.ack(Deliver, &one.receipt).await);
    assert_eq!(receive(queue).await.map(|message| message.body), Some(format!("{first}2")));
}

async fn queues_are_apart(queue: &dyn Queue) {
    ok(queue.send(Deliver, "g", "d", "to deliver").await);
    ok(queue.send(DeadLetter, "g", "d", "dead").await);
    let dead = ok(queue.receive(DeadLetter, HIDDEN, EVER).await).expect("its own dedup ids");
    let alive = receive(queue).await.expect("its own groups");
    assert_eq!((dead.body.as_str(), alive.body.as_str()), ("dead", "to deliver"));
    ok(queue.ack(Deliver, &dead.receipt).await);
    condition_failed(queue.extend(DeadLetter, &alive.receipt, HIDDEN).await);
    ok(queue.extend(DeadLetter, &dead.receipt, HIDDEN).await);
    ok(queue.extend(Deliver, &alive.receipt, HIDDEN).await);
}

async fn limits(queue: &dyn Queue) {
    let longest = "n".repeat(MAX_NAME);
    ok(queue.send(Deliver, &longest, &longest, &"b".repeat(MAX_MESSAGE)).await);
    let message = receive(queue).await.expect("all that is allowed");
    assert_eq!((message.group.len(), message.body.len()), (MAX_NAME, MAX_MESSAGE));
    ok(queue.ack(Deliver, &message.receipt).await);
    let long = "n".repeat(MAX_NAME + 1);
    too_large(queue.send(Deliver, &long, "d", "b").await);
    too_large(queue.send(Deliver, "g", &long, "b").await);
    too_large(queue.send(Deliver, "g", "d", &"b".repeat(MAX_MESSAGE + 1)).await);
    for odd in ["", "a b", "\n", "caf\u{e9}"] {
        invalid(queue.send(Deliver, odd, "d", "b").await);
        invalid(queue.send(Deliver, "g", odd, "b").await);
    }
    invalid(queue.send(Deliver, "g", "d", "").await);
    let forever = MAX_VISIBILITY + MOMENT;
    invalid(queue.receive(Deliver, forever, EVER).await);
    assert_eq!(receive(queue).await, None, "nothing of it was sent");
    ok(queue.send(Deliver, "g", "d", "na\u{ef}ve \u{1f333}").await);
    let message = receive(queue).await.expect("a refused send is not remembered");
    assert_eq!(message.body, "na\u{ef}ve \u{1f333}");
    invalid(queue.extend(Deliver, &message.receipt, forever).await);
}

async fn handing_back(queue: &dyn Queue) {
    ok(queue.send(Deliver, "g", "1", "first").await);
    ok(queue.send(Deliver, "g", "2", "second").await);
    for count in 1..=3 {
        let message = receive(queue).await.expect("it was handed back");
        assert_eq!((message.body.as_str(), message.receive_count), ("first", count));
        ok(queue.extend(Deliver, &message.receipt, Duration::ZERO).await);
        condition_failed(queue.extend(Deliver, &message.receipt, HIDDEN).await);
    }
}

async fn a_second_send_changes_nothing(queue: &dyn Queue) {
    ok(queue.send(Deliver, "g", "d", "first").await);
    ok(queue.send(Deliver, "g", "d", "second").await);
    ok(queue.send(Deliver, "other", "d", "third").await);
    let message = receive(queue).await.expect("the first");
    assert_eq!(message.body, "first");
    ok(queue.send(Deliver, "g", "d", "while it is out").await);
    ok(queue.ack(Deliver, &message.receipt).await);
    ok(queue.send(Deliver, "g", "d", "after it is done").await);
    assert_eq!(receive(queue).await, None);
}

async fn an_unacknowledged_message_comes_again(queue: &dyn Queue, passage: &dyn Passage) {
    ok(queue.send(Deliver, "g", "1", "first").await);
    ok(queue.send(Deliver, "g", "2", "second").await);
    let once = receive(queue).await.expect("it was sent");
    passage.pass(HIDDEN / 2).await;
    assert_eq!(receive(queue).await, None);
    passage.pass(HIDDEN / 2 + MOMENT).await;
    let twice = receive(queue).await.expect("it was not acknowledged");
    assert_eq!((twice.body.as_str(), twice.receive_count), ("first", 2), "before later ones");
    assert_ne!(once.receipt, twice.receipt);
    ok(queue.ack(Deliver, &twice.receipt).await);
    assert_eq!(receive(queue).await.map(|message| message.body).as_deref(), Some("second"));
}

async fn extending(queue: &dyn Queue, passage: &dyn Passage) {
    ok(queue.send(Deliver, "g", "1", "first").await);
    let message = receive(queue).await.expect("it was sent");
    for _ in 0..3 {
        passage.pass(HIDDEN - MOMENT * 2).await;
        ok(queue.extend(Deliver, &message.receipt, HIDDEN).await);
        assert_eq!(receive(queue).await, None);
    }
    // It counts from now on: a shorter one shortens.
    ok(queue.extend(Deliver, &message.receipt, MOMENT).await);
    passage.pass(MOMENT * 2).await;
    condition_failed(queue.extend(Deliver, &message.receipt, HIDDEN).await);
    assert_eq!(receive(queue).await.map(|message| message.receive_count), Some(2));
}

async fn lapsed_receipts(queue: &dyn Queue, passage: &dyn Passage) {
    for none in ["", "none", "1", "1.1", "0.0", "-1.1", "99999999999999999999.1"] {
        ok(queue.ack(Deliver, none).await);
        condition_failed(queue.extend(Deliver, none, HIDDEN).await);
    }
    ok(queue.send(Deliver, "g", "1", "first").await);
    let lapsed = receive(queue).await.expect("it was sent");
    passage.pass(HIDDEN + MOMENT).await;
    condition_failed(queue.extend(Deliver, &lapsed.receipt, HIDDEN).await);
    let held = receive(queue).await.expect("its visibility ended");
    condition_failed(queue.extend(Deliver, &lapsed.receipt, Duration::ZERO).await);
    ok(queue.ack(Deliver, &lapsed.receipt).await);
    assert_eq!(receive(queue).await, None, "it is still held by the other");
    ok(queue.extend(Deliver, &held.receipt, Duration::ZERO).await);
    ok(queue.ack(Deliver, &lapsed.receipt).await);
    let again = receive(queue).await.expect("the lapsed receipt removed nothing");
    assert_eq!(again.receive_count, 3);
    ok(queue.ack(Deliver, &again.receipt).await);
    // A receipt stays lapsed, whatever is sent after it.
    ok(queue.send(Deliver, "g", "2", "second").await);
    let second = receive(queue).await.expect("it was sent");
    for receipt in [&lapsed.receipt, &held.receipt, &again.receipt] {
        ok(queue.ack(Deliver, receipt).await);
    }
    ok(queue.extend(Deliver, &second.receipt, HIDDEN).await);
}

async fn dedup_ends(queue: &dyn Queue, passage: &dyn Passage) {
    ok(queue.send(Deliver, "g", "d", "first").await);
    passage.pass(DEDUP_WINDOW - MOMENT * 5).await;
    ok(queue.send(Deliver, "g", "d", "within five minutes").await);
    // The second send has not begun the five minutes anew.
    passage.pass(MOMENT * 10).await;
    ok(queue.send(Deliver, "g", "d", "after five minutes").await);
    ok(queue.send(Deliver, "g", "d", "within the next five").await);
    let mut bodies = Vec::new();
    while let Some(message) = receive(queue).await {
        ok(queue.ack(Deliver, &message.receipt).await);
        bodies.push(message.body);
    }
    assert_eq!(bodies, ["first", "after five minutes"]);
}

async fn poison_goes_to_the_dead_letters(queue: &dyn Queue) {
    ok(queue.send(Deliver, "g", "1", "poison").await);
    ok(queue.send(Deliver, "g", "2", "fine").await);
    // Dead letters are kept whatever was sent there under the same id.
    ok(queue.send(DeadLetter, "g", "1", "sent there").await);
    for count in 1..=2 {
        let message = ok(queue.receive(Deliver, HIDDEN, 2).await).expect("not too often yet");
        assert_eq!((message.body.as_str(), message.receive_count), ("poison", count));
        ok(queue.extend(Deliver, &message.receipt, Duration::ZERO).await);
    }
    let next = ok(queue.receive(Deliver, HIDDEN, 2).await).expect("the next one of the group");
    assert_eq!((next.body.as_str(), next.receive_count), ("fine", 1));
    let sent = ok(queue.receive(DeadLetter, HIDDEN, 2).await).expect("what was sent there");
    assert_eq!(sent.body, "sent there");
    ok(queue.ack(DeadLetter, &sent.receipt).await);
    let dead = ok(queue.receive(DeadLetter, HIDDEN, 2).await).expect("the poison");
    let expected = Message {
        receipt: dead.receipt.clone(),
        group: "g".to_owned(),
        dedup: "1".to_owned(),
        body: "poison".to_owned(),
        receive_count: 3,
    };
    assert_eq!(dead, expected);
    ok(queue.ack(Deliver, &next.receipt).await);
    assert_eq!(ok(queue.receive(Deliver, HIDDEN, 2).await), None);
}

async fn dead_letters_stay(queue: &dyn Queue) {
    ok(queue.send(DeadLetter, "g", "1", "dead").await);
    for count in 1..=5 {
        let message = ok(queue.receive(DeadLetter, HIDDEN, 1).await).expect("it stays");
        assert_eq!(message.receive_count, count);
        ok(queue.extend(DeadLetter, &message.receipt, Duration::ZERO).await);
    }
}

async fn one_of_many_receives(queue: Arc<dyn Queue>) {
    const MESSAGES: usize = 40;
    for number in 0..MESSAGES {
        let body = number.to_string();
        ok(queue.send(Deliver, &format!("group-{}", number % 4), &body, &body).await);
    }
    let received = race(|_| {
        let queue = queue.clone();
        async move {
            let mut received = Vec::new();
            // A group is busy now and then, so that finding nothing once means nothing yet.
            for _ in 0..MESSAGES * 4 {
                match receive(&*queue).await {
                    Some(message) => {
                        assert_eq!(message.receive_count, 1, "two received the same");
                        received.push(message.body.clone());
                        ok(queue.ack(Deliver, &message.receipt).await);
                    }
                    None => tokio::task::yield_now().await,
                }
            }
            received
        }
    })
    .await;
    let mut received = received.concat();
    while let Some(message) = receive(&*queue).await {
        ok(queue.ack(Deliver, &message.receipt).await);
        received.push(message.body);
    }
    received.sort_by_key(|body| body.parse::<usize>().ok());
    let sent: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(received, sent, "each is received, and once");
}

async fn one_of_many_sends(queue: Arc<dyn Queue>) {
    let sent: Vec<Result<(), StoreError>> = race(|number| {
        let queue = queue.clone();
        async move { queue.send(Deliver, &format!("g{number}"), "same", "body").await }
    })
    .await;
    sent.into_iter().for_each(ok);
    assert!(receive(&*queue).await.is_some());
    assert_eq!(receive(&*queue).await, None, "one id is sent once");
}

async fn receive(queue: &dyn Queue) -> Option<Message> {
    ok(queue.receive(Deliver, HIDDEN, EVER).await)
}
