//! Parts of what is held: chosen, approved, and what stays held beside them.

mod world;

use std::collections::BTreeSet;

use plan::{Fingerprint, HoldReason, Plan, Selector, held_parts, select};
use proptest::prelude::*;
use roster::arbitrary::{School, next_day, school as school_at_random};
use roster::{Kind, Record, Text};
use world::{World, at_most, changes, course, held, lines, person, student};

fn select_of(plan: &Plan, text: &str) -> Option<plan::HeldPart> {
    let Ok(selector) = text.parse::<Selector>();
    select(plan, &[selector]).expect("what was just made decodes")
}

/// Two courses of three pupils each.
fn school() -> Vec<Record> {
    let mut records: Vec<Record> = vec![course("a").into(), course("b").into()];
    for pupil in ["p", "q", "r"] {
        records.push(person(pupil, pupil).into());
        records.push(student("a", pupil).into());
        records.push(student("b", pupil).into());
    }
    records
}

/// The school in which two pupils of each course are in it no more.
fn fewer() -> Vec<Record> {
    let leaves = |record: &Record| {
        let key = record.key().to_string();
        key.starts_with("enrollment:") && !key.ends_with("/p")
    };
    school().into_iter().filter(|record| !leaves(record)).collect()
}

#[test]
fn a_part_has_its_own_checksum_and_goes_by_itself() {
    let mut world = World::holding(&school());
    world.limits = at_most(1);
    let whole = world.diff(&fewer()).plan;
    assert_eq!((held(&whole).len(), changes(&whole).len()), (4, 0));
    let part = select_of(&whole, "a").expect("something of course a is held");
    assert_eq!((part.count, part.follow), (2, 0));
    assert_ne!(Some(part.checksum), whole.summary.held_checksum);
    assert_eq!(
        select_of(&whole, "enrollment").map(|all| all.checksum),
        whole.summary.held_checksum,
        "a part that is all of it has the checksum of all"
    );
    assert_eq!(select_of(&whole, "limit").map(|all| all.count), Some(4));
    for nothing in ["person", "c", "sharp_drop", "alone"] {
        assert_eq!(select_of(&whole, nothing), None, "{nothing}");
    }
    world.released = part.changes;
    let diffed = world.diff(&fewer());
    assert_eq!(lines(&changes(&diffed.plan)), ["remove enrollment:a/q", "remove enrollment:a/r"]);
    assert_eq!(lines(&held(&diffed.plan)), ["remove enrollment:b/q", "remove enrollment:b/r"]);
    let limit = HoldReason::Limit { count: 4, of: 6, allowed: 1 };
    assert_eq!(diffed.plan.reasons, [limit.clone(), limit]);
    assert!(diffed.counting.is_empty() && !diffed.released, "what was approved does not count");
}

/// What is left would be within the limits by itself: nobody has looked at it all the same.
#[test]
fn what_stayed_held_stays_so_in_the_plans_that_follow() {
    let mut world = World::holding(&school());
    world.limits = at_most(2);
    let whole = world.diff(&fewer()).plan;
    world.released = select_of(&whole, "a").expect("something is held").changes;
    let first = world.diff(&fewer());
    world.deliver(&first.plan);
    world.released.clear();
    let forgetful = world.diff(&fewer());
    assert_eq!(changes(&forgetful.plan).len(), 2);
    let rest = held(&first.plan).into_iter().zip(first.plan.reasons.clone());
    world.kept = rest.map(|(change, reason)| (change.fingerprint(), reason)).collect();
    let next = world.diff(&fewer());
    assert_eq!((changes(&next.plan).len(), next.kept_back), (0, 2));
    assert_eq!(next.plan.held, first.plan.held);
    assert_eq!(next.plan.reasons, first.plan.reasons);
    // The whole of the rest can be approved as ever, and a part of it.
    world.approved = next.plan.summary.held_checksum;
    assert!(world.diff(&fewer()).plan.held.is_empty());
    world.approved = None;
    world.released = select_of(&next.plan, "b").expect("it is held").changes;
    assert!(world.diff(&fewer()).plan.held.is_empty());
}

#[test]
fn what_needs_a_chosen_change_goes_with_it_and_is_not_chosen_without() {
    let mut world = World::holding(&[course("c").into()]);
    let fields = &["username", "given", "family", "email", "status", "system_role"];
    world.capabilities.kinds[Kind::Person as usize - 1] = plan::KindSupport::Full { fields };
    let administrator = |key: &str, name: &str| {
        let mut person = person(key, name);
        person.system_role = Some(Text::new("administrator"));
        Record::from(person)
    };
    let wanted = [
        course("c").into(),
        administrator("p", "ada"),
        administrator("q", "bob"),
        student("c", "p").into(),
        student("c", "q").into(),
    ];
    let whole = world.diff(&wanted).plan;
    assert_eq!(held(&whole).len(), 4);
    assert_eq!(select_of(&whole, "enrollment"), None, "they need a person who is held");
    let part = select_of(&whole, "grants-system-role").expect("two persons are held");
    assert_eq!((part.count, part.follow), (2, 2));
    let one: Vec<Fingerprint> = held(&whole)
        .iter()
        .filter(|change| change.key().to_string() == "person:p")
        .map(plan::Change::fingerprint)
        .collect();
    world.released = one.into_iter().collect();
    let diffed = world.diff(&wanted).plan;
    assert_eq!(lines(&changes(&diffed)), ["create person:p", "create enrollment:c/p"]);
    assert_eq!(lines(&held(&diffed)), ["create person:q", "create enrollment:c/q"]);
}

fn days() -> impl Strategy<Value = (School, School)> {
    school_at_random().prop_flat_map(|school| (Just(school.clone()), next_day(school)))
}

proptest! {
    /// Whatever part is approved: nothing goes that was not to go anyhow or belongs to the part,
    /// and what goes stands the second look.
    #[test]
    fn a_part_lets_nothing_else_go((before, after) in days(), allowed in 0..3u64) {
        let mut world = World::holding(&before.in_order());
        world.limits = at_most(allowed);
        let whole = world.diff_school(&after).plan;
        let real = |plan: &Plan| -> BTreeSet<Fingerprint> {
            let real = changes(plan).into_iter().filter(|change| change.temporary.is_none());
            real.map(|change| change.fingerprint()).collect()
        };
        let parts = held_parts(&whole).expect("what was just made decodes");
        let direct: u64 = parts.iter().map(|part| part.count).sum();
        let needs = |reason: &&HoldReason| matches!(reason, HoldReason::Needs { .. });
        let followers = whole.reasons.iter().filter(needs).count() as u64;
        prop_assert_eq!(direct + followers, whole.held.len());
        for part in parts {
            world.released = part.changes.clone();
            let diffed = world.diff_school(&after);
            let (goes, went) = (real(&diffed.plan), real(&whole));
            let more: Vec<_> =
                goes.difference(&went).filter(|one| !part.changes.contains(*one)).collect();
            prop_assert!(more.is_empty(), "{more:?}");
            prop_assert!(went.is_subset(&goes));
            prop_assert_eq!(goes.len() + held(&diffed.plan).len(), went.len() + held(&whole).len());
            prop_assert_eq!(world.lints_without_limits(&diffed.plan), vec![]);
        }
    }
}
