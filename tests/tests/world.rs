//! The seeded world: processes that die at every call, and everything else that goes wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]
#![expect(clippy::print_stdout, reason = "a world that is wrong tells how to see it again")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use end_to_end::campaign::{
    Dawn, Failure, Name, Report, careful_dawns, dawns, every_change, every_overtaken, every_point,
    every_zombie, lose_record, run,
};
use store::state::run::RunState;

/// How many seeded worlds are run where nothing else is asked for.
const SEEDED: u64 = 700;
/// How many of the careful school.
const CAREFUL: u64 = 200;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

/// Runs all of `names` on as many threads as there are cores.
fn worlds(dawns: &[Dawn], names: &[Name]) -> Vec<Result<Report, Failure>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let world = block_on(run(dawns, *name));
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(world);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What came of the worlds, all of which must be well.
fn all_well(worlds: Vec<Result<Report, Failure>>) -> Vec<Report> {
    let count = worlds.len();
    let (mut reports, mut failures) = (Vec::new(), Vec::new());
    for world in worlds {
        match world {
            Ok(report) => reports.push(report),
            Err(failure) => failures.push(failure),
        }
    }
    for failure in failures.iter().take(12) {
        println!("{failure}");
    }
    assert!(failures.is_empty(), "{} of {count} worlds went wrong", failures.len());
    reports
}

#[test]
fn whenever_the_process_dies_the_next_one_ends_as_if_nothing_had_been() {
    let dawns = block_on(dawns());
    let points = every_point(&dawns);
    assert!(points.len() > 1_300, "{}", points.len());
    let reports = all_well(worlds(&dawns, &points));
    assert!(reports.iter().all(|report| report.settled.killed == 1));
}

#[test]
fn what_a_dead_process_had_under_way_does_not_come_in_after_a_newer_export() {
    let dawns = block_on(dawns());
    let names = every_overtaken(&dawns);
    assert!(names.len() > 80, "{}", names.len());
    all_well(worlds(&dawns, &names));
}

#[test]
fn a_process_that_was_taken_for_dead_and_goes_on_does_no_harm() {
    let dawns = block_on(dawns());
    let zombies = every_zombie(&dawns);
    all_well(worlds(&dawns, &zombies));
}

/// `WORLD_COUNT` sets how many, `WORLD_FROM` the first.
#[test]
fn whatever_goes_wrong_it_is_put_right() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let from = number("WORLD_FROM").unwrap_or(0);
    let count = number("WORLD_COUNT").unwrap_or(SEEDED);
    let dawns = block_on(dawns());
    let seeds: Vec<Name> = (from..from + count).map(Name::Seed).collect();
    let reports = all_well(worlds(&dawns, &seeds));
    if count < 500 {
        return;
    }
    // What the seeds are for is among them.
    let ended = |state| reports.iter().filter(|report| report.states.contains(&state)).count();
    let killed = reports.iter().filter(|report| report.settled.killed > 1).count();
    let doubtful = reports.iter().filter(|report| report.unknown > 0).count();
    let seen = [ended(RunState::Superseded), ended(RunState::Interrupted), killed, doubtful];
    assert!(seen.iter().all(|seen| *seen >= 10), "superseded, interrupted, ...: {seen:?}");
}

#[test]
fn a_seed_gives_the_same_world_to_the_byte() {
    let (one, other) = (block_on(dawns()), block_on(dawns()));
    for seed in 0..20 {
        let name = Name::Seed(seed);
        match (block_on(run(&one, name)), block_on(run(&other, name))) {
            (Ok(one), Ok(other)) => assert_eq!(one.digest, other.digest, "seed {seed}"),
            (one, other) => panic!("{one:?} {other:?}"),
        }
    }
}

#[test]
fn a_careful_school_is_safe_wherever_a_process_dies() {
    let dawns = block_on(careful_dawns());
    let points = every_change(&dawns);
    assert!(points.len() > 300, "{}", points.len());
    let reports = all_well(worlds(&dawns, &points));
    assert!(reports.iter().all(|report| report.settled.killed == 1));
}

#[test]
fn at_a_careful_school_neither_newer_exports_nor_zombies_do_harm() {
    let dawns = block_on(careful_dawns());
    let mut names = every_overtaken(&dawns);
    // A process that stands still between two reads has nothing to be late with.
    let changes = |name: &Name| match name {
        Name::Zombie { day, call, .. } => dawns[*day].changes.contains(call),
        _ => false,
    };
    names.extend(every_zombie(&dawns).into_iter().filter(changes));
    assert!(names.len() > 300, "{}", names.len());
    all_well(worlds(&dawns, &names));
}

/// `CAREFUL_COUNT` sets how many, `WORLD_FROM` the first.
#[test]
fn whatever_goes_wrong_with_care_it_is_put_right() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let from = number("WORLD_FROM").unwrap_or(0);
    let count = number("CAREFUL_COUNT").unwrap_or(CAREFUL);
    let dawns = block_on(careful_dawns());
    let seeds: Vec<Name> = (from..from + count).map(Name::Seed).collect();
    all_well(worlds(&dawns, &seeds));
}

/// `WORLD_SEED` names the world.
#[test]
fn replay() {
    let Ok(word) = std::env::var("WORLD_SEED") else { return };
    let lives = [block_on(dawns()), block_on(careful_dawns())];
    let named = |dawns: Vec<Dawn>| Some((Name::parse(&word, &dawns)?, dawns));
    let (name, dawns) =
        lives.into_iter().find_map(named).expect("WORLD_SEED is a number or a crash point");
    match block_on(run(&dawns, name)) {
        Ok(report) => println!("world {word} is well: {:#?}", report.settled.story),
        Err(failure) => panic!("{failure}"),
    }
}

/// A platform that says it made what it did not make is found out only when it is read as a whole.
/// Until then the record may be missing, with what refers to it, and nothing else may be wrong.
#[test]
fn a_record_that_the_platform_loses_costs_nothing_but_itself() {
    let dawns = block_on(dawns());
    for day in 0..dawns.len() {
        for skip in 0..dawns[day].writes {
            let wrong = block_on(lose_record(&dawns, day, skip));
            let harm: Vec<&String> = wrong.iter().filter(|line| is_harm(line)).collect();
            assert!(harm.is_empty(), "day {day}, write {skip}: {harm:#?}");
        }
    }
}

/// Whether it is more than something missing or not done yet.
fn is_harm(line: &str) -> bool {
    let harm = [
        " accounts",
        "twice",
        "by hand",
        "not ours",
        "nobody is or was",
        "was deleted",
        "there never was",
        "manifest",
        "segment",
        "digest",
        "it counts",
    ];
    let category = line.starts_with("category") && !line.contains("is there 0 times");
    category || harm.iter().any(|harm| line.contains(harm))
}
