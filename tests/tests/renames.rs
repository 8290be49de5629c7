//! Renames that are spread over exports: whichever key comes or goes first, nobody gets a second
//! account unasked and nobody loses theirs.

use std::time::Duration;

use ambient::Clock;
use end_to_end::world::Step;
use end_to_end::{Town, World, oracle};
use pipeline::{Said, SyncOutcome};
use plan::{Action, HoldReason};
use roster::{Kind, Text};

const DAY: Duration = Duration::from_secs(86_400);

async fn sync(world: &mut World, town: &Town) -> Box<SyncOutcome> {
    let ended = world.process(None, None, true).run(Step::Sync(&town.export())).await;
    world.known.push(town.clone());
    ended.outcome()
}

/// A school of which the registrar tells the days of birth, on its second day.
async fn founded() -> (World, Town) {
    let town = Town::founded_with_days_of_birth();
    let mut world = World::new(5);
    assert!(sync(&mut world, &town).await.run.held.is_empty());
    // Whoever was here long before is not looked at as one who came lately.
    world.clock.advance(DAY * 40);
    (world, town)
}

/// The account of the only user with this key, and whether it is in use.
fn account(world: &World, key: &str) -> Option<(u32, bool)> {
    let platform = world.platform();
    let found = platform.site.users_by_idnumber(key);
    assert!(found.len() < 2, "{key} has two accounts");
    found.first().map(|(id, user)| (*id, !user.suspended))
}

fn accounts(world: &World) -> usize {
    world.platform().site.users().filter(|(_, user)| !user.idnumber.is_empty()).count()
}

async fn answer(world: &mut World, old: &str, new: &str, said: Said) -> Result<(), String> {
    let (process, until) = (world.process(None, None, true), world.clock.now());
    let pairs = [(Text::new(old), Text::new(new))];
    let renamed = process.pipeline.rename(&pairs, said, "the registrar", until).await;
    renamed.map(drop).map_err(|error| error.to_string())
}

fn reasons(outcome: &SyncOutcome) -> Vec<HoldReason> {
    let planned = outcome.planned.as_ref().expect("a plan");
    let mut reasons = planned.plan.reasons.clone();
    reasons.retain(|reason| !matches!(reason, HoldReason::Needs { .. }));
    reasons.sort();
    reasons.dedup();
    reasons
}

fn question(old: &str, new: &str) -> HoldReason {
    HoldReason::Rename { old: Text::new(old), new: Text::new(new) }
}

#[tokio::test]
async fn who_comes_days_after_they_were_dropped_gets_their_account_back() {
    let (mut world, town) = founded().await;
    let (before, all) = (account(&world, "P017").expect("an account").0, accounts(&world));
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    let mut without = moved.clone();
    without.leaves("N017");
    assert!(sync(&mut world, &without).await.run.held.is_empty());
    assert_eq!(account(&world, "P017"), Some((before, false)));
    world.clock.advance(DAY * 20);
    let held = sync(&mut world, &moved).await;
    assert!(held.run.changes.is_empty(), "{:?}", held.run.changes);
    assert_eq!(reasons(&held), [question("P017", "N017")]);
    // It is asked as long as nobody answers, also when nobody would look back so far any more.
    for _ in 0..3 {
        world.clock.advance(DAY * 20);
        let again = sync(&mut world, &moved).await;
        assert!(again.run.changes.is_empty());
        assert_eq!(reasons(&again), [question("P017", "N017")]);
    }
    answer(&mut world, "P017", "N017", Said::Same).await.expect("it can be");
    let process = world.process(None, None, true);
    let outcome = process.pipeline.resync().await.expect("it works");
    assert_eq!(outcome.run.changes[&Kind::Person], [(Action::Restore, 1)].into());
    assert_eq!(account(&world, "N017"), Some((before, true)));
    assert_eq!((account(&world, "P017"), accounts(&world)), (None, all));
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    let again = sync(&mut world, &moved).await;
    assert!(again.run.changes.is_empty() && again.run.held.is_empty());
    assert_eq!(again.run.calls, 0);
}

#[tokio::test]
async fn whose_key_changes_days_apart_and_is_said_to_be_another_gets_an_account_of_their_own() {
    let (mut world, town) = founded().await;
    let all = accounts(&world);
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    moved.person("N017").username = "another".into();
    moved.person("N017").email = "another@oakfield.example".into();
    let mut without = moved.clone();
    without.leaves("N017");
    sync(&mut world, &without).await;
    world.clock.advance(DAY);
    assert_eq!(reasons(&*sync(&mut world, &moved).await), [question("P017", "N017")]);
    answer(&mut world, "P017", "N017", Said::Different).await.expect("it can be");
    assert!(sync(&mut world, &moved).await.run.held.is_empty());
    assert_eq!(accounts(&world), all + 1);
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    assert!(sync(&mut world, &moved).await.run.changes.is_empty());
}

#[tokio::test]
async fn one_with_two_keys_gets_no_second_account_and_keeps_the_first_when_the_old_key_goes() {
    let (mut world, town) = founded().await;
    let (before, all) = (account(&world, "P017").expect("an account").0, accounts(&world));
    let mut both = town.clone();
    let mut twice = both.person("P017").clone();
    twice.username = "another".into();
    twice.email = "another@oakfield.example".into();
    both.people.insert("N017".into(), twice);
    let held = sync(&mut world, &both).await;
    assert!(held.run.changes.is_empty());
    let two = HoldReason::TwoKeys { old: Text::new("P017"), new: Text::new("N017") };
    assert_eq!(reasons(&held), [two]);
    // Who is there cannot be said to be gone, and an approval is no answer.
    let there = answer(&mut world, "P017", "N017", Said::Same).await;
    assert!(there.is_err_and(|why| why.contains("still in source")));
    let process = world.process(None, None, true);
    let checksum = held.run.held_checksum.clone().expect("something is held");
    let refused = process.pipeline.approve(&held.run.id, &checksum, "the registrar").await;
    assert!(refused.is_err_and(|error| error.to_string().contains("rollcall rename")));
    let same = process.pipeline.questions(&held.run.id, Said::Same).await.expect("a plan");
    assert_eq!(same, []);
    // Days later the old key goes.
    world.clock.advance(DAY * 45);
    let mut moved = both.clone();
    moved.leaves("P017");
    assert_eq!(reasons(&*sync(&mut world, &moved).await), [question("P017", "N017")]);
    answer(&mut world, "P017", "N017", Said::Same).await.expect("it can be");
    sync(&mut world, &moved).await;
    assert_eq!(account(&world, "N017"), Some((before, true)));
    assert_eq!((account(&world, "P017"), accounts(&world)), (None, all));
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
}

#[tokio::test]
async fn an_account_is_not_put_aside_unasked_where_its_owner_seems_to_have_another_one() {
    let (mut world, town) = founded().await;
    // Married, and under another key: alike, and no more than that.
    let mut both = town.clone();
    let mut married = both.person("P017").clone();
    married.family = "Zeldenrust".into();
    married.username = "another".into();
    married.email = "another@oakfield.example".into();
    both.people.insert("N017".into(), married);
    assert!(sync(&mut world, &both).await.run.held.is_empty());
    let accounts_of = |world: &World| (account(world, "P017"), account(world, "N017"));
    let (old, new) = accounts_of(&world);
    assert!(old != new && new.is_some());
    world.clock.advance(DAY * 29);
    let mut moved = both.clone();
    moved.leaves("P017");
    let held = sync(&mut world, &moved).await;
    assert!(held.run.changes.is_empty(), "{:?}", held.run.changes);
    let merge = HoldReason::Merge { old: Text::new("P017"), new: Text::new("N017") };
    assert_eq!(reasons(&held), std::slice::from_ref(&merge));
    world.clock.advance(DAY * 29);
    let held = sync(&mut world, &moved).await;
    assert_eq!(reasons(&held), [merge], "it is held until somebody has looked");
    assert_eq!(oracle::faults(&world, &both).await, [""; 0]);
    let refused = answer(&mut world, "P017", "N017", Said::Same).await;
    assert!(refused.is_err_and(|why| why.contains("each have an account")));
    // Somebody has moved in the LMS what there was to move.
    let process = world.process(None, None, true);
    let checksum = held.run.held_checksum.expect("something is held");
    process.pipeline.approve(&held.run.id, &checksum, "the registrar").await.expect("it is held");
    sync(&mut world, &moved).await;
    assert_eq!(accounts_of(&world), (old.map(|(id, _)| (id, false)), new));
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    assert!(sync(&mut world, &moved).await.run.held.is_empty());
}

async fn take_back(world: &mut World, old: &str, new: &str) -> Result<(), String> {
    let (process, until) = (world.process(None, None, true), world.clock.now());
    let pairs = [(Text::new(old), Text::new(new))];
    let taken = process.pipeline.take_rename_back(&pairs, "the registrar", until).await;
    taken.map(drop).map_err(|error| error.to_string())
}

async fn resync(world: &mut World) -> SyncOutcome {
    world.process(None, None, true).pipeline.resync().await.expect("it works")
}

#[tokio::test]
async fn what_was_said_is_taken_back_before_and_after_it_was_delivered() {
    for delivered in [false, true] {
        let (mut world, town) = founded().await;
        let (before, all) = (account(&world, "P017").expect("an account"), accounts(&world));
        let mut moved = town.clone();
        moved.rekey_in_silence("P017", "N017");
        sync(&mut world, &moved).await;
        answer(&mut world, "P017", "N017", Said::Same).await.expect("it can be");
        if delivered {
            resync(&mut world).await;
            assert_eq!(account(&world, "N017"), Some(before));
        }
        take_back(&mut world, "P017", "N017").await.expect("it was said");
        let asked = resync(&mut world).await;
        assert_eq!(reasons(&asked), [question("P017", "N017")]);
        assert_eq!(
            asked.run.changes.values().flat_map(|of| of.values()).sum::<u64>(),
            u64::from(delivered)
        );
        assert_eq!((account(&world, "P017"), account(&world, "N017")), (Some(before), None));
        // They are two: the former account is put aside, and gives the user name up once somebody
        // has approved that. An address it keeps, and the LMS takes each only once.
        moved.person("N017").email = "another@oakfield.example".into();
        answer(&mut world, "P017", "N017", Said::Different).await.expect("it can be");
        let held = sync(&mut world, &moved).await;
        let checksum = held.run.held_checksum.clone().expect("the user name is taken");
        let process = world.process(None, None, true);
        process.pipeline.approve(&held.run.id, &checksum, "the head").await.expect("it is held");
        let done = sync(&mut world, &moved).await;
        assert!(done.run.held.is_empty());
        assert_eq!(account(&world, "P017"), Some((before.0, false)));
        assert!(account(&world, "N017").is_some_and(|(id, in_use)| id != before.0 && in_use));
        assert_eq!(accounts(&world), all + 1);
        assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
        let again = sync(&mut world, &moved).await;
        assert!(again.run.changes.is_empty() && again.run.calls == 0);
    }
}

#[tokio::test]
async fn an_account_gives_a_key_up_before_its_new_owner_is_looked_for() {
    let (mut world, town) = founded().await;
    let before = account(&world, "P017").expect("an account");
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    sync(&mut world, &moved).await;
    answer(&mut world, "P017", "N017", Said::Same).await.expect("it can be");
    resync(&mut world).await;
    // All of it in one plan: the key goes back, and its new owner is to get an account.
    moved.person("N017").username = "another".into();
    moved.person("N017").email = "another@oakfield.example".into();
    take_back(&mut world, "P017", "N017").await.expect("it was said");
    answer(&mut world, "P017", "N017", Said::Different).await.expect("it can be");
    let first = sync(&mut world, &moved).await;
    assert_eq!(first.findings.count_code("key-not-free-yet"), 1);
    assert_eq!((account(&world, "P017"), account(&world, "N017")), (Some((before.0, false)), None));
    sync(&mut world, &moved).await;
    assert!(account(&world, "N017").is_some_and(|(id, _)| id != before.0));
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    assert!(sync(&mut world, &moved).await.run.changes.is_empty());
}

#[tokio::test]
async fn only_what_was_said_can_be_taken_back() {
    let (mut world, town) = founded().await;
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    sync(&mut world, &moved).await;
    let nothing = take_back(&mut world, "P017", "N017").await;
    assert!(nothing.is_err_and(|why| why.contains("nobody has said anything")));
    answer(&mut world, "P017", "N017", Said::Different).await.expect("it can be");
    take_back(&mut world, "P017", "N017").await.expect("it was said");
    assert_eq!(reasons(&*sync(&mut world, &moved).await), [question("P017", "N017")]);
    // Once more is as good as once.
    take_back(&mut world, "P017", "N017").await.expect("it was taken back");
    answer(&mut world, "P017", "N017", Said::Same).await.expect("it can be");
    let mut later = moved.clone();
    later.rekey("N017", "O017");
    sync(&mut world, &later).await;
    let stands = take_back(&mut world, "P017", "N017").await;
    assert!(stands.is_err_and(|why| why.contains("has the key O017 as well")));
    assert_eq!(oracle::faults(&world, &later).await, [""; 0]);
}

#[tokio::test]
async fn taking_an_export_back_takes_no_answer_back() {
    let (mut world, town) = founded().await;
    let before = account(&world, "P017").expect("an account");
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    let brought = sync(&mut world, &moved).await.run.id;
    world.clock.advance(DAY);
    answer(&mut world, "P017", "N017", Said::Same).await.expect("it can be");
    let answered = resync(&mut world).await.run.id;
    world.clock.advance(DAY);
    let mut bad = moved.clone();
    bad.leaves("P016");
    let bad = sync(&mut world, &bad).await.run.id;
    let (alone, with_later) = (pipeline::Later::Refused, pipeline::Later::TakenBackToo);
    world.clock.advance(DAY);
    let revert = |process: end_to_end::Process, run: String, later| async move {
        let reverted = process.pipeline.revert(&run, later, "the head").await;
        reverted.map(|done| done.outcome.run.held).map_err(|error| error.to_string())
    };
    // Back to what the source said before the answer: it is said of the same person all the same.
    let mut other = world.fork();
    let process = other.process(None, None, true);
    let held = revert(process, answered.clone(), with_later).await.expect("it can be");
    assert!(held.is_empty(), "nobody is asked again: {held:?}");
    assert_eq!(account(&other, "N017"), Some(before));
    assert_eq!(oracle::faults(&other, &moved).await, [""; 0]);
    // The bad export alone: whoever was renamed stays so.
    revert(world.process(None, None, true), bad, alone).await.expect("it can be");
    assert_eq!(account(&world, "N017"), Some(before));
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    // The answer was no export.
    let why = revert(world.process(None, None, true), answered, alone).await;
    assert!(why.as_ref().is_err_and(|why| why.contains("--undo")), "{why:?}");
    // The export that brought the new key: the account is known by the former one again.
    world.clock.advance(DAY);
    revert(world.process(None, None, true), brought, with_later).await.expect("it can be");
    assert_eq!(account(&world, "P017"), Some(before));
    assert_eq!(oracle::faults(&world, &town).await, [""; 0]);
    // What was said holds for the next one.
    let mut next = moved.clone();
    next.person("P016").given = "Otherwise".into();
    assert!(sync(&mut world, &next).await.run.held.is_empty());
    assert_eq!(account(&world, "N017"), Some(before));
    assert_eq!(oracle::faults(&world, &next).await, [""; 0]);
}
