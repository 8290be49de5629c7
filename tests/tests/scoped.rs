//! Full exports that speak for their data source keys alone, read by the reader that schools use:
//! with keys that the export has, and with keys that are made by a pattern.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;

use end_to_end::World;
use end_to_end::said::{bytes, course, person, source, student, sync, take_in, term, world};
use end_to_end::undo::in_use;
use pipeline::{PipelineError, Source, Speaks};
use plan::{Action, Limits};
use roster::mapping::ScopePattern;
use roster::{Kind, Record};

const PATTERN: &str = "{year}_{term}_{source}_{type}";

fn scoped(pattern: Option<&str>) -> Source {
    let mut source = source("SIS", Speaks::ForItsDataSources);
    source.read.data_source_key =
        pattern.map(|pattern| ScopePattern::try_from(pattern.to_owned()).unwrap());
    source
}

fn people() -> Vec<Record> {
    ["ann", "ben", "cis"].map(|key| person(key, None)).into()
}

/// A term with two courses, in which people are.
fn of_term(key: &str, begin: &str) -> Vec<Record> {
    let mut all = vec![term(key, begin)];
    for number in [1, 2] {
        let id = format!("{key}-{number}");
        all.push(course(&id, Some(key), None));
        all.extend(["ann", "ben"].map(|who| student(&id, who, None)));
    }
    all
}

/// The keys of the source, each with how many records it has.
async fn keys(world: &mut World) -> BTreeMap<String, u64> {
    let listed = world.process(None, None, true).pipeline.scopes().await.unwrap();
    let all = listed.into_iter();
    all.map(|one| (one.key.unwrap_or_default(), one.records.values().sum())).collect()
}

/// The courses that are in use.
fn courses(world: &World) -> Vec<String> {
    let platform = world.platform();
    let shown = platform.site.courses().filter(|(_, c)| c.visible && !c.idnumber.is_empty());
    let mut shown: Vec<String> = shown.map(|(_, course)| course.idnumber.to_string()).collect();
    shown.sort();
    shown
}

#[tokio::test]
async fn an_export_of_one_key_removes_nothing_of_another() {
    let mut world = world(vec![scoped(None)], Limits::none());
    let with = |keys: &[(&str, &str)]| -> Vec<Record> {
        keys.iter().map(|(key, scope)| course(key, None, Some(scope))).collect()
    };
    let all = with(&[("a1", "A"), ("a2", "A"), ("b1", "B"), ("b2", "B")]);
    sync(&mut world, "SIS", all).await;
    assert_eq!(courses(&world), ["a1", "a2", "b1", "b2"]);
    let run = sync(&mut world, "SIS", with(&[("a1", "A")])).await.run;
    assert_eq!(run.changes, [(Kind::Course, [(Action::Suspend, 1)].into())].into());
    assert_eq!(courses(&world), ["a1", "b1", "b2"]);
    // Two keys at once, and one that is new.
    sync(&mut world, "SIS", with(&[("a1", "A"), ("b2", "B"), ("c1", "C")])).await;
    assert_eq!(courses(&world), ["a1", "b2", "c1"]);
}

/// Each term's courses have a key of their own, and each term's enrollments; people have one.
#[tokio::test]
async fn terms_come_one_by_one_where_keys_are_made_of_them() {
    let mut world = world(vec![scoped(Some(PATTERN))], Limits::none());
    let (fall, spring) = (of_term("fall", "2011-08-29"), of_term("spring", "2012-01-30"));
    let all = [people(), fall.clone(), spring].concat();
    let first = sync(&mut world, "SIS", all).await;
    assert!(first.findings.is_empty(), "{:?}", first.findings);
    let expected = [
        ("2011_fall_SIS_courses", 2),
        ("2011_fall_SIS_enrollments", 4),
        ("2011_fall_SIS_terms", 1),
        ("2012_spring_SIS_courses", 2),
        ("2012_spring_SIS_enrollments", 4),
        ("2012_spring_SIS_terms", 1),
        ("SIS_persons", 3),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(key, count)| (key.to_owned(), count)).into();
    assert_eq!(keys(&mut world).await, expected);

    // The registrar sends autumn again, with its people: a course less, an enrollment less.
    let less: Vec<Record> = people()
        .into_iter()
        .chain(fall.clone())
        .filter(|record| {
            let key = record.key().to_string();
            !key.contains("fall-2") && key != "enrollment:fall-1/ben"
        })
        .collect();
    let run = sync(&mut world, "SIS", less).await.run;
    // Who is in a course that goes stays in it.
    let gone = [(Kind::Course, Action::Suspend), (Kind::Enrollment, Action::Remove)];
    let gone = gone.map(|(kind, action)| (kind, [(action, 1)].into()));
    assert_eq!(run.changes, gone.into());
    assert_eq!(courses(&world), ["fall-1", "spring-1", "spring-2"]);

    // People alone: nothing of a course goes.
    let run = sync(&mut world, "SIS", people()[..2].to_vec()).await.run;
    assert_eq!(run.changes, [(Kind::Person, [(Action::Suspend, 1)].into())].into());
    assert_eq!(courses(&world), ["fall-1", "spring-1", "spring-2"]);

    // A course in a term that the export leaves out: what was said of it before is known.
    let alone = vec![course("fall-3", Some("fall"), None)];
    let run = sync(&mut world, "SIS", alone).await.run;
    let made = run.changes[&Kind::Course].clone();
    assert_eq!(made, [(Action::Create, 1), (Action::Suspend, 1)].into());
    assert_eq!(keys(&mut world).await["2011_fall_SIS_courses"], 1);
    assert_eq!(courses(&world), ["fall-3", "spring-1", "spring-2"]);
}

#[tokio::test]
async fn a_truncated_part_changes_nothing() {
    let mut world = world(vec![scoped(Some(PATTERN))], Limits::none());
    let fall = of_term("fall", "2011-08-29");
    sync(&mut world, "SIS", [people(), fall.clone()].concat()).await;
    let before = in_use(&world.platform());
    let said = keys(&mut world).await;
    let whole = bytes(fall);
    for part in [1, 2, 3] {
        let cut = whole[..whole.len() * part / 4].to_vec();
        let process = world.process(None, None, true);
        let refused = take_in(&process, "SIS", cut).await;
        assert!(matches!(refused, Err(PipelineError::Unreadable { .. })), "{refused:?}");
    }
    assert_eq!(in_use(&world.platform()), before);
    assert_eq!(keys(&mut world).await, said);
}

/// What does not fit the pattern stays as the export has it, and a note tells of it once.
#[tokio::test]
async fn keys_that_do_not_fit_are_told_of_together() {
    let mut world = world(vec![scoped(Some(PATTERN))], Limits::none());
    let mut all = vec![term("fall", "2011-08-29")];
    for (key, scope) in [
        ("c1", Some("2011_fall_sis_courses")),
        ("c2", Some("2012_fall_SIS_courses")),
        ("c3", Some("other")),
        ("c4", None),
    ] {
        all.push(course(key, Some("fall"), scope));
    }
    let outcome = sync(&mut world, "SIS", all).await;
    assert_eq!(outcome.findings.count_code("data-source-key-misfit"), 1);
    let [note] = outcome.findings.kept() else { panic!("{:?}", outcome.findings) };
    let message = &note.message;
    assert!(message.starts_with("3 courses have a data source key"), "{message}");
    assert!(message.contains("pattern makes `2011_fall_SIS_courses`"), "{message}");
    let keys = keys(&mut world).await;
    let told: Vec<&str> = keys.keys().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "2011_fall_SIS_courses",
            "2011_fall_SIS_terms",
            "2011_fall_sis_courses",
            "2012_fall_SIS_courses",
            "other"
        ]
    );
}
