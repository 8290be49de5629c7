//! The home in which every step is a process of its own: an upload wakes one, a message the next.
//!
//! What stands between the processes is simulated as strictly as the real thing behaves: an event
//! comes at least once, a message is hidden while it is worked on and comes again where nobody
//! acknowledged it, and a process that dies acknowledges nothing.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, Random, SeededRandom, Timestamp};
use async_trait::async_trait;
use pipeline::PipelineError;
use store::state::run::{Run, RunState};
use store::{Message, Queue, QueueName, Wake};

use crate::careful::LIST;
use crate::life::{Day, Event};
use crate::process::{Process, newest_export};
use crate::tap::Crash;
use crate::trouble::Trouble;
use crate::world::{LEASE, TIMEOUT, World};

/// How long a message is hidden: longer than a function may work.
const HIDDEN: Duration = Duration::from_secs(900);
/// How long a function works on before it hands on.
const SLICE: Duration = Duration::from_secs(2);
/// How often the sweep comes.
const SWEEPS: Duration = Duration::from_secs(900);
/// After so many receptions a message is poison; far more than any world has deaths.
const MAX_RECEIVES: u32 = 50;
/// Whose exports come where nothing else is said.
const REGISTRAR: &str = "registrar";
/// What one call of a function takes at least.
const TICK: Duration = Duration::from_millis(40);

/// A clock that goes on a little whenever somebody looks at it: work takes time.
#[derive(Debug)]
struct Ticking(Arc<ManualClock>);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        self.0.advance(TICK);
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

/// What wakes a function.
#[derive(Debug, Clone)]
enum Work {
    /// An upload: its source, and the file.
    Upload(&'static str, Vec<u8>),
    /// Somebody's command, which is given again until it is done.
    Command(Command),
    /// A message of a queue.
    Message(QueueName, Message),
    /// The schedule.
    Sweep,
}

/// What somebody asks for by a program of their own rather than by a message.
#[derive(Debug, Clone)]
enum Command {
    /// That the person of this key be forgotten.
    Forget(String),
    /// That they may come back.
    Lift(String),
}

/// A day in the hosted home.
#[derive(Debug)]
pub struct Host<'a> {
    world: &'a mut World,
    /// Deaths, at calls counted over all processes.
    crashes: Vec<Crash>,
    /// What each process may meet, from a seed.
    trouble: Option<SeededRandom>,
    /// Events that have come and were not worked off.
    uploads: Vec<(&'static str, Vec<u8>)>,
    /// What somebody wants done before that.
    commands: Vec<Command>,
    /// Exports that come while others are under way: after so many pieces of work.
    later: Vec<(u64, Vec<u8>)>,
    swept: Timestamp,
    keeps_lines: bool,
    /// What was done.
    pub told: Told,
}

/// What a day took.
#[derive(Debug, Default)]
pub struct Told {
    /// Pieces of work.
    pub works: u64,
    /// Processes that died.
    pub killed: u64,
    /// Port calls.
    pub calls: u64,
    /// Which of them, counted from 1 over all processes, were calls to the LMS.
    pub lms: Vec<u64>,
    /// Which of them were to change something in a store.
    pub changes: Vec<u64>,
    /// Calls that were to change something in the LMS.
    pub writes: u64,
    /// Runs that stood still until a sweep noticed.
    pub stalled: u64,
    /// Messages that came twice.
    pub duplicates: u64,
    /// Messages that were handed out late.
    pub delays: u64,
    /// What each process came to.
    pub story: Vec<String>,
    /// Whether everything came to rest.
    pub rests: bool,
}

impl<'a> Host<'a> {
    /// A day of `world`, on which processes die at `crashes`.
    pub fn new(world: &'a mut World, crashes: Vec<Crash>) -> Self {
        let swept = world.clock.now();
        let (uploads, commands) = (Vec::new(), Vec::new());
        let (later, trouble) = (Vec::new(), None);
        let keeps_lines = std::env::var_os("WORLD_LINES").is_some();
        let told = Told::default();
        Self { world, crashes, trouble, uploads, commands, later, swept, keeps_lines, told }
    }

    /// Processes meet trouble, and messages and events come twice.
    pub fn with_trouble(mut self, seed: u64) -> Self {
        self.trouble = Some(SeededRandom::new(seed));
        self
    }

    /// Another export comes after so many pieces of work.
    pub fn and_then(mut self, works: u64, export: Vec<u8>) -> Self {
        self.later.push((works, export));
        self
    }

    /// Lives through what happens on `day`, until nothing is left to do.
    pub async fn live(mut self, day: &Day) -> Told {
        self.world.act_by_hand(day.by_hand);
        match &day.event {
            Event::Export(bytes) | Event::Broken(bytes) | Event::Moves { export: bytes, .. } => {
                self.uploads.push((REGISTRAR, bytes.clone()));
            }
            Event::List(bytes) => self.uploads.push((LIST, bytes.clone())),
            Event::Forgetting(who, bytes) => {
                self.commands.push(Command::Forget(who.clone()));
                self.uploads.push((REGISTRAR, bytes.clone()));
            }
            Event::Lifting(who, bytes) => {
                self.commands.push(Command::Lift(who.clone()));
                self.uploads.push((REGISTRAR, bytes.clone()));
            }
            Event::Approval(_) => self.ask_to_approve().await,
            Event::Reverting => self.ask_to_revert().await,
        }
        for _ in 0..3_000 {
            let due = self.later.iter().position(|(works, _)| *works <= self.told.works);
            if let Some(at) = due {
                let (_, export) = self.later.remove(at);
                self.uploads.push((REGISTRAR, export));
            }
            let Some(work) = self.next_work().await else {
                if self.is_at_rest().await {
                    self.told.rests = true;
                    break;
                }
                self.let_time_pass().await;
                continue;
            };
            let twice = self.chance(60);
            self.work(work.clone()).await;
            if twice && !matches!(work, Work::Sweep) {
                self.told.duplicates += 1;
                self.work(work).await;
            }
        }
        self.world.platform().land(Timestamp::MAX);
        self.told
    }

    /// Somebody sends the documented message.
    async fn ask_to_approve(&mut self) {
        let runs = self.world.runs().await;
        let held = runs.iter().find(|run| run.held_checksum.is_some()).expect("something is held");
        let body = serde_json::json!({
            "tenant": self.world.integration.scope.tenant,
            "integration": self.world.integration.scope.integration,
            "step": "approve",
            "run": held.id,
            "checksum": held.held_checksum,
            "by": "the registrar",
        });
        self.by_hand(body.to_string()).await;
    }

    /// Somebody sends the other documented message.
    async fn ask_to_revert(&mut self) {
        let run = newest_export(self.world.runs().await);
        let body = serde_json::json!({
            "tenant": self.world.integration.scope.tenant,
            "integration": self.world.integration.scope.integration,
            "step": "revert",
            "run": run,
            "by": "the registrar",
        });
        self.by_hand(body.to_string()).await;
    }

    async fn by_hand(&self, body: String) {
        let group = pipeline::group(&self.world.integration.scope);
        let sent = self.world.queue.send(QueueName::Plan, &group, "by-hand", &body);
        sent.await.expect("the queue in memory takes it");
    }

    async fn next_work(&mut self) -> Option<Work> {
        if !self.commands.is_empty() {
            return Some(Work::Command(self.commands.remove(0)));
        }
        if !self.uploads.is_empty() {
            let (source, bytes) = self.uploads.remove(0);
            return Some(Work::Upload(source, bytes));
        }
        if self.chance(40) {
            // What is there is not handed out yet.
            self.told.delays += 1;
            return None;
        }
        for name in [QueueName::Plan, QueueName::Deliver] {
            let received = self.world.queue.receive(name, HIDDEN, MAX_RECEIVES).await;
            if let Some(message) = received.expect("the queue in memory answers") {
                return Some(Work::Message(name, message));
            }
        }
        (self.world.clock.now() >= self.swept).then_some(Work::Sweep)
    }

    /// Nothing is under way, nothing is due later, and every run has come to its end.
    async fn is_at_rest(&self) -> bool {
        let queue = &self.world.queue;
        let empty = [QueueName::Plan, QueueName::Deliver, QueueName::DeadLetter]
            .into_iter()
            .all(|name| queue.messages(name).is_empty());
        let quiet = self.world.wake.wakes().is_empty() && self.later.is_empty();
        empty && quiet && self.open_runs().await.is_empty()
    }

    async fn open_runs(&self) -> Vec<Run> {
        let runs = self.world.runs().await;
        runs.into_iter().filter(|run| !run.state.is_final()).collect()
    }

    async fn let_time_pass(&mut self) {
        let now = self.world.clock.now();
        let woken = self.world.wake.of(&self.world.integration.scope.path()).await;
        let woken = woken.expect("wake-ups can be read").into_iter().map(|wake| wake.due);
        let messages = [QueueName::Plan, QueueName::Deliver]
            .into_iter()
            .flat_map(|name| self.world.queue.messages(name));
        let hidden: Vec<Timestamp> = messages.map(|message| message.visible).collect();
        let hidden_now = hidden.iter().any(|visible| *visible <= now);
        // Whatever comes first; the scheduler wakes the sweep when something is due.
        let due: Option<Timestamp> = woken.min();
        let next = due.into_iter().chain(hidden).chain([self.swept]).filter(|at| *at > now).min();
        let next = next.unwrap_or(self.swept).max(now);
        // Where a message is there and not handed out, it is a little later.
        let waits = hidden_now.then(|| now + Duration::from_secs(5));
        self.world.clock.reach(waits.map_or(next, |soon| next.min(soon)));
        if due.is_some_and(|due| due <= self.world.clock.now()) {
            self.swept = self.world.clock.now();
        }
    }

    async fn work(&mut self, work: Work) {
        let process = self.process();
        if self.keeps_lines {
            process.tap.keep_lines();
        }
        let clock: Arc<dyn Clock> = Arc::new(Ticking(self.world.clock.clone()));
        let process = Process {
            pipeline: pipeline::Pipeline { clock: clock.clone(), ..process.pipeline },
            ..process
        };
        if matches!(work, Work::Sweep) {
            self.swept = self.world.clock.now() + SWEEPS;
        }
        let ended = tokio::select! {
            biased;
            ended = run(&process, &work, &*clock) => Some(ended),
            () = process.tap.killed() => None,
        };
        self.tell(&process, &work, &ended);
        let done = matches!(ended, Some(Ok(_)));
        if let Some(Ok(stalled)) = ended {
            self.told.stalled += stalled;
        }
        match work {
            Work::Message(name, message) if done => {
                let acknowledged = self.world.queue.ack(name, &message.receipt).await;
                acknowledged.expect("the queue in memory answers");
            }
            // The event comes again.
            Work::Upload(source, bytes) if !done => {
                self.world.clock.advance(Duration::from_secs(60));
                self.uploads.push((source, bytes));
            }
            Work::Command(command) if !done => {
                self.world.clock.advance(Duration::from_secs(60));
                self.commands.insert(0, command);
            }
            Work::Sweep if !done => self.swept = self.world.clock.now() + Duration::from_secs(60),
            _ => {}
        }
    }

    fn process(&mut self) -> Process {
        let done = self.told.calls;
        // A death counts in calls over all processes: this one dies if it gets that far.
        let crash = self.crashes.iter().filter(|crash| crash.call > done).min_by_key(|c| c.call);
        let crash = crash.map(|crash| Crash { call: crash.call - done, ..*crash });
        let trouble = self.trouble.as_ref().filter(|random| random.below(3) == 0);
        let trouble = trouble.map(|random| Trouble::of(random.next_u64(), &MET));
        self.world.process(crash, trouble, false)
    }

    fn tell(&mut self, process: &Process, work: &Work, ended: &Option<Result<u64, PipelineError>>) {
        let told = &mut self.told;
        let from = told.calls;
        told.works += 1;
        told.calls += process.tap.calls();
        told.lms.extend(process.tap.lms_places().into_iter().map(|place| from + place));
        told.changes.extend(process.tap.changes().into_iter().map(|place| from + place));
        told.writes += process.tap.lms_writes();
        told.killed += u64::from(process.tap.is_dead());
        told.story.extend(process.tap.lines());
        let what = match work {
            Work::Upload(source, bytes) => format!("{source}: {} bytes", bytes.len()),
            Work::Command(command) => format!("{command:?}"),
            Work::Message(_, message) => message.body.clone(),
            Work::Sweep => "sweep".to_owned(),
        };
        told.story.push(match ended {
            None => format!("{what}: died at call {}", process.tap.calls()),
            Some(Ok(_)) => format!("{what}: done"),
            Some(Err(error)) => format!("{what}: {error}: {error:?}"),
        });
    }

    fn chance(&self, per_mille: u64) -> bool {
        self.trouble.as_ref().is_some_and(|random| random.below(1000) < per_mille)
    }
}

/// Trouble that the hosted home meets; what its queue does is done by the host itself.
const MET: [crate::trouble::Kind; 15] = {
    use crate::trouble::Kind;
    [
        Kind::StoreThrottles,
        Kind::StoreDown,
        Kind::StoreSilent,
        Kind::StoreSlow,
        Kind::QueueDuplicates,
        Kind::LmsRefuses,
        Kind::LmsTimeoutBefore,
        Kind::LmsTimeoutAfter,
        Kind::LmsThrottles,
        Kind::LmsFails,
        Kind::LmsMaintenance,
        Kind::LmsDatabaseDown,
        Kind::LmsSlow,
        Kind::LmsReadOnly,
        Kind::ByHand,
    ]
};

/// One function's work. An error leaves its event or message to come again.
async fn run(process: &Process, work: &Work, clock: &dyn Clock) -> Result<u64, PipelineError> {
    let pipeline = &process.pipeline;
    // A function asks for the lease for as long as a dead one can have it.
    let until = clock.now() + SLICE;
    let patient = clock.now() + LEASE + TIMEOUT;
    match work {
        Work::Upload(source, bytes) => {
            let source = pipeline.integration.source(source).expect("a source of this name");
            match process.reads(source, &format!("{}.export", source.name), bytes) {
                Ok(export) => {
                    let taken = pipeline.take_in(source, export, patient).await?;
                    pipeline.send(&taken.next).await?;
                }
                Err(error @ PipelineError::Unreadable { .. }) => {
                    let why = error.to_string();
                    pipeline.note_refused(source, Vec::new(), why, patient).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Work::Command(Command::Forget(who)) => process.forget(who).await?,
        Work::Command(Command::Lift(who)) => {
            pipeline.lift(who, "the registrar").await?;
        }
        Work::Message(QueueName::Plan, message) => {
            let step = serde_json::from_str(&message.body).expect("a step");
            pipeline.handle_step(&step, patient).await?;
        }
        Work::Message(_, message) => {
            let batch = serde_json::from_str(&message.body).expect("a batch");
            pipeline.handle_batch(&batch, until).await?;
        }
        Work::Sweep => {
            let swept = pipeline.sweep_step(patient).await?;
            return Ok(swept.stalled.len() as u64);
        }
    }
    Ok(0)
}

/// Whether any run of the world came to this state.
pub async fn has_run(world: &World, state: RunState) -> bool {
    world.runs().await.iter().any(|run| run.state == state)
}
