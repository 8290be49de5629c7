//! Many schools at once: the hosted steps over stores that all of them share, a few functions at
//! work at a time, and one simulated clock.
//!
//! Every call to a table or an LMS takes simulated time, and while one school waits for its answer
//! the others go on: so their calls interleave, the same way for the same input. How long a school
//! waits is counted in simulated time and in the calls that the largest made meanwhile, never in
//! the time of the machine.
//!
//! All schools use the same keys for other people and courses, so that whatever got across would
//! show.
//!
//! **Never:** no socket, no file, no clock of the machine.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ambient::{Clock, ManualClock, Timestamp};
use pipeline::{ExportInput, NoProgress, PipelineError, read};
use roster::{Kind, Mode, Record, Role};
use store::state::run::{Run, RunState};
use store::state::{Scope, StateName, States};
use store::{Message, Queue, QueueName};
use tokio::task::{JoinSet, LocalSet};

use crate::load_ports::{Health, Timeline, slowed};
use crate::oracle;
use crate::town::{Class, FAMILY, GIVEN, Somebody, Town, course_key, person_key};
use crate::world::{LEASE, Process, TIMEOUT, World};

/// How long a message is hidden: longer than a function may work.
const HIDDEN: Duration = Duration::from_secs(900);
/// Deliveries of a message before it counts as poison.
const MAX_RECEIVES: u32 = 50;

/// Runs to its end what is done to a [`Load`]: on one thread, and in no time but the simulated one.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.expect("a runtime needs nothing"), future)
}

/// How many functions are at work at a time, and for how long each works on.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Functions at a time.
    pub functions: usize,
    /// How long a function delivers before it hands on.
    pub slice: Duration,
}

/// One school among many.
#[derive(Debug)]
pub struct Tenant {
    /// Its name: the tenant of its scope, and a part of all that it calls its own.
    pub name: String,
    /// Its own LMS and integration, and the stores of all.
    pub world: World,
    /// What its registrar says.
    pub town: Town,
    /// How its LMS is.
    pub health: Health,
    /// Calls to its LMS so far.
    pub calls: Arc<AtomicU64>,
}

/// When a school came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// How long after the rush began.
    pub after: Duration,
    /// How many calls the first school's LMS had got by then.
    pub calls_of_first: u64,
}

/// All schools.
#[derive(Debug)]
pub struct Load {
    /// The schools.
    pub tenants: Vec<Tenant>,
    clock: Arc<ManualClock>,
    seed: u64,
}

/// What wakes a function.
#[derive(Debug)]
enum Work {
    Upload(Vec<u8>),
    Message(QueueName, Message),
    Sweep,
}

/// A piece of work that came to its end.
struct Done {
    tenant: usize,
    message: Option<(QueueName, String)>,
    result: Result<(), PipelineError>,
}

impl Load {
    /// No schools yet. Their ids and what they draw come from `seed`.
    pub fn new(seed: u64) -> Self {
        let world = World::new(seed);
        Self { tenants: Vec::new(), clock: world.clock, seed }
    }

    /// A school `size` times thirty people, whose LMS is empty.
    pub fn add(&mut self, size: usize) {
        let number = self.tenants.len();
        let name = format!("school{number:02}");
        let mut world = World::new(self.seed ^ (number as u64) << 32);
        world.clock = Arc::clone(&self.clock);
        match self.tenants.first().map(|first| &first.world) {
            None => world.queue = Arc::new(store::MemoryQueue::new(world.clock.clone())),
            Some(first) => {
                world.objects = Arc::clone(&first.objects);
                world.table = Arc::clone(&first.table);
                world.queue = Arc::clone(&first.queue);
                world.wake = Arc::clone(&first.wake);
            }
        }
        let mut integration = (*world.integration).clone();
        integration.scope = Scope::new(&name, "sis");
        world.integration = Arc::new(integration);
        let town = town(&name, size);
        self.tenants.push(Tenant {
            town,
            name,
            world,
            health: Health::Well,
            calls: Arc::default(),
        });
    }

    /// Works off these exports, all of which come at once, until nothing is left to be done or can
    /// be done now. Says when each school came to rest.
    pub async fn rush(
        &mut self,
        exports: Vec<(usize, Vec<u8>)>,
        pace: Pace,
    ) -> BTreeMap<usize, Rest> {
        let works = exports.into_iter().map(|(tenant, bytes)| (tenant, Work::Upload(bytes)));
        self.work_off(works.collect(), pace).await
    }

    /// What the schedule does, for each of these schools.
    pub async fn sweep(&mut self, tenants: &[usize], pace: Pace) -> BTreeMap<usize, Rest> {
        let works = tenants.iter().map(|tenant| (*tenant, Work::Sweep));
        self.work_off(works.collect(), pace).await
    }

    async fn work_off(&mut self, works: Vec<(usize, Work)>, pace: Pace) -> BTreeMap<usize, Rest> {
        let begun = self.clock.now();
        let mut rests = BTreeMap::new();
        let mut given = works.into_iter();
        let mut at_work = JoinSet::new();
        loop {
            while at_work.len() < pace.functions {
                let next = match given.next() {
                    Some(work) => Some(work),
                    None => self.receive().await,
                };
                let Some((tenant, work)) = next else { break };
                let process = self.process(tenant);
                at_work.spawn_local(work_on(process, tenant, work, pace.slice));
            }
            let Some(done) = at_work.join_next().await else { return rests };
            let done = done.expect("no function panics");
            let tenant = &self.tenants[done.tenant];
            // An export that is refused is said no to, and that is all.
            done.result.unwrap_or_else(|error| panic!("{}: {error:?}", tenant.name));
            if let Some((queue, receipt)) = done.message {
                let acknowledged = tenant.world.queue.ack(queue, &receipt).await;
                acknowledged.expect("the queue in memory answers");
            }
            if tenant.is_at_rest().await {
                let after = self.clock.now().duration_since(begun);
                let rest = Rest {
                    after: Duration::try_from(after).unwrap_or_default(),
                    calls_of_first: self.tenants[0].calls(),
                };
                rests.insert(done.tenant, rest);
            }
        }
    }

    /// The next message that any function may take.
    async fn receive(&self) -> Option<(usize, Work)> {
        let queue = &self.tenants.first()?.world.queue;
        for name in [QueueName::Plan, QueueName::Deliver] {
            let received = queue.receive(name, HIDDEN, MAX_RECEIVES).await;
            if let Some(message) = received.expect("the queue in memory answers") {
                let (_, scope) = pipeline::queue_of(&message.body).expect("a message of ours");
                let tenant = self.tenants.iter().position(|one| one.name == scope.tenant);
                let tenant = tenant.expect("a tenant that there is");
                return Some((tenant, Work::Message(name, message)));
            }
        }
        None
    }

    fn process(&mut self, tenant: usize) -> Process {
        let tenant = &mut self.tenants[tenant];
        let mut process = tenant.world.process(None, None, false);
        let clock = Arc::new(Timeline(Arc::clone(&self.clock)));
        let platform = Arc::clone(&tenant.world.platform);
        slowed(&mut process, platform, clock, tenant.health, Arc::clone(&tenant.calls));
        process
    }

    /// Lets time pass while nothing is at work.
    pub fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }
}

impl Tenant {
    /// Calls to its LMS so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Its newest run.
    pub async fn newest(&self) -> Option<Run> {
        self.world.runs().await.into_iter().next()
    }

    async fn is_at_rest(&self) -> bool {
        self.world.runs().await.iter().all(|run| run.state.is_final())
    }

    /// What is wrong with its LMS and its stored states, which must hold this school as `town` has
    /// it and nothing of any other.
    pub async fn faults(&self, town: &Town) -> Vec<String> {
        let mut wrong = oracle::faults(&self.world, town).await;
        wrong.extend(self.strangers().await);
        wrong
    }

    /// Records of other schools in its stored states.
    async fn strangers(&self) -> Vec<String> {
        let states = States::new(&self.world.stores(), self.world.integration.scope.clone());
        let mut strangers = Vec::new();
        for name in [StateName::Source("registrar".into()), self.world.integration.applied()] {
            let newest = states.newest(&name).await.expect("its manifest can be read");
            let loaded = states.load(&name, &newest.manifest).await.expect("so can its segments");
            for bucket in 0..newest.manifest.buckets.len() {
                let packed = loaded.bucket(bucket).expect("they are whole");
                for packed in packed.iter() {
                    let record = packed.and_then(|packed| packed.decode()).expect("a record");
                    if !is_of(&record, &self.name) {
                        strangers.push(format!("{} is in {}", record.key(), name.slug()));
                    }
                }
            }
        }
        strangers
    }
}

/// Whether a record is of this school, where its kind tells.
fn is_of(record: &Record, school: &str) -> bool {
    let text = match record {
        Record::Person(person) => &person.email,
        Record::Course(course) => &course.title,
        Record::OrgUnit(unit) => &unit.title,
        _ => return true,
    };
    text.as_deref().is_some_and(|text| text.contains(school))
}

async fn work_on(process: Process, tenant: usize, work: Work, slice: Duration) -> Done {
    let result = work_through(&process, &work, slice).await;
    let message = match work {
        Work::Message(queue, message) => Some((queue, message.receipt)),
        Work::Upload(_) | Work::Sweep => None,
    };
    Done { tenant, message, result }
}

async fn work_through(
    process: &Process,
    work: &Work,
    slice: Duration,
) -> Result<(), PipelineError> {
    let pipeline = &process.pipeline;
    let later = |time| pipeline.clock.now().saturating_add(time).unwrap_or(Timestamp::MAX);
    let patient = later(LEASE + TIMEOUT);
    match work {
        Work::Upload(bytes) => {
            let input = ExportInput {
                name: "registrar.xml".to_owned(),
                reader: Box::new(Cursor::new(bytes.clone())),
            };
            let source = &process.source;
            match read(source, Mode::Full, vec![input], &*pipeline.vault, &NoProgress) {
                Ok(export) => {
                    let taken = pipeline.take_in(source, export, patient).await?;
                    pipeline.send(&taken.next).await
                }
                Err(error @ PipelineError::Unreadable { .. }) => {
                    let why = error.to_string();
                    let noted = pipeline.note_refused(source, Vec::new(), why, patient).await?;
                    assert_eq!(noted.state, RunState::Rejected);
                    Ok(())
                }
                Err(error) => Err(error),
            }
        }
        Work::Message(QueueName::Plan, message) => {
            let step = serde_json::from_str(&message.body).expect("a step");
            pipeline.handle_step(&step, patient).await.map(drop)
        }
        Work::Message(_, message) => {
            let batch = serde_json::from_str(&message.body).expect("a batch");
            pipeline.handle_batch(&batch, later(slice)).await.map(drop)
        }
        Work::Sweep => pipeline.sweep_step(patient).await.map(drop),
    }
}

/// A school of thirty times `size` people, each in three courses, groups in every other one. Keys
/// are those of every other school; all else has its name in it.
fn town(school: &str, size: usize) -> Town {
    let mut town = Town::default();
    town.units.insert("DEP-A".into(), format!("Languages of {school}"));
    town.units.insert("DEP-B".into(), format!("Sciences of {school}"));
    let (people, courses) = (30 * size, 6 * size);
    for number in 1..=people {
        let login = format!("p{number}.{school}");
        let somebody = Somebody {
            email: format!("{login}@{school}.example"),
            username: login,
            given: GIVEN[number % GIVEN.len()].into(),
            family: FAMILY[number % FAMILY.len()].into(),
            born: None,
            former: None,
        };
        town.people.insert(person_key(number), somebody);
    }
    for number in 1..=courses {
        let class = Class {
            code: format!("K{number}-{school}"),
            title: format!("Kurs {number} ({school})"),
            unit: if number.is_multiple_of(2) { "DEP-A" } else { "DEP-B" }.into(),
        };
        town.courses.insert(course_key(2026, number), class);
    }
    for person in 1..=people {
        let role = if person % 10 == 0 { Role::Instructor } else { Role::Student };
        for course in 0..3 {
            let course = (person + course * (courses / 3)) % courses + 1;
            town.sits(&course_key(2026, course), &person_key(person), role.clone());
        }
    }
    town
}

/// How many records of each kind a school wants in its LMS.
pub fn wanted(town: &Town) -> BTreeMap<Kind, u64> {
    let mut counts = BTreeMap::new();
    for record in town.records() {
        *counts.entry(record.kind()).or_default() += 1;
    }
    // Groups stand in an export only by who is in them.
    let groups = town.courses.keys().map(|course| town.groups(course).len() as u64).sum();
    counts.insert(Kind::Group, groups);
    counts
}
