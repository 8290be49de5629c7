//! Groups, groupings and who is in them.

use lms::moodle::MoodleConfig;
use lms::{Outcome, Refs, Work};
use plan::{Action, Ownership};
use roster::{Key, Role, Text};

use crate::world::{
    World, change, course, create, enrollment, group, group_member, number, person, refs, rejected,
    remove, with, world_with,
};

/// Four people, the first three of them in the one course.
async fn school(config: MoodleConfig) -> (World, Vec<Text>, Text) {
    let world = world_with(config);
    let people = world.ids((0..4).map(|n| create(person(n))).collect()).await;
    let courses = world.ids(vec![create(course(0))]).await;
    let enrol =
        |n: usize| with(create(enrollment(0, n, &[Role::Student])), refs(&courses[0], &people[n]));
    world.ids((0..3).map(enrol).collect()).await;
    world.sent();
    (world, people, courses[0].clone())
}

fn in_course(course: &Text) -> Refs {
    Refs { course: Some(course.clone()), ..Refs::default() }
}

fn join(course: &Text, group: &Text, people: &[Text], g: usize, n: usize) -> Work {
    let at = Refs { group: Some(group.clone()), ..refs(course, &people[n]) };
    with(create(group_member(0, g, n)), at)
}

#[tokio::test]
async fn groups_are_made_named_set_and_removed() {
    let (world, _, course) = school(MoodleConfig::default()).await;
    let set = |g: usize, set: &str| {
        let mut group = group(0, g);
        group.group_set = Some(Text::new(set));
        group
    };
    let ids = world
        .ids((0..3).map(|g| with(create(set(g, "Tutors")), in_course(&course))).collect())
        .await;
    let groupings = world.by_hand("core_group_get_course_groupings", &format!("courseid={course}"));
    assert_eq!(groupings.as_array().unwrap().len(), 1);
    assert_eq!(groupings[0]["name"], "Tutors");
    {
        let site = world.site();
        let groups = site.groups(number(&course));
        assert_eq!(groups.len(), 3);
        assert_eq!((groups[0].1.name.as_str(), groups[0].1.idnumber.as_str()), ("Group 0", "G0"));
    }
    let mut renamed = set(0, "Others");
    renamed.title = Some(Text::new("A & B"));
    let receipts = world
        .deliver(vec![with(
            change(Action::Update, &ids[0], set(0, "Tutors"), renamed),
            in_course(&course),
        )])
        .await;
    assert_eq!(receipts[0].outcome, Outcome::Applied);
    let receipts = world
        .deliver(vec![remove(&ids[1], group(0, 1)), remove(&Text::new("99"), group(0, 9))])
        .await;
    assert!(receipts.iter().all(|receipt| receipt.outcome == Outcome::Applied), "{receipts:?}");
    let site = world.site();
    let names: Vec<_> =
        site.groups(number(&course)).iter().map(|(_, group, _)| group.name.to_string()).collect();
    assert_eq!(names, ["A & B", "Group 2"]);
}

#[tokio::test]
async fn a_group_that_is_there_is_used_where_it_can_be_ours() {
    for (adopts, expected) in [(true, Ok(Ownership::Adopted)), (false, Err("group-name-taken"))] {
        let mut config = MoodleConfig::default();
        config.adopt.group_name = adopts;
        let (world, _, course) = school(config).await;
        world.by_hand(
            "core_group_create_groups",
            &format!(
                "groups[0][courseid]={course}&groups[0][name]=Group+1&groups[0][description]=\
                 &groups[1][courseid]={course}&groups[1][name]=Group+2&groups[1][description]=\
                 &groups[1][idnumber]=theirs"
            ),
        );
        let receipts = world
            .deliver((1..3).map(|g| with(create(group(0, g)), in_course(&course))).collect())
            .await;
        match expected {
            Ok(ownership) => assert_eq!(receipts[0].ownership, Some(ownership)),
            Err(code) => assert_eq!(rejected(&receipts[0]), code),
        }
        assert_eq!(rejected(&receipts[1]), "group-name-taken", "another's key");
    }
}

#[tokio::test]
async fn members_come_and_go_and_nobody_is_moved() {
    let (world, people, course) = school(MoodleConfig::default()).await;
    let groups =
        world.ids((0..2).map(|g| with(create(group(0, g)), in_course(&course))).collect()).await;
    let hand = world.by_hand(
        "core_group_create_groups",
        &format!("groups[0][courseid]={course}&groups[0][name]=Hand&groups[0][description]="),
    );
    let hand = u32::try_from(hand[0]["id"].as_u64().unwrap()).unwrap();
    world.site().join_group(hand, number(&people[0]), world.now()).unwrap();
    world.site().join_group(number(&groups[0]), number(&people[1]), world.now()).unwrap();

    let receipts = world
        .deliver([0, 1, 2, 3].map(|n| join(&course, &groups[0], &people, 0, n)).to_vec())
        .await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Created));
    assert_eq!(receipts[1].ownership, Some(Ownership::Found), "was in it before us");
    assert_eq!(receipts[2].outcome, Outcome::Applied);
    let needs = Key::Enrollment {
        course: roster::CourseKey::new("C0"),
        person: roster::PersonKey::new("P3"),
    };
    assert_eq!(receipts[3].outcome, Outcome::Deferred { needs });
    assert_eq!(world.site().group_names(number(&course), number(&people[0])), ["Group 0", "Hand"]);

    let mut go = join(&course, &groups[0], &people, 0, 2);
    go.change.action = Action::Remove;
    assert_eq!(world.deliver(vec![go.clone()]).await[0].outcome, Outcome::Applied);
    assert_eq!(world.deliver(vec![go]).await[0].outcome, Outcome::Applied, "twice is once");
    assert!(world.site().group_names(number(&course), number(&people[2])).is_empty());
}

#[tokio::test]
async fn only_people_without_a_group_are_added_where_that_is_the_rule() {
    let config = MoodleConfig { only_if_ungrouped: true, ..MoodleConfig::default() };
    let (world, people, course) = school(config).await;
    let groups =
        world.ids((0..2).map(|g| with(create(group(0, g)), in_course(&course))).collect()).await;
    world.site().join_group(number(&groups[1]), number(&people[0]), world.now()).unwrap();
    let receipts =
        world.deliver((0..2).map(|n| join(&course, &groups[0], &people, 0, n)).collect()).await;
    assert_eq!(rejected(&receipts[0]), "already-grouped");
    assert_eq!(receipts[1].outcome, Outcome::Applied);
    assert_eq!(world.site().group_names(number(&course), number(&people[0])), ["Group 1"]);
}
