//! Limits by kind and action, over a run and over seven days; what drops sharply; what a held
//! making or change holds with it.

mod world;

use std::collections::BTreeMap;

use plan::{Action, Dropped, HoldReason, Limit, Limited, Limits, Part, SharpDrop, Span, Suspects};
use proptest::prelude::*;
use roster::arbitrary::{next_day, school};
use roster::{CourseKey, GroupKey, Key, Kind, PersonKey, Record, Text};
use world::{World, at_most, changes, course, held, lines, person, plan_of, student};

fn people(keys: std::ops::Range<u32>) -> Vec<Record> {
    keys.map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect()
}

fn count(count: u64) -> Limit {
    Limit { percent: None, count: Some(count), minimum: 0 }
}

/// A world that holds `records`, with limits for what a run does to `kind`.
fn limited(records: &[Record], kind: Kind, limited: Limited, limit: Limit) -> World {
    let mut world = World::holding(records);
    world.limits.actions.set(kind, limited, limit);
    world
}

fn needs(key: &str) -> HoldReason {
    HoldReason::Needs { key: Text::new(key) }
}

/// What one run delivered counts for the next.
fn live(world: &mut World, wanted: &[Record]) -> plan::Diffed {
    let diffed = world.diff(wanted);
    if !diffed.released {
        assert_eq!(world.lints(&diffed.plan), []);
    }
    world.deliver(&diffed.plan);
    for (kind, actions) in &diffed.counting {
        for (action, count) in actions {
            *world.past.week.entry(*kind).or_default().entry(*action).or_default() += count;
        }
    }
    world.weighed.clone_from(&diffed.weighed);
    world.past.courses.clone_from(&diffed.dropped_courses);
    diffed
}

#[test]
fn makings_over_their_limit_are_held_with_all_that_needs_them() {
    let base: Vec<Record> = [people(0..10), vec![course("c").into()]].concat();
    let group: Record = roster::Group::new(CourseKey::new("c"), GroupKey::new("g")).into();
    let member = |person: &str| -> Record {
        roster::GroupMember::new(CourseKey::new("c"), GroupKey::new("g"), PersonKey::new(person))
            .into()
    };
    let new = vec![group, student("c", "p10").into(), member("p10"), student("c", "p0").into()];
    let wanted = [base.clone(), people(10..13), new, vec![member("p0")]].concat();
    let world = limited(&base, Kind::Person, Limited::Create, count(2));
    let plan = world.diff(&wanted).plan;
    let flows = ["create group:c/g", "create enrollment:c/p0", "create group_member:c/g/p0"];
    assert_eq!(lines(&changes(&plan)), flows);
    let over = HoldReason::Over {
        limited: Limited::Create,
        span: Span::Run,
        count: 3,
        before: 0,
        of: 10,
        allowed: 2,
    };
    assert_eq!(plan.reasons.iter().filter(|reason| **reason == over).count(), 3);
    assert_eq!(plan.reasons.iter().filter(|reason| **reason == needs("person:p10")).count(), 2);
    assert_eq!(world.lints(&plan), []);
    // Enrollments held by their own limit keep those out of groups whom they would let in.
    let world = limited(&base, Kind::Enrollment, Limited::Create, count(1));
    let plan = world.diff(&wanted).plan;
    let waits = held(&plan).into_iter().zip(&plan.reasons).filter(|(change, reason)| {
        change.kind() == Kind::GroupMember && matches!(reason, HoldReason::Needs { .. })
    });
    assert_eq!(waits.count(), 2, "{:?}", lines(&held(&plan)));
    // Two are within the limit.
    let world = limited(&base, Kind::Person, Limited::Create, count(3));
    assert_eq!(world.diff(&wanted).plan.held.len(), 0);
}

#[test]
fn a_course_does_not_come_without_the_org_unit_that_it_is_to_stand_in() {
    let unit = |key: &str| -> Record { roster::OrgUnit::new(roster::OrgUnitKey::new(key)).into() };
    let in_unit = |key: &str, unit: &str| -> Record {
        let mut course = course(key);
        course.org_unit = Some(Text::new(unit));
        course.into()
    };
    let base = [unit("old"), in_unit("a", "old"), in_unit("b", "old"), person("p", "p").into()];
    let world = limited(&base, Kind::OrgUnit, Limited::Create, count(0));
    let wanted = [
        unit("old"),
        unit("new"),
        in_unit("a", "new"),
        in_unit("b", "old"),
        in_unit("c", "new"),
        in_unit("d", "old"),
        person("p", "p").into(),
        student("c", "p").into(),
        student("d", "p").into(),
    ];
    let plan = world.diff(&wanted).plan;
    assert_eq!(lines(&changes(&plan)), ["create course:d", "create enrollment:d/p"]);
    let mut waiting = lines(&held(&plan));
    waiting.sort();
    let all =
        ["create course:c", "create enrollment:c/p", "create org_unit:new", "update course:a"];
    assert_eq!(waiting, all);
    assert_eq!(plan.reasons.iter().filter(|reason| **reason == needs("org_unit:new")).count(), 2);
}

#[test]
fn updates_over_their_limit_are_held_with_who_wants_the_name() {
    let named = |names: &[(&str, &str)]| -> Vec<Record> {
        names.iter().map(|(key, name)| person(key, name).into()).collect()
    };
    let world = limited(
        &named(&[("a", "x"), ("b", "y"), ("c", "z")]),
        Kind::Person,
        Limited::Update,
        count(1),
    );
    let wanted = named(&[("a", "x1"), ("b", "y1"), ("c", "z"), ("d", "x"), ("e", "e")]);
    let plan = world.diff(&wanted).plan;
    assert_eq!(lines(&changes(&plan)), ["create person:e"]);
    let waiting = lines(&held(&plan));
    assert!(waiting.contains(&"create person:d".to_owned()), "{waiting:?}");
    assert_eq!(waiting.len(), 3);
    // Without a limit of theirs updates are never held.
    let free = World { limits: Limits::default(), ..world };
    assert_eq!(free.diff(&wanted).plan.held.len(), 0);
}

#[test]
fn suspensions_deletions_and_restorations_have_limits_of_their_own() {
    let all = people(0..6);
    for (action, of) in [("suspend", Limited::Suspend), ("remove", Limited::Delete)] {
        let mut world = limited(&all, Kind::Person, of, count(1));
        if of == Limited::Delete {
            world.policy = world::on_remove(Kind::Person, plan::OnRemove::Delete);
        }
        let plan = world.diff(&people(0..4)).plan;
        assert!(plan.deliver.is_empty());
        assert_eq!(lines(&held(&plan)).iter().filter(|l| l.starts_with(action)).count(), 2);
        // The limit of the one is not that of the other.
        let other = if of == Limited::Suspend { Limited::Delete } else { Limited::Suspend };
        world.limits = Limits::none();
        world.limits.actions.set(Kind::Person, other, count(0));
        assert_eq!(world.diff(&people(0..4)).plan.held.len(), 0, "{action}");
    }
    let mut world = limited(&all, Kind::Person, Limited::Restore, count(1));
    world.deliver(&world.diff(&people(0..3)).plan);
    let plan = world.diff(&all).plan;
    assert_eq!((plan.deliver.len(), plan.held.len()), (0, 3));
    assert_eq!(world.diff(&people(0..4)).plan.deliver.len(), 1);
}

/// A little every day is a lot in a week.
#[test]
fn nine_in_a_hundred_every_day_is_noticed_on_the_third_day() {
    let mut world = World::holding(&people(0..100));
    world.limits = Limits::default();
    for (day, (delivered, waiting)) in [(9, 0), (9, 0), (0, 8), (0, 8)].into_iter().enumerate() {
        let gone = [9, 18, 26, 26][day];
        let diffed = live(&mut world, &people(gone..100));
        let plan = diffed.plan;
        assert_eq!((plan.deliver.len(), plan.held.len()), (delivered, waiting), "day {day}");
        if waiting > 0 {
            let over = HoldReason::Over {
                limited: Limited::Removals,
                span: Span::Week,
                count: 8,
                before: 18,
                of: 100,
                allowed: 25,
            };
            assert!(plan.reasons.iter().all(|reason| *reason == over), "{:?}", plan.reasons[0]);
        }
    }
}

#[test]
fn what_somebody_approved_does_not_count_again() {
    let mut world = World::holding(&people(0..100));
    world.limits = Limits::default();
    // Forty go at once, and somebody approves.
    let diffed = world.diff(&people(40..100));
    assert_eq!(diffed.plan.held.len(), 40);
    world.approved = diffed.plan.summary.held_checksum;
    let released = live(&mut world, &people(40..100));
    assert!(released.released && released.counting.is_empty() && released.weighed.is_empty());
    assert_eq!(world.past.week, BTreeMap::new());
    assert_eq!(world.diff(&people(45..100)).plan.held.len(), 0);
}

/// Only the class whose list was cut off is held; others go on losing and gaining.
#[test]
fn a_course_that_drops_is_held_alone() {
    let class = |course: &str, people: std::ops::Range<u32>| -> Vec<Record> {
        people.map(|n| student(course, &format!("p{n}")).into()).collect()
    };
    let base = [people(0..120), vec![course("a").into(), course("b").into()]].concat();
    let mut world = World::holding(&[base.clone(), class("a", 0..30), class("b", 0..100)].concat());
    world.limits = Limits::default();
    let wanted = [base.clone(), class("a", 0..10), class("b", 2..101)].concat();
    let diffed = live(&mut world, &wanted);
    let plan = diffed.plan;
    let removed = |change: &&plan::Change| change.action == Action::Remove;
    assert_eq!(changes(&plan).iter().filter(removed).count(), 2, "two of b go");
    assert_eq!(plan.held.len(), 20);
    let reason = HoldReason::SharpDrop {
        part: Part::Course,
        name: Text::new("a"),
        kind: Kind::Enrollment,
        learned: 30,
        now: 10,
    };
    assert!(plan.reasons.iter().all(|given| *given == reason), "{:?}", plan.reasons[0]);
    // What comes to the class meanwhile makes no room for what is held.
    let grown = [base, class("a", 0..10), class("a", 50..80), class("b", 2..101)].concat();
    let more = live(&mut world, &grown).plan;
    assert_eq!((more.deliver.len(), more.held.len()), (30, 20));
    assert_eq!(more.summary.held_checksum, plan.summary.held_checksum);
    assert_eq!(world.past.courses, [(Text::new("a"), 30)].into());
    // Without the memory of the thirty they would go.
    let mut forgetful = world.clone();
    forgetful.past.courses.clear();
    let reasons = forgetful.diff(&grown).plan.reasons;
    assert!(reasons.iter().all(|reason| matches!(reason, HoldReason::Limit { .. })));
    // Approved, they go, and nothing is remembered.
    world.approved = more.summary.held_checksum;
    let released = live(&mut world, &grown);
    assert!(released.released && released.dropped_courses.is_empty());
}

#[test]
fn what_belonged_to_a_part_that_dropped_is_held_and_nothing_else() {
    let mut world = World::holding(&people(0..100));
    world.limits = Limits::default();
    world.limits.sharp_drop = Some(SharpDrop::default());
    let mut suspects = Suspects::default();
    let part = suspects.add(Dropped {
        part: Part::OrgUnit,
        name: Text::new("north"),
        kind: Kind::Person,
        learned: 40,
        now: 10,
    });
    for n in 0..40 {
        suspects.add_record(&Key::Person(PersonKey::new(format!("p{n}"))), part);
    }
    world.past.suspects = suspects;
    let plan = world.diff(&people(30..98)).plan;
    assert_eq!(lines(&changes(&plan)), ["suspend person:p98", "suspend person:p99"]);
    assert_eq!(plan.held.len(), 30);
    assert!(plan.reasons.iter().all(|reason| matches!(
        reason,
        HoldReason::SharpDrop { part: Part::OrgUnit, learned: 40, now: 10, .. }
    )));
    assert_eq!(world.lints(&plan), []);
    // Where nobody knows who belonged to it, all of the kind wait.
    let mut broad = Suspects::default();
    let part = broad.add(world.past.suspects.parts()[0].clone());
    broad.add_kind(Kind::Person, part);
    world.past.suspects = broad;
    assert_eq!(world.diff(&people(30..98)).plan.held.len(), 32);
}

#[test]
fn what_policy_does_not_restore_stays_put_aside() {
    let mut world = World::holding(&[person("p", "ada").into(), person("q", "eve").into()]);
    world.deliver(&world.diff(&[]).plan);
    let mut policy = plan::Policy::default();
    policy.set(Kind::Person, plan::KindPolicy { restore: false, ..policy.of(Kind::Person) });
    world.policy = policy;
    let wanted = [person("p", "other").into(), person("n", "new").into()];
    let diffed = world.diff(&wanted);
    assert_eq!(lines(&changes(&diffed.plan)), ["create person:n"]);
    assert_eq!(diffed.findings.count_code("not-restored"), 1);
    world.policy = plan::Policy::default();
    let back = ["create person:n", "restore person:p"];
    let mut lines = plan_of(&world, &wanted);
    lines.sort();
    assert_eq!(lines, back);
}

/// Draws a limit that is often in the way.
fn any_limit() -> impl Strategy<Value = Limit> {
    let percent = proptest::option::of(0..60u8);
    let count = proptest::option::of(0..4u64);
    (percent, count, 0..4u64).prop_map(|(percent, count, minimum)| Limit {
        percent,
        count,
        minimum,
    })
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let one = (0..9usize, 0..6usize, any::<bool>(), any_limit());
    let drop = proptest::option::of((0..100u8, 0..4u64));
    (any_limit(), proptest::collection::vec(one, 0..6), any::<bool>(), drop).prop_map(
        |(removals, more, hold_emptied_courses, drop)| {
            let mut limits = Limits { removals, hold_emptied_courses, ..Limits::none() };
            limits.sharp_drop = drop.map(|(percent, minimum)| SharpDrop { percent, minimum });
            for (kind, limited, week, limit) in more {
                let table = if week { &mut limits.week } else { &mut limits.actions };
                table.set(Kind::ALL[kind], Limited::ALL[limited], limit);
            }
            limits
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the limits, no run and no week goes beyond them, and every plan stands a second
    /// look; what is held stays held, with the same checksum, while nothing else changes.
    #[test]
    fn no_limit_is_passed_over_a_week(
        first in school(), days in proptest::collection::vec(any::<u64>(), 3), limits in any_limits()
    ) {
        use proptest::strategy::ValueTree;
        use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
        let mut world = World::holding(&first.in_order());
        world.limits = limits;
        let mut today = first;
        for seed in days {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
            let mut runner = TestRunner::new_with_rng(Config::default(), rng);
            today = next_day(today).new_tree(&mut runner).unwrap().current();
            let diffed = live(&mut world, &today.in_order());
            for kind in Kind::ALL {
                for limited in Limited::ALL {
                    let run = limited.sum(&diffed.counting, kind);
                    let limit = world.limits.limit(kind, limited, Span::Run);
                    if let Some(most) = limit.and_then(|limit| limit.count) {
                        prop_assert!(run <= most, "{kind} {}: {run} of {most}", limited.name());
                    }
                    let week = limited.sum(&world.past.week, kind);
                    let limit = world.limits.limit(kind, limited, Span::Week);
                    if let Some(most) = limit.and_then(|limit| limit.count) {
                        prop_assert!(week <= most, "{kind} {} in a week: {week}", limited.name());
                    }
                }
            }
        }
    }

    /// Whoever approves releases all of it, whatever it is held for.
    #[test]
    fn approval_releases_what_any_limit_holds(
        (before, after) in school().prop_flat_map(|school| (Just(school.clone()), next_day(school))),
        limits in any_limits()
    ) {
        let mut world = World::holding(&before.in_order());
        world.limits = limits;
        let diffed = world.diff_school(&after);
        prop_assert_eq!(world.lints(&diffed.plan), vec![]);
        world.approved = diffed.plan.summary.held_checksum;
        let released = world.diff_school(&after);
        prop_assert_eq!(released.released, diffed.plan.summary.held_checksum.is_some());
        prop_assert!(released.plan.held.is_empty() && released.weighed.is_empty());
        prop_assert_eq!(released.counting, diffed.counting);
    }

    /// No limit but those that are set holds anything, and the same comes of the same.
    #[test]
    fn plans_are_the_same_to_the_byte(
        (before, after) in school().prop_flat_map(|school| (Just(school.clone()), next_day(school))),
        limits in any_limits()
    ) {
        let mut world = World::holding(&before.in_order());
        let free = world.diff_school(&after).plan;
        let by_names = |reason: &HoldReason| matches!(reason, HoldReason::Needs { .. });
        prop_assert!(free.reasons.iter().all(by_names));
        world.limits = limits;
        let one = world.diff_school(&after).plan;
        prop_assert_eq!(one.to_bytes(), world.diff_school(&after).plan.to_bytes());
        prop_assert_eq!(plan::Plan::from_bytes(&one.to_bytes()).unwrap(), one);
    }
}

#[test]
fn the_linter_knows_every_limit() {
    let mut world = World::holding(&people(0..20));
    let plan = world.diff(&people(5..20)).plan;
    assert_eq!(world.lints(&plan), []);
    world.limits.week.set(Kind::Person, Limited::Suspend, count(6));
    assert_eq!(world.lints(&plan), []);
    world.past.week = [(Kind::Person, [(Action::Suspend, 2)].into())].into();
    let rules: Vec<_> = world.lints(&plan).iter().map(plan::Lint::rule).collect();
    assert_eq!(rules, ["limit"]);
    world.limits = at_most(100);
    let mut suspects = Suspects::default();
    let (name, kind) = (Text::new("north"), Kind::Person);
    let part = suspects.add(Dropped { part: Part::File, name, kind, learned: 20, now: 1 });
    suspects.add_record(&Key::Person(PersonKey::new("p3")), part);
    world.past.suspects = suspects;
    let rules: Vec<_> = world.lints(&plan).iter().map(plan::Lint::rule).collect();
    assert_eq!(rules, ["suspect"]);
}

/// What cannot be done at all is no reason to hold what can, nor would an approval let it go.
#[test]
fn what_waits_for_something_that_is_nowhere_is_not_weighed() {
    let mut world = World::holding(&[course("a").into(), person("p", "ada").into()]);
    world.limits.actions.set(Kind::Enrollment, Limited::Create, count(1));
    let wanted = [
        course("a").into(),
        person("p", "ada").into(),
        student("a", "p").into(),
        student("nowhere", "p").into(),
        student("nowhere else", "p").into(),
    ];
    let plan = world.diff(&wanted).plan;
    assert_eq!(lines(&changes(&plan)), ["create enrollment:a/p"]);
    assert!(plan.held.is_empty(), "{:?}", plan.reasons);
    assert_eq!(plan.summary.deferred, 2);
}
