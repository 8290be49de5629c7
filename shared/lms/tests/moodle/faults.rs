//! What goes wrong on the way.

use std::time::Duration;

use lms::moodle::MoodleConfig;
use lms::{Attempt, ErrorClass, Lms, Outcome, Survey, Work};
use plan::{Action, Ownership};
use roster::{Role, Text};
use sandbox::{Fault, Rule};

use crate::world::{
    World, change, course, create, enrollment, person, refs, with, world, world_with,
};

const CREATE: &str = "core_user_create_users";

fn people(count: usize) -> Vec<Work> {
    (0..count).map(|n| Work { survey: Survey::Absent, ..create(person(n)) }).collect()
}

fn outcomes(applying: &lms::Applying) -> Vec<&Outcome> {
    applying.receipts.iter().map(|receipt| &receipt.outcome).collect()
}

#[tokio::test]
async fn a_lost_answer_is_followed_by_a_look() {
    let world = world();
    world.fault(Rule::next(1, Fault::DropAfter).on(CREATE));
    let applying = world.apply(&people(10), Attempt::First).await;
    assert!(applying.receipts.iter().all(|r| r.outcome == Outcome::Applied), "{applying:?}");
    assert!(applying.receipts.iter().all(|r| r.ownership == Some(Ownership::Created)));
    assert_eq!(world.site().counts().accounts, 13, "nobody twice");
}

#[tokio::test]
async fn silence_about_what_did_not_happen_stays_in_doubt_and_the_next_attempt_makes_it() {
    let world = world();
    world.fault(Rule::next(1, Fault::DropBefore).on(CREATE));
    let work = people(3);
    let applying = world.apply(&work, Attempt::First).await;
    assert_eq!(outcomes(&applying), [&Outcome::Unknown; 3]);
    let applying = world.apply(&work, Attempt::Again).await;
    assert_eq!(outcomes(&applying), [&Outcome::Applied; 3]);
    assert_eq!(world.site().counts().accounts, 6);
}

#[tokio::test]
async fn a_second_attempt_makes_only_what_is_missing() {
    let world = world();
    let work = people(60);
    world.apply(&work[..25], Attempt::First).await;
    world.sent();
    let applying = world.apply(&work, Attempt::Again).await;
    assert!(applying.receipts.iter().all(|r| r.outcome == Outcome::Applied));
    assert!(applying.receipts.iter().all(|r| r.ownership == Some(Ownership::Created)));
    assert_eq!(world.sent().iter().filter(|f| *f == CREATE).count(), 1, "for the 35");
    assert_eq!(world.site().counts().accounts, 63);
}

#[tokio::test]
async fn too_few_rows_in_an_answer_are_noticed() {
    let world = world();
    world.fault(Rule::next(1, Fault::ShortAnswer).on(CREATE));
    let applying = world.apply(&people(10), Attempt::First).await;
    assert!(applying.receipts.iter().all(|r| r.outcome == Outcome::Applied), "{applying:?}");
    let mut ids: Vec<_> = applying.receipts.iter().map(|r| r.lms_id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

#[tokio::test]
async fn a_form_that_php_would_cut_is_refused_and_halved_until_it_fits() {
    // The site takes fewer variables than we were told.
    let world = world_with(MoodleConfig { max_vars: 5000, batch: 500, ..MoodleConfig::default() });
    world.site().settings_mut().max_input_vars = 100;
    let applying = world.apply(&people(100), Attempt::First).await;
    assert!(applying.receipts.iter().all(|r| r.outcome == Outcome::Applied), "{applying:?}");
    assert_eq!(world.site().counts().accounts, 103);
    // The last field in the form is the one that would be lost.
    assert_eq!(world.site().users_by_idnumber("P99").len(), 1);
    // The same for calls that answer nothing: enrolments.
    let ids: Vec<Text> = applying.receipts.iter().map(|r| r.lms_id.clone().unwrap()).collect();
    let course = world.ids(vec![create(course(0))]).await.remove(0);
    let enrol = |n: usize| {
        let mut work = with(create(enrollment(0, n, &[Role::Student])), refs(&course, &ids[n]));
        work.members_read = true;
        work
    };
    let receipts = world.deliver((0..100).map(enrol).collect()).await;
    assert!(receipts.iter().all(|r| r.outcome == Outcome::Applied), "{receipts:?}");
    assert_eq!(world.site().counts().enrolments, 100);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_halved() {
    let world = world_with(MoodleConfig { max_body: 1 << 20, ..MoodleConfig::default() });
    world.site().settings_mut().body_limit = 3000;
    let applying = world.apply(&people(40), Attempt::First).await;
    assert!(applying.receipts.iter().all(|r| r.outcome == Outcome::Applied), "{applying:?}");
    assert_eq!(world.site().counts().accounts, 43);
}

#[tokio::test]
async fn an_update_without_an_answer_is_sent_once_more() {
    let world = world();
    let ids = world.ids(vec![create(person(1))]).await;
    for fault in [Fault::DropAfter, Fault::DropBefore, Fault::Status { status: 502 }] {
        world.fault(Rule::next(1, fault).on("core_user_update_users"));
        let mut after = person(1);
        after.family = Some(Text::new(format!("{fault:?}").chars().take(9).collect::<String>()));
        let receipts = world.deliver(vec![change(Action::Update, &ids[0], person(1), after)]).await;
        assert_eq!(receipts[0].outcome, Outcome::Applied, "{fault:?}");
    }
}

async fn stopped_by(world: &World, fault: Fault) -> lms::Applying {
    world.fault(Rule::every(fault).on(CREATE).after(1));
    world.apply(&people(200), Attempt::First).await
}

#[tokio::test]
async fn a_site_that_goes_down_half_way_stops_the_rest() {
    for (fault, class, code) in [
        (Fault::Status { status: 503 }, ErrorClass::Outage, "http-503"),
        (Fault::DatabaseDown, ErrorClass::Outage, "dbconnectionfailed"),
        (Fault::InvalidToken, ErrorClass::Auth, "invalidtoken"),
    ] {
        let world = world_with(MoodleConfig { concurrency: 1, ..MoodleConfig::default() });
        let applying = stopped_by(&world, fault).await;
        let stopped = applying.stopped.expect("it was stopped");
        assert_eq!((stopped.class, stopped.code.as_str()), (class, code));
        let count = |wanted: fn(&Outcome) -> bool| {
            applying.receipts.iter().filter(|r| wanted(&r.outcome)).count()
        };
        assert_eq!(count(|o| *o == Outcome::Applied), 50);
        assert_eq!(count(|o| matches!(o, Outcome::Retry { .. })), 50, "the call that failed");
        assert_eq!(count(|o| *o == Outcome::NotSent), 100);
        assert_eq!(applying.calls, 2, "not one more");
    }
}

#[tokio::test]
async fn calls_in_each_others_way_are_made_once_more_before_anybody_is_blamed() {
    let world = world();
    // `dmlwriteexception`, as from a database that ended a deadlock.
    world.fault(Rule::next(1, Fault::ReadOnly).on(CREATE));
    let applying = world.apply(&people(50), Attempt::First).await;
    assert!(applying.receipts.iter().all(|r| r.outcome == Outcome::Applied), "{applying:?}");
    assert_eq!(applying.calls, 2, "nothing was halved");
}

#[tokio::test]
async fn a_short_throttle_is_waited_out_and_a_long_one_is_handed_on() {
    let world = world();
    world.fault(Rule::next(2, Fault::Throttled { retry_after: 20 }).on(CREATE));
    let before = world.now();
    let applying = world.apply(&people(10), Attempt::First).await;
    assert!(applying.receipts.iter().all(|r| r.outcome == Outcome::Applied));
    let waited = world.now().duration_since(before).as_secs();
    assert_eq!(waited, 40);

    let world = self::world();
    world.fault(Rule::every(Fault::Throttled { retry_after: 3600 }).on(CREATE));
    let applying = world.apply(&people(10), Attempt::First).await;
    let stopped = applying.stopped.unwrap();
    assert_eq!(stopped.class, ErrorClass::Throttled);
    assert_eq!(stopped.retry_after, Some(Duration::from_secs(3600)));
    assert!(applying.receipts.iter().all(|r| matches!(r.outcome, Outcome::Retry { .. })));
}

#[tokio::test]
async fn reads_are_tried_again_in_place() {
    let world = world();
    world.fault(Rule::next(3, Fault::DropBefore).on("core_user_get_users_by_field"));
    let before = world.now();
    assert_eq!(world.moodle.survey(&[create(person(1))]).await.unwrap(), [Survey::Absent]);
    assert!(world.now() > before, "with a pause between");
    world.fault(Rule::every(Fault::DropBefore).on("core_user_get_users_by_field"));
    let error = world.moodle.survey(&[create(person(1))]).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "no-answer"));
}

#[tokio::test]
async fn no_call_starts_that_could_outlast_the_deadline() {
    let world = world();
    let soon = world.now().saturating_add(Duration::from_secs(59)).unwrap();
    let applying = world.moodle.apply(&people(3), Attempt::First, soon).await;
    assert_eq!(applying.calls, 0);
    assert_eq!(outcomes(&applying), [&Outcome::NotSent; 3]);
    assert_eq!(applying.stopped.unwrap().code, "deadline");

    // Each call takes a minute of it.
    world.fault(Rule::every(Fault::Delay { ms: 50_000 }).on(CREATE));
    let config = MoodleConfig { concurrency: 1, ..MoodleConfig::default() };
    let slow = world_with(config);
    slow.fault(Rule::every(Fault::Delay { ms: 50_000 }).on(CREATE));
    let deadline = slow.now().saturating_add(Duration::from_secs(170)).unwrap();
    let applying = slow.moodle.apply(&people(200), Attempt::First, deadline).await;
    assert!(slow.now() <= deadline);
    assert_eq!(applying.receipts.iter().filter(|r| r.outcome == Outcome::Applied).count(), 150);
    assert_eq!(applying.receipts.iter().filter(|r| r.outcome == Outcome::NotSent).count(), 50);
}

#[tokio::test]
async fn the_rate_is_kept() {
    let world = world_with(MoodleConfig { rate: Some(2.0), ..MoodleConfig::default() });
    let before = world.now();
    let applying = world.apply(&people(500), Attempt::First).await;
    assert_eq!(applying.calls, 10);
    let took = world.now().duration_since(before).as_millis();
    assert!((4400..=4600).contains(&took), "{took}");
}

#[tokio::test]
async fn a_course_whose_creation_is_never_answered_is_found_again() {
    let world = world();
    world.fault(Rule::next(1, Fault::DropAfter).on("core_course_create_courses"));
    let work: Vec<Work> =
        (0..5).map(|n| Work { survey: Survey::Absent, ..create(course(n)) }).collect();
    let applying = world.apply(&work, Attempt::First).await;
    assert_eq!(outcomes(&applying), [&Outcome::Applied; 5]);
    assert_eq!(world.site().counts().courses, 5);
}

#[tokio::test]
async fn a_copy_left_half_done_is_finished() {
    let mut config = MoodleConfig::default();
    config.template.default = Some("base".to_owned());
    let world = world_with(config);
    world.by_hand(
        "core_course_create_courses",
        "courses[0][fullname]=T&courses[0][shortname]=base&courses[0][categoryid]=1",
    );
    world.fault(Rule::next(1, Fault::DropAfter).on("core_course_duplicate_course"));
    let work = [Work { survey: Survey::Absent, ..create(course(1)) }];
    let applying = world.apply(&work, Attempt::First).await;
    assert_eq!(outcomes(&applying), [&Outcome::Unknown]);
    let applying = world.apply(&work, Attempt::Again).await;
    assert_eq!(outcomes(&applying), [&Outcome::Applied]);
    assert_eq!(world.site().counts().courses, 2, "the template and one copy");
    assert_eq!(world.site().course_by_idnumber("C1").unwrap().1.end, 0);
}
