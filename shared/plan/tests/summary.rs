//! What a plan says of itself before any of its changes is read.

mod world;

use plan::{Action, Capabilities, HoldReason, Limit, Limits, OnRemove};
use roster::{CourseKey, Group, GroupKey, GroupMember, Kind, PersonKey, Record};
use world::{World, at_most, capabilities, changes, course, no_limits, on_remove, person, student};

fn people(count: usize) -> Vec<Record> {
    (0..count).map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect()
}

#[test]
fn changes_are_counted_by_kind_and_action_in_the_part_that_they_are_in() {
    let mut world = World::holding(&people(3));
    world.limits = at_most(0);
    let wanted: Vec<Record> = vec![
        person("p0", "renamed").into(),
        person("n1", "n1").into(),
        person("n2", "n2").into(),
        course("c").into(),
    ];
    let summary = world.diff(&wanted).plan.summary;
    let persons = [(Action::Create, 2), (Action::Update, 1)].into();
    assert_eq!(
        summary.counts,
        [(Kind::Person, persons), (Kind::Course, [(Action::Create, 1)].into())].into()
    );
    assert_eq!(summary.held_counts, [(Kind::Person, [(Action::Suspend, 2)].into())].into());
}

#[test]
fn the_estimate_is_of_what_is_delivered_by_what_each_kind_takes() {
    let mut millis_per_change = [0; 9];
    let mut changes_per_call = [1; 9];
    millis_per_change[Kind::Person as usize - 1] = 7;
    changes_per_call[Kind::Person as usize - 1] = 3;
    millis_per_change[Kind::Course as usize - 1] = 100;
    changes_per_call[Kind::Course as usize - 1] = 0;
    let measured = Capabilities { millis_per_change, changes_per_call, ..capabilities() };
    let mut world = World { capabilities: measured, ..World::default() };
    let estimate = |world: &World, wanted: &[Record]| {
        let summary = world.diff(wanted).plan.summary;
        (summary.calls, summary.millis)
    };
    assert_eq!(estimate(&world, &[]), (0, 0));
    assert_eq!(estimate(&world, &people(3)), (1, 21), "three in a call");
    assert_eq!(estimate(&world, &people(7)), (3, 49), "the last call is not full");
    let both = [people(4), vec![course("c").into(), course("d").into()]].concat();
    assert_eq!(estimate(&world, &both), (2 + 2, 28 + 200), "never less than one in a call");
    // What is held costs nothing; a temporary name is a change like any other.
    world.deliver(&world.diff(&people(4)).plan);
    world.limits = at_most(0);
    assert_eq!(estimate(&world, &[]), (0, 0));
    world.limits = no_limits();
    let swapped =
        [vec![person("p0", "u1").into(), person("p1", "u0").into()], people(4)[2..].to_vec()]
            .concat();
    assert_eq!(estimate(&world, &swapped), (2, 28), "two updates, each with a temporary name");
    let counts = world.diff(&swapped).plan.summary.counts;
    assert_eq!(counts[&Kind::Person], [(Action::Update, 2)].into(), "which is counted once");
}

#[test]
fn what_waits_is_counted_where_it_waits() {
    let member: Record =
        GroupMember::new(CourseKey::new("c"), GroupKey::new("g"), PersonKey::new("p0")).into();
    let there = [
        people(1),
        vec![course("c").into(), Group::new(CourseKey::new("c"), GroupKey::new("g")).into()],
    ]
    .concat();
    // A member of a group who is not enrolled in its course waits for the enrollment.
    let diffed = World::default().diff(&[there.clone(), vec![member.clone()]].concat());
    assert_eq!(diffed.plan.summary.deferred, 1);
    assert_eq!(diffed.findings.count_code("group-member-not-enrolled"), 1);
    assert_eq!(diffed.plan.deliver.len(), 3);
    // Enrolled, also in the same run, they get in.
    let enrolled = [there, vec![student("c", "p0").into(), member]].concat();
    let diffed = World::default().diff(&enrolled);
    assert_eq!((diffed.plan.summary.deferred, diffed.plan.deliver.len()), (0, 5));
    assert!(World::holding(&enrolled).diff(&enrolled).plan.deliver.is_empty());
}

#[test]
fn a_limit_is_a_share_from_a_minimum_up_and_a_number() {
    let limit = |percent, count, minimum| Limit { percent, count, minimum };
    let default = Limit::default();
    assert_eq!(default, limit(Some(10), None, 10));
    assert_eq!(default.allowed(9), u64::MAX, "below the minimum nothing is held");
    assert_eq!(default.allowed(10), 1);
    assert_eq!(default.allowed(19), 1, "rounded down");
    assert_eq!(default.allowed(1_000), 100);
    assert_eq!(limit(Some(10), Some(5), 10).allowed(1_000), 5, "the stricter of the two");
    assert_eq!(limit(Some(10), Some(500), 10).allowed(1_000), 100);
    assert_eq!(limit(None, None, 0).allowed(1_000), u64::MAX);
    assert_eq!(limit(Some(10), Some(0), 10).allowed(3), 0, "a number holds at any size");
}

#[test]
fn a_kind_can_have_a_limit_of_its_own() {
    let mut limits = Limits { hold_emptied_courses: false, ..Limits::default() };
    assert!(Limits::default().hold_emptied_courses);
    limits.kinds.insert(Kind::Person, Limit { percent: None, count: Some(4), minimum: 0 });
    assert_eq!(limits.of(Kind::Person).count, Some(4));
    assert_eq!(limits.of(Kind::Course), Limit::default());
    let mut world = World::holding(&people(20));
    world.limits = limits;
    assert_eq!(world.diff(&people(16)).plan.held.len(), 0, "four may go");
    let plan = world.diff(&people(15)).plan;
    assert_eq!(plan.reasons[0], HoldReason::Limit { count: 5, of: 20, allowed: 4 });
}

#[test]
fn only_what_is_ours_and_takes_part_is_weighed() {
    let mut world = World::holding(&people(20));
    world.limits = Limits::default();
    let aside = people(18);
    world.deliver(&world.diff(&aside).plan);
    // Eighteen are left that take part: one may go, and three are too many.
    let plan = world.diff(&people(15)).plan;
    assert_eq!(plan.reasons[0], HoldReason::Limit { count: 3, of: 18, allowed: 1 });
    world.meta(aside[0].key()).ownership = plan::Ownership::Found;
    let plan = world.diff(&people(15)).plan;
    assert_eq!(plan.reasons[0], HoldReason::Limit { count: 3, of: 17, allowed: 1 });
    // Deleting those who were put aside takes something away once more, and is counted.
    world.policy = on_remove(Kind::Person, OnRemove::Delete);
    let plan = world.diff(&aside).plan;
    assert_eq!(plan.reasons[0], HoldReason::Limit { count: 2, of: 17, allowed: 1 });
}

#[test]
fn a_plan_names_the_configuration_and_what_limits_were_weighed_against() {
    let mut world = World::holding(&people(20));
    world.limits = Limits::default();
    let diffed = world.diff(&people(10));
    assert_eq!(diffed.plan.summary.config_version.as_str(), "1");
    assert_eq!(diffed.weighed, [(Kind::Person, 20)].into());
    assert!(world.diff(&people(19)).weighed.is_empty());
    assert_eq!(changes(&world.diff(&people(21)).plan).len(), 1);
}
