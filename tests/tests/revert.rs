//! Undoing a run brings back what the LMS held before it, wherever a process dies.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use end_to_end::undo::{in_use, next_day, revert, world};
use end_to_end::world::Step;
use end_to_end::{Crash, Ended, Moment, Process, Town, World, oracle};
use pipeline::{Later, PipelineError};
use store::state::run::{Run, RunState};

/// How many schools are looked at where nothing else is asked for.
fn schools() -> u64 {
    std::env::var("REVERT_COUNT").ok().map_or(60, |text| text.parse().unwrap())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The next process, a minute later.
fn next(world: &mut World, crash: Option<Crash>) -> Process {
    world.clock.advance(Duration::from_secs(60));
    world.process(crash, None, true)
}

async fn sync(world: &mut World, town: &Town) -> Run {
    let process = next(world, None);
    let ended = process.run(Step::Sync(&town.export())).await;
    assert!(ended.is_settled(), "{ended:?}");
    world.known.push(town.clone());
    ended.outcome().run
}

/// A school of some days, and the day that is to be undone.
async fn school(seed: u64) -> (World, Town, Town) {
    let mut world = world(seed);
    let mut town = Town::founded();
    sync(&mut world, &town).await;
    if seed % 2 == 1 {
        town = next_day(&town, seed ^ 0x5eed);
        sync(&mut world, &town).await;
    }
    let bad = next_day(&town, seed);
    (world, town, bad)
}

/// Undoes `run` with as many processes as it takes.
async fn undo(world: &mut World, run: &str, crash: Option<Crash>) -> Result<u64, PipelineError> {
    let (process, ended) = revert(world, run, Later::Refused, crash).await;
    let calls = process.tap.calls();
    if let Some(ended) = ended {
        assert!(ended?.outcome.run.state == RunState::Done);
    } else {
        let (_, ended) = revert(world, run, Later::Refused, None).await;
        assert!(ended.unwrap()?.outcome.run.state == RunState::Done);
    }
    world.platform().land(ambient::Timestamp::MAX);
    Ok(calls)
}

/// What was taken back does not come again; anything else does.
async fn goes_on(world: &mut World, bad: &Town, seed: u64) {
    let again = next(world, None).run(Step::Sync(&bad.export())).await;
    assert!(
        matches!(again, Ended::Came(Err(PipelineError::Refused { .. }))),
        "seed {seed}: {again:?}"
    );
    let tomorrow = next_day(bad, seed ^ 0xff);
    sync(world, &tomorrow).await;
    let wrong = oracle::faults(world, &tomorrow).await;
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
}

#[test]
fn what_a_run_did_is_undone_and_does_not_come_again() {
    for seed in 0..schools() {
        block_on(async {
            let (mut world, _, bad) = school(seed).await;
            let before = in_use(&world.platform());
            let run = sync(&mut world, &bad).await;
            if run.source_generation.is_none() {
                return;
            }
            undo(&mut world, &run.id, None).await.unwrap();
            similar(&before, &in_use(&world.platform()), seed);
            // Once more there is nothing left to do.
            let (process, again) = revert(&mut world, &run.id, Later::Refused, None).await;
            let again = again.unwrap().unwrap();
            assert!(again.taken.runs.is_empty() && again.outcome.run.changes.is_empty());
            assert_eq!(process.tap.lms_calls(), 0);
            goes_on(&mut world, &bad, seed).await;
        });
    }
}

#[track_caller]
fn similar<T: PartialEq + std::fmt::Debug>(
    before: &std::collections::BTreeMap<String, T>,
    after: &std::collections::BTreeMap<String, T>,
    seed: u64,
) {
    let odd: Vec<_> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| format!("{key}: {:?} became {:?}", before.get(key), after.get(key)))
        .collect();
    assert!(odd.is_empty(), "seed {seed}: {odd:#?}");
}

#[test]
fn wherever_an_undoing_dies_the_next_one_ends_it() {
    for seed in [3, 8] {
        let calls = block_on(async {
            let (mut world, _, bad) = school(seed).await;
            let run = sync(&mut world, &bad).await;
            undo(&mut world, &run.id, None).await.unwrap()
        });
        let moments = [Moment::Before, Moment::After, Moment::Underway];
        for (at, moment) in (1..=calls).zip(moments.into_iter().cycle()) {
            block_on(async {
                let (mut world, _, bad) = school(seed).await;
                let before = in_use(&world.platform());
                let run = sync(&mut world, &bad).await;
                undo(&mut world, &run.id, Some(Crash { call: at, moment })).await.unwrap();
                similar(&before, &in_use(&world.platform()), seed);
                if at % 7 == 0 {
                    goes_on(&mut world, &bad, seed).await;
                }
            });
        }
    }
}

#[test]
fn a_run_that_died_half_way_is_undone_half_way() {
    for seed in [4, 9] {
        let calls = block_on(async {
            let (mut world, _, bad) = school(seed).await;
            let process = next(&mut world, None);
            assert!(process.run(Step::Sync(&bad.export())).await.is_settled());
            process.tap.calls()
        });
        let mut undone = 0;
        let moments = [Moment::After, Moment::Underway, Moment::Before];
        for (call, moment) in (1..=calls).zip(moments.into_iter().cycle()) {
            block_on(async {
                let (mut world, _, bad) = school(seed).await;
                let last = world.runs().await[0].id.clone();
                let before = in_use(&world.platform());
                let dying = next(&mut world, Some(Crash { call, moment }));
                let ended = dying.run(Step::Sync(&bad.export())).await;
                assert!(matches!(ended, Ended::Killed), "{ended:?}");
                let run = world.runs().await[0].clone();
                if run.id == last || run.source_generation.is_none() {
                    return;
                }
                undone += 1;
                undo(&mut world, &run.id, None).await.unwrap();
                similar(&before, &in_use(&world.platform()), seed);
            });
        }
        assert!(undone > 20, "{undone}");
    }
}

#[test]
fn later_runs_are_named_or_go_with_it() {
    block_on(async {
        let (mut world, town, bad) = school(2).await;
        let before = in_use(&world.platform());
        let first = sync(&mut world, &bad).await;
        let second = sync(&mut world, &next_day(&bad, 77)).await;
        let (table, lms) = (world.table.items().len(), in_use(&world.platform()));
        let (_, refused) = revert(&mut world, &first.id, Later::Refused, None).await;
        let Err(PipelineError::StoodOn { later, .. }) = refused.unwrap() else {
            panic!("it was not refused")
        };
        assert_eq!(later.iter().map(|later| &later.run).collect::<Vec<_>>(), [&second.id]);
        assert_eq!((world.table.items().len(), in_use(&world.platform())), (table, lms));
        let (_, both) = revert(&mut world, &first.id, Later::TakenBackToo, None).await;
        let taken = both.unwrap().unwrap().taken;
        assert_eq!(taken.runs, [first.id.clone(), second.id.clone()]);
        assert_eq!(taken.sources, ["registrar"]);
        similar(&before, &in_use(&world.platform()), 2);
        for refused in [&bad, &next_day(&bad, 77)] {
            let again = next(&mut world, None).run(Step::Sync(&refused.export())).await;
            assert!(matches!(again, Ended::Came(Err(PipelineError::Refused { .. }))));
        }
        // What was there before is said again: nothing is to be done.
        let run = sync(&mut world, &town).await;
        assert!(run.changes.is_empty(), "{:?}", run.changes);
    });
}

/// The first export ever: everything that it made is put aside.
#[test]
fn the_first_run_of_all_is_undone() {
    block_on(async {
        let mut world = world(1);
        let run = sync(&mut world, &Town::founded()).await;
        undo(&mut world, &run.id, None).await.unwrap();
        let left = in_use(&world.platform());
        let ours = left.values().any(|shown| shown.contains("oakfield.example"));
        assert!(!ours, "{left:#?}");
        let shown = world.runs().await;
        assert_eq!(shown[0].reverts, std::slice::from_ref(&run.id));
        assert_eq!(shown[1].reverted_by.as_ref(), Some(&shown[0].id));
    });
}

#[test]
fn what_has_nothing_of_its_own_to_undo_says_whose_it_was() {
    block_on(async {
        let (mut world, _, bad) = school(6).await;
        let run = sync(&mut world, &bad).await;
        let process = next(&mut world, None);
        let resync = process.pipeline.resync().await.unwrap().run;
        let (_, refused) = revert(&mut world, &resync.id, Later::Refused, None).await;
        let error = refused.unwrap().unwrap_err().to_string();
        assert!(error.contains(&run.id), "{error}");
        let undone = revert(&mut world, &run.id, Later::Refused, None).await.1.unwrap().unwrap();
        let (_, twice) = revert(&mut world, &undone.outcome.run.id, Later::Refused, None).await;
        let error = twice.unwrap().unwrap_err().to_string();
        assert!(error.contains("rollcall resume registrar"), "{error}");
    });
}

/// While the integration was on trial its export was taken in, and a run without an export
/// delivered it.
#[test]
fn a_run_without_an_export_takes_back_what_it_delivered_first() {
    block_on(async {
        let (mut world, _, bad) = school(12).await;
        let before = in_use(&world.platform());
        let live = world.integration.clone();
        let mut trial = (*live).clone();
        trial.standing = pipeline::Standing::Test;
        world.integration = trial.into();
        let tried = next(&mut world, None).run(Step::Sync(&bad.export())).await.outcome();
        similar(&before, &in_use(&world.platform()), 12);
        world.integration = live;
        let resync = next(&mut world, None).pipeline.resync().await.unwrap().run;
        assert!(!resync.changes.is_empty());
        let (_, undone) = revert(&mut world, &resync.id, Later::Refused, None).await;
        assert_eq!(undone.unwrap().unwrap().taken.runs, std::slice::from_ref(&tried.run.id));
        similar(&before, &in_use(&world.platform()), 12);
    });
}
