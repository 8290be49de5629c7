//! What is stored of a plan comes back as it was; anything else is an error, never another plan.

mod world;

use plan::{Action, Batch, Cause, Change, Checksum, HoldReason, Phase, Plan, Summary};
use roster::{Kind, Origin, Record, Text};
use world::{World, course, person};

/// A change of which `bits` say what it has.
fn change(action: Action, cause: Cause, bits: u8) -> Change {
    let has = |bit: u8| bits & (1 << bit) != 0;
    let record = |name: &str| -> Record { person("p", name).into() };
    Change {
        action,
        cause,
        before: has(0).then(|| record("before")),
        after: has(1).then(|| record("after")),
        origin: has(2).then_some(Origin { file: 3, line: 300 }),
        lms_id: has(3).then(|| Text::new("4711")),
        temporary: has(4).then(|| Text::new("tmp-1")),
    }
}

fn bytes(change: &Change) -> Vec<u8> {
    let mut out = Vec::new();
    change.encode(&mut out);
    out
}

#[test]
fn a_change_comes_back_whatever_it_has() {
    let causes = [Cause::Source, Cause::Drift, Cause::Retry, Cause::InDoubt];
    for bits in (0..32).filter(|bits| bits & 0b11 != 0) {
        for (action, cause) in Action::ALL.into_iter().zip(causes.into_iter().cycle()) {
            let change = change(action, cause, bits);
            let bytes = bytes(&change);
            assert_eq!(Change::decode(&bytes), Ok(change), "{bits:b}");
            for cut in 0..bytes.len() {
                assert!(Change::decode(&bytes[..cut]).is_err(), "{bits:b} cut at {cut}");
            }
        }
    }
    let nothing = bytes(&change(Action::Create, Cause::Source, 0));
    assert!(Change::decode(&nothing).is_err(), "neither before nor after");
}

#[test]
fn an_action_or_cause_of_a_later_version_is_an_error() {
    let good = bytes(&change(Action::Create, Cause::Source, 0b11111));
    for (at, last) in [(0, Action::ALL.len() as u8), (1, 4)] {
        for wrong in [0, last + 1, 255] {
            let mut bytes = good.clone();
            bytes[at] = wrong;
            assert!(Change::decode(&bytes).is_err(), "{wrong} at {at}");
        }
    }
    let names: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
    let expected = ["create", "update", "suspend", "restore", "remove", "rekey", "adopt"];
    assert_eq!(names, expected);
}

/// A plan with something of everything.
fn full() -> Plan {
    let world = World::default();
    let mut plan = world.diff(&[person("p", "ada").into(), course("c").into()]).plan;
    let reasons = [
        HoldReason::Limit { count: 300, of: 1000, allowed: 100 },
        HoldReason::EmptiesCourse { course: Text::new("c"), students: 200 },
        HoldReason::Needs { key: Text::new("person:old") },
        HoldReason::PartLimit {
            part: plan::Part::Source,
            name: Text::new("hr"),
            limited: plan::Limited::Delete,
            count: 300,
            of: 1000,
            allowed: 100,
        },
        HoldReason::SuspectedReuse { key: Text::new("4711") },
        HoldReason::Rename { old: Text::new("a"), new: Text::new("b") },
        HoldReason::TwoKeys { old: Text::new("a"), new: Text::new("b") },
        HoldReason::Merge { old: Text::new("a"), new: Text::new("b") },
        HoldReason::FirstSync,
        HoldReason::Reconfigured { what: Text::new("source `hr` was removed") },
    ];
    for reason in reasons {
        plan.held.push(&change(Action::Suspend, Cause::Source, 0b11));
        plan.reasons.push(reason);
    }
    plan.summary = Summary {
        config_version: Text::new("v7"),
        files: vec![Text::new("a.xml"), Text::new("b.xml")],
        held_counts: [(Kind::Person, [(Action::Suspend, 3), (Action::Remove, 500)].into())].into(),
        checksum: Checksum([1; 16]),
        held_checksum: Some(Checksum([2; 16])),
        parked: 1,
        deferred: 200,
        kept: 3,
        unsupported: [(Kind::Observer, 4), (Kind::Term, 500)].into(),
        calls: 6,
        millis: 70_000,
        ..plan.summary
    };
    plan
}

#[test]
fn a_plan_and_its_summary_come_back() {
    let plan = full();
    assert_eq!(Plan::from_bytes(&plan.to_bytes()), Ok(plan.clone()));
    assert_eq!(Summary::from_bytes(&plan.summary.to_bytes()), Ok(plan.summary.clone()));
    let unheld = Summary { held_checksum: None, ..plan.summary };
    assert_eq!(Summary::from_bytes(&unheld.to_bytes()), Ok(unheld));
}

#[test]
fn damaged_bytes_never_read_as_what_was_written() {
    let plan = full();
    let summary = plan.summary.to_bytes();
    for cut in 0..summary.len() {
        assert!(Summary::from_bytes(&summary[..cut]).is_err(), "cut at {cut}");
    }
    let whole = plan.to_bytes();
    for cut in 0..whole.len() {
        assert!(Plan::from_bytes(&whole[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert_ne!(Plan::from_bytes(&bytes), Ok(plan.clone()), "{at}");
    }
    assert!(Plan::from_bytes(&[whole, vec![0]].concat()).is_err(), "something behind the end");
    assert!(Summary::from_bytes(&[summary, vec![0]].concat()).is_err());
}

#[test]
fn another_version_is_an_error_that_says_where() {
    for mut bytes in [full().to_bytes(), full().summary.to_bytes()] {
        bytes[0] += 1;
        let errors = [Plan::from_bytes(&bytes).err(), Summary::from_bytes(&bytes).err()];
        for error in errors.into_iter().map(|error| error.expect("another version")) {
            assert_eq!((error.what, error.at), ("a plan of version 1", 0));
        }
    }
}

#[test]
fn every_held_change_has_its_reason() {
    for reasons in [0, 2, 4] {
        let mut plan = full();
        let any = plan.reasons[0].clone();
        plan.reasons.resize(reasons, any);
        assert!(Plan::from_bytes(&plan.to_bytes()).is_err(), "{reasons} reasons for 3 changes");
    }
}

#[test]
fn a_batch_comes_back_and_a_damaged_one_does_not() {
    let plan = full();
    let batches: Vec<_> = plan.batches(1).map(|batch| batch.expect("decodes")).collect();
    assert_eq!(batches.len(), 2);
    let phase = |kind| Phase::of(kind, Action::Create, false);
    let mut batch = batches[1].clone();
    assert_eq!((batch.number, batch.phase), (1, phase(Kind::Course)));
    batch.number = 70_000;
    let bytes = batch.to_bytes();
    assert_eq!(Batch::from_bytes(&bytes), Ok(batch));
    for cut in 0..bytes.len() {
        assert!(Batch::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Batch::from_bytes(&[bytes.clone(), vec![0]].concat()).is_err());
    let mut later = bytes;
    later[0] += 1;
    assert!(Batch::from_bytes(&later).is_err(), "another version");
}

#[test]
fn a_list_ends_after_a_change_that_does_not_decode() {
    let mut batch = full().batches(9).next().expect("a batch").expect("decodes");
    batch.changes.push(&change(Action::Create, Cause::Source, 0));
    batch.changes.push(&change(Action::Create, Cause::Source, 2));
    assert_eq!(batch.changes.len(), 3);
    let read: Vec<_> = batch.changes.iter().map(|change| change.is_ok()).collect();
    assert_eq!(read, [true, false], "nothing is read behind it");
}
