//! A part of what is held is approved: it goes, wherever a process dies on the way, and the rest
//! stays until somebody approves that, too.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use end_to_end::town::course_key;
use end_to_end::wire::is_active;
use end_to_end::world::Step;
use end_to_end::{Crash, Moment, Town, World, oracle};
use pipeline::{Approved, Pipeline};
use plan::{Limit, Selector};
use roster::{Kind, Role};
use store::state::run::Run;

fn only(text: &str) -> Vec<Selector> {
    let Ok(selector) = text.parse();
    vec![selector]
}

/// A school of which two courses lose three pupils each, where two are the limit; and the run that
/// holds them.
async fn held() -> (World, Town, Run) {
    let mut world = World::new(6);
    world.set_limit(Kind::Enrollment, Limit { percent: None, count: Some(2), minimum: 0 });
    let mut town = Town::founded();
    sync(&mut world, &town).await;
    for course in [course_key(2026, 1), course_key(2026, 2)] {
        let of = |(at, seat): &(&(String, String), &end_to_end::town::Seat)| {
            at.0 == course && seat.role == Role::Student
        };
        let leaving: Vec<String> =
            town.seats.iter().filter(of).take(3).map(|(at, _)| at.1.clone()).collect();
        leaving.iter().for_each(|who| town.stands_up(&course, who));
    }
    let held = sync(&mut world, &town).await;
    assert_eq!(held.held[&Kind::Enrollment].values().sum::<u64>(), 6, "{:?}", held.held);
    (world, town, held)
}

async fn sync(world: &mut World, town: &Town) -> Run {
    world.clock.advance(Duration::from_secs(60));
    let process = world.process(None, None, true);
    process.run(Step::Sync(&town.export())).await.outcome().run
}

async fn approve(pipeline: &Pipeline, run: &str, what: &str) -> Approved {
    let part = pipeline.held_part(run, &only(what)).await.unwrap();
    let checksum = part.checksum.to_string();
    pipeline.approve_part(run, &only(what), &checksum, "the head").await.unwrap()
}

/// How many take part in a course.
fn in_course(world: &World, number: usize) -> usize {
    let platform = world.platform();
    let id = platform.site.course_by_idnumber(&course_key(2026, number)).unwrap().0;
    platform.site.members(id).filter(|(_, member)| is_active(member)).count()
}

#[tokio::test]
async fn one_course_goes_and_the_other_stays_wherever_the_process_dies() {
    let calls = {
        let (mut world, town, run) = held().await;
        let process = world.process(None, None, true);
        approve(&process.pipeline, &run.id, "course:C2026-1").await;
        let process = world.process(None, None, true);
        process.run(Step::Sync(&town.export())).await;
        process.tap.calls()
    };
    assert!(calls > 30, "{calls}");
    for call in (3..calls).step_by(5) {
        let (mut world, town, run) = held().await;
        let before = (in_course(&world, 1), in_course(&world, 2));
        let process = world.process(None, None, true);
        approve(&process.pipeline, &run.id, "course:C2026-1").await;
        let crash = Crash { call, moment: Moment::After };
        let _killed = world.process(Some(crash), None, true).run(Step::Sync(&town.export())).await;
        world.platform().land(ambient::Timestamp::MAX);
        world.clock.advance(Duration::from_secs(600));
        let mut last = sync(&mut world, &town).await;
        for _ in 0..3 {
            last = sync(&mut world, &town).await;
        }
        let now = (in_course(&world, 1), in_course(&world, 2));
        assert_eq!(now, (before.0 - 3, before.1), "{call}: {:?}", last.held);
        assert_eq!(last.held[&Kind::Enrollment].values().sum::<u64>(), 3, "{call}");
        let process = world.process(None, None, true);
        let checksum = last.held_checksum.unwrap();
        process.pipeline.approve(&last.id, &checksum, "the head").await.unwrap();
        let done = sync(&mut world, &town).await;
        assert!(done.held.is_empty(), "{call}: {:?}", done.held);
        let faults = oracle::faults(&world, &town).await;
        assert!(faults.is_empty(), "{call}: {faults:#?}");
    }
}

/// What is asked for beside what was approved has not been looked at.
#[tokio::test]
async fn a_part_is_what_was_shown_and_no_more() {
    let (mut world, mut town, run) = held().await;
    let before = in_course(&world, 1);
    let process = world.process(None, None, true);
    let pipeline = &process.pipeline;
    approve(pipeline, &run.id, "course:C2026-1").await;
    let none = pipeline.held_part(&run.id, &only("person")).await.unwrap_err().to_string();
    assert!(none.contains("rollcall holds"), "{none}");
    let other = pipeline.approve_part(&run.id, &only("course:C2026-2"), "00", "x").await;
    assert!(other.unwrap_err().to_string().contains("approve what you see"));
    let pupil = |at: &(String, String)| at.0 == course_key(2026, 1);
    let one_more = town.seats.keys().find(|at| pupil(at)).unwrap().1.clone();
    town.stands_up(&course_key(2026, 1), &one_more);
    let next = sync(&mut world, &town).await;
    assert_eq!(in_course(&world, 1), before - 3);
    assert_eq!(next.held[&Kind::Enrollment].values().sum::<u64>(), 4, "{:?}", next.held);
    // Two parts can wait at the same time, each with a word of its own.
    let process = world.process(None, None, true);
    approve(&process.pipeline, &next.id, "course:C2026-1").await;
    approve(&process.pipeline, &next.id, "course:C2026-2").await;
    let done = sync(&mut world, &town).await;
    assert!(done.held.is_empty(), "{:?}", done.held);
    let faults = oracle::faults(&world, &town).await;
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Nobody asks for it any more: nothing stays held, and nothing is remembered of it.
#[tokio::test]
async fn what_stayed_held_is_forgotten_once_nobody_asks_for_it() {
    let (mut world, _, run) = held().await;
    let process = world.process(None, None, true);
    approve(&process.pipeline, &run.id, "course:C2026-1").await;
    let kept = |world: &World| world.table.items().iter().any(|item| item.key.sk == "kept-back");
    process.pipeline.resync().await.unwrap();
    assert!(kept(&world));
    let whole = Town::founded();
    let back = sync(&mut world, &whole).await;
    assert!(back.held.is_empty() && !kept(&world), "{:?}", back.held);
    let faults = oracle::faults(&world, &whole).await;
    assert!(faults.is_empty(), "{faults:#?}");
}
