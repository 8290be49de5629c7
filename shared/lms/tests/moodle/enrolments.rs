//! People in courses.

use lms::moodle::{Adopt, MoodleConfig};
use lms::{Outcome, Work};
use plan::{Action, Ownership};
use roster::{Date, Enrollment, Role, Status, Text, Timeframe};
use sandbox::moodle::{Manual, Standing};

use crate::world::{
    World, change, course, create, enrollment, group, group_member, number, person, refs, rejected,
    remove, with, world, world_with,
};

/// Six people and one course.
async fn school(config: MoodleConfig) -> (World, Vec<Text>, Text) {
    let world = world_with(config);
    let people = world.ids((0..6).map(|n| create(person(n))).collect()).await;
    let courses = world.ids(vec![create(course(0))]).await;
    world.sent();
    (world, people, courses[0].clone())
}

fn enrol(course: &Text, people: &[Text], n: usize, roles: &[Role]) -> Work {
    with(create(enrollment(0, n, roles)), refs(course, &people[n]))
}

fn roles_of(world: &World, course: &Text, person: &Text) -> Vec<u8> {
    let site = world.site();
    let member = site.member(number(course), number(person));
    member.map(|member| member.roles.iter().collect()).unwrap_or_default()
}

fn standing(world: &World, course: &Text, person: &Text) -> Option<Standing> {
    let site = world.site();
    site.member(number(course), number(person)).map(|member| member.standing)
}

#[tokio::test]
async fn people_come_in_with_all_their_roles_and_dates() {
    let (world, people, course) = school(MoodleConfig::default()).await;
    let mut dated = enrollment(0, 2, &[Role::Student]);
    let (begin, end) = (Date::new(2026, 9, 1).ok(), Date::new(2027, 7, 1).ok());
    dated.timeframe = Some(Timeframe { begin, end, restrict_end: true, ..Timeframe::default() });
    let mut inactive = enrollment(0, 3, &[Role::Student]);
    inactive.status = Some(Status::Inactive);
    let receipts = world
        .deliver(vec![
            enrol(&course, &people, 0, &[Role::Student]),
            enrol(&course, &people, 1, &[Role::Student, Role::Instructor]),
            with(create(dated), refs(&course, &people[2])),
            with(create(inactive), refs(&course, &people[3])),
            enrol(&course, &people, 4, &[Role::Mentor]),
            enrol(&course, &people, 5, &[Role::Mentor, Role::Student]),
        ])
        .await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Created));
    assert_eq!(receipts[0].lms_id.as_ref(), Some(&people[0]));
    assert_eq!(roles_of(&world, &course, &people[1]), [3, 5]);
    assert_eq!(rejected(&receipts[4]), "role-not-mapped");
    assert_eq!(receipts[5].remark.as_deref(), Some("role-not-mapped"));
    assert_eq!(standing(&world, &course, &people[3]), Some(Standing::Suspended));
    let site = world.site();
    let member = site.member(number(&course), number(&people[2])).unwrap();
    assert_eq!((member.start(), member.end()), (0, 1_814_486_399));
}

#[tokio::test]
async fn another_role_is_assigned_and_the_old_one_taken_without_unenrolling() {
    let (world, people, course) = school(MoodleConfig::default()).await;
    let mut suspended = enrollment(0, 0, &[Role::Student]);
    suspended.status = Some(Status::Inactive);
    world.ids(vec![with(create(suspended.clone()), refs(&course, &people[0]))]).await;
    world.sent();
    let mut after = suspended.clone();
    after.roles = Some([Role::Instructor].into_iter().collect());
    let update =
        with(change(Action::Update, &people[0], suspended, after), refs(&course, &people[0]));
    assert_eq!(world.deliver(vec![update]).await[0].outcome, Outcome::Applied);
    assert_eq!(roles_of(&world, &course, &people[0]), [3]);
    assert_eq!(standing(&world, &course, &people[0]), Some(Standing::Suspended), "still");
    assert!(!world.sent().contains(&"enrol_manual_unenrol_users".to_owned()));
}

#[tokio::test]
async fn suspension_keeps_dates_and_roles_and_restoring_brings_back() {
    let drops = MoodleConfig { suspend_drops_roles: true, ..MoodleConfig::default() };
    for (config, left) in [(MoodleConfig::default(), &[5][..]), (drops, &[][..])] {
        let (world, people, course) = school(config).await;
        let mut dated = enrollment(0, 0, &[Role::Student]);
        let end = Date::new(2027, 7, 1).ok();
        dated.timeframe = Some(Timeframe { end, restrict_end: true, ..Timeframe::default() });
        let at = || refs(&course, &people[0]);
        world.ids(vec![with(create(dated.clone()), at())]).await;
        let act = |action| with(change(action, &people[0], dated.clone(), dated.clone()), at());
        assert_eq!(world.deliver(vec![act(Action::Suspend)]).await[0].outcome, Outcome::Applied);
        assert_eq!(standing(&world, &course, &people[0]), Some(Standing::Suspended));
        assert_eq!(roles_of(&world, &course, &people[0]), left);
        assert_eq!(world.deliver(vec![act(Action::Restore)]).await[0].outcome, Outcome::Applied);
        assert_eq!(standing(&world, &course, &people[0]), Some(Standing::Active));
        assert_eq!(roles_of(&world, &course, &people[0]), [5]);
        let site = world.site();
        assert_eq!(site.member(number(&course), number(&people[0])).unwrap().end(), 1_814_486_399);
    }
}

#[tokio::test]
async fn people_found_in_a_course_stay_as_they_are() {
    let (world, people, course) = school(MoodleConfig::default()).await;
    world.site().enrol_by_hand(number(&course), number(&people[0]), 3, world.now()).unwrap();
    let receipts = world
        .deliver(vec![
            enrol(&course, &people, 0, &[Role::Student]),
            enrol(&course, &people, 1, &[Role::Student]),
        ])
        .await;
    assert_eq!(
        (&receipts[0].outcome, receipts[0].ownership),
        (&Outcome::Applied, Some(Ownership::Found))
    );
    assert_eq!(receipts[1].ownership, Some(Ownership::Created));
    assert_eq!(roles_of(&world, &course, &people[0]), [3], "untouched");

    let adopt = Adopt { enrollments: true, ..Adopt::default() };
    let (world, people, course) = school(MoodleConfig { adopt, ..MoodleConfig::default() }).await;
    world.site().enrol_by_hand(number(&course), number(&people[0]), 3, world.now()).unwrap();
    let receipts = world.deliver(vec![enrol(&course, &people, 0, &[Role::Student])]).await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Adopted));
    assert_eq!(roles_of(&world, &course, &people[0]), [3, 5]);
}

#[tokio::test]
async fn members_that_were_read_are_not_read_again() {
    let (world, people, course) = school(MoodleConfig::default()).await;
    let mut work = enrol(&course, &people, 0, &[Role::Student]);
    work.members_read = true;
    world.deliver(vec![work]).await;
    assert_eq!(world.sent(), ["enrol_manual_enrol_users"]);
}

fn leave(course: &Text, people: &[Text], n: usize, roles: &[Role]) -> Work {
    with(remove(&people[n], enrollment(0, n, roles)), refs(course, &people[n]))
}

#[tokio::test]
async fn leaving_takes_only_what_is_ours() {
    let (world, people, course) = school(MoodleConfig::default()).await;
    world.ids((0..4).map(|n| enrol(&course, &people, n, &[Role::Student])).collect()).await;
    // One was made a teacher by hand, one put into a group that somebody made by hand, and one is
    // in a group of ours.
    world.site().enrol_by_hand(number(&course), number(&people[1]), 4, world.now()).unwrap();
    let hand = world.by_hand(
        "core_group_create_groups",
        &format!("groups[0][courseid]={course}&groups[0][name]=Hand&groups[0][description]="),
    );
    let hand = u32::try_from(hand[0]["id"].as_u64().unwrap()).unwrap();
    world.site().join_group(hand, number(&people[2]), world.now()).unwrap();
    let mut at = refs(&course, &people[3]);
    let ours = world.ids(vec![with(create(group(0, 1)), at.clone())]).await;
    at.group = Some(ours[0].clone());
    world.deliver(vec![with(create(group_member(0, 1, 3)), at)]).await;

    let receipts =
        world.deliver((0..5).map(|n| leave(&course, &people, n, &[Role::Student])).collect()).await;
    assert!(receipts.iter().all(|receipt| receipt.outcome == Outcome::Applied), "{receipts:?}");
    let remarks: Vec<_> = receipts.iter().map(|receipt| receipt.remark.as_deref()).collect();
    assert_eq!(remarks, [None, Some("other-roles-kept"), Some("other-groups-kept"), None, None]);
    assert_eq!(standing(&world, &course, &people[0]), None);
    assert_eq!(roles_of(&world, &course, &people[1]), [4]);
    assert_eq!(standing(&world, &course, &people[1]), Some(Standing::Active));
    assert_eq!(roles_of(&world, &course, &people[2]), Vec::<u8>::new());
    assert_eq!(standing(&world, &course, &people[2]), Some(Standing::Active));
    assert_eq!(standing(&world, &course, &people[3]), None);
}

#[tokio::test]
async fn a_course_without_manual_enrolment_refuses_its_people_in_few_calls() {
    let world = world();
    let people = world.ids((0..60).map(|n| create(person(n))).collect()).await;
    let courses = world.ids(vec![create(course(0)), create(course(1))]).await;
    world.site().set_manual(number(&courses[0]), Manual::Missing, world.now()).unwrap();
    let work: Vec<Work> = (0..60)
        .map(|n| {
            let course = n % 2;
            with(
                create(enrollment(course, n, &[Role::Student])),
                refs(&courses[course], &people[n]),
            )
        })
        .collect();
    world.sent();
    let receipts = world.deliver(work).await;
    for (n, receipt) in receipts.iter().enumerate() {
        match n % 2 {
            0 => assert_eq!(rejected(receipt), "wsnoinstance"),
            _ => assert_eq!(receipt.outcome, Outcome::Applied),
        }
    }
    let calls = world.sent().iter().filter(|f| *f == "enrol_manual_enrol_users").count();
    assert!(calls < 20, "{calls}");
}

#[tokio::test]
async fn nothing_changes_for_nothing_and_courses_that_are_gone_are_left() {
    let (world, people, course) = school(MoodleConfig::default()).await;
    let same = |e: Enrollment| change(Action::Update, &people[0], e.clone(), e);
    let work = with(same(enrollment(0, 0, &[Role::Student])), refs(&course, &people[0]));
    world.deliver(vec![work]).await;
    assert_eq!(world.sent(), Vec::<String>::new());
    let gone = Text::new("777");
    let receipts = world
        .deliver(vec![with(
            remove(&people[0], enrollment(0, 0, &[Role::Student])),
            refs(&gone, &people[0]),
        )])
        .await;
    assert_eq!(receipts[0].outcome, Outcome::Applied);
    let receipts = world
        .deliver(vec![with(create(enrollment(0, 0, &[Role::Student])), refs(&gone, &people[0]))])
        .await;
    assert_eq!(rejected(&receipts[0]), "invalidparameter");
}
