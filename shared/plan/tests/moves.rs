//! People who move between classes: what they lose goes with what they get, or after it.

mod world;

use std::collections::BTreeSet;

use plan::{Action, Change, Effect, HoldReason, Limit, Limited, Moves};
use proptest::prelude::*;
use roster::arbitrary::{next_day, school};
use roster::{Key, Kind, Record, Text};
use world::{World, at_most, changes, course, held, lines, person, plan_of, student};

fn school_of_two() -> Vec<Record> {
    vec![course("a").into(), course("b").into(), person("p", "ada").into(), person("q", "q").into()]
}

fn with(more: &[Record]) -> Vec<Record> {
    [school_of_two(), more.to_vec()].concat()
}

fn world(moves: Moves) -> World {
    let mut world = World::holding(&with(&[student("a", "p").into(), student("a", "q").into()]));
    world.policy.moves = moves;
    world
}

/// Ada goes from a to b.
fn moved() -> Vec<Record> {
    with(&[student("b", "p").into(), student("a", "q").into()])
}

#[test]
fn who_moves_is_taken_out_when_in() {
    let (comes, goes) = ("create enrollment:b/p".to_owned(), "remove enrollment:a/p".to_owned());
    for moves in [Moves::Independent, Moves::Together] {
        assert_eq!(plan_of(&world(moves), &moved()), [comes.clone(), goes.clone()], "{moves:?}");
    }
    let mut world = world(Moves::AddFirst);
    let diffed = world.diff(&moved());
    assert_eq!(lines(&changes(&diffed.plan)), [comes]);
    assert_eq!(diffed.plan.summary.deferred, 1);
    assert_eq!(diffed.findings.count_code("move-waits"), 1);
    world.deliver(&diffed.plan);
    assert_eq!(plan_of(&world, &moved()), [goes]);
}

#[test]
fn a_new_place_that_is_held_holds_the_old_one() {
    let mut world = world(Moves::Together);
    let none = Limit { percent: None, count: Some(0), minimum: 0 };
    world.limits.actions.set(Kind::Enrollment, Limited::Create, none);
    let plan = world.diff(&moved()).plan;
    assert!(plan.deliver.is_empty());
    assert_eq!(lines(&held(&plan)), ["create enrollment:b/p", "remove enrollment:a/p"]);
    assert_eq!(plan.reasons[1], HoldReason::Needs { key: Text::new("enrollment:b/p") });
    // Who leaves and gets nothing goes all the same.
    let left = with(&[student("b", "p").into()]);
    assert_eq!(plan_of(&world, &left), ["remove enrollment:a/q"]);
    world.policy.moves = Moves::Independent;
    assert_eq!(plan_of(&world, &moved()), ["remove enrollment:a/p"]);
    // Approved, both go.
    world.policy.moves = Moves::Together;
    world.approved = plan.summary.held_checksum;
    assert_eq!(plan_of(&world, &moved()).len(), 2);
}

#[test]
fn a_new_place_that_waits_or_was_refused_keeps_the_old_one() {
    // The course that the person goes to is nowhere.
    let nowhere = with(&[student("x", "p").into(), student("a", "q").into()]);
    let group: Record =
        roster::Group::new(roster::CourseKey::new("a"), roster::GroupKey::new("g")).into();
    let member: Record = roster::GroupMember::new(
        roster::CourseKey::new("a"),
        roster::GroupKey::new("g"),
        roster::PersonKey::new("p"),
    )
    .into();
    for moves in [Moves::Together, Moves::AddFirst] {
        let mut world = world(moves);
        let in_group = with(&[
            student("a", "p").into(),
            student("a", "q").into(),
            group.clone(),
            member.clone(),
        ]);
        world.deliver(&world.diff(&in_group).plan);
        let still_grouped = [nowhere.clone(), vec![group.clone()]].concat();
        let diffed = world.diff(&still_grouped);
        // The group with the old place: who stays in the course stays in it.
        assert_eq!(lines(&changes(&diffed.plan)), [""; 0], "{moves:?}");
        assert_eq!((diffed.plan.held.len(), diffed.plan.summary.deferred), (0, 3));
        // Refused by the LMS it is not there either.
        let refused: Change = changes(&world.diff(&moved()).plan).remove(0);
        assert_eq!(refused.action, Action::Create);
        world.fold(&refused, &Effect::Rejected { code: "full".into() });
        let plan = world.diff(&[moved(), vec![group.clone(), member.clone()]].concat()).plan;
        assert!(plan.deliver.is_empty(), "{moves:?} {:?}", lines(&changes(&plan)));
        assert_eq!(plan.summary.parked, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nobody loses a place in a course that stays while a new one is held or waits; and under
    /// `add-first` while a new one comes.
    #[test]
    fn nobody_loses_a_place_before_the_new_one(
        (before, after) in school().prop_flat_map(|school| (Just(school.clone()), next_day(school))),
        add_first in any::<bool>(), allowed in 0..4u64
    ) {
        let moves = if add_first { Moves::AddFirst } else { Moves::Together };
        let mut world = World::holding(&before.in_order());
        world.policy.moves = moves;
        world.limits = at_most(allowed + 2);
        let limit = Limit { percent: None, count: Some(allowed), minimum: 0 };
        world.limits.actions.set(Kind::Enrollment, Limited::Create, limit);
        let plan = world.diff_school(&after).plan;
        prop_assert_eq!(world.lints(&plan), vec![]);
        let delivered = changes(&plan);
        let there = |key: &Key| world.presence(key) == Some(plan::Presence::Present);
        let comes = |change: &&Change| matches!(change.action, Action::Create | Action::Restore);
        let coming: BTreeSet<Key> =
            delivered.iter().filter(comes).map(|change| change.key().clone()).collect();
        for change in &delivered {
            let Key::Enrollment { person, .. } = change.key() else { continue };
            if !change.action.takes_away() || !there(change.key()) {
                continue;
            }
            for wanted in after.0.values().filter(|record| record.kind() == Kind::Enrollment) {
                let key = wanted.key();
                let theirs = key.person() == Some(person);
                let inactive = matches!(wanted, Record::Enrollment(enrollment)
                    if enrollment.status == Some(roster::Status::Inactive));
                if theirs && !there(key) && !inactive && world.presence(key).is_none() {
                    prop_assert!(!add_first && coming.contains(key), "{} before {}", change.key(), key);
                }
            }
        }
        // In the end all the same is there.
        world.limits = world::no_limits();
        for _ in 0..3 {
            world.deliver(&world.diff_school(&after).plan);
        }
        let last = world.diff_school(&after).plan;
        prop_assert!(last.deliver.is_empty(), "{:?}", lines(&changes(&last)));
    }
}
