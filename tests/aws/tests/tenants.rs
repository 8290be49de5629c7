//! Schools side by side: one whose Moodle is dead and whose files are broken leaves the other's
//! time as it is.

use std::sync::Arc;
use std::time::Duration;

use end_to_end::Town;
use end_to_end::town::person_key;
use local_aws::{Aws, Poller, School};
use sandbox::{Fault, Rule};
use store::state::run::RunState;

const PATIENCE: Duration = Duration::from_secs(180);

/// A day on which `round` more have come.
fn day(round: usize) -> Town {
    let mut town = Town::founded();
    for number in 0..round {
        town.person_comes(100 + number);
    }
    if round > 1 {
        town.person(&person_key(12)).family.push_str(" de Vries");
    }
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_tenant_costs_its_neighbour_nothing() {
    let aws = Arc::new(Aws::deploy("tenants", &["SliceSeconds=10", "LeaseSeconds=3"]).await);
    // The emulator would hand out one group's messages after the other's.
    aws.unmap();
    let _poller = Poller::start(&aws, 2, Duration::from_secs(60));
    let mut well = School::open(&aws, "oakfield", "").await;
    let broken = School::open(&aws, "elmwood", "").await;

    let alone = deliver(&aws, &mut well, 0).await;
    // The neighbour's Moodle hangs on every call, its files are garbage, and it sends many.
    broken.plan_fault(Rule::every(Fault::Delay { ms: 30_000 }));
    for number in 0..6 {
        broken.drop_off(&aws, &format!("garbage-{number}.xml"), b"<enterprise><person>").await;
    }
    broken.drop_off(&aws, "whole.xml", &Town::founded().export()).await;
    let mut beside = Vec::new();
    for round in 1..4 {
        beside.push(deliver(&aws, &mut well, round).await);
    }
    // Calls, not seconds, so that a slow machine proves the same: the neighbour takes none of it.
    let calls = |run: &store::state::run::Run| run.calls;
    assert!(beside.iter().all(|run| run.state == RunState::Done), "{beside:?}");
    assert!(beside.iter().all(|run| calls(run) <= calls(&alone)), "{alone:?} {beside:?}");
    aws.wait("the neighbour's troubles to be told", PATIENCE, async || {
        let runs = broken.runs(&aws).await;
        let refused = runs.iter().filter(|run| run.state == RunState::Rejected).count();
        let waits = runs.iter().any(|run| run.state == RunState::Waiting);
        refused == 6 && waits
    })
    .await;
    assert!(broken.runs(&aws).await.iter().all(|run| run.receipts.applied == 0));
    // Nothing of one is in the other's Moodle or partition.
    let usage = |school: &School| {
        let key = store::ItemKey::new(school.scope.path(), "arrivals/registrar");
        let table = Arc::clone(&aws.stores.table);
        async move { table.get(&key).await.expect("it answers").expect("it has arrivals").body }
    };
    let (own, others) = (usage(&well).await, usage(&broken).await);
    assert!(!String::from_utf8_lossy(&own).contains("elmwood"));
    assert!(!String::from_utf8_lossy(&others).contains("oakfield"));
}

async fn deliver(aws: &Aws, school: &mut School, round: usize) -> store::state::run::Run {
    let (town, file) = (day(round), format!("day-{round}.xml"));
    school.drop_off(aws, &file, &town.export()).await;
    let run = school.settled(aws, &file, PATIENCE).await;
    assert_eq!(school.faults(&town), [""; 0], "round {round}");
    school.known.push(town);
    run
}
