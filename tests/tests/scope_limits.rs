//! A source or a data source key has limits of its own: only what is over in that part is held.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use end_to_end::World;
use end_to_end::said::{course, person, source, student, sync, world};
use pipeline::{Speaks, SyncOutcome};
use plan::{Action, HoldReason, Limit, LimitTable, Limited, Limits, Part, PartLimits};
use roster::{Kind, Record};

fn own(part: Part, name: &str, limited: Limited, limit: Limit) -> PartLimits {
    let table = LimitTable { all: [(limited, limit)].into(), ..LimitTable::default() };
    PartLimits { part, name: name.into(), table }
}

fn count(count: u64) -> Limit {
    Limit { percent: None, count: Some(count), minimum: 0 }
}

fn with(parts: Vec<PartLimits>) -> World {
    let sources = ["registrar", "hr"].map(|name| source(name, Speaks::ForSource)).into();
    world(sources, Limits { parts, ..Limits::none() })
}

fn persons(prefix: &str, numbers: std::ops::Range<u32>, key: Option<&str>) -> Vec<Record> {
    numbers.map(|number| person(&format!("{prefix}{number}"), key)).collect()
}

fn reasons(outcome: &SyncOutcome) -> Vec<HoldReason> {
    let mut reasons = outcome.planned.as_ref().unwrap().plan.reasons.clone();
    reasons.sort();
    reasons.dedup();
    reasons
}

#[tokio::test]
async fn what_is_over_in_one_source_waits_and_the_other_goes_on() {
    let mut world = with(vec![own(Part::Source, "hr", Limited::Removals, count(2))]);
    sync(&mut world, "registrar", persons("r", 0..10, None)).await;
    sync(&mut world, "hr", persons("h", 0..10, None)).await;
    sync(&mut world, "registrar", persons("r", 0..5, None)).await;
    assert_eq!(world.runs().await[0].receipts.applied, 5, "the registrar has no such limit");
    let held = sync(&mut world, "hr", persons("h", 0..6, None)).await;
    assert!(held.run.changes.is_empty());
    let limited = Limited::Removals;
    let (part, name) = (Part::Source, "hr".into());
    let reason = HoldReason::PartLimit { part, name, limited, count: 4, of: 10, allowed: 2 };
    assert_eq!(reasons(&held), [reason]);
    // The same again holds the same; what the other source takes away goes on beside it.
    let again = sync(&mut world, "hr", persons("h", 0..6, None)).await;
    assert_eq!(again.run.held_checksum, held.run.held_checksum);
    let beside = sync(&mut world, "registrar", persons("r", 0..2, None)).await.run;
    assert_eq!(beside.changes, [(Kind::Person, [(Action::Suspend, 3)].into())].into());
    assert_eq!(beside.held_checksum, held.run.held_checksum);
    let story = world.process(None, None, true).pipeline.trace("person:h7").await.unwrap();
    assert!(story.conclusion.contains("4 of 10 persons of source hr"), "{}", story.conclusion);
    // Approved it goes, and what is back is within the limit.
    let process = world.process(None, None, true);
    process.pipeline.approve(&beside.id, &beside.held_checksum.unwrap(), "the head").await.unwrap();
    let done = process.pipeline.resync().await.unwrap().run;
    assert_eq!(done.changes, held.run.held);
    let few = sync(&mut world, "hr", persons("h", 0..4, None)).await.run;
    assert_eq!((few.held.len(), few.receipts.applied), (0, 2));
}

/// Keys that are like a pattern are weighed one by one, and what stands in a course goes by it.
#[tokio::test]
async fn each_key_of_a_pattern_is_weighed_by_itself() {
    let fifth = Limit { percent: Some(20), count: None, minimum: 0 };
    let mut world = with(vec![own(Part::DataSource, "2011_*", Limited::Removals, fifth)]);
    let school = |fall: std::ops::Range<u32>, spring: std::ops::Range<u32>, other| {
        let mut all = persons("p", 0..10, None);
        for (id, key, people) in
            [("f", "2011_fall", fall), ("s", "2011_spring", spring), ("o", "2012_fall", other)]
        {
            all.push(course(id, None, Some(key)));
            all.extend(people.map(|number| student(id, &format!("p{number}"), None)));
        }
        all
    };
    sync(&mut world, "hr", persons("h", 0..1, None)).await;
    sync(&mut world, "registrar", school(0..10, 0..10, 0..10)).await;
    let run = sync(&mut world, "registrar", school(0..7, 0..9, 0..1)).await;
    assert_eq!(run.run.held, [(Kind::Enrollment, [(Action::Remove, 3)].into())].into());
    assert_eq!(run.run.changes, [(Kind::Enrollment, [(Action::Remove, 10)].into())].into());
    let (part, name, limited) = (Part::DataSource, "2011_fall".into(), Limited::Removals);
    // Ten enrollments and none of another kind: the course is another kind.
    let reason = HoldReason::PartLimit { part, name, limited, count: 3, of: 10, allowed: 2 };
    assert_eq!(reasons(&run), [reason]);
}

/// What a source makes has its limit, too, and what needs it waits with it.
#[tokio::test]
async fn what_is_made_beyond_a_sources_limit_waits_with_what_needs_it() {
    let mut world = with(vec![own(Part::Source, "registrar", Limited::Create, count(2))]);
    sync(&mut world, "hr", persons("h", 0..5, None)).await;
    let mut all = persons("r", 0..3, None);
    all.push(course("c", None, None));
    all.push(student("c", "r0", None));
    all.push(student("c", "h0", None));
    let run = sync(&mut world, "registrar", all).await;
    assert_eq!(run.run.changes[&Kind::Course][&Action::Create], 1);
    assert_eq!(run.run.changes[&Kind::Enrollment][&Action::Create], 1);
    assert_eq!(run.run.held[&Kind::Person][&Action::Create], 3);
    let needs = HoldReason::Needs { key: "person:r0".into() };
    let (part, name, limited) = (Part::Source, "registrar".into(), Limited::Create);
    let over = HoldReason::PartLimit { part, name, limited, count: 3, of: 3, allowed: 2 };
    assert_eq!(reasons(&run), [needs, over]);
}

/// A hold outlives the generations of the source that are kept.
#[tokio::test]
async fn a_hold_stays_when_nobody_knows_any_more_what_the_part_had() {
    let mut world = with(vec![own(Part::Source, "hr", Limited::Removals, count(2))]);
    sync(&mut world, "registrar", persons("r", 0..1, None)).await;
    sync(&mut world, "hr", persons("h", 0..10, None)).await;
    let held = sync(&mut world, "hr", persons("h", 0..5, None)).await.run;
    assert_eq!(held.held[&Kind::Person][&Action::Suspend], 5);
    for day in 0..15 {
        let mut records = persons("h", 0..5, None);
        records.extend(persons("new", day..day + 1, None));
        let run = sync(&mut world, "hr", records).await.run;
        let suspended = run.held[&Kind::Person][&Action::Suspend];
        assert!(suspended >= 5, "day {day}: {suspended}");
        assert!(!run.changes[&Kind::Person].contains_key(&Action::Suspend), "day {day}");
    }
}
