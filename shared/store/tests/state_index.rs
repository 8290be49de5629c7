//! Indexes lead to every record, cost little, and can be missing, old or thrown away.

#![expect(clippy::unwrap_used, reason = "these are tests: a panic is how they fail")]

mod bench;

use std::collections::BTreeSet;

use ambient::Timestamp;
use bench::{Bench, enrollment, export, person};
use roster::{Key, Mode, Person, PersonKey, Record, Role, Text};
use store::state::index::{Index, Term, refresh};
use store::state::lease;
use store::{Condition, Write};

fn named(id: &str, username: &str, email: &str) -> Record {
    let mut person = Person::new(PersonKey::new(id));
    person.username = Some(Text::new(username));
    person.email = Some(Text::new(email));
    person.into()
}

/// Brings the source's index up to date under a lease.
async fn index(bench: &Bench) {
    let clock = ambient::ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap());
    let ttl = std::time::Duration::from_secs(60);
    let held = lease::take_over(&bench.stores, &bench.scope, &clock, "test", ttl).await.unwrap();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let check = held.check(&bench.scope);
    refresh(&bench.stores, &bench.scope, &bench.source(), now, check).await.unwrap();
}

async fn opened(bench: &Bench) -> Index {
    let newest = bench.newest().await;
    Index::open(&bench.states, &bench.source(), &newest.manifest).await.unwrap()
}

/// The keys that stand in the buckets to which the index leads.
async fn led_to(bench: &Bench, term: Term<'_>) -> BTreeSet<Key> {
    let newest = bench.newest().await.manifest;
    let mut keys = BTreeSet::new();
    for bucket in opened(bench).await.buckets(term).await.unwrap() {
        let packed = bench.states.load_bucket(&bench.source(), &newest, bucket).await.unwrap();
        keys.extend(packed.iter().map(|record| record.unwrap().key().unwrap()));
    }
    keys
}

/// Items of the index in the table: segments and manifest.
async fn items(bench: &Bench) -> usize {
    let mut count = 0;
    for prefix in 0..4096u32 {
        let pk = format!("oak/sis#index-source-registrar#{prefix:03x}");
        count += bench.stores.table.query(&pk, "", None, 1000).await.unwrap().items.len();
    }
    count
}

fn school(persons: usize) -> Vec<Record> {
    let mut records = Vec::new();
    for at in 0..persons {
        records.push(named(&format!("p-{at}"), &format!("user{at}"), &format!("u{at}@X.example")));
        for course in 0..3 {
            let course = format!("C{}", (at * 7 + course * 13) % 97);
            records.push(enrollment(&course, &format!("p-{at}"), &[Role::Student]));
        }
    }
    records
}

#[tokio::test]
async fn every_name_leads_to_its_record_and_every_person_to_its_courses() {
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &school(9_000), &[], 1), "r-1").await;
    assert!(!opened(&bench).await.is_complete(), "there is none yet");
    let without = led_to(&bench, Term::Called("user77")).await.len();
    assert_eq!(without, 36_000, "without an index everything is looked through");
    index(&bench).await;
    let newest = bench.newest().await.manifest;
    assert!(newest.buckets.len() >= 4, "{} buckets", newest.buckets.len());
    let opened = opened(&bench).await;
    assert!(opened.is_complete());
    for at in (0..9_000).step_by(501) {
        let key = Key::Person(PersonKey::new(format!("p-{at}")));
        for term in [format!("USER{at}"), format!("u{at}@x.EXAMPLE")] {
            let buckets = opened.buckets(Term::Called(&term)).await.unwrap();
            assert_eq!(buckets.len(), 1, "{term} leads to one bucket");
            assert!(led_to(&bench, Term::Called(&term)).await.contains(&key), "{term}");
        }
        let found = led_to(&bench, Term::Names(&format!("p-{at}"))).await;
        let of = |key: &&Key| {
            key.person().is_some_and(|person| person.as_str() == format!("p-{at}"))
                && key.kind() == roster::Kind::Enrollment
        };
        assert_eq!(found.iter().filter(of).count(), 3, "p-{at}");
    }
    assert_eq!(opened.buckets(Term::Called("nobody")).await.unwrap(), Vec::<usize>::new());
}

#[tokio::test]
async fn what_changes_is_added_in_small_pieces_that_become_one() {
    let bench = Bench::new();
    let mut records = school(4_000);
    bench.take_in(&export(Mode::Full, &records, &[], 1), "r-0").await;
    index(&bench).await;
    let before = items(&bench).await;
    index(&bench).await;
    assert_eq!(items(&bench).await, before, "what is up to date is not written again");
    for run in 1..=20 {
        let new = format!("new{run}");
        records.push(named(&new, &format!("login-{run}"), &format!("{new}@x.example")));
        bench.take_in(&export(Mode::Full, &records, &[], 1), &format!("r-{run}")).await;
        // Not yet indexed, it is found by looking through the bucket that changed.
        let key = Key::Person(PersonKey::new(&new));
        let term = format!("login-{run}");
        assert!(led_to(&bench, Term::Called(&term)).await.contains(&key), "{term} before");
        index(&bench).await;
        assert!(opened(&bench).await.is_complete());
        assert!(led_to(&bench, Term::Called(&term)).await.contains(&key), "{term} after");
        let newest = bench.states.newest(&bench.source().index()).await.unwrap().manifest;
        let most = newest.buckets.iter().map(|bucket| bucket.segments.len()).max();
        assert!(most <= Some(8), "{most:?} pieces");
    }
    // The pieces that were made one are garbage.
    let check = Write::Check { key: bench.scope_lease(), condition: Condition::Any };
    bench.states.collect_garbage(&bench.source().index(), &check).await.unwrap();
    let newest = bench.states.newest(&bench.source().index()).await.unwrap().manifest;
    assert_eq!(items(&bench).await, newest.segments().count());
    let first = Key::Person(PersonKey::new("new1"));
    assert!(led_to(&bench, Term::Called("login-1")).await.contains(&first));
}

#[tokio::test]
async fn a_state_that_went_back_is_still_found_whole() {
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &school(3_000), &[], 1), "r-1").await;
    index(&bench).await;
    let before = bench.newest().await.manifest;
    let other: Vec<Record> = school(3_000).into_iter().skip(400).collect();
    bench.take_in(&export(Mode::Full, &other, &[], 1), "r-2").await;
    index(&bench).await;
    let newest = bench.newest().await;
    let mut back = before;
    back.head.generation = newest.manifest.head.generation + 1;
    bench.states.publish(&bench.source(), &newest, &back).await.unwrap();
    let key = Key::Person(PersonKey::new("p-5"));
    assert!(led_to(&bench, Term::Called("user5")).await.contains(&key));
    index(&bench).await;
    assert!(opened(&bench).await.is_complete());
    assert!(led_to(&bench, Term::Called("user5")).await.contains(&key));
}

#[tokio::test]
async fn a_stale_holder_of_the_lease_indexes_nothing() {
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &[person("p", "Ada")], &[], 1), "r-1").await;
    let check = Write::Check { key: bench.scope_lease(), condition: Condition::Version(7) };
    let now = Timestamp::UNIX_EPOCH;
    let lost = refresh(&bench.stores, &bench.scope, &bench.source(), now, check).await;
    assert!(lost.unwrap_err().is_condition_failed());
    assert!(!opened(&bench).await.is_complete());
}

#[tokio::test]
async fn a_name_that_is_the_key_as_well_is_found_however_it_is_written() {
    let bench = Bench::new();
    let mut records = school(3_000);
    records.push(named("K-77", "K-77", "k77@x.example"));
    records.push(named("k-78", "k-78", "k78@x.example"));
    bench.take_in(&export(Mode::Full, &records, &[], 1), "r-1").await;
    index(&bench).await;
    let key = |id: &str| Key::Person(PersonKey::new(id));
    assert!(led_to(&bench, Term::Called("k-77")).await.contains(&key("K-77")));
    // Whoever looks for this one finds it by its key.
    assert_eq!(opened(&bench).await.buckets(Term::Called("k-78")).await.unwrap(), [0usize; 0]);
}

#[tokio::test]
async fn an_index_by_other_rules_is_as_good_as_none() {
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &school(2_000), &[], 1), "r-1").await;
    index(&bench).await;
    let name = bench.source().index();
    let published = bench.states.newest(&name).await.unwrap();
    let mut older = published.manifest.clone();
    older.head.hinted = 0;
    older.head.generation += 1;
    bench.states.publish(&name, &published, &older).await.unwrap();
    let before = opened(&bench).await;
    assert!(!before.is_complete() && before.unknown() > 0);
    index(&bench).await;
    let now = opened(&bench).await;
    assert!(now.is_complete());
    assert_eq!(now.buckets(Term::Called("user7")).await.unwrap().len(), 1);
}
