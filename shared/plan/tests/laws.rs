//! The laws of plans, over schools and what becomes of them by the next day.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use plan::{
    Action, Batch, Effect, HoldReason, KindPolicy, OnRemove, Plan, Policy, Presence, Refused,
    Summary, Wanted,
};
use proptest::collection::vec;
use proptest::prelude::*;
use roster::arbitrary::{School, next_day, school};
use roster::{Key, Kind, Origin, Record, Status};
use world::{Unique, World, at_most, changes, done, held, lines, no_limits};

fn days() -> impl Strategy<Value = (School, School)> {
    school().prop_flat_map(|school| (Just(school.clone()), next_day(school)))
}

fn policy() -> impl Strategy<Value = Policy> {
    let remove = prop_oneof![
        Just(OnRemove::Ignore),
        Just(OnRemove::Suspend),
        Just(OnRemove::Delete),
        Just(OnRemove::DeleteAfter { days: 30 }),
    ];
    let moves = prop_oneof![
        Just(plan::Moves::Independent),
        Just(plan::Moves::Together),
        Just(plan::Moves::AddFirst),
    ];
    let mostly = || proptest::bool::weighted(0.9);
    let by_kind = vec((remove, mostly(), mostly(), mostly()), 9);
    prop_oneof![
        Just(Policy::default()),
        (by_kind, moves).prop_map(|(kinds, moves)| {
            let mut policy = Policy::default();
            for (kind, (remove, create, update, restore)) in Kind::ALL.into_iter().zip(kinds) {
                policy.set(kind, KindPolicy { create, update, restore, remove });
            }
            policy.moves = moves;
            policy
        }),
    ]
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        4 => Just(done()),
        1 => Just(Effect::Rejected { code: "refused".into() }),
        1 => Just(Effect::Unknown),
        1 => Just(Effect::NotDone),
    ]
}

/// `wanted` as the target can be told it.
fn told(wanted: &Record) -> Record {
    let mut told = wanted.clone();
    told.retain(|spec| match told_fields(wanted.kind()) {
        Some(fields) => fields.contains(&spec.name) || spec.name == "sourced_id",
        None => false,
    });
    if let Record::Course(course) = &mut told {
        course.template = None;
    }
    told
}

fn told_fields(kind: Kind) -> Option<&'static [&'static str]> {
    match world::capabilities().support(kind) {
        plan::KindSupport::Full { fields } => Some(fields),
        plan::KindSupport::Unsupported { .. } => None,
    }
}

/// Whether `world` has `wanted`, as far as the target can be told.
fn has(world: &World, wanted: &Record) -> bool {
    let Some(applied) = world.applied.get(wanted.key()) else { return false };
    let mut told = told(wanted);
    // A key said again is none that was changed.
    match (&mut told, &applied.record) {
        (Record::Person(told), Record::Person(applied))
            if told.sourced_id() == applied.sourced_id() =>
        {
            told.sourced_id = None;
        }
        (Record::Course(told), Record::Course(applied))
            if told.sourced_id() == applied.sourced_id() =>
        {
            told.sourced_id = None;
        }
        _ => {}
    }
    let status = match &applied.record {
        Record::Person(person) => person.status,
        Record::Course(course) => course.status,
        Record::Enrollment(enrollment) => enrollment.status,
        _ => None,
    };
    let aside = status == Some(Status::Inactive);
    let presence = if aside { Presence::Suspended } else { Presence::Present };
    applied.record.satisfies(&told) && applied.meta.presence == Some(presence)
}

fn held_keys(plan: &Plan) -> BTreeSet<Key> {
    held(plan).iter().map(|change| change.key().clone()).collect()
}

/// Three hundred cases; `PROPTEST_CASES=5000` looks harder.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(300), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    /// What is delivered makes the LMS hold what is wanted, but for what is held, and for as many
    /// records as are counted as deferred.
    #[test]
    fn applying_the_diff_gives_what_is_wanted((before, after) in days(), strict in any::<bool>()) {
        let mut world = World::holding(&before.in_order());
        world.limits = if strict { at_most(1) } else { no_limits() };
        let diffed = world.diff_school(&after);
        world.deliver(&diffed.plan);
        let held = held_keys(&diffed.plan);
        let missing: Vec<_> = after.0.values().filter(|wanted| !has(&world, wanted)).collect();
        let only_deferred = missing.iter().filter(|wanted| !held.contains(wanted.key())).count();
        // One record can have a change that is held and another that is deferred.
        let deferred = only_deferred as u64..=missing.len() as u64;
        prop_assert!(
            deferred.contains(&diffed.plan.summary.deferred),
            "{:?} {:?} {:?}", diffed.plan.summary.deferred, missing, lines(&changes(&diffed.plan))
        );
        // What is gone is put aside, or forgotten, or kept in a course that was put aside.
        for (key, applied) in &world.applied {
            let aside = |key: &Key| world.presence(key) == Some(Presence::Suspended);
            let course = key.course().map(|course| Key::Course(course.clone()));
            let kept = course.is_some_and(|c| c != *key && (aside(&c) || held.contains(&c)));
            let kept = kept || matches!(key, Key::Association { from, .. }
                if aside(&Key::Course(from.clone().into())) || held.contains(&Key::Course(from.clone().into())));
            let ignored = matches!(key.kind(), Kind::Term | Kind::OrgUnit | Kind::Group);
            if !after.0.contains_key(key) && !held.contains(key) && !kept && !ignored {
                prop_assert_eq!(applied.meta.presence, Some(Presence::Suspended), "{}", key);
            }
        }
    }

    /// Nothing is planned for what is there already, and nothing again for what was done.
    #[test]
    fn a_second_diff_is_empty((before, after) in days(), policy in policy(), strict in any::<bool>()) {
        let mut world = World::holding(&before.in_order());
        let again = world.diff_school(&before);
        prop_assert!(again.plan.deliver.is_empty(), "{:?}", lines(&changes(&again.plan)));
        prop_assert!(again.plan.held.is_empty());
        world.policy = policy;
        if world.policy.moves == plan::Moves::AddFirst {
            // Its second run takes out whom the first has put elsewhere.
            world.policy.moves = plan::Moves::Together;
        }
        world.limits = if strict { at_most(0) } else { no_limits() };
        let first = world.diff_school(&after);
        world.deliver(&first.plan);
        let second = world.diff_school(&after);
        prop_assert!(
            second.plan.deliver.is_empty(),
            "first {:?} held {:?} second {:?}",
            lines(&changes(&first.plan)), lines(&held(&first.plan)), lines(&changes(&second.plan))
        );
        prop_assert_eq!(lines(&held(&first.plan)), lines(&held(&second.plan)));
        // The same is held, unless what was delivered is what a held change begins from.
        let done: BTreeSet<_> = changes(&first.plan).iter().map(|c| c.key().clone()).collect();
        if held_keys(&first.plan).is_disjoint(&done) {
            prop_assert_eq!(first.plan.summary.held_checksum, second.plan.summary.held_checksum);
        }
    }

    /// Whatever fails or stays unknown, the next runs bring the LMS where a clean run does.
    #[test]
    fn failures_heal((before, after) in days(), effects in vec(effect(), 40)) {
        let mut clean = World::holding(&before.in_order());
        let mut world = clean.clone();
        clean.deliver(&clean.diff_school(&after).plan);
        let plan = world.diff_school(&after).plan;
        for (change, effect) in changes(&plan).iter().zip(effects.iter().cycle()) {
            world.fold(change, effect);
        }
        world.refused = Refused::TryAgain;
        for _ in 0..3 {
            let plan = world.diff_school(&after).plan;
            prop_assert!(world.lints(&plan).is_empty(), "{:?}", world.lints(&plan));
            world.deliver(&plan);
        }
        let last = world.diff_school(&after).plan;
        prop_assert!(last.deliver.is_empty(), "{:?}", lines(&changes(&last)));
        let of = |world: &World| -> BTreeMap<Key, Option<Presence>> {
            let there = world.applied.iter().filter(|(_, a)| a.meta.presence.is_some());
            there.map(|(key, applied)| (key.clone(), applied.meta.presence)).collect()
        };
        // A record that was never made for certain, and is gone, is put aside to be sure.
        let (clean, healed) = (of(&clean), of(&world));
        for (key, presence) in &clean {
            prop_assert_eq!(healed.get(key), Some(presence), "{}", key);
        }
        for key in healed.keys().filter(|key| !clean.contains_key(key)) {
            prop_assert_eq!(healed[key], Some(Presence::Suspended), "{}", key);
        }
    }

    /// What was refused waits while the same is wanted.
    #[test]
    fn refusals_wait((before, after) in days()) {
        let mut world = World::holding(&before.in_order());
        let plan = world.diff_school(&after).plan;
        for change in changes(&plan).iter().filter(|change| change.temporary.is_none()) {
            world.fold(change, &Effect::Rejected { code: "refused".into() });
        }
        let again = world.diff_school(&after).plan;
        let twice: BTreeSet<_> = {
            let mut keys = BTreeSet::new();
            changes(&plan).iter().map(|c| c.key().clone()).filter(|k| !keys.insert(k.clone())).collect()
        };
        // A record with an update and a suspension has room for one refusal.
        for change in changes(&again) {
            let other = change.temporary.is_some() || twice.contains(change.key());
            prop_assert!(other, "{:?}", lines(&[change]));
        }
        prop_assert!(again.summary.parked > 0 || plan.deliver.is_empty());
    }

    /// Every plan stands a second look, whatever the policy and limits.
    #[test]
    fn plans_lint_clean((before, after) in days(), policy in policy(), allowed in 0..4u64) {
        let mut world = World::holding(&before.in_order());
        world.policy = policy;
        world.limits = at_most(allowed);
        let diffed = world.diff_school(&after);
        prop_assert_eq!(world.lints(&diffed.plan), vec![]);
        prop_assert_eq!(diffed.plan.reasons.len() as u64, diffed.plan.held.len());
    }

    /// Within each phase changes may go in any order: no name is ever asked for while another
    /// record has it. Approved plans ask only for names of records that are not ours to rename.
    #[test]
    fn names_are_free_when_they_are_asked_for(
        (before, after) in days(), policy in policy(), allowed in 0..4u64, shuffle in any::<u64>()
    ) {
        let mut world = World::holding(&before.in_order());
        world.policy = policy;
        world.limits = at_most(allowed);
        for approved in [false, true] {
            if approved {
                world.approved = world.diff_school(&after).plan.summary.held_checksum;
            }
            let plan = world.diff_school(&after).plan;
            let mut order = changes(&plan);
            order.sort_by_key(|change| {
                let key = roster::owner_hash(change.key().owner()).rotate_left(shuffle as u32 % 64);
                (change.phase(), key ^ shuffle)
            });
            let mut lms = Unique::of(&world);
            for change in order {
                let name = lms.apply(&change);
                let known = approved && name.as_ref().is_err_and(|holder| {
                    // Held for a name that a present record keeps: approving cannot free that.
                    changes(&plan).iter().all(|other| other.key() != holder)
                });
                prop_assert!(name.is_ok() || known, "{:?} wants the name of {:?} in {:?}",
                    lines(&[change]), name, lines(&changes(&plan)));
            }
        }
    }

    /// The checksum is over what is done, not over where the export says so or when.
    #[test]
    fn checksums_depend_on_what_is_wanted((before, after) in days(), lines in vec(any::<u32>(), 64)) {
        let mut world = World::holding(&before.in_order());
        world.limits = at_most(1);
        let one = world.diff_school(&after).plan;
        let records = after.in_order().into_iter().zip(lines.iter().cycle());
        let wanted: Vec<_> =
            records.map(|(r, line)| Wanted::from((r, Origin { file: 7, line: *line }))).collect();
        let mut later = world.clone();
        later.now = jiff::Timestamp::from_second(1_000_000_000).unwrap();
        let two = later.diff_wanted(wanted).plan;
        prop_assert_eq!(one.summary.checksum, two.summary.checksum);
        prop_assert_eq!(one.summary.held_checksum, two.summary.held_checksum);
        world.config_version = "2".to_owned();
        prop_assert_ne!(one.summary.checksum, world.diff_school(&after).plan.summary.checksum);
    }

    /// Approval releases just the held part that was seen; then nothing is held.
    #[test]
    fn approval_releases_what_was_held((before, after) in days()) {
        let mut world = World::holding(&before.in_order());
        world.limits = at_most(0);
        let plan = world.diff_school(&after).plan;
        world.approved = Some(plan::Checksum([7; 16]));
        prop_assert!(!world.diff_school(&after).released);
        world.approved = plan.summary.held_checksum;
        let released = world.diff_school(&after);
        prop_assert_eq!(released.released, plan.summary.held_checksum.is_some());
        prop_assert!(released.plan.held.is_empty());
        let real = |plan: &Plan| changes(plan).iter().filter(|c| c.temporary.is_none()).count();
        prop_assert_eq!(real(&released.plan), real(&plan) + held(&plan).len());
    }

    /// Limits are never passed, and hold all removals of a kind or none.
    #[test]
    fn limits_are_kept((before, after) in days(), allowed in 0..4u64) {
        let mut world = World::holding(&before.in_order());
        world.limits = at_most(allowed);
        world.limits.hold_emptied_courses = false;
        let plan = world.diff_school(&after).plan;
        for kind in Kind::ALL {
            let takes = |c: &&plan::Change| c.kind() == kind && c.action.takes_away();
            let out = changes(&plan).iter().filter(takes).count() as u64;
            prop_assert!(out <= allowed, "{kind}: {out}");
            let over = plan.reasons.iter().zip(held(&plan)).filter(|(reason, change)| {
                change.kind() == kind && matches!(reason, HoldReason::Limit { .. })
            });
            prop_assert!(over.count() == 0 || out == 0, "{}", kind);
        }
    }

    /// Plans, summaries and batches survive being stored; batches are the plan again.
    #[test]
    fn stored_and_loaded((before, after) in days(), size in 1..6usize) {
        let mut world = World::holding(&before.in_order());
        world.limits = at_most(1);
        let plan = world.diff_school(&after).plan;
        prop_assert_eq!(&Plan::from_bytes(&plan.to_bytes()).unwrap(), &plan);
        prop_assert_eq!(&Summary::from_bytes(&plan.summary.to_bytes()).unwrap(), &plan.summary);
        let batches: Vec<_> = plan.batches(size).map(Result::unwrap).collect();
        let mut all = Vec::new();
        for (number, batch) in batches.iter().enumerate() {
            prop_assert_eq!(&Batch::from_bytes(&batch.to_bytes()).unwrap(), batch);
            prop_assert_eq!(batch.number as usize, number);
            prop_assert!(batch.changes.len() <= size as u64);
            for change in batch.changes.iter() {
                let change = change.unwrap();
                prop_assert_eq!(change.phase(), batch.phase);
                all.push(change);
            }
        }
        prop_assert!(all == changes(&plan));
    }

    /// No bytes make reading a plan panic.
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Plan::from_bytes(&bytes);
        let _ = Summary::from_bytes(&bytes);
        if let Ok(batch) = Batch::from_bytes(&bytes) {
            let _ = batch.changes.iter().count();
        }
    }

    /// Nothing that was there before us is ever part of a plan.
    #[test]
    fn found_records_stay((before, after) in days(), policy in policy(), every in 1..4usize) {
        let mut world = World::holding(&before.in_order());
        world.policy = policy;
        let found: BTreeSet<Key> = world.applied.keys().step_by(every).cloned().collect();
        for key in &found {
            world.meta(key).ownership = plan::Ownership::Found;
        }
        let plan = world.diff_school(&after).plan;
        for change in changes(&plan).iter().chain(&held(&plan)) {
            prop_assert!(!found.contains(change.key()), "{:?}", change.key());
        }
        prop_assert!(world.lints(&plan).is_empty());
        prop_assert!(changes(&plan).iter().all(|change| change.action != Action::Adopt));
    }
}
