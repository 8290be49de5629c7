//! Lists of enrollments, courses and persons beside a source that knows the school.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use end_to_end::World;
use pipeline::{ExportInput, NoProgress, Source, Speaks, SyncOutcome, read};
use plan::{Limit, LimitTable, Limits};
use proptest::prelude::*;
use readers::{Format, FormatChoice, ReadOptions};
use roster::columns::{Column, Columns, Rows};
use roster::matching::MatchBy;
use roster::merge::Part;
use roster::{Kind, Mode};

/// A list whose columns are called as what they say, with `+` between several.
fn list(name: &str, precedence: i64, rows: Rows, columns: &str, match_by: &[&str]) -> Source {
    let says = |heading: &str| heading.split('+').map(column).collect();
    let of = columns.split(',').map(|heading| (heading.to_owned(), says(heading)));
    let columns = Columns { of: of.collect(), rows, ..Columns::default() };
    assert_eq!(columns.check(), Ok(()));
    let format = FormatChoice::Named(Format::Table);
    let match_by = match_by.iter().map(|by| MatchBy::try_from((*by).to_owned()).unwrap());
    Source {
        name: name.into(),
        mode: Mode::Full,
        scope: Speaks::ForSource,
        precedence,
        read: ReadOptions { format, columns, ..ReadOptions::default() },
        part: Part {
            match_by: match_by.collect(),
            adds_persons: rows != Rows::Enrollments,
            ..Part::default()
        },
    }
}

fn column(says: &str) -> Column {
    Column::try_from(says.to_owned()).unwrap()
}

const PERSON: &str =
    "person.key,person.username,person.given+person.family,person.email,person.user_id.card";
const COURSE: &str = "course.key,course.title";
const MEMBER: &str = "person.key,course.key";

/// The persons of the school, its courses, and who is in them: three lists.
fn school(members: Source) -> World {
    let persons = list("persons", 10, Rows::Persons, PERSON, &[]);
    let courses = list("courses", 10, Rows::Courses, COURSE, &[]);
    world(vec![persons, courses, members])
}

fn world(sources: Vec<Source>) -> World {
    let mut world = World::new(1);
    let mut integration = (*world.integration).clone();
    integration.sources = sources;
    integration.limits.hold_emptied_courses = false;
    world.integration = Arc::new(integration);
    world
}

async fn sync(world: &mut World, source: &str, headings: &str, lines: &[&str]) -> SyncOutcome {
    let text = format!("{headings}\n{}\n", lines.join("\n"));
    let process = world.process(None, None, true);
    let reader = Box::new(Cursor::new(text.into_bytes()));
    let input = ExportInput { name: format!("{source}.csv"), reader };
    let integration = Arc::clone(&process.pipeline.integration);
    let source = integration.source(source).expect("a source of this name");
    let vault = &*process.pipeline.vault;
    let export = read(source, Mode::Full, vec![input], vault, &NoProgress).expect("an export");
    process.pipeline.sync(source, export).await.expect("it comes to an end")
}

async fn people_and_courses(world: &mut World) {
    let people = ["p-1,ada,Smit,ada@x.example,77", "p-2,bob,Bos,bob@x.example,88"];
    sync(world, "persons", PERSON, &people).await;
    sync(world, "courses", COURSE, &["MATH,Mathematics", "ART,Arts"]).await;
}

/// The user names in a course, suspended or not.
fn members(world: &World, course: &str) -> usize {
    let platform = world.platform();
    let (course, _) = platform.site.course_by_idnumber(course).unwrap();
    platform.site.enrolled(course)
}

fn is_enrolled(world: &World, course: &str, username: &str) -> bool {
    let platform = world.platform();
    let (course, _) = platform.site.course_by_idnumber(course).unwrap();
    let (user, _) = platform.site.users().find(|(_, user)| &*user.username == username).unwrap();
    platform.site.courses_of(user).contains(&course)
}

#[tokio::test]
async fn a_list_of_keys_alone_enrolls_and_takes_away() {
    let mut world = school(list("members", 0, Rows::Enrollments, MEMBER, &[]));
    people_and_courses(&mut world).await;
    let lines = ["p-1,MATH", "p-2,MATH", "p-1,ART"];
    let outcome = sync(&mut world, "members", MEMBER, &lines).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    assert_eq!((members(&world, "MATH"), members(&world, "ART")), (2, 1));
    let again = sync(&mut world, "members", MEMBER, &lines).await;
    assert!(again.run.changes.is_empty(), "{:?}", again.run.changes);

    // Who vanished from it loses the place, and nobody and nothing else is touched.
    let before = format!("{:?}", accounts(&world));
    let outcome = sync(&mut world, "members", MEMBER, &["p-1,MATH", "p-1,ART"]).await;
    let changed: Vec<_> = outcome.run.changes.keys().copied().collect();
    assert_eq!(changed, [Kind::Enrollment]);
    assert!(is_enrolled(&world, "MATH", "ada") && !is_enrolled(&world, "MATH", "bob"));
    assert_eq!(format!("{:?}", accounts(&world)), before);
    let story = world.process(None, None, true).pipeline.trace("person:p-2").await.unwrap();
    let name = story.fields.iter().find(|field| field.field == "family").unwrap();
    assert_eq!(name.wanted.as_deref(), Some("Bos"));
}

/// Key, user name, name and address of everybody, and the names of all courses.
fn accounts(world: &World) -> Vec<String> {
    let platform = world.platform();
    let users =
        platform.site.users().filter(|(_, user)| !user.idnumber.is_empty()).map(|(_, user)| {
            format!("{} {} {} {}", user.idnumber, user.username, user.lastname, user.email)
        });
    let courses = platform.site.courses().map(|(_, course)| format!("{}", course.fullname));
    let mut all: Vec<String> = users.chain(courses).collect();
    all.sort();
    all
}

#[tokio::test]
async fn whom_and_what_nobody_carries_is_a_finding_and_no_account() {
    let mut world = school(list("members", 0, Rows::Enrollments, MEMBER, &[]));
    people_and_courses(&mut world).await;
    let before = accounts(&world);
    let lines = ["p-1,MATH", "p-9,MATH", "p-1,LOST"];
    let outcome = sync(&mut world, "members", MEMBER, &lines).await;
    let counts = |code: &str| outcome.findings.count_code(code);
    assert_eq!(counts("enrollment-unknown-person"), 1, "{:?}", outcome.findings);
    assert_eq!(counts("enrollment-unknown-course"), 1);
    assert_eq!(counts("only-in-a-list"), 1);
    let named = outcome.findings.kept().iter().find(|finding| finding.code == "only-in-a-list");
    assert!(named.unwrap().message.contains("makes no persons"));
    assert_eq!(accounts(&world), before);
    assert_eq!(members(&world, "MATH"), 1);
    // As soon as somebody carries them they are enrolled.
    let people = ["p-1,ada,Smit,ada@x.example,77", "p-2,bob,Bos,bob@x.example,88", "p-9,eve,Eik,,"];
    sync(&mut world, "persons", PERSON, &people).await;
    assert!(is_enrolled(&world, "MATH", "eve"));
    // Who leaves the school leaves it, whatever the list says.
    let outcome = sync(&mut world, "persons", PERSON, &people[1..]).await;
    assert!(outcome.run.changes.contains_key(&Kind::Person), "{:?}", outcome.run.changes);
}

#[tokio::test]
async fn the_lists_keys_are_those_of_another_source() {
    // By card in the list, by key in the school.
    let by = ["sourced_id=user_id:card"];
    let mut world = school(list("members", 0, Rows::Enrollments, MEMBER, &by));
    people_and_courses(&mut world).await;
    let outcome = sync(&mut world, "members", MEMBER, &["77,MATH", "88,ART"]).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    assert!(is_enrolled(&world, "MATH", "ada") && is_enrolled(&world, "ART", "bob"));
    let people = accounts(&world);
    assert_eq!(people.iter().filter(|line| line.contains("x.example")).count(), 2, "{people:?}");
    // Whichever key somebody asks by, it is one story.
    let process = world.process(None, None, true);
    for key in ["person:77", "person:p-1"] {
        let story = process.pipeline.trace(key).await.unwrap();
        assert_eq!(story.key.to_string(), "person:p-1");
        let [place] = story.enrollments.as_slice() else { panic!("{:?}", story.enrollments) };
        assert!(place.wanted && place.applied.is_some() && place.course.as_str() == "MATH");
    }
    sync(&mut world, "members", MEMBER, &["88,ART"]).await;
    assert!(!is_enrolled(&world, "MATH", "ada"));

    // By address, where the list has no keys at all; with roles and groups.
    let columns = "person.email,course.key,enrollment.role,enrollment.group";
    let mut world = school(list("members", 0, Rows::Enrollments, columns, &["email"]));
    people_and_courses(&mut world).await;
    let lines = ["ADA@x.example,MATH,instructor,lab 1", "nobody@x.example,MATH,,"];
    let outcome = sync(&mut world, "members", columns, &lines).await;
    assert!(is_enrolled(&world, "MATH", "ada"));
    assert_eq!(outcome.findings.count_code("enrollment-unknown-person"), 1);
    assert_eq!(outcome.run.changes[&Kind::GroupMember].values().sum::<u64>(), 1);
}

/// Terms come one by one: whom an earlier one names is still who they are.
#[tokio::test]
async fn who_is_named_in_another_part_of_the_list_is_still_found() {
    let columns = "person.key,course.key,data_source";
    let mut members = list("members", 0, Rows::Enrollments, columns, &["sourced_id=user_id:card"]);
    members.scope = Speaks::ForItsDataSources;
    let mut world = school(members);
    people_and_courses(&mut world).await;
    sync(&mut world, "members", columns, &["77,MATH,fall"]).await;
    let outcome = sync(&mut world, "members", columns, &["88,ART,spring"]).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    assert!(is_enrolled(&world, "MATH", "ada") && is_enrolled(&world, "ART", "bob"));
    sync(&mut world, "members", columns, &["88,MATH,fall"]).await;
    assert!(!is_enrolled(&world, "MATH", "ada") && is_enrolled(&world, "MATH", "bob"));
}

#[tokio::test]
async fn the_schools_persons_are_found_in_a_list_above_it() {
    // The list's keys are the ones that count; the school's persons are found in it.
    let members = list("members", 20, Rows::Enrollments, MEMBER, &[]);
    let persons = list("persons", 10, Rows::Persons, PERSON, &["user_id:card=sourced_id"]);
    let courses = list("courses", 10, Rows::Courses, COURSE, &[]);
    let mut world = world(vec![members, persons, courses]);
    sync(&mut world, "members", MEMBER, &["77,MATH"]).await;
    people_and_courses(&mut world).await;
    let keys: Vec<String> =
        accounts(&world).into_iter().filter(|line| line.contains("x.example")).collect();
    assert_eq!(keys, ["77 ada Smit ada@x.example", "p-2 bob Bos bob@x.example"]);
    assert!(is_enrolled(&world, "MATH", "ada"));
}

fn mapped(mut world: World, rules: &str) -> World {
    let mut integration = (*world.integration).clone();
    integration.mapping = serde_json::from_str(rules).unwrap();
    world.integration = Arc::new(integration);
    world
}

#[tokio::test]
async fn one_key_is_never_made_for_two_courses() {
    let rules = r#"{
        "course_key": "{year:4}_{subject}",
        "rule": [{ "kind": "course", "field": "sourced_id", "set": "{part.subject}_{begin:4}" }]
    }"#;
    let headings = "course.key,course.title,course.begin";
    let courses = list("courses", 10, Rows::Courses, headings, &[]);
    let mut world = mapped(world(vec![courses]), rules);
    let first = ["2025_MATH,Mathematics,2026-01-01"];
    sync(&mut world, "courses", headings, &first).await;
    let named = |world: &World| {
        let platform = world.platform();
        let courses = platform.site.courses();
        let named = courses.map(|(_, course)| format!("{} {}", course.idnumber, course.fullname));
        named.filter(|course| course.contains("_2026")).collect::<Vec<_>>()
    };
    assert_eq!(named(&world), ["MATH_2026 Mathematics"]);
    // Whatever their order: who has the key keeps it, and the other one is not taken for it.
    for other in ["2026_MATH,More,2026-09-01", "2024_MATH,More,2026-09-01"] {
        let both = [other, first[0], "2026_ART,Arts,2026-09-01"];
        let outcome = sync(&mut world, "courses", headings, &both).await;
        assert_eq!(named(&world), ["MATH_2026 Mathematics", "ART_2026 Arts"]);
        let taken: Vec<_> =
            outcome.findings.kept().iter().filter(|found| found.code == "made-key-taken").collect();
        let [finding] = taken.as_slice() else { panic!("{:?}", outcome.findings) };
        let key = other.split(',').next().unwrap();
        assert_eq!(finding.key.as_deref(), Some(&*format!("course:{key}")));
        assert!(finding.message.contains("course:2025_MATH"), "{}", finding.message);
        assert!(outcome.run.held.is_empty(), "{:?}", outcome.run.held);
    }
}

#[tokio::test]
async fn hidden_keys_have_parts_of_equal_length_and_one_separator() {
    let rules = r#"{
        "hidden_key": "{year:4}_{season:4}_{id:3}",
        "rule": [{ "kind": "course", "field": "sourced_id",
                   "set": "{begin:4}_{term}_{short_name|pad3}" }]
    }"#;
    let headings = "course.key,course.title,course.begin,course.term,course.short_name";
    let courses = list("courses", 10, Rows::Courses, headings, &[]);
    let mut world = mapped(world(vec![courses]), rules);
    let lines = [
        "a,Mathematics,2026-09-01,fall,7",
        "b,Arts,2026-09-01,spring,8",
        "c,Music,2026-09-01,f_ll,9",
    ];
    let outcome = sync(&mut world, "courses", headings, &lines).await;
    let platform = world.platform();
    assert!(platform.site.course_by_idnumber("2026_fall_007").is_some());
    assert_eq!(outcome.run.changes[&Kind::Course].values().sum::<u64>(), 1);
    assert_eq!(outcome.findings.count_code("hidden-key-pattern"), 2, "{:?}", outcome.findings);
}

/// Who is in which course: `person number course`, with numbers beyond those that there are.
type Places = BTreeSet<(u8, u8)>;

const PEOPLE: u8 = 5;
const COURSES: u8 = 3;

fn places() -> impl Strategy<Value = Places> {
    prop::collection::btree_set((0..PEOPLE + 1, 0..COURSES + 1), 0..12)
}

/// The places that are active in the LMS.
fn active(world: &World) -> Places {
    let platform = world.platform();
    let mut places = Places::new();
    for (id, course) in platform.site.courses() {
        let Some(course) = course.idnumber.strip_prefix('C') else { continue };
        for member in platform.site.participants(id) {
            let who = member.idnumber.strip_prefix('P').unwrap();
            places.insert((who.parse().unwrap(), course.parse().unwrap()));
        }
    }
    places
}

/// A school whose places a list says by number of card or by key, and what the LMS has after each
/// list.
async fn days(by_card: bool, lists: &[Places]) -> Vec<Places> {
    let by: &[&str] = if by_card { &["sourced_id=user_id:card"] } else { &[] };
    let mut world = school(list("members", 0, Rows::Enrollments, MEMBER, by));
    let mut integration = (*world.integration).clone();
    let any = Limit { percent: None, count: None, minimum: 0 };
    integration.limits =
        Limits { hold_emptied_courses: false, sharp_drop: None, ..Limits::default() };
    integration.limits.kinds.insert(Kind::Enrollment, any);
    integration.limits.week = LimitTable::default();
    world.integration = Arc::new(integration);
    let people = |n: u8| format!("P{n},user{n},Name,u{n}@x.example,7{n}");
    let people: Vec<String> = (0..PEOPLE).map(people).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let courses: Vec<String> = (0..COURSES).map(|n| format!("C{n},Course {n}")).collect();
    let courses: Vec<&str> = courses.iter().map(String::as_str).collect();
    sync(&mut world, "persons", PERSON, &people).await;
    sync(&mut world, "courses", COURSE, &courses).await;
    let mut after = Vec::new();
    for places in lists {
        // One line twice says nothing new; a list always has one, for without any it is refused.
        let line = |(who, course): &(u8, u8)| match by_card {
            true => format!("7{who},C{course}"),
            false => format!("P{who},C{course}"),
        };
        let lines: Vec<String> = places.iter().chain([&(99, 99)]).chain(places).map(line).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let outcome = sync(&mut world, "members", MEMBER, &lines).await;
        assert!(outcome.run.held.is_empty(), "{:?}", outcome.run.held);
        after.push(active(&world));
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a full list says is what the LMS has, of persons and courses that there are, whatever
    /// it said before and by whose keys.
    #[test]
    fn the_places_are_those_of_the_newest_list(lists in prop::collection::vec(places(), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let wanted: Vec<Places> = lists
            .iter()
            .map(|list| list.iter().copied().filter(|(p, c)| *p < PEOPLE && *c < COURSES).collect())
            .collect();
        for by_card in [false, true] {
            prop_assert_eq!(&runtime.block_on(days(by_card, &lists)), &wanted);
        }
    }
}
