//! Fifty schools at once over the same stores: one of them huge, one with half an export, two whose
//! LMS is of no use. Nobody gets anything of anybody else, and nobody waits for the huge one.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::time::Duration;

use end_to_end::load::{Load, Pace, Rest, block_on, wanted};
use end_to_end::load_ports::Health;
use end_to_end::world::Step;
use store::state::run::RunState;
use store::state::{StateName, States};

/// Comes first, and is forty times the others.
const HUGE: usize = 0;
/// Its export ends early.
const TRUNCATED: usize = 7;
/// Nobody can connect to its LMS.
const DOWN: usize = 19;
/// Its LMS takes requests and does not answer.
const SILENT: usize = 31;
const SCHOOLS: usize = 50;

const FAIR: Pace = Pace { functions: 4, slice: Duration::from_secs(5) };

fn schools(count: usize, times: usize) -> Load {
    let mut load = Load::new(5);
    load.add(times);
    for _ in 1..count {
        load.add(1);
    }
    load
}

fn all_exports(load: &Load) -> Vec<(usize, Vec<u8>)> {
    load.tenants.iter().map(|tenant| tenant.town.export()).enumerate().collect()
}

/// The largest share of its calls that the huge school had made when one of `these` came to rest.
fn largest_share(load: &Load, rests: &BTreeMap<usize, Rest>, these: &[usize]) -> f64 {
    let latest = these.iter().map(|school| rests[school].calls_of_first).max().unwrap();
    latest as f64 / load.tenants[HUGE].calls() as f64
}

/// How long a small school takes where it is the only one.
async fn alone() -> Duration {
    let mut load = schools(1, 1);
    let exports = all_exports(&load);
    load.rush(exports, FAIR).await[&HUGE].after
}

#[test]
fn fifty_schools_at_once_get_their_own_and_nobody_waits_for_the_huge_one() {
    block_on(async {
        let mut load = schools(SCHOOLS, 40);
        // The one whose export will end early has been there before.
        let before = load.tenants[TRUNCATED].town.export();
        load.rush(vec![(TRUNCATED, before)], FAIR).await;
        let truncated = manifests(&load, TRUNCATED).await;
        let calls_of_truncated = load.tenants[TRUNCATED].calls();
        load.tenants[DOWN].health = Health::Down;
        load.tenants[SILENT].health = Health::Silent;

        let mut exports = all_exports(&load);
        let whole = &mut exports[TRUNCATED].1;
        whole.truncate(whole.len() / 2);
        let rests = load.rush(exports, FAIR).await;

        // Everybody whose export and LMS are whole has what the registrar says, and nothing else.
        let well: Vec<usize> =
            (0..SCHOOLS).filter(|n| ![TRUNCATED, DOWN, SILENT].contains(n)).collect();
        for school in &well {
            let tenant = &load.tenants[*school];
            assert_eq!(tenant.faults(&tenant.town).await, [""; 0], "{}", tenant.name);
            assert_eq!(tenant.newest().await.unwrap().state, RunState::Done, "{}", tenant.name);
            let states =
                States::new(&tenant.world.stores(), tenant.world.integration.scope.clone());
            let applied = states.newest(&tenant.world.integration.applied()).await.unwrap();
            assert_eq!(applied.manifest.head.counts, wanted(&tenant.town), "{}", tenant.name);
        }

        // Half an export is noted, and is all that it comes to.
        let tenant = &load.tenants[TRUNCATED];
        assert_eq!(tenant.newest().await.unwrap().state, RunState::Rejected);
        assert_eq!(manifests(&load, TRUNCATED).await, truncated);
        assert_eq!(tenant.calls(), calls_of_truncated);
        assert_eq!(tenant.faults(&tenant.town).await, [""; 0]);

        // An LMS that is of no use has got nothing, and its run waits for it.
        for school in [DOWN, SILENT] {
            let tenant = &load.tenants[school];
            assert_eq!(tenant.newest().await.unwrap().state, RunState::Waiting, "{}", tenant.name);
            assert_eq!(tenant.world.platform().site.courses().count(), 1, "{}", tenant.name);
        }

        // Every item is of one of the fifty.
        for item in load.tenants[HUGE].world.table.items() {
            let of = |name: &str| item.key.pk.split(['/', '#']).any(|part| part == name);
            let owners = load.tenants.iter().filter(|tenant| of(&tenant.name)).count();
            assert_eq!(owners, 1, "{}", item.key);
        }

        // Nobody waits for much but the small ones before them: the silent LMS takes a function out
        // of the four for minutes, and the huge school has a slice like everybody else.
        let small: Vec<usize> = well.iter().copied().filter(|school| *school != HUGE).collect();
        let share = largest_share(&load, &rests, &small);
        let last = small.iter().map(|school| rests[school].after).max().unwrap();
        let others = u32::try_from(FAIR.functions).unwrap() - 1;
        let fair = alone().await * u32::try_from(small.len()).unwrap() / others + FAIR.slice * 2;
        println!(
            "{} small schools: the last is at rest after {last:?}, {fair:?} allowed; the huge one \
             after {:?}. By then it had made {:.0} % of its {} calls",
            small.len(),
            rests[&HUGE].after,
            share * 100.0,
            load.tenants[HUGE].calls()
        );
        assert!(share < 0.25, "{share}");
        assert!(last <= fair, "{last:?} of {fair:?}");

        // When the two are back, the sweep brings them what they wait for.
        load.tenants[DOWN].health = Health::Well;
        load.tenants[SILENT].health = Health::Well;
        load.advance(Duration::from_secs(3600));
        load.sweep(&[DOWN, SILENT], FAIR).await;
        for school in [DOWN, SILENT] {
            let tenant = &load.tenants[school];
            assert_eq!(tenant.faults(&tenant.town).await, [""; 0], "{}", tenant.name);
        }
    });
}

/// The measure can fail: with a single function that does not hand on, everybody waits for the
/// huge one.
#[test]
fn without_slices_a_single_function_lets_everybody_wait_for_the_huge_one() {
    let share = |slice| {
        block_on(async {
            let mut load = schools(12, 40);
            let exports = all_exports(&load);
            let rests = load.rush(exports, Pace { functions: 1, slice }).await;
            largest_share(&load, &rests, &(1..12).collect::<Vec<_>>())
        })
    };
    let (with, without) = (share(FAIR.slice), share(Duration::from_secs(86_400)));
    println!("with slices {with:.2}, without {without:.2}");
    assert!(with < 0.25, "{with}");
    assert!(without > 0.99, "{without}");
}

#[test]
fn the_same_rush_again_is_the_same_to_the_byte() {
    let told = || {
        block_on(async {
            let mut load = schools(8, 4);
            let exports = all_exports(&load);
            let rests = load.rush(exports, FAIR).await;
            (rests, load.tenants[HUGE].world.table.items())
        })
    };
    let (one, other) = (told(), told());
    assert!(one == other, "the second rush went another way: {:?} {:?}", one.0, other.0);
}

/// A fold in the middle of a run does not make it read again what it has read: a school of four
/// times the size takes four times the calls, and not more.
#[test]
fn a_first_sync_takes_no_more_calls_a_record_the_larger_it_is() {
    let calls = |size| {
        block_on(async {
            let mut load = schools(1, size);
            let tenant = &mut load.tenants[HUGE];
            let export = tenant.town.export();
            let process = tenant.world.process(None, None, true);
            assert!(process.run(Step::Sync(&export)).await.is_settled());
            process.tap.calls_of("table.get")
        })
    };
    let (one, four) = (calls(30), calls(120));
    assert!(four < 4 * one, "{four} reads of the table, {one} for a quarter of the people");
}

/// The versions and bytes of a school's states.
async fn manifests(load: &Load, school: usize) -> Vec<Vec<u8>> {
    let tenant = &load.tenants[school];
    let integration = &tenant.world.integration;
    let states = States::new(&tenant.world.stores(), integration.scope.clone());
    let mut found = Vec::new();
    for name in [StateName::Source("registrar".into()), integration.applied()] {
        found.push(states.newest(&name).await.unwrap().manifest.to_bytes().unwrap());
    }
    found
}
