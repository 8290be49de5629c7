//! `Queue`: messages in order within a group.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// Which queue. Groups and deduplication are per queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Batches on their way to an LMS.
    Deliver,
    /// Messages that were received too often.
    DeadLetter,
}

/// A message that was received and is hidden from others until it is acknowledged or its
/// visibility ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Names this reception; good for [`Queue::ack`] and [`Queue::extend`] until the visibility
    /// ends and somebody else receives it.
    pub receipt: String,
    /// Its group.
    pub group: String,
    /// Its deduplication id.
    pub dedup: String,
    /// Its text: pointers only, never personal data.
    pub body: String,
    /// How often it has been received, this time included.
    pub receive_count: u32,
}

/// A FIFO queue: within a group, messages come in the order they were sent, and none while an
/// earlier one of the group is out. At least once: a message whose visibility ends comes again.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends. A second send with the same `dedup` within five minutes of the first (received or
    /// not) changes nothing.
    async fn send(
        &self,
        queue: QueueName,
        group: &str,
        dedup: &str,
        body: &str,
    ) -> Result<(), StoreError>;

    /// The next message of any group that is not busy, hidden for `visibility`; `None` when there
    /// is none now. A message that was received `max_receives` times already goes to
    /// [`QueueName::DeadLetter`] instead (never for the dead-letter queue itself).
    async fn receive(
        &self,
        queue: QueueName,
        visibility: Duration,
        max_receives: u32,
    ) -> Result<Option<Message>, StoreError>;

    /// Removes a received message. A receipt that has lapsed is no error and removes nothing that
    /// somebody else holds.
    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), StoreError>;

    /// Hides a received message for `visibility` from now; zero hands it back at once. A lapsed
    /// receipt is [`StoreError::ConditionFailed`].
    async fn extend(
        &self,
        queue: QueueName,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), StoreError>;
}
