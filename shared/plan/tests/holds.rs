//! What is put aside and deleted later, what counts against a limit, and what is held with what.

mod world;

use plan::{Cause, HoldReason, Limit, OnRemove, Ownership, Presence};
use roster::{Enrollment, Key, Kind, PersonKey, Record, Status, Text};
use world::{World, at_most, changes, course, held, lines, on_remove, person, plan_of, student};

fn day(days: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(days * 86_400).expect("a time")
}

fn key(id: &str) -> Key {
    Key::Person(PersonKey::new(id))
}

fn needs(key: &str) -> HoldReason {
    HoldReason::Needs { key: Text::new(key) }
}

/// Limits for one kind, none for the others.
fn only(world: &mut World, kind: Kind, count: u64) {
    world.limits.kinds = [(kind, Limit { percent: None, count: Some(count), minimum: 0 })].into();
}

#[test]
fn who_was_inactive_when_leaving_is_deleted_as_late_as_others() {
    let mut inactive = person("p", "ada");
    inactive.status = Some(Status::Inactive);
    let mut world = World::holding(&[inactive.into()]);
    world.policy = on_remove(Kind::Person, OnRemove::DeleteAfter { days: 90 });
    world.limits = at_most(0);
    world.now = day(10);
    // Said once more it takes nothing away, and starts the time.
    let plan = world.diff(&[]).plan;
    assert_eq!(lines(&changes(&plan)), ["suspend person:p"]);
    world.deliver(&plan);
    assert_eq!(world.meta(&key("p")).delete_after, Some(day(100)));
    world.now = day(99);
    assert!(plan_of(&world, &[]).is_empty());
    world.now = day(100);
    assert_eq!(plan_of(&world, &[]), ["remove person:p"]);
}

#[test]
fn an_assertion_of_what_is_put_aside_counts_against_no_limit() {
    let mut world = World::holding(&[person("p", "ada").into()]);
    world.deliver(&world.diff(&[]).plan);
    world.limits = at_most(0);
    world.meta(&key("p")).in_doubt = true;
    for remove in [OnRemove::Suspend, OnRemove::DeleteAfter { days: 90 }] {
        world.policy = on_remove(Kind::Person, remove);
        let plan = world.diff(&[]).plan;
        assert_eq!(lines(&changes(&plan)), ["suspend person:p"], "{remove:?}");
        assert_eq!(changes(&plan)[0].cause, Cause::InDoubt);
    }
    // One that may be there after all is looked at like any other that goes.
    world.policy = on_remove(Kind::Person, OnRemove::Suspend);
    world.meta(&key("p")).presence = None;
    let plan = world.diff(&[]).plan;
    assert_eq!((plan.deliver.len(), lines(&held(&plan))), (0, vec!["suspend person:p".to_owned()]));
}

#[test]
fn a_held_deletion_of_an_account_keeps_its_name_from_others() {
    // The enrollment is held by its limit, so is the account that would take it along, and so is
    // who wants its user name: each in a round of its own.
    let there = [course("c").into(), person("a", "x").into(), student("c", "a").into()];
    let mut world = World::holding(&there);
    world.policy = on_remove(Kind::Person, OnRemove::Delete);
    only(&mut world, Kind::Enrollment, 0);
    let wanted = [course("c").into(), person("b", "x").into()];
    let plan = world.diff(&wanted).plan;
    assert!(plan.deliver.is_empty(), "{:?}", lines(&changes(&plan)));
    let waiting = ["create person:b", "remove enrollment:c/a", "remove person:a"];
    assert_eq!(lines(&held(&plan)), waiting);
    let limit = HoldReason::Limit { count: 1, of: 1, allowed: 0 };
    assert_eq!(plan.reasons, [needs("person:a"), limit, needs("enrollment:c/a")]);
    // Another account that goes has nobody held in a course.
    let more = [there.to_vec(), vec![person("d", "d").into()]].concat();
    world.deliver(&world.diff(&more).plan);
    assert_eq!(plan_of(&world, &wanted), ["remove person:d"]);
    // A suspended account takes nobody along and gives up no name.
    world.policy = on_remove(Kind::Person, OnRemove::Suspend);
    let plan = world.diff(&wanted).plan;
    assert_eq!(lines(&changes(&plan)).len(), 2, "both are suspended");
    assert_eq!(lines(&held(&plan)), ["create person:b", "remove enrollment:c/a"]);
}

#[test]
fn who_comes_with_a_held_account_is_held_in_everything() {
    let mut world = World::holding(&[person("old", "x").into(), course("c").into()]);
    world.deliver(&world.diff(&[course("c").into()]).plan);
    let observer = |of: &str, by: &str| -> Record {
        roster::Observer::new(PersonKey::new(of), PersonKey::new(by)).into()
    };
    let group: Record =
        roster::Group::new(roster::CourseKey::new("c"), roster::GroupKey::new("g")).into();
    let member: Record = roster::GroupMember::new(
        roster::CourseKey::new("c"),
        roster::GroupKey::new("g"),
        PersonKey::new("new"),
    )
    .into();
    let wanted = [
        course("c").into(),
        person("new", "x").into(),
        person("b", "b").into(),
        student("c", "new").into(),
        student("c", "b").into(),
        group,
        member,
        observer("new", "b"),
        observer("b", "new"),
    ];
    let plan = world.diff(&wanted).plan;
    let going = ["create person:b", "create group:c/g", "create enrollment:c/b"];
    assert_eq!(lines(&changes(&plan)), going);
    let mut waiting = lines(&held(&plan));
    waiting.sort();
    let expected = [
        "create enrollment:c/new",
        "create group_member:c/g/new",
        "create observer:b/new",
        "create observer:new/b",
        "create person:new",
    ];
    assert_eq!(waiting, expected);
    let with_it = plan.reasons.iter().filter(|reason| **reason == needs("person:new")).count();
    assert_eq!(with_it, 4);
    assert_eq!(plan.summary.deferred, 0);
}

#[test]
fn what_was_weighed_before_is_a_bound_and_no_more() {
    let people = |keys: std::ops::Range<u32>| -> Vec<Record> {
        keys.map(|n| person(&format!("p{n}"), &format!("u{n}")).into()).collect()
    };
    let mut world = World::holding(&people(0..20));
    world.limits = plan::Limits::default();
    // Weighed against more than there is now: what is there counts.
    world.weighed = [(Kind::Person, 500)].into();
    let plan = world.diff(&people(5..20)).plan;
    assert_eq!(plan.reasons[0], HoldReason::Limit { count: 5, of: 20, allowed: 2 });
    world.weighed = [(Kind::Person, 12)].into();
    let plan = world.diff(&people(5..20)).plan;
    assert_eq!(plan.reasons[0], HoldReason::Limit { count: 5, of: 12, allowed: 1 });
    world.weighed = [(Kind::Course, 1)].into();
    assert_eq!(world.diff(&people(2..20)).plan.held.len(), 0, "another kind's weight");
}

#[test]
fn a_record_that_is_not_ours_stays_and_one_that_never_was_is_made() {
    let mut world = World::holding(&[person("p", "ada").into()]);
    world.meta(&key("p")).ownership = Ownership::Found;
    world.meta(&key("p")).in_doubt = true;
    world.policy = on_remove(Kind::Person, OnRemove::Delete);
    assert!(plan_of(&world, &[]).is_empty());
    assert!(plan_of(&world, &[person("p", "eve").into()]).is_empty());
    // Of one that may never have come to be nothing is known but that.
    world.meta(&key("p")).presence = None;
    assert_eq!(plan_of(&world, &[]), ["remove person:p"]);
    world.meta(&key("p")).in_doubt = false;
    assert!(plan_of(&world, &[]).is_empty());
    world.meta(&key("p")).presence = Some(Presence::Removed);
    assert_eq!(plan_of(&world, &[person("p", "eve").into()]), ["create person:p"]);
}

#[test]
fn roles_are_no_reason_to_touch_who_has_them_already() {
    let mut both: Enrollment = student("c", "p");
    both.roles = Some([roster::Role::Student, roster::Role::Instructor].into_iter().collect());
    let base = [course("c").into(), person("p", "ada").into()];
    let there = [base.to_vec(), vec![student("c", "p").into()]].concat();
    let world = World::holding(&there);
    let wanted = [base.to_vec(), vec![both.into()]].concat();
    assert_eq!(plan_of(&world, &wanted), ["update enrollment:c/p"]);
    assert!(plan_of(&world, &there).is_empty());
}

#[test]
fn a_system_role_waits_for_approval_whatever_the_limits() {
    let mut world = World::holding(&[person("p", "ada").into(), person("q", "bob").into()]);
    let fields = &["username", "given", "family", "email", "status", "system_role"];
    world.capabilities.kinds[Kind::Person as usize - 1] = plan::KindSupport::Full { fields };
    let with_role = |key: &str, name: &str, role: &str| {
        let mut person = person(key, name);
        person.system_role = Some(Text::new(role));
        Record::from(person)
    };
    let wanted = [
        with_role("p", "ada", "administrator"),
        with_role("q", "bob", "none"),
        with_role("new", "eve", "administrator"),
        course("c").into(),
        student("c", "new").into(),
        student("c", "q").into(),
    ];
    let plan = world.diff(&wanted).plan;
    let role = || HoldReason::GrantsSystemRole { role: Text::new("administrator") };
    let mut waiting: Vec<_> = lines(&held(&plan)).into_iter().zip(&plan.reasons).collect();
    waiting.sort();
    let expected = [
        ("create enrollment:c/new".to_owned(), &needs("person:new")),
        ("create person:new".to_owned(), &role()),
        ("update person:p".to_owned(), &role()),
    ];
    assert_eq!(waiting, expected);
    let stored = plan::Plan::from_bytes(&plan.to_bytes()).unwrap();
    assert_eq!(stored.reasons, plan.reasons);
    world.deliver(&plan);
    // Held again on every run, until somebody approves just this.
    let again = world.diff(&wanted).plan;
    assert_eq!(again.summary.held_checksum, plan.summary.held_checksum);
    world.approved = again.summary.held_checksum;
    let released = world.diff(&wanted);
    assert!(released.released && released.plan.held.is_empty());
    world.deliver(&released.plan);
    world.approved = None;
    assert!(plan_of(&world, &wanted).is_empty(), "who has the role keeps it");
    let plan = world.diff(&[with_role("p", "ada", "none"), with_role("q", "bob", "none")]).plan;
    assert!(
        held(&plan).iter().all(|change| change.key() != &key("p")),
        "taking it away waits for nobody"
    );
}
