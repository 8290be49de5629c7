//! The state above the ports: generations, folding of exports and of ledgers, garbage.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bench;

use ambient::{ManualClock, Timestamp};
use bench::{Bench, batch, create, enrollment, export, line, many, packed, person};
use plan::Policy;
use roster::{CourseKey, Key, Mode, PersonKey, Record, Removal, Role, Text};
use store::state::applied::{Fold, fold as fold_ledger};
use store::state::ledger::{LineResult, Sight};
use store::state::meta::decode_applied;
use store::state::{history, lease};

#[tokio::test]
async fn the_same_records_on_other_lines_are_nothing_new_and_keep_their_first_line() {
    let bench = Bench::new();
    assert!(bench.take_in(&export(Mode::Full, &many(50), &[], 1), "r1").await);
    let before = bench.newest().await.manifest;
    assert!(!bench.take_in(&export(Mode::Full, &many(50), &[], 1000), "r2").await);
    assert_eq!(bench.newest().await.manifest, before);
    let mut changed = many(50);
    changed[7] = person("p-000007", "Other");
    assert!(bench.take_in(&export(Mode::Full, &changed, &[], 2000), "r3").await);
    let records = bench.records().await;
    assert_eq!(records.len(), 50);
    assert_eq!(records[7], (changed[7].clone(), 2007));
}

#[tokio::test]
async fn a_full_export_replaces_and_a_large_one_gets_more_buckets() {
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &many(10), &[], 1), "r1").await;
    assert_eq!(bench.newest().await.manifest.bits, 0);
    bench.take_in(&export(Mode::Full, &many(60_000), &[], 1), "r2").await;
    let manifest = bench.newest().await.manifest;
    assert!(manifest.bits > 0, "60,000 persons stand in more than one bucket");
    assert_eq!(manifest.total(), 60_000);
    assert_eq!(bench.records().await.len(), 60_000);
    bench.take_in(&export(Mode::Full, &many(3), &[], 1), "r3").await;
    assert_eq!(bench.records().await.len(), 3);
    assert_eq!(bench.newest().await.manifest.total(), 3);
}

#[tokio::test]
async fn a_delta_adds_overlays_and_removes_and_leaves_the_rest() {
    let bench = Bench::new();
    let teacher = [Role::Instructor];
    let full = [
        person("a", "Ada"),
        person("b", "Bob"),
        enrollment("MATH", "a", &[Role::Student]),
        enrollment("MATH", "b", &[Role::Student, Role::Instructor]),
        enrollment("HIST", "a", &[Role::Student]),
    ];
    bench.take_in(&export(Mode::Full, &full, &[], 1), "r1").await;
    let key = |course: &str, id: &str| Key::Enrollment {
        course: CourseKey::new(course),
        person: PersonKey::new(id),
    };
    let gone = |key: Key, roles: &[Role]| Removal { key, roles: roles.iter().cloned().collect() };
    let delta = [person("c", "Cleo"), person("b", "Bobby"), enrollment("MATH", "a", &teacher)];
    let removals = [
        gone(key("MATH", "b"), &[Role::Student]),
        gone(Key::Course(CourseKey::new("HIST")), &[]),
        gone(Key::Person(PersonKey::new("a")), &[]),
    ];
    assert!(bench.take_in(&export(Mode::Incremental, &delta, &removals, 90), "r2").await);
    let expected = [
        (person("b", "Bobby"), 91),
        (person("c", "Cleo"), 90),
        // A delta that names a role adds it; one that removes a role leaves the others.
        (enrollment("MATH", "a", &[Role::Student, Role::Instructor]), 92),
        (enrollment("MATH", "b", &teacher), 4),
    ];
    assert_eq!(bench.records().await, expected);
    assert!(!bench.take_in(&export(Mode::Incremental, &delta[..1], &[], 5), "r3").await);
}

#[tokio::test]
async fn earlier_generations_stay_readable_until_they_are_collected() {
    let bench = Bench::new();
    for day in 0..15 {
        let today = [person("a", &format!("Day {day}"))];
        bench.take_in(&export(Mode::Full, &today, &[], 1), &format!("r{day}")).await;
    }
    let newest = bench.newest().await.manifest.head.generation;
    assert_eq!(newest, 15);
    let old = bench.states.generation(&bench.source(), 2).await.unwrap().expect("kept so far");
    let loaded = bench.states.load(&bench.source(), &old).await.unwrap();
    let records: Vec<Record> = loaded.iter(|packed| packed.decode()).map(Result::unwrap).collect();
    assert_eq!(records, [person("a", "Day 1")]);

    let clock = ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap());
    let hour = std::time::Duration::from_secs(3600);
    let taken = lease::acquire(&bench.stores, &bench.scope, &clock, "one", hour).await.unwrap();
    let check = taken.unwrap().check(&bench.scope);
    let deleted = bench.states.collect_garbage(&bench.source(), &check).await.unwrap();
    assert_eq!(deleted, 4, "ten generations behind the newest are kept");
    assert!(bench.states.generation(&bench.source(), 2).await.unwrap().is_none());
    assert!(bench.states.generation(&bench.source(), 5).await.unwrap().is_some());
    assert_eq!(bench.records().await, [(person("a", "Day 14"), 1)]);
    assert_eq!(bench.states.collect_garbage(&bench.source(), &check).await.unwrap(), 0);

    // Who lost the lease clears nothing away: it may be what the next holder is about to name.
    let (source, late) = (bench.source(), packed(&[person("z", "Late")]));
    let orphan = bench.states.write_bucket(&source, 0, &late).await.unwrap();
    assert_eq!(orphan.segments.len(), 1);
    lease::take_over(&bench.stores, &bench.scope, &clock, "two", hour).await.unwrap();
    let error = bench.states.collect_garbage(&bench.source(), &check).await.unwrap_err();
    assert!(error.is_condition_failed(), "{error}");
}

#[tokio::test]
async fn publishing_on_an_outdated_base_is_refused() {
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &many(3), &[], 1), "r1").await;
    let stale = bench.newest().await;
    bench.take_in(&export(Mode::Full, &many(4), &[], 1), "r2").await;
    let mut next = stale.manifest.clone();
    next.head.generation += 1;
    let error = bench.states.publish(&bench.source(), &stale, &next).await.unwrap_err();
    assert!(error.is_condition_failed(), "{error}");
}

#[tokio::test]
async fn folding_a_ledger_is_the_effect_of_each_line_and_twice_is_once() {
    let bench = Bench::new();
    let persons =
        [create(person("a", "Ada")), create(person("b", "Bob")), create(person("c", "C"))];
    let rejected = LineResult::Rejected(Text::new("invalidparameter"));
    let lines = vec![
        line(LineResult::Applied, Some("11")),
        line(rejected, None),
        line(LineResult::NotSent, None),
    ];
    let course: Record = roster::Course::new(CourseKey::new("MATH")).into();
    let courses = [create(course)];
    let members = [create(enrollment("MATH", "a", &[Role::Student]))];
    let batches = [
        batch(0, &persons, &[Sight::Absent, Sight::Absent, Sight::Absent], Some(lines)),
        batch(1, &courses, &[], Some(vec![line(LineResult::Applied, Some("21"))])),
        // Claimed, and its process died.
        batch(2, &members, &[Sight::Absent], None),
    ];
    let policy = Policy::default();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let fold = Fold { run: "r1", now, policy: &policy };
    let base = bench.states.newest(&bench.applied()).await.unwrap();
    let name = bench.applied();
    let folded =
        fold_ledger(&bench.stores, &bench.scope, &name, &base, fold, &batches).await.unwrap();
    let again =
        fold_ledger(&bench.stores, &bench.scope, &name, &base, fold, &batches).await.unwrap();
    assert_eq!(folded.manifest, again.manifest);
    bench.states.publish(&name, &base, &folded.manifest).await.unwrap();

    let loaded = bench.states.load(&name, &folded.manifest).await.unwrap();
    let mut applied: Vec<_> = loaded.iter(decode_applied).map(Result::unwrap).collect();
    applied.sort_by(|a, b| a.record.key().cmp(b.record.key()));
    let told: Vec<String> = applied
        .iter()
        .map(|applied| {
            format!(
                "{} {:?} id={:?} parked={} doubt={} read={}",
                applied.record.key(),
                applied.meta.presence,
                applied.meta.lms_id.as_deref().unwrap_or("-"),
                applied.meta.parked.is_some(),
                applied.meta.in_doubt,
                applied.meta.members_read,
            )
        })
        .collect();
    let expected = [
        "person:a Some(Present) id=\"11\" parked=false doubt=false read=false",
        "person:b None id=\"-\" parked=true doubt=false read=false",
        "course:MATH Some(Present) id=\"21\" parked=false doubt=false read=true",
        "enrollment:MATH/a None id=\"-\" parked=false doubt=true read=false",
    ];
    assert_eq!(told, expected);
    let head = &folded.manifest.head;
    assert_eq!(head.folded.get("r1"), Some(&2));
    assert_eq!(folded.manifest.total(), 4);

    let key = Key::Person(PersonKey::new("b"));
    let story =
        history::of(&bench.stores, &bench.scope, &name, &key, |of| *of == key).await.unwrap();
    assert_eq!(story.len(), 1, "writing the same fold twice leaves one story");
    assert_eq!(
        (story[0].outcome.as_str(), story[0].code.as_str()),
        ("rejected", "invalidparameter")
    );
    assert_eq!((story[0].batch, story[0].index), (0, 1));
}
