//! Stores in memory that count what the same calls cost on AWS, and an LMS whose requests are counted.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::Clock;
use async_trait::async_trait;
use lms::{Request, Response, Transport, TransportError};
use sandbox::moodle::{SERVER, Site};
use store::{
    Condition, Item, ItemKey, MemoryObjects, MemoryTable, MemoryWake, Message, ObjectMeta, Objects,
    Page, Queue, QueueName, StoreError, Table, Wake, WakeUp, Write,
};

use crate::counts::{Counter, cpu};
use crate::waits::{BUCKET, MEGABYTE, MESSAGE, TABLE};

/// What an item holds beside key and body: the names of its attributes, its version, its mark.
const BESIDE: u64 = 50;
/// What `store_aws::ExportReader` asks S3 for at once.
const BLOCK: u64 = 8 << 20;

/// A store, its counter, and the time.
pub struct Counted<P> {
    pub port: Arc<P>,
    pub counter: Counter,
    pub clock: Arc<dyn Clock>,
}

fn size(key: &ItemKey, body: &[u8]) -> u64 {
    (key.pk.len() + key.sk.len() + body.len()) as u64 + BESIDE
}

fn megabytes(bytes: usize) -> Duration {
    MEGABYTE.mul_f64(bytes as f64 / 1e6)
}

impl Counted<MemoryTable> {
    async fn wait(&self) {
        self.counter.add(|units| units.table_calls += 1);
        self.clock.sleep(TABLE).await;
    }

    /// Write units of one write outside of a transaction: the larger of before and after counts.
    async fn writing(&self, write: &Write) -> Result<u64, StoreError> {
        let before = self.port.get(write.key()).await?;
        let before = before.map_or(0, |item| size(&item.key, &item.body));
        let after = match write {
            Write::Put { key, body, .. } => size(key, body),
            Write::Delete { .. } | Write::Check { .. } => 0,
        };
        Ok(before.max(after).div_ceil(1024).max(1))
    }
}

#[async_trait]
impl Table for Counted<MemoryTable> {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.wait().await;
        let found = self.port.get(key).await?;
        let bytes = found.as_ref().map_or(0, |item| size(&item.key, &item.body));
        self.counter.add(|units| units.reads += bytes.div_ceil(4096).max(1));
        Ok(found)
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.wait().await;
        let page = self.port.query(pk, prefix, after, limit).await?;
        let bytes: u64 = page.items.iter().map(|item| size(&item.key, &item.body)).sum();
        self.counter.add(|units| units.reads += bytes.div_ceil(4096).max(1));
        Ok(page)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.wait().await;
        // As `store_aws` sends them: a single put or delete is no transaction.
        let always = |write: &&Write| {
            matches!(write, Write::Check { .. }) && write.condition() == Condition::Any
        };
        let sent: Vec<&Write> = writes.iter().filter(|write| !always(write)).collect();
        let alone = matches!(
            sent[..],
            [Write::Put { .. }] | [Write::Delete { condition: Condition::Any, .. }]
        );
        let mut cost = 0;
        for write in sent {
            cost += self.writing(write).await? * if alone { 1 } else { 2 };
        }
        self.counter.add(|units| units.writes += cost);
        self.port.transact(writes).await
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.wait().await;
        let write = Write::Put { key: key.clone(), body: body.clone(), condition, expires: None };
        let cost = self.writing(&write).await?;
        self.counter.add(|units| units.writes += cost);
        self.port.put(key, body, condition).await
    }
}

#[async_trait]
impl Objects for Counted<MemoryObjects> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.port.get(key).await?;
        self.counter.add(|units| units.gets += 1);
        self.clock.sleep(BUCKET + megabytes(found.as_ref().map_or(0, Vec::len))).await;
        Ok(found)
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        self.counter.add(|units| units.gets += 1);
        self.clock.sleep(BUCKET).await;
        self.port.get_range(key, range).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError> {
        self.counter.add(|units| units.gets += 1);
        self.clock.sleep(BUCKET).await;
        self.port.head(key).await
    }

    async fn put(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.counter.add(|units| {
            units.puts += 1;
            units.put_bytes += body.len() as u64;
        });
        self.clock.sleep(BUCKET + megabytes(body.len())).await;
        self.port.put(key, body).await
    }

    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.counter.add(|units| {
            units.puts += 1;
            units.put_bytes += body.len() as u64;
        });
        self.clock.sleep(BUCKET + megabytes(body.len())).await;
        self.port.put_if_absent(key, body).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        self.counter.add(|units| units.puts += 1);
        self.clock.sleep(BUCKET).await;
        self.port.list(prefix, after, limit).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.clock.sleep(BUCKET).await;
        self.port.delete(key).await
    }
}

#[async_trait]
impl Queue for Counted<store::MemoryQueue> {
    async fn send(
        &self,
        queue: QueueName,
        group: &str,
        dedup: &str,
        body: &str,
    ) -> Result<(), StoreError> {
        // Lambda receives and deletes it.
        self.counter.add(|units| units.messages += 3);
        self.clock.sleep(MESSAGE).await;
        self.port.send(queue, group, dedup, body).await
    }

    async fn receive(
        &self,
        queue: QueueName,
        visibility: Duration,
        most: u32,
    ) -> Result<Option<Message>, StoreError> {
        self.port.receive(queue, visibility, most).await
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), StoreError> {
        self.port.ack(queue, receipt).await
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), StoreError> {
        self.port.extend(queue, receipt, visibility).await
    }
}

/// As `store_aws::ScheduledWake` does it: a row in the table and a schedule that follows it.
#[async_trait]
impl Wake for Counted<MemoryWake> {
    async fn set(&self, wake: WakeUp) -> Result<(), StoreError> {
        self.counter.add(|units| {
            units.writes += 1;
            units.reads += 1;
            units.table_calls += 2;
            units.schedules += 1;
        });
        self.clock.sleep(TABLE * 2 + MESSAGE).await;
        self.port.set(wake).await
    }

    async fn of(&self, integration: &str) -> Result<Vec<WakeUp>, StoreError> {
        self.counter.add(|units| {
            units.reads += 1;
            units.table_calls += 1;
        });
        self.clock.sleep(TABLE).await;
        self.port.of(integration).await
    }

    async fn clear(&self, wake: &WakeUp) -> Result<(), StoreError> {
        self.counter.add(|units| {
            units.reads += 2;
            units.writes += 2;
            units.table_calls += 3;
            units.schedules += 1;
        });
        self.clock.sleep(TABLE * 3 + MESSAGE).await;
        self.port.clear(wake).await
    }
}

/// The simulated Moodle, a little away.
pub struct Wire {
    pub site: Arc<Mutex<Site>>,
    pub url: &'static str,
    pub away: Duration,
    pub counter: Counter,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let bytes = request.body.len() as u64;
        let path = request.url.strip_prefix(self.url).unwrap_or(SERVER);
        let asked = sandbox::Request::post(path, request.body);
        self.clock.sleep(self.away).await;
        let now = self.clock.now();
        let begun = cpu();
        let answer = self.site.lock().unwrap_or_else(PoisonError::into_inner).handle(&asked, now);
        let took = cpu().saturating_sub(begun);
        self.counter.add(|units| {
            units.lms_calls += 1;
            units.lms_bytes += bytes;
            units.foreign += took;
        });
        Ok(Response {
            status: answer.status,
            content_type: answer.content_type.to_ascii_lowercase(),
            retry_after: answer.retry_after.map(|seconds| Duration::from_secs(seconds.into())),
            body: answer.body,
        })
    }
}

/// An export in memory, read in the blocks in which it would be fetched.
pub struct Blocks {
    bytes: Cursor<Arc<[u8]>>,
    block: Option<u64>,
    counter: Counter,
}

impl Blocks {
    /// The export.
    pub fn new(bytes: Arc<[u8]>, counter: Counter) -> Self {
        Self { bytes: Cursor::new(bytes), block: None, counter }
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let place = self.bytes.position();
        if place < self.bytes.get_ref().len() as u64 && self.block != Some(place / BLOCK) {
            self.block = Some(place / BLOCK);
            self.counter.add(|units| units.gets += 1);
        }
        let left = usize::try_from(BLOCK - place % BLOCK).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        self.bytes.read(&mut buffer[..most])
    }
}

impl Seek for Blocks {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}
