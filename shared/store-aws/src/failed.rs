//! Events that a function was given asynchronously and failed at, three times: uploads that `parse`
//! could not work on, wake-ups that `reconcile` could not, and those that Scheduler could not hand
//! over. They lie in a queue of their own, which is no FIFO queue: Lambda and Scheduler write to it.
//!
//! **Never:** an event is not worked on here.

use std::time::Duration;

use store::StoreError;

use crate::clients::Clients;
use crate::fault::{Call, store_error};
use crate::names::{Names, queue_url};

const RECEIVE: Call = Call::new("receive a failed event", "sqs:ReceiveMessage");
const FORGET: Call = Call::new("delete a failed event", "sqs:DeleteMessage");

/// The queue of failed events.
#[derive(Debug, Clone)]
pub struct FailedEvents {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// What is in the queue: what Lambda wrote about a call, or the event itself.
#[derive(Debug, Clone)]
pub struct FailedEvent {
    /// JSON: the event, or Lambda's account of it with the event in `requestPayload`.
    pub body: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
    receipt: String,
}

impl FailedEvents {
    /// The queue of the stack that `names` names.
    ///
    /// # Errors
    /// [`StoreError`] where the queue cannot be found.
    pub async fn of(clients: &Clients, names: &Names) -> Result<Self, StoreError> {
        let url = queue_url(clients, &format!("{}-parse-dead", names.stack)).await?;
        Ok(Self { client: clients.sqs.clone(), url })
    }

    /// One of them, hidden from others for `visibility`; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where AWS cannot be asked.
    pub async fn next(&self, visibility: Duration) -> Result<Option<FailedEvent>, StoreError> {
        use aws_sdk_sqs::types::MessageSystemAttributeName::ApproximateReceiveCount;
        let seconds = i32::try_from(visibility.as_secs()).unwrap_or(i32::MAX);
        let call = self.client.receive_message().queue_url(&self.url);
        let call = call
            .max_number_of_messages(1)
            // A question that waits asks all of SQS's machines; one that does not may miss some.
            .wait_time_seconds(1)
            .visibility_timeout(seconds)
            .message_system_attribute_names(ApproximateReceiveCount);
        let received =
            call.send().await.map_err(|error| store_error(RECEIVE, &self.resource(), error))?;
        let Some(message) = received.messages.and_then(|mut all| all.pop()) else {
            return Ok(None);
        };
        let count = message.attributes.and_then(|mut all| all.remove(&ApproximateReceiveCount));
        Ok(Some(FailedEvent {
            body: message.body.unwrap_or_default(),
            receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
            receipt: message.receipt_handle.unwrap_or_default(),
        }))
    }

    /// Takes it out of the queue. One that somebody else has received meanwhile stays.
    ///
    /// # Errors
    /// [`StoreError`] where AWS cannot be asked.
    pub async fn forget(&self, event: &FailedEvent) -> Result<(), StoreError> {
        let call = self.client.delete_message().queue_url(&self.url);
        let call = call.receipt_handle(&event.receipt).send().await;
        call.map_err(|error| store_error(FORGET, &self.resource(), error))?;
        Ok(())
    }

    fn resource(&self) -> String {
        format!("queue {}", self.url)
    }
}
