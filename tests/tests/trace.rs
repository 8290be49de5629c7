//! A trace tells the whole story and says in one sentence why a record is as it is.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use ambient::Clock as _;
use end_to_end::town::{course_key, person_key};
use end_to_end::world::Step;
use end_to_end::{Town, World};
use pipeline::Trace;
use plan::{Limit, Presence};
use roster::{Key, Kind, Role};
use store::Table as _;

/// The day's export, taken in and delivered.
async fn syncs(world: &mut World, town: &Town) {
    let process = world.process(None, None, true);
    let ended = process.run(Step::Sync(&town.export())).await;
    ended.outcome();
    world.clock.advance(std::time::Duration::from_secs(86_400));
}

async fn trace(world: &mut World, query: &str) -> Trace {
    world.process(None, None, true).pipeline.trace(query).await.unwrap()
}

async fn says(world: &mut World, query: &str, parts: &[&str]) {
    let story = trace(world, query).await;
    for part in parts {
        assert!(story.conclusion.contains(part), "{query}: {}\nnot: {part}", story.conclusion);
    }
}

#[tokio::test]
async fn everything_is_found_by_whatever_it_is_called() {
    let mut world = World::new(21);
    let mut town = Town::founded();
    syncs(&mut world, &town).await;
    let pupil = person_key(20);
    let person = town.person(&pupil).clone();
    let course = course_key(2026, 1);
    let whole = trace(&mut world, &format!("person:{pupil}")).await;
    let lms_id = whole.applied.as_ref().unwrap().meta.lms_id.clone().unwrap();
    for query in [&pupil, &person.username, &person.email, &person.email.to_uppercase()] {
        let story = trace(&mut world, query).await;
        assert_eq!(story.key.to_string(), format!("person:{pupil}"), "{query}");
        assert!(!story.sources.is_empty() && story.sources[0].3 > 0, "file and line");
        assert!(!story.enrollments.is_empty() && !story.events.is_empty(), "{query}");
        assert_eq!(story.events[0].at, Some(world_start()), "{query}");
    }
    // An LMS id is one only among its kind: whatever else has it is named.
    let by_id = trace(&mut world, &lms_id).await;
    let all: Vec<Key> = std::iter::once(by_id.key).chain(by_id.also).collect();
    assert!(all.iter().any(|key| key.to_string() == format!("person:{pupil}")), "{all:?}");
    let enrolled = whole.enrollments[0].course.as_str().to_owned();
    for query in [format!("{enrolled}/{pupil}"), format!("enrollment:{enrolled}/{pupil}")] {
        let story = trace(&mut world, &query).await;
        assert_eq!(story.key.to_string(), format!("enrollment:{enrolled}/{pupil}"));
        assert!(story.conclusion.contains("enrolled as its source wants it"), "{query}");
    }
    assert_eq!(trace(&mut world, &course).await.key.to_string(), format!("course:{course}"));
    let nobody = world.process(None, None, true).pipeline.trace("nobody at all").await;
    assert!(matches!(nobody, Err(pipeline::PipelineError::NotFound(_))));
}

fn world_start() -> ambient::Timestamp {
    World::new(0).clock.now()
}

#[tokio::test]
async fn it_says_why_something_is_not_there() {
    let mut world = World::new(22);
    let mut town = Town::founded();
    let course = course_key(2026, 1);
    syncs(&mut world, &town).await;
    // A course whose short name stands in the LMS already is refused, and who is in it waits.
    let now = world.clock.now();
    world.platform().open_course(None, now);
    town.course_opens(2026, 9);
    let refused = course_key(2026, 9);
    town.courses.get_mut(&refused).unwrap().code = "club1".into();
    town.sits(&refused, &person_key(20), Role::Student);
    syncs(&mut world, &town).await;
    says(&mut world, &refused, &["not in the LMS: the LMS refused it on 2 September 2026"]).await;
    let parts = [
        "not enrolled: it waits for course:",
        "which the LMS refused on 2 September 2026 (run",
        "short name",
    ];
    says(&mut world, &format!("{refused}/{}", person_key(20)), &parts).await;
    town.closes(&refused);
    says(&mut world, &course, &["in the LMS as its source wants it", "1 September 2026"]).await;
    let pupil = person_key(20);
    town.sits(&course, &person_key(99), Role::Student);
    syncs(&mut world, &town).await;
    says(&mut world, &format!("{course}/{}", person_key(99)), &["not enrolled"]).await;
    // Everybody leaves: that is held, and stays so.
    world.set_limit(Kind::Person, Limit { percent: None, count: Some(1), minimum: 0 });
    let mut fewer = town.clone();
    for number in 20..30 {
        fewer.leaves(&person_key(number));
    }
    syncs(&mut world, &fewer).await;
    let first = world.runs().await[0].id.clone();
    syncs(&mut world, &fewer).await;
    let story = trace(&mut world, &format!("person:{pupil}")).await;
    let held = story.held.unwrap();
    assert_eq!(held.since, first, "it has been held since the first of them");
    assert_ne!(held.run, first);
    assert_eq!(story.applied.unwrap().meta.presence, Some(Presence::Present));
    let parts = ["though no source has it", "held since run", &first, "the limit is 1"];
    says(&mut world, &format!("person:{pupil}"), &parts).await;
}

#[tokio::test]
async fn a_store_without_indexes_tells_the_same_and_has_them_after_the_next_export() {
    let mut world = World::new(23);
    let mut town = Town::founded();
    syncs(&mut world, &town).await;
    let pupil = person_key(20);
    let with = trace(&mut world, &pupil).await;
    let indexes: Vec<_> = world
        .table
        .items()
        .into_iter()
        .filter(|item| item.key.to_string().contains("index-"))
        .collect();
    assert!(indexes.len() >= 4, "two indexes, each with a manifest and segments");
    for item in &indexes {
        world.table.delete(&item.key, store::Condition::Any).await.unwrap();
    }
    let without = trace(&mut world, &pupil).await;
    assert_eq!(format!("{with:?}"), format!("{without:?}"));
    // The same export again writes nothing of a state, and so no index.
    syncs(&mut world, &town).await;
    let has = |world: &World| {
        world.table.items().iter().any(|item| item.key.sk.starts_with("manifest/index-source"))
    };
    assert!(!has(&world));
    town.person(&pupil).given = "Tjitske".into();
    syncs(&mut world, &town).await;
    assert!(has(&world));
    let again = trace(&mut world, &pupil).await;
    assert_eq!(again.events.len(), with.events.len() + 1, "one more thing was done");
}
