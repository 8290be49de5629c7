//! A week of a school and the turn of its year, without any trouble.

use end_to_end::life::{Event, days, turn_of_the_year, week};
use end_to_end::world::{Step, step};
use end_to_end::{Ended, Town, World, careful, oracle, tell};
use plan::{Limit, Moves};
use roster::{Kind, Role};

#[tokio::test]
async fn the_lms_holds_what_the_registrar_says_on_every_day() {
    let mut world = World::new(1);
    for day in days() {
        world.live(&day).await;
        let faults = oracle::faults(&world, &day.lms).await;
        assert!(faults.is_empty(), "{}: {faults:#?}", day.name);
    }
}

#[tokio::test]
async fn the_lms_holds_what_a_careful_school_wants_on_every_day() {
    let lives = [(Moves::Together, careful::days()), (Moves::AddFirst, careful::movers())];
    for (moves, days) in lives {
        let mut world = careful::school(moves).await;
        for day in days {
            if let Event::Forgetting(who, _) = &day.event {
                // What is looked for afterwards can be found.
                assert!(oracle::remembered(&world, who, &day.lms).len() > 5);
            }
            let processes = world.live(&day).await;
            let faults = oracle::faults(&world, &day.lms).await;
            assert!(faults.is_empty(), "{}: {faults:#?}", day.name);
            assert_eq!(oracle::faults_of(&world, &day).await, [""; 0], "{}", day.name);
            let held = world.runs().await[0].held.clone();
            assert_eq!(!held.is_empty(), day.name == "too many", "{}: {held:?}", day.name);
            assert!(processes.iter().all(|process| process.tap.lms_writes() < 40), "{}", day.name);
        }
    }
}

/// In the story `*` is a teacher, `-` somebody who is suspended, and what stands behind a stroke
/// are the groups.
#[tokio::test]
async fn the_story_of_a_school() {
    let mut world = World::new(1);
    let mut story = String::new();
    for day in days() {
        world.act_by_hand(day.by_hand);
        let process = world.process(None, None, true);
        let ended = process.run(step(&day)).await;
        story.push_str(&tell::day(&day, &process, &ended));
        if matches!(ended, Ended::Came(Ok(_))) {
            story.push_str(&tell::lms(&world.platform()));
        }
        world.pass_night(&day);
    }
    insta::assert_snapshot!(story);
}

#[tokio::test]
async fn a_second_run_makes_no_call_and_writes_nothing_but_its_own_run() {
    let mut world = World::new(1);
    for day in week() {
        world.live(&day).await;
        let Event::Export(bytes) = &day.event else { continue };
        let before = world.table.items();
        let process = world.process(None, None, true);
        let outcome = process.run(Step::Sync(bytes)).await.outcome();
        assert!(outcome.run.changes.is_empty(), "{}", day.name);
        assert_eq!(outcome.run.held.is_empty(), day.name != "friday evening", "{}", day.name);
        assert_eq!(process.tap.lms_calls(), 0, "{}", day.name);
        let changed: Vec<String> = world
            .table
            .items()
            .into_iter()
            .filter(|item| !before.contains(item))
            .map(|item| item.key.sk)
            .filter(|sk| !sk.starts_with("run/"))
            .collect();
        assert_eq!(
            changed,
            ["lease", "open-runs", "source/registrar", "usage/2026-09"],
            "{}",
            day.name
        );
    }
}

#[tokio::test]
async fn what_is_refused_changes_nothing_at_all() {
    let mut world = World::new(1);
    for day in week() {
        let (table, objects) = (world.table.items(), world.objects.objects());
        world.live(&day).await;
        if matches!(day.event, Event::Broken(_)) {
            assert_eq!(world.table.items(), table, "{}", day.name);
            assert_eq!(world.objects.objects(), objects, "{}", day.name);
        }
    }
}

/// Between the export and its approval the school has grown, so that less is over the limits:
/// what was approved still goes.
#[tokio::test]
async fn an_approval_also_covers_what_is_left_of_what_it_named() {
    let mut world = World::new(1);
    for day in week() {
        world.live(&day).await;
    }
    world.set_limit(Kind::Course, Limit { percent: Some(50), count: None, minimum: 4 });
    for day in turn_of_the_year().into_iter().take(2) {
        world.live(&day).await;
        let faults = oracle::faults(&world, &day.lms).await;
        assert!(faults.is_empty(), "{}: {faults:#?}", day.name);
    }
}

/// An approval is for what was looked at: one more loss, and nothing of it goes.
#[tokio::test]
async fn an_approval_does_not_cover_more_than_it_named() {
    let mut world = World::new(1);
    for day in week() {
        world.live(&day).await;
    }
    let [held, approved, _] = <[_; 3]>::try_from(turn_of_the_year()).unwrap();
    world.live(&held).await;
    let mut fewer = approved.lms.clone();
    fewer.leaves("P011");
    let process = world.process(None, None, true);
    let outcome = process.run(Step::ApproveAndSync(&fewer.export())).await.outcome();
    assert!(outcome.run.approval.is_none());
    assert_eq!(outcome.run.held[&Kind::Person].values().sum::<u64>(), 7);
}

/// The same people come and go again: that has to be looked at again.
#[tokio::test]
async fn an_approval_works_once() {
    let mut world = World::new(1);
    for day in week() {
        world.live(&day).await;
    }
    let [held, approved, _] = <[_; 3]>::try_from(turn_of_the_year()).unwrap();
    world.live(&held).await;
    world.live(&approved).await;
    let process = world.process(None, None, true);
    let back = process.run(Step::Sync(&held.lms.export())).await.outcome();
    assert!(back.run.held.is_empty(), "{:?}", back.run.held);
    let Event::Export(bytes) = &held.event else { unreachable!("an export comes on that day") };
    let process = world.process(None, None, true);
    let again = process.run(Step::Sync(bytes)).await.outcome();
    assert!(again.run.approval.is_none());
    assert_eq!(again.run.held[&Kind::Person].values().sum::<u64>(), 6);
}

/// A teacher who was given a second role by hand keeps it when ours is taken away.
#[tokio::test]
async fn a_role_given_by_hand_stays_when_ours_goes() {
    let mut world = World::new(1);
    let town = Town::founded();
    let first = world.process(None, None, true).run(Step::Sync(&town.export())).await;
    assert!(first.is_settled());
    let (course, pupil) = town.seats.keys().find(|(_, who)| who == "P012").unwrap().clone();
    let (course_id, user_id) = {
        let mut platform = world.platform();
        let course_id = platform.site.course_by_idnumber(&course).unwrap().0;
        let user_id = platform.site.users_by_idnumber(&pupil)[0].0;
        let now = ambient::Clock::now(&*world.clock);
        platform.site.enrol_by_hand(course_id, user_id, 4, now).unwrap();
        (course_id, user_id)
    };
    let mut without = town.clone();
    without.stands_up(&course, &pupil);
    let ended = world.process(None, None, true).run(Step::Sync(&without.export())).await;
    assert!(ended.is_settled(), "{ended:?}");
    let platform = world.platform();
    let member = platform.site.member(course_id, user_id).expect("the other role stays");
    assert_eq!(member.roles.iter().collect::<Vec<_>>(), [4]);
    assert!(town.seats.values().any(|seat| seat.role == Role::Student));
}
