//! The promises of `Objects`.

use std::slice::from_ref;
use std::sync::Arc;

use super::{condition_failed, invalid, ok, one_winner, race, too_large};
use crate::port::{MAX_KEY, MAX_KEY_PART, ObjectMeta, Objects};

/// Drives the stores that `make` makes through every promise of [`Objects`].
///
/// # Panics
///
/// Where one is not held.
pub async fn objects(make: impl AsyncFn() -> Arc<dyn Objects>) {
    what_is_put_is_there(&*make().await).await;
    ranges(&*make().await).await;
    put_if_absent_never_replaces(&*make().await).await;
    a_deleted_object_is_gone(&*make().await).await;
    lists_are_in_key_order(&*make().await).await;
    lists_go_on_after_a_key(&*make().await).await;
    keys_stay_keys(&*make().await).await;
    long_keys(&*make().await).await;
    one_of_many_creates(make().await).await;
    a_put_is_seen_whole(make().await).await;
}

async fn what_is_put_is_there(objects: &dyn Objects) {
    assert_eq!(ok(objects.get("a/b").await), None);
    assert_eq!(ok(objects.head("a/b").await), None);
    let all_bytes: Vec<u8> = (0..=255).collect();
    ok(objects.put("a/b", &all_bytes).await);
    assert_eq!(ok(objects.get("a/b").await), Some(all_bytes));
    assert_eq!(ok(objects.head("a/b").await), Some(meta("a/b", 256)));
    ok(objects.put("a/b", b"").await);
    assert_eq!(ok(objects.get("a/b").await), Some(Vec::new()), "a put replaces");
    assert_eq!(ok(objects.head("a/b").await), Some(meta("a/b", 0)));
    assert_eq!(ok(objects.get("a").await), None, "what stands before a slash is no object");
    assert_eq!(ok(objects.head("a").await), None);
    assert_eq!(ok(objects.get("a/b/c").await), None);

    let large = vec![7; 3 << 20];
    ok(objects.put("large", &large).await);
    assert!(
        ok(objects.get("large").await) == Some(large),
        "three megabytes come back as they were"
    );
}

async fn ranges(objects: &dyn Objects) {
    assert_eq!(ok(objects.get_range("o", 0..1).await), None);
    ok(objects.put("o", b"0123456789").await);
    let cases: [(u64, u64, &[u8]); 8] = [
        (0, 10, b"0123456789"),
        (0, 1, b"0"),
        (3, 5, b"34"),
        (9, 10, b"9"),
        (8, 99, b"89"),
        (10, 12, b""),
        (99, u64::MAX, b""),
        (5, 5, b""),
    ];
    for (start, end, expected) in cases {
        let found = ok(objects.get_range("o", start..end).await);
        assert_eq!(found.as_deref(), Some(expected), "{start}..{end}");
    }
    ok(objects.put("empty", b"").await);
    assert_eq!(ok(objects.get_range("empty", 0..5).await), Some(Vec::new()));
}

async fn put_if_absent_never_replaces(objects: &dyn Objects) {
    ok(objects.put_if_absent("k", b"first").await);
    condition_failed(objects.put_if_absent("k", b"second").await);
    assert_eq!(ok(objects.get("k").await), Some(b"first".to_vec()));
    ok(objects.delete("k").await);
    ok(objects.put_if_absent("k", b"third").await);
    assert_eq!(ok(objects.get("k").await), Some(b"third".to_vec()));
}

async fn a_deleted_object_is_gone(objects: &dyn Objects) {
    ok(objects.delete("a/b").await);
    ok(objects.put("a/b", b"1").await);
    ok(objects.put("a/c/d", b"2").await);
    ok(objects.delete("a").await);
    ok(objects.delete("a/c").await);
    ok(objects.delete("a/b/c").await);
    assert_eq!(keys(objects, "", None, 9).await, ["a/b", "a/c/d"], "only that key is deleted");
    ok(objects.delete("a/b").await);
    assert_eq!(ok(objects.get("a/b").await), None);
    assert_eq!(keys(objects, "", None, 9).await, ["a/c/d"]);
    ok(objects.delete("a/c/d").await);
    ok(objects.delete("a/c/d").await);
    assert_eq!(keys(objects, "", None, 9).await, [""; 0]);
    // What were folders can be objects now.
    ok(objects.put("a/c", b"3").await);
    assert_eq!(keys(objects, "", None, 9).await, ["a/c"]);
}

/// Keys whose order a walk through folders gets wrong: `-` and `.` sort before the slash.
const ORDERED: [&str; 10] =
    ["A/x", "a+b/c", "a-b", "a.b/c", "a/b", "a/b-c/d", "a/b.c", "a0", "a=", "b/c/d/e"];

async fn lists_are_in_key_order(objects: &dyn Objects) {
    for key in ORDERED.iter().rev() {
        ok(objects.put(key, key.as_bytes()).await);
    }
    assert_eq!(keys(objects, "", None, 99).await, ORDERED);
    let listed = ok(objects.list("", None, 1).await);
    assert_eq!(listed, [meta("A/x", 3)], "a listing tells the length");
    assert_eq!(keys(objects, "", None, 0).await, [""; 0]);
    assert_eq!(keys(objects, "a", None, 99).await, ORDERED[1..9]);
    assert_eq!(keys(objects, "a/", None, 99).await, ORDERED[4..7]);
    assert_eq!(keys(objects, "a/b", None, 99).await, ORDERED[4..7]);
    assert_eq!(keys(objects, "a/b-", None, 99).await, ["a/b-c/d"]);
    assert_eq!(keys(objects, "a/b-c/", None, 99).await, ["a/b-c/d"]);
    assert_eq!(keys(objects, "a/b-c/d", None, 99).await, ["a/b-c/d"]);
    for nothing in ["a/b-c/d/", "a/c", "c", "/", "//", "./", "../", "a/../", "a//b"] {
        assert_eq!(keys(objects, nothing, None, 99).await, [""; 0], "{nothing}");
    }
}

async fn lists_go_on_after_a_key(objects: &dyn Objects) {
    for key in ORDERED {
        ok(objects.put(key, b"").await);
    }
    for (index, key) in ORDERED.iter().enumerate() {
        assert_eq!(keys(objects, "", Some(key), 99).await, ORDERED[index + 1..], "{key}");
    }
    for size in 1..4 {
        let mut all = Vec::new();
        loop {
            let page = keys(objects, "a", all.last().map(String::as_str), size).await;
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        assert_eq!(all, ORDERED[1..9], "pages of {size}");
    }
    assert_eq!(keys(objects, "", Some("a/a"), 1).await, ["a/b"], "it need not exist");
    assert_eq!(keys(objects, "a/b", Some("A"), 1).await, ["a/b"], "it may come before the prefix");
    assert_eq!(keys(objects, "a/b", Some("b"), 9).await, [""; 0], "or after all of it");
}

async fn keys_stay_keys(objects: &dyn Objects) {
    let odd = [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a b",
        "a\\b",
        "a:b",
        "a~",
        "~tmp/a",
        "a\0",
        "a\n",
        "caf\u{e9}",
        "a*",
        "a%2fb",
        "a?b",
    ];
    for key in odd {
        invalid(objects.put(key, b"x").await);
        invalid(objects.put_if_absent(key, b"x").await);
        invalid(objects.get(key).await);
        invalid(objects.get_range(key, 0..1).await);
        invalid(objects.head(key).await);
        invalid(objects.delete(key).await);
    }
    assert_eq!(keys(objects, "", None, 99).await, [""; 0]);
    for key in ["...", ".a", "a..b", "-", "_", "=+@", "con.html", "0", "x/.../y"] {
        ok(objects.put(key, key.as_bytes()).await);
        assert_eq!(ok(objects.get(key).await), Some(key.as_bytes().to_vec()), "{key}");
    }
}

async fn long_keys(objects: &dyn Objects) {
    let part = "p".repeat(MAX_KEY_PART);
    let longest = format!("{}{}", format!("{part}/").repeat(4), "k".repeat(MAX_KEY - 4 * 201));
    assert_eq!(longest.len(), MAX_KEY);
    ok(objects.put(&longest, b"deep").await);
    assert_eq!(ok(objects.get(&longest).await), Some(b"deep".to_vec()));
    assert_eq!(keys(objects, &part, None, 9).await, from_ref(&longest));
    too_large(objects.put(&format!("{longest}k"), b"").await);
    too_large(objects.put(&format!("{part}p"), b"").await);
    too_large(objects.get(&format!("{part}p/a")).await);
}

async fn one_of_many_creates(objects: Arc<dyn Objects>) {
    for round in 0..20 {
        let key = format!("race/{round}/k");
        let results = race(|number| {
            let (objects, key) = (objects.clone(), key.clone());
            async move {
                objects.put_if_absent(&key, format!("racer {number}").as_bytes()).await?;
                Ok(number)
            }
        })
        .await;
        let winner = one_winner(results);
        let found = ok(objects.get(&key).await).expect("it was created");
        assert_eq!(found, format!("racer {winner}").as_bytes(), "the winner's body is there");
    }
}

/// Writers replace an object, readers and deleters of its neighbours come by: whole bodies only.
async fn a_put_is_seen_whole(objects: Arc<dyn Objects>) {
    const SIZE: usize = 200_000;
    ok(objects.put("shared/o", &vec![0; SIZE]).await);
    race(|number| {
        let objects = objects.clone();
        async move {
            let own = format!("shared/{number}/own");
            for round in 0..20 {
                if number % 2 == 0 {
                    ok(objects.put("shared/o", &vec![number as u8; SIZE]).await);
                }
                let body = ok(objects.get("shared/o").await).expect("it is never absent");
                assert_eq!(body.len(), SIZE);
                assert!(body.iter().all(|byte| *byte == body[0]), "half of one and of another");
                ok(objects.put(&own, &[round]).await);
                assert_eq!(ok(objects.get(&own).await), Some(vec![round]));
                ok(objects.delete(&own).await);
            }
        }
    })
    .await;
    assert_eq!(keys(&*objects, "", None, 9).await, ["shared/o"]);
}

async fn keys(
    objects: &dyn Objects,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Vec<String> {
    ok(objects.list(prefix, after, limit).await).into_iter().map(|found| found.key).collect()
}

fn meta(key: &str, len: u64) -> ObjectMeta {
    ObjectMeta { key: key.to_owned(), len }
}
