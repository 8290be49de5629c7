//! Courses, their categories and templates.

use lms::moodle::{Adopt, MissingTemplate, MoodleConfig, Template};
use lms::{Outcome, Refs};
use plan::{Action, Cause, Ownership};
use roster::{Course, Date, OrgUnit, OrgUnitKey, Status, Text, Timeframe};

use crate::world::{change, course, create, number, rejected, remove, with, world, world_with};

fn dated(number: usize) -> Course {
    let mut course = course(number);
    let (begin, end) = (Date::new(2026, 9, 1).ok(), Date::new(2027, 7, 1).ok());
    course.timeframe = Some(Timeframe { begin, end, ..Timeframe::default() });
    course
}

#[tokio::test]
async fn courses_are_made_changed_hidden_shown_and_removed() {
    let world = world();
    let ids =
        world.ids((0..25).map(|n| create(course(n))).chain([create(dated(25))]).collect()).await;
    assert_eq!(world.sent().iter().filter(|f| *f == "core_course_create_courses").count(), 3);
    {
        let site = world.site();
        let made = site.course(number(&ids[3])).unwrap();
        assert_eq!((made.fullname.as_str(), made.end, made.category), ("Course & 3", 0, 1));
        let dated = site.course(number(&ids[25])).unwrap();
        assert_eq!((dated.start, dated.end), (1_788_220_800, 1_814_486_399));
    }
    let mut after = course(0);
    after.title = Some(Text::new("Other"));
    let receipts = world
        .deliver(vec![
            change(Action::Update, &ids[0], course(0), after),
            change(Action::Suspend, &ids[1], course(1), course(1)),
            remove(&ids[2], course(2)),
        ])
        .await;
    assert!(receipts.iter().all(|receipt| receipt.outcome == Outcome::Applied), "{receipts:?}");
    {
        let site = world.site();
        assert_eq!(site.course(number(&ids[0])).unwrap().fullname, "Other");
        assert!(!site.course(number(&ids[1])).unwrap().visible);
        assert!(site.course(number(&ids[2])).is_none());
    }
    let again = vec![
        change(Action::Restore, &ids[1], course(1), course(1)),
        remove(&ids[2], course(2)),
        remove(&Text::new("1"), course(4)),
    ];
    let receipts = world.deliver(again).await;
    assert_eq!(receipts[1].outcome, Outcome::Applied, "gone is gone");
    assert_eq!(rejected(&receipts[2]), "front-page");
    assert!(world.site().course(number(&ids[1])).unwrap().visible);
}

#[tokio::test]
async fn a_hidden_course_is_made_hidden() {
    let world = world();
    let mut hidden = course(1);
    hidden.status = Some(Status::Inactive);
    let ids = world.ids(vec![create(hidden)]).await;
    assert!(!world.site().course(number(&ids[0])).unwrap().visible);
}

#[tokio::test]
async fn taken_names_are_refused_alone_and_courses_are_adopted_by_key() {
    let world = world();
    world.by_hand(
        "core_course_create_courses",
        "courses[0][fullname]=Hand&courses[0][shortname]=code1&courses[0][categoryid]=1\
         &courses[1][fullname]=Hand2&courses[1][shortname]=other&courses[1][categoryid]=1\
         &courses[1][idnumber]=C2",
    );
    let receipts = world.deliver((0..4).map(|n| create(course(n))).collect()).await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Created));
    assert_eq!(rejected(&receipts[1]), "shortnametaken");
    assert_eq!(receipts[2].ownership, Some(Ownership::Adopted));
    assert_eq!(receipts[3].ownership, Some(Ownership::Created));
    let site = world.site();
    let adopted = site.course(3).unwrap();
    assert_eq!(adopted.shortname, "code2");
    assert_ne!(adopted.end, 0, "an end that the source says nothing about stays");
}

#[tokio::test]
async fn courses_are_adopted_by_short_name_where_that_is_a_rule() {
    let adopt = Adopt { short_name: true, ..Adopt::default() };
    let world = world_with(MoodleConfig { adopt, ..MoodleConfig::default() });
    world.by_hand(
        "core_course_create_courses",
        "courses[0][fullname]=Hand&courses[0][shortname]=code1&courses[0][categoryid]=1",
    );
    let receipts = world.deliver(vec![create(course(1))]).await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Adopted));
    assert_eq!(world.site().course(2).unwrap().idnumber, "C1");
}

#[tokio::test]
async fn org_units_become_categories() {
    let world = world();
    let unit = |key: &str| {
        let mut unit = OrgUnit::new(OrgUnitKey::new(key));
        unit.title = Some(Text::new(format!("Faculty & {key}")));
        unit
    };
    let top = world.ids(vec![create(unit("F1")), create(unit("F2"))]).await;
    let below = Refs { org_unit: Some(top[0].clone()), ..Refs::default() };
    let child = world.ids(vec![with(create(unit("D1")), below)]).await;
    assert_eq!(world.site().category(number(&child[0])).unwrap().parent, number(&top[0]));

    let mut inside = course(1);
    inside.org_unit = Some(Text::new("D1"));
    let stands = Refs { org_unit: Some(child[0].clone()), ..Refs::default() };
    let ids = world.ids(vec![with(create(inside.clone()), stands)]).await;
    assert_eq!(world.site().course(number(&ids[0])).unwrap().category, number(&child[0]));

    let mut moved = inside.clone();
    moved.org_unit = Some(Text::new("F2"));
    let to = |id: &Text| Refs { org_unit: Some(id.clone()), ..Refs::default() };
    let go = |id: &Text| {
        vec![with(change(Action::Update, &ids[0], inside.clone(), moved.clone()), to(id))]
    };
    // Moodle would answer with a warning and move it into nowhere all the same.
    let receipts = world.deliver(go(&Text::new("999"))).await;
    assert_eq!(rejected(&receipts[0]), "no-such-category");
    assert_eq!(world.site().course(number(&ids[0])).unwrap().category, number(&child[0]));
    assert_eq!(world.deliver(go(&top[1])).await[0].outcome, Outcome::Applied);
    assert_eq!(world.site().course(number(&ids[0])).unwrap().category, number(&top[1]));

    // What holds something is left where it is; made again, a category is found by its key.
    let receipts =
        world.deliver(vec![remove(&top[1], unit("F2")), remove(&child[0], unit("D1"))]).await;
    assert_eq!(rejected(&receipts[0]), "category-not-empty");
    assert_eq!(receipts[1].outcome, Outcome::Applied);
    let receipts = world.deliver(vec![create(unit("F1"))]).await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Adopted));
    assert_eq!(receipts[0].lms_id.as_ref(), Some(&top[0]));
    // One whose making is in doubt is ours, and is told everything: it may be older than this.
    let mut renamed = unit("F1");
    renamed.title = Some(Text::new("Faculty of Arts"));
    let mut doubt = create(renamed);
    doubt.change.cause = Cause::InDoubt;
    let receipts = world.deliver(vec![doubt]).await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Created));
    assert_eq!(world.site().category(number(&top[0])).unwrap().name, "Faculty of Arts");
}

fn templates(missing: MissingTemplate) -> MoodleConfig {
    let template = Template { prefix: "TPL-".into(), missing, ..Template::default() };
    MoodleConfig { template, ..MoodleConfig::default() }
}

#[tokio::test]
async fn a_template_is_copied_without_its_people() {
    let world = world_with(templates(MissingTemplate::Plain));
    world.by_hand(
        "core_course_create_courses",
        "courses[0][fullname]=T&courses[0][shortname]=TPL-base&courses[0][categoryid]=1\
         &courses[0][summary]=from+the+template",
    );
    let user = world.ids(vec![create(crate::world::person(1))]).await;
    world.site().enrol_by_hand(2, number(&user[0]), 3, world.now()).unwrap();
    let from = |n: usize, template: &str| {
        let mut course = dated(n);
        course.template = Some(Text::new(template));
        create(course)
    };
    let receipts = world.deliver(vec![from(1, "base"), from(2, "nowhere")]).await;
    assert_eq!((&receipts[0].outcome, &receipts[0].remark), (&Outcome::Applied, &None));
    assert_eq!(receipts[1].remark.as_deref(), Some("no-such-template"));
    let site = world.site();
    let (id, copy) = site.course_by_idnumber("C1").unwrap();
    assert_eq!(copy.summary, "from the template");
    assert_eq!((copy.start, copy.end), (1_788_220_800, 1_814_486_399));
    assert_eq!(site.enrolled(id), 0);
    assert!(site.course_by_idnumber("C2").unwrap().1.summary.is_empty());
}

#[tokio::test]
async fn a_missing_template_can_refuse_the_course() {
    let world = world_with(templates(MissingTemplate::Reject));
    let mut course = course(1);
    course.template = Some(Text::new("nowhere"));
    assert_eq!(rejected(&world.deliver(vec![create(course)]).await[0]), "no-such-template");
    assert_eq!(world.site().counts().courses, 0);
}
