//! The promises of `Wake`.

use std::slice::from_ref;
use std::sync::Arc;

use ambient::Timestamp;

use super::{ok, race};
use crate::port::{Wake, WakeUp};

/// Drives the stores that `make` makes through every promise of [`Wake`].
///
/// # Panics
///
/// Where one is not held.
pub async fn wake(make: impl AsyncFn() -> Arc<dyn Wake>) {
    what_is_set_stays_until_cleared(&*make().await).await;
    setting_again_moves(&*make().await).await;
    they_come_earliest_first(&*make().await).await;
    integrations_are_apart(&*make().await).await;
    clearing_is_exact(&*make().await).await;
    one_remains_of_many(make().await).await;
}

async fn what_is_set_stays_until_cleared(wake: &dyn Wake) {
    assert_eq!(ok(wake.of("t/i").await), []);
    let up = wake_up(100, "t/i", "retry");
    ok(wake.set(up.clone()).await);
    assert_eq!(ok(wake.of("t/i").await), from_ref(&up));
    assert_eq!(ok(wake.of("t/i").await), from_ref(&up), "it stays until it is cleared");
    ok(wake.clear(&up).await);
    assert_eq!(ok(wake.of("t/i").await), []);
    ok(wake.clear(&up).await);

    let precise =
        WakeUp { due: at(7).max(Timestamp::new(7, 123_456_789).unwrap_or_default()), ..up };
    ok(wake.set(precise.clone()).await);
    assert_eq!(ok(wake.of("t/i").await), from_ref(&precise), "to the nanosecond");
    ok(wake.clear(&precise).await);
    assert_eq!(ok(wake.of("t/i").await), []);
}

async fn setting_again_moves(wake: &dyn Wake) {
    let (early, late) = (wake_up(100, "t/i", "retry"), wake_up(200, "t/i", "retry"));
    for (from, to) in [(&early, &late), (&late, &early), (&early, &early)] {
        ok(wake.set(from.clone()).await);
        ok(wake.set(to.clone()).await);
        assert_eq!(ok(wake.of("t/i").await), from_ref(to));
    }
}

async fn they_come_earliest_first(wake: &dyn Wake) {
    let reasons = ["retry", "expiry", "delayed-delete", "schedule", "settle"];
    let mut ups: Vec<_> = (0..)
        .zip(reasons)
        .map(|(number, reason)| wake_up(1000 - number * 37 % 10, "t/i", reason))
        .collect();
    for up in &ups {
        ok(wake.set(up.clone()).await);
    }
    ups.sort();
    assert_eq!(ok(wake.of("t/i").await), ups);
}

async fn integrations_are_apart(wake: &dyn Wake) {
    let ups = [
        wake_up(3, "t/i", "expiry"),
        wake_up(1, "t/i", "schedule"),
        wake_up(2, "t/i2", "expiry"),
        wake_up(4, "t", "i/expiry"),
    ];
    for up in &ups {
        ok(wake.set(up.clone()).await);
    }
    assert_eq!(ok(wake.of("t/i").await), [ups[1].clone(), ups[0].clone()], "earliest first");
    assert_eq!(ok(wake.of("t/i2").await), [ups[2].clone()]);
    assert_eq!(ok(wake.of("t").await), [ups[3].clone()]);
    assert_eq!(ok(wake.of("").await), []);
}

async fn clearing_is_exact(wake: &dyn Wake) {
    let up = wake_up(100, "t/i", "retry");
    ok(wake.set(up.clone()).await);
    for other in
        [wake_up(101, "t/i", "retry"), wake_up(100, "t/j", "retry"), wake_up(100, "t/i", "expiry")]
    {
        ok(wake.clear(&other).await);
        assert_eq!(ok(wake.of("t/i").await), from_ref(&up));
    }
    let moved = wake_up(300, "t/i", "retry");
    ok(wake.set(moved.clone()).await);
    ok(wake.clear(&up).await);
    assert_eq!(ok(wake.of("t/i").await), [moved], "it was moved meanwhile");
}

async fn one_remains_of_many(wake: Arc<dyn Wake>) {
    let set = race(|number| {
        let wake = wake.clone();
        async move {
            let up = wake_up(number as i64, "t/i", "retry");
            ok(wake.set(up.clone()).await);
            up
        }
    })
    .await;
    let found = ok(wake.of("t/i").await);
    assert_eq!(found.len(), 1);
    assert!(set.contains(&found[0]));
}

fn at(second: i64) -> Timestamp {
    Timestamp::new(second, 0).expect("a second that there is")
}

fn wake_up(second: i64, integration: &str, reason: &str) -> WakeUp {
    WakeUp { due: at(second), integration: integration.to_owned(), reason: reason.to_owned() }
}
