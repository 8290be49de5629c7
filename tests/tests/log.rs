//! The log is made of what is stored, can be searched, and what is kept no longer goes.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use end_to_end::town::{course_key, person_key};
use end_to_end::world::Step;
use end_to_end::{Town, World};
use pipeline::{Keeping, LogEntry, LogFilter};
use plan::Limit;
use roster::{Kind, Role, Severity};

const DAY: Duration = Duration::from_secs(86_400);

async fn syncs(world: &mut World, town: &Town) {
    let process = world.process(None, None, true);
    process.run(Step::Sync(&town.export())).await.outcome();
    world.clock.advance(DAY);
}

async fn log(world: &mut World, filter: LogFilter) -> Vec<LogEntry> {
    world.process(None, None, true).pipeline.log(&filter).await.unwrap()
}

fn keep(world: &mut World, keeping: Keeping) {
    let mut integration = (*world.integration).clone();
    integration.keeping = keeping;
    world.integration = Arc::new(integration);
}

/// A school in which a course is refused, somebody sits in a course whom nobody knows, and many
/// leave at once.
async fn troubled(seed: u64) -> (World, String) {
    let mut world = World::new(seed);
    let mut town = Town::founded();
    syncs(&mut world, &town).await;
    let now = world.clock.now();
    world.platform().open_course(None, now);
    town.course_opens(2026, 9);
    let refused = course_key(2026, 9);
    town.courses.get_mut(&refused).unwrap().code = "club1".into();
    town.sits(&refused, &person_key(20), Role::Student);
    syncs(&mut world, &town).await;
    world.set_limit(Kind::Person, Limit { percent: None, count: Some(1), minimum: 0 });
    for number in 21..27 {
        town.leaves(&person_key(number));
    }
    syncs(&mut world, &town).await;
    let run = world.runs().await[0].clone();
    let pipeline = world.process(None, None, true).pipeline;
    pipeline.approve(&run.id, run.held_checksum.as_deref().unwrap(), "the head").await.unwrap();
    (world, refused)
}

#[tokio::test]
async fn what_happened_is_found_by_whatever_one_knows_of_it() {
    let (mut world, refused) = troubled(41).await;
    let all = log(&mut world, LogFilter::default()).await;
    assert!(all.is_sorted_by(|a, b| a.at >= b.at), "the newest first");
    let with = |filter: LogFilter| filter;
    let key = with(LogFilter { key: Some(refused.clone()), ..LogFilter::default() });
    let about = log(&mut world, key).await;
    assert!(about.iter().any(|e| e.code == "shortnametaken" && e.severity == Severity::Error));
    assert!(about.iter().any(|e| e.code == "deferred" && e.kind == Some(Kind::Enrollment)));
    let errors =
        log(&mut world, LogFilter { severity: Some(Severity::Error), ..LogFilter::default() })
            .await;
    assert!(!errors.is_empty() && errors.iter().all(|e| e.severity == Severity::Error));
    let held =
        LogFilter { code: Some("held".into()), kind: Some(Kind::Person), ..LogFilter::default() };
    assert_eq!(log(&mut world, held).await.len(), 1);
    let audit = LogFilter { code: Some("audit-*".into()), ..LogFilter::default() };
    let audit = log(&mut world, audit).await;
    assert_eq!(audit.len(), 1);
    assert!(audit[0].message.starts_with("the head approved"), "{}", audit[0].message);
    let first = world.runs().await.last().unwrap().clone();
    let of_first =
        log(&mut world, LogFilter { run: Some(first.id.clone()), ..LogFilter::default() }).await;
    assert!(of_first.iter().all(|entry| entry.run.as_deref() == Some(&first.id)));
    let until = first.started.checked_add(DAY / 2).unwrap();
    let early = log(&mut world, LogFilter { until: Some(until), ..LogFilter::default() }).await;
    let late = log(&mut world, LogFilter { since: Some(until), ..LogFilter::default() }).await;
    assert_eq!(early.len() + late.len(), all.len());
    assert!(!early.is_empty() && !late.is_empty());
    // How much is shown is configured for each integration, and asked for otherwise.
    keep(&mut world, Keeping { log_level: Severity::Error, ..Keeping::default() });
    assert_eq!(log(&mut world, LogFilter::default()).await.len(), errors.len());
    let more = LogFilter { severity: Some(Severity::Note), ..LogFilter::default() };
    assert_eq!(log(&mut world, more).await.len(), all.len());
}

#[tokio::test]
async fn what_is_kept_no_longer_goes_and_what_is_leaned_on_stays() {
    let (mut world, refused) = troubled(42).await;
    let objects = |world: &World, kind: &str| {
        let all = world.objects.objects().into_iter();
        all.filter(|(key, _)| key.starts_with(kind)).count()
    };
    let items = |world: &World, prefix: &str| {
        let all = world.table.items();
        all.iter().filter(|item| item.key.sk.starts_with(prefix)).count()
    };
    let before = objects(&world, "plans/");
    let first = world.runs().await.last().unwrap().id.clone();
    for kind in ["history", "run", "ledger"] {
        assert!(items(&world, &format!("{kind}/{first}")) > 0, "{kind} of the first run");
    }
    // Nothing is configured: nothing goes.
    let swept = world.process(None, None, true).pipeline.sweep().await.unwrap();
    assert_eq!(swept.cleared, pipeline::Cleared::default());
    let keeping = Keeping {
        log: Some(30 * DAY),
        plans: Some(10 * DAY),
        reports: Some(10 * DAY),
        history: Some(20 * DAY),
        audit: Some(300 * DAY),
        ..Keeping::default()
    };
    keep(&mut world, keeping.clone());
    let sweep = |world: &mut World| {
        let process = world.process(None, None, true);
        async move { process.pipeline.sweep().await.unwrap().cleared }
    };
    assert_eq!(sweep(&mut world).await, pipeline::Cleared::default(), "all of it is new");
    world.clock.advance(15 * DAY);
    let cleared = sweep(&mut world).await;
    assert!(cleared.objects > 0 && cleared.items == 0 && cleared.history == 0, "{cleared:?}");
    assert!(objects(&world, "plans/") < before);
    let again = sweep(&mut world).await;
    assert_eq!(again, pipeline::Cleared::default(), "once a day is enough");
    // The story is told without the plans that are gone.
    let story = world.process(None, None, true).pipeline.trace(&refused).await.unwrap();
    assert!(!story.events.is_empty());
    world.clock.advance(20 * DAY);
    let cleared = sweep(&mut world).await;
    assert!(cleared.items > 0 && cleared.history > 0, "{cleared:?}");
    for kind in ["history", "run", "ledger"] {
        assert_eq!(items(&world, &format!("{kind}/{first}")), 0, "{kind} of the first run");
    }
    assert_eq!(items(&world, "audit/"), 1);
    world.clock.advance(400 * DAY);
    sweep(&mut world).await;
    assert_eq!(items(&world, "audit/"), 0);
    // It goes on as ever: the newest plan is there, and the next run is a run like any other.
    let newest = world.runs().await[0].clone();
    let pipeline = world.process(None, None, true).pipeline;
    assert!(pipeline.stored_plan(&newest).await.unwrap().is_some());
    let town = Town::founded();
    syncs(&mut world, &town).await;
}
