//! The truth table of the diff, row by row, and what goes beyond it.

mod world;

use plan::{Action, Cause, Effect, HoldReason, OnRemove, Ownership, Policy, Presence, Refused};
use roster::{
    CourseKey, Group, GroupKey, GroupMember, Key, Kind, OrgUnit, OrgUnitKey, Person, PersonKey,
    Record, Status, Text,
};
use world::{
    World, at_most, changes, course, done, held, lines, on_remove, person, plan_of, student,
};

/// One row: how the person is there, what is wanted, what is planned.
#[test]
fn the_truth_table() {
    #[derive(Debug, Clone, Copy)]
    enum Wanted {
        Active,
        Inactive,
        Changed,
        Gone,
        OutOfScope,
    }
    use OnRemove::{Delete, DeleteAfter, Ignore, Suspend};
    let check =
        |presence: Option<Presence>, doubt: bool, wanted: Wanted, remove, expected: &[&str]| {
            let mut active = person("p", "ada");
            active.status = Some(Status::Active);
            let mut world = World::holding(&[active.clone().into()]);
            let key = Key::Person(PersonKey::new("p"));
            world.policy = on_remove(Kind::Person, remove);
            world.meta(&key).presence = presence;
            world.meta(&key).in_doubt = doubt;
            let mut to = active;
            match wanted {
                Wanted::Active | Wanted::Gone => {}
                Wanted::Inactive => to.status = Some(Status::Inactive),
                Wanted::Changed => to.given = Some(Text::new("Ada")),
                Wanted::OutOfScope => {
                    world.outside.insert(key.clone());
                }
            }
            let records: &[Record] = match wanted {
                Wanted::Gone | Wanted::OutOfScope => &[],
                _ => &[to.into()],
            };
            let plan = changes(&world.diff(records).plan);
            let actions: Vec<_> = plan.iter().map(|change| change.action.name()).collect();
            assert_eq!(actions, expected, "{presence:?} {doubt} {wanted:?} {remove:?}");
            let cause = if doubt { Cause::InDoubt } else { Cause::Source };
            assert!(plan.iter().all(|change| change.cause == cause));
            // Found: nothing, ever, where it is there.
            if presence.is_some_and(|presence| presence != Presence::Removed) {
                world.meta(&key).ownership = Ownership::Found;
                assert!(world.diff(records).plan.deliver.is_empty(), "found {wanted:?}");
            }
        };
    let (present, suspended) = (Some(Presence::Present), Some(Presence::Suspended));
    let removed = Some(Presence::Removed);
    for doubt in [false, true] {
        for nowhere in [None, removed] {
            check(nowhere, doubt, Wanted::Active, Suspend, &["create"]);
            check(nowhere, doubt, Wanted::Inactive, Suspend, &["create"]);
            check(nowhere, doubt, Wanted::OutOfScope, Suspend, &[]);
            check(nowhere, doubt, Wanted::Gone, Ignore, &[]);
        }
        check(present, doubt, Wanted::Changed, Suspend, &["update"]);
        check(present, doubt, Wanted::Inactive, Suspend, &["suspend"]);
        check(present, doubt, Wanted::Gone, Ignore, &[]);
        check(present, doubt, Wanted::Gone, Suspend, &["suspend"]);
        check(present, doubt, Wanted::Gone, Delete, &["remove"]);
        check(present, doubt, Wanted::Gone, DeleteAfter { days: 1 }, &["suspend"]);
        check(present, doubt, Wanted::OutOfScope, Delete, &[]);
        check(suspended, doubt, Wanted::Active, Suspend, &["restore"]);
        check(suspended, doubt, Wanted::Changed, Suspend, &["restore"]);
        check(suspended, doubt, Wanted::Inactive, Suspend, &["update"]);
        check(suspended, doubt, Wanted::Gone, Ignore, &[]);
        check(suspended, doubt, Wanted::Gone, Delete, &["remove"]);
    }
    check(present, false, Wanted::Active, Suspend, &[]);
    check(present, true, Wanted::Active, Suspend, &["update"]);
    check(suspended, false, Wanted::Gone, Suspend, &[]);
    check(suspended, true, Wanted::Gone, Suspend, &["suspend"]);
    check(None, false, Wanted::Gone, Delete, &[]);
    check(None, true, Wanted::Gone, Suspend, &["suspend"]);
    check(None, true, Wanted::Gone, Delete, &["remove"]);
    check(removed, false, Wanted::Gone, Delete, &[]);
}

#[test]
fn unknown_never_clears_and_an_update_goes_before_a_suspension() {
    let mut full = person("p", "ada");
    full.given = Some(Text::new("Ada"));
    full.status = Some(Status::Active);
    let world = World::holding(&[full.clone().into()]);
    assert!(plan_of(&world, &[Person::new(PersonKey::new("p")).into()]).is_empty());

    full.given = Some(Text::new("Augusta"));
    full.status = Some(Status::Inactive);
    let plan = changes(&world.diff(&[full.into()]).plan);
    assert_eq!(lines(&plan), ["update person:p", "suspend person:p"]);
    let status = |at: usize| match &plan[at].after {
        Some(Record::Person(person)) => person.status,
        _ => None,
    };
    assert_eq!((status(0), status(1)), (Some(Status::Active), Some(Status::Inactive)));
}

#[test]
fn inactive_by_the_source_stays_so_while_the_source_says_nothing() {
    let mut inactive = person("p", "ada");
    inactive.status = Some(Status::Inactive);
    let world = World::holding(&[inactive.into()]);
    let key = Key::Person(PersonKey::new("p"));
    assert_eq!(world.presence(&key), Some(Presence::Suspended));
    let unknown: Record = person("p", "ada").into();
    assert!(plan_of(&world, std::slice::from_ref(&unknown)).is_empty());

    // Put aside by absence, it comes back however little is known.
    let mut world = World::holding(std::slice::from_ref(&unknown));
    world.deliver(&world.diff(&[]).plan);
    assert_eq!(world.presence(&key), Some(Presence::Suspended));
    assert_eq!(plan_of(&world, &[unknown]), ["restore person:p"]);
}

#[test]
fn a_delayed_delete_waits_its_days_and_is_not_counted_twice() {
    let mut world = World::holding(&[person("p", "ada").into()]);
    world.policy = on_remove(Kind::Person, OnRemove::DeleteAfter { days: 90 });
    world.deliver(&world.diff(&[]).plan);
    let day = |days: i64| jiff::Timestamp::from_second(days * 86_400).unwrap();
    world.now = day(89);
    assert!(plan_of(&world, &[]).is_empty());
    world.now = day(90);
    world.limits = at_most(0);
    assert_eq!(plan_of(&world, &[]), ["remove person:p"]);
    world.deliver(&world.diff(&[]).plan);
    let key = Key::Person(PersonKey::new("p"));
    assert_eq!(world.presence(&key), Some(Presence::Removed));
    assert!(world.applied[&key].record.fields().is_empty(), "a tombstone holds the key alone");
    assert_eq!(plan_of(&world, &[person("p", "ada").into()]), ["create person:p"]);
}

#[test]
fn refused_waits_until_something_else_is_wanted() {
    let mut world = World::default();
    let wanted = [person("p", "ada").into()];
    let plan = world.diff(&wanted).plan;
    world.fold(&changes(&plan)[0], &Effect::Rejected { code: "bad".into() });
    let parked = world.diff(&wanted).plan;
    assert!(parked.deliver.is_empty());
    assert_eq!(parked.summary.parked, 1);
    // What depends on it is deferred, without a finding: the source is right.
    let more = [person("p", "ada").into(), course("c").into(), student("c", "p").into()];
    let diffed = world.diff(&more);
    assert_eq!(lines(&changes(&diffed.plan)), ["create course:c"]);
    assert_eq!((diffed.plan.summary.deferred, diffed.findings.is_empty()), (1, true));

    world.refused = Refused::TryAgain;
    assert_eq!(changes(&world.diff(&wanted).plan)[0].cause, Cause::Retry);
    world.refused = Refused::Wait;
    assert_eq!(plan_of(&world, &[person("p", "eve").into()]), ["create person:p"]);
}

#[test]
fn a_new_key_of_the_source_is_a_rekey() {
    let mut world = World::holding(&[person("p", "ada").into()]);
    let mut rekeyed = person("p", "ada");
    rekeyed.sourced_id = Some(Text::new("new"));
    let wanted = [rekeyed.into()];
    assert_eq!(plan_of(&world, &wanted), ["rekey person:p"]);
    world.deliver(&world.diff(&wanted).plan);
    assert!(plan_of(&world, &wanted).is_empty());
    // The key itself, said aloud, is no other key.
    let mut same = person("q", "eve");
    let world = World::holding(&[same.clone().into()]);
    same.sourced_id = Some(Text::new("q"));
    assert!(plan_of(&world, &[same.into()]).is_empty());
}

#[test]
fn what_refers_to_nothing_is_a_finding() {
    let world = World::default();
    let diffed =
        world.diff(&[course("c").into(), student("c", "nobody").into(), student("x", "y").into()]);
    assert_eq!(lines(&changes(&diffed.plan)), ["create course:c"]);
    assert_eq!(diffed.plan.summary.deferred, 2);
    assert_eq!(diffed.findings.count_code("enrollment-unknown-person"), 1);
    assert_eq!(diffed.findings.count_code("enrollment-unknown-course"), 1);
}

#[test]
fn a_dropped_course_is_hidden_and_nobody_loses_it() {
    let all: Vec<Record> = vec![
        person("p", "ada").into(),
        course("c").into(),
        student("c", "p").into(),
        Group::new(CourseKey::new("c"), GroupKey::new("g")).into(),
        GroupMember::new(CourseKey::new("c"), GroupKey::new("g"), PersonKey::new("p")).into(),
    ];
    let mut world = World::holding(&all);
    let plan = world.diff(&all[..1]).plan;
    assert_eq!(lines(&changes(&plan)), ["suspend course:c"]);
    assert_eq!(plan.summary.kept, 2);
    world.deliver(&plan);
    assert!(plan_of(&world, &all[..1]).is_empty());
    assert_eq!(plan_of(&world, &all), ["restore course:c"]);

    // Where courses are deleted, what is in them goes first.
    let mut world = World::holding(&all);
    world.policy = on_remove(Kind::Course, OnRemove::Delete);
    let gone = ["remove group_member:c/g/p", "remove enrollment:c/p", "remove course:c"];
    assert_eq!(plan_of(&world, &all[..1]), gone);
    world.limits = at_most(0);
    let plan = world.diff(&all[..1]).plan;
    assert!(plan.deliver.is_empty());
    assert_eq!(lines(&held(&plan)), gone);
    let needs = HoldReason::Needs { key: Text::new("course:c") };
    assert_eq!(plan.reasons[0], needs);
}

#[test]
fn a_course_never_loses_all_its_students_unseen() {
    let mut all: Vec<Record> = vec![course("c").into()];
    for key in ["a", "b", "d"] {
        all.push(person(key, key).into());
    }
    let before: Vec<Record> =
        [all.clone(), vec![student("c", "a").into(), student("c", "b").into()]].concat();
    let mut world = World::holding(&before);
    world.limits.hold_emptied_courses = true;
    let plan = world.diff(&all).plan;
    assert!(plan.deliver.is_empty());
    let reason = HoldReason::EmptiesCourse { course: Text::new("c"), students: 2 };
    assert_eq!(plan.reasons, [reason.clone(), reason]);
    // Somebody new keeps it from being empty; somebody unknown does not.
    let known = [all.clone(), vec![student("c", "d").into()]].concat();
    assert_eq!(world.diff(&known).plan.held.len(), 0);
    let unknown = [all.clone(), vec![student("c", "x").into()]].concat();
    assert_eq!(world.diff(&unknown).plan.held.len(), 2);
    // One who stays does as well.
    let one = [all, vec![student("c", "a").into()]].concat();
    assert_eq!(plan_of(&world, &one), ["remove enrollment:c/b"]);
}

#[test]
fn limits_hold_removals_and_let_the_rest_flow() {
    let people = |keys: std::ops::Range<u32>| -> Vec<Record> {
        keys.map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect()
    };
    let mut world = World::holding(&people(0..20));
    world.limits = plan::Limits::default();
    let plan = world.diff(&people(2..25)).plan;
    assert_eq!((plan.deliver.len(), plan.held.len()), (7, 0), "two of twenty are let through");
    let plan = world.diff(&people(3..25)).plan;
    assert_eq!((plan.deliver.len(), plan.held.len()), (5, 3));
    assert_eq!(plan.reasons[0], HoldReason::Limit { count: 3, of: 20, allowed: 2 });
    // A first sync has nothing to lose.
    let first = World { limits: plan::Limits::default(), ..World::default() };
    assert_eq!(first.diff(&people(0..20)).plan.held.len(), 0);
}

#[test]
fn what_a_run_adds_makes_no_room_for_what_it_holds() {
    let people = |keys: std::ops::Range<u32>| -> Vec<Record> {
        keys.map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect()
    };
    let mut world = World::holding(&people(0..20));
    world.limits = plan::Limits::default();
    let diffed = world.diff(&people(3..60));
    let first = diffed.plan;
    assert_eq!((first.deliver.len(), first.held.len()), (40, 3));
    world.deliver(&first);
    world.weighed = diffed.weighed;
    assert_eq!(world.weighed, [(Kind::Person, 20)].into());
    let again = world.diff(&people(3..60)).plan;
    assert_eq!((again.deliver.len(), again.held.len()), (0, 3), "the hold stands");
    assert_eq!(again.summary.held_checksum, first.summary.held_checksum);
    // Without that memory the sixty of today would let them go.
    world.weighed.clear();
    assert_eq!(world.diff(&people(3..60)).plan.held.len(), 0);
}

#[test]
fn swaps_chains_and_frees() {
    let names = |names: &[(&str, &str)]| -> Vec<Record> {
        names.iter().map(|(key, name)| person(key, name).into()).collect()
    };
    let check = |before: &[(&str, &str)], after: &[(&str, &str)], temporary: usize| {
        let mut world = World::holding(&names(before));
        let wanted = names(after);
        let plan = world.diff(&wanted).plan;
        let first = changes(&plan).iter().filter(|change| change.temporary.is_some()).count();
        assert_eq!((first, plan.held.len()), (temporary, 0), "{:?}", lines(&changes(&plan)));
        world.deliver(&plan);
        assert!(plan_of(&world, &wanted).is_empty());
    };
    check(&[("a", "x"), ("b", "y")], &[("a", "y"), ("b", "x")], 2);
    check(&[("a", "x"), ("b", "y")], &[("a", "y"), ("b", "z")], 1);
    check(&[("a", "x"), ("b", "y"), ("c", "z")], &[("a", "y"), ("b", "z"), ("c", "x")], 3);
    check(&[("a", "x")], &[("a", "y"), ("b", "x")], 1);
    check(&[("a", "x")], &[("a", "y"), ("b", "z")], 0);
}

#[test]
fn a_name_that_nobody_gives_up_is_waited_for() {
    let wanted: Vec<Record> =
        vec![person("new", "ada").into(), course("c").into(), student("c", "new").into()];
    let mut world = World::holding(&[person("old", "ada").into()]);
    world.deliver(&world.diff(&[]).plan);
    let plan = world.diff(&wanted).plan;
    assert_eq!(lines(&changes(&plan)), ["create course:c"]);
    assert_eq!(lines(&held(&plan)), ["create person:new", "create enrollment:c/new"]);
    let needs = |key| HoldReason::Needs { key: Text::new(key) };
    assert_eq!(plan.reasons, [needs("person:old"), needs("person:new")]);
    // Approved, the one who left gives it up.
    world.approved = plan.summary.held_checksum;
    let released = world.diff(&wanted);
    assert!(released.released);
    assert_eq!(
        plan_of(&world, &wanted)[..2],
        ["update person:old (temporary)", "create person:new"]
    );
    let temporary = &changes(&released.plan)[0];
    assert_eq!(temporary.after.as_ref().map(|after| after.fields().len()), Some(1));

    // Deleted in the same run, it is freed first; held back, it is waited for.
    let mut world = World::holding(&[person("old", "ada").into()]);
    world.policy = on_remove(Kind::Person, OnRemove::Delete);
    let plan = [
        "update person:old (temporary)",
        "create person:new",
        "create course:c",
        "create enrollment:c/new",
        "remove person:old",
    ];
    assert_eq!(plan_of(&world, &wanted), plan);
    world.limits = at_most(0);
    assert_eq!(plan_of(&world, &wanted), ["create course:c"]);

    // One that is not ours is not renamed, whatever is approved.
    let mut world = World::holding(&[person("old", "ada").into()]);
    world.meta(&Key::Person(PersonKey::new("old"))).ownership = Ownership::Found;
    let plan = world.diff(&wanted).plan;
    assert_eq!(plan.reasons[0], needs("person:old"));
    world.approved = plan.summary.held_checksum;
    let all = ["create person:new", "create course:c", "create enrollment:c/new"];
    assert_eq!(plan_of(&world, &wanted), all);

    // Where the one who has it cannot take its new name, there is nothing to approve.
    let mut world = World::holding(&[person("old", "ada").into()]);
    let renamed = [vec![person("old", "eve").into()], wanted.clone()].concat();
    let first = changes(&world.diff(&renamed).plan);
    let update = first.iter().find(|c| c.action == Action::Update && c.temporary.is_none());
    world.fold(update.expect("an update"), &Effect::Rejected { code: "no".into() });
    let plan = world.diff(&renamed).plan;
    assert_eq!((plan.held.len(), plan.summary.deferred, plan.summary.parked), (0, 2, 1));

    // Two of the source with one name: the first has it, the other is a finding.
    let world = World::default();
    let diffed = world.diff(&[person("a", "x").into(), person("b", "x").into()]);
    assert_eq!(diffed.plan.deliver.len(), 1);
    assert_eq!(diffed.findings.count_code("username-taken"), 1);
}

#[test]
fn org_units_come_parents_first_and_never_in_one_batch_with_them() {
    let unit = |key: &str, parent: Option<&str>| -> Record {
        let mut unit = OrgUnit::new(OrgUnitKey::new(key));
        unit.parent = parent.map(Text::new);
        unit.into()
    };
    for keys in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]] {
        let units =
            [unit(keys[0], None), unit(keys[1], Some(keys[0])), unit(keys[2], Some(keys[1]))];
        let plan = World::default().diff(&units).plan;
        let order: Vec<_> = keys.iter().map(|key| format!("create org_unit:{key}")).collect();
        assert_eq!(lines(&changes(&plan)), order);
        assert_eq!(plan.batches(10).count(), 3);
    }
    // A ring of parents ends too.
    let ring = [unit("a", Some("b")), unit("b", Some("a"))];
    assert_eq!(World::default().diff(&ring).plan.deliver.len(), 2);
}

#[test]
fn sides_out_of_order_and_keys_twice_are_errors() {
    let world = World::default();
    let policy = Policy::default();
    let input = plan::DiffInput {
        weighed_before: &Default::default(),
        past: &Default::default(),
        policy: &policy,
        limits: &world.limits,
        capabilities: &world.capabilities,
        config_version: "1",
        files: &[],
        now: world.now,
        because: Cause::Source,
        refused: Refused::Wait,
        approved: None,
        singled: None,
        absence: &|_| plan::Absence::Removes,
        identity: None,
    };
    let wanted = || Ok(plan::Wanted::from((person("p", "x").into(), roster::Origin::default())));
    let error = plan::diff(&input, [], [wanted(), wanted()]).unwrap_err();
    assert!(matches!(error, plan::DiffError::Order { side: "wanted", .. }), "{error}");
    let broken = Err(roster::DecodeError { what: "a byte", at: 0 });
    assert!(matches!(plan::diff(&input, [broken], []), Err(plan::DiffError::Decode(_))));
}

#[test]
fn passwords_are_told_once_and_never_in_the_open() {
    let mut ada = person("p", "ada");
    ada.password = Some(roster::Password::Sealed(vec![1, 2, 3]));
    let mut world = World::default();
    let plan = world.diff(&[ada.clone().into()]).plan;
    world.deliver(&plan);
    let Record::Person(applied) = &world.applied[&Key::Person(PersonKey::new("p"))].record else {
        panic!("a person")
    };
    assert_eq!(applied.password, None);
    ada.password = Some(roster::Password::Sealed(vec![9]));
    assert!(plan_of(&world, &[ada.clone().into()]).is_empty());
    ada.password = Some(roster::Password::Delivered(Text::new("open-sesame")));
    let diffed = World::default().diff(&[ada.into()]);
    assert_eq!(diffed.findings.count_code("password-not-sealed"), 1);
    let bytes = diffed.plan.to_bytes();
    assert!(!bytes.windows(11).any(|window| window == b"open-sesame"));
}

#[test]
fn an_outcome_settles_whose_it_is() {
    let mut world = World::default();
    let plan = world.diff(&[person("p", "ada").into()]).plan;
    let change = &changes(&plan)[0];
    assert_eq!(change.action, Action::Create);
    world.fold(change, &Effect::Unknown);
    let key = Key::Person(PersonKey::new("p"));
    assert!(world.meta(&key).in_doubt);
    assert_eq!(world.presence(&key), None);
    let found = Effect::Done { lms_id: Some(Text::new("7")), ownership: Some(Ownership::Found) };
    world.fold(change, &found);
    assert_eq!(world.meta(&key).ownership, Ownership::Found);
    assert_eq!(world.meta(&key).lms_id.as_deref(), Some("7"));
    assert!(!world.meta(&key).in_doubt);
    assert!(plan_of(&world, &[person("p", "other").into()]).is_empty());
    assert_eq!(done(), Effect::Done { lms_id: None, ownership: None });
}
