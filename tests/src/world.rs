//! A world: stores, clock and LMS that outlive the processes which work on them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{Clock, ManualClock, SeededRandom, Timestamp};
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig, NewPassword};
use pipeline::{
    Integration, NoProgress, OpenVault, Pipeline, PipelineError, Safety, Source, Speaks, Standing,
};
use plan::{IdentityRules, Limit, Limits, Policy};
use readers::ReadOptions;
use roster::{Kind, Mode};
use store::state::Scope;
use store::state::run::{Run, StoredRun};
use store::{MemoryObjects, MemoryQueue, MemoryTable, MemoryWake, Stores};

use crate::life::{ByHand, Day, Event, OWN_ADDRESS};
use crate::oracle;
use crate::ports::tapped;
pub use crate::process::{Ended, Process, Step, step};
use crate::tap::{Crash, Tap};
use crate::town::{Town, course_key, person_key};
use crate::trouble::Trouble;
use crate::wire::{Platform, URL, Wire};

/// How long a lease is taken for.
pub const LEASE: Duration = Duration::from_secs(300);
/// How long a request may take.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// 1 September 2026, six in the morning.
const START: i64 = 1_788_242_400;

/// Stores, clock and LMS.
#[derive(Debug)]
pub struct World {
    /// The time.
    pub clock: Arc<ManualClock>,
    /// Objects.
    pub objects: Arc<MemoryObjects>,
    /// The table.
    pub table: Arc<MemoryTable>,
    /// The queue.
    pub queue: Arc<MemoryQueue>,
    /// Wake-ups.
    pub wake: Arc<MemoryWake>,
    /// The LMS.
    pub platform: Arc<Mutex<Platform>>,
    /// The integration.
    pub integration: Arc<Integration>,
    /// Towns whose people may have left accounts behind.
    pub known: Vec<Town>,
    seed: u64,
    processes: u64,
}

impl World {
    /// An empty world, whose processes take their randomness from `seed`.
    pub fn new(seed: u64) -> Self {
        let start = Timestamp::from_second(START).expect("a time of this century");
        let clock = Arc::new(ManualClock::new(start));
        Self {
            objects: Arc::default(),
            table: Arc::default(),
            queue: Arc::new(MemoryQueue::new(clock.clone())),
            wake: Arc::default(),
            platform: Arc::new(Mutex::new(Platform::new())),
            integration: Arc::new(integration()),
            known: Vec::new(),
            clock,
            seed,
            processes: 0,
        }
    }

    /// Other limits from now on.
    pub fn set_limit(&mut self, kind: Kind, limit: Limit) {
        let mut integration = (*self.integration).clone();
        integration.limits.kinds.insert(kind, limit);
        self.integration = Arc::new(integration);
    }

    /// Another world that is as this one is now and goes its own way.
    pub fn fork(&self) -> Self {
        let clock = Arc::new(ManualClock::new(self.clock.now()));
        Self {
            objects: Arc::new(self.objects.fork()),
            table: Arc::new(self.table.fork()),
            queue: Arc::new(self.queue.fork(clock.clone())),
            wake: Arc::new(self.wake.fork()),
            platform: Arc::new(Mutex::new(self.platform().fork())),
            integration: Arc::clone(&self.integration),
            known: self.known.clone(),
            clock,
            seed: self.seed,
            processes: self.processes,
        }
    }

    /// The LMS.
    pub fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stores, past every tap.
    pub fn stores(&self) -> Stores {
        Stores {
            objects: self.objects.clone(),
            table: self.table.clone(),
            queue: self.queue.clone(),
            wake: self.wake.clone(),
        }
    }

    /// Its runs, newest first.
    pub async fn runs(&self) -> Vec<Run> {
        let runs = StoredRun::list(&self.stores(), &self.integration.scope, 1000).await;
        runs.expect("runs can be read").into_iter().map(|stored| stored.run).collect()
    }

    /// A new process; `None` and `None` make one that nothing happens to. It takes the lease of
    /// a dead one over at once where `sole_writer`, else it waits for its end.
    pub fn process(
        &mut self,
        crash: Option<Crash>,
        trouble: Option<Trouble>,
        sole_writer: bool,
    ) -> Process {
        self.processes += 1;
        let tap = Arc::new(Tap::new(self.clock.clone(), crash, trouble));
        let seed = self.seed ^ self.processes.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let random = Arc::new(SeededRandom::new(seed));
        let wire = Wire { platform: self.platform.clone(), tap: tap.clone() };
        let access = MoodleAccess { url: URL.into(), token: sandbox::moodle::TOKEN.into() };
        let clock: Arc<dyn Clock> = self.clock.clone();
        let moodle =
            Moodle::new(Arc::new(wire), clock.clone(), random.clone(), access, moodle_config());
        let pipeline = Pipeline {
            stores: tapped(&self.stores(), &tap),
            clock,
            random,
            integration: self.integration.clone(),
            lms: Arc::new(moodle),
            vault: Arc::new(OpenVault),
            progress: Arc::new(NoProgress),
            holder: format!("process-{}", self.processes),
            sole_writer,
            stop: Arc::default(),
        };
        let source = self.integration.source("registrar").cloned().unwrap_or_else(source);
        Process { pipeline, tap, source }
    }

    /// Does what people do in the LMS on a day.
    pub fn act_by_hand(&mut self, what: ByHand) {
        let now = self.clock.now();
        let mut platform = self.platform();
        match what {
            ByHand::Nothing => {}
            ByHand::GuestTeacher => {
                let course = |platform: &Platform, number| {
                    let found = platform.site.course_by_idnumber(&course_key(2026, number));
                    found.map(|(id, _)| id)
                };
                let pupil = platform.site.users_by_idnumber(&person_key(20)).first().map(|u| u.0);
                let (first, second) = (course(&platform, 1), course(&platform, 2));
                if let (Some(first), Some(second)) = (first, second) {
                    platform.enrol_guest(first, 3, now);
                    platform.open_course(pupil, now);
                    platform.make_group(second, now);
                }
            }
            ByHand::OwnAddress => platform.changes_address(&person_key(20), OWN_ADDRESS, now),
        }
    }

    /// A day without any trouble, until the LMS holds what it should. Returns what the processes
    /// did.
    pub async fn live(&mut self, day: &Day) -> Vec<Process> {
        self.act_by_hand(day.by_hand);
        let process = self.process(None, None, true);
        let mut ended = process.run(step(day)).await;
        let mut processes = vec![process];
        if matches!(day.event, Event::Moves { .. }) && !ended.is_settled() {
            // What waited for the new places goes now.
            self.clock.advance(Duration::from_secs(60));
            let second = self.process(None, None, true);
            ended = second.run(step(day)).await;
            processes.push(second);
        }
        match &day.event {
            Event::Broken(_) => {
                assert!(matches!(ended, Ended::Came(Err(_))), "{}: was not refused", day.name);
            }
            _ => assert!(ended.is_settled(), "{}: {ended:?}", day.name),
        }
        self.pass_night(day);
        processes
    }

    /// The day ends, and the next begins.
    pub fn pass_night(&mut self, day: &Day) {
        self.clock.advance(Duration::from_secs(86_400));
        self.platform().land(self.clock.now());
        self.known.push(day.lms.clone());
    }

    /// Starts processes, one after the other, until everything is done. The first may die or meet
    /// trouble; each later one meets what `next` gives it.
    pub async fn settle(
        &mut self,
        first: Process,
        day: &Day,
        mut next: impl FnMut(u64) -> (Option<Crash>, Option<Trouble>, bool),
    ) -> Settled {
        let mut settled = Settled::default();
        let mut process = first;
        for round in 0..60 {
            // A process that came to an end with work left is followed by a sweep, as cron would;
            // one that died by the same command again.
            let what = if round % 3 == 2 { Step::Sweep } else { step(day) };
            let ended = process.run(what).await;
            settled.add(&process, &ended);
            settled.wrong.extend(oracle::nowhere(&self.platform(), day));
            let busy = matches!(ended, Ended::Came(Err(PipelineError::Busy { .. })));
            let refused = matches!(day.event, Event::Broken(_))
                && matches!(ended, Ended::Came(Err(PipelineError::Unreadable { .. })));
            // Only who brought the export knows that it was taken in.
            if (ended.is_settled() && what != Step::Sweep) || refused {
                settled.done = true;
                // Whatever is still on its way comes in before anybody looks.
                self.platform().land(Timestamp::MAX);
                return settled;
            }
            let killed = matches!(ended, Ended::Killed);
            let pause = match () {
                () if busy => LEASE,
                () if killed => Duration::from_secs(1),
                () => Duration::from_secs(150 << (round / 8)),
            };
            self.clock.advance(pause);
            let (crash, trouble, sole_writer) = next(round);
            let keeps = process.tap.keeps_lines();
            process = self.process(crash, trouble, sole_writer);
            if keeps {
                process.tap.keep_lines();
            }
        }
        settled
    }
}

/// What it took to come to rest.
#[derive(Debug, Default)]
pub struct Settled {
    /// Whether it did.
    pub done: bool,
    /// Processes that were started.
    pub processes: u64,
    /// Processes that died.
    pub killed: u64,
    /// Calls to the LMS.
    pub lms_calls: u64,
    /// Those that were to change something.
    pub lms_writes: u64,
    /// What each process came to, for people.
    pub story: Vec<String>,
    /// Digests of all that each process did.
    pub trace: Vec<blake3::Hash>,
    /// What was wrong when one of them ended.
    pub wrong: Vec<String>,
}

impl Settled {
    fn add(&mut self, process: &Process, ended: &Ended) {
        self.processes += 1;
        self.killed += u64::from(process.tap.is_dead());
        self.lms_calls += process.tap.lms_calls();
        self.lms_writes += process.tap.lms_writes();
        self.trace.push(process.tap.digest());
        self.story.extend(process.tap.lines());
        self.story.push(match ended {
            Ended::Killed => format!("died at call {}", process.tap.calls()),
            Ended::Came(Ok(outcome)) => format!(
                "{} {:?} {:?}",
                outcome.run.state.name(),
                outcome.run.receipts,
                outcome.run.reason
            ),
            Ended::Came(Err(error)) => format!("{error}: {error:?}"),
        });
    }

    /// One digest of everything.
    pub fn digest(&self) -> blake3::Hash {
        let mut whole = blake3::Hasher::new();
        for trace in &self.trace {
            whole.update(trace.as_bytes());
        }
        whole.finalize()
    }
}

/// A source of full exports of whatever format, called `registrar`.
pub fn source() -> Source {
    Source {
        name: "registrar".to_owned(),
        mode: Mode::Full,
        scope: Speaks::ForSource,
        precedence: 0,
        read: ReadOptions::default(),
        part: Default::default(),
    }
}

/// Small calls, so that a day of a small school has many moments to die at; and passwords that
/// somebody hands over, so that each of them says what is on the list by then.
fn moodle_config() -> MoodleConfig {
    MoodleConfig {
        batch: 12,
        concurrency: 2,
        timeout: TIMEOUT.as_secs(),
        password: NewPassword::List,
        ..MoodleConfig::default()
    }
}

fn integration() -> Integration {
    let mut limits = Limits::default();
    // Six courses are below the number from which a share is looked at.
    limits.kinds.insert(Kind::Course, Limit { percent: None, count: Some(3), minimum: 0 });
    Integration {
        scope: Scope::new("oakfield", "sis"),
        standing: Standing::Active,
        sources: vec![source()],
        policy: Policy::default(),
        limits,
        identity: IdentityRules::default(),
        safety: Safety::default(),
        rules: moodle_config().rules(),
        mapping: Default::default(),
        config_version: "1".to_owned(),
        target_kind: "moodle".to_owned(),
        target_url: URL.to_owned(),
        request_timeout: TIMEOUT,
        lease: LEASE,
        approval_lasts: Duration::from_secs(7 * 86_400),
        keeping: pipeline::Keeping::default(),
        fold_every: 3,
    }
}
