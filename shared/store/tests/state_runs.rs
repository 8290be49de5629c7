//! Small items of the state: runs, the ledger's entries, approvals, sources, identity, the lease.
//! Each is written under the version that was read, so that nobody overwrites what they did not
//! see.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bench;

use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use bench::{Bench, line};
use plan::Ownership;
use roster::{CourseKey, Key, Kind, PersonKey, Text};
use store::state::hold::{Approval, StoredApproval, StoredSource, weighed, write_weighed};
use store::state::identity::{Aliases, Refusal, is_rekeyable};
use store::state::ledger::{self, Entry, Line, LineResult, Sight, StoredEntry};
use store::state::run::{OpenRuns, Run, RunState, StoredRun};
use store::state::{Scope, StateName, lease};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn run(id: &str) -> Run {
    Run::new(id, at(0))
}

async fn create(bench: &Bench, id: &str) -> StoredRun {
    StoredRun::create(&bench.stores, &bench.scope, run(id), Vec::new()).await.unwrap()
}

#[tokio::test]
async fn a_run_is_made_once_and_changed_only_by_who_saw_its_newest_form() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    assert!(StoredRun::load(stores, scope, "r1").await.unwrap().is_none());
    let mut mine = create(&bench, "r1").await;
    let error = StoredRun::create(stores, scope, run("r1"), Vec::new()).await.unwrap_err();
    assert!(error.is_condition_failed(), "{error}");

    let mut other = StoredRun::load(stores, scope, "r1").await.unwrap().unwrap();
    assert_eq!(other, mine);
    mine.run.end(RunState::Done, at(9));
    mine.save(stores, scope).await.unwrap();
    mine.run.calls = 7;
    mine.save(stores, scope).await.unwrap();
    other.run.calls = 8;
    assert!(other.save(stores, scope).await.unwrap_err().is_condition_failed());
    let stored = StoredRun::load(stores, scope, "r1").await.unwrap().unwrap();
    assert_eq!(stored, mine);
    let Run { state, ended, calls, .. } = stored.run;
    assert_eq!((state, ended, calls), (RunState::Done, Some(at(9)), 7));

    // The same by a transaction, together with what must be true at the same moment.
    mine.run.calls = 9;
    stores.table.transact(vec![mine.write(scope).unwrap()]).await.unwrap();
    let late = stores.table.transact(vec![mine.write(scope).unwrap()]).await.unwrap_err();
    assert!(late.is_condition_failed(), "{late}");
    mine.saved();
    mine.save(stores, scope).await.unwrap();
    let check = store::Write::Check {
        key: store::ItemKey::new("oak/sis", "nothing"),
        condition: store::Condition::Version(1),
    };
    let refused = StoredRun::create(stores, scope, run("r2"), vec![check]).await.unwrap_err();
    assert!(refused.is_condition_failed());
    assert!(StoredRun::load(stores, scope, "r2").await.unwrap().is_none());
}

#[tokio::test]
async fn the_newest_runs_come_first_however_many_there_are() {
    let bench = Bench::new();
    let ids = |runs: Vec<StoredRun>| runs.into_iter().map(|run| run.run.id).collect::<Vec<_>>();
    let list =
        async |limit| ids(StoredRun::list(&bench.stores, &bench.scope, limit).await.unwrap());
    assert_eq!(list(3).await, Vec::<String>::new());
    // More than a page of them.
    for number in 0..450 {
        create(&bench, &format!("r{number:04}")).await;
    }
    let elsewhere = Scope::new("oak", "sis-2");
    StoredRun::create(&bench.stores, &elsewhere, run("r9999"), Vec::new()).await.unwrap();
    assert_eq!(list(3).await, ["r0449", "r0448", "r0447"]);
    assert_eq!(list(1000).await.len(), 450);
    // One of the list can be saved like one that was loaded.
    let mut newest = StoredRun::list(&bench.stores, &bench.scope, 1).await.unwrap().remove(0);
    newest.save(&bench.stores, &bench.scope).await.unwrap();
}

#[test]
fn a_run_is_over_or_not() {
    use RunState::{
        Delivering, Done, Failed, Interrupted, Parsed, PartlyHeld, Planned, Received, Rejected,
        Superseded, Waiting,
    };
    for state in [Received, Parsed, Planned, Delivering, Waiting] {
        assert!(!state.is_final(), "{}", state.name());
    }
    for state in [Done, PartlyHeld, Rejected, Failed, Interrupted, Superseded] {
        assert!(state.is_final(), "{}", state.name());
    }
    // The name that people see is the one that is stored.
    for state in [PartlyHeld, Superseded, Received] {
        assert_eq!(serde_json::to_value(state).unwrap(), state.name());
    }
}

#[tokio::test]
async fn the_list_of_open_runs_is_only_written_over_what_was_read() {
    let bench = Bench::new();
    let load = async || OpenRuns::load(&bench.stores, &bench.scope).await.unwrap();
    let store = async |open: &OpenRuns| {
        bench.stores.table.transact(vec![open.write(&bench.scope).unwrap()]).await
    };
    let (mut mine, mut other) = (load().await, load().await);
    assert!(mine.ids.is_empty());
    mine.ids.push("r1".to_owned());
    store(&mine).await.unwrap();
    other.ids.push("r2".to_owned());
    assert!(store(&other).await.unwrap_err().is_condition_failed(), "it was read when empty");
    let (mut mine, other) = (load().await, load().await);
    assert_eq!(mine.ids, ["r1"]);
    mine.ids.push("r3".to_owned());
    store(&mine).await.unwrap();
    assert!(store(&other).await.unwrap_err().is_condition_failed());
    assert_eq!(load().await.ids, ["r1", "r3"]);
}

#[tokio::test]
async fn a_ledger_entry_is_claimed_once_and_recorded_by_its_claimer() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    let load = async |batch| ledger::load(stores, scope, "r1", batch).await.unwrap();
    assert!(load(0).await.is_none());
    let entry = Entry {
        fence: 3,
        attempts: 1,
        quiet_after: at(60),
        sights: vec![
            Sight::NotNeeded,
            Sight::Absent,
            Sight::Found { id: Text::new("7"), by: Text::new("key") },
            Sight::Ambiguous { count: 2 },
        ],
        lines: None,
        calls: 0,
    };
    let claim = StoredEntry { entry, version: 0 };
    let write = |entry: &StoredEntry, batch| vec![entry.write(scope, "r1", batch).unwrap()];
    stores.table.transact(write(&claim, 0)).await.unwrap();
    let twice = stores.table.transact(write(&claim, 0)).await.unwrap_err();
    assert!(twice.is_condition_failed(), "{twice}");
    // Batches and runs have items of their own.
    stores.table.transact(write(&claim, 1)).await.unwrap();
    assert!(load(2).await.is_none());
    assert!(ledger::load(stores, scope, "r2", 0).await.unwrap().is_none());

    let mut claimed = load(0).await.unwrap();
    assert_eq!(claimed, StoredEntry { entry: claim.entry, version: 1 });
    let results = [
        LineResult::Applied,
        LineResult::Accepted,
        LineResult::Rejected(Text::new("no")),
        LineResult::Deferred(Text::new("person:p")),
        LineResult::Retry(Text::new("busy")),
        LineResult::Unknown,
        LineResult::NotSent,
    ];
    claimed.entry.lines = Some(results.map(|result| line(result, Some("8"))).to_vec());
    stores.table.transact(write(&claimed, 0)).await.unwrap();
    let recorded = load(0).await.unwrap();
    assert_eq!((recorded.entry, recorded.version), (claimed.entry.clone(), 2));
    assert!(stores.table.transact(write(&claimed, 0)).await.unwrap_err().is_condition_failed());
}

#[test]
fn whose_a_record_is_has_a_stored_word() {
    for ownership in [Ownership::Created, Ownership::Adopted, Ownership::Found] {
        let stored =
            Line { ownership: Some(Line::word(ownership)), ..line(LineResult::Applied, None) };
        assert_eq!(stored.owned(), Some(ownership));
    }
    let of = |word: Option<&str>| {
        Line { ownership: word.map(Text::new), ..line(LineResult::Applied, None) }.owned()
    };
    assert_eq!(of(Some("created")), Some(Ownership::Created));
    assert_eq!(of(Some("adopted")), Some(Ownership::Adopted));
    assert_eq!(of(Some("found")), Some(Ownership::Found));
    assert_eq!((of(None), of(Some("a later word"))), (None, None));
}

fn approval(checksum: &str, expires: Timestamp) -> Approval {
    Approval {
        checksum: checksum.to_owned(),
        run: "r1".to_owned(),
        by: "somebody".to_owned(),
        at: at(0),
        expires,
        used_by: None,
        only: None,
    }
}

#[tokio::test]
async fn an_approval_works_once_and_a_new_one_replaces_it() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    let load = async |checksum| StoredApproval::load(stores, scope, checksum).await.unwrap();
    assert!(load("a").await.is_none());
    let given = StoredApproval::give(stores, scope, approval("a", at(60))).await.unwrap();
    assert_eq!(load("a").await.unwrap(), given);
    assert!(load("b").await.is_none());
    let using = |approval: &StoredApproval, run| vec![approval.using(scope, run).unwrap()];
    stores.table.transact(using(&given, "r2")).await.unwrap();
    let twice = stores.table.transact(using(&given, "r3")).await.unwrap_err();
    assert!(twice.is_condition_failed(), "{twice}");
    let used = load("a").await.unwrap();
    assert_eq!(used.approval.used_by.as_deref(), Some("r2"));
    assert_eq!(given.approval.used_by, None);
    let again = StoredApproval::give(stores, scope, approval("a", at(90))).await.unwrap();
    assert_eq!(load("a").await.unwrap(), again);
    assert_eq!((again.approval.used_by.as_deref(), again.approval.expires), (None, at(90)));
}

#[tokio::test]
async fn approvals_last_until_they_expire() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    for (checksum, expires) in [("c", at(10)), ("a", at(20)), ("b", at(30))] {
        StoredApproval::give(stores, scope, approval(checksum, expires)).await.unwrap();
    }
    let left = async |now| {
        let all = StoredApproval::unexpired(stores, scope, now).await.unwrap();
        all.into_iter().map(|stored| stored.approval.checksum).collect::<Vec<_>>()
    };
    assert_eq!(left(at(9)).await, ["a", "b", "c"]);
    assert_eq!(left(at(10)).await, ["a", "b"], "at its very time it has expired");
    assert_eq!(left(at(30)).await, Vec::<String>::new());
    let elsewhere = Scope::new("oak", "sis-2");
    let none = StoredApproval::unexpired(stores, &elsewhere, at(0)).await.unwrap();
    assert!(none.is_empty());
    // One of the list can be used like one that was loaded.
    let found = StoredApproval::unexpired(stores, scope, at(0)).await.unwrap();
    stores.table.transact(vec![found[0].using(scope, "r2").unwrap()]).await.unwrap();
    let used = StoredApproval::load(stores, scope, "a").await.unwrap().unwrap();
    assert_eq!(used.approval.used_by.as_deref(), Some("r2"));
    // More than fit a page are all found.
    for number in 0..1_100 {
        let one = approval(&format!("{number:05}"), at(40));
        StoredApproval::give(stores, scope, one).await.unwrap();
    }
    assert_eq!(left(at(35)).await.len(), 1_100);
}

#[tokio::test]
async fn what_limits_were_weighed_against_is_kept_until_it_is_written_anew() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    assert!(weighed(stores, scope).await.unwrap().is_empty());
    for weights in [[(Kind::Person, 20), (Kind::Enrollment, 300)].into(), [].into()] {
        stores.table.transact(vec![write_weighed(scope, &weights).unwrap()]).await.unwrap();
        assert_eq!(weighed(stores, scope).await.unwrap(), weights);
    }
}

#[tokio::test]
async fn a_source_status_is_only_written_over_what_was_read() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    let load = async |name| StoredSource::load(stores, scope, name).await.unwrap();
    let (mut mine, other) = (load("registrar").await, load("registrar").await);
    mine.status.paused = Some("rejected".to_owned());
    mine.save(stores, scope).await.unwrap();
    assert!(other.save(stores, scope).await.unwrap_err().is_condition_failed());
    let (mut mine, other) = (load("registrar").await, load("registrar").await);
    assert_eq!(mine.status.paused.as_deref(), Some("rejected"));
    mine.status.refused.push("digest".to_owned());
    mine.save(stores, scope).await.unwrap();
    assert!(other.save(stores, scope).await.unwrap_err().is_condition_failed());
    assert_eq!(load("registrar").await.status.refused, ["digest"]);
    assert_eq!(load("hr").await.status, Default::default(), "each source has its own");
}

#[tokio::test]
async fn a_key_means_one_record_for_ever() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    let mut stored = Aliases::load(stores, scope).await.unwrap();
    assert!(stored.is_empty());
    assert_eq!(stored.resolve(Kind::Person, "a"), None);
    // A key that is said again, and one that returns to its first form, are nothing new.
    assert_eq!(stored.rekey(Kind::Person, "a", "a"), Ok(false));
    assert!(stored.is_empty());
    let mut aliases = stored.clone();
    assert_eq!(aliases.rekey(Kind::Person, "a", "b"), Ok(true));
    assert_eq!(aliases.rekey(Kind::Person, "b", "a"), Ok(false));
    assert!(!aliases.is_empty());
    // Enough of them to be spread over all items.
    for number in 0..200 {
        let (old, new) = (format!("old-{number}"), format!("new-{number}"));
        assert_eq!(aliases.rekey(Kind::Course, &old, &new), Ok(true));
    }
    let writes = aliases.writes(&stored, scope).unwrap();
    let items = writes.len();
    assert!(items > 1 && items <= 16, "{items}");
    stores.table.transact(writes).await.unwrap();
    let again = Aliases::load(stores, scope).await.unwrap();
    let mut read: Vec<_> = again
        .iter()
        .map(|(kind, key, record)| (kind, key.to_owned(), record.to_string()))
        .collect();
    assert_eq!(read.len(), 201);
    read.sort();
    assert_eq!(read[0], (Kind::Person, "b".to_owned(), "a".to_owned()));
    assert!(read[1..].iter().all(|(kind, key, record)| {
        *kind == Kind::Course && key.replace("new", "old") == *record
    }));
    assert_eq!(again.record_id(Kind::Course, "new-7").as_str(), "old-7");
    assert_eq!(again.record_id(Kind::Person, "new-7").as_str(), "new-7");

    // One more re-key writes one item, over the version that was read.
    let mut next = again.clone();
    assert_eq!(next.rekey(Kind::Person, "x", "b"), Err(Refusal::Taken));
    assert_eq!(next.rekey(Kind::Person, "b", "c"), Ok(true));
    let write = next.writes(&again, scope).unwrap();
    assert_eq!(write.len(), 1);
    stores.table.transact(write.clone()).await.unwrap();
    assert!(stores.table.transact(write).await.unwrap_err().is_condition_failed());
    let last = Aliases::load(stores, scope).await.unwrap();
    assert_eq!(last.record_id(Kind::Person, "c").as_str(), "a");
}

#[tokio::test]
async fn a_map_that_was_stored_before_is_found_where_it_was_put() {
    let bench = Bench::new();
    for (key, name, record) in
        [("identity/15", "person/b", "a"), ("identity/01", "course/new-7", "old-7")]
    {
        let body = format!(r#"{{"means":{{"{name}":"{record}"}}}}"#).into_bytes();
        let key = store::ItemKey::new("oak/sis", key);
        bench.stores.table.put(&key, body, store::Condition::Any).await.unwrap();
        let aliases = Aliases::load(&bench.stores, &bench.scope).await.unwrap();
        let (kind, key) = name.split_once('/').unwrap();
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap();
        assert_eq!(aliases.resolve(kind, key), Some(&Text::new(record)), "{name}");
    }
}

#[test]
fn an_object_is_named_by_what_it_is_then_by_whose_it_is() {
    let scope = Scope::new("oak", "sis");
    assert_eq!(scope.object("plans", "r1/header"), "plans/oak/sis/r1/header");
    assert_eq!(scope.path(), "oak/sis");
    assert_eq!(StateName::Source("hr".into()).slug(), "source-hr");
    assert_eq!(StateName::Applied("moodle".into()).slug(), "applied-moodle");
}

#[test]
fn persons_and_courses_can_be_re_keyed() {
    assert!(is_rekeyable(&Key::Person(PersonKey::new("p"))));
    assert!(is_rekeyable(&Key::Course(CourseKey::new("c"))));
    let enrollment = Key::Enrollment { course: CourseKey::new("c"), person: PersonKey::new("p") };
    assert!(!is_rekeyable(&enrollment));
}

#[tokio::test]
async fn a_lease_ends_at_its_time_and_can_be_taken_from_the_dead() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    let clock = ManualClock::new(at(0));
    let ttl = Duration::from_secs(60);
    let take = async |name| lease::acquire(stores, scope, &clock, name, ttl).await.unwrap();
    let over = async |name| lease::take_over(stores, scope, &clock, name, ttl).await.unwrap();
    let first = over("one").await;
    assert_eq!((first.fence, first.until), (1, at(60)), "there was none to take over from");
    clock.advance(Duration::from_secs(59));
    let held = take("two").await.unwrap_err();
    assert_eq!((held.holder.as_str(), held.until), ("one", at(60)));
    clock.advance(Duration::from_secs(1));
    let mut second = take("two").await.unwrap();
    assert_eq!((second.fence, second.until), (2, at(120)), "at its very time it is free");

    // Taken over while it lasts: what the other one still writes is refused.
    let third = over("three").await;
    assert_eq!((third.fence, third.until), (3, at(120)));
    let checked =
        async |lease: &lease::Lease| stores.table.transact(vec![lease.check(scope)]).await;
    checked(&third).await.unwrap();
    assert!(checked(&second).await.unwrap_err().is_condition_failed());
    assert!(second.renew(stores, scope, &clock, ttl).await.unwrap_err().is_condition_failed());
    assert_eq!(second.until, at(120), "a renewal that failed promises nothing");
    let late = second.release(stores, scope, &clock).await.unwrap_err();
    assert!(late.is_condition_failed(), "{late}");
    assert_eq!(take("four").await.unwrap_err().holder, "three");

    // Renewed, it lasts from now on, and its check is the new one.
    let mut third = third;
    clock.advance(Duration::from_secs(30));
    let before = third.clone();
    third.renew(stores, scope, &clock, ttl).await.unwrap();
    assert_eq!((third.fence, third.until), (3, at(150)));
    checked(&third).await.unwrap();
    assert!(checked(&before).await.unwrap_err().is_condition_failed());
    third.release(stores, scope, &clock).await.unwrap();
    assert_eq!(take("four").await.unwrap().fence, 4);
}

#[tokio::test]
async fn a_lease_is_wanted_while_somebody_asks() {
    let bench = Bench::new();
    let (stores, scope) = (&bench.stores, &bench.scope);
    let wanted = async |now| lease::is_wanted(stores, scope, now).await.unwrap();
    assert!(!wanted(at(0)).await);
    lease::ask(stores, scope, at(0)).await.unwrap();
    assert!(wanted(at(0)).await && wanted(at(4)).await);
    assert!(!wanted(at(5)).await, "who stopped asking is forgotten");
    lease::ask(stores, scope, at(3)).await.unwrap();
    assert!(wanted(at(7)).await, "asking again counts from then on");
    lease::asks_no_more(stores, scope).await.unwrap();
    assert!(!wanted(at(4)).await);
    lease::asks_no_more(stores, scope).await.unwrap();
    assert!(lease::ASKS_EVERY < Duration::from_secs(5), "it asks again before it is forgotten");
}
