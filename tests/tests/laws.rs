//! The laws of plans in bulk: `plan`'s own tests look closely at a few thousand pairs of rosters,
//! these at as many as are asked for (`LAW_PAIRS`, 10,000 unless said otherwise).

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plan::{
    Absence, Action, Applied, Applying, Capabilities, Cause, Change, Checksum, DiffInput, Diffed,
    Effect, FieldPolicy, IdentityRules, KindPolicy, KindSupport, Limit, Limited, Limits, Looked,
    Moves, OnRemove, Past, Phase, Plan, Policy, Refused, SharpDrop, Span, Wanted,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use roster::arbitrary::{School, next_day, school};
use roster::{DecodeError, Key, Kind, MarkKey, Origin, Place, Record, Text};

fn pairs() -> u64 {
    std::env::var("LAW_PAIRS").ok().map_or(10_000, |text| text.parse().unwrap())
}

/// What an LMS holds for us, and by what plans for it are made.
#[derive(Clone, Default)]
struct Held {
    applied: BTreeMap<Key, Applied>,
    /// What was delivered and counts.
    past: Past,
    policy: Policy,
    /// Whether persons are told apart by more than their keys.
    identity: Option<IdentityRules>,
}

fn capabilities() -> Capabilities {
    let fields = |kind| -> &'static [&'static str] {
        match kind {
            Kind::Person => &["username", "given", "family", "email", "status"],
            Kind::Course => &["short_name", "title", "status", "template", "org_unit"],
            Kind::Enrollment => &["roles", "status", "timeframe"],
            Kind::GroupMember => &[],
            _ => &["title", "parent", "primary", "relation"],
        }
    };
    Capabilities {
        target: "law",
        kinds: Kind::ALL.map(|kind| KindSupport::Full { fields: fields(kind) }),
        batch: 50,
        concurrency: 1,
        unique_usernames: true,
        unique_short_names: true,
        renames_courses: true,
        shows: [&[]; 9],
        millis_per_change: [1; 9],
        changes_per_call: [1; 9],
    }
}

fn limits(count: Option<u64>) -> Limits {
    let most = |count| Limit { percent: None, count, minimum: 0 };
    let mut limits = Limits {
        removals: most(count),
        hold_emptied_courses: count.is_some(),
        sharp_drop: count.map(|minimum| SharpDrop { percent: 60, minimum: minimum + 2 }),
        ..Limits::none()
    };
    if let Some(count) = count {
        for kind in Kind::ALL {
            limits.week.set(kind, Limited::Removals, most(Some(count + 1)));
        }
        // Makings and changes have limits where they are asked for: here of some kinds.
        limits.actions.set(Kind::Person, Limited::Create, most(Some(count + 1)));
        limits.actions.set(Kind::Course, Limited::Update, most(Some(count)));
        limits.week.set(Kind::Enrollment, Limited::Create, most(Some(count + 2)));
        limits.week.set(Kind::Person, Limited::Restore, most(Some(count)));
    }
    limits
}

fn by_place<T>(items: &mut [T], record: impl Fn(&T) -> &Record) {
    items.sort_by(|a, b| Place::of(record(a).key()).cmp(&Place::of(record(b).key())));
}

impl Held {
    fn diff(&self, records: &[Record], limits: &Limits) -> Diffed {
        self.diff_approved(records, limits, None)
    }

    fn diff_approved(
        &self,
        records: &[Record],
        limits: &Limits,
        approved: Option<Checksum>,
    ) -> Diffed {
        let mut wanted: Vec<Wanted> = records
            .iter()
            .enumerate()
            .map(|(line, record)| (record.clone(), Origin { file: 0, line: line as u32 }).into())
            .collect();
        by_place(&mut wanted, |wanted| &wanted.record);
        let mut applied: Vec<Applied> = self.applied.values().cloned().collect();
        by_place(&mut applied, |applied| &applied.record);
        let (capabilities, marks, said) = (capabilities(), MarkKey::new([7; 32]), BTreeSet::new());
        let returned = BTreeSet::new();
        let people = |each: &mut dyn FnMut(&Applied)| {
            let persons = self.applied.values().filter(|one| one.record.kind() == Kind::Person);
            persons.for_each(each);
            Ok(())
        };
        let identity = |rules| plan::Identity {
            rules,
            key: &marks,
            same: &said,
            different: &said,
            asked: &said,
            returned: &returned,
            since: "",
            people: &people,
        };
        let input = DiffInput {
            weighed_before: &Default::default(),
            past: &self.past,
            policy: &self.policy,
            limits,
            capabilities: &capabilities,
            config_version: "1",
            files: &[],
            now: Timestamp::UNIX_EPOCH,
            because: Cause::Source,
            refused: Refused::Wait,
            approved,
            singled: None,
            absence: &|_| Absence::Removes,
            identity: self.identity.as_ref().map(identity),
        };
        plan::diff(&input, applied.into_iter().map(Ok), wanted.into_iter().map(Ok)).unwrap()
    }

    fn deliver(&mut self, plan: &Plan) {
        self.do_all(changes(plan));
    }

    fn do_all(&mut self, changes: Vec<Change>) {
        let (run, policy) = (Text::new("run"), self.policy.clone());
        let applying = Applying { run: &run, now: Timestamp::UNIX_EPOCH, policy: &policy };
        let done = Effect::Done { lms_id: None, ownership: None };
        for change in changes {
            let before = self.applied.remove(change.key());
            if let Some(after) = plan::apply(before, &change, &done, &applying) {
                self.applied.insert(change.key().clone(), after);
            }
        }
    }

    /// Its keys in order, and what is known beside each.
    fn rows(&self) -> Vec<Result<Looked, DecodeError>> {
        let mut applied: Vec<&Applied> = self.applied.values().collect();
        applied.sort_by(|a, b| Place::of(a.record.key()).cmp(&Place::of(b.record.key())));
        applied.iter().map(|one| Ok(Looked::new(&one.record, one.meta.clone()))).collect()
    }
}

fn changes(plan: &Plan) -> Vec<Change> {
    plan.deliver.iter().map(Result::unwrap).collect()
}

/// One pair of rosters, and every law.
fn look_at(before: &School, after: &School, count: Option<u64>) -> Result<(), String> {
    let mut held = Held::default();
    let all = limits(None);
    let first = held.diff(&before.in_order(), &all);
    held.deliver(&first.plan);
    let limits = limits(count);
    let diffed = held.diff(&after.in_order(), &limits);
    let plan = &diffed.plan;

    let faults = plan::lint(plan, held.rows(), Some((&limits, &held.past)));
    let faults = faults.map_err(|error| error.to_string())?;
    law(faults.is_empty(), || format!("the linter says {faults:?}"))?;

    let phases: Vec<Phase> = changes(plan).iter().map(Change::phase).collect();
    law(phases.is_sorted(), || "the order is broken".into())?;

    if let Some(allowed) = count {
        for kind in Kind::ALL {
            let taken: BTreeSet<Key> = changes(plan)
                .iter()
                .filter(|change| change.kind() == kind)
                .filter(|change| matches!(change.action, Action::Remove | Action::Suspend))
                .map(|change| change.key().clone())
                .collect();
            law(taken.len() as u64 <= allowed, || format!("{} {kind} go", taken.len()))?;
        }
    }

    // Whatever the order in which the records came.
    let mut turned = after.in_order();
    turned.reverse();
    let again = held.diff(&turned, &limits).plan.summary;
    law(again.checksum == plan.summary.checksum, || "another checksum".into())?;
    law(again.held_checksum == plan.summary.held_checksum, || "another held checksum".into())?;

    held.deliver(plan);
    held.past.week = diffed.counting.clone();
    let next = held.diff(&after.in_order(), &limits);
    week(&held, &next, &limits)?;
    let second = next.plan;
    law(second.deliver.is_empty() || count.is_some(), || {
        let left: Vec<String> = changes(&second).iter().map(|c| c.key().to_string()).collect();
        format!("not done at once: {left:?}")
    })
}

/// With everything that keeps a school from harm: what is delivered and what is held are together
/// what is wanted, and nothing is left once both are done; neither is more done at once than the
/// limits allow, nor in another order, and what an approval lets go is as sound as the rest.
fn look_carefully_at(before: &School, after: &School, number: u64) -> Result<(), String> {
    let mut start = Held { policy: policy(number), ..Held::default() };
    let all = limits(None);
    start.deliver(&start.diff(&before.in_order(), &all).plan);
    let mut careful = Held { identity: Some(IdentityRules::default()), ..start };
    let limits = limits([Some(0), Some(1), Some(3)][(number % 3) as usize]);
    for round in 0..=ROUNDS {
        let diffed = careful.diff(&after.in_order(), &limits);
        let plan = &diffed.plan;
        let faults = plan::lint(plan, careful.rows(), Some((&limits, &careful.past)));
        let faults = faults.map_err(|error| error.to_string())?;
        law(faults.is_empty(), || format!("round {round}: the linter says {faults:?}"))?;
        let phases: Vec<Phase> = changes(plan).iter().map(Change::phase).collect();
        law(phases.is_sorted(), || "the order is broken".into())?;
        within(&diffed, &limits)?;
        let mut turned = after.in_order();
        turned.reverse();
        let again = careful.diff(&turned, &limits).plan.summary;
        law(again.checksum == plan.summary.checksum, || "another checksum".into())?;
        law(again.held_checksum == plan.summary.held_checksum, || "another hold".into())?;
        if round == ROUNDS {
            law(plan.deliver.is_empty() && plan.held.is_empty(), || "it comes to no end".into())?;
        }
        // Somebody approves what is held, and answers what an approval does not let go.
        let approved = plan.summary.held_checksum;
        let released = careful.diff_approved(&after.in_order(), &limits, approved);
        let plan = &released.plan;
        let faults = plan::lint(plan, careful.rows(), None).map_err(|error| error.to_string())?;
        law(faults.is_empty(), || format!("approved, round {round}: {faults:?}"))?;
        let phases: Vec<Phase> = changes(plan).iter().map(Change::phase).collect();
        law(phases.is_sorted(), || "the order of what was approved is broken".into())?;
        let answers = plan.held.iter().map(Result::unwrap).collect();
        careful.deliver(plan);
        careful.do_all(answers);
    }
    Ok(())
}

/// After so many rounds everything has come that waited for something else.
const ROUNDS: usize = 4;

/// A policy that is not the usual one.
fn policy(number: u64) -> Policy {
    let mut policy = Policy::default();
    policy.moves = [Moves::Together, Moves::AddFirst, Moves::Independent][(number % 3) as usize];
    let course = policy.of(Kind::Course);
    let remove = [OnRemove::Delete, OnRemove::Suspend, OnRemove::Ignore][(number / 3 % 3) as usize];
    policy.set(Kind::Course, KindPolicy { remove, ..course });
    let person = policy.of(Kind::Person);
    let remove = [OnRemove::Suspend, OnRemove::Delete][(number / 9 % 2) as usize];
    policy.set(Kind::Person, KindPolicy { remove, restore: !number.is_multiple_of(5), ..person });
    let title = Record::spec(Kind::Course, "title").unwrap();
    policy.fields.set(Kind::Course, title, FieldPolicy::OnCreate);
    policy
}

/// What is delivered at once is within its limits.
fn within(diffed: &Diffed, limits: &Limits) -> Result<(), String> {
    for kind in Kind::ALL {
        for limited in Limited::ALL {
            let sum = limited.sum(&diffed.counting, kind);
            let limit = limits.limit(kind, limited, Span::Run).and_then(|limit| limit.count);
            law(limit.is_none_or(|most| sum <= most), || {
                format!("{sum} {} of {kind} at once", limited.name())
            })?;
        }
    }
    Ok(())
}

/// No limit over seven days is passed by what was delivered before and what would be now.
fn week(held: &Held, next: &Diffed, limits: &Limits) -> Result<(), String> {
    for kind in Kind::ALL {
        for limited in Limited::ALL {
            let sums = [&held.past.week, &next.counting].map(|counts| limited.sum(counts, kind));
            let limit = limits.limit(kind, limited, Span::Week).and_then(|limit| limit.count);
            law(limit.is_none_or(|most| sums[1] == 0 || sums[0] + sums[1] <= most), || {
                format!("{} of {kind} in a week: {sums:?}", limited.name())
            })?;
        }
    }
    Ok(())
}

fn law(holds: bool, says: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(says()) }
}

#[test]
fn every_pair_of_rosters_keeps_every_law() {
    let pairs = pairs();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let faults: Vec<String> = std::thread::scope(|scope| {
        let share = |part: u64| move || bulk(part, pairs.div_ceil(threads));
        let workers: Vec<_> = (0..threads).map(|part| scope.spawn(share(part))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(
        faults.is_empty(),
        "{} of {pairs}: {:#?}",
        faults.len(),
        &faults[..faults.len().min(5)]
    );
}

#[test]
fn what_is_held_and_what_is_done_are_together_what_is_wanted() {
    let pairs = pairs() / 20;
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let faults: Vec<String> = std::thread::scope(|scope| {
        let share =
            |part: u64| move || pairs_of(100 + part, pairs.div_ceil(threads), look_carefully_at);
        let workers: Vec<_> = (0..threads).map(|part| scope.spawn(share(part))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let first = &faults[..faults.len().min(5)];
    assert!(faults.is_empty(), "{} of {pairs}: {first:#?}", faults.len());
}

/// `count` pairs from one seed.
fn bulk(seed: u64, count: u64) -> Vec<String> {
    pairs_of(seed, count, |before, after, number| {
        look_at(before, after, [None, Some(0), Some(1), Some(3)][(number % 4) as usize])
    })
}

/// What is wrong with `count` pairs from one seed.
fn pairs_of(
    seed: u64,
    count: u64,
    look: impl Fn(&School, &School, u64) -> Result<(), String>,
) -> Vec<String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let days = school().prop_flat_map(|school| (Just(school.clone()), next_day(school)));
    let mut faults = Vec::new();
    for number in 0..count {
        let (before, after) = days.new_tree(&mut runner).unwrap().current();
        if let Err(fault) = look(&before, &after, number) {
            faults.push(format!("seed {seed}, pair {number}: {fault}"));
        }
    }
    faults
}
