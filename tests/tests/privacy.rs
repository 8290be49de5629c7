//! Nobody's name or address leaves the states: not in logs, queues, errors, runs, names of things.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use end_to_end::life::days;
use end_to_end::town::{FAMILY, GIVEN};
use end_to_end::trouble::{Kind, Trouble};
use end_to_end::world::step;
use end_to_end::{Crash, Ended, Moment, World};
use tracing_subscriber::fmt::MakeWriter;

/// Where the log goes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log of this whole process, at its finest. Whether a place logs is decided once for all
/// threads, so every test here logs to the same.
fn log() -> Log {
    static LOG: LazyLock<Log> = LazyLock::new(|| {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    });
    LOG.clone()
}

/// What must be nowhere: names, their plain letters as they stand in logins, the mail domains.
fn needles() -> Vec<String> {
    let names = GIVEN.into_iter().chain(FAMILY).map(str::to_lowercase);
    let plain = FAMILY.into_iter().map(|name| {
        let letters = name.chars().filter(char::is_ascii_alphabetic);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    });
    let domains = ["@oakfield", "oakfield.example", "@visitors", "visitors.example"];
    names.chain(plain).chain(domains.map(str::to_owned)).collect()
}

/// Looks for names in everything it is shown.
struct Guard {
    needles: Vec<String>,
    seen: usize,
}

impl Guard {
    fn look_at(&mut self, what: &str, bytes: &[u8]) {
        self.seen += bytes.len();
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for needle in &self.needles {
            assert!(!text.contains(needle.as_str()), "{what} holds a name: {needle}");
        }
    }

    fn look_at_end(&mut self, ended: &Ended) {
        match ended {
            Ended::Killed => {}
            Ended::Came(Ok(outcome)) => {
                self.look_at("an outcome", format!("{outcome:?} {outcome:#?}").as_bytes());
                self.look_at("a run", format!("{:?}", outcome.run.reason).as_bytes());
            }
            Ended::Came(Err(error)) => {
                self.look_at("an error's debug form", format!("{error:?} {error:#?}").as_bytes());
                let mut next: Option<&dyn std::error::Error> = Some(error);
                while let Some(error) = next {
                    self.look_at("an error", format!("{error} {error:?}").as_bytes());
                    next = error.source();
                }
            }
        }
    }

    /// Everything in the stores but the states themselves and the plans.
    fn look_at_stores(&mut self, world: &World) {
        for item in world.table.items() {
            self.look_at("an item's key", item.key.to_string().as_bytes());
            match item.key.sk.split('/').next() {
                Some("segment") => {}
                Some("history") => {
                    let raw = zstd::stream::decode_all(&item.body[..]).unwrap();
                    self.look_at("history", &raw);
                }
                _ => self.look_at(&item.key.sk, &item.body),
            }
        }
        for (key, body) in world.objects.objects() {
            self.look_at("an object's key", key.as_bytes());
            if key.starts_with("reports/") {
                self.look_at(&key, &body);
            }
        }
        for queue in [store::QueueName::Deliver, store::QueueName::DeadLetter] {
            self.look_at("a queue", format!("{:?}", world.queue.messages(queue)).as_bytes());
        }
        self.look_at("a wake-up", format!("{:?}", world.wake.wakes()).as_bytes());
    }
}

#[tokio::test]
async fn no_name_and_no_address_leaves_the_states() {
    let log = log();
    let mut guard = Guard { needles: needles(), seen: 0 };
    let mut world = World::new(3);
    for (number, day) in days().into_iter().enumerate() {
        world.act_by_hand(day.by_hand);
        // Every kind of trouble has its turn, and one process dies on each day.
        let mut fork = world.fork();
        for (at, kind) in Kind::CURABLE.into_iter().chain([Kind::LmsLosesRecord]).enumerate() {
            let crash = Crash { call: 40 + 7 * at as u64, moment: Moment::After };
            let crash = (at % 5 == number % 5).then_some(crash);
            let process = fork.process(crash, Some(Trouble::only(kind, 3)), true);
            process.tap.keep_lines();
            guard.look_at_end(&process.run(step(&day)).await);
            guard.look_at("what passed the ports", process.tap.lines().join("\n").as_bytes());
        }
        guard.look_at_stores(&fork);

        let process = world.process(None, None, true);
        process.tap.keep_lines();
        guard.look_at_end(&process.run(step(&day)).await);
        guard.look_at("what passed the ports", process.tap.lines().join("\n").as_bytes());
        world.pass_night(&day);
    }
    guard.look_at_stores(&world);
    let logged = log.bytes().clone();
    assert!(logged.len() > 10_000, "little was logged: {} bytes", logged.len());
    guard.look_at("the log", &logged);
    assert!(guard.seen > 1_000_000, "little was looked at: {} bytes", guard.seen);
}

/// A warning that quotes what it found would be seen above, if any were: here is an export full of
/// what is odd.
#[tokio::test]
async fn findings_name_keys_and_no_people() {
    let mut town = end_to_end::Town::founded();
    town.person("P005").email = "Fokkelien (at) Hoogkamer".into();
    town.person("P006").username = "Öykü Ooijevaar".into();
    town.person("P007").given = String::new();
    let taken = town.person("P008").username.clone();
    town.person("P009").username = taken;
    let shared = town.person("P010").email.clone();
    town.person("P011").email = shared;
    town.person("P012").family = "Okwuosa".repeat(40);
    town.person("P013").former = Some("P014".into());
    town.sits("C2026-1", "P099", roster::Role::Student);
    let _log = log();
    let mut guard = Guard { needles: needles(), seen: 0 };
    let mut world = World::new(4);
    let process = world.process(None, None, true);
    let ended = process.run(end_to_end::world::Step::Sync(&town.export())).await;
    guard.look_at_end(&ended);
    let outcome = ended.outcome();
    let found: u64 = outcome.run.findings.iter().sum();
    assert!(found >= 5, "{found} findings: {:?}", outcome.findings.kept());
    for finding in outcome.findings.kept() {
        guard.look_at("a finding", format!("{finding:?} {}", finding.message).as_bytes());
    }
    guard.look_at_stores(&world);
}
