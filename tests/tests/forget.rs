//! A person who is forgotten is nowhere any more: not in a byte of the data folder, not in what
//! comes in next, until it is lifted.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use ambient::Clock as _;
use end_to_end::town::{course_key, person_key};
use end_to_end::world::Step;
use end_to_end::{Ended, Process, Town, World};
use pipeline::{Account, ExportInput, NoProgress, PipelineError, Source, read};
use readers::write::ims::{Entry, ImsOptions, export};
use roster::matching::{MatchBy, Selector};
use roster::merge::{Part, PersonKeys};
use roster::{Mode, Person, PersonKey, Record, Role, Text};
use store::DataDir;
use store::state::audit;
use store::state::forget::{Forgetting, cleared, is_to_clear};

/// Somebody of whom no other word of the school is a part.
const KEY: &str = "Qx777zz";
const WORDS: [&str; 5] =
    [KEY, "oddfrida.zwartepoorte", "zwartepoorte.home.example", "Oddfrida", "Zwartepoorte"];

fn town() -> Town {
    let mut town = Town::founded();
    let mut person = town.person(&person_key(20)).clone();
    person.username = "oddfrida.zwartepoorte".into();
    person.email = "oddfrida@zwartepoorte.home.example".into();
    person.given = "Oddfrida".into();
    person.family = "Zwartepoorte".into();
    town.people.insert(KEY.into(), person);
    town.sits(&course_key(2026, 1), KEY, Role::Student);
    town.sits(&course_key(2026, 2), KEY, Role::Student);
    town
}

/// A world whose stores are in a folder.
struct OnDisk {
    world: World,
    folder: tempfile::TempDir,
    data: DataDir,
}

impl OnDisk {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open_writer(folder.path(), world.clock.clone()).unwrap();
        Self { world, folder, data }
    }

    fn process(&mut self) -> Process {
        let mut process = self.world.process(None, None, true);
        process.pipeline.stores = self.data.stores();
        process
    }

    async fn syncs(&mut self, town: &Town) -> Ended {
        let ended = self.process().run(Step::Sync(&town.export())).await;
        self.world.clock.advance(std::time::Duration::from_secs(86_400));
        ended
    }

    /// Which of the words stand in any byte of any file.
    fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        look(self.folder.path(), &mut found);
        found
    }

    async fn clear(&mut self) {
        let scope = self.world.integration.scope.clone();
        assert!(is_to_clear(&self.data.stores(), &scope).await.unwrap());
        self.data.clear_deleted().unwrap();
        cleared(&self.data.stores(), &scope).await.unwrap();
    }
}

/// Files are read as they are, and what is packed in them unpacked: plans are not packed, segments
/// and history are zstd frames in the database.
fn look(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look(&path, found);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        note(&path, &bytes, found);
    }
}

fn note(path: &Path, bytes: &[u8], found: &mut Vec<String>) {
    for word in WORDS {
        if bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes())) {
            found.push(format!("{word} in {}", path.display()));
        }
    }
}

/// Everything that is packed in the table, unpacked.
fn unpacked(on_disk: &OnDisk, found: &mut Vec<String>) {
    for (key, body) in items(on_disk.folder.path()) {
        note(Path::new(&key), key.as_bytes(), found);
        if let Ok(raw) = zstd::stream::decode_all(&body[..]) {
            note(Path::new(&key), &raw, found);
        }
        note(Path::new(&key), &body, found);
    }
}

/// Every item of the table.
fn items(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let path = folder.join("rollcall.sqlite");
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT pk, sk, body FROM item").unwrap();
    let rows = statement.query_map([], |row| {
        Ok((format!("{} {}", row.get::<_, String>(0)?, row.get::<_, String>(1)?), row.get(2)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn not_a_byte_is_left_and_no_export_brings_the_person_back() {
    let mut on_disk = OnDisk::new(31);
    let mut town = town();
    on_disk.syncs(&town).await.outcome();
    // A past in several generations and plans, a finding, and a change that is refused.
    town.person(KEY).email = "other@zwartepoorte.home.example".into();
    town.stands_up(&course_key(2026, 2), KEY);
    on_disk.syncs(&town).await.outcome();
    let mut packed = Vec::new();
    unpacked(&on_disk, &mut packed);
    assert!(!packed.is_empty() && !on_disk.found().is_empty(), "it is there before");
    let runs = on_disk.process().pipeline.runs(10).await.unwrap();
    let checksums: Vec<_> = runs.iter().map(|run| run.checksum.clone()).collect();

    let process = on_disk.process();
    let forgot = process.pipeline.forget("oddfrida.zwartepoorte", "the head", Account::Leave);
    let forgot = forgot.await.unwrap();
    let erasure = forgot.erasure.unwrap();
    assert!(erasure.states.records >= 6 && erasure.states.generations >= 3, "{erasure:?}");
    assert!(erasure.states.history >= 4 && erasure.changes >= 4, "{erasure:?}");
    on_disk.clear().await;
    drop(process);
    let mut left = on_disk.found();
    unpacked(&on_disk, &mut left);
    assert_eq!(left, Vec::<String>::new());

    // Plans are still read, in their length and with their checksums.
    let process = on_disk.process();
    for (run, checksum) in runs.iter().zip(checksums) {
        let stored = process.pipeline.stored_plan(run).await.unwrap().unwrap();
        assert_eq!(Some(stored.plan.summary.checksum.to_string()), checksum);
        assert_eq!(stored.plan.deliver.len(), stored.lines.len() as u64);
    }
    // Nobody did anything to the account.
    let there = |on_disk: &OnDisk| {
        let platform = on_disk.world.platform();
        platform.site.users_by_idnumber(KEY).first().map(|user| user.1.suspended)
    };
    assert_eq!(there(&on_disk), Some(false));
    // The next export names the person, and goes on without them.
    let ended = on_disk.syncs(&town).await.outcome();
    assert_eq!(ended.findings.count_code("forgotten"), 1);
    assert_eq!(ended.planned.unwrap().plan.deliver.len(), 0, "the LMS is left alone");
    assert_eq!(there(&on_disk), Some(false));
    on_disk.data.clear_deleted().unwrap();
    let mut left = on_disk.found();
    unpacked(&on_disk, &mut left);
    assert_eq!(left, Vec::<String>::new(), "it did not come back");
    // Nor under another key that the export gives them.
    let mut person = town.people.remove(KEY).unwrap();
    person.former = Some(KEY.into());
    town.people.insert("Qx888yy".into(), person);
    town.seats.retain(|(_, who), _| who != KEY);
    on_disk.syncs(&town).await.outcome();
    on_disk.data.clear_deleted().unwrap();
    let mut left = on_disk.found();
    unpacked(&on_disk, &mut left);
    assert_eq!(left, Vec::<String>::new(), "it did not come back under another key");

    let scope = on_disk.world.integration.scope.clone();
    let trail = audit::list(&on_disk.data.stores(), &scope, None, None).await.unwrap();
    let forgotten = trail.iter().find(|entry| entry.what == "forgot").unwrap();
    assert_eq!(
        (forgotten.who.as_str(), forgotten.about.as_ref()),
        ("the head", Some(&forgot.mark))
    );
}

#[tokio::test]
async fn lifted_the_person_comes_back_to_the_same_account() {
    let mut world = World::new(32);
    let town = town();
    let sync = |world: &mut World| {
        let process = world.process(None, None, true);
        let export = town.export();
        async move { process.run(Step::Sync(&export)).await.outcome() }
    };
    sync(&mut world).await;
    let account = world.platform().site.users_by_idnumber(KEY).first().map(|user| user.0);
    let pipeline = world.process(None, None, true).pipeline;
    pipeline.forget(KEY, "the head", Account::Leave).await.unwrap();
    assert!(matches!(pipeline.trace(KEY).await, Err(PipelineError::NotFound(_))));
    assert_eq!(pipeline.lift("nobody", "the head").await.unwrap(), None);
    sync(&mut world).await;
    let pipeline = world.process(None, None, true).pipeline;
    assert!(pipeline.lift(&format!("person:{KEY}"), "the head").await.unwrap().is_some());
    assert_eq!(pipeline.lift(KEY, "the head").await.unwrap(), None, "once is enough");
    sync(&mut world).await;
    let accounts: Vec<u32> =
        world.platform().site.users_by_idnumber(KEY).iter().map(|user| user.0).collect();
    assert_eq!(accounts.first().copied(), account);
    assert_eq!(accounts.len(), 1, "no second account");
    let story = world.process(None, None, true).pipeline.trace(KEY).await.unwrap();
    assert!(story.applied.is_some(), "{}", story.conclusion);
}

#[tokio::test]
async fn the_lms_is_rid_of_the_account_where_that_is_asked_for() {
    let mut world = World::new(33);
    let town = town();
    let process = world.process(None, None, true);
    process.run(Step::Sync(&town.export())).await.outcome();
    let pipeline = world.process(None, None, true).pipeline;
    let forgot = pipeline.forget(KEY, "the head", Account::Remove).await.unwrap();
    assert_eq!(forgot.erasure, None, "the account comes first");
    let swept = world.process(None, None, true).pipeline.sweep().await.unwrap();
    let run = swept.outcome.unwrap().run;
    assert_eq!(run.receipts.rejected, 0, "{run:?}");
    assert!(world.platform().site.users_by_idnumber(KEY).is_empty(), "it is gone");
    let scope = world.integration.scope.clone();
    let left = Forgetting::under_way(&world.stores(), &scope).await.unwrap();
    assert_eq!(left.len(), 0, "and the rest is erased");
    for item in world.table.items() {
        assert!(!String::from_utf8_lossy(&item.body).contains(KEY), "{}", item.key);
    }
    // Others are as they were.
    assert!(!world.platform().site.users_by_idnumber(&person_key(21)).is_empty());
    let next = world.process(None, None, true).run(Step::Sync(&town.export())).await.outcome();
    assert_eq!(next.planned.unwrap().plan.deliver.len(), 0);
}

#[tokio::test]
async fn whoever_dies_while_forgetting_is_taken_up_where_they_were() {
    let mut world = World::new(34);
    let town = town();
    world.process(None, None, true).run(Step::Sync(&town.export())).await.outcome();
    let mut died = 0;
    for call in (1..400).step_by(23) {
        let mut fork = world.fork();
        let crash = end_to_end::Crash { call, moment: end_to_end::Moment::After };
        let process = fork.process(Some(crash), None, true);
        let forgetting = process.pipeline.forget(KEY, "the head", Account::Leave);
        tokio::select! {
            biased;
            forgot = forgetting => drop(forgot.unwrap()),
            () = process.tap.killed() => died += 1,
        }
        fork.clock.advance(std::time::Duration::from_secs(60));
        let scope = fork.integration.scope.clone();
        let begun = !Forgetting::under_way(&fork.stores(), &scope).await.unwrap().is_empty();
        let now = fork.clock.now();
        let next = fork.process(None, None, true).pipeline;
        let finished = next.finish_forgetting(now).await.unwrap();
        assert_eq!(finished.len(), usize::from(begun), "call {call}");
        let known = next.trace(KEY).await.is_ok();
        let was_asked = audit::list(&fork.stores(), &scope, None, None).await.unwrap().len() == 1;
        assert_eq!(known, !was_asked, "call {call}: all of it or nothing");
    }
    assert!(died > 5, "{died} died");
}

/// An export of persons, taken in.
async fn deliver(process: &Process, source: &str, people: &[(&str, &str, &str)]) -> Ended {
    let records = people.iter().map(|(key, username, email)| {
        let mut person = Person::new(PersonKey::new(key));
        person.username = Some(Text::new(username));
        person.email = Some(Text::new(email));
        person.given = Some(Text::new("Oddfrida"));
        person.family = Some(Text::new("Zwartepoorte"));
        Entry::from(Record::from(person))
    });
    let mut bytes = Vec::new();
    export(records, ImsOptions::default(), &mut bytes).unwrap();
    let input = ExportInput { name: "p.xml".into(), reader: Box::new(Cursor::new(bytes)) };
    let integration = Arc::clone(&process.pipeline.integration);
    let source = integration.source(source).unwrap();
    let vault = &*process.pipeline.vault;
    let export = read(source, Mode::Full, vec![input], vault, &NoProgress).unwrap();
    Ended::Came(process.pipeline.sync(source, export).await.map(Box::new))
}

fn with_sources(seed: u64, parts: Vec<(&str, Part)>) -> World {
    let mut world = World::new(seed);
    let mut integration = (*world.integration).clone();
    let source = integration.sources[0].clone();
    // The first is believed before the others.
    let sources = parts.into_iter().zip((0..10).rev());
    let of = |((name, part), precedence): ((&str, Part), i64)| Source {
        name: name.into(),
        part,
        precedence,
        ..source.clone()
    };
    integration.sources = sources.map(of).collect();
    world.integration = Arc::new(integration);
    world
}

const ADDRESS: &str = "oddfrida@zwartepoorte.home.example";

#[tokio::test]
async fn a_key_that_was_made_at_random_is_not_made_anew() {
    let natural = Selector::try_from("email".to_owned()).unwrap();
    let part = Part { keys: PersonKeys::Random { natural }, ..Part::default() };
    let mut world = with_sources(35, vec![("registrar", part)]);
    let people = [("7", "oddfrida", ADDRESS), ("8", "somebody", "s@x.example")];
    deliver(&world.process(None, None, true), "registrar", &people).await.outcome();
    let keys = |world: &World| -> Vec<String> {
        let platform = world.platform();
        let keys = platform.site.users().map(|(_, user)| user.idnumber.to_string());
        keys.filter(|key| !key.is_empty()).collect()
    };
    let before = keys(&world);
    let pipeline = world.process(None, None, true).pipeline;
    let key = pipeline.trace(ADDRESS).await.unwrap().key.owner().id.to_owned();
    pipeline.forget(ADDRESS, "the head", Account::Leave).await.unwrap();
    for item in world.table.items() {
        assert!(!String::from_utf8_lossy(&item.body).contains(&key), "{}", item.key);
    }
    let ended = deliver(&world.process(None, None, true), "registrar", &people).await.outcome();
    assert_eq!(ended.findings.count_code("forgotten"), 1);
    assert_eq!(keys(&world), before, "nobody new");
    // Lifted, they are somebody whom the school has not met.
    let pipeline = world.process(None, None, true).pipeline;
    assert!(pipeline.lift(&key, "the head").await.unwrap().is_some());
    deliver(&world.process(None, None, true), "registrar", &people).await.outcome();
    let story = world.process(None, None, true).pipeline.trace(ADDRESS).await.unwrap();
    assert_eq!(story.key.kind(), roster::Kind::Person);
    assert!(!story.key.owner().id.starts_with("forgotten"), "{}", story.key);
}

#[tokio::test]
async fn who_is_known_under_other_keys_elsewhere_is_forgotten_there_too() {
    let matching =
        Part { match_by: vec![MatchBy::try_from("email".to_owned()).unwrap()], ..Part::default() };
    let parts = vec![("registrar", Part::default()), ("directory", matching)];
    let mut world = with_sources(36, parts);
    let here = [("p-1", "oddfrida", ADDRESS), ("p-2", "other", "o@x.example")];
    let there = [("uid-1", "oddfrida", ADDRESS), ("uid-2", "other", "o@x.example")];
    deliver(&world.process(None, None, true), "registrar", &here).await.outcome();
    deliver(&world.process(None, None, true), "directory", &there).await.outcome();
    let accounts = world.platform().site.users().count();
    let pipeline = world.process(None, None, true).pipeline;
    pipeline.forget(ADDRESS, "the head", Account::Leave).await.unwrap();
    for (source, people) in [("directory", &there), ("registrar", &here)] {
        let process = world.process(None, None, true);
        let ended = deliver(&process, source, people).await.outcome();
        assert_eq!(ended.findings.count_code("forgotten"), 1, "{source}");
        assert_eq!(ended.planned.unwrap().plan.deliver.len(), 0, "{source}");
    }
    assert_eq!(world.platform().site.users().count(), accounts);
    let pipeline = world.process(None, None, true).pipeline;
    assert!(pipeline.trace(ADDRESS).await.is_err());
}
