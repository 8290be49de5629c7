//! The order of a plan: batches, what is part of what, and holds that follow from one another.

mod world;

use plan::{HoldReason, OnRemove};
use roster::{Kind, OrgUnit, OrgUnitKey, Record, Term, TermKey, Text};
use world::{World, changes, held, lines, on_remove, person};

fn unit(key: &str, parent: Option<&str>) -> Record {
    let mut unit = OrgUnit::new(OrgUnitKey::new(key));
    unit.parent = parent.map(Text::new);
    unit.into()
}

fn term(key: &str, parent: Option<&str>) -> Record {
    let mut term = Term::new(TermKey::new(key));
    term.parent = parent.map(Text::new);
    term.into()
}

/// How many changes each batch has.
fn sizes(world: &World, wanted: &[Record], size: usize) -> Vec<u64> {
    let plan = world.diff(wanted).plan;
    plan.batches(size).map(|batch| batch.expect("decodes").changes.len()).collect()
}

#[test]
fn batches_are_as_full_as_they_may_be() {
    let people: Vec<Record> =
        (0..7).map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect();
    let world = World::default();
    assert_eq!(sizes(&world, &people, 3), [3, 3, 1]);
    assert_eq!(sizes(&world, &people, 7), [7]);
    assert_eq!(sizes(&world, &people, 100), [7]);
    assert_eq!(sizes(&world, &people, 0), [1; 7], "at least one");
    // A phase ends a batch.
    let two = [people, vec![world::course("c").into(), world::course("d").into()]].concat();
    assert_eq!(sizes(&world, &two, 100), [7, 2]);
}

#[test]
fn terms_and_org_units_share_a_batch_where_none_is_part_of_another() {
    let world = World::default();
    let apart = [unit("a", None), unit("b", None), unit("c", Some("elsewhere"))];
    assert_eq!(sizes(&world, &apart, 100), [3]);
    let siblings = [unit("a", None), unit("b", Some("a")), unit("c", Some("a"))];
    assert_eq!(sizes(&world, &siblings, 100), [1, 2]);
    let terms = [term("y", None), term("s1", Some("y")), term("s2", Some("y"))];
    assert_eq!(sizes(&world, &terms, 100), [1, 2]);
    // A term and an org unit of one name are two things.
    assert_eq!(sizes(&world, &[term("x", None), unit("x", None)], 100), [1, 1], "two phases");
}

#[test]
fn what_is_part_of_something_comes_after_it_and_goes_before_it() {
    // Three deep, and in every order of the keys' places.
    for keys in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"], ["b", "a", "c"]] {
        for make in [unit, term] {
            let all =
                [make(keys[0], None), make(keys[1], Some(keys[0])), make(keys[2], Some(keys[1]))];
            let kind = all[0].kind();
            let line = |action: &str, key: &&str| format!("{action} {kind}:{key}");
            let mut world = World::default();
            let plan = world.diff(&all).plan;
            let down: Vec<_> = keys.iter().map(|key| line("create", key)).collect();
            assert_eq!(lines(&changes(&plan)), down);
            world.deliver(&plan);
            world.policy = on_remove(kind, OnRemove::Delete);
            let plan = world.diff(&[]).plan;
            let up: Vec<_> = keys.iter().rev().map(|key| line("remove", key)).collect();
            assert_eq!(lines(&changes(&plan)), up);
            assert_eq!(plan.batches(100).count(), 3, "none in one batch with what it is part of");
        }
    }
}

#[test]
fn a_hold_at_the_end_of_a_chain_of_names_reaches_its_beginning() {
    // `first` wants the name of `second`, who wants the name of `third`, who left and keeps it.
    // Whatever the order of their places is, one of these chains is against it.
    let keys = ["a", "b", "c", "d"];
    let mut against = 0;
    for (first, second) in [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("a", "d"), ("d", "a")]
    {
        let gone = keys.iter().find(|key| **key != first && **key != second).expect("four keys");
        let before = [person(first, "x"), person(second, "y"), person(gone, "z")];
        let mut world = World::holding(&before.clone().map(Record::from));
        let stay = [before[0].clone().into(), before[1].clone().into()];
        world.deliver(&world.diff(&stay).plan);
        let wanted = [person(first, "y").into(), person(second, "z").into()];
        let plan = world.diff(&wanted).plan;
        assert!(plan.deliver.is_empty(), "{:?}", lines(&changes(&plan)));
        let waits = |key: &str, other: &str| {
            let at = lines(&held(&plan)).iter().position(|l| *l == format!("update person:{key}"));
            let needs = HoldReason::Needs { key: Text::from(format!("person:{other}")) };
            assert_eq!(at.map(|at| &plan.reasons[at]), Some(&needs));
            at
        };
        against += usize::from(waits(first, second) < waits(second, gone));
    }
    assert!(against > 0, "none of the chains was against the order of places");
}

#[test]
fn org_units_stay_by_default() {
    let world = World::holding(&[unit("a", None), term("t", None)]);
    assert!(world.diff(&[]).plan.deliver.is_empty());
    assert_eq!(world.policy.of(Kind::OrgUnit).remove, OnRemove::Ignore);
}
