//! Ports that take their time, so that what many schools do at once interleaves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, ManualClock, Timestamp};
use async_trait::async_trait;
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{Request, Response, Transport, TransportError};
use store::{Condition, Item, ItemKey, Page, StoreError, Table, Write};

use crate::wire::{Platform, URL, Wire};
use crate::world::{Process, TIMEOUT};

/// How long a call to a table takes.
const TABLE: Duration = Duration::from_millis(4);
/// How long a call to an LMS takes.
const LMS: Duration = Duration::from_millis(200);

/// How an LMS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Well,
    /// Nobody can connect to it.
    Down,
    /// It takes requests and never answers.
    Silent,
}

/// The clock of all schools. Whoever sleeps is woken in the order of time: the runtime's own time
/// stands still and goes on only where everybody sleeps.
#[derive(Debug)]
pub struct Timeline(pub Arc<ManualClock>);

#[async_trait]
impl Clock for Timeline {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        let wake = self.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        tokio::time::sleep(duration).await;
        self.0.reach(wake);
    }
}

/// Gives a process ports that take their time, and an LMS that is as `health` says. Counts its
/// calls in `calls`.
pub(crate) fn slowed(
    process: &mut Process,
    platform: Arc<Mutex<Platform>>,
    clock: Arc<Timeline>,
    health: Health,
    calls: Arc<AtomicU64>,
) {
    let pipeline = &mut process.pipeline;
    let wire = Wire { platform, tap: Arc::clone(&process.tap) };
    let transport = SlowWire { wire, clock: Arc::clone(&clock), health, calls };
    let access = MoodleAccess { url: URL.into(), token: sandbox::moodle::TOKEN.into() };
    let config = MoodleConfig { timeout: TIMEOUT.as_secs(), ..MoodleConfig::default() };
    let random = Arc::clone(&pipeline.random);
    pipeline.lms =
        Arc::new(Moodle::new(Arc::new(transport), clock.clone(), random, access, config));
    let table = Arc::clone(&pipeline.stores.table);
    pipeline.stores.table = Arc::new(SlowTable { table, clock: Arc::clone(&clock) });
    pipeline.clock = clock;
}

struct SlowWire {
    wire: Wire,
    clock: Arc<Timeline>,
    health: Health,
    calls: Arc<AtomicU64>,
}

#[async_trait]
impl Transport for SlowWire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match self.health {
            Health::Well => {
                self.clock.sleep(LMS).await;
                self.wire.send(request).await
            }
            Health::Down => {
                let reason = "connection refused".to_owned();
                Err(TransportError::NotSent { reason, permanent: false })
            }
            Health::Silent => {
                self.clock.sleep(request.timeout).await;
                Err(TransportError::NoAnswer { reason: "timeout".to_owned() })
            }
        }
    }
}

struct SlowTable {
    table: Arc<dyn Table>,
    clock: Arc<Timeline>,
}

#[async_trait]
impl Table for SlowTable {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.clock.sleep(TABLE).await;
        self.table.get(key).await
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.clock.sleep(TABLE).await;
        self.table.query(pk, prefix, after, limit).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.clock.sleep(TABLE).await;
        self.table.transact(writes).await
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.clock.sleep(TABLE).await;
        self.table.put(key, body, condition).await
    }

    async fn delete(&self, key: &ItemKey, condition: Condition) -> Result<(), StoreError> {
        self.clock.sleep(TABLE).await;
        self.table.delete(key, condition).await
    }
}
