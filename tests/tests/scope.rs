//! Data source keys: a word on all that has one stands until it is lifted, and is a plan like any
//! other.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::Clock as _;
use end_to_end::said::{course, person, source, student, sync, world};
use end_to_end::undo::in_use;
use end_to_end::{Crash, Moment, World};
use pipeline::{BatchMessage, Later, Next, PipelineError, ScopeAct, Scoped, Speaks, StepMessage};
use plan::{Action, HoldReason, Limit, Limits};
use roster::{Kind, Record};
use store::state::audit;
use store::state::decided::Verdict;
use store::state::run::RunState;

const COURSES: &str = "2011_fall_SIS_courses";

/// Two courses of autumn, one of spring, four people in them; enrollments of autumn have the key of
/// their course, those of spring one of their own.
fn school() -> Vec<Record> {
    let mut all: Vec<Record> =
        ["ann", "ben", "cis", "dot"].map(|key| person(key, Some("SIS_persons"))).into();
    all.extend(["a1", "a2"].map(|key| course(key, None, Some(COURSES))));
    all.push(course("s1", None, Some("2012_spring_SIS_courses")));
    for (course, person) in [("a1", "ann"), ("a1", "ben"), ("a2", "cis")] {
        all.push(student(course, person, None));
    }
    all.push(student("s1", "ann", Some("2012_spring_SIS_enrollments")));
    all.push(student("s1", "dot", Some("2012_spring_SIS_enrollments")));
    all
}

fn registrar(limits: Limits) -> World {
    world(vec![source("registrar", Speaks::ForSource)], limits)
}

async fn founded(limits: Limits) -> World {
    let mut world = registrar(limits);
    let outcome = sync(&mut world, "registrar", school()).await;
    assert_eq!(outcome.run.receipts.rejected, 0);
    world
}

/// A new process says something of a key, or dies in it.
async fn say(
    world: &mut World,
    act: ScopeAct,
    key: &str,
    crash: Option<Crash>,
) -> (u64, Option<Result<Scoped, PipelineError>>) {
    world.clock.advance(Duration::from_secs(60));
    let process = world.process(crash, None, true);
    let ended = tokio::select! {
        biased;
        ended = process.pipeline.scope(act, key, "the head") => Some(ended),
        () = process.tap.killed() => None,
    };
    (process.tap.calls(), ended)
}

async fn said(world: &mut World, act: ScopeAct, key: &str) -> Scoped {
    say(world, act, key, None).await.1.unwrap().unwrap()
}

async fn why(world: &mut World, key: &str) -> String {
    world.process(None, None, true).pipeline.trace(key).await.unwrap().conclusion
}

#[tokio::test]
async fn a_disabled_key_stays_so_until_it_is_enabled() {
    let mut world = founded(Limits::none()).await;
    let before = in_use(&world.platform());
    let scoped = said(&mut world, ScopeAct::Disable, COURSES).await;
    assert!(scoped.said.is_new);
    let run = scoped.outcome.run;
    assert_eq!(run.state, RunState::Done);
    // Courses are hidden with all who are in them; nobody is taken out.
    assert_eq!(run.changes, [(Kind::Course, [(Action::Suspend, 2)].into())].into());
    assert_eq!(scoped.outcome.findings.count_code("data-source-disabled"), 1);
    let hidden = why(&mut world, "course:a1").await;
    let why_hidden =
        format!("data source key {COURSES} was disabled on 1 September 2026 by the head");
    assert!(
        hidden.contains("hidden in the LMS because") && hidden.contains(&why_hidden),
        "{hidden}"
    );
    // The next export does not undo it, and once it is said nothing is left to do.
    let mut more = school();
    more.push(course("a3", None, Some(COURSES)));
    let next = sync(&mut world, "registrar", more.clone()).await;
    assert_eq!(next.run.changes[&Kind::Course], [(Action::Create, 1)].into());
    let (a1, a3) = (visible(&world, "a1"), visible(&world, "a3"));
    assert_eq!((a1, a3), (Some(false), Some(false)));
    let again = said(&mut world, ScopeAct::Disable, COURSES).await;
    assert!(!again.said.is_new && again.outcome.run.changes.is_empty());
    assert_eq!(again.outcome.run.calls, 0);

    let enabled = said(&mut world, ScopeAct::Enable, COURSES).await;
    assert_eq!(enabled.outcome.run.changes[&Kind::Course], [(Action::Restore, 3)].into());
    assert!(enabled.outcome.findings.is_empty());
    sync(&mut world, "registrar", school()).await;
    assert_eq!(in_use(&world.platform()), before);
    let trail = audit::list(&world.stores(), &world.integration.scope, None, None).await.unwrap();
    let trail: Vec<_> =
        trail.iter().map(|entry| (entry.what.as_str(), entry.who.as_str())).collect();
    assert_eq!(trail, [("disabled", "the head"), ("enabled", "the head")]);
}

fn visible(world: &World, key: &str) -> Option<bool> {
    let platform = world.platform();
    let found = platform.site.course_by_idnumber(key);
    found.map(|(_, course)| course.visible)
}

#[tokio::test]
async fn persons_and_enrollments_of_a_disabled_key_are_suspended() {
    let mut world = founded(Limits::none()).await;
    let own = "2012_spring_SIS_enrollments";
    let run = said(&mut world, ScopeAct::Disable, own).await.outcome.run;
    assert_eq!(run.changes, [(Kind::Enrollment, [(Action::Suspend, 2)].into())].into());
    let run = said(&mut world, ScopeAct::Disable, "SIS_persons").await.outcome.run;
    assert_eq!(run.changes, [(Kind::Person, [(Action::Suspend, 4)].into())].into());
    let story = why(&mut world, "enrollment:s1/ann").await;
    assert!(story.starts_with("enrollment:s1/ann: enrolled and suspended because"), "{story}");
    for key in [own, "SIS_persons"] {
        said(&mut world, ScopeAct::Enable, key).await;
    }
    let active = why(&mut world, "person:ann").await;
    assert!(active.contains("in the LMS as its source wants it"), "{active}");
}

/// What has a removed key is wanted gone: policy says what that is, and limits hold what is over.
#[tokio::test]
async fn a_removed_key_goes_by_policy_and_within_the_limits() {
    let mut limits = Limits::none();
    let one = Limit { percent: None, count: Some(1), minimum: 0 };
    limits.kinds.insert(Kind::Enrollment, one);
    let mut world = founded(limits).await;
    let before = in_use(&world.platform());
    let own = "2012_spring_SIS_enrollments";
    let held = said(&mut world, ScopeAct::Remove, own).await.outcome;
    assert!(held.run.changes.is_empty());
    assert_eq!(held.run.held, [(Kind::Enrollment, [(Action::Remove, 2)].into())].into());
    let reasons = held.planned.unwrap().plan.reasons;
    assert!(reasons.iter().all(|reason| matches!(reason, HoldReason::Limit { count: 2, .. })));
    let story = why(&mut world, "enrollment:s1/dot").await;
    assert!(story.contains(&format!("though data source key {own} was removed")), "{story}");
    // The hold outlives the run, and an approval lets it go.
    let next = sync(&mut world, "registrar", school()).await;
    assert_eq!(next.run.held_checksum, held.run.held_checksum);
    let process = world.process(None, None, true);
    let checksum = next.run.held_checksum.unwrap();
    process.pipeline.approve(&next.run.id, &checksum, "the head").await.unwrap();
    let done = process.pipeline.resync().await.unwrap().run;
    assert_eq!(done.changes, held.run.held);
    let story = why(&mut world, "enrollment:s1/dot").await;
    assert!(story.contains("not enrolled because data source key"), "{story}");
    // Courses are hidden by policy, and who is in them by that stays.
    let run = said(&mut world, ScopeAct::Remove, COURSES).await.outcome.run;
    assert_eq!(run.changes, [(Kind::Course, [(Action::Suspend, 2)].into())].into());
    for key in [own, COURSES] {
        said(&mut world, ScopeAct::Enable, key).await;
    }
    assert_eq!(in_use(&world.platform()), before);
}

#[tokio::test]
async fn a_mistyped_key_is_refused_with_those_that_there_are() {
    let mut world = founded(Limits::none()).await;
    let before = world.table.items();
    for act in [ScopeAct::Disable, ScopeAct::Remove, ScopeAct::Enable] {
        let (_, refused) = say(&mut world, act, "2011_fall_sis_course", None).await;
        let error = refused.unwrap().unwrap_err();
        assert!(
            matches!(&error, PipelineError::NotFound(said) if said.contains(COURSES)),
            "{error}"
        );
    }
    let changed: Vec<_> = world
        .table
        .items()
        .into_iter()
        .filter(|item| !before.contains(item))
        .map(|item| item.key.sk)
        .collect();
    assert_eq!(changed, ["lease"], "nothing but the lease that was taken and given back");
}

#[tokio::test]
async fn every_key_is_listed_with_what_has_it() {
    let mut world = founded(Limits::none()).await;
    let mut lone = school();
    lone.push(person("eve", None));
    sync(&mut world, "registrar", lone).await;
    said(&mut world, ScopeAct::Disable, COURSES).await;
    let listed = world.process(None, None, true).pipeline.scopes().await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|count| {
            let verdict = count.decided.as_ref().map(|decided| decided.verdict);
            (count.key.as_deref(), count.records.clone(), verdict)
        })
        .collect();
    let counts = |of: &[(Kind, u64)]| -> BTreeMap<Kind, u64> { of.iter().copied().collect() };
    assert_eq!(
        shown,
        [
            (
                Some(COURSES),
                counts(&[(Kind::Course, 2), (Kind::Enrollment, 3)]),
                Some(Verdict::Disabled)
            ),
            (Some("2012_spring_SIS_courses"), counts(&[(Kind::Course, 1)]), None),
            (Some("2012_spring_SIS_enrollments"), counts(&[(Kind::Enrollment, 2)]), None),
            (Some("SIS_persons"), counts(&[(Kind::Person, 4)]), None),
            (None, counts(&[(Kind::Person, 1)]), None),
        ]
    );
    assert!(listed.iter().all(|count| count.sources.contains("registrar")));
}

/// A run that carries out a word is not reverted: the word is lifted.
#[tokio::test]
async fn a_revert_of_it_says_what_to_do() {
    let mut world = founded(Limits::none()).await;
    let run = said(&mut world, ScopeAct::Disable, COURSES).await.said.run;
    let (lms, items) = (in_use(&world.platform()), world.table.items().len());
    let (_, refused) = end_to_end::undo::revert(&mut world, &run, Later::Refused, None).await;
    let error = refused.unwrap().unwrap_err().to_string();
    assert!(error.contains(&format!("rollcall scope enable {COURSES}")), "{error}");
    assert_eq!((in_use(&world.platform()), world.table.items().len()), (lms, items));
}

#[tokio::test]
async fn wherever_a_word_dies_said_again_it_is_done() {
    let mut usual = founded(Limits::none()).await;
    let before = in_use(&usual.platform());
    let (disabling, _) = say(&mut usual, ScopeAct::Disable, COURSES, None).await;
    let disabled = in_use(&usual.platform());
    let (enabling, _) = say(&mut usual, ScopeAct::Enable, COURSES, None).await;
    assert_ne!(before, disabled);
    assert!(disabling > 20 && enabling > 20, "{disabling} {enabling}");
    for (act, calls) in [(ScopeAct::Disable, disabling), (ScopeAct::Enable, enabling)] {
        let mut start = founded(Limits::none()).await;
        if act == ScopeAct::Enable {
            said(&mut start, ScopeAct::Disable, COURSES).await;
        }
        for call in 1..=calls {
            for moment in [Moment::Before, Moment::After, Moment::Underway] {
                let mut world = start.fork();
                let crash = Some(Crash { call, moment });
                let (_, died) = say(&mut world, act, COURSES, crash).await;
                assert!(died.is_none(), "it came to an end before call {call}");
                let run = said(&mut world, act, COURSES).await.outcome.run;
                assert_eq!(run.state, RunState::Done);
                world.platform().land(ambient::Timestamp::MAX);
                let expected = if act == ScopeAct::Enable { &before } else { &disabled };
                assert_eq!(&in_use(&world.platform()), expected, "{act:?} {call} {moment:?}");
                let next = sync(&mut world, "registrar", school()).await;
                assert_eq!((next.run.changes.len(), next.run.calls), (0, 0));
                let decided = world.process(None, None, true).pipeline.scopes().await.unwrap();
                let stands = decided.iter().filter(|count| count.decided.is_some()).count();
                assert_eq!(stands, usize::from(act == ScopeAct::Disable));
                let (stores, scope) = (world.stores(), &world.integration.scope);
                let noted = audit::list(&stores, scope, None, None).await.unwrap().len();
                assert_eq!(noted, 1 + usize::from(act == ScopeAct::Enable), "noted once");
            }
        }
    }
}

/// The same by a message, where each step is a process of its own.
#[tokio::test]
async fn a_message_says_it_too() {
    let mut world = founded(Limits::none()).await;
    let text = format!(
        r#"{{"tenant":"oakfield","integration":"sis","step":"scope","key":"{COURSES}","act":"disable","by":"the head"}}"#
    );
    let message: StepMessage = serde_json::from_str(&text).unwrap();
    let process = world.process(None, None, true);
    let until = world.clock.now() + Duration::from_secs(60);
    let handled = process.pipeline.handle_step(&message, until).await.unwrap();
    let Next::Deliver(deliver) = handled.next else { panic!("{handled:?}") };
    assert_eq!(visible(&world, "a1"), Some(true));
    let batch = BatchMessage::new(&world.integration.scope, deliver);
    let done = process.pipeline.handle_batch(&batch, until).await.unwrap();
    assert_eq!(done.run.unwrap().state, RunState::Done);
    assert_eq!(visible(&world, "a1"), Some(false));
}
