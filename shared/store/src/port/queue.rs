//! `Queue`: messages in order within a group.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// How long a deduplication id is remembered, from its first send.
pub const DEDUP_WINDOW: Duration = Duration::from_secs(5 * 60);
/// The longest group or deduplication id in bytes (SQS: 128).
pub const MAX_NAME: usize = 128;
/// The longest text of a message in bytes (SQS: 256 KB).
pub const MAX_MESSAGE: usize = 256 * 1024;
/// The longest visibility (SQS: twelve hours).
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

/// Which queue. Groups and deduplication are per queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Steps that are asked for: plan, approve, reject, resume.
    Plan,
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
    /// ends. Then it has lapsed, for good once the message is received again.
    pub receipt: String,
    /// Its group.
    pub group: String,
    /// Its deduplication id.
    pub dedup: String,
    /// Its text: pointers only, never personal data.
    pub body: String,
    /// How often it has been received, this time included. It counts on in the dead-letter queue.
    pub receive_count: u32,
}

/// A FIFO queue: within a group, messages come in the order they were sent, and none while an
/// earlier one of the group is out. At least once: a message whose visibility ends comes again,
/// before later ones of its group.
///
/// `group` and `dedup` are 1 to 128 printable ASCII characters without spaces, a `body` is 1 byte
/// to 256 KB, a visibility at most twelve hours: anything else is [`StoreError::Invalid`] or
/// [`StoreError::TooLarge`].
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends. A second send with the same `dedup` within five minutes of the first (of whatever
    /// group, received, acknowledged or not) changes nothing, also not the five minutes.
    async fn send(
        &self,
        queue: QueueName,
        group: &str,
        dedup: &str,
        body: &str,
    ) -> Result<(), StoreError>;

    /// The next message of any group that is not busy, hidden for `visibility`; `None` when there
    /// is none now. A message that was received `max_receives` times already goes to
    /// [`QueueName::DeadLetter`] instead (never for the dead-letter queue itself), whatever was
    /// sent there before, and the next one is looked for.
    async fn receive(
        &self,
        queue: QueueName,
        visibility: Duration,
        max_receives: u32,
    ) -> Result<Option<Message>, StoreError>;

    /// Removes a received message. A receipt that has lapsed, or is none, is no error and removes
    /// nothing that somebody else holds or held since. (Where nobody received it since, the twins
    /// on one machine still remove it and SQS does not: lean on neither.)
    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), StoreError>;

    /// Hides a received message for `visibility` from now; zero hands it back at once. A receipt
    /// that has lapsed, or is none, is [`StoreError::ConditionFailed`].
    async fn extend(
        &self,
        queue: QueueName,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), StoreError>;
}
