//! Source states and their generations: what an export makes of them, and what is kept.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bench;

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use bench::{Bench, enrollment, export, many, packed, person};
use roster::{
    CourseKey, Key, Kind, Mode, Origin, PersonKey, Place, Record, Removal, Role, Sink, Snapshot,
    SnapshotBuilder,
};
use store::state::manifest::{FileRef, Manifest};
use store::state::{Published, lease};
use store::{Condition, ItemKey, StoreError, Write};

/// Every record with the name of the file and the line where it was first read so.
async fn origins(bench: &Bench) -> Vec<(Record, String, u32)> {
    let manifest = bench.newest().await.manifest;
    let loaded = bench.states.load(&bench.source(), &manifest).await.unwrap();
    let read = |packed: roster::PackedRecord<'_>| {
        let origin = Origin::decode(packed.side)?;
        let file = manifest.head.files[origin.file as usize].name.clone();
        Ok((packed.decode()?, file, origin.line))
    };
    let mut all: Vec<_> = loaded.iter(read).map(Result::unwrap).collect();
    all.sort_by(|(a, ..), (b, ..)| a.key().cmp(b.key()));
    all
}

/// An export of which each record stands in the file of the same place.
fn files(mode: Mode, files: &[(&str, &[Record])]) -> Snapshot {
    let mut builder = SnapshotBuilder::new(mode);
    for (name, records) in files {
        let file = builder.add_file(name);
        for (line, record) in records.iter().enumerate() {
            builder.record(record.clone(), Origin { file, line: line as u32 + 1 });
        }
    }
    builder.finish().unwrap()
}

fn file_names(manifest: &Manifest) -> Vec<&str> {
    manifest.head.files.iter().map(|file| file.name.as_str()).collect()
}

#[tokio::test]
async fn origins_name_the_file_that_was_read_whatever_came_before() {
    let bench = Bench::new();
    let (ada, bob, cleo) = (person("a", "Ada"), person("b", "Bob"), person("c", "Cleo"));
    let both: [(&str, &[Record]); 2] =
        [("one.xml", std::slice::from_ref(&ada)), ("two.xml", std::slice::from_ref(&bob))];
    bench.take_in(&files(Mode::Full, &both), "r1").await;
    let bobby = person("b", "Bobby");
    let delta: [(&str, &[Record]); 2] =
        [("empty.xml", &[]), ("three.xml", &[cleo.clone(), bobby.clone()])];
    bench.take_in(&files(Mode::Incremental, &delta), "r2").await;
    let expected = [
        (ada.clone(), "one.xml".to_owned(), 1),
        (bobby.clone(), "three.xml".to_owned(), 2),
        (cleo.clone(), "three.xml".to_owned(), 1),
    ];
    assert_eq!(origins(&bench).await, expected);
    // A delta that repeats a record beside one that it changes leaves the first where it was read.
    let repeated = [ada.clone(), person("c", "Chloe")];
    bench.take_in(&files(Mode::Incremental, &[("five.xml", &repeated)]), "r2b").await;
    let found = origins(&bench).await;
    assert_eq!(found[0], (ada.clone(), "one.xml".to_owned(), 1));
    assert_eq!(found[2], (repeated[1].clone(), "five.xml".to_owned(), 2));
    let cleo = repeated[1].clone();
    let dora = person("d", "Dora");
    let all = [ada.clone(), bobby.clone(), cleo.clone(), dora.clone()];
    bench.take_in(&files(Mode::Full, &[("four.xml", &all)]), "r3").await;
    let manifest = bench.newest().await.manifest;
    let names = ["one.xml", "two.xml", "empty.xml", "three.xml", "five.xml", "four.xml"];
    assert_eq!(file_names(&manifest), names);
    let last = FileRef { name: "four.xml".to_owned(), run: "r3".to_owned() };
    assert_eq!(manifest.head.files.last(), Some(&last));
    assert_eq!((manifest.head.run.as_str(), manifest.head.generation), ("r3", 4));
    assert_eq!(manifest.head.published, Timestamp::from_second(1_800_000_000).unwrap());
    let found = origins(&bench).await;
    assert_eq!(found[3], (dora, "four.xml".to_owned(), 4));
}

#[tokio::test]
async fn the_list_of_files_begins_anew_before_it_grows_for_ever() {
    let bench = Bench::new();
    let everybody = many(20);
    let list = |count: usize, first: &str| {
        let mut builder = SnapshotBuilder::new(Mode::Full);
        let mut last = builder.add_file(first);
        for number in 1..count {
            last = builder.add_file(&format!("{number}.xml"));
        }
        for (line, record) in everybody.iter().enumerate() {
            builder.record(record.clone(), Origin { file: last, line: line as u32 + 1 });
        }
        builder.finish().unwrap()
    };
    bench.take_in(&list(499, "first.xml"), "r1").await;
    assert!(!bench.take_in(&list(1, "same.xml"), "r2").await, "499 files are not too many");
    let one_more = [everybody.clone(), vec![person("q", "Quinn")]].concat();
    bench.take_in(&files(Mode::Full, &[("more.xml", &one_more)]), "r3").await;
    assert_eq!(bench.newest().await.manifest.head.files.len(), 500);
    // Now all is written anew, with origins of today, though nothing changed.
    assert!(bench.take_in(&files(Mode::Full, &[("today.xml", &one_more)]), "r4").await);
    assert_eq!(file_names(&bench.newest().await.manifest), ["today.xml"]);
    let found = origins(&bench).await;
    assert_eq!(found.len(), 21);
    assert!(found.iter().all(|(_, file, _)| file == "today.xml"));
    assert_eq!((found[0].2, found[20].2), (1, 21));
}

#[tokio::test]
async fn an_export_of_nothing_is_a_state_once() {
    for mode in [Mode::Full, Mode::Incremental] {
        let bench = Bench::new();
        let nothing = || export(mode, &[], &[], 1);
        assert!(bench.take_in(&nothing(), "r1").await, "the first one is a state");
        assert!(!bench.take_in(&nothing(), "r2").await);
        assert_eq!(bench.newest().await.manifest.head.generation, 1);
        assert_eq!(bench.records().await, []);
    }
    // A full one takes all away, an incremental one nothing.
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &many(3), &[], 1), "r1").await;
    assert!(!bench.take_in(&export(Mode::Incremental, &[], &[], 1), "r2").await);
    assert!(bench.take_in(&export(Mode::Full, &[], &[], 1), "r3").await);
    assert_eq!(bench.records().await, []);
    assert!(bench.newest().await.manifest.head.counts.is_empty());
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What deltas make of a state, by a map.
fn fold_by_hand(state: &mut BTreeMap<Key, Record>, records: &[Record], removals: &[Removal]) {
    for record in records {
        let mut merged = state.remove(record.key()).unwrap_or_else(|| record.clone());
        let roles = match (&merged, record) {
            (Record::Enrollment(a), Record::Enrollment(b)) => {
                let roles = a.roles.iter().chain(&b.roles).flat_map(|roles| roles.iter());
                Some(roles.cloned().collect())
            }
            _ => None,
        };
        merged.overlay(record);
        if let Record::Enrollment(merged) = &mut merged {
            merged.roles = roles;
        }
        state.insert(record.key().clone(), merged);
    }
    for removal in removals {
        if let Key::Course(_) = removal.key {
            state.retain(|key, _| key.course() != removal.key.course());
        }
        let Some(mut record) = state.remove(&removal.key) else { continue };
        if let Record::Enrollment(enrollment) = &mut record
            && !removal.roles.is_empty()
        {
            let mut left = enrollment.roles.clone().unwrap_or_default();
            removal.roles.iter().for_each(|role| left.remove(role));
            if !left.is_empty() {
                enrollment.roles = Some(left);
                state.insert(removal.key.clone(), record);
            }
        }
    }
}

#[tokio::test]
async fn deltas_make_what_a_map_would_make_of_them() {
    let bench = Bench::new();
    let mut numbers = Numbers(7);
    let mut by_hand: BTreeMap<Key, Record> = BTreeMap::new();
    // Long names, so that the state has several buckets and gets more and fewer of them.
    let long = |numbers: &mut Numbers| format!("{:0>2000}", numbers.below(1_000_000));
    let roles = [Role::Student, Role::Instructor, Role::TeachingAssistant];
    let mut bits = std::collections::BTreeSet::new();
    for round in 0..60 {
        let growing = round < 40;
        let mut records: BTreeMap<Key, Record> = BTreeMap::new();
        let mut removals: BTreeMap<Key, Removal> = BTreeMap::new();
        for _ in 0..if growing { 60 } else { 3 } {
            let name = long(&mut numbers);
            let who = person(&format!("p{}", numbers.below(900)), &name);
            records.insert(who.key().clone(), who);
            let course = format!("c{}", numbers.below(12));
            let role = roles[numbers.below(3) as usize].clone();
            let in_it = enrollment(&course, &format!("p{}", numbers.below(40)), &[role]);
            records.insert(in_it.key().clone(), in_it);
        }
        for _ in 0..if growing { 4 } else { 80 } {
            let key = match numbers.below(12) {
                0 => Key::Course(CourseKey::new(format!("c{}", numbers.below(12)))),
                1..8 => Key::Person(PersonKey::new(format!("p{}", numbers.below(900)))),
                _ => Key::Enrollment {
                    course: CourseKey::new(format!("c{}", numbers.below(12))),
                    person: PersonKey::new(format!("p{}", numbers.below(40))),
                },
            };
            let some = matches!(key, Key::Enrollment { .. }) && numbers.below(2) == 0;
            let gone = if some { &roles[..1] } else { &[] };
            let removal = Removal { key: key.clone(), roles: gone.iter().cloned().collect() };
            removals.insert(key, removal);
        }
        let (records, removals) =
            (records.into_values().collect::<Vec<_>>(), removals.into_values().collect::<Vec<_>>());
        bench.take_in(&export(Mode::Incremental, &records, &removals, 1), "run").await;
        fold_by_hand(&mut by_hand, &records, &removals);
        let found: Vec<_> = bench.records().await.into_iter().map(|(record, _)| record).collect();
        assert!(found.iter().eq(by_hand.values()), "round {round}");
        let manifest = bench.newest().await.manifest;
        bits.insert(manifest.bits);
        let mut counts: BTreeMap<Kind, u64> = BTreeMap::new();
        by_hand.keys().for_each(|key| *counts.entry(key.kind()).or_default() += 1);
        assert_eq!(manifest.head.counts, counts, "round {round}");
        assert_eq!(manifest.total(), by_hand.len() as u64);
    }
    assert!(bits.len() >= 2, "the number of buckets changed on the way: {bits:?}");
    assert!(bits.iter().all(|bits| *bits <= 4), "2 MB stand in no more than 16: {bits:?}");
    // The same as a full export is nothing new.
    let all: Vec<_> = by_hand.into_values().collect();
    let before = bench.newest().await.manifest;
    bench.take_in(&export(Mode::Full, &all, &[], 1), "full").await;
    let after = bench.newest().await.manifest;
    assert_eq!(after.head.counts, before.head.counts);
}

#[tokio::test]
async fn only_buckets_that_changed_are_written() {
    let bench = Bench::new();
    let long = |at: usize, name: &str| person(&format!("p-{at:06}"), &format!("{name:0>3000}"));
    let mut everybody: Vec<Record> = (0..500).map(|at| long(at, "same")).collect();
    bench.take_in(&export(Mode::Full, &everybody, &[], 1), "r1").await;
    let first = bench.newest().await.manifest;
    assert!(first.buckets.len() > 4);
    everybody[7] = long(7, "other");
    bench.take_in(&export(Mode::Full, &everybody, &[], 9), "r2").await;
    let second = bench.newest().await.manifest;
    assert_eq!(second.bits, first.bits);
    let bucket = first.bucket_of(Place::of(everybody[7].key()).hash);
    for (at, (before, after)) in first.buckets.iter().zip(&second.buckets).enumerate() {
        assert_eq!(before == after, at != bucket, "{at}");
    }
    // A delta as well.
    let delta = [long(7, "third")];
    bench.take_in(&export(Mode::Incremental, &delta, &[], 9), "r3").await;
    let third = bench.newest().await.manifest;
    let same = second.buckets.iter().zip(&third.buckets).filter(|(a, b)| a == b).count();
    assert_eq!(same, first.buckets.len() - 1);
    // Each bucket's segments stand in the partition of its hash, where a later version finds them.
    for (hash, name) in third.segments() {
        let key = ItemKey::new(partition(hash), format!("segment/{}", name.hex()));
        assert!(bench.stores.table.get(&key).await.unwrap().is_some(), "{key}");
    }
    // One bucket at a time holds just the records whose hash falls into it.
    let source = bench.source();
    let loaded = bench.states.load(&source, &third).await.unwrap();
    let mut seen = 0;
    for at in 0..third.buckets.len() {
        let one = bench.states.load_bucket(&source, &third, at).await.unwrap();
        assert_eq!(one, loaded.bucket(at).unwrap());
        for record in one.iter() {
            let key = record.unwrap().key().unwrap();
            assert_eq!(third.bucket_of(Place::of(&key).hash), at);
            seen += 1;
        }
    }
    assert_eq!(seen, 500);
    let mut each = 0;
    loaded
        .for_each(|record| {
            each += 1;
            record.key().map(drop)
        })
        .unwrap();
    assert_eq!(each, 500);
    let stop = roster::DecodeError { what: "a test", at: 0 };
    assert!(loaded.for_each(|_| Err(stop.clone())).is_err());
    assert!(loaded.bucket(third.buckets.len()).unwrap().is_empty(), "there is no such bucket");
    let refused = loaded.iter(|_| Err::<(), _>(roster::DecodeError { what: "a test", at: 0 }));
    assert!(refused.into_iter().all(|record| record.is_err()));
}

/// The partition that holds the segments of a bucket of the source.
fn partition(hash: u64) -> String {
    format!("oak/sis#source-registrar#{:03x}", hash >> 52)
}

#[tokio::test]
async fn a_missing_or_damaged_segment_is_an_error() {
    let bench = Bench::new();
    bench.take_in(&export(Mode::Full, &many(30), &[], 1), "r1").await;
    let manifest = bench.newest().await.manifest;
    let segments: Vec<_> = manifest.segments().collect();
    assert_eq!(segments.len(), 1);
    let key = ItemKey::new(partition(segments[0].0), format!("segment/{}", segments[0].1.hex()));
    let load = async || {
        let loaded = bench.states.load(&bench.source(), &manifest).await?;
        loaded.bucket(0)
    };
    assert_eq!(load().await.unwrap().len(), 30);
    let good = bench.stores.table.get(&key).await.unwrap().unwrap().body;
    bench.stores.table.put(&key, good[1..].to_vec(), Condition::Any).await.unwrap();
    assert!(matches!(load().await.unwrap_err(), StoreError::Damaged { .. }));
    bench.stores.table.delete(&key, Condition::Any).await.unwrap();
    assert!(matches!(load().await.unwrap_err(), StoreError::Damaged { .. }));
    bench.stores.table.put(&key, good, Condition::Any).await.unwrap();
    assert_eq!(load().await.unwrap().len(), 30);
    // A fold that would name it again does not overwrite it.
    assert!(!bench.take_in(&export(Mode::Full, &many(30), &[], 1), "r2").await);
}

async fn lease_of(bench: &Bench) -> Write {
    let clock = ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap());
    let hour = Duration::from_secs(3600);
    let taken = lease::acquire(&bench.stores, &bench.scope, &clock, "one", hour).await.unwrap();
    taken.unwrap().check(&bench.scope)
}

#[tokio::test]
async fn a_generation_is_found_by_its_number_while_it_is_kept() {
    let bench = Bench::new();
    let check = lease_of(&bench).await;
    let source = bench.source();
    // More than a page of old manifests.
    for day in 1..=130 {
        let today = [person("a", &format!("Day {day}"))];
        bench.take_in(&export(Mode::Full, &today, &[], 1), &format!("r{day}")).await;
    }
    for number in [1, 77, 130] {
        let found = bench.states.generation(&source, number).await.unwrap().unwrap();
        assert_eq!((found.head.generation, found.head.run), (number, format!("r{number}")));
    }
    assert!(bench.states.generation(&source, 131).await.unwrap().is_none());
    assert_eq!(bench.states.collect_garbage(&source, &check).await.unwrap(), 119);
    assert!(bench.states.generation(&source, 119).await.unwrap().is_none());
    for number in 120..=130 {
        let found = bench.states.generation(&source, number).await.unwrap().unwrap();
        let loaded = bench.states.load(&source, &found).await.unwrap();
        let records: Vec<_> = loaded.iter(|record| record.decode()).map(Result::unwrap).collect();
        assert_eq!(records, [person("a", &format!("Day {number}"))]);
    }
    assert_eq!(bench.states.collect_garbage(&source, &check).await.unwrap(), 0);
}

#[tokio::test]
async fn garbage_is_found_in_every_bucket_and_what_is_named_stays() {
    let bench = Bench::new();
    let check = lease_of(&bench).await;
    let (source, other) = (bench.source(), bench.applied());
    let long: Vec<_> =
        (0..300).map(|at| person(&format!("p{at}"), &format!("{at:0>3000}"))).collect();
    bench.take_in(&export(Mode::Full, &long, &[], 1), "r1").await;
    let manifest = bench.newest().await.manifest;
    let buckets = manifest.buckets.len();
    assert!(buckets > 2);
    assert_eq!(bench.states.collect_garbage(&source, &check).await.unwrap(), 0);
    assert_eq!(bench.records().await.len(), 300);
    // A fold that died left one in every bucket, and two more made twice as many of them.
    for bucket in 0..buckets {
        let orphan = packed(&[person(&format!("orphan-{bucket}"), "x")]);
        let first = manifest.first_hash(bucket);
        bench.states.write_bucket(&source, first, &orphan).await.unwrap();
    }
    let half = manifest.first_hash(1) / 2;
    let orphan = packed(&[person("orphan", "y")]);
    bench.states.write_bucket(&source, half, &orphan).await.unwrap();
    // Another state's are none of this one's.
    bench.states.write_bucket(&other, 0, &orphan).await.unwrap();
    let deleted = bench.states.collect_garbage(&source, &check).await.unwrap();
    assert_eq!(deleted, buckets as u64 + 1);
    assert_eq!(bench.records().await.len(), 300);
    assert_eq!(bench.states.collect_garbage(&source, &check).await.unwrap(), 0);
    assert_eq!(bench.states.collect_garbage(&other, &check).await.unwrap(), 1);
    // More than one transaction deletes at once, all in one bucket.
    for number in 0..120 {
        let orphan = packed(&[person(&format!("orphan-{number}"), "z")]);
        bench.states.write_bucket(&source, 0, &orphan).await.unwrap();
    }
    assert_eq!(bench.states.collect_garbage(&source, &check).await.unwrap(), 120);
}

#[tokio::test]
async fn a_publication_is_over_what_was_read_and_keeps_it() {
    let bench = Bench::new();
    let source = bench.source();
    let none = bench.newest().await;
    assert_eq!((none.version, none.manifest.head.generation), (0, 0));
    assert_eq!(bench.states.publication(&source, &none, &none.manifest).unwrap().len(), 1);
    bench.take_in(&export(Mode::Full, &many(3), &[], 1), "r1").await;
    let Published { manifest, version } = bench.newest().await;
    assert_eq!((manifest.head.generation, version), (1, 1));
    // The first publication is not over a later one.
    let late = bench.states.publish(&source, &none, &manifest).await.unwrap_err();
    assert!(late.is_condition_failed(), "{late}");
    bench.take_in(&export(Mode::Full, &many(4), &[], 1), "r2").await;
    let kept = bench.states.generation(&source, 1).await.unwrap();
    assert_eq!(kept, Some(manifest));
}
