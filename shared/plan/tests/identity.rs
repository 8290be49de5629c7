//! Keys that come back as somebody else, and persons who come back under another key.

mod world;

use plan::{HoldReason, KindPolicy, OnRemove, Presence};
use proptest::prelude::*;
use roster::{Key, Kind, Marks, Person, PersonKey, Record, Role, Roles, Text};
use world::{World, at_most, changes, course, held, lines, mark_key, on_remove, plan_of, student};

/// `key given family day-of-May address`; the user name is the key's.
fn somebody(key: &str, given: &str, family: &str, born: &str, email: &str) -> Person {
    let mut person = world::person(key, &format!("user-{key}"));
    person.given = Some(Text::new(given));
    person.family = Some(Text::new(family));
    person.email = Some(Text::from(format!("{email}@oak.example")));
    let day = format!("2011-05-{born}").parse().expect("a day");
    person.marks = Some(Marks { born: mark_key().born(day), ..Marks::default() });
    person
}

fn anna() -> Person {
    somebody("a", "Anna", "Jansen", "03", "anna")
}

fn jildert(key: &str) -> Person {
    somebody(key, "Jildert", "Okwuosa", "17", "jildert")
}

/// A world that looks at identities and holds these.
fn holding(records: &[Record]) -> World {
    World { identity: true, ..World::holding(records) }
}

fn school(people: &[Person], seats: &[(&str, &str)]) -> Vec<Record> {
    let mut records: Vec<Record> = people.iter().cloned().map(Record::from).collect();
    records.extend([course("c").into(), course("d").into()]);
    records.extend(seats.iter().map(|(course, person)| student(course, person).into()));
    records
}

fn held_with_reasons(plan: &plan::Plan) -> Vec<String> {
    let reason = |reason: &HoldReason| match reason {
        HoldReason::SuspectedReuse { key } => format!("reuse {key}"),
        HoldReason::Rename { old, new } => format!("rename {old} {new}"),
        HoldReason::TwoKeys { old, new } => format!("two keys {old} {new}"),
        HoldReason::Merge { old, new } => format!("merge {old} {new}"),
        HoldReason::Needs { key } => format!("needs {key}"),
        other => format!("{other:?}"),
    };
    let held = lines(&held(plan)).into_iter().zip(&plan.reasons);
    held.map(|(line, why)| format!("{line}: {}", reason(why))).collect()
}

#[test]
fn a_key_that_comes_back_as_somebody_else_is_held_with_all_that_it_would_give() {
    let before = school(&[anna(), jildert("j")], &[("c", "a"), ("d", "a"), ("c", "j")]);
    let mut world = holding(&before);
    let mut teaches = student("c", "a");
    teaches.roles = Some(Roles::one(Role::Instructor));
    let mut after = school(&[jildert("a"), jildert("j")], &[("c", "j")]);
    after.extend([course("e").into(), student("e", "a").into(), teaches.into()]);
    let plan = world.diff(&after).plan;
    // What the former owner had is taken away; a new course does not wait.
    assert_eq!(lines(&changes(&plan)), ["create course:e", "remove enrollment:d/a"]);
    let mut held = held_with_reasons(&plan);
    held.sort();
    assert_eq!(
        held,
        [
            "create enrollment:e/a: needs person:a",
            "update enrollment:c/a: needs person:a",
            "update person:a: reuse a",
        ]
    );
    assert_eq!(world.lints(&plan), []);
    world.deliver(&plan);
    assert_eq!(plan_of(&world, &after), [""; 0]);

    // Approved, it is the same person, and stays so.
    world.approved = world.diff(&after).plan.summary.held_checksum;
    let plan = world.diff(&after).plan;
    assert_eq!(
        lines(&changes(&plan)),
        ["update person:a", "create enrollment:e/a", "update enrollment:c/a"]
    );
    world.deliver(&plan);
    world.approved = None;
    let again = world.diff(&after).plan;
    assert!(again.deliver.is_empty() && again.held.is_empty());
}

#[test]
fn a_marriage_is_no_stranger() {
    let world = holding(&school(&[anna()], &[]));
    let married = somebody("a", "Anna", "Wiebelink", "03", "anna.wiebelink");
    assert_eq!(plan_of(&world, &school(&[married], &[])), ["update person:a"]);
}

#[test]
fn it_can_be_switched_off() {
    let mut world = holding(&school(&[anna()], &[]));
    world.rules.reuse = false;
    assert_eq!(plan_of(&world, &school(&[jildert("a")], &[])), ["update person:a"]);
}

#[test]
fn a_suspended_account_and_a_tombstone_know_their_owner() {
    let without = school(&[], &[]);
    for (policy, back) in
        [(OnRemove::Suspend, "restore person:a"), (OnRemove::Delete, "create person:a")]
    {
        let mut world = holding(&school(&[anna()], &[]));
        world.policy = on_remove(Kind::Person, policy);
        let plan = world.diff(&without).plan;
        world.deliver(&plan);
        let key = Key::Person(PersonKey::new("a"));
        assert!(world.presence(&key) != Some(Presence::Present));
        // The same person comes back, with another spelling and address.
        let same = somebody("a", "ANNA", "Jansen", "03", "anna2");
        assert_eq!(plan_of(&world, &school(&[same], &[])), [back]);
        let plan = world.diff(&school(&[jildert("a")], &[("c", "a")])).plan;
        assert_eq!(lines(&changes(&plan)), [""; 0], "{policy:?}");
        assert_eq!(
            held_with_reasons(&plan),
            [format!("{back}: reuse a"), "create enrollment:c/a: needs person:a".to_owned()]
        );
    }
}

#[test]
fn where_policy_leaves_names_alone_an_approval_is_remembered() {
    let mut world = holding(&school(&[anna()], &[]));
    let policy = KindPolicy { update: false, ..world.policy.of(Kind::Person) };
    world.policy.set(Kind::Person, policy);
    let after = school(&[jildert("a")], &[("c", "a")]);
    world.approved = world.diff(&after).plan.summary.held_checksum;
    let plan = world.diff(&after).plan;
    assert_eq!(lines(&changes(&plan)), ["update person:a", "create enrollment:c/a"]);
    world.deliver(&plan);
    world.approved = None;
    let again = world.diff(&after).plan;
    assert!(again.deliver.is_empty() && again.held.is_empty());
}

#[test]
fn marks_that_are_new_to_us_are_no_change_and_a_corrected_day_is_noted() {
    let mut unmarked = anna();
    unmarked.marks = None;
    let mut world = holding(&school(&[unmarked], &[]));
    assert_eq!(plan_of(&world, &school(&[anna()], &[])), [""; 0]);
    world.deliver(&world.diff(&school(&[somebody("a", "Ann", "Jansen", "03", "anna")], &[])).plan);
    let corrected = school(&[somebody("a", "Ann", "Jansen", "04", "anna")], &[]);
    assert_eq!(plan_of(&world, &corrected), ["update person:a"]);
    world.deliver(&world.diff(&corrected).plan);
    assert_eq!(plan_of(&world, &corrected), [""; 0]);
}

#[test]
fn one_who_vanished_and_one_who_is_new_and_alike_are_a_question() {
    let others: Vec<Person> = (0..3)
        .map(|n| somebody(&format!("o{n}"), "Teuntje", "Brouwershof", "20", &format!("o{n}")))
        .collect();
    let all = |one: Person| [vec![one], others.clone()].concat();
    let mut world = holding(&school(&all(anna()), &[("c", "a"), ("d", "a"), ("d", "o1")]));
    let mut anna_anew = somebody("b", "Anna", "Wiebelink", "03", "anna.w");
    anna_anew.username = Some(Text::new("annaw"));
    let after = school(&all(anna_anew), &[("c", "b"), ("d", "o1"), ("d", "o2")]);
    let plan = world.diff(&after).plan;
    assert_eq!(lines(&changes(&plan)), ["create enrollment:d/o2"]);
    let mut held = held_with_reasons(&plan);
    held.sort();
    assert_eq!(
        held,
        [
            "create enrollment:c/b: needs person:b",
            "create person:b: rename a b",
            "remove enrollment:c/a: needs person:a",
            "remove enrollment:d/a: needs person:a",
            "suspend person:a: rename a b",
        ]
    );
    assert_eq!(world.lints(&plan), []);
    // An approval is no answer.
    world.approved = plan.summary.held_checksum;
    let approved = world.diff(&after);
    assert_eq!(approved.plan.held, plan.held);
    world.approved = None;
    // Two persons: then all of it goes as it would have.
    world.different.insert((Text::new("a"), Text::new("b")));
    let plan = world.diff(&after).plan;
    assert!(plan.held.is_empty());
    assert_eq!(plan.deliver.len(), 6);
}

#[test]
fn an_approval_of_the_rest_leaves_the_question_open() {
    let mut world = holding(&school(&[anna(), jildert("j")], &[("c", "a")]));
    world.limits = at_most(0);
    let anew = somebody("b", "Anna", "Jansen", "03", "anna");
    let after = school(&[anew], &[("c", "b")]);
    world.approved = world.diff(&after).plan.summary.held_checksum;
    let diffed = world.diff(&after);
    assert!(diffed.released);
    assert_eq!(lines(&changes(&diffed.plan)), ["suspend person:j"]);
    let mut held = held_with_reasons(&diffed.plan);
    held.sort();
    assert_eq!(
        held,
        [
            "create enrollment:c/b: needs person:b",
            "create person:b: rename a b",
            "remove enrollment:c/a: needs person:a",
            "suspend person:a: rename a b",
        ]
    );
}

#[test]
fn what_two_persons_must_share_to_be_proposed_as_one() {
    let proposed = |new: Person, username: Option<&str>| {
        let world = holding(&school(&[anna()], &[]));
        let mut new = new;
        if let Some(username) = username {
            new.username = Some(Text::new(username));
        }
        let plan = world.diff(&school(&[new], &[])).plan;
        plan.reasons.iter().any(|reason| matches!(reason, HoldReason::Rename { .. }))
    };
    assert!(proposed(somebody("b", "Annie", "Jansen", "03", "x"), None));
    assert!(proposed(somebody("b", "Anna", "Wiebelink", "03", "x"), None), "married");
    assert!(proposed(somebody("b", "Anna", "Jansen", "04", "anna"), None), "the address");
    assert!(!proposed(somebody("b", "Sofie", "Jansen", "03", "x"), None), "a twin");
    assert!(!proposed(somebody("b", "Anna", "Jansen", "04", "x"), None), "a namesake");
    assert!(!proposed(jildert("b"), Some("user-a")), "the user name goes round");
    let mut unknown = somebody("b", "Anna", "Jansen", "03", "x");
    unknown.marks = None;
    assert!(proposed(unknown, Some("user-a")), "the user name, and nothing against it");
    assert!(
        !proposed(somebody("b", "Jildert", "Okwuosa", "17", "anna"), None),
        "an office's address"
    );
}

#[test]
fn a_dissimilar_re_key_is_looked_at_unless_somebody_said_that_it_is_one_person() {
    let mut world = holding(&school(&[anna()], &[]));
    let mut rekeyed = jildert("a");
    rekeyed.sourced_id = Some(Text::new("b"));
    let after = school(&[rekeyed], &[("c", "a")]);
    assert_eq!(plan_of(&world, &after), [""; 0]);
    world.same.insert((Text::new("a"), Text::new("b")));
    assert_eq!(plan_of(&world, &after), ["rekey person:a", "create enrollment:c/a"]);
    let mut alike = anna();
    alike.sourced_id = Some(Text::new("c"));
    assert_eq!(plan_of(&world, &school(&[alike], &[])), ["rekey person:a"]);
}

/// What is held of a plan, in the order of the alphabet.
fn sorted_holds(world: &World, after: &[Record]) -> Vec<String> {
    let plan = world.diff(after).plan;
    assert_eq!(world.lints(&plan), []);
    let mut held = held_with_reasons(&plan);
    held.sort();
    held
}

#[test]
fn one_whom_an_earlier_export_dropped_is_asked_about_for_some_days() {
    for policy in [OnRemove::Suspend, OnRemove::DeleteAfter { days: 90 }, OnRemove::Ignore] {
        let mut world = holding(&school(&[anna(), jildert("j")], &[("c", "a"), ("c", "j")]));
        world.policy = on_remove(Kind::Person, policy);
        world.day = 100;
        let without = school(&[jildert("j")], &[("c", "j")]);
        let plan = world.diff(&without).plan;
        world.deliver(&plan);
        // The user name goes with the person, which alone would be a reason to hold.
        let mut anew = somebody("b", "Anna", "Wiebelink", "03", "anna.w");
        anew.username = Some(Text::new("user-a"));
        let after = school(&[anew, jildert("j")], &[("c", "b"), ("d", "b"), ("c", "j")]);
        let question = [
            "create enrollment:c/b: needs person:b",
            "create enrollment:d/b: needs person:b",
            "create person:b: rename a b",
        ];
        for day in [101, 130] {
            world.day = day;
            assert_eq!(plan_of(&world, &after), [""; 0]);
            assert_eq!(sorted_holds(&world, &after), question, "{policy:?}, day {day}");
        }
        world.day = 131;
        let too_late = sorted_holds(&world, &after);
        // Where the account was left as it is, nobody knows since when its owner is gone.
        let still = policy == OnRemove::Ignore;
        assert_eq!(too_late == question, still, "{policy:?}: {too_late:?}");
        // What was asked stays asked.
        world.asked.insert((Text::new("a"), Text::new("b")));
        assert_eq!(sorted_holds(&world, &after), question);
        world.different.insert((Text::new("a"), Text::new("b")));
        let told_apart = sorted_holds(&world, &after);
        assert!(!told_apart.iter().any(|held| held.contains("rename")), "{told_apart:?}");
    }
}

#[test]
fn nobody_is_looked_for_in_earlier_exports_where_no_days_are_looked_back() {
    let mut world = holding(&school(&[anna()], &[]));
    world.rules.rename_days = 0;
    world.deliver(&world.diff(&school(&[], &[])).plan);
    let anew = somebody("b", "Anna", "Jansen", "03", "anna.w");
    assert_eq!(plan_of(&world, &school(&[anew], &[])), ["create person:b"]);
}

#[test]
fn one_who_is_left_out_or_deleted_is_nobodys_former_self() {
    let anew = || somebody("b", "Anna", "Jansen", "03", "anna.w");
    let mut world = holding(&school(&[anna()], &[]));
    world.deliver(&world.diff(&school(&[], &[])).plan);
    world.outside.insert(Key::Person(PersonKey::new("a")));
    assert_eq!(plan_of(&world, &school(&[anew()], &[])), ["create person:b"]);
    // A tombstone has no account that anybody could keep.
    let mut world = holding(&school(&[anna()], &[]));
    world.policy = on_remove(Kind::Person, OnRemove::Delete);
    world.deliver(&world.diff(&school(&[], &[])).plan);
    assert_eq!(plan_of(&world, &school(&[anew()], &[])), ["create person:b"]);
}

#[test]
fn one_who_differs_in_the_key_alone_from_one_who_is_there_gets_no_account_unasked() {
    let world = holding(&school(&[anna()], &[("c", "a")]));
    let both = |other: Person| school(&[anna(), other], &[("c", "a"), ("d", "b")]);
    let same = both(somebody("b", "ANNA", "Jansen", "03", "other"));
    assert_eq!(plan_of(&world, &same), [""; 0]);
    let asked = ["create enrollment:d/b: needs person:b", "create person:b: two keys a b"];
    assert_eq!(sorted_holds(&world, &same), asked);
    // An approval is no answer.
    let mut approved = world.clone();
    approved.approved = world.diff(&same).plan.summary.held_checksum;
    assert_eq!(sorted_holds(&approved, &same), asked);
    // Once the other key is gone, it is the usual question.
    let moved = school(&[somebody("b", "Anna", "Jansen", "03", "other")], &[("c", "b")]);
    assert!(sorted_holds(&world, &moved).contains(&"create person:b: rename a b".to_owned()));
    let mut told = world.clone();
    told.different.insert((Text::new("a"), Text::new("b")));
    assert_eq!(plan_of(&told, &same), ["create person:b", "create enrollment:d/b"]);
    // Anything else that differs may be another person: a twin, a namesake, a brother.
    for other in [
        somebody("b", "Sofie", "Jansen", "03", "other"),
        somebody("b", "Annie", "Jansen", "03", "other"),
        somebody("b", "Anna", "Jansen", "04", "other"),
        somebody("b", "Anna", "Jansen", "04", "anna"),
        somebody("b", "Jildert", "Jansen", "17", "anna"),
    ] {
        assert_eq!(plan_of(&world, &both(other)), ["create person:b", "create enrollment:d/b"]);
    }
    // Where no day of birth is known, the address tells.
    let mut unmarked = somebody("b", "Anna", "Jansen", "03", "anna");
    unmarked.marks = None;
    assert_eq!(plan_of(&world, &both(unmarked)), [""; 0]);
}

#[test]
fn one_who_vanishes_after_somebody_alike_has_come_is_not_put_aside_unasked() {
    let twice = |with: Person| school(&[anna(), with], &[("c", "a"), ("d", "b")]);
    let married = || somebody("b", "Anna", "Wiebelink", "03", "anna.w");
    let mut world = holding(&school(&[anna()], &[("c", "a")]));
    world.day = 100;
    let plan = world.diff(&twice(married())).plan;
    assert_eq!(lines(&changes(&plan)), ["create person:b", "create enrollment:d/b"]);
    world.deliver(&plan);
    let alone = school(&[married()], &[("d", "b")]);
    world.day = 130;
    assert_eq!(plan_of(&world, &alone), [""; 0]);
    let held = ["remove enrollment:c/a: needs person:a", "suspend person:a: merge a b"];
    assert_eq!(sorted_holds(&world, &alone), held);
    // Long after, or told that they are two: they are.
    let gone = ["remove enrollment:c/a", "suspend person:a"];
    let mut later = world.clone();
    later.day = 131;
    assert_eq!(plan_of(&later, &alone), gone);
    later.asked.insert((Text::new("a"), Text::new("b")));
    assert_eq!(sorted_holds(&later, &alone), held);
    world.different.insert((Text::new("a"), Text::new("b")));
    assert_eq!(plan_of(&world, &alone), gone);
    // An approval lets it go: somebody has looked, and moved what there was to move.
    world.different.clear();
    world.approved = world.diff(&alone).plan.summary.held_checksum;
    assert_eq!(plan_of(&world, &alone), gone);
}

#[test]
fn of_several_who_are_gone_the_most_alike_is_asked_about() {
    let gone = [
        somebody("a1", "Annie", "Terbruggen", "03", "a1"),
        somebody("a2", "Anna", "Jansen", "03", "a2"),
        somebody("a3", "Anna", "Jansen", "03", "a3"),
    ];
    let anew = somebody("b", "Anna", "Jansen", "03", "b");
    let world = holding(&school(&gone, &[]));
    let reasons = world.diff(&school(std::slice::from_ref(&anew), &[])).plan.reasons;
    let rename = |old| HoldReason::Rename { old: Text::new(old), new: Text::new("b") };
    assert!(reasons.contains(&rename("a2")) && !reasons.contains(&rename("a3")));
    let mut earlier = world.clone();
    earlier.deliver(&world.diff(&school(&[], &[])).plan);
    assert_eq!(earlier.diff(&school(&[anew], &[])).plan.reasons, [rename("a2")]);
}

#[test]
fn an_account_whose_re_key_was_taken_back_gets_its_own_key_first_and_the_other_one_waits() {
    let mut rekeyed = anna();
    rekeyed.sourced_id = Some(Text::new("b"));
    let both = || school(&[somebody("b", "Jildert", "Okwuosa", "17", "jildert")], &[("c", "b")]);
    for (policy, also) in [
        (OnRemove::Suspend, &["suspend person:a"][..]),
        (OnRemove::Ignore, &[]),
        (OnRemove::Delete, &["remove person:a"]),
    ] {
        let mut world = holding(&school(&[rekeyed.clone()], &[]));
        world.policy = on_remove(Kind::Person, policy);
        world.returned.insert(Text::new("a"));
        let diffed = world.diff(&both());
        let first = [&["rekey person:a"], also].concat();
        assert_eq!(lines(&changes(&diffed.plan)), first, "{policy:?}");
        assert_eq!(diffed.findings.count_code("key-not-free-yet"), 1);
        assert_eq!(world.lints(&diffed.plan), []);
        world.deliver(&diffed.plan);
        let next = ["create person:b", "create enrollment:c/b"];
        assert_eq!(plan_of(&world, &both()), next);
        world.deliver(&world.diff(&both()).plan);
        assert_eq!(plan_of(&world, &both()), [""; 0]);
    }
    // Whoever is put aside already gets it back as well.
    let mut world = holding(&school(&[rekeyed], &[]));
    world.deliver(&world.diff(&school(&[], &[])).plan);
    world.returned.insert(Text::new("a"));
    assert_eq!(plan_of(&world, &school(&[], &[])), ["rekey person:a"]);
}

/// Persons of a few names, days and addresses, so that keys change hands often.
fn people() -> impl Strategy<Value = Vec<Person>> {
    let one = (0..6usize, 0..4usize, 0..4usize, 1..4u8, 0..5u8);
    prop::collection::vec(one, 0..6).prop_map(|all| {
        let given = ["Anna", "Jildert", "Xiomárita", "Quirijn"];
        let family = ["Jansen", "Okwuosa", "Ñíguez", "Terbruggen"];
        let mut people: Vec<Person> = Vec::new();
        for (key, first, last, born, email) in all {
            let key = format!("k{key}");
            if people.iter().all(|person| person.person().as_str() != key) {
                let born = format!("{born:02}");
                let email = format!("m{email}");
                people.push(somebody(&key, given[first], family[last], &born, &email));
            }
        }
        people
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Without an approval no account becomes a stranger's, whatever comes after whatever.
    #[test]
    fn no_plan_gives_an_account_to_a_stranger(days in prop::collection::vec(people(), 1..5)) {
        let mut world = World { identity: true, ..World::default() };
        let key = mark_key();
        let different = Default::default();
        for people in days {
            let plan = world.diff(&school(&people, &[])).plan;
            for change in changes(&plan) {
                let (Some(Record::Person(before)), Some(Record::Person(after))) =
                    (&change.before, &change.after) else { continue };
                let rules = world.rules;
                let identity = plan::Identity {
                    rules: &rules,
                    key: &key,
                    same: &different,
                    different: &different,
                    asked: &different,
            returned: &Default::default(),
                    since: "",
                    people: &|_| Ok(()),
                };
                let known = plan::KnownPerson::account(before);
                prop_assert_eq!(plan::judge(&identity, known, after), plan::Verdict::Same);
            }
            prop_assert_eq!(world.lints(&plan), []);
            world.deliver(&plan);
            // What is held stays held, and nothing else is left to do.
            prop_assert!(world.diff(&school(&people, &[])).plan.deliver.is_empty());
        }
    }
}
