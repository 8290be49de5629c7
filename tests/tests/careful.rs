//! What waits for a word once, and what waits for the end of quiet hours.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock as _, Quiet};
use end_to_end::undo::world;
use end_to_end::world::Step;
use end_to_end::{Crash, Ended, Moment, Town, World, oracle};
use pipeline::{ExportInput, FirstSync, Integration, NoProgress, ReadExport, Source, read};
use roster::Mode;
use store::state::run::{Run, RunState};

fn configure(world: &mut World, change: impl FnOnce(&mut Integration)) {
    let mut integration = (*world.integration).clone();
    change(&mut integration);
    world.integration = Arc::new(integration);
}

fn export(world: &mut World, source: &Source, town: &Town) -> ReadExport {
    let process = world.process(None, None, true);
    let reader = Box::new(Cursor::new(town.export()));
    let input = ExportInput { name: format!("{}.xml", source.name), reader };
    read(source, Mode::Full, vec![input], &*process.pipeline.vault, &NoProgress).unwrap()
}

async fn sync(world: &mut World, source: &str, town: &Town) -> Run {
    world.clock.advance(Duration::from_secs(60));
    let source = world.integration.source(source).unwrap().clone();
    let export = export(world, &source, town);
    let process = world.process(None, None, true);
    process.pipeline.sync(&source, export).await.unwrap().run
}

/// Quiet for the hour in which the world is now.
fn quiet_now(integration: &mut Integration) {
    let windows = vec!["00:00-12:00".parse().unwrap()];
    integration.safety.quiet = Quiet { windows, ..Quiet::default() };
}

#[tokio::test]
async fn the_first_plan_of_all_is_held_whole_and_a_newer_one_of_the_same_goes_with_its_approval() {
    let mut world = world(1);
    configure(&mut world, |one| one.safety.first_sync = FirstSync::Approve);
    let town = Town::founded();
    let held = sync(&mut world, "registrar", &town).await;
    assert!(held.changes.is_empty() && held.state == RunState::PartlyHeld);
    assert!(world.platform().site.counts().enrolments == 0);
    // A sweep drops nothing of it and delivers nothing either.
    let process = world.process(None, None, true);
    let swept = process.pipeline.sweep().await.unwrap().outcome.unwrap().run;
    assert_eq!(
        (swept.held_checksum.clone(), process.tap.lms_calls()),
        (held.held_checksum.clone(), 0)
    );
    let checksum = held.held_checksum.clone().unwrap();
    process.pipeline.approve(&held.id, &checksum, "the head").await.unwrap();
    let done = sync(&mut world, "registrar", &town).await;
    assert_eq!(done.approval.as_ref(), Some(&checksum));
    let faults = oracle::faults(&world, &town).await;
    assert!(faults.is_empty(), "{faults:#?}");
    let mut more = town.clone();
    more.person_comes(50);
    let next = sync(&mut world, "registrar", &more).await;
    assert!(next.held.is_empty() && next.receipts.applied > 0, "{next:?}");
}

#[tokio::test]
async fn an_approval_of_the_first_plan_goes_on_wherever_the_process_dies() {
    let town = Town::founded();
    for call in (20..200).step_by(9) {
        let mut world = world(1);
        configure(&mut world, |one| one.safety.first_sync = FirstSync::Approve);
        let held = sync(&mut world, "registrar", &town).await;
        let process = world.process(None, None, true);
        let checksum = held.held_checksum.unwrap();
        process.pipeline.approve(&held.id, &checksum, "the head").await.unwrap();
        let crash = Crash { call, moment: Moment::After };
        let dying = world.process(Some(crash), None, true).run(Step::Sync(&town.export())).await;
        world.platform().land(ambient::Timestamp::MAX);
        world.clock.advance(Duration::from_secs(600));
        let done = sync(&mut world, "registrar", &town).await;
        assert!(done.held.is_empty(), "{call}: {dying:?} {done:?}");
        let faults = oracle::faults(&world, &town).await;
        assert!(faults.is_empty(), "{call}: {faults:#?}");
    }
}

#[tokio::test]
async fn where_a_source_is_taken_out_of_the_configuration_the_plan_is_held() {
    let mut world = world(1);
    let town = Town::founded();
    let mut staff = Town::default();
    staff.person_comes(80);
    configure(&mut world, |one| {
        let hr = Source { name: "hr".into(), precedence: 1, ..one.sources[0].clone() };
        one.sources.push(hr);
    });
    sync(&mut world, "registrar", &town).await;
    sync(&mut world, "hr", &staff).await;
    configure(&mut world, |one| one.sources.retain(|source| source.name == "registrar"));
    let held = sync(&mut world, "registrar", &town).await;
    assert!(held.changes.is_empty() && !held.held.is_empty(), "{held:?}");
    let process = world.process(None, None, true);
    let plan = process.pipeline.stored_plan(&held).await.unwrap().unwrap().plan;
    let plan::HoldReason::Reconfigured { what } = &plan.reasons[0] else { panic!("{plan:?}") };
    assert_eq!(what.as_str(), "source `hr` was removed");
    let checksum = held.held_checksum.unwrap();
    process.pipeline.approve(&held.id, &checksum, "the head").await.unwrap();
    let done = sync(&mut world, "registrar", &town).await;
    assert!(done.held.is_empty() && done.receipts.applied > 0, "{done:?}");
    let again = sync(&mut world, "registrar", &town).await;
    assert!(again.held.is_empty() && again.changes.is_empty());
}

#[tokio::test]
async fn in_the_hosted_home_a_run_waits_for_the_end_of_quiet_hours_and_wakes_up() {
    let mut world = world(1);
    configure(&mut world, quiet_now);
    let town = Town::founded();
    let source = world.integration.sources[0].clone();
    let export = export(&mut world, &source, &town);
    let process = world.process(None, None, true);
    let until = world.clock.now();
    let taken = process.pipeline.take_in(&source, export, until).await.unwrap();
    process.pipeline.plan_step(&taken.run.id, until).await.unwrap();
    let waits = process.pipeline.deliver_step(&taken.run.id, until).await.unwrap();
    assert!(waits.run.state == RunState::Waiting && waits.run.rests, "{:?}", waits.run);
    assert_eq!((process.tap.lms_calls(), waits.next), (0, pipeline::Next::Nothing));
    assert!(process.pipeline.sweep_step(until).await.unwrap().due.is_empty());
    world.clock.advance(Duration::from_secs(6 * 3600));
    let until = world.clock.now();
    let process = world.process(None, None, true);
    assert_eq!(process.pipeline.sweep_step(until).await.unwrap().due, ["quiet"]);
    let newest = world.runs().await[0].id.clone();
    process.pipeline.plan_step(&newest, until).await.unwrap();
    let late = until.saturating_add(Duration::from_secs(3600)).unwrap();
    let done = process.pipeline.deliver_step(&newest, late).await.unwrap();
    assert_eq!(done.run.state, RunState::Done);
    let faults = oracle::faults(&world, &town).await;
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A process that died left a batch in doubt: it is looked into after the quiet hours.
#[tokio::test]
async fn in_quiet_hours_nothing_is_asked_of_the_lms_whatever_was_left() {
    let town = Town::founded();
    let calls = {
        let mut world = world(1);
        let process = world.process(None, None, true);
        assert!(process.run(Step::Sync(&town.export())).await.is_settled());
        process.tap.lms_places()
    };
    for call in calls.into_iter().step_by(5) {
        let mut world = world(1);
        let crash = Crash { call, moment: Moment::Underway };
        let dying = world.process(Some(crash), None, true);
        assert!(matches!(dying.run(Step::Sync(&town.export())).await, Ended::Killed));
        let loud = world.integration.clone();
        configure(&mut world, quiet_now);
        world.clock.advance(Duration::from_secs(60));
        let process = world.process(None, None, true);
        let rests = process.run(Step::Sync(&town.export())).await.outcome().run;
        assert!(rests.rests && process.tap.lms_calls() == 0, "{call}: {rests:?}");
        world.integration = loud;
        world.clock.advance(Duration::from_secs(600));
        let done = sync(&mut world, "registrar", &town).await;
        assert_eq!(done.state, RunState::Done, "{call}");
        let faults = oracle::faults(&world, &town).await;
        assert!(faults.is_empty(), "{call}: {faults:#?}");
    }
}

/// Pauses the deliveries as soon as the first batch is there.
struct PausesAtOnce {
    pipeline: pipeline::Pipeline,
    seen: std::sync::atomic::AtomicBool,
}

impl pipeline::Progress for PausesAtOnce {
    fn at(&self, stage: pipeline::Stage, _: u64, _: u64) {
        let first = !self.seen.load(std::sync::atomic::Ordering::Relaxed);
        if stage == pipeline::Stage::Delivering && first {
            self.seen.store(true, std::sync::atomic::Ordering::Relaxed);
            // The stores are in memory, so that it is done as soon as it is asked for.
            let pausing = std::pin::pin!(self.pipeline.pause(None, "the head"));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(Future::poll(pausing, &mut context).is_ready());
        }
    }
}

#[tokio::test]
async fn a_pause_holds_from_the_next_batch_on() {
    let mut world = world(1);
    // Not only when what was done is folded.
    configure(&mut world, |one| one.fold_every = 1_000);
    let town = Town::founded();
    let pauses = world.process(None, None, true).pipeline;
    let pauses = pipeline::Pipeline { stores: world.stores(), ..pauses };
    let mut process = world.process(None, None, true);
    process.pipeline.progress =
        Arc::new(PausesAtOnce { pipeline: pauses.clone(), seen: Default::default() });
    let run = process.run(Step::Sync(&town.export())).await.outcome().run;
    assert!(run.batches > 2 && run.rests && run.state == RunState::Waiting, "{run:?}");
    assert_eq!(run.delivered, 1, "the batch that was under way, and no other");
    pauses.unpause("the head").await.unwrap();
    let done = sync(&mut world, "registrar", &town).await;
    assert_eq!(done.state, RunState::Done);
    let faults = oracle::faults(&world, &town).await;
    assert!(faults.is_empty(), "{faults:#?}");
}
