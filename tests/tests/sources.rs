//! Several sources of one integration: who is believed, who is whom, and what is nobody's guess.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::Cursor;
use std::sync::Arc;

use end_to_end::{Process, World};
use pipeline::{ExportInput, NoProgress, Source, Speaks, SyncOutcome, read};
use readers::ReadOptions;
use readers::write::ims::{Entry, ImsOptions, ImsProperties, export};
use roster::matching::{MatchBy, Selector};
use roster::merge::{Part, PersonKeys, Rank};
use roster::{
    Course, CourseKey, Enrollment, Kind, Labelled, Mode, Person, PersonKey, Record, Role, Roles,
    Text,
};

fn source(name: &str, precedence: i64, part: Part) -> Source {
    let read = ReadOptions::default();
    Source { name: name.into(), mode: Mode::Full, scope: Speaks::ForSource, precedence, read, part }
}

fn world(sources: Vec<Source>) -> World {
    let mut world = World::new(1);
    let mut integration = (*world.integration).clone();
    integration.sources = sources;
    world.integration = Arc::new(integration);
    world
}

fn person(key: &str, username: &str, email: &str) -> Person {
    let mut person = Person::new(PersonKey::new(key));
    person.username = Some(Text::new(username));
    person.given = Some(Text::new("Ada"));
    person.family = Some(Text::new("Smit"));
    person.email = Some(Text::new(email));
    person
}

fn course(key: &str) -> Record {
    let mut course = Course::new(CourseKey::new(key));
    course.title = Some(Text::new("Mathematics"));
    course.into()
}

fn student(course: &str, person: &str) -> Record {
    let mut enrollment = Enrollment::new(CourseKey::new(course), PersonKey::new(person));
    enrollment.roles = Some(Roles::one(Role::Student));
    enrollment.into()
}

async fn sync(world: &mut World, source: &str, records: Vec<Record>) -> SyncOutcome {
    let process = world.process(None, None, true);
    deliver(&process, source, records).await
}

async fn deliver(process: &Process, source: &str, records: Vec<Record>) -> SyncOutcome {
    let mut bytes = Vec::new();
    let properties = ImsProperties {
        datasource: Text::new(source),
        datetime: Text::new("2026"),
        ..Default::default()
    };
    let options = ImsOptions { properties, ..ImsOptions::default() };
    export(records.into_iter().map(Entry::from), options, &mut bytes).expect("in memory");
    let name = format!("{source}.xml");
    let input = ExportInput { name, reader: Box::new(Cursor::new(bytes)) };
    let integration = Arc::clone(&process.pipeline.integration);
    let source = integration.source(source).expect("a source of this name");
    let vault = &*process.pipeline.vault;
    let export = read(source, Mode::Full, vec![input], vault, &NoProgress).expect("an export");
    process.pipeline.sync(source, export).await.expect("it comes to an end")
}

/// Address and user name of everybody, by key.
fn accounts(world: &World) -> Vec<(String, String, String)> {
    let platform = world.platform();
    let users = platform.site.users().filter(|(_, user)| !user.idnumber.is_empty());
    let mut users: Vec<_> = users
        .map(|(_, user)| {
            (user.idnumber.to_string(), user.username.to_string(), user.email.to_string())
        })
        .collect();
    users.sort();
    users
}

fn account(key: &str, username: &str, email: &str) -> (String, String, String) {
    (key.into(), username.into(), email.into())
}

fn email_rank(rank: Rank) -> Part {
    Part { fields: [(Kind::Person, [("email".to_owned(), rank)].into())].into(), ..Part::default() }
}

fn matching(by: &str) -> Part {
    Part { match_by: vec![MatchBy::try_from(by.to_owned()).unwrap()], ..Part::default() }
}

#[tokio::test]
async fn each_field_comes_from_the_source_that_is_believed_of_it() {
    let registrar = source("registrar", 10, email_rank(Rank::Never));
    let directory = source("directory", 0, email_rank(Rank::At(20)));
    let mut world = world(vec![registrar, directory]);
    sync(&mut world, "registrar", vec![person("p-1", "ada", "sis@x.example").into()]).await;
    let mut listed = Person::new(PersonKey::new("p-1"));
    listed.username = Some(Text::new("other"));
    listed.email = Some(Text::new("dir@x.example"));
    listed.nickname = Some(Text::new("Addie"));
    let outcome = sync(&mut world, "directory", vec![listed.into()]).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    assert_eq!(accounts(&world), [account("p-1", "ada", "dir@x.example")]);

    let process = world.process(None, None, true);
    let story = process.pipeline.trace("person:p-1").await.unwrap();
    let of = |field: &str| story.fields.iter().find(|of| of.field == field).unwrap();
    let from = of("email").from.as_ref().unwrap();
    assert_eq!((&*from.source, &*from.file), ("directory", "directory.xml"));
    assert!(from.line > 0);
    assert_eq!(of("email").wanted.as_deref(), Some("dir@x.example"));
    let [(lost, why)] = of("email").lost.as_slice() else { panic!("{:?}", of("email")) };
    assert_eq!((&*lost.source, &*lost.value), ("registrar", "sis@x.example"));
    assert_eq!(*why, pipeline::Lost::NeverBelieved);
    let [(lost, why)] = of("username").lost.as_slice() else { panic!("{:?}", of("username")) };
    assert_eq!((&*lost.value, *why), ("other", pipeline::Lost::Outranked));
    assert_eq!(of("nickname").from.as_ref().unwrap().source, "directory");
    // What the believed source does not carry any more is unknown: it clears nothing.
    sync(&mut world, "directory", vec![Person::new(PersonKey::new("p-1")).into()]).await;
    assert_eq!(accounts(&world), [account("p-1", "ada", "dir@x.example")]);
}

#[tokio::test]
async fn sources_that_differ_change_nothing_and_are_a_finding() {
    let mut world = world(vec![source("a", 0, Part::default()), source("b", 0, Part::default())]);
    let bare = |key: &str| Record::from(Person::new(PersonKey::new(key)));
    sync(&mut world, "a", vec![person("p-1", "ada", "ada@x.example").into()]).await;
    sync(&mut world, "b", vec![bare("p-1")]).await;
    let before = accounts(&world);
    assert_eq!(before, [account("p-1", "ada", "ada@x.example")]);
    // Whoever comes last does not win, neither for the address nor for the user name.
    let outcome =
        sync(&mut world, "b", vec![person("p-1", "lovelace", "b@x.example").into()]).await;
    assert_eq!(accounts(&world), before);
    assert_eq!(outcome.findings.count_code("sources-differ-person-email"), 1);
    assert_eq!(outcome.findings.count_code("sources-differ-person-username"), 1);
    assert!(outcome.run.changes.is_empty(), "{:?}", outcome.run.changes);
    for finding in outcome.findings.kept() {
        assert!(!finding.message.contains("example") && !finding.message.contains("lovelace"));
    }
    // What only looks different is no dispute.
    let same = person("p-1", "ADA", "ada@X.example");
    let outcome = sync(&mut world, "b", vec![same.into()]).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    assert_eq!(accounts(&world), before);
}

#[tokio::test]
async fn the_same_person_is_found_under_another_key_and_enrolled_once() {
    let sources =
        vec![source("registrar", 10, Part::default()), source("hr", 0, matching("email"))];
    let mut world = world(sources);
    let registrar = vec![
        person("p-1", "ada", "ada@x.example").into(),
        person("p-2", "bob", "bob@x.example").into(),
        course("c-1"),
        student("c-1", "p-2"),
    ];
    sync(&mut world, "registrar", registrar.clone()).await;
    let mut known = person("hr-7", "a.smit", "ADA@x.example");
    known.nickname = Some(Text::new("Addie"));
    let new = person("hr-8", "eve", "eve@x.example");
    let hr = vec![known.into(), new.into(), student("c-1", "hr-7"), student("c-1", "hr-8")];
    let outcome = sync(&mut world, "hr", hr.clone()).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    let expected = [
        account("hr-8", "eve", "eve@x.example"),
        account("p-1", "ada", "ada@x.example"),
        account("p-2", "bob", "bob@x.example"),
    ];
    assert_eq!(accounts(&world), expected, "nobody has two accounts");
    let members = |world: &World| {
        let platform = world.platform();
        let (course, _) = platform.site.course_by_idnumber("c-1").unwrap();
        platform.site.enrolled(course)
    };
    assert_eq!(members(&world), 3);
    let process = world.process(None, None, true);
    let story = process.pipeline.trace("person:hr-7").await.unwrap();
    assert_eq!(story.key.to_string(), "person:p-1");
    assert_eq!(story.sources.len(), 2);
    assert!(story.enrollments.iter().all(|of| of.wanted), "{:?}", story.enrollments);
    // A second run has nothing to do.
    let outcome = sync(&mut world, "hr", hr.clone()).await;
    assert!(outcome.run.changes.is_empty() && outcome.run.held.is_empty());

    // Now the address names two persons: nobody is guessed, and nobody loses a seat for it.
    let mut twins = registrar;
    twins.insert(0, person("p-3", "ada2", "ada@x.example").into());
    let outcome = sync(&mut world, "registrar", twins).await;
    assert_eq!(outcome.findings.count_code("match-ambiguous"), 1);
    let message =
        &outcome.findings.kept().iter().find(|f| f.code == "match-ambiguous").unwrap().message;
    assert!(message.contains("person:hr-7") && message.contains("p-1, p-3"), "{message}");
    assert_eq!(members(&world), 3);
    assert!(outcome.run.held.is_empty(), "{:?}", outcome.run.held);
}

#[tokio::test]
async fn a_list_adds_to_persons_and_makes_none() {
    let part = Part { adds: false, ..matching("username") };
    let mut world = world(vec![source("registrar", 10, Part::default()), source("list", 0, part)]);
    let mut without = person("p-1", "ada", "");
    without.email = None;
    sync(&mut world, "registrar", vec![without.into()]).await;
    let rows = ["ada", "nobody"].map(|name| {
        let mut row = Person::new(PersonKey::new(format!("row-{name}")));
        row.username = Some(Text::new(name));
        row.email = Some(Text::new(format!("{name}@x.example")));
        Record::from(row)
    });
    let outcome = sync(&mut world, "list", rows.to_vec()).await;
    assert_eq!(accounts(&world), [account("p-1", "ada", "ada@x.example")]);
    assert_eq!(outcome.findings.count_code("only-in-a-list"), 1);
}

#[tokio::test]
async fn keys_at_random_are_given_once_and_kept() {
    let keys = PersonKeys::Random { natural: Selector::UserId("card".into()) };
    let mut world = world(vec![source("hr", 0, Part { keys, ..Part::default() })]);
    let row = |key: &str, card: &str| {
        let mut person = person(key, &format!("u{card}"), &format!("u{card}@x.example"));
        person.user_ids = Some(vec![Labelled { label: "card".into(), value: card.into() }]);
        Record::from(person)
    };
    sync(
        &mut world,
        "hr",
        vec![row("1", "77"), row("2", "88"), course("c-1"), student("c-1", "1")],
    )
    .await;
    let before = accounts(&world);
    assert_eq!(before.len(), 2);
    for (key, ..) in &before {
        assert!(key.len() == 20 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    }
    // The next export numbers its rows otherwise: the same persons all the same.
    let again = vec![row("2", "77"), row("1", "88"), course("c-1"), student("c-1", "2")];
    let outcome = sync(&mut world, "hr", again).await;
    assert!(outcome.run.changes.is_empty(), "{:?}", outcome.run.changes);
    assert_eq!(accounts(&world), before);
}

#[tokio::test]
async fn what_is_not_listed_is_neither_sent_nor_kept() {
    let mut world = world(vec![source("registrar", 0, Part::default())]);
    let mut integration = (*world.integration).clone();
    let list = r#"{"fields": {"person": ["given", "family", "username"]}}"#;
    integration.mapping = serde_json::from_str(list).unwrap();
    world.integration = Arc::new(integration);
    let mut person = person("p-1", "ada", "private@x.example");
    person.birth_date = "2010-05-01".parse().ok();
    sync(&mut world, "registrar", vec![person.into()]).await;
    assert_eq!(accounts(&world), [account("p-1", "ada", "p-1@example.invalid")]);
    let story = world.process(None, None, true).pipeline.trace("person:p-1").await.unwrap();
    let kept: Vec<_> = story.sources[0].1.known().iter().map(|field| field.name).collect();
    assert!(!kept.contains(&"email") && !kept.contains(&"birth_date"), "{kept:?}");
}

#[tokio::test]
async fn who_has_a_user_name_keeps_it_and_the_other_gets_a_number_for_good() {
    let mut world = world(vec![source("registrar", 0, Part::default())]);
    let mut integration = (*world.integration).clone();
    integration.mapping = serde_json::from_str(r#"{"same_username": "number"}"#).unwrap();
    world.integration = Arc::new(integration);
    sync(&mut world, "registrar", vec![person("z", "smit", "z@x.example").into()]).await;
    let all = |order: [&str; 4]| {
        order.map(|key| Record::from(person(key, "smit", &format!("{key}@x.example")))).to_vec()
    };
    let outcome = sync(&mut world, "registrar", all(["a", "b", "c", "z"])).await;
    assert_eq!(outcome.findings.count_code("username-numbered"), 3);
    let first = accounts(&world);
    let mut names: Vec<_> = first.iter().map(|(_, name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["smit", "smit2", "smit3", "smit4"]);
    assert_eq!(first[3].1, "smit", "who had it keeps it");
    let outcome = sync(&mut world, "registrar", all(["z", "c", "b", "a"])).await;
    assert!(outcome.run.changes.is_empty(), "{:?}", outcome.run.changes);
    assert_eq!(accounts(&world), first);
}

#[tokio::test]
async fn what_the_mapping_has_to_leave_out_is_not_taken_away() {
    let mut world = world(vec![source("registrar", 0, Part::default())]);
    let records =
        || vec![person("p-1", "ada", "ada@x.example").into(), course("c-1"), student("c-1", "p-1")];
    sync(&mut world, "registrar", records()).await;
    let mut nameless = Person::new(PersonKey::new("p-1"));
    nameless.username = Some(Text::new("ada"));
    let outcome =
        sync(&mut world, "registrar", vec![nameless.into(), course("c-1"), student("c-1", "p-1")])
            .await;
    assert_eq!(outcome.findings.count_code("person-no-name"), 1);
    assert!(
        outcome.run.changes.is_empty() && outcome.run.held.is_empty(),
        "{:?}",
        outcome.run.changes
    );
    // One who is not in the export at all leaves.
    let mut integration = (*world.integration).clone();
    integration.limits.hold_emptied_courses = false;
    world.integration = Arc::new(integration);
    let outcome = sync(&mut world, "registrar", vec![course("c-1")]).await;
    assert!(outcome.run.changes.contains_key(&Kind::Person), "{:?}", outcome.run);
}
