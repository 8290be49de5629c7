//! What a policy leaves alone: templates after creation, people who came with them, and what
//! somebody did by hand in the LMS, whatever may be done to what is ours.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use end_to_end::town::course_key;
use end_to_end::undo::world as unlimited;
use end_to_end::{Town, World};
use pipeline::{ExportInput, NoProgress, OpenVault, SyncOutcome, read};
use plan::{Action, KindPolicy, Moves, OnRemove};
use readers::write::ims::{ImsOptions, export};
use roster::{
    Course, CourseKey, Enrollment, Kind, Mode, Person, PersonKey, Record, Role, Roles, Text,
};

async fn sync(world: &mut World, records: &[Record]) -> SyncOutcome {
    let mut bytes = Vec::new();
    export(records.iter().cloned(), ImsOptions::default(), &mut bytes).unwrap();
    sync_bytes(world, bytes).await
}

async fn sync_bytes(world: &mut World, bytes: Vec<u8>) -> SyncOutcome {
    world.clock.advance(Duration::from_secs(3600));
    let pipeline = world.process(None, None, true).pipeline;
    let source = pipeline.integration.sources[0].clone();
    let input =
        ExportInput { name: "registrar.xml".to_owned(), reader: Box::new(Cursor::new(bytes)) };
    let export = read(&source, Mode::Full, vec![input], &OpenVault, &NoProgress).unwrap();
    pipeline.sync(&source, export).await.unwrap()
}

fn course(key: &str, template: Option<&str>) -> Record {
    let mut course = Course::new(CourseKey::new(key));
    course.short_name = Some(Text::new(key));
    course.title = Some("A course".into());
    course.template = template.map(Text::new);
    course.into()
}

fn person(key: &str) -> Record {
    let mut person = Person::new(PersonKey::new(key));
    person.username = Some(Text::from(key.to_lowercase()));
    person.given = Some("Quirijn".into());
    person.family = Some("Okwuosa".into());
    person.email = Some(Text::from(format!("{key}@oakfield.example")));
    person.into()
}

fn student(course: &str, person: &str) -> Record {
    let mut seat = Enrollment::new(CourseKey::new(course), PersonKey::new(person));
    seat.roles = Some(Roles::one(Role::Student));
    seat.into()
}

/// A course that others are copied from, with a group in it.
fn with_template(world: &World) -> u32 {
    let mut platform = world.platform();
    let now = world.clock.now();
    let form = "courses[0][fullname]=Pattern&courses[0][shortname]=pattern\
                &courses[0][categoryid]=1";
    platform.call("core_course_create_courses", form, now);
    let id = platform.site.course_by_shortname("pattern").unwrap().0;
    platform.make_group(id, now);
    id
}

fn id_of(world: &World, course: &str) -> u32 {
    world.platform().site.course_by_idnumber(course).unwrap().0
}

fn groups(world: &World, course: &str) -> usize {
    let id = id_of(world, course);
    world.platform().site.groups(id).len()
}

#[tokio::test]
async fn a_template_is_used_when_a_course_is_made_and_never_again() {
    let mut world = unlimited(1);
    with_template(&world);
    let first = [course("plain", None), course("copy", Some("pattern"))];
    let made = sync(&mut world, &first).await.run;
    assert_eq!(made.receipts.applied, 2, "{:?}", made.receipts);
    assert_eq!((groups(&world, "copy"), groups(&world, "plain")), (1, 0), "what the copy has");
    let before = (id_of(&world, "plain"), id_of(&world, "copy"));
    // Another template, none, one for a course that is there: nothing is sent for any of it.
    for (plain, copy) in [(Some("pattern"), None), (None, Some("other")), (None, Some("pattern"))] {
        let next = sync(&mut world, &[course("plain", plain), course("copy", copy)]).await.run;
        assert!(next.changes.is_empty() && next.calls == 0, "{:?} {}", next.changes, next.calls);
    }
    assert_eq!((id_of(&world, "plain"), id_of(&world, "copy")), before);
    assert_eq!((groups(&world, "copy"), groups(&world, "plain")), (1, 0));
}

#[tokio::test]
async fn a_template_that_is_not_there_makes_a_plain_course_and_says_so() {
    let mut world = unlimited(2);
    with_template(&world);
    let made = sync(&mut world, &[course("c", Some("nothing-of-the-kind"))]).await.run;
    assert_eq!(made.receipts.applied, 1);
    let process = world.process(None, None, true);
    let stored = process.pipeline.stored_plan(&made).await.unwrap().unwrap();
    assert_eq!(stored.lines[0].remark.as_deref(), Some("no-such-template"));
    assert_eq!(groups(&world, "c"), 0);
}

/// Whoever stands in a copy without us is not ours: not when the export names them in it, not when
/// it does no more, not when the course goes.
#[tokio::test]
async fn people_in_a_copy_who_are_not_ours_stay() {
    let mut world = unlimited(3);
    with_template(&world);
    let people = [person("P1"), person("P2")];
    sync(&mut world, &people).await;
    let all = |more: &[Record]| [&people[..], &[course("copy", Some("pattern"))], more].concat();
    sync(&mut world, &all(&[])).await;
    let (copy, now) = (id_of(&world, "copy"), world.clock.now());
    let account = |key: &str| world.platform().site.users_by_idnumber(key)[0].0;
    let (ours, theirs) = (account("P1"), account("P2"));
    world.platform().enrol(copy, theirs, 4, now);
    sync(&mut world, &all(&[student("copy", "P1"), student("copy", "P2")])).await;
    let harm = world.platform().harm();
    assert!(harm.is_none(), "{harm:?}");
    sync(&mut world, &all(&[])).await;
    let harm = world.platform().harm();
    assert!(harm.is_none(), "{harm:?}");
    assert!(
        world.platform().site.member(copy, ours).is_none_or(|m| !end_to_end::wire::is_active(m))
    );
    sync(&mut world, &people).await;
    let harm = world.platform().harm();
    assert!(harm.is_none(), "{harm:?}");
}

/// Under every policy of removal and of moves: what was made by hand is as it was, on every day of
/// a pupil's way from one course to another and out of the school.
#[tokio::test]
async fn whatever_may_be_removed_what_was_made_by_hand_stays() {
    let removes =
        [OnRemove::Ignore, OnRemove::Suspend, OnRemove::Delete, OnRemove::DeleteAfter { days: 1 }];
    for remove in removes {
        for moves in [Moves::Independent, Moves::Together, Moves::AddFirst] {
            let mut world = unlimited(4);
            let mut integration = (*world.integration).clone();
            for kind in [Kind::Enrollment, Kind::GroupMember, Kind::Group, Kind::Course] {
                let policy = KindPolicy { remove, ..integration.policy.of(kind) };
                integration.policy.set(kind, policy);
            }
            integration.policy.moves = moves;
            world.integration = Arc::new(integration);
            let mut town = Town::founded();
            sync_bytes(&mut world, town.export()).await;
            // A guest teaches, a pupil sits by hand where the export does not know of it, and
            // somebody whom the export has there has a second role by hand.
            let (here, there) = (course_key(2026, 1), course_key(2026, 2));
            {
                let (course, other) = (id_of(&world, &here), id_of(&world, &there));
                let now = world.clock.now();
                let mut platform = world.platform();
                platform.enrol_guest(course, 3, now);
                platform.make_group(course, now);
                let free = platform.site.users_by_idnumber("P030")[0].0;
                platform.enrol(course, free, 5, now);
                platform.enrol(other, free, 5, now);
            }
            let who = "P010";
            town.sits(&here, who, Role::Student);
            sync_bytes(&mut world, town.export()).await;
            town.stands_up(&here, who);
            town.sits(&there, who, Role::Student);
            sync_bytes(&mut world, town.export()).await;
            sync_bytes(&mut world, town.export()).await;
            // The export has the pupil whom somebody enrolled by hand, and drops him again.
            town.sits(&there, "P030", Role::Student);
            sync_bytes(&mut world, town.export()).await;
            town.stands_up(&there, "P030");
            sync_bytes(&mut world, town.export()).await;
            town.leaves(who);
            sync_bytes(&mut world, town.export()).await;
            world.clock.advance(Duration::from_secs(3 * 86_400));
            world.process(None, None, true).pipeline.sweep().await.unwrap();
            let harm = world.platform().harm();
            assert!(harm.is_none(), "{remove:?} {moves:?}: {harm:?}");
        }
    }
}

#[tokio::test]
async fn where_a_courses_code_is_told_once_a_note_says_that_it_stays() {
    let mut world = unlimited(5);
    let mut integration = (*world.integration).clone();
    let spec = |name| *Record::specs(Kind::Course).iter().find(|s| s.name == name).unwrap();
    let fields = &mut integration.policy.fields;
    fields.set(Kind::Course, spec("short_name"), plan::FieldPolicy::OnCreate);
    world.integration = Arc::new(integration);
    sync(&mut world, &[course("c", None)]).await;
    let mut renamed = course("c", None);
    let Record::Course(of) = &mut renamed else { unreachable!("it is a course") };
    of.short_name = Some("another".into());
    of.title = Some("Another title".into());
    let next = sync(&mut world, &[renamed]).await;
    assert_eq!(next.run.changes[&Kind::Course][&Action::Update], 1);
    assert_eq!(next.findings.count_code("course-code-fixed"), 1);
    let platform = world.platform();
    let (_, row) = platform.site.course_by_idnumber("c").unwrap();
    assert_eq!((row.shortname.as_str(), row.fullname.as_str()), ("c", "Another title"));
}
