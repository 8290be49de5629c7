//! Who moves to another class under `add-first` loses the old place without another export.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use end_to_end::World;
use end_to_end::said::{course, person, source, student, sync, world};
use pipeline::Speaks;
use plan::{Action, Limits, Moves};
use roster::{Kind, Record};

fn school(place: &str) -> Vec<Record> {
    let mut all = vec![person("ann", None), course("a", None, None), course("b", None, None)];
    all.push(student(place, "ann", None));
    all
}

async fn moved() -> World {
    let mut world = world(vec![source("registrar", Speaks::ForSource)], Limits::none());
    let mut integration = (*world.integration).clone();
    integration.policy.moves = Moves::AddFirst;
    world.integration = Arc::new(integration);
    sync(&mut world, "registrar", school("a")).await;
    assert_eq!(world.wake.wakes(), [], "nobody moves, nothing is to be woken for");
    let run = sync(&mut world, "registrar", school("b")).await.run;
    assert_eq!(run.changes, [(Kind::Enrollment, [(Action::Create, 1)].into())].into());
    assert_eq!(run.old_places, 1);
    let wakes = world.wake.wakes();
    let reasons: Vec<&str> = wakes.iter().map(|wake| wake.reason.as_str()).collect();
    assert_eq!(reasons, ["moves"]);
    world
}

fn places(world: &World) -> usize {
    let platform = world.platform();
    let courses = ["a", "b"].map(|key| platform.site.course_by_idnumber(key).unwrap().0);
    courses.into_iter().map(|id| platform.site.participants(id).len()).sum()
}

#[tokio::test]
async fn a_sweep_takes_the_old_place_away() {
    let mut world = moved().await;
    assert_eq!(places(&world), 2);
    world.clock.advance(Duration::from_secs(60));
    let process = world.process(None, None, true);
    let swept = process.pipeline.sweep().await.unwrap();
    assert_eq!(swept.due, ["moves"]);
    let run = swept.outcome.unwrap().run;
    assert_eq!(run.changes, [(Kind::Enrollment, [(Action::Remove, 1)].into())].into());
    assert_eq!(places(&world), 1);
    assert_eq!(world.wake.wakes(), [], "nothing is left to be woken for");
}

/// Where each step has a process of its own, the wake-up has the next run planned.
#[tokio::test]
async fn a_wake_up_asks_for_the_run_that_does_it() {
    let mut world = moved().await;
    let process = world.process(None, None, true);
    let soon = process.pipeline.sweep_step(world.clock.now()).await.unwrap();
    assert_eq!(soon.due, [""; 0], "it is not due yet");
    world.clock.advance(Duration::from_secs(60));
    let until = world.clock.now() + Duration::from_secs(60);
    let swept = process.pipeline.sweep_step(until).await.unwrap();
    assert_eq!(swept.due, ["moves"]);
    let open = world.runs().await[0].id.clone();
    let stepped = process.pipeline.plan_step(&open, until).await.unwrap();
    let done = process.pipeline.deliver_step(&stepped.run.id, until).await.unwrap();
    assert_eq!(done.run.receipts.applied, 1);
    assert_eq!(places(&world), 1);
    assert_eq!(world.wake.wakes(), []);
}
