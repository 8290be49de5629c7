//! Passwords of new accounts that somebody hands over: whatever happens, the list says what the LMS
//! holds. The oracle of every world looks at that; here are the days on which it matters.

use std::time::Duration;

use ambient::Clock as _;
use end_to_end::trouble::Kind;
use end_to_end::world::Step;
use end_to_end::{Crash, Moment, Town, Trouble, World, oracle};
use pipeline::Keeping;
use store::state::audit;
use store::state::credentials::Standing;

/// Syncs once more after whatever happened before, until all is done.
async fn settles(world: &mut World, town: &Town) {
    for _ in 0..6 {
        world.clock.advance(Duration::from_secs(600));
        world.platform().land(world.clock.now());
        let process = world.process(None, None, true);
        if process.run(Step::Sync(&town.export())).await.is_settled() {
            return;
        }
    }
    panic!("the world does not come to rest");
}

#[tokio::test]
async fn wherever_the_process_dies_the_list_says_what_the_lms_was_told() {
    let town = Town::founded();
    let calls = {
        let mut world = World::new(1);
        let process = world.process(None, None, true);
        assert!(process.run(Step::Sync(&town.export())).await.is_settled());
        let waiting = process.pipeline.credentials().await.unwrap();
        assert_eq!(waiting.len(), town.people.len());
        process.tap.calls()
    };
    for moment in [Moment::Before, Moment::After, Moment::Underway] {
        for call in (10..calls.min(120)).step_by(3) {
            let mut world = World::new(1);
            let dying = world.process(Some(Crash { call, moment }), None, true);
            dying.run(Step::Sync(&town.export())).await;
            settles(&mut world, &town).await;
            world.platform().land(ambient::Timestamp::MAX);
            let faults = oracle::faults(&world, &town).await;
            assert!(faults.is_empty(), "{call} {moment:?}: {faults:#?}");
        }
    }
}

#[tokio::test]
async fn a_creation_without_an_answer_is_marked_until_it_is_known() {
    let town = Town::founded();
    let mut seen = 0;
    for skip in 0..40 {
        let mut world = World::new(2);
        let trouble = Trouble::only(Kind::LmsTimeoutAfter, 6).after(skip);
        let process = world.process(None, Some(trouble), true);
        process.run(Step::Sync(&town.export())).await;
        let calm = world.process(None, None, true).pipeline;
        let waiting = calm.credentials().await.unwrap();
        let unknown = |line: &&pipeline::WaitingCredential| line.standing == Standing::Unknown;
        let doubted = waiting.iter().filter(unknown).count();
        let what = calm.hand_over().await.unwrap();
        let told = what.handed.iter().filter(|line| line.1 == Standing::Unknown).count();
        assert_eq!(told, doubted, "{skip}: what is handed over says so");
        seen += usize::from(doubted > 0);
        settles(&mut world, &town).await;
        let faults = oracle::faults(&world, &town).await;
        assert!(faults.is_empty(), "{skip}: {faults:#?}");
    }
    assert!(seen > 0, "no creation was in doubt");
}

#[tokio::test]
async fn what_is_handed_over_is_erased_and_what_came_meanwhile_stays() {
    let mut world = World::new(3);
    let mut town = Town::founded();
    settles(&mut world, &town).await;
    let hand = world.process(None, None, true).pipeline;
    let first = hand.hand_over().await.unwrap();
    assert_eq!((first.handed.len(), first.under_way), (town.people.len(), 0));
    town.person_comes(60);
    settles(&mut world, &town).await;
    let erased = hand.erase_handed_over(&first, "the head").await.unwrap();
    assert_eq!(erased as usize, first.handed.len());
    let left = hand.hand_over().await.unwrap();
    assert_eq!(left.handed.len(), 1);
    // Asked once more, as by somebody whose answer was lost, it takes nothing else along.
    assert_eq!(hand.erase_handed_over(&first, "the head").await.unwrap(), 0);
    assert_eq!(hand.credentials().await.unwrap().len(), 1);
    let trail = audit::list(&world.stores(), &world.integration.scope, None, None).await.unwrap();
    assert!(trail.iter().any(|entry| entry.what == "handed over" && entry.who == "the head"));
}

#[tokio::test]
async fn what_nobody_hands_over_is_erased_in_the_end() {
    let mut world = World::new(4);
    let town = Town::founded();
    settles(&mut world, &town).await;
    world.clock.advance(Keeping::default().credentials);
    let sweeping = world.process(None, None, true);
    assert!(sweeping.pipeline.credentials().await.unwrap().is_empty());
    assert!(sweeping.pipeline.hand_over().await.unwrap().handed.is_empty());
    let stored = |world: &World| {
        let items = world.table.items();
        items.iter().filter(|item| item.key.sk.starts_with("credentials/")).count()
    };
    assert!(stored(&world) > 0);
    sweeping.pipeline.sweep().await.unwrap();
    assert_eq!(stored(&world), 0);
}
