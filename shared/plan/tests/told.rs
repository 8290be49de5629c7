//! What a plan tells the target: the fields and kinds that it can be told, and nothing else.

mod world;

use plan::{Action, Capabilities, FieldPolicy, KindPolicy, KindSupport, OnRemove, Presence};
use roster::{
    CourseKey, Key, Kind, Observer, OrgUnit, OrgUnitKey, Password, PersonKey, Record, Status, Text,
};
use world::{World, capabilities, changes, course, lines, person, plan_of, student};

fn fields(record: Option<&Record>) -> Vec<&'static str> {
    record.map(|record| record.fields()).unwrap_or_default().iter().map(|(s, _)| s.name).collect()
}

#[test]
fn fields_that_the_target_cannot_be_told_are_no_difference() {
    let mut ada = person("p", "ada");
    ada.locale = Some(Text::new("nl"));
    ada.sourced_id = Some(Text::new("q"));
    ada.password = Some(Password::Generated);
    let mut world = World::default();
    let plan = world.diff(&[ada.clone().into()]).plan;
    let created = &changes(&plan)[0];
    assert_eq!(fields(created.after.as_ref()), ["username", "password", "sourced_id"]);
    world.deliver(&plan);
    ada.locale = Some(Text::new("fr"));
    assert!(plan_of(&world, &[ada.clone().into()]).is_empty());
    // Beside one that it can be told, the other is left out.
    ada.given = Some(Text::new("Ada"));
    let plan = world.diff(&[ada.into()]).plan;
    assert_eq!(lines(&changes(&plan)), ["update person:p"]);
    let after = changes(&plan)[0].after.clone();
    assert_eq!(fields(after.as_ref()), ["username", "given", "sourced_id"]);
}

#[test]
fn whether_it_takes_part_is_told_of_persons_courses_and_enrollments_only() {
    let mut world = World::default();
    // This target lists no status at all.
    for kind in [Kind::Person, Kind::Course, Kind::Enrollment] {
        world.capabilities.kinds[kind as usize - 1] = KindSupport::Full { fields: &["username"] };
    }
    let aside = |records: [Record; 4]| {
        records.map(|mut record| {
            match &mut record {
                Record::Person(it) => it.status = Some(Status::Inactive),
                Record::Course(it) => it.status = Some(Status::Inactive),
                Record::Enrollment(it) => it.status = Some(Status::Inactive),
                Record::OrgUnit(it) => it.status = Some(Status::Inactive),
                other => panic!("{other:?}"),
            }
            record
        })
    };
    let unit = OrgUnit::new(OrgUnitKey::new("u"));
    let all =
        [unit.into(), person("p", "ada").into(), course("c").into(), student("c", "p").into()];
    world.deliver(&world.diff(&all).plan);
    let aside = aside(all);
    let suspended = ["suspend enrollment:c/p", "suspend course:c", "suspend person:p"];
    assert_eq!(plan_of(&world, &aside), suspended);
    world.deliver(&world.diff(&aside).plan);
    assert_eq!(world.presence(&Key::Course(CourseKey::new("c"))), Some(Presence::Suspended));
    assert!(plan_of(&world, &aside).is_empty());
}

#[test]
fn an_update_goes_before_the_suspension_of_each_kind() {
    let mut before = (course("c"), student("c", "p"));
    (before.0.status, before.1.status) = (Some(Status::Active), Some(Status::Active));
    let mut after = before.clone();
    after.0.title = Some(Text::new("Biology"));
    after.1.timeframe = Some(roster::Timeframe::default());
    (after.0.status, after.1.status) = (Some(Status::Inactive), Some(Status::Inactive));
    let ada: Record = person("p", "ada").into();
    let world = World::holding(&[ada.clone(), before.0.into(), before.1.into()]);
    let plan = changes(&world.diff(&[ada, after.0.into(), after.1.into()]).plan);
    let expected =
        ["update course:c", "update enrollment:c/p", "suspend enrollment:c/p", "suspend course:c"];
    assert_eq!(lines(&plan), expected);
    let status = |record: Option<&Record>| match record {
        Some(Record::Course(course)) => course.status,
        Some(Record::Enrollment(enrollment)) => enrollment.status,
        _ => None,
    };
    // The update leaves it taking part; the suspension begins from there.
    for change in &plan {
        let aside = change.action == Action::Suspend;
        let expected = if aside { Status::Inactive } else { Status::Active };
        assert_eq!(status(change.after.as_ref()), Some(expected), "{:?}", change.key());
        assert_eq!(status(change.before.as_ref()), Some(Status::Active), "{:?}", change.key());
    }
}

#[test]
fn what_is_told_at_creation_is_no_difference_later() {
    let mut copied = course("c");
    copied.template = Some(Text::new("model"));
    let mut ada = person("p", "ada");
    ada.password = Some(Password::External);
    let mut world = World::default();
    let plan = world.diff(&[copied.clone().into(), ada.clone().into()]).plan;
    let told = changes(&plan);
    assert_eq!(fields(told[0].after.as_ref()), ["username", "password"]);
    assert_eq!(fields(told[1].after.as_ref()), ["short_name", "template"]);
    world.deliver(&plan);
    copied.template = Some(Text::new("other model"));
    ada.password = Some(Password::Generated);
    assert!(plan_of(&world, &[copied.clone().into(), ada.clone().into()]).is_empty());
    // With something else that differs they are not told again.
    copied.title = Some(Text::new("Biology"));
    ada.given = Some(Text::new("Ada"));
    for change in changes(&world.diff(&[copied.into(), ada.into()]).plan) {
        let (before, after) = (change.before.expect("it is there"), change.after.expect("stays"));
        let differing: Vec<_> = before.differing(&after).iter().map(|spec| spec.name).collect();
        let only = if before.kind() == Kind::Course { "title" } else { "given" };
        assert_eq!(differing, [only]);
    }
}

#[test]
fn no_password_that_anybody_could_read_is_in_a_plan() {
    let planned = |password| {
        let mut ada = person("p", "ada");
        ada.password = Some(password);
        let diffed = World::default().diff(&[ada.into()]);
        let after = changes(&diffed.plan)[0].after.clone();
        let told = fields(after.as_ref()).contains(&"password");
        (told, diffed.findings.count_code("password-not-sealed"))
    };
    let text = || Text::new("open-sesame");
    assert_eq!(planned(Password::Delivered(text())), (false, 1));
    assert_eq!(planned(Password::Hashed { scheme: "MD5".into(), value: text() }), (false, 1));
    assert_eq!(planned(Password::Digest([1; 16])), (false, 1));
    assert_eq!(planned(Password::Sealed(vec![1])), (true, 0));
    assert_eq!(planned(Password::Generated), (true, 0));
    assert_eq!(planned(Password::External), (true, 0));
}

#[test]
fn a_course_code_stays_where_the_target_cannot_change_it() {
    let mut world = World::holding(&[course("c").into()]);
    let mut renamed = course("c");
    renamed.short_name = Some(Text::new("BIO"));
    assert_eq!(plan_of(&world, &[renamed.clone().into()]), ["update course:c"]);
    world.capabilities.renames_courses = false;
    assert!(plan_of(&world, &[renamed.clone().into()]).is_empty());
    // A person's name can change there all the same.
    world.deliver(&world.diff(&[course("c").into(), person("p", "ada").into()]).plan);
    let renamed = [renamed.into(), person("p", "eve").into()];
    assert_eq!(plan_of(&world, &renamed), ["update person:p"]);
}

#[test]
fn kinds_that_the_target_does_not_hold_are_counted_and_left_alone() {
    let observer = |of: &str, by: &str| -> Record {
        Observer::new(PersonKey::new(of), PersonKey::new(by)).into()
    };
    let persons = [person("a", "a").into(), person("b", "b").into()];
    let all = [persons.clone().to_vec(), vec![observer("a", "b"), observer("b", "a")]].concat();
    let mut world = World::holding(&all);
    world.capabilities.kinds[Kind::Observer as usize - 1] =
        KindSupport::Unsupported { why: "it has none" };
    let diffed = world.diff(&all);
    assert!(diffed.plan.deliver.is_empty());
    assert_eq!(diffed.plan.summary.unsupported, [(Kind::Observer, 2)].into());
    // Gone from the source they are neither taken away nor counted.
    let gone = world.diff(&persons).plan;
    assert!(gone.deliver.is_empty());
    assert!(gone.summary.unsupported.is_empty());
    // New ones are not made, and nobody is told that they wait for something.
    let first = World { capabilities: world.capabilities, ..World::default() }.diff(&all);
    assert_eq!(lines(&changes(&first.plan)).len(), 2);
    assert_eq!((first.plan.summary.deferred, first.findings.is_empty()), (0, true));
}

#[test]
fn names_may_be_shared_where_the_target_does_not_mind() {
    let same = [person("a", "x").into(), person("b", "x").into()];
    let minds = Capabilities { unique_usernames: false, ..capabilities() };
    let world = World { capabilities: minds, ..World::default() };
    assert_eq!(world.diff(&same).plan.deliver.len(), 2);
    let mut twin = course("d");
    twin.short_name = Some(Text::new("c"));
    let same = [course("c").into(), twin.into()];
    assert_eq!(world.diff(&same).plan.deliver.len(), 1, "course codes are another matter");
    assert_eq!(world.diff(&same).findings.count_code("short-name-taken"), 1);
    let minds = Capabilities { unique_short_names: false, ..capabilities() };
    let world = World { capabilities: minds, ..World::default() };
    assert_eq!(world.diff(&same).plan.deliver.len(), 2);
}

#[test]
fn a_key_that_is_said_again_is_no_other_key() {
    let mut biology = course("c");
    biology.sourced_id = Some(Text::new("c"));
    let mut ada = person("p", "ada");
    ada.sourced_id = Some(Text::new("p"));
    let plain = [course("c").into(), person("p", "ada").into()];
    let mut world = World::holding(&plain);
    assert!(plan_of(&world, &[biology.clone().into(), ada.clone().into()]).is_empty());
    // Re-keyed, they keep the key while the source says it, and while it says nothing.
    (biology.sourced_id, ada.sourced_id) = (Some(Text::new("d")), Some(Text::new("q")));
    let rekeyed = [biology.clone().into(), ada.clone().into()];
    assert_eq!(plan_of(&world, &rekeyed), ["rekey person:p", "rekey course:c"]);
    world.deliver(&world.diff(&rekeyed).plan);
    for update in [true, false] {
        for kind in [Kind::Person, Kind::Course] {
            world.policy.set(kind, KindPolicy { update, ..world.policy.of(kind) });
        }
        assert!(plan_of(&world, &rekeyed).is_empty());
        assert!(plan_of(&world, &plain).is_empty());
    }
    // Nor does another difference, that policy forbids to tell, bring the first key back.
    (biology.title, ada.given) = (Some(Text::new("Biology")), Some(Text::new("Ada")));
    assert!(plan_of(&world, &[biology.clone().into(), ada.clone().into()]).is_empty());
    (biology.sourced_id, ada.sourced_id) = (None, None);
    assert!(plan_of(&world, &[biology.into(), ada.into()]).is_empty());
}

#[test]
fn where_policy_forbids_updates_only_status_and_key_are_taken_over() {
    let mut world = World::holding(&[person("p", "ada").into(), course("c").into()]);
    for kind in [Kind::Person, Kind::Course] {
        let update =
            KindPolicy { create: true, update: false, restore: true, remove: OnRemove::Ignore };
        world.policy.set(kind, update);
    }
    let mut ada = person("p", "eve");
    assert!(plan_of(&world, &[ada.clone().into()]).is_empty());
    ada.sourced_id = Some(Text::new("new"));
    let mut biology = course("c");
    biology.title = Some(Text::new("Biology"));
    biology.sourced_id = Some(Text::new("d"));
    let plan = changes(&world.diff(&[ada.clone().into(), biology.into()]).plan);
    assert_eq!(lines(&plan), ["rekey person:p", "rekey course:c"]);
    assert_eq!(fields(plan[0].after.as_ref()), ["username", "sourced_id"]);
    assert_eq!(fields(plan[1].after.as_ref()), ["short_name", "sourced_id"]);
    let Some(Record::Person(after)) = &plan[0].after else { panic!("a person") };
    assert_eq!(after.username.as_deref(), Some("ada"));

    // It is not put aside by a status either, and comes back by one.
    let mut inactive = person("p", "ada");
    inactive.status = Some(Status::Inactive);
    assert!(plan_of(&world, &[inactive.clone().into()]).is_empty());
    let mut world = World::holding(&[inactive.into()]);
    let update = KindPolicy { update: false, ..world.policy.of(Kind::Person) };
    world.policy.set(Kind::Person, update);
    let mut active = person("p", "eve");
    active.status = Some(Status::Active);
    let plan = changes(&world.diff(&[active.into()]).plan);
    assert_eq!(lines(&plan), ["restore person:p"]);
    let Some(Record::Person(after)) = &plan[0].after else { panic!("a person") };
    assert_eq!((after.username.as_deref(), after.status), (Some("ada"), Some(Status::Active)));
}

/// Fields that are told once, or until somebody changes them.
#[test]
fn when_a_field_is_told_is_a_policy() {
    let field = |name| *Record::specs(Kind::Person).iter().find(|spec| spec.name == name).unwrap();
    let full = |given: &str, email: &str, username: &str| -> Record {
        let mut person = person("p", username);
        person.given = Some(Text::new(given));
        person.email = Some(Text::new(email));
        person.into()
    };
    let mut world = World::holding(&[full("Ada", "a@oak.example", "ada")]);
    let fields = &mut world.policy.fields;
    fields.set(Kind::Person, field("given"), FieldPolicy::OnCreate);
    fields.set(Kind::Person, field("email"), FieldPolicy::UntilChanged);
    // The target of these tests does not show the user name.
    fields.set(Kind::Person, field("username"), FieldPolicy::UntilChanged);
    let next = full("Augusta", "b@oak.example", "augusta");
    let diffed = world.diff(std::slice::from_ref(&next));
    let change = &changes(&diffed.plan)[0];
    let told: Vec<_> = change.before.as_ref().unwrap().differing(change.after.as_ref().unwrap());
    assert_eq!(told.iter().map(|spec| spec.name).collect::<Vec<_>>(), ["email"]);
    assert_eq!(diffed.findings.count_code("field-not-shown"), 1);
    // Whoever is new is told everything.
    let new = changes(
        &World { applied: Default::default(), ..world.clone() }
            .diff(std::slice::from_ref(&next))
            .plan,
    );
    assert_eq!(new[0].after.as_ref(), Some(&next));
    // It has become its user's.
    let key = next.key().clone();
    world.meta(&key).user_fields.add(field("email"));
    assert!(world.diff(&[next]).plan.deliver.is_empty());
}

#[test]
fn a_code_that_the_target_cannot_change_is_said_once_for_all() {
    let renamed = |key: &str| -> Record {
        let mut course = course(key);
        course.short_name = Some(Text::from(format!("{key}-new")));
        course.into()
    };
    let mut world = World::holding(&[course("a").into(), course("b").into()]);
    world.capabilities.renames_courses = false;
    let diffed = world.diff(&[renamed("a"), renamed("b")]);
    assert!(diffed.plan.deliver.is_empty());
    assert_eq!(diffed.findings.count_code("course-code-fixed"), 1);
    assert!(world.diff(&[course("a").into(), course("b").into()]).findings.is_empty());
}
