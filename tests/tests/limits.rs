//! What limits hold in the seeded school, over days: through export, plan, delivery and fold.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use end_to_end::world::{Process, Step};
use end_to_end::{Town, World};
use pipeline::{PipelineError, SyncOutcome, Wish};
use plan::{Action, HoldReason, Limit, Limited, Limits, Part, SharpDrop, Span, Window};
use roster::Kind;
use store::state::States;
use store::state::lease::take_over;
use store::state::run::{Run, RunState, StoredRun};

async fn sync(world: &mut World, town: &Town) -> (Process, Box<SyncOutcome>) {
    let process = world.process(None, None, true);
    let outcome = process.run(Step::Sync(&town.export())).await.outcome();
    (process, outcome)
}

fn set(world: &mut World, change: impl FnOnce(&mut Limits)) {
    let mut integration = (*world.integration).clone();
    change(&mut integration.limits);
    world.integration = Arc::new(integration);
}

fn count(count: u64) -> Limit {
    Limit { percent: None, count: Some(count), minimum: 0 }
}

fn reasons(outcome: &SyncOutcome) -> Vec<HoldReason> {
    let mut reasons = outcome.planned.as_ref().unwrap().plan.reasons.clone();
    reasons.dedup();
    reasons
}

/// The next day, on which `number` pupils have left.
fn without(town: &Town, number: usize) -> Town {
    let mut next = town.clone();
    next.leaves(&end_to_end::town::person_key(number));
    next
}

/// The item that says what was delivered lately.
fn lately(world: &World) -> Option<String> {
    let items = world.table.items();
    let item = items.into_iter().find(|item| item.key.sk == "lately");
    item.map(|item| String::from_utf8(item.body).unwrap())
}

/// One pupil a day is never too many for a run, and the third in a week is held.
#[tokio::test]
async fn a_little_every_day_is_noticed() {
    let mut world = World::new(1);
    set(&mut world, |limits| limits.week.set(Kind::Person, Limited::Removals, count(2)));
    let mut town = Town::founded();
    sync(&mut world, &town).await;
    assert_eq!(lately(&world).map(|said| said.contains("suspend")), Some(false));
    for (number, waits) in [(20, 0), (21, 0), (22, 1)] {
        world.clock.advance(Duration::from_secs(86_400));
        town = without(&town, number);
        let (_, outcome) = sync(&mut world, &town).await;
        let held = outcome.run.held.get(&Kind::Person);
        assert_eq!(held.map_or(0, |of| of[&Action::Suspend]), waits, "{number}");
        if waits > 0 {
            let [HoldReason::Over { limited, span, count, before, allowed, .. }] =
                reasons(&outcome)[..]
            else {
                panic!("{:?}", reasons(&outcome));
            };
            assert_eq!((limited, span), (Limited::Removals, Span::Week));
            assert_eq!((count, before, allowed), (1, 2, 2));
        }
    }
    // Seven days after the first of them there is room again.
    world.clock.advance(Duration::from_secs(5 * 86_400));
    let (_, later) = sync(&mut world, &town).await;
    assert!(later.run.held.is_empty(), "{:?}", later.run.held);
    assert_eq!(later.run.receipts.applied, 1);
}

/// What somebody approved is not counted in the days that follow.
#[tokio::test]
async fn an_approved_loss_does_not_count_again() {
    let mut world = World::new(1);
    set(&mut world, |limits| {
        limits.week.set(Kind::Person, Limited::Removals, count(2));
        limits.kinds.insert(Kind::Person, count(2));
    });
    let mut town = Town::founded();
    sync(&mut world, &town).await;
    for number in 20..25 {
        town.leaves(&end_to_end::town::person_key(number));
    }
    let (_, held) = sync(&mut world, &town).await;
    assert_eq!(held.run.held[&Kind::Person][&Action::Suspend], 5);
    let process = world.process(None, None, true);
    let approved = process.run(Step::ApproveAndSync(&town.export())).await.outcome();
    assert!(approved.run.approval.is_some() && approved.run.held.is_empty());
    assert!(!approved.run.counting.contains_key(&Kind::Person));
    town = without(&without(&town, 26), 27);
    let (_, next) = sync(&mut world, &town).await;
    assert!(next.run.held.is_empty(), "{:?}", next.run.held);
    let (_, third) = sync(&mut world, &without(&town, 28)).await;
    assert_eq!(third.run.held[&Kind::Person][&Action::Suspend], 1);
}

/// An allowance lets more through until it ends; what went under it counts for nothing after it.
#[tokio::test]
async fn an_allowance_holds_for_its_time() {
    let mut world = World::new(1);
    set(&mut world, |limits| {
        limits.kinds.insert(Kind::Person, count(1));
        limits.week.set(Kind::Person, Limited::Removals, count(1));
    });
    let mut town = Town::founded();
    sync(&mut world, &town).await;
    town = without(&without(&without(&town, 20), 21), 22);
    let (process, held) = sync(&mut world, &town).await;
    assert_eq!(held.run.held[&Kind::Person][&Action::Suspend], 3);
    let wish = Wish {
        kind: Kind::Person,
        limited: Limited::Removals,
        percent: None,
        count: Some(5),
        lasts: Duration::from_secs(3600),
    };
    let given = process.pipeline.allow(wish, "the registrar").await.unwrap();
    assert_eq!((given.by.as_str(), given.at), ("the registrar", world.clock.now()));
    let scope = &world.integration.scope;
    let trail = store::state::audit::list(&world.stores(), scope, None, None).await.unwrap();
    let noted = trail.last().unwrap();
    assert_eq!((noted.who.as_str(), noted.what.as_str()), ("the registrar", "allowed"));
    assert_eq!(noted.about.as_deref(), Some("removals of person"));
    let (_, allowed) = sync(&mut world, &town).await;
    assert!(allowed.run.held.is_empty() && allowed.run.counting.is_empty());
    assert_eq!(allowed.run.receipts.applied, 3);
    // It has ended, and what went under it does not stand in the way.
    world.clock.advance(Duration::from_secs(3600));
    town = without(&town, 23);
    let (process, after) = sync(&mut world, &town).await;
    assert!(after.run.held.is_empty(), "{:?}", reasons(&after));
    let (_, over) = sync(&mut world, &without(&without(&town, 24), 25)).await;
    assert_eq!(over.run.held[&Kind::Person][&Action::Suspend], 2);
    let now = process.pipeline.limits_now().await.unwrap();
    assert_eq!((now.given.len(), now.limits.of(Kind::Person)), (1, count(1)));
    assert_eq!(Limited::Removals.sum(&now.week, Kind::Person), 1);
    for wrong in [Wish { count: None, ..wish }, Wish { lasts: Duration::MAX, ..wish }] {
        assert!(process.pipeline.allow(wrong, "x").await.is_err());
    }
}

#[tokio::test]
async fn a_window_opens_and_closes_by_itself() {
    let mut world = World::new(1);
    let today = plan::day(world.clock.now());
    set(&mut world, |limits| {
        limits.kinds.insert(Kind::Person, count(1));
        let inside = Limits { windows: Vec::new(), ..Limits::none() };
        let name = "rollover".into();
        limits.windows = vec![Window { name, from: today, until: today, limits: inside }];
    });
    let mut town = Town::founded();
    sync(&mut world, &town).await;
    town = without(&without(&town, 20), 21);
    let (process, inside) = sync(&mut world, &town).await;
    assert!(inside.run.held.is_empty() && inside.run.counting.is_empty());
    let now = process.pipeline.limits_now().await.unwrap();
    assert_eq!(now.window, Some(("rollover".to_owned(), today.to_string())));
    world.clock.advance(Duration::from_secs(86_400));
    let (_, after) = sync(&mut world, &without(&without(&town, 22), 23)).await;
    assert_eq!(after.run.held[&Kind::Person][&Action::Suspend], 2);
}

/// Half of the file is missing: what it would take away waits, and what else it says goes on. What
/// was learned does not move while anything waits.
#[tokio::test]
async fn a_file_that_drops_keeps_what_it_would_lose() {
    let mut world = World::new(1);
    set(&mut world, |limits| {
        *limits = Limits::none();
        limits.sharp_drop = Some(SharpDrop { percent: 50, minimum: 20 });
    });
    let town = Town::founded();
    sync(&mut world, &town).await;
    let learned = |world: &World| {
        world.table.items().into_iter().find(|item| item.key.sk == "learned").map(|item| item.body)
    };
    let before = learned(&world);
    assert!(before.is_some());
    let mut half = town.clone();
    let going: Vec<String> = half.people.keys().skip(8).cloned().collect();
    going.iter().for_each(|key| half.leaves(key));
    half.person_comes(31);
    let (_, held) = sync(&mut world, &half).await;
    assert_eq!(held.run.changes[&Kind::Person][&Action::Create], 1);
    assert!(!held.run.changes[&Kind::Person].contains_key(&Action::Suspend));
    assert_eq!(held.run.held[&Kind::Person][&Action::Suspend], going.len() as u64);
    let whole = |reason: &HoldReason| {
        matches!(reason, HoldReason::SharpDrop { part: Part::File | Part::DataSource, .. })
    };
    let reasons = reasons(&held);
    assert!(reasons.iter().any(whole), "{reasons:?}");
    assert_eq!(learned(&world), before);
    // The same again: the same is held, nothing is written, nothing is asked of the LMS.
    let (process, again) = sync(&mut world, &half).await;
    assert_eq!(again.run.held_checksum, held.run.held_checksum);
    assert_eq!(process.tap.lms_calls(), 0);
    // The whole file again: nothing waits, and what is learned moves on.
    let mut whole = town.clone();
    whole.person_comes(31);
    let (_, back) = sync(&mut world, &whole).await;
    assert!(back.run.held.is_empty() && back.run.receipts.rejected == 0);
    assert_ne!(learned(&world), before);
}

/// A class whose list is cut off waits, and another goes on losing.
#[tokio::test]
async fn a_class_that_drops_waits_alone() {
    let mut world = World::new(1);
    set(&mut world, |limits| {
        *limits = Limits::none();
        limits.sharp_drop = Some(SharpDrop { percent: 50, minimum: 4 });
    });
    let town = Town::founded();
    sync(&mut world, &town).await;
    let mut seats: Vec<(String, Vec<String>)> = Vec::new();
    for (course, who) in town.seats.keys() {
        match seats.last_mut() {
            Some((last, people)) if last == course => people.push(who.clone()),
            _ => seats.push((course.clone(), vec![who.clone()])),
        }
    }
    let mut classes = seats.into_iter().filter(|(_, people)| people.len() >= 4);
    let (cut, people) = classes.next().unwrap();
    let (other, more) = classes.next().unwrap();
    let mut next = town.clone();
    let lost = people.len() / 2 + 1;
    people.iter().take(lost).for_each(|who| next.stands_up(&cut, who));
    next.stands_up(&other, &more[0]);
    let (_, outcome) = sync(&mut world, &next).await;
    assert_eq!(outcome.run.changes[&Kind::Enrollment][&Action::Remove], 1);
    assert_eq!(outcome.run.held[&Kind::Enrollment][&Action::Remove], lost as u64);
    let of_the_class = |reason: &HoldReason| match reason {
        HoldReason::SharpDrop { part: Part::Course, name, .. } => name.as_str() == cut,
        HoldReason::Needs { .. } => true,
        _ => false,
    };
    assert!(reasons(&outcome).iter().all(of_the_class), "{:?}", reasons(&outcome));
}

/// More new accounts than usual wait with all that needs them.
#[tokio::test]
async fn new_accounts_over_their_limit_wait_with_their_places() {
    let mut world = World::new(1);
    let town = Town::founded();
    sync(&mut world, &town).await;
    set(&mut world, |limits| limits.actions.set(Kind::Person, Limited::Create, count(1)));
    let mut next = town.clone();
    next.person_comes(31);
    next.person_comes(32);
    let course = end_to_end::town::course_key(2026, 1);
    for number in [31, 32] {
        next.sits(&course, &end_to_end::town::person_key(number), roster::Role::Student);
    }
    let (_, outcome) = sync(&mut world, &next).await;
    assert_eq!(outcome.run.held[&Kind::Person][&Action::Create], 2);
    assert_eq!(outcome.run.held[&Kind::Enrollment][&Action::Create], 2);
    assert_eq!(outcome.run.receipts.applied, 0);
    let process = world.process(None, None, true);
    let approved = process.run(Step::ApproveAndSync(&next.export())).await.outcome();
    // Each with a place and a group.
    assert_eq!(approved.run.receipts.applied, 6);
    assert!(approved.run.counting.is_empty());
}

/// A plan that breaks its own rules is not delivered: its run fails and says which rule and key.
#[tokio::test]
async fn a_plan_that_breaks_its_own_rules_changes_nothing() {
    let mut world = World::new(1);
    let (process, outcome) = sync(&mut world, &Town::founded()).await;
    let pipeline = &process.pipeline;
    let states = States::new(&world.stores(), world.integration.scope.clone());
    let name = world.integration.applied();
    let newest = states.newest(&name).await.unwrap();
    let applied = states.load(&name, &newest.manifest).await.unwrap();
    // Somebody whom we do not know is to be suspended, and the plan says so twice.
    let mut plan = outcome.planned.unwrap().plan;
    plan.deliver = plan::ChangeList::default();
    let stranger = roster::Person::new(roster::PersonKey::new("stranger"));
    let change = plan::Change {
        action: Action::Suspend,
        before: Some(stranger.clone().into()),
        after: Some(stranger.into()),
        cause: plan::Cause::Source,
        origin: None,
        lms_id: None,
        temporary: None,
    };
    plan.deliver.push(&change);
    plan.deliver.push(&change);
    let scope = &world.integration.scope;
    let run = Run::new("20260901T060000Z-ffffff", world.clock.now());
    let mut run = StoredRun::create(&world.stores(), scope, run, Vec::new()).await.unwrap();
    let (stores, ttl) = (world.stores(), Duration::from_secs(60));
    let lease = take_over(&stores, scope, &*world.clock, "a test", ttl).await.unwrap();
    let before = world.table.items();
    let error = pipeline.look_again(&lease, &mut run, &plan, None, &applied).await.unwrap_err();
    let PipelineError::Unsound { faults } = &error else { panic!("{error:?}") };
    let rules: Vec<&str> = faults.iter().map(plan::Lint::rule).collect();
    assert_eq!(rules, ["baseless", "twice", "baseless"]);
    let said = error.to_string();
    assert!(said.contains("[twice] person:stranger: two changes do the same"), "{said}");
    assert_eq!((run.run.state, run.run.reason), (RunState::Failed, Some(said)));
    let changed: Vec<String> = world
        .table
        .items()
        .into_iter()
        .filter(|item| !before.contains(item))
        .map(|item| item.key.sk)
        .collect();
    assert_eq!(changed, ["open-runs", "run/20260901T060000Z-ffffff", "usage/2026-09"]);
}
