//! Folding ledgers into the applied state: what is known afterwards, how it is counted and stored,
//! and the history that it leaves.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bench;

use std::collections::BTreeMap;

use ambient::Timestamp;
use bench::{Bench, batch, create, enrollment, line, person};
use plan::{Action, Applied, Change, FieldSet, Ownership, Policy, Presence};
use roster::{Course, CourseKey, Key, Kind, PersonKey, Record, Role, Text};
use store::StoreError;
use store::state::applied::{Fold, FoldBatch, fold};
use store::state::history::{self, HistoryEntry};
use store::state::ledger::{Line, LineResult, Sight};
use store::state::manifest::Manifest;
use store::state::meta::decode_applied;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn done() -> Line {
    line(LineResult::Applied, Some("1"))
}

/// All of `changes` done, as batch `number`.
fn all_done(number: u64, changes: &[Change]) -> FoldBatch {
    batch(number, changes, &[], Some(vec![done(); changes.len()]))
}

fn course(id: &str) -> Record {
    Course::new(CourseKey::new(id)).into()
}

fn to(action: Action, before: Record, after: Option<Record>) -> Change {
    Change { action, before: Some(before), after, ..create(person("any", "any")) }
}

async fn folded(bench: &Bench, run: &str, batches: &[FoldBatch]) -> Result<Manifest, StoreError> {
    let name = bench.applied();
    let base = bench.states.newest(&name).await?;
    let policy = Policy::default();
    let with = Fold { run, now: now(), policy: &policy };
    let folded = fold(&bench.stores, &bench.scope, &name, &base, with, batches).await?;
    Ok(folded.manifest)
}

/// Folds and publishes.
async fn take(bench: &Bench, run: &str, batches: &[FoldBatch]) -> Manifest {
    let name = bench.applied();
    let base = bench.states.newest(&name).await.unwrap();
    let manifest = folded(bench, run, batches).await.unwrap();
    bench.states.publish(&name, &base, &manifest).await.unwrap();
    manifest
}

/// What is known, in the order of the stored records.
async fn known(bench: &Bench, manifest: &Manifest) -> Vec<Applied> {
    let loaded = bench.states.load(&bench.applied(), manifest).await.unwrap();
    loaded.iter(decode_applied).map(Result::unwrap).collect()
}

async fn of(bench: &Bench, manifest: &Manifest, key: &Key) -> Option<Applied> {
    known(bench, manifest).await.into_iter().find(|applied| applied.record.key() == key)
}

async fn story(bench: &Bench, key: &Key) -> Vec<HistoryEntry> {
    let name = bench.applied();
    history::of(&bench.stores, &bench.scope, &name, key, |of| of == key).await.unwrap()
}

/// How many items of the first bucket hold what `run` did.
async fn history_items(bench: &Bench, run: &str) -> usize {
    let prefix = format!("history/{run}/");
    let page = bench.stores.table.query("oak/sis#applied-moodle#000", &prefix, None, 1_000).await;
    page.unwrap().items.len()
}

/// Raw bytes and records of each kind, counted by reading all of it.
async fn weigh(bench: &Bench, manifest: &Manifest) -> (u64, BTreeMap<Kind, u64>) {
    let (mut raw, mut counts) = (0, BTreeMap::new());
    for bucket in 0..manifest.buckets.len() {
        let name = bench.applied();
        let packed = bench.states.load_bucket(&name, manifest, bucket).await.unwrap();
        raw += packed.size() as u64;
        for record in packed.iter() {
            *counts.entry(record.unwrap().key().unwrap().kind()).or_default() += 1;
        }
    }
    (raw, counts)
}

#[tokio::test]
async fn every_outcome_has_its_effect_and_its_word() {
    let bench = Bench::new();
    let results = [
        (LineResult::Applied, "applied", ""),
        (LineResult::Accepted, "accepted", ""),
        (LineResult::Rejected(Text::new("no")), "rejected", "no"),
        (LineResult::Deferred(Text::new("course:c")), "deferred", "course:c"),
        (LineResult::Retry(Text::new("busy")), "retry", "busy"),
        (LineResult::Unknown, "unknown", ""),
        (LineResult::NotSent, "not_sent", ""),
    ];
    let id = |at: usize| format!("p{at}");
    let changes: Vec<_> = (0..=results.len()).map(|at| create(person(&id(at), "x"))).collect();
    let lines = results.iter().map(|(result, ..)| line(result.clone(), None)).collect();
    // The last change has no line at all.
    let manifest = take(&bench, "r1", &[batch(4, &changes, &[], Some(lines))]).await;
    let expected = [
        Some((Some(Presence::Present), false, false)),
        Some((None, false, true)),
        Some((None, true, false)),
        None,
        None,
        Some((None, false, true)),
        None,
        Some((None, false, true)),
    ];
    let words = results.map(|(_, outcome, code)| (outcome, code));
    let words = words.into_iter().chain([("unknown", "")]);
    for (at, (expected, (outcome, code))) in expected.into_iter().zip(words).enumerate() {
        let key = Key::Person(PersonKey::new(id(at)));
        let found = of(&bench, &manifest, &key).await;
        let meta = found.map(|found| found.meta);
        let told = meta.map(|meta| (meta.presence, meta.parked.is_some(), meta.in_doubt));
        assert_eq!(told, expected, "{outcome}");
        let entry = HistoryEntry {
            key: key.clone(),
            run: Text::new("r1"),
            batch: 4,
            index: at as u32,
            action: Text::new("create"),
            outcome: Text::new(outcome),
            code: Text::new(code),
        };
        assert_eq!(story(&bench, &key).await, [entry]);
    }
    assert_eq!(history_items(&bench, "r1").await, 1, "all of it in one item");
}

#[tokio::test]
async fn what_the_answer_says_of_a_record_is_kept() {
    let bench = Bench::new();
    let answer = Line {
        ownership: Some(Line::word(Ownership::Found)),
        remark: Some(Text::new("was_there")),
        ..line(LineResult::Applied, Some("4711"))
    };
    let changes = [create(person("a", "Ada"))];
    let manifest = take(&bench, "r1", &[batch(0, &changes, &[], Some(vec![answer]))]).await;
    let key = Key::Person(PersonKey::new("a"));
    let Applied { record, meta } = of(&bench, &manifest, &key).await.unwrap();
    assert_eq!(record, person("a", "Ada"));
    assert_eq!((meta.ownership, meta.lms_id.as_deref()), (Ownership::Found, Some("4711")));
    assert_eq!((meta.first_run.as_str(), meta.last_run.as_str()), ("r1", "r1"));
    assert_eq!(story(&bench, &key).await[0].code.as_str(), "was_there");
}

#[tokio::test]
async fn a_course_is_read_once_one_of_its_enrollments_was_looked_for() {
    let bench = Bench::new();
    let course = |id: &str| -> Record {
        // Not made by us: one that is made empty has nobody to look for.
        Course::new(CourseKey::new(id)).into()
    };
    let adopt = |id: &str| Change { action: Action::Adopt, ..create(course(id)) };
    take(&bench, "r1", &[all_done(0, &[adopt("A"), adopt("B"), adopt("C")])]).await;
    let student = |id: &str| create(enrollment(id, "p", &[Role::Student]));
    let sights = [Sight::Absent, Sight::NotNeeded, Sight::Ambiguous { count: 2 }];
    let changes = [student("A"), student("B"), student("C")];
    let lines = vec![line(LineResult::NotSent, None); 3];
    let before =
        known(&bench, &bench.states.newest(&bench.applied()).await.unwrap().manifest).await;
    let manifest = take(&bench, "r2", &[batch(0, &changes, &sights, Some(lines))]).await;
    let after = known(&bench, &manifest).await;
    assert_eq!(after.len(), 3);
    for (before, after) in before.into_iter().zip(after) {
        let mut expected = before;
        expected.meta.members_read = expected.record.key().to_string() != "course:B";
        assert_eq!(after, expected, "nothing else of it changes");
    }
    // A course that comes in the same fold as its members is read as well.
    let bench = Bench::new();
    let both = [
        all_done(0, &[adopt("A")]),
        batch(1, &[student("A")], &[Sight::Absent], Some(vec![done()])),
    ];
    let manifest = take(&bench, "r1", &both).await;
    let read = of(&bench, &manifest, &Key::Course(CourseKey::new("A"))).await.unwrap();
    assert!(read.meta.members_read);
}

/// What somebody changed in the LMS is theirs once the rest of the change is done, and not before.
#[tokio::test]
async fn fields_that_are_their_users_stay_as_they_were_told() {
    let bench = Bench::new();
    let full = |given: &str, email: &str| {
        let mut record = person("a", given);
        if let Record::Person(person) = &mut record {
            person.email = Some(Text::new(email));
        }
        record
    };
    let (before, after) = (full("Ada", "a@oak.example"), full("Eve", "b@oak.example"));
    take(&bench, "r1", &[all_done(0, &[create(before.clone())])]).await;
    let email = *Record::specs(Kind::Person).iter().find(|spec| spec.name == "email").unwrap();
    let mut fields = FieldSet::default();
    fields.add(email);
    let sights = [Sight::Changed { fields }];
    let update = [to(Action::Update, before.clone(), Some(after.clone()))];
    let key = Key::Person(PersonKey::new("a"));
    let refused = line(LineResult::Rejected(Text::new("no")), None);
    let manifest = take(&bench, "r2", &[batch(0, &update, &sights, Some(vec![refused]))]).await;
    let read = of(&bench, &manifest, &key).await.unwrap();
    assert!(read.meta.user_fields.is_empty() && read.record == before);
    let manifest = take(&bench, "r3", &[batch(0, &update, &sights, Some(vec![done()]))]).await;
    let read = of(&bench, &manifest, &key).await.unwrap();
    assert_eq!(read.meta.user_fields, fields);
    assert_eq!(read.record, full("Eve", "a@oak.example"));
}

#[tokio::test]
async fn changes_of_a_record_take_effect_in_the_order_of_the_plan() {
    let bench = Bench::new();
    let (ada, eve, ida) = (person("a", "Ada"), person("a", "Eve"), person("a", "Ida"));
    let update = |from: &Record, to_: &Record| to(Action::Update, from.clone(), Some(to_.clone()));
    let first = [create(person("z", "Zoe")), create(ada.clone())];
    let second = [update(&ada, &eve), update(&eve, &ida)];
    // Batches of two digits come after those of one.
    let manifest = take(&bench, "r1", &[all_done(2, &first), all_done(10, &second)]).await;
    let key = Key::Person(PersonKey::new("a"));
    assert_eq!(of(&bench, &manifest, &key).await.unwrap().record, ida);
    let places = |story: Vec<HistoryEntry>| {
        let place = |of: HistoryEntry| (of.run.to_string(), of.batch, of.index);
        story.into_iter().map(place).collect::<Vec<_>>()
    };
    let at = |run: &str, batch, index| (run.to_owned(), batch, index);
    assert_eq!(
        places(story(&bench, &key).await),
        [at("r1", 2, 1), at("r1", 10, 0), at("r1", 10, 1)]
    );
    // What a later fold of the same run and what a later run add stands behind it.
    take(&bench, "r1", &[all_done(11, &[update(&ida, &eve)])]).await;
    take(&bench, "r2", &[all_done(0, &[update(&eve, &ada)])]).await;
    let expected =
        [at("r1", 2, 1), at("r1", 10, 0), at("r1", 10, 1), at("r1", 11, 0), at("r2", 0, 0)];
    assert_eq!(places(story(&bench, &key).await), expected);
}

#[tokio::test]
async fn records_are_counted_as_they_come_and_go() {
    let bench = Bench::new();
    let people = ["c", "a", "e"].map(|id| create(person(id, id)));
    let student = || enrollment("MATH", "a", &[Role::Student]);
    let rest = [create(course("MATH")), create(student())];
    let first = take(&bench, "r1", &[all_done(0, &people), all_done(1, &rest)]).await;
    let counts = [(Kind::Person, 3), (Kind::Course, 1), (Kind::Enrollment, 1)];
    assert_eq!(first.head.counts, counts.into());
    assert_eq!(weigh(&bench, &first).await, (first.head.raw, counts.into()));

    // New ones between those that are there, one changed, one forgotten, one that leaves its key.
    let batches = [
        all_done(0, &["b", "d", "f"].map(|id| create(person(id, id)))),
        all_done(1, &[to(Action::Update, person("c", "c"), Some(person("c", "Cleo")))]),
        all_done(2, &[to(Action::Remove, student(), None)]),
        all_done(3, &[to(Action::Remove, person("a", "a"), None)]),
    ];
    let second = take(&bench, "r2", &batches).await;
    let counts = [(Kind::Person, 6), (Kind::Course, 1)];
    assert_eq!(second.head.counts, counts.into(), "a kind of which there is none is not named");
    assert_eq!(weigh(&bench, &second).await, (second.head.raw, counts.into()));
    let mut names: Vec<_> = known(&bench, &second)
        .await
        .into_iter()
        .map(|applied| (applied.record.key().to_string(), applied.meta.presence))
        .collect();
    names.sort_by(|(a, _), (b, _)| a.cmp(b));
    let present = Some(Presence::Present);
    let person = |id: &str, presence| (format!("person:{id}"), presence);
    let mut expected = vec![("course:MATH".to_owned(), present)];
    expected.push(person("a", Some(Presence::Removed)));
    expected.extend(["b", "c", "d", "e", "f"].map(|id| person(id, present)));
    assert_eq!(names, expected);
}

#[tokio::test]
async fn the_head_says_what_was_folded_and_nothing_is_published() {
    let bench = Bench::new();
    let one = |id: &str| create(person(id, id));
    let first = folded(&bench, "r1", &[all_done(3, &[one("a")])]).await.unwrap();
    assert_eq!(bench.states.newest(&bench.applied()).await.unwrap().version, 0);
    assert_eq!((first.head.generation, first.head.run.as_str()), (1, "r1"));
    assert_eq!(
        (first.head.published, first.head.folded.clone()),
        (now(), [("r1".into(), 3)].into())
    );
    take(&bench, "r1", &[all_done(3, &[one("a")])]).await;
    let batches = [all_done(0, &[one("b")]), all_done(1, &[one("c")])];
    let second = take(&bench, "r2", &batches).await;
    let both = [("r1".to_owned(), 3), ("r2".to_owned(), 1)];
    assert_eq!((second.head.generation, second.head.folded), (2, both.into()));
    // Nothing to fold names no batch.
    let third = folded(&bench, "r3", &[]).await.unwrap();
    assert_eq!((third.head.generation, third.head.folded.len()), (3, 2));
    assert_eq!(third.buckets, second.buckets);
}

#[tokio::test]
async fn a_state_that_grows_gets_more_buckets_and_a_small_fold_writes_only_its_own() {
    let bench = Bench::new();
    let id = |at: usize| format!("p-{at:06}");
    // As long as a person of a school is, so that the number of buckets is the right one.
    let somebody = |at: usize| person(&id(at), &"somebody".repeat(8));
    let many: Vec<_> = (0..14_000).map(|at| create(somebody(at))).collect();
    let batches: Vec<_> =
        many.chunks(1_000).enumerate().map(|(at, part)| all_done(at as u64, part)).collect();
    let large = take(&bench, "r1", &batches).await;
    assert!(large.bits > 0, "a first sync is spread over buckets at once");
    assert_eq!(large.buckets.len(), 1 << large.bits);
    let counts = [(Kind::Person, 14_000)];
    assert_eq!(large.head.counts, counts.into());
    assert_eq!(weigh(&bench, &large).await, (large.head.raw, counts.into()));
    // All of its history is there, in several items, from one bucket.
    let name = bench.applied();
    let key = Key::Person(PersonKey::new(id(1_234)));
    let all = history::of(&bench.stores, &bench.scope, &name, &key, |_| true).await.unwrap();
    assert_eq!(all.len(), 14_000);
    assert_eq!(history_items(&bench, "r1").await, 2, "as few as hold it");
    assert!(
        all.iter()
            .enumerate()
            .all(|(at, of)| (of.batch, of.index) == (at as u64 / 1_000, at as u32 % 1_000))
    );
    assert_eq!(story(&bench, &key).await.len(), 1);

    let update = to(Action::Update, somebody(1_234), Some(person(&id(1_234), "x")));
    let small = take(&bench, "r2", &[all_done(0, &[update])]).await;
    assert_eq!(small.bits, large.bits);
    let differ = |a: &Manifest, b: &Manifest| {
        a.buckets.iter().zip(&b.buckets).filter(|(a, b)| a != b).count()
    };
    assert_eq!(differ(&small, &large), 1);
    assert_eq!(weigh(&bench, &small).await, (small.head.raw, counts.into()));
    assert_eq!(of(&bench, &small, &key).await.unwrap().record, person(&id(1_234), "x"));
    // The story goes on where the bucket is another one.
    let runs: Vec<_> = story(&bench, &key).await.into_iter().map(|of| of.run.to_string()).collect();
    assert_eq!(runs, ["r1", "r2"]);
    // Two of different buckets write two.
    let bucket = |at: usize| {
        let record = person(&id(at), "x");
        small.bucket_of(roster::Place::of(record.key()).hash)
    };
    let other = (0..).find(|at| bucket(*at) != bucket(0)).unwrap();
    let changes: Vec<_> =
        [0, other].map(|at| to(Action::Update, somebody(at), Some(person(&id(at), "y")))).to_vec();
    let next = take(&bench, "r3", &[all_done(0, &changes)]).await;
    assert_eq!(differ(&next, &small), 2);
    for at in [0, other] {
        let key = Key::Person(PersonKey::new(id(at)));
        assert_eq!(of(&bench, &next, &key).await.unwrap().record, person(&id(at), "y"));
        assert_eq!(story(&bench, &key).await.len(), 2);
    }
}

#[tokio::test]
async fn a_state_that_shrinks_gets_fewer_buckets_and_loses_nothing() {
    let bench = Bench::new();
    let student =
        |at: usize| enrollment(&format!("c{}", at % 40), &format!("p{at}"), &[Role::Student]);
    let courses: Vec<_> = (0..40).map(|at| create(course(&format!("c{at}")))).collect();
    let students: Vec<_> = (0..8_000).map(|at| create(student(at))).collect();
    take(&bench, "r1", &[all_done(0, &courses), all_done(1, &students)]).await;
    let gone: Vec<_> = (0..7_900).map(|at| to(Action::Remove, student(at), None)).collect();
    let large = take(&bench, "r2", &[all_done(0, &gone)]).await;
    assert!(large.bits > 0);
    assert_eq!(large.head.counts, [(Kind::Course, 40), (Kind::Enrollment, 100)].into());

    // The next fold reaches into many buckets, and there are fewer of them after it.
    let teacher = |at: usize| {
        let roles = [Role::Instructor];
        enrollment(&format!("c{}", at % 40), &format!("p{at}"), &roles)
    };
    let mut changes: Vec<_> =
        (7_900..7_940).map(|at| to(Action::Update, student(at), Some(teacher(at)))).collect();
    changes.extend((7_940..7_950).map(|at| to(Action::Remove, student(at), None)));
    changes.extend((0..30).map(|at| create(student(at))));
    let before = large.buckets.len();
    let small = take(&bench, "r3", &[all_done(0, &changes)]).await;
    assert!(small.buckets.len() < before, "{} of {before}", small.buckets.len());
    let counts = [(Kind::Course, 40), (Kind::Enrollment, 120)];
    assert_eq!(small.head.counts, counts.into());
    assert_eq!(weigh(&bench, &small).await, (small.head.raw, counts.into()));
    let mut found: Vec<_> = known(&bench, &small).await.into_iter().map(|of| of.record).collect();
    assert!(found.is_sorted_by_key(|record| roster::Place::of(record.key()).hash));
    found.sort_by(|a, b| a.key().cmp(b.key()));
    let mut expected: Vec<_> = (0..40).map(|at| course(&format!("c{at}"))).collect();
    expected.extend((7_900..7_940).map(teacher));
    expected.extend((7_950..8_000).chain(0..30).map(student));
    expected.sort_by(|a, b| a.key().cmp(b.key()));
    assert!(found == expected);
    // Of every record there is its story, from before and after.
    for at in [0, 17, 29, 7_900, 7_933, 7_939] {
        let runs: Vec<_> =
            story(&bench, student(at).key()).await.iter().map(|of| of.run.to_string()).collect();
        let expected: &[&str] = if at < 30 { &["r1", "r2", "r3"] } else { &["r1", "r3"] };
        assert_eq!(runs, expected, "{at}");
    }
}

#[tokio::test]
async fn a_plan_that_does_not_decode_folds_nothing() {
    let bench = Bench::new();
    let neither = Change { after: None, ..create(person("a", "Ada")) };
    let mut broken = all_done(0, &[create(person("b", "Bob"))]);
    broken.changes.push(&Change { before: None, ..neither });
    let error = folded(&bench, "r1", &[broken]).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
