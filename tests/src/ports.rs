//! The four stores, each behind the process's tap.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ambient::ManualClock;
use async_trait::async_trait;
use store::{
    Condition, Item, ItemKey, Message, ObjectMeta, Objects, Page, Queue, QueueName, StoreError,
    Stores, Table, Wake, WakeUp, Write,
};

use crate::tap::{Tap, Verdict};
use crate::trouble::Kind;

/// `stores`, as a process with this tap sees them.
pub fn tapped(stores: &Stores, tap: &Arc<Tap>) -> Stores {
    let through = |tap: &Arc<Tap>| Arc::clone(tap);
    Stores {
        objects: Arc::new(Tapped { port: Arc::clone(&stores.objects), tap: through(tap) }),
        table: Arc::new(Tapped { port: Arc::clone(&stores.table), tap: through(tap) }),
        queue: Arc::new(Tapped { port: Arc::clone(&stores.queue), tap: through(tap) }),
        wake: Arc::new(Tapped { port: Arc::clone(&stores.wake), tap: through(tap) }),
    }
}

struct Tapped<P: ?Sized> {
    port: Arc<P>,
    tap: Arc<Tap>,
}

/// Whether a call changes anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Reads,
    Writes,
    /// It writes over what it has read: somebody else can have come before it.
    Replaces,
}

impl<P: ?Sized> Tapped<P> {
    /// Makes a call, or lets it fail, or dies at it.
    async fn through<T>(
        &self,
        name: &'static str,
        about: &str,
        does: Does,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let verdict = self.tap.enter(name, about).await;
        if does != Does::Reads {
            self.tap.note_change();
        }
        if verdict == Verdict::Go {
            self.fail_before(does)?;
        }
        let result = call.await;
        match verdict {
            Verdict::Go => {}
            Verdict::GoAndSleep => self.tap.sleep().await,
            Verdict::GoAndDie | Verdict::DieWhileUnderway => match self.tap.die().await {},
        }
        if let Err(error) = &result {
            self.tap.note(format!("  {error}"));
        }
        if result.is_ok() && does != Does::Reads && self.tap.strikes(Kind::StoreSilent) {
            return Err(down());
        }
        result
    }

    fn fail_before(&self, does: Does) -> Result<(), StoreError> {
        if self.tap.strikes(Kind::StoreThrottles) {
            return Err(StoreError::Throttled { retry_after: Some(Duration::from_secs(2)) });
        }
        if self.tap.strikes(Kind::StoreDown) {
            return Err(down());
        }
        if self.tap.strikes(Kind::StoreSlow) {
            self.advance(Duration::from_secs(1 + self.tap.below(20)));
        }
        if does == Does::Replaces && self.tap.strikes(Kind::ConditionFails) {
            return Err(StoreError::ConditionFailed { key: "a key".into(), index: 0 });
        }
        Ok(())
    }

    fn advance(&self, time: Duration) {
        ManualClock::advance(self.tap.clock(), time);
    }
}

fn down() -> StoreError {
    StoreError::Unavailable { doing: "do what was asked", source: "the world says no".into() }
}

#[async_trait]
impl Objects for Tapped<dyn Objects> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.through("objects.get", key, Does::Reads, self.port.get(key)).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        let call = self.port.get_range(key, range);
        self.through("objects.get_range", key, Does::Reads, call).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError> {
        self.through("objects.head", key, Does::Reads, self.port.head(key)).await
    }

    async fn put(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        let about = format!("{key} {}", blake3::hash(body).to_hex());
        self.through("objects.put", &about, Does::Writes, self.port.put(key, body)).await
    }

    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        let call = self.port.put_if_absent(key, body);
        self.through("objects.put_if_absent", key, Does::Writes, call).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let call = self.port.list(prefix, after, limit);
        self.through("objects.list", prefix, Does::Reads, call).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.through("objects.delete", key, Does::Writes, self.port.delete(key)).await
    }
}

#[async_trait]
impl Table for Tapped<dyn Table> {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.through("table.get", &key.to_string(), Does::Reads, self.port.get(key)).await
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let about = format!("{pk} {prefix}");
        let call = self.port.query(pk, prefix, after, limit);
        self.through("table.query", &about, Does::Reads, call).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let about: Vec<String> = writes.iter().map(described).collect();
        let does =
            writes.iter().map(|write| does(write.condition())).max_by_key(|does| *does as u8);
        let call = self.port.transact(writes);
        self.through("table.transact", &about.join(", "), does.unwrap_or(Does::Writes), call).await
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        let about = format!("{key} {}", blake3::hash(&body).to_hex());
        let call = self.port.put(key, body, condition);
        self.through("table.put", &about, does(condition), call).await
    }

    async fn delete(&self, key: &ItemKey, condition: Condition) -> Result<(), StoreError> {
        let call = self.port.delete(key, condition);
        self.through("table.delete", &key.to_string(), Does::Writes, call).await
    }
}

fn does(condition: Condition) -> Does {
    match condition {
        Condition::Version(_) => Does::Replaces,
        Condition::Any | Condition::Absent => Does::Writes,
    }
}

/// A write with the digest of its body, so that the trace of two runs differs where bytes do.
fn described(write: &Write) -> String {
    match write {
        Write::Put { key, body, condition, .. } => {
            format!("put {key} if {condition:?} {}", blake3::hash(body).to_hex())
        }
        Write::Delete { key, condition } => format!("delete {key} if {condition:?}"),
        Write::Check { key, condition } => format!("check {key} if {condition:?}"),
    }
}

#[async_trait]
impl Queue for Tapped<dyn Queue> {
    async fn send(
        &self,
        queue: QueueName,
        group: &str,
        dedup: &str,
        body: &str,
    ) -> Result<(), StoreError> {
        let call = self.port.send(queue, group, dedup, body);
        self.through("queue.send", body, Does::Writes, call).await?;
        if self.tap.strikes(Kind::QueueDuplicates) {
            let again = format!("{}-again", &dedup[..dedup.len().min(64)]);
            self.port.send(queue, group, &again, body).await?;
        }
        Ok(())
    }

    async fn receive(
        &self,
        queue: QueueName,
        visibility: Duration,
        max_receives: u32,
    ) -> Result<Option<Message>, StoreError> {
        let call = self.port.receive(queue, visibility, max_receives);
        self.through("queue.receive", "", Does::Writes, call).await
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), StoreError> {
        self.through("queue.ack", receipt, Does::Writes, self.port.ack(queue, receipt)).await
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), StoreError> {
        let call = self.port.extend(queue, receipt, visibility);
        self.through("queue.extend", receipt, Does::Writes, call).await
    }
}

#[async_trait]
impl Wake for Tapped<dyn Wake> {
    async fn set(&self, wake: WakeUp) -> Result<(), StoreError> {
        let about = format!("{} {} {}", wake.due, wake.integration, wake.reason);
        self.through("wake.set", &about, Does::Writes, self.port.set(wake)).await
    }

    async fn of(&self, integration: &str) -> Result<Vec<WakeUp>, StoreError> {
        self.through("wake.of", integration, Does::Reads, self.port.of(integration)).await
    }

    async fn clear(&self, wake: &WakeUp) -> Result<(), StoreError> {
        self.through("wake.clear", &wake.reason, Does::Writes, self.port.clear(wake)).await
    }
}
