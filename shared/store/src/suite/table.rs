//! The promises of `Table`.

use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;

use super::{Passage, condition_failed, invalid, ok, one_winner, race, too_large};
use crate::port::{
    Condition, Item, ItemKey, MAX_BODY, MAX_PK, MAX_SK, MAX_TRANSACTION, MAX_TRANSACTION_BYTES,
    PAGE_BYTES, Table, Write,
};

/// Drives the stores that `make` makes through every promise of [`Table`] but [`expiry`].
///
/// # Panics
///
/// Where one is not held.
pub async fn table(make: impl AsyncFn() -> Arc<dyn Table>) {
    versions_count_writes(&*make().await).await;
    conditions_hold(&*make().await).await;
    expiry_is_kept(&*make().await).await;
    a_transaction_is_all_or_nothing(&*make().await).await;
    limits(&*make().await).await;
    queries_are_in_byte_order(&*make().await).await;
    queries_page_by_count(&*make().await).await;
    queries_page_by_size(&*make().await).await;
    one_of_many_writes(make().await).await;
    nothing_is_lost_between_writers(make().await).await;
    transactions_do_not_mix(make().await).await;
}

async fn versions_count_writes(table: &dyn Table) {
    let key = ItemKey::new("t", "a");
    assert_eq!(ok(table.get(&key).await), None);
    assert_eq!(ok(table.put(&key, vec![0, 255, 10], Condition::Any).await), 1);
    let item = Item { key: key.clone(), version: 1, body: vec![0, 255, 10], expires: None };
    assert_eq!(ok(table.get(&key).await), Some(item.clone()));
    assert_eq!(ok(table.put(&key, Vec::new(), Condition::Any).await), 2);
    ok(table.transact(vec![put(&key, b"three", Condition::Version(2))]).await);
    let item = Item { version: 3, body: b"three".to_vec(), ..item };
    assert_eq!(ok(table.get(&key).await), Some(item));
    ok(table.delete(&key, Condition::Any).await);
    assert_eq!(ok(table.get(&key).await), None);
    assert_eq!(ok(table.put(&key, b"anew".to_vec(), Condition::Any).await), 1);
}

/// What each condition lets happen where the item is absent, and where it is of version 2.
async fn conditions_hold(table: &dyn Table) {
    let cases = [
        (Condition::Any, true, true),
        (Condition::Absent, true, false),
        (Condition::Version(0), false, false),
        (Condition::Version(1), false, false),
        (Condition::Version(2), false, true),
        (Condition::Version(3), false, false),
        (Condition::Version(u64::MAX), false, false),
    ];
    let key = ItemKey::new("t", "item");
    let other = ItemKey::new("t", "other");
    for (condition, where_absent, where_present) in cases {
        for (present, holds) in [(false, where_absent), (true, where_present)] {
            let writes = [
                put(&key, b"new", condition),
                Write::Delete { key: key.clone(), condition },
                Write::Check { key: key.clone(), condition },
            ];
            for write in writes {
                ok(table.delete(&key, Condition::Any).await);
                if present {
                    ok(table.put(&key, b"1".to_vec(), Condition::Any).await);
                    ok(table.put(&key, b"2".to_vec(), Condition::Any).await);
                }
                let before = ok(table.get(&key).await);
                let name = format!("{write:?}, present: {present}");
                let result = table.transact(vec![put(&other, b"", Condition::Any), write]).await;
                if holds {
                    assert!(result.is_ok(), "{name}");
                } else {
                    assert_eq!(condition_failed(result), 1, "{name}");
                    assert_eq!(ok(table.get(&key).await), before, "{name}");
                }
            }
        }
    }
    ok(table.delete(&key, Condition::Any).await);
    condition_failed(table.delete(&key, Condition::Version(1)).await);
    condition_failed(table.put(&key, Vec::new(), Condition::Version(1)).await);
}

async fn expiry_is_kept(table: &dyn Table) {
    let key = ItemKey::new("t", "a");
    let expires = Timestamp::new(4_000_000_000, 0).ok();
    ok(table.transact(vec![put_until(&key, expires)]).await);
    assert_eq!(ok(table.get(&key).await).and_then(|item| item.expires), expires);
    let page = ok(table.query("t", "", None, 9).await);
    assert_eq!(page.items[0].expires, expires);
    ok(table.put(&key, Vec::new(), Condition::Any).await);
    assert_eq!(ok(table.get(&key).await).and_then(|item| item.expires), None, "a put replaces it");
}

/// Drives the table on the time of `passage` through what [`Item::expires`] promises: an item is
/// there until then, and whatever the store does after, reads and conditions agree.
///
/// # Panics
///
/// Where it does not hold.
pub async fn expiry(table: &dyn Table, passage: &dyn Passage) {
    let key = ItemKey::new("t", "passing");
    let lasting = Duration::from_secs(60);
    let expires = passage.now().saturating_add(lasting).ok();
    ok(table.transact(vec![put_until(&key, expires)]).await);
    let until = if lasting * 2 > passage.patience() { Duration::ZERO } else { lasting / 2 };
    passage.pass(until).await;
    assert!(ok(table.get(&key).await).is_some(), "it has not expired yet");
    condition_failed(table.put(&key, Vec::new(), Condition::Absent).await);
    if until > Duration::ZERO {
        passage.pass(lasting).await;
        match ok(table.get(&key).await) {
            Some(item) => {
                assert_eq!((item.version, item.expires), (1, expires));
                assert_eq!(ok(table.put(&key, Vec::new(), Condition::Version(1)).await), 2);
            }
            None => assert_eq!(ok(table.put(&key, Vec::new(), Condition::Absent).await), 1),
        }
        passage.pass(lasting).await;
        assert!(ok(table.get(&key).await).is_some(), "a later put lasts");
    }
}

async fn a_transaction_is_all_or_nothing(table: &dyn Table) {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|sk| ItemKey::new("t", sk));
    let elsewhere = ItemKey::new("u", "a");
    ok(table.transact(Vec::new()).await);
    ok(table
        .transact(vec![
            put(&a, b"a1", Condition::Absent),
            put(&elsewhere, b"u1", Condition::Absent),
        ])
        .await);
    ok(table.put(&d, b"d1".to_vec(), Condition::Any).await);
    let writes = |last: Condition| {
        vec![
            put(&a, b"a2", Condition::Version(1)),
            put(&b, b"b1", Condition::Absent),
            Write::Delete { key: d.clone(), condition: Condition::Version(1) },
            put(&elsewhere, b"u2", Condition::Any),
            Write::Check { key: c.clone(), condition: last },
            put(&ItemKey::new("t", "e"), b"", Condition::Version(9)),
        ]
    };
    assert_eq!(condition_failed(table.transact(writes(Condition::Version(1))).await), 4);
    assert_eq!(condition_failed(table.transact(writes(Condition::Absent)).await), 5);
    assert_eq!(bodies(table, "t").await, [("a", "a1"), ("d", "d1")].map(own));
    assert_eq!(bodies(table, "u").await, [("a", "u1")].map(own));
    let mut all = writes(Condition::Absent);
    all.pop();
    ok(table.transact(all).await);
    assert_eq!(bodies(table, "t").await, [("a", "a2"), ("b", "b1")].map(own));
    assert_eq!(bodies(table, "u").await, [("a", "u2")].map(own));
    assert_eq!(ok(table.get(&c).await), None, "a check writes nothing");
}

async fn limits(table: &dyn Table) {
    let key = ItemKey::new("t", "a");
    ok(table.put(&key, vec![1; MAX_BODY], Condition::Any).await);
    assert_eq!(ok(table.get(&key).await).map(|item| item.body.len()), Some(MAX_BODY));
    too_large(table.put(&key, vec![1; MAX_BODY + 1], Condition::Any).await);
    let longest = ItemKey::new("p".repeat(MAX_PK), "s".repeat(MAX_SK));
    ok(table.put(&longest, b"x".to_vec(), Condition::Any).await);
    assert!(ok(table.get(&longest).await).is_some());
    let pages = ok(table.query(&longest.pk, &longest.sk, None, 9).await);
    assert_eq!(pages.items.len(), 1);
    let long =
        [ItemKey::new("p".repeat(MAX_PK + 1), "s"), ItemKey::new("p", "s".repeat(MAX_SK + 1))];
    for key in long {
        too_large(table.put(&key, Vec::new(), Condition::Any).await);
        too_large(table.get(&key).await);
    }
    for key in [ItemKey::new("", "s"), ItemKey::new("p", "")] {
        invalid(table.put(&key, Vec::new(), Condition::Any).await);
        invalid(table.get(&key).await);
    }
    let many = |count: usize, size: usize| -> Vec<Write> {
        let key = |number| ItemKey::new("many", format!("{number:04}"));
        (0..count).map(|number| put(&key(number), &vec![0; size], Condition::Absent)).collect()
    };
    too_large(table.transact(many(MAX_TRANSACTION + 1, 1)).await);
    too_large(table.transact(many(MAX_TRANSACTION, MAX_TRANSACTION_BYTES / 100)).await);
    let mut twice = many(3, 1);
    twice.push(Write::Check { key: ItemKey::new("many", "0001"), condition: Condition::Any });
    invalid(table.transact(twice).await);
    assert_eq!(bodies(table, "many").await, [], "nothing of it was written");
    ok(table.transact(many(MAX_TRANSACTION, 38_000)).await);
    assert_eq!(bodies(table, "many").await.len(), MAX_TRANSACTION);
}

/// Sort keys with bytes that trip ranges and patterns, in order.
const ODD: [&str; 14] = [
    "\0",
    "\0\0",
    "!",
    "%",
    "A",
    "_",
    "a",
    "a\0",
    "a%b",
    "a/",
    "a/b",
    "a\u{10ffff}",
    "b",
    "\u{e9}",
];

async fn queries_are_in_byte_order(table: &dyn Table) {
    for sk in ODD.iter().rev() {
        ok(table.put(&ItemKey::new("t", *sk), sk.as_bytes().to_vec(), Condition::Absent).await);
        ok(table.put(&ItemKey::new("t2", *sk), Vec::new(), Condition::Absent).await);
        ok(table.put(&ItemKey::new("t\0", *sk), Vec::new(), Condition::Absent).await);
    }
    assert_eq!(keys(table, "", None).await, ODD);
    for prefix in ODD.iter().chain(&["a\u{10ffff}\u{10ffff}", "\u{10ffff}", "zz", "\u{c3}"]) {
        let expected = ODD.into_iter().filter(|sk| sk.starts_with(prefix));
        let all: Vec<_> = expected.clone().collect();
        assert_eq!(keys(table, prefix, None).await, all, "{prefix:?}");
        for after in ODD {
            let rest: Vec<_> = expected.clone().filter(|sk| *sk > after).collect();
            assert_eq!(keys(table, prefix, Some(after)).await, rest, "{prefix:?} {after:?}");
        }
    }
    assert!(ok(table.query("absent", "", None, 9).await).items.is_empty());
    let item = ok(table.query("t", "a%", None, 9).await).items.remove(0);
    assert_eq!(item.body, b"a%b");
    assert_eq!(Some(item), ok(table.get(&ItemKey::new("t", "a%b")).await));
}

async fn queries_page_by_count(table: &dyn Table) {
    for number in 0..25 {
        ok(table.put(&ItemKey::new("t", format!("x/{number:02}")), vec![], Condition::Any).await);
    }
    ok(table.put(&ItemKey::new("t", "y"), vec![], Condition::Any).await);
    for limit in [0, 1, 7, 25, 26, usize::MAX] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = ok(table.query("t", "x/", after.as_deref(), limit).await);
            assert!(page.items.len() <= limit.max(1), "{limit}");
            found.extend(page.items.into_iter().map(|item| item.key.sk));
            assert!(page.next.is_none() || page.next.as_ref() == found.last(), "{limit}");
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let all: Vec<_> = (0..25).map(|number| format!("x/{number:02}")).collect();
        assert_eq!(found, all, "in pages of {limit}");
    }
}

async fn queries_page_by_size(table: &dyn Table) {
    for number in 0..12 {
        let key = ItemKey::new("t", format!("{number:02}"));
        ok(table.put(&key, vec![number; 300_000], Condition::Any).await);
    }
    let mut found = 0;
    let mut after = None;
    loop {
        let page = ok(table.query("t", "", after.as_deref(), 100).await);
        let bytes: usize = page.items.iter().map(Item::size).sum();
        assert!(bytes <= PAGE_BYTES + MAX_BODY, "a page of {bytes} bytes");
        for item in &page.items {
            assert_eq!(item.body, vec![found; 300_000]);
            found += 1;
        }
        let Some(next) = page.next else { break };
        assert!(!page.items.is_empty(), "a page with more after it has at least one item");
        after = Some(next);
    }
    assert_eq!(found, 12);
}

async fn one_of_many_writes(table: Arc<dyn Table>) {
    for round in 0..10 {
        let key = ItemKey::new("race", format!("{round}"));
        for condition in [Condition::Absent, Condition::Version(1), Condition::Version(2)] {
            let results = race(|number| {
                let (table, key) = (table.clone(), key.clone());
                async move { Ok((number, table.put(&key, vec![number as u8], condition).await?)) }
            })
            .await;
            let (winner, version) = one_winner(results);
            let item = ok(table.get(&key).await).expect("it was written");
            assert_eq!((item.version, item.body), (version, vec![winner as u8]));
        }
    }
}

async fn nothing_is_lost_between_writers(table: Arc<dyn Table>) {
    let key = ItemKey::new("t", "any");
    let versions = race(|_| {
        let (table, key) = (table.clone(), key.clone());
        async move {
            let mut versions = Vec::new();
            for _ in 0..10 {
                versions.push(ok(table.put(&key, Vec::new(), Condition::Any).await));
            }
            versions
        }
    })
    .await;
    let mut versions = versions.concat();
    versions.sort_unstable();
    let expected: Vec<u64> = (1..=versions.len() as u64).collect();
    assert_eq!(versions, expected, "every put has a version of its own");
}

/// Two items are always written together; whoever reads a page sees them agree.
async fn transactions_do_not_mix(table: Arc<dyn Table>) {
    let [left, right] = ["left", "right"].map(|sk| ItemKey::new("t", sk));
    let both =
        |body: &[u8], condition| vec![put(&left, body, condition), put(&right, body, condition)];
    ok(table.transact(both(b"0", Condition::Absent)).await);
    let wins: Vec<usize> = race(|number| {
        let (table, left, right) = (table.clone(), left.clone(), right.clone());
        async move {
            let mut wins = 0;
            for _ in 0..20 {
                let items = ok(table.query("t", "", None, 9).await).items;
                assert_eq!(items.len(), 2);
                assert_eq!((items[0].version, &items[0].body), (items[1].version, &items[1].body));
                let condition = Condition::Version(items[0].version);
                let body = [number as u8];
                let writes = vec![put(&left, &body, condition), put(&right, &body, condition)];
                match table.transact(writes).await {
                    Ok(()) => wins += 1,
                    failed => assert_eq!(condition_failed(failed), 0),
                }
            }
            wins
        }
    })
    .await;
    let version = ok(table.get(&right).await).map(|item| item.version);
    assert_eq!(version, Some(1 + wins.iter().sum::<usize>() as u64), "each win counts once");
}

fn put(key: &ItemKey, body: &[u8], condition: Condition) -> Write {
    Write::Put { key: key.clone(), body: body.to_vec(), condition, expires: None }
}

fn put_until(key: &ItemKey, expires: Option<Timestamp>) -> Write {
    Write::Put { key: key.clone(), body: Vec::new(), condition: Condition::Absent, expires }
}

async fn keys(table: &dyn Table, prefix: &str, after: Option<&str>) -> Vec<String> {
    let page = ok(table.query("t", prefix, after, 99).await);
    page.items.into_iter().map(|item| item.key.sk).collect()
}

async fn bodies(table: &dyn Table, pk: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = ok(table.query(pk, "", after.as_deref(), 99).await);
        let body = |item: Item| (item.key.sk, String::from_utf8_lossy(&item.body).into_owned());
        found.extend(page.items.into_iter().map(body));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

fn own((sk, body): (&str, &str)) -> (String, String) {
    (sk.to_owned(), body.to_owned())
}
