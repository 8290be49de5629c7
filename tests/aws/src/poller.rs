//! Hands the queues' messages to the functions as AWS does: groups side by side, each in its order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use store::{Message, QueueName};

use crate::Aws;

/// Polls both queues until it is dropped. The stack's own event source mappings must be off.
pub struct Poller {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl Poller {
    /// Starts `side_by_side` workers for each queue. A message is hidden for `hidden`.
    pub fn start(aws: &Arc<Aws>, side_by_side: usize, hidden: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let queues = [(QueueName::Plan, "diff"), (QueueName::Deliver, "deliver")];
        let workers = queues.into_iter().flat_map(|queue| vec![queue; side_by_side]);
        let workers = workers.map(|(queue, function)| {
            let (aws, stop) = (Arc::clone(aws), Arc::clone(&stop));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("a runtime");
                while !stop.load(Ordering::Relaxed) {
                    runtime.block_on(poll(&aws, queue, function, hidden));
                }
            })
        });
        Self { workers: workers.collect(), stop }
    }
}

async fn poll(aws: &Aws, queue: QueueName, function: &'static str, hidden: Duration) {
    let received = aws.stores.queue.receive(queue, hidden, 5).await;
    let Some(message) = received.expect("the queue answers") else { return };
    let (worked, _) = aws.invoke(function, &event(&message));
    if worked {
        aws.stores.queue.ack(queue, &message.receipt).await.expect("the queue answers");
    }
}

/// The event of SQS for one message.
fn event(message: &Message) -> serde_json::Value {
    serde_json::json!({ "Records": [{
        "messageId": message.dedup, "receiptHandle": message.receipt, "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.receive_count.to_string(),
            "MessageGroupId": message.group, "MessageDeduplicationId": message.dedup,
        },
        "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:q",
    }] })
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            // One that panicked has failed the test by what it did not do.
            let _ended = worker.join();
        }
    }
}
