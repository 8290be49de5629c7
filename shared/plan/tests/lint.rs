//! Every lint is found in a plan that has it, and not in one that is only close to it.

mod world;

use std::collections::BTreeMap;

use plan::{
    Action, Cause, Change, HoldReason, Limit, LimitTable, Limited, Limits, Lint, Ownership, Part,
    PartLimits, Phase, Plan, Presence, Shares, lint,
};
use roster::{Key, Kind, Record, Text};
use world::{World, at_most, course, person, student};

fn change(action: Action, before: Option<Record>, after: Option<Record>) -> Change {
    Change {
        action,
        before,
        after,
        cause: Cause::Source,
        origin: None,
        lms_id: None,
        temporary: None,
    }
}

fn create(record: impl Into<Record>) -> Change {
    change(Action::Create, None, Some(record.into()))
}

fn update(record: impl Into<Record>) -> Change {
    let record = record.into();
    change(Action::Update, Some(record.clone()), Some(record))
}

fn suspend(record: impl Into<Record>) -> Change {
    Change { action: Action::Suspend, ..update(record) }
}

fn remove(record: impl Into<Record>) -> Change {
    change(Action::Remove, Some(record.into()), None)
}

/// A plan that delivers `deliver` and holds `held`, made by hand.
fn plan_of(deliver: &[Change], held: &[(Change, HoldReason)]) -> Plan {
    let mut plan = World::default().diff(&[]).plan;
    deliver.iter().for_each(|change| plan.deliver.push(change));
    for (change, reason) in held {
        plan.held.push(change);
        plan.reasons.push(reason.clone());
    }
    plan
}

fn lints(world: &World, deliver: &[Change]) -> Vec<Lint> {
    lint(&plan_of(deliver, &[]), world.rows(), None).expect("decodes")
}

fn school() -> World {
    let all = [person("p", "ada").into(), course("c").into(), student("c", "p").into()];
    World::holding(&all)
}

fn key(record: impl Into<Record>) -> Key {
    record.into().key().clone()
}

#[test]
fn a_phase_comes_after_those_before_it() {
    let world = World::default();
    assert_eq!(lints(&world, &[create(person("a", "a")), create(course("c"))]), []);
    assert_eq!(lints(&world, &[create(person("a", "a")), create(person("b", "b"))]), []);
    let phase = |kind| Phase::of(kind, Action::Create, false);
    let (phase, after) = (phase(Kind::Person), phase(Kind::Course));
    let order = |id| Lint::Order { key: key(person(id, id)), phase, after };
    assert_eq!(lints(&world, &[create(course("c")), create(person("a", "a"))]), [order("a")]);
    // Said once where the order breaks, not of all that follows.
    let broken = [create(course("c")), create(person("a", "a")), create(person("b", "b"))];
    assert_eq!(lints(&world, &broken), [order("a")]);
}

#[test]
fn a_record_has_one_change_in_a_phase() {
    let world = school();
    let twice = Lint::Twice { key: key(person("p", "ada")) };
    let ada = || person("p", "ada");
    assert_eq!(lints(&world, &[update(ada()), update(ada())]), [twice]);
    assert_eq!(lints(&world, &[update(ada()), suspend(ada())]), [], "first one, then the other");
}

#[test]
fn what_was_there_before_us_is_not_touched() {
    let mut world = school();
    let ada = || person("p", "ada");
    world.meta(&key(ada())).ownership = Ownership::Found;
    for presence in [Presence::Present, Presence::Suspended] {
        world.meta(&key(ada())).presence = Some(presence);
        for change in [update(ada()), suspend(ada()), remove(ada()), create(ada())] {
            let action = change.action;
            let not_ours = Lint::NotOurs { key: key(ada()), action };
            assert_eq!(lints(&world, &[change]), [not_ours], "{presence:?}");
        }
    }
    world.meta(&key(ada())).presence = Some(Presence::Removed);
    assert_eq!(lints(&world, &[create(ada())]), [], "it is no more");
    world.meta(&key(ada())).presence = Some(Presence::Present);
    world.meta(&key(ada())).ownership = Ownership::Adopted;
    assert_eq!(lints(&world, &[update(ada())]), []);
}

#[test]
fn a_change_begins_from_what_the_lms_holds() {
    let ada: Record = person("p", "ada").into();
    let (before, after) = (|| Some(ada.clone()), || Some(ada.clone()));
    let fits = |presence: Option<Presence>, doubt: bool, change: Change| {
        let mut world = school();
        let meta = world.meta(ada.key());
        (meta.presence, meta.in_doubt) = (presence, doubt);
        let baseless = vec![Lint::Baseless { key: ada.key().clone(), action: change.action }];
        let found = lints(&world, &[change]);
        assert!(found.is_empty() || found == baseless, "{found:?}");
        found.is_empty()
    };
    let (present, suspended) = (Some(Presence::Present), Some(Presence::Suspended));
    for doubt in [false, true] {
        for there in [present, suspended] {
            for action in [Action::Create, Action::Adopt] {
                assert!(!fits(there, doubt, change(action, None, after())));
            }
            for action in [Action::Update, Action::Rekey] {
                assert!(fits(there, doubt, change(action, before(), after())));
                assert!(!fits(there, doubt, change(action, None, after())));
                assert!(!fits(there, doubt, change(action, before(), None)));
            }
            assert!(fits(there, doubt, change(Action::Suspend, before(), after())));
            assert!(!fits(there, doubt, change(Action::Suspend, before(), None)));
            assert!(fits(there, doubt, change(Action::Remove, before(), None)));
            assert!(!fits(there, doubt, change(Action::Remove, before(), after())));
        }
        for gone in [None, Some(Presence::Removed)] {
            for action in [Action::Create, Action::Adopt] {
                assert!(fits(gone, doubt, change(action, None, after())));
                assert!(!fits(gone, doubt, change(action, before(), after())));
            }
            for action in [Action::Update, Action::Rekey] {
                assert!(!fits(gone, doubt, change(action, before(), after())));
            }
            // What may have come to be can be taken away to be sure.
            assert_eq!(fits(gone, doubt, change(Action::Suspend, before(), after())), doubt);
            assert_eq!(fits(gone, doubt, change(Action::Remove, before(), None)), doubt);
        }
        assert!(fits(suspended, doubt, change(Action::Restore, before(), after())));
        assert!(!fits(suspended, doubt, change(Action::Restore, before(), None)));
        for other in [None, present, Some(Presence::Removed)] {
            assert!(!fits(other, doubt, change(Action::Restore, before(), after())));
        }
    }
}

#[test]
fn what_a_record_refers_to_is_there_or_made_before() {
    let dangling = |other| Lint::Dangling { key: key(student("c", "p")), other };
    let (no_course, no_person) = (dangling(key(course("c"))), dangling(key(person("p", "ada"))));
    let enrolled = create(student("c", "p"));
    let world = World::default();
    let both = vec![no_course.clone(), no_person.clone()];
    assert_eq!(lints(&world, std::slice::from_ref(&enrolled)), both);
    let made = [create(person("p", "ada")), create(course("c")), enrolled.clone()];
    assert_eq!(lints(&world, &made), []);
    assert_eq!(lints(&world, &[create(course("c")), enrolled.clone()]), [no_person]);

    let mut world = World::holding(&[person("p", "ada").into(), course("c").into()]);
    assert_eq!(lints(&world, std::slice::from_ref(&enrolled)), []);
    world.meta(&key(course("c"))).presence = Some(Presence::Suspended);
    assert_eq!(lints(&world, std::slice::from_ref(&enrolled)), [], "put aside it is there");
    world.meta(&key(course("c"))).presence = Some(Presence::Removed);
    assert_eq!(lints(&world, std::slice::from_ref(&enrolled)), std::slice::from_ref(&no_course));
    let adopted = [change(Action::Adopt, None, Some(course("c").into())), enrolled];
    assert_eq!(lints(&world, &adopted), []);

    // One that comes back needs them as well; one that is changed has them.
    let mut world = school();
    world.applied.remove(&key(course("c")));
    assert_eq!(lints(&world, &[update(student("c", "p"))]), []);
    world.meta(&key(student("c", "p"))).presence = Some(Presence::Suspended);
    let back = Change { action: Action::Restore, ..update(student("c", "p")) };
    assert_eq!(lints(&world, &[back]), [no_course]);
}

#[test]
fn no_more_is_taken_away_than_the_limit_allows() {
    let people = |count: usize| -> Vec<Record> {
        (0..count).map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect()
    };
    let over = |world: &World, limits: &Limits, deliver: &[Change]| {
        let limits = &Limits { hold_emptied_courses: false, ..limits.clone() };
        lint(&plan_of(deliver, &[]), world.rows(), Some((limits, &world.past))).expect("decodes")
    };
    let mut world = World::holding(&people(5));
    let gone: Vec<_> = people(3).into_iter().map(suspend).collect();
    assert_eq!(over(&world, &at_most(3), &gone), []);
    let limit = |count| Lint::Limit { kind: Kind::Person, count, of: 5, allowed: 2 };
    assert_eq!(over(&world, &at_most(2), &gone), [limit(3)]);
    // An update takes nothing away; nobody who is put aside already loses anything.
    let mut other = gone.clone();
    other[0] = update(people(1).remove(0));
    assert_eq!(over(&world, &at_most(2), &other), []);
    world.meta(gone[0].key()).presence = Some(Presence::Suspended);
    assert_eq!(over(&world, &at_most(2), &gone), []);
    // A kind's own limit is not another's.
    let mut limits = at_most(0);
    limits.kinds =
        BTreeMap::from([(Kind::Person, Limit { percent: None, count: Some(2), minimum: 0 })]);
    assert_eq!(over(&world, &limits, &gone), []);

    // What goes with its course is counted there, and only there.
    let world = school();
    let with_it = [remove(student("c", "p")), remove(course("c"))];
    let kinds = |lints: Vec<Lint>| -> Vec<Kind> {
        let kind = |lint| match lint {
            Lint::Limit { kind, .. } => kind,
            other => panic!("{other}"),
        };
        lints.into_iter().map(kind).collect()
    };
    assert_eq!(kinds(over(&world, &at_most(0), &with_it)), [Kind::Course]);
    assert_eq!(kinds(over(&world, &at_most(0), &with_it[..1])), [Kind::Enrollment]);
    let hidden = [with_it[0].clone(), suspend(course("c"))];
    let both = [Kind::Course, Kind::Enrollment];
    assert_eq!(kinds(over(&world, &at_most(0), &hidden)), both, "hiding takes nobody along");
}

#[test]
fn no_course_is_emptied_unless_that_is_allowed() {
    let all: Vec<Record> = [
        person("p", "ada").into(),
        person("q", "ben").into(),
        person("n", "new").into(),
        course("c").into(),
        student("c", "p").into(),
        student("c", "q").into(),
    ]
    .into();
    let world = World::holding(&all);
    let looked = |world: &World, limits: &Limits, deliver: &[Change]| {
        lint(&plan_of(deliver, &[]), world.rows(), Some((limits, &world.past))).expect("decodes")
    };
    let (none, kept) = (Limits::none(), Limits { hold_emptied_courses: true, ..Limits::none() });
    let both = ["p", "q"].map(|who| remove(student("c", who)));
    let emptied = Lint::Emptied { course: key(course("c")), students: 2 };
    assert_eq!(looked(&world, &kept, &both), [emptied]);
    assert_eq!(looked(&world, &none, &both), [], "nobody asked for it");
    assert_eq!(looked(&world, &kept, &both[..1]), []);
    // Somebody new fills it; what goes with the course needs no word of its own.
    let filled = [vec![create(student("c", "n"))], both.to_vec()].concat();
    assert_eq!(looked(&world, &kept, &filled), []);
    let with_it = [both.to_vec(), vec![remove(course("c"))]].concat();
    assert_eq!(looked(&world, &kept, &with_it), []);
    // Whoever is put aside already, or no student, keeps no course from being empty.
    let mut aside = World::holding(&all);
    aside.meta(&key(student("c", "q"))).presence = Some(Presence::Suspended);
    let last = Lint::Emptied { course: key(course("c")), students: 1 };
    assert_eq!(looked(&aside, &kept, &both[..1]), [last]);
    // The course itself is put aside.
    aside.meta(&key(course("c"))).presence = Some(Presence::Suspended);
    assert_eq!(looked(&aside, &kept, &both[..1]), []);
}

#[test]
fn a_part_keeps_to_its_own_limit() {
    let people: Vec<Record> =
        (0..5).map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect();
    let mut world = World::holding(&people);
    let gone: Vec<_> = people.iter().take(3).cloned().map(suspend).collect();
    let (limited, count) = (Limited::Removals, Some(1));
    let limit = Limit { percent: None, count, minimum: 0 };
    let table = LimitTable { all: [(limited, limit)].into(), ..LimitTable::default() };
    let (part, name) = (Part::Source, Text::new("hr"));
    let plan = plan_of(&gone, &[]);
    let own = [PartLimits { part, name: name.clone(), table }];
    let mut shares = Shares::asking(&plan, &own).expect("decodes");
    let place = shares.place(part, &name).expect("it has limits");
    for record in &people[1..] {
        shares.count(place, Kind::Person);
        shares.see(record.key(), [place]);
    }
    assert!(shares.lacks_any(), "the first is nobody's");
    world.past.shares = shares;
    let limits = Limits::none();
    let found = lint(&plan, world.rows(), Some((&limits, &world.past))).expect("decodes");
    let (kind, count, of, allowed) = (Kind::Person, 2, 4, 1);
    assert_eq!(found, [Lint::OverPart { part, name, kind, limited, count, of, allowed }]);
}

#[test]
fn nothing_is_held_for_what_the_plan_makes() {
    let world = World::default();
    let needs = |key: &str| HoldReason::Needs { key: Text::new(key) };
    let waiting = create(student("c", "p"));
    let made = [create(person("p", "ada")), create(course("c"))];
    let lints = |deliver: &[Change], reason: HoldReason| {
        let plan = plan_of(deliver, &[(waiting.clone(), reason)]);
        lint(&plan, world.rows(), None).expect("decodes")
    };
    let idle = Lint::Idle { key: key(student("c", "p")), needs: "person:p".to_owned() };
    assert_eq!(lints(&made, needs("person:p")), [idle]);
    assert_eq!(lints(&made, needs("person:other")), []);
    assert_eq!(lints(&made, HoldReason::Limit { count: 1, of: 1, allowed: 0 }), []);
    let world = school();
    let renamed = plan_of(&[update(person("p", "ada"))], &[(waiting, needs("person:p"))]);
    let found = lint(&renamed, world.rows(), None).expect("decodes");
    assert_eq!(found, [], "an update makes nothing");
}
