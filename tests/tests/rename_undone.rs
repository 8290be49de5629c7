//! A run that asked about a key, was answered, and is refused or undone after that: the answer made
//! the source say the same under another key, which must stand in nobody's way.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use ambient::Clock;
use end_to_end::world::Step;
use end_to_end::{Town, World, oracle};
use pipeline::{Later, Said, SyncOutcome};
use roster::Text;

async fn sync(world: &mut World, town: &Town) -> Box<SyncOutcome> {
    world.clock.advance(Duration::from_secs(60));
    let ended = world.process(None, None, true).run(Step::Sync(&town.export())).await;
    world.known.push(town.clone());
    ended.outcome()
}

/// The school, and the run that asks whether P017 and N017 are one; that is answered and delivered.
async fn answered() -> (World, Town, Town, String) {
    let town = Town::founded_with_days_of_birth();
    let mut world = World::new(5);
    assert!(sync(&mut world, &town).await.run.held.is_empty());
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    let asked = sync(&mut world, &moved).await.run;
    assert!(!asked.held.is_empty());
    world.clock.advance(Duration::from_secs(60));
    let (process, until) = (world.process(None, None, true), world.clock.now());
    let pairs = [(Text::new("P017"), Text::new("N017"))];
    process.pipeline.rename(&pairs, Said::Same, "the registrar", until).await.unwrap();
    process.pipeline.resync().await.unwrap();
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    (world, town, moved, asked.id)
}

fn account(world: &World, key: &str) -> Option<u32> {
    world.platform().site.users_by_idnumber(key).first().map(|user| user.0)
}

#[tokio::test]
async fn the_run_that_asked_can_be_refused_after_the_answer() {
    let (mut world, town, moved, asked) = answered().await;
    let kept = account(&world, "N017");
    let process = world.process(None, None, true);
    let rejection = process.pipeline.reject(&asked, "the registrar").await.unwrap();
    assert!(rejection.rolled_back);
    process.pipeline.resync().await.unwrap();
    assert_eq!(account(&world, "P017"), kept, "the account follows the key that holds again");
    assert_eq!(oracle::faults(&world, &town).await, [""; 0]);
    // Once it is allowed again, nobody is asked a second time.
    let process = world.process(None, None, true);
    process.pipeline.resume("registrar", "the registrar").await.unwrap();
    let again = sync(&mut world, &moved).await.run;
    assert!(again.held.is_empty(), "{:?}", again.held);
    assert_eq!(account(&world, "N017"), kept);
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
}

#[tokio::test]
async fn the_run_that_asked_can_be_undone_after_the_answer() {
    let (mut world, town, _, asked) = answered().await;
    let kept = account(&world, "N017");
    let process = world.process(None, None, true);
    let reverted = process.pipeline.revert(&asked, Later::Refused, "the registrar").await.unwrap();
    assert_eq!(reverted.taken.runs, [asked]);
    assert!(reverted.outcome.run.held.is_empty(), "{:?}", reverted.outcome.run.held);
    assert_eq!(account(&world, "P017"), kept);
    assert_eq!(oracle::faults(&world, &town).await, [""; 0]);
}

/// The run that delivered the answer has no export of its own, and its source would go back to keys
/// that mean somebody else by now: it says which run to undo, and changes nothing.
#[tokio::test]
async fn the_run_that_delivered_the_answer_says_which_one_to_undo() {
    let (mut world, _, moved, asked) = answered().await;
    let newest = world.runs().await[0].id.clone();
    assert_ne!(newest, asked);
    let process = world.process(None, None, true);
    let refused = process.pipeline.revert(&newest, Later::Refused, "the registrar").await;
    let why = refused.unwrap_err().to_string();
    assert!(why.contains(&format!("rollcall revert {asked}")), "{why}");
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    assert!(sync(&mut world, &moved).await.run.changes.is_empty());
}
