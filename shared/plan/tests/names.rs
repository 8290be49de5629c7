//! Names that must be unique: who keeps one, who waits for one, and who gives one up.

mod world;

use plan::{Action, Cause, Effect, HoldReason, Ownership};
use roster::{Key, PersonKey, Record, Text};
use world::{World, changes, course, held, lines, person, plan_of};

fn needs(key: &str) -> HoldReason {
    HoldReason::Needs { key: Text::new(key) }
}

#[test]
fn who_has_a_name_and_keeps_it_is_named_to_who_wants_it() {
    let mut code = course("d");
    code.short_name = Some(Text::new("c"));
    let there = [person("a", "x").into(), course("c").into()];
    let world = World::holding(&there);
    let wanted = [there.to_vec(), vec![person("b", "x").into(), code.into()]].concat();
    let diffed = world.diff(&wanted);
    assert!(diffed.plan.deliver.is_empty() && diffed.plan.held.is_empty());
    assert_eq!(diffed.plan.summary.deferred, 2);
    let mut found: Vec<_> = diffed.findings.kept().to_vec();
    found.sort_by_key(|finding| finding.code);
    let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["short-name-taken", "username-taken"]);
    let keys: Vec<_> = found.iter().flat_map(|finding| finding.key.as_deref()).collect();
    assert_eq!(keys, ["course:d", "person:b"]);
    assert_eq!((found[0].origin.line, found[1].origin.line), (4, 3));
    assert!(found[0].message.contains("course c") && found[1].message.contains("person a"));
    // An update is left out like a creation; the others go on.
    let both = [person("a", "x").into(), person("b", "y").into()];
    let world = World::holding(&both);
    let diffed = world.diff(&[person("a", "x").into(), person("b", "x").into()]);
    assert!(diffed.plan.deliver.is_empty());
    assert_eq!(diffed.findings.count_code("username-taken"), 1);
}

#[test]
fn who_cannot_take_a_new_name_makes_the_next_one_wait_without_a_finding() {
    let mut world = World::holding(&[person("old", "x").into()]);
    let wanted = [person("old", "y").into(), person("new", "x").into()];
    for change in changes(&world.diff(&wanted).plan) {
        let refused = Effect::Rejected { code: "no".into() };
        world.fold(
            &change,
            if change.action == Action::Create { &Effect::NotDone } else { &refused },
        );
    }
    let diffed = world.diff(&wanted);
    assert!(diffed.plan.deliver.is_empty() && diffed.plan.held.is_empty());
    assert_eq!((diffed.plan.summary.deferred, diffed.plan.summary.parked), (1, 1));
    assert!(diffed.findings.is_empty(), "the source is right");
}

#[test]
fn a_name_of_somebody_who_is_not_ours_is_for_a_person_to_look_at() {
    let mut world = World::holding(&[person("old", "x").into()]);
    world.meta(&Key::Person(PersonKey::new("old"))).ownership = Ownership::Found;
    // Whatever the source says of the one that was there: it stays as it is.
    for old in [None, Some(person("old", "x")), Some(person("old", "y"))] {
        let mut wanted: Vec<Record> = vec![person("new", "x").into()];
        wanted.extend(old.map(Record::from));
        let diffed = world.diff(&wanted);
        assert!(diffed.plan.deliver.is_empty());
        assert_eq!(lines(&held(&diffed.plan)), ["create person:new"]);
        assert_eq!(diffed.plan.reasons, [needs("person:old")]);
        assert!(diffed.findings.is_empty());
        // Approved, the LMS answers; nobody is renamed.
        world.approved = diffed.plan.summary.held_checksum;
        assert_eq!(plan_of(&world, &wanted), ["create person:new"]);
        world.approved = None;
    }
}

#[test]
fn a_temporary_name_is_one_for_each_record_and_says_who_it_is_of() {
    let names = |pairs: &[(&str, &str)]| -> Vec<Record> {
        pairs.iter().map(|(key, name)| person(key, name).into()).collect()
    };
    let mut world = World::holding(&names(&[("a", "x"), ("b", "y")]));
    for (key, id) in [("a", "11"), ("b", "12")] {
        world.meta(&Key::Person(PersonKey::new(key))).lms_id = Some(Text::new(id));
    }
    let swapped = names(&[("a", "y"), ("b", "x")]);
    let plan = changes(&world.diff(&swapped).plan);
    assert_eq!(plan.len(), 4);
    let (first, second) = plan.split_at(2);
    let mut temporary = Vec::new();
    for change in first {
        let (Some(Record::Person(before)), Some(Record::Person(after))) =
            (&change.before, &change.after)
        else {
            panic!("two persons")
        };
        let of_a = before.person().as_str() == "a";
        let (name, id) = if of_a { ("x", "11") } else { ("y", "12") };
        assert_eq!((before.username.as_deref(), change.lms_id.as_deref()), (Some(name), Some(id)));
        assert_eq!(after.username, change.temporary);
        let fields = change.after.as_ref().map(|after| after.fields().len());
        assert_eq!((fields, change.cause), (Some(1), Cause::Source));
        temporary.push(change.temporary.clone().expect("a temporary name"));
    }
    assert_ne!(temporary[0], temporary[1]);
    assert!(second.iter().all(|change| change.temporary.is_none()));
    // The same plan names the same.
    assert_eq!(changes(&world.diff(&swapped).plan), plan);
    // Course codes are freed in the same way.
    let code = |key: &str, code: &str| -> Record {
        let mut course = course(key);
        course.short_name = Some(Text::new(code));
        course.into()
    };
    let world = World::holding(&[code("c", "1"), code("d", "2")]);
    let plan = changes(&world.diff(&[code("c", "2"), code("d", "3")]).plan);
    let expected = ["update course:d (temporary)", "update course:c", "update course:d"];
    let mut found = lines(&plan);
    found[1..].sort();
    assert_eq!(found, expected);
    let Some(Record::Course(freed)) = &plan[0].before else { panic!("a course") };
    assert_eq!(freed.short_name.as_deref(), Some("2"));
}

#[test]
fn one_name_for_two_newcomers_is_the_first_ones() {
    let diffed = World::default().diff(&[
        person("a", "x").into(),
        person("b", "x").into(),
        person("c", "x").into(),
        person("d", "y").into(),
    ]);
    assert_eq!(diffed.plan.deliver.len(), 2);
    assert_eq!(diffed.findings.count_code("username-taken"), 2);
    assert_eq!(diffed.plan.summary.deferred, 2);
    let got = changes(&diffed.plan).iter().any(|change| change.key().to_string() == "person:d");
    assert!(got, "the other name is free");
}
