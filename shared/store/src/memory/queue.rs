//! `Queue` in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, Timestamp};
use async_trait::async_trait;

use super::lock;
use crate::port::{
    DEDUP_WINDOW, Message, Queue, QueueName, StoreError, check_message, check_visibility,
};

/// A queue in memory.
#[derive(Debug)]
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    content: Mutex<Content>,
}

/// A message as it stands in the queue, received or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its group.
    pub group: String,
    /// Its deduplication id.
    pub dedup: String,
    /// Its text.
    pub body: String,
    /// How often it has been received.
    pub receive_count: u32,
    /// From when on it can be received.
    pub visible: Timestamp,
}

#[derive(Debug, Clone, Default)]
struct Content {
    /// By the order of sending: the numbers only grow.
    messages: BTreeMap<(QueueName, u64), Queued>,
    /// When each deduplication id was first sent.
    sent: BTreeMap<(QueueName, String), Timestamp>,
    last: u64,
}

impl MemoryQueue {
    /// An empty queue on `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, content: Mutex::default() }
    }

    /// All messages of `queue`, those that are out included, in the order of sending.
    pub fn messages(&self, queue: QueueName) -> Vec<Queued> {
        let content = lock(&self.content);
        let of_queue = content.messages.iter().filter(|((name, _), _)| *name == queue);
        of_queue.map(|(_, queued)| queued.clone()).collect()
    }

    /// A queue of its own with the same content, on `clock`.
    pub fn fork(&self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, content: Mutex::new(lock(&self.content).clone()) }
    }
}

impl Content {
    /// The first message whose group has none before it: only such a one can be received or out.
    fn next_visible(&self, queue: QueueName, now: Timestamp) -> Option<u64> {
        let mut groups = BTreeSet::new();
        self.messages
            .range((queue, 0)..=(queue, u64::MAX))
            .filter(|(_, queued)| groups.insert(queued.group.as_str()))
            .find(|(_, queued)| queued.visible <= now)
            .map(|((_, number), _)| *number)
    }

    fn append(&mut self, queue: QueueName, queued: Queued) {
        self.last += 1;
        self.messages.insert((queue, self.last), queued);
    }

    /// The message whose latest reception is `receipt`.
    fn held(&self, queue: QueueName, receipt: &str) -> Option<(QueueName, u64)> {
        let (number, count) = parse_receipt(receipt)?;
        let queued = self.messages.get(&(queue, number))?;
        (queued.receive_count == count).then_some((queue, number))
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(
        &self,
        queue: QueueName,
        group: &str,
        dedup: &str,
        body: &str,
    ) -> Result<(), StoreError> {
        check_message(group, dedup, body)?;
        let now = self.clock.now();
        let mut content = lock(&self.content);
        content.sent.retain(|_, first| now < later(*first, DEDUP_WINDOW));
        if content.sent.contains_key(&(queue, dedup.to_owned())) {
            return Ok(());
        }
        content.sent.insert((queue, dedup.to_owned()), now);
        let (group, dedup, body) = (group.to_owned(), dedup.to_owned(), body.to_owned());
        content.append(queue, Queued { group, dedup, body, receive_count: 0, visible: now });
        Ok(())
    }

    async fn receive(
        &self,
        queue: QueueName,
        visibility: Duration,
        max_receives: u32,
    ) -> Result<Option<Message>, StoreError> {
        check_visibility(visibility)?;
        let now = self.clock.now();
        let mut content = lock(&self.content);
        while let Some(number) = content.next_visible(queue, now) {
            let Some(queued) = content.messages.get_mut(&(queue, number)) else { break };
            if queue != QueueName::DeadLetter && queued.receive_count >= max_receives {
                if let Some(dead) = content.messages.remove(&(queue, number)) {
                    content.append(QueueName::DeadLetter, dead);
                }
                continue;
            }
            queued.receive_count += 1;
            queued.visible = later(now, visibility);
            return Ok(Some(Message {
                receipt: format_receipt(number, queued.receive_count),
                group: queued.group.clone(),
                dedup: queued.dedup.clone(),
                body: queued.body.clone(),
                receive_count: queued.receive_count,
            }));
        }
        Ok(None)
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), StoreError> {
        let mut content = lock(&self.content);
        if let Some(place) = content.held(queue, receipt) {
            content.messages.remove(&place);
        }
        Ok(())
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), StoreError> {
        check_visibility(visibility)?;
        let now = self.clock.now();
        let mut content = lock(&self.content);
        let held = content.held(queue, receipt);
        match held.and_then(|place| content.messages.get_mut(&place)) {
            Some(queued) if queued.visible > now => {
                queued.visible = later(now, visibility);
                Ok(())
            }
            _ => Err(StoreError::ConditionFailed { key: receipt.to_owned(), index: 0 }),
        }
    }
}

/// `time` and `duration`, or the end of time.
fn later(time: Timestamp, duration: Duration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// A receipt names the message and which of its receptions it was.
fn format_receipt(number: u64, count: u32) -> String {
    format!("{number}.{count}")
}

fn parse_receipt(receipt: &str) -> Option<(u64, u32)> {
    let (number, count) = receipt.split_once('.')?;
    Some((number.parse().ok()?, count.parse().ok()?))
}
