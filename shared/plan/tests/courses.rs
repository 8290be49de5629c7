//! A course and who is in it: nobody loses what another course loses, and none is emptied unseen.

mod world;

use plan::{HoldReason, OnRemove, Ownership, Presence};
use roster::{
    CourseKey, Enrollment, Group, GroupKey, GroupMember, Key, Kind, PersonKey, Record, Role, Roles,
    Status, Text,
};
use world::{World, at_most, changes, course, held, lines, on_remove, person, plan_of, student};

fn teacher(course: &str, person: &str) -> Enrollment {
    let mut teacher = student(course, person);
    teacher.roles = Some(Roles::one(Role::Instructor));
    teacher
}

fn people(keys: &[&str]) -> Vec<Record> {
    keys.iter().map(|key| person(key, key).into()).collect()
}

fn group(course: &str) -> Record {
    Group::new(CourseKey::new(course), GroupKey::new("g")).into()
}

fn member(course: &str, person: &str) -> Record {
    GroupMember::new(CourseKey::new(course), GroupKey::new("g"), PersonKey::new(person)).into()
}

fn enrollment(course: &str, person: &str) -> Key {
    Key::Enrollment { course: CourseKey::new(course), person: PersonKey::new(person) }
}

#[test]
fn what_becomes_of_one_course_is_nothing_to_the_next() {
    // The places of courses follow their hashes: with four of them each comes before some other.
    let courses = ["c1", "c2", "c3", "c4"];
    let everybody = people(&["a", "b"]);
    let mut before = everybody.clone();
    for key in courses {
        before.extend([course(key).into(), group(key)]);
        for person in ["a", "b"] {
            before.extend([student(key, person).into(), member(key, person)]);
        }
    }
    for dropped in courses {
        let mut after = everybody.clone();
        for key in courses.into_iter().filter(|key| *key != dropped) {
            after.extend([course(key).into(), group(key), student(key, "a").into()]);
            after.push(member(key, "a"));
        }
        let taken: Vec<_> = courses.iter().filter(|key| **key != dropped).collect();
        let mut world = World::holding(&before);
        let plan = world.diff(&after).plan;
        assert_eq!(plan.summary.kept, 4, "who is in the hidden course stays in it");
        let planned: std::collections::BTreeSet<_> = lines(&changes(&plan)).into_iter().collect();
        let mut expected = std::collections::BTreeSet::from([format!("suspend course:{dropped}")]);
        for key in &taken {
            expected.insert(format!("remove enrollment:{key}/b"));
            expected.insert(format!("remove group_member:{key}/g/b"));
        }
        assert_eq!(planned, expected);
        // Deleted, it takes all of them along, and holds nobody else's.
        world.policy = on_remove(Kind::Course, OnRemove::Delete);
        world.limits = at_most(100);
        world
            .limits
            .kinds
            .insert(Kind::Course, plan::Limit { percent: None, count: Some(0), minimum: 0 });
        let plan = world.diff(&after).plan;
        let all: Vec<_> = held(&plan);
        assert!(all.iter().all(|c| c.key().course().is_some_and(|c| c.as_str() == dropped)));
        assert_eq!((all.len(), plan.deliver.len()), (1 + 4, 2 * taken.len() as u64));
    }
}

#[test]
fn a_course_is_emptied_when_its_last_student_goes_whoever_else_is_in_it() {
    let everybody = people(&["a", "b", "t"]);
    let base = [everybody.clone(), vec![course("c").into()]].concat();
    let with = |more: Vec<Record>| [base.clone(), more].concat();
    let mut world = World::holding(&with(vec![student("c", "a").into(), teacher("c", "t").into()]));
    world.limits.hold_emptied_courses = true;
    let reason = |students| HoldReason::EmptiesCourse { course: Text::new("c"), students };
    let kept = |world: &World, wanted: Vec<Record>| {
        let plan = world.diff(&with(wanted)).plan;
        (lines(&held(&plan)), plan.reasons)
    };
    let gone = vec!["remove enrollment:c/a".to_owned()];
    // A teacher who stays, or comes, is no student.
    assert_eq!(kept(&world, vec![teacher("c", "t").into()]), (gone.clone(), vec![reason(1)]));
    let came = vec![teacher("c", "t").into(), teacher("c", "b").into()];
    assert_eq!(kept(&world, came), (gone.clone(), vec![reason(1)]));
    // One who becomes a student is.
    assert_eq!(kept(&world, vec![student("c", "t").into()]).1, []);
    // A teacher who goes takes no student along.
    assert_eq!(kept(&world, vec![student("c", "a").into()]).1, []);

    // A student who becomes a teacher is one less; what is done about it is the other's removal.
    let two = vec![student("c", "a").into(), student("c", "b").into()];
    let mut world = World::holding(&with(two));
    world.limits.hold_emptied_courses = true;
    let turned = kept(&world, vec![teacher("c", "b").into()]);
    assert_eq!(turned, (gone.clone(), vec![reason(2)]));
    // Suspending the last ones empties it as well.
    let aside = |person| -> Record {
        let mut aside = student("c", person);
        aside.status = Some(Status::Inactive);
        aside.into()
    };
    let (mut waiting, reasons) = kept(&world, vec![aside("a"), aside("b")]);
    waiting.sort();
    assert_eq!(waiting, ["suspend enrollment:c/a", "suspend enrollment:c/b"]);
    assert_eq!(reasons, vec![reason(2); 2]);
    // Switched off, it goes.
    world.limits.hold_emptied_courses = false;
    assert_eq!(kept(&world, vec![]).1, []);
}

#[test]
fn who_is_put_aside_already_neither_empties_a_course_nor_fills_it() {
    let everybody = people(&["a", "b"]);
    let base = [everybody, vec![course("c").into()]].concat();
    let both = [base.clone(), vec![student("c", "a").into(), student("c", "b").into()]].concat();
    let mut world = World::holding(&both);
    world.limits.hold_emptied_courses = true;
    world.meta(&enrollment("c", "a")).presence = Some(Presence::Suspended);
    let without = |world: &World| {
        let plan = world.diff(&base).plan;
        (lines(&changes(&plan)), lines(&held(&plan)))
    };
    let (going, kept) = without(&world);
    assert_eq!(going, ["remove enrollment:c/a"]);
    assert_eq!(kept, ["remove enrollment:c/b"], "the only one who takes part");
    // Restored in the same run, the other one fills it.
    let back = [base.clone(), vec![student("c", "a").into()]].concat();
    let plan = world.diff(&back).plan;
    assert_eq!(lines(&changes(&plan)), ["restore enrollment:c/a", "remove enrollment:c/b"]);
    // One whom we found there takes part like any other.
    world.meta(&enrollment("c", "a")).presence = Some(Presence::Present);
    world.meta(&enrollment("c", "a")).ownership = Ownership::Found;
    assert_eq!(without(&world), (vec!["remove enrollment:c/b".to_owned()], vec![]));
    // Nobody left who takes part: there is nothing to lose.
    for person in ["a", "b"] {
        world.meta(&enrollment("c", person)).ownership = Ownership::Created;
        world.meta(&enrollment("c", person)).presence = Some(Presence::Suspended);
    }
    assert_eq!(without(&world).1, Vec::<String>::new());
}

#[test]
fn a_new_student_who_is_held_does_not_fill_a_course() {
    // `new` wants a name that one who left still has, so that nobody comes into the course.
    let old: Record = person("old", "x").into();
    let base = [people(&["a"]), vec![course("c").into()]].concat();
    let before = [base.clone(), vec![old, student("c", "a").into()]].concat();
    let mut world = World::holding(&before);
    let stay = [base.clone(), vec![student("c", "a").into()]].concat();
    world.deliver(&world.diff(&stay).plan);
    world.limits.hold_emptied_courses = true;
    let wanted = [base, vec![person("new", "x").into(), student("c", "new").into()]].concat();
    let plan = world.diff(&wanted).plan;
    assert!(plan.deliver.is_empty(), "{:?}", lines(&changes(&plan)));
    let waiting = ["create person:new", "create enrollment:c/new", "remove enrollment:c/a"];
    assert_eq!(lines(&held(&plan)), waiting);
    // Approved, they come and go.
    world.approved = plan.summary.held_checksum;
    assert_eq!(world.diff(&wanted).plan.deliver.len(), 4, "with the temporary name");
}

#[test]
fn who_stays_in_a_course_stays_in_its_groups_and_has_an_account() {
    let base = [people(&["a", "b"]), vec![course("c").into()]].concat();
    let inside = vec![group("c"), student("c", "a").into(), member("c", "a")];
    let mut world = World::holding(&[base.clone(), inside].concat());
    world.limits.hold_emptied_courses = true;
    world.policy = on_remove(Kind::Person, OnRemove::Delete);
    let mut policy = world.policy.of(Kind::Group);
    policy.remove = OnRemove::Delete;
    world.policy.set(Kind::Group, policy);
    // All of it is gone from the source; the enrollment is held, and with it all that it needs.
    let plan = world.diff(&base[1..]).plan;
    assert!(plan.deliver.is_empty(), "{:?}", lines(&changes(&plan)));
    let waiting = [
        "remove group_member:c/g/a",
        "remove enrollment:c/a",
        "remove group:c/g",
        "remove person:a",
    ];
    assert_eq!(lines(&held(&plan)), waiting);
    let needs = |key: &str| HoldReason::Needs { key: Text::new(key) };
    let expected = [
        needs("enrollment:c/a"),
        HoldReason::EmptiesCourse { course: Text::new("c"), students: 1 },
        needs("group_member:c/g/a"),
        needs("enrollment:c/a"),
    ];
    assert_eq!(plan.reasons, expected);
    // Others go their way.
    let gone = world.diff(&base[..1]).plan;
    assert!(lines(&changes(&gone)).contains(&"remove person:b".to_owned()));
    // Suspended, the account takes nobody out: it does not wait.
    world.policy = on_remove(Kind::Person, OnRemove::Suspend);
    assert_eq!(plan_of(&world, &base[1..]), ["suspend person:a"]);
}

#[test]
fn what_waits_for_a_course_or_group_that_is_refused_is_deferred_without_a_word() {
    let world_with = |refused: &[&str]| {
        let mut world = World::default();
        let base = [people(&["a"]), vec![course("c").into(), group("c"), student("c", "a").into()]];
        let all = [base.concat(), vec![member("c", "a")]].concat();
        for change in changes(&world.diff(&all).plan) {
            let effect = if refused.contains(&change.key().to_string().as_str()) {
                plan::Effect::Rejected { code: "no".into() }
            } else if change.kind() == Kind::GroupMember {
                plan::Effect::NotDone
            } else {
                world::done()
            };
            world.fold(&change, &effect);
        }
        let diffed = world.diff(&all);
        (lines(&changes(&diffed.plan)), diffed.plan.summary.deferred, diffed.findings.is_empty())
    };
    assert_eq!(world_with(&[]), (vec!["create group_member:c/g/a".to_owned()], 0, true));
    assert_eq!(world_with(&["group:c/g"]), (vec![], 1, true));
    // A group that its course keeps from coming keeps its members from coming.
    let mut world = World::default();
    let parts = vec![course("c").into(), group("c"), student("c", "a").into(), member("c", "a")];
    let all = [people(&["a"]), parts].concat();
    let plan = world.diff(&all).plan;
    for change in changes(&plan) {
        match change.kind() {
            Kind::Person => world.fold(&change, &world::done()),
            Kind::Course => world.fold(&change, &plan::Effect::Rejected { code: "no".into() }),
            _ => {}
        }
    }
    let diffed = world.diff(&all);
    assert!(diffed.plan.deliver.is_empty(), "{:?}", lines(&changes(&diffed.plan)));
    assert_eq!((diffed.plan.summary.deferred, diffed.plan.summary.parked), (3, 1));
    assert!(diffed.findings.is_empty(), "the source is right");
}
