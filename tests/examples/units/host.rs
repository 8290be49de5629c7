//! The hosted home of one school: what wakes which function, and what each call of it used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, ManualClock, SeededRandom, Timestamp};
use end_to_end::load_ports::Timeline;
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use pipeline::{
    Arrival, Arrived, ExportInput, FOLD_EVERY, Integration, NoProgress, OpenVault, Pipeline,
    Safety, Source, Speaks, Standing, Wholeness, read,
};
use plan::{IdentityRules, Limits, Policy};
use readers::ReadOptions;
use roster::Mode;
use sandbox::moodle::Site;
use serde_json::{Value, json};
use store::state::Scope;
use store::{
    Condition, ItemKey, MemoryObjects, MemoryQueue, MemoryTable, MemoryWake, Queue, QueueName,
    Stores, Table,
};

use crate::counts::{Counter, Work, cpu};
use crate::ports::{Blocks, Counted, Wire};
use crate::waits::BUCKET;

const URL: &str = "https://moodle.invalid";
/// How long one request may take, and how much longer a lease is: the defaults of both.
const TIMEOUT: Duration = Duration::from_secs(60);
const LEASE: Duration = Duration::from_secs(60);
/// `SliceSeconds` of the template.
const SLICE: Duration = Duration::from_secs(120);
const HIDDEN: Duration = Duration::from_secs(360);
const NIGHT: Duration = Duration::from_secs(24 * 3600);
/// 1 September 2026, six in the morning.
const START: i64 = 1_788_242_400;
/// About what a configuration is long.
const CONFIGURATION: usize = 500;

/// One school's stores and LMS.
pub struct Host {
    clock: Arc<ManualClock>,
    objects: Arc<MemoryObjects>,
    table: Arc<MemoryTable>,
    queue: Arc<MemoryQueue>,
    wake: Arc<MemoryWake>,
    site: Arc<Mutex<Site>>,
    away: Duration,
    counter: Counter,
    works: BTreeMap<&'static str, Work>,
    nights: u64,
}

impl Host {
    /// A school without anything, whose LMS takes `millis` for each request.
    pub async fn new(millis: u64) -> Self {
        let start = Timestamp::from_second(START).expect("a time of this century");
        let clock = Arc::new(ManualClock::new(start));
        let table = Arc::new(MemoryTable::new());
        let configuration = vec![b' '; CONFIGURATION];
        let stored = table.put(&configuration_key(), configuration, Condition::Any).await;
        stored.expect("memory takes it");
        Self {
            queue: Arc::new(MemoryQueue::new(clock.clone())),
            objects: Arc::default(),
            table,
            wake: Arc::default(),
            site: Arc::new(Mutex::new(Site::in_memory())),
            away: Duration::from_millis(millis),
            counter: Counter::default(),
            works: BTreeMap::new(),
            nights: 0,
            clock,
        }
    }

    /// A night on which `export` is dropped off, until nothing is left to do. Tells what each
    /// function used.
    pub async fn night(&mut self, export: Vec<u8>) -> Value {
        self.clock.advance(NIGHT);
        self.nights += 1;
        self.works.clear();
        let bytes = export.len();
        let mut receipts = Value::Null;
        self.parse(export.into()).await;
        while let Some((name, message)) = self.received().await {
            let (begun, since) = (cpu(), self.clock.now());
            let pipeline = self.pipeline().await;
            let until = pipeline.clock.now() + SLICE;
            let function = if name == QueueName::Plan { "diff" } else { "deliver" };
            let run = if name == QueueName::Plan {
                let step = serde_json::from_str(&message.body).expect("a step");
                pipeline.handle_step(&step, until).await.expect("it works").run
            } else {
                let batch = serde_json::from_str(&message.body).expect("a batch");
                pipeline.handle_batch(&batch, until).await.expect("it works").run
            };
            if let Some(run) = run.filter(|run| run.state.is_final()) {
                assert!(run.held.is_empty(), "something is held: {:?}", run.held);
                receipts = json!({
                    "applied": run.receipts.applied, "rejected": run.receipts.rejected,
                });
            }
            drop(pipeline);
            self.note(function, begun, since);
            self.queue.ack(name, &message.receipt).await.expect("memory answers");
        }
        let works = self.works.iter().map(|(name, work)| ((*name).to_owned(), work.told()));
        json!({ "bytes": bytes, "receipts": receipts, "functions": works.collect::<serde_json::Map<_, _>>() })
    }

    /// What a sweep uses that finds nothing to do.
    pub async fn sweep(&mut self) -> Value {
        self.clock.advance(Duration::from_secs(900));
        // What the last night left to collect is not what most sweeps find.
        let pipeline = self.pipeline().await;
        pipeline.sweep_step(self.clock.now() + SLICE).await.expect("it works");
        self.counter.take();
        self.works.clear();
        let (begun, since) = (cpu(), self.clock.now());
        let pipeline = self.pipeline().await;
        // Files that nobody told of: a listing and what is known of the source's files.
        self.counter.add(|units| units.puts += 1);
        pipeline.clock.sleep(BUCKET).await;
        pipeline.untold("registrar", Vec::new(), NIGHT).await.expect("it works");
        pipeline.newest_export("registrar").await.expect("it works");
        pipeline.sweep_step(pipeline.clock.now() + SLICE).await.expect("it works");
        drop(pipeline);
        self.note("reconcile", begun, since);
        self.works["reconcile"].told()
    }

    /// Bytes in the table and in the bucket.
    pub fn stored(&self) -> Value {
        let items = self.table.items();
        let bytes: usize = items.iter().map(store::Item::size).sum();
        json!({ "items": items.len(), "table_bytes": bytes })
    }

    async fn parse(&mut self, export: Arc<[u8]>) {
        let (begun, since) = (cpu(), self.clock.now());
        let pipeline = self.pipeline().await;
        let file = Arrival {
            key: "incoming/oakfield/sis/registrar/school.xml".to_owned(),
            name: "school.xml".to_owned(),
            version: None,
            sequencer: format!("{:016x}", self.nights),
            bytes: export.len() as u64,
            at: self.clock.now(),
        };
        let one_file =
            Wholeness { missing: &|_| Vec::new(), is_set: false, settle: Duration::ZERO };
        let arrived = pipeline.arrive("registrar", Some(file), &one_file).await;
        let Ok(Arrived::Whole(files)) = arrived else { panic!("not whole: {arrived:?}") };
        // Looking at it, before it is read.
        self.counter.add(|units| units.gets += 1);
        let reader = Box::new(Blocks::new(export, self.counter.clone()));
        let input = ExportInput { name: "school.xml".to_owned(), reader };
        let source = source();
        let vault = &*pipeline.vault;
        let export = read(&source, Mode::Full, vec![input], vault, &NoProgress);
        let export = export.expect("it can be read");
        let until = pipeline.clock.now() + SLICE;
        let taken = pipeline.take_in(&source, export, until).await.expect("it works");
        pipeline.send(&taken.next).await.expect("memory takes it");
        pipeline.taken("registrar", &files).await.expect("memory takes it");
        drop((pipeline, taken));
        self.note("parse", begun, since);
    }

    fn note(&mut self, function: &'static str, begun: Duration, since: Timestamp) {
        let took = cpu().saturating_sub(begun);
        let waited = Duration::try_from(self.clock.now().duration_since(since)).unwrap_or_default();
        self.works.entry(function).or_default().add(took, waited, self.counter.take());
    }

    async fn received(&self) -> Option<(QueueName, store::Message)> {
        for name in [QueueName::Plan, QueueName::Deliver] {
            let received = self.queue.receive(name, HIDDEN, 5).await;
            if let Some(message) = received.expect("memory answers") {
                return Some((name, message));
            }
        }
        None
    }

    /// A process of its own, as each call of a function may be: its configuration is read first.
    async fn pipeline(&self) -> Pipeline {
        let clock: Arc<dyn Clock> = Arc::new(Timeline(Arc::clone(&self.clock)));
        let random = Arc::new(SeededRandom::new(7));
        let transport = Wire {
            site: Arc::clone(&self.site),
            url: URL,
            away: self.away,
            counter: self.counter.clone(),
            clock: Arc::clone(&clock),
        };
        let access = MoodleAccess { url: URL.into(), token: sandbox::moodle::TOKEN.into() };
        let config = MoodleConfig::default();
        let integration = integration(&config);
        let lms =
            Moodle::new(Arc::new(transport), Arc::clone(&clock), random.clone(), access, config);
        let stores = self.counted(&clock);
        stores.table.get(&configuration_key()).await.expect("memory answers");
        Pipeline {
            stores,
            clock,
            random,
            integration: Arc::new(integration),
            lms: Arc::new(lms),
            vault: Arc::new(OpenVault),
            progress: Arc::new(NoProgress),
            holder: "units".to_owned(),
            sole_writer: false,
            stop: Arc::default(),
        }
    }

    fn counted(&self, clock: &Arc<dyn Clock>) -> Stores {
        fn of<P>(port: &Arc<P>, counter: &Counter, clock: &Arc<dyn Clock>) -> Arc<Counted<P>> {
            let (port, counter, clock) = (Arc::clone(port), counter.clone(), Arc::clone(clock));
            Arc::new(Counted { port, counter, clock })
        }
        Stores {
            objects: of(&self.objects, &self.counter, clock),
            table: of(&self.table, &self.counter, clock),
            queue: of(&self.queue, &self.counter, clock),
            wake: of(&self.wake, &self.counter, clock),
        }
    }
}

fn configuration_key() -> ItemKey {
    ItemKey::new("oakfield/sis", "config")
}

fn source() -> Source {
    Source {
        name: "registrar".to_owned(),
        mode: Mode::Full,
        scope: Speaks::ForSource,
        precedence: 0,
        read: ReadOptions::default(),
        part: Default::default(),
    }
}

fn integration(config: &MoodleConfig) -> Integration {
    Integration {
        scope: Scope::new("oakfield", "sis"),
        standing: Standing::Active,
        sources: vec![source()],
        policy: Policy::default(),
        limits: Limits::default(),
        identity: IdentityRules::default(),
        safety: Safety::default(),
        rules: config.rules(),
        mapping: Default::default(),
        config_version: "1".to_owned(),
        target_kind: "moodle".to_owned(),
        target_url: URL.to_owned(),
        request_timeout: TIMEOUT,
        lease: TIMEOUT + LEASE,
        approval_lasts: Duration::from_secs(7 * 86_400),
        keeping: pipeline::Keeping::default(),
        fold_every: FOLD_EVERY,
    }
}
