//! `Queue` on SQS FIFO.
//!
//! A message that was received too often is moved by whoever receives it next: sent to the
//! dead-letter queue under an id of its own (its message's, so that a move which is done twice
//! arrives once), then deleted. What it was called and how often it was received travels with it
//! as two attributes. The queues' own redrive policy does the same for messages that Lambda polls.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::{
    Message as SqsMessage, MessageAttributeValue, MessageSystemAttributeName,
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use store::port::{check_message, check_visibility};
use store::{Message, Queue, QueueName, StoreError};

use crate::clients::Clients;
use crate::fault::{Call, store_error};
use crate::names::Names;
use crate::pace::Pace;

const SEND: Call = Call::new("send a message", "sqs:SendMessage");
const RECEIVE: Call = Call::new("receive a message", "sqs:ReceiveMessage");
const ACK: Call = Call::new("acknowledge a message", "sqs:DeleteMessage");
const EXTEND: Call = Call::new("extend a visibility", "sqs:ChangeMessageVisibility");

/// The id under which a dead letter was sent first.
const DEDUP: &str = "rollcall-dedup";
/// How often a dead letter was received before it was one.
const RECEIVED: &str = "rollcall-received";

/// Tells the `X-Amzn-Trace-Id` of what is being done now, to be carried along by a message.
pub type TraceHeader = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// The three FIFO queues.
#[derive(Clone)]
pub struct SqsQueue {
    client: aws_sdk_sqs::Client,
    plan: String,
    deliver: String,
    dead: String,
    wait: i32,
    trace: Option<TraceHeader>,
    pace: Pace,
}

impl SqsQueue {
    pub(crate) fn new(clients: &Clients, names: &Names, pace: Pace) -> Self {
        Self {
            client: clients.sqs.clone(),
            plan: names.plan_queue.clone(),
            deliver: names.deliver_queue.clone(),
            dead: names.dead_queue.clone(),
            // A question that waits asks all of SQS's machines; one that does not may miss some.
            wait: 1,
            trace: None,
            pace,
        }
    }

    /// Whether [`Queue::receive`] waits for up to a second. Without it an answer of `None` can be
    /// wrong on AWS.
    pub fn wait(self, wait: Wait) -> Self {
        Self { wait: i32::from(wait == Wait::Second), ..self }
    }

    /// Messages carry the header that `trace` tells.
    pub fn trace(self, trace: TraceHeader) -> Self {
        Self { trace: Some(trace), ..self }
    }

    fn url(&self, queue: QueueName) -> &str {
        match queue {
            QueueName::Plan => &self.plan,
            QueueName::Deliver => &self.deliver,
            QueueName::DeadLetter => &self.dead,
        }
    }

    fn resource(&self, queue: QueueName) -> String {
        format!("queue {}", self.url(queue))
    }

    async fn send_with(
        &self,
        queue: QueueName,
        (group, dedup, body): (&str, &str, &str),
        attributes: Option<HashMap<String, MessageAttributeValue>>,
        trace: Option<String>,
    ) -> Result<(), StoreError> {
        let mut call = self
            .client
            .send_message()
            .queue_url(self.url(queue))
            .message_group_id(group)
            .message_deduplication_id(dedup)
            .message_body(body)
            .set_message_attributes(attributes);
        if let Some(header) = trace {
            let value = MessageSystemAttributeValue::builder();
            let value = value.data_type("String").string_value(header).build();
            let value = value.map_err(|error| invalid("trace header", error.to_string()))?;
            call = call.message_system_attributes(
                MessageSystemAttributeNameForSends::AwsTraceHeader,
                value,
            );
        }
        call.send().await.map_err(|error| store_error(SEND, &self.resource(queue), error))?;
        Ok(())
    }

    /// Moves a message to the dead-letter queue.
    async fn bury(&self, queue: QueueName, letter: Letter) -> Result<(), StoreError> {
        let Letter { message, id, trace } = letter;
        // The reception that found it out does not count.
        let received = message.receive_count.saturating_sub(1).to_string();
        let attribute = |data_type: &str, text: &str| {
            let value = MessageAttributeValue::builder();
            let value = value.data_type(data_type).string_value(text).build();
            value.map_err(|error| invalid("message attribute", error.to_string()))
        };
        let attributes = HashMap::from([
            (DEDUP.to_owned(), attribute("String", &message.dedup)?),
            (RECEIVED.to_owned(), attribute("Number", &received)?),
        ]);
        let sent = (message.group.as_str(), id.as_str(), message.body.as_str());
        self.send_with(QueueName::DeadLetter, sent, Some(attributes), trace).await?;
        self.ack(queue, &message.receipt).await
    }
}

impl fmt::Debug for SqsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SqsQueue");
        shown.field("plan", &self.plan).field("deliver", &self.deliver).field("dead", &self.dead);
        shown.finish_non_exhaustive()
    }
}

/// Whether a question for a message waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Up to a second.
    Second,
    /// Not at all: for an emulator, where the answer is right at once.
    Not,
}

/// A message with what is needed to move it.
struct Letter {
    message: Message,
    id: String,
    trace: Option<String>,
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(
        &self,
        queue: QueueName,
        group: &str,
        dedup: &str,
        body: &str,
    ) -> Result<(), StoreError> {
        check_message(group, dedup, body)?;
        check_text(body)?;
        let trace = self.trace.as_ref().and_then(|trace| trace());
        self.send_with(queue, (group, dedup, body), None, trace).await
    }

    async fn receive(
        &self,
        queue: QueueName,
        visibility: Duration,
        max_receives: u32,
    ) -> Result<Option<Message>, StoreError> {
        check_visibility(visibility)?;
        loop {
            let call = self.client.receive_message().queue_url(self.url(queue));
            let call = call
                .max_number_of_messages(1)
                .wait_time_seconds(self.wait)
                .visibility_timeout(seconds(visibility))
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .message_attribute_names(DEDUP)
                .message_attribute_names(RECEIVED)
                // If the answer is lost, the SDK's next try gets the very messages again.
                .receive_request_attempt_id(self.pace.mark());
            let output = call.send().await;
            let output =
                output.map_err(|error| store_error(RECEIVE, &self.resource(queue), error))?;
            let Some(received) = output.messages.and_then(|mut all| all.pop()) else {
                return Ok(None);
            };
            let letter = decode(received)?;
            if queue == QueueName::DeadLetter || letter.message.receive_count <= max_receives {
                return Ok(Some(letter.message));
            }
            self.bury(queue, letter).await?;
        }
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), StoreError> {
        if receipt.is_empty() {
            return Ok(());
        }
        let call = self.client.delete_message().queue_url(self.url(queue)).receipt_handle(receipt);
        match call.send().await {
            Err(error) if !has_lapsed(&error) => {
                Err(store_error(ACK, &self.resource(queue), error))
            }
            _ => Ok(()),
        }
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), StoreError> {
        check_visibility(visibility)?;
        let lapsed = || StoreError::ConditionFailed { key: "receipt".to_owned(), index: 0 };
        if receipt.is_empty() {
            return Err(lapsed());
        }
        let call = self.client.change_message_visibility().queue_url(self.url(queue));
        let call = call.receipt_handle(receipt).visibility_timeout(seconds(visibility));
        match call.send().await {
            Ok(_) => Ok(()),
            // Twelve hours are the most from the first reception on, not from now.
            Err(error) if error.message().is_some_and(|text| text.contains("Total Visibility")) => {
                Err(invalid("visibility", "the message would be out for over twelve hours".into()))
            }
            Err(error) if has_lapsed(&error) => Err(lapsed()),
            Err(error) => Err(store_error(EXTEND, &self.resource(queue), error)),
        }
    }
}

/// Whole seconds, rounded up: never shorter than asked for.
fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

/// Whether AWS does not know the receipt, or not any more.
fn has_lapsed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    let code = error.code().unwrap_or_default();
    let receipt = error.message().is_some_and(|text| text.to_lowercase().contains("receipt"));
    code.ends_with("MessageNotInflight")
        || code.ends_with("ReceiptHandleIsInvalid")
        || code == "InvalidParameterValue" && receipt
}

/// SQS takes what XML takes; an emulator may take more.
fn check_text(body: &str) -> Result<(), StoreError> {
    let odd = |letter: char| matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    match body.chars().any(odd) {
        true => Err(invalid("message", "it has a control character that SQS does not take".into())),
        false => Ok(()),
    }
}

fn decode(received: SqsMessage) -> Result<Letter, StoreError> {
    let id = received.message_id.unwrap_or_default();
    let system = received.attributes.unwrap_or_default();
    let own = received.message_attributes.unwrap_or_default();
    let text = |name: &str| own.get(name).and_then(|value| value.string_value());
    let damaged = |name: &str| StoreError::Damaged {
        what: format!("message {id}"),
        reason: format!("SQS did not tell its {name}"),
    };
    let attribute =
        |name: MessageSystemAttributeName| system.get(&name).ok_or_else(|| damaged(name.as_str()));
    let count = attribute(MessageSystemAttributeName::ApproximateReceiveCount)?;
    let count: u32 = count.parse().map_err(|_| damaged("count of receptions"))?;
    let before: u32 = text(RECEIVED).and_then(|count| count.parse().ok()).unwrap_or(0);
    let dedup = match text(DEDUP) {
        Some(dedup) => dedup,
        None => attribute(MessageSystemAttributeName::MessageDeduplicationId)?,
    };
    let message = Message {
        receipt: received.receipt_handle.ok_or_else(|| damaged("receipt"))?,
        group: attribute(MessageSystemAttributeName::MessageGroupId)?.clone(),
        dedup: dedup.to_owned(),
        body: received.body.unwrap_or_default(),
        receive_count: before.saturating_add(count),
    };
    let trace = system.get(&MessageSystemAttributeName::AwsTraceHeader).cloned();
    Ok(Letter { message, id, trace })
}

fn invalid(what: &'static str, reason: String) -> StoreError {
    StoreError::Invalid { what, reason }
}
