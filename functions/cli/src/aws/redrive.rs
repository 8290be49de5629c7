//! `rollcall --aws STACK redrive`
//!
//! A dead letter is sent again before it is taken away: whoever dies in between sends it twice, and
//! every step knows what is done already.

use std::time::Duration;

use hosted::Woken;
use pipeline::{Ask, BatchMessage, StepMessage, queue_of};
use report::json::Answer;
use report::text;
use runtime::Exit;
use serde::Serialize;
use store::state::Scope;
use store::{Message, Queue, QueueName};

use super::Installation;
use crate::args::Global;
use crate::failure::Failure;
use crate::home::Setting;

/// How long a dead letter is hidden from others while it is looked at.
const HIDDEN: Duration = Duration::from_secs(60);

/// Send again what was given up after several failures
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Find the cause first: what failed five times fails again where nothing was changed. Steps that were
done already are not done twice. For uploads and wake-ups that were given up reconcile is woken, which
looks for files that nobody took in. With --tenant or --integration only what is theirs is sent again.

Example:
  rollcall --aws rollcall redrive")]
pub struct Redrive {
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Who works on uploads and wake-ups that were given up.
const RECONCILE: &str = "reconcile";

/// A dead letter, for people and programs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Letter {
    tenant: Option<String>,
    integration: Option<String>,
    step: Option<&'static str>,
    run: Option<String>,
    batch: Option<u64>,
    receive_count: u32,
    /// The queue that it was sent to, or the function that is woken; `None` where it was left.
    sent_to: Option<&'static str>,
}

/// What is to become of a dead letter.
enum Fate {
    /// It goes back to this queue.
    Again(QueueName),
    /// Whoever is asked for is somebody else.
    OfOthers,
    /// It is none of ours.
    Foreign,
}

impl Redrive {
    /// Sends what is there again.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let installation = Installation::connect(setting).await?;
        let queue = &*installation.stores.queue;
        let mut letters = Vec::new();
        let mut left = Vec::new();
        let mut told = again(queue, &setting.global, self.limit, &mut letters, &mut left).await;
        if told.is_ok() {
            told = super::failed::again(&installation, setting, self.limit, &mut letters).await;
        }
        for message in &left {
            // Nobody needs to wait for what was only looked at. If this fails it is seen a minute
            // later.
            let _hidden =
                queue.extend(QueueName::DeadLetter, &message.receipt, Duration::ZERO).await;
        }
        if let Err(failure) = told {
            console.report(&listed(setting, &letters));
            return Err(failure);
        }
        if console.is_json() {
            console.stream(|out| Answer::default().write_with(out, letters.iter()))?;
            return Ok(Exit::Done);
        }
        console.report(&listed(setting, &letters));
        Ok(Exit::Done)
    }
}

/// Sends up to `limit` dead letters again. What was seen goes into `letters`, what was not sent
/// into `left`, also where it ends early.
async fn again(
    queue: &dyn Queue,
    global: &Global,
    limit: u32,
    letters: &mut Vec<Letter>,
    left: &mut Vec<Message>,
) -> Result<(), Failure> {
    let mut sent = 0;
    while sent < limit {
        let received = queue.receive(QueueName::DeadLetter, HIDDEN, u32::MAX).await?;
        let Some(message) = received else { break };
        let mut letter = Letter::of(&message);
        match fate(&message, global) {
            Fate::OfOthers => left.push(message),
            Fate::Foreign => {
                letters.push(letter);
                left.push(message);
            }
            Fate::Again(to) => {
                queue.send(to, &message.group, &fresh(&message), &message.body).await?;
                queue.ack(QueueName::DeadLetter, &message.receipt).await?;
                sent += 1;
                letter.sent_to = Some(name(to));
                letters.push(letter);
            }
        }
    }
    Ok(())
}

fn fate(message: &Message, global: &Global) -> Fate {
    let Some((queue, scope)) = queue_of(&message.body) else { return Fate::Foreign };
    let Scope { tenant, integration } = scope;
    let is_meant = |asked: &Option<String>, is: &str| asked.as_deref().is_none_or(|it| it == is);
    match is_meant(&global.aws.of_tenant, &tenant) && is_meant(&global.integration, &integration) {
        true => Fate::Again(queue),
        false => Fate::OfOthers,
    }
}

/// Another deduplication id than the one under which it was sent, the same however often it is
/// sent again from here: twice within minutes is once.
fn fresh(message: &Message) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"redrive");
    hasher.update(message.dedup.as_bytes());
    hasher.update(b"\n");
    hasher.update(message.body.as_bytes());
    hasher.finalize().to_hex().to_string()
}

impl Letter {
    /// An event that a function failed at, and whom it woke again; `None`: nobody knows for whom it
    /// was.
    pub(super) fn of_event(woken: Option<&Woken>, receive_count: u32) -> Self {
        Self {
            tenant: woken.map(|woken| woken.tenant.clone()),
            integration: woken.map(|woken| woken.integration.clone()),
            step: woken.map(|_| "upload or wake-up"),
            run: None,
            batch: None,
            receive_count,
            sent_to: woken.map(|_| RECONCILE),
        }
    }

    fn of(message: &Message) -> Self {
        let mut letter = Self {
            tenant: None,
            integration: None,
            step: None,
            run: None,
            batch: None,
            receive_count: message.receive_count,
            sent_to: None,
        };
        if let Ok(StepMessage { tenant, integration, asks, .. }) =
            serde_json::from_str(&message.body)
        {
            let (step, run) = match asks {
                Ask::Plan { run, .. } => ("plan", Some(run)),
                Ask::Resync => ("resync", None),
                Ask::Approve { run, .. } => ("approve", Some(run)),
                Ask::Reject { run, .. } => ("reject", Some(run)),
                Ask::Revert { run, .. } => ("revert", Some(run)),
                Ask::Resume { .. } => ("resume", None),
                Ask::Scope { .. } => ("scope", None),
            };
            let (tenant, integration) = (Some(tenant), Some(integration));
            letter = Self { tenant, integration, step: Some(step), run, ..letter };
        } else if let Ok(BatchMessage { tenant, integration, asks, .. }) =
            serde_json::from_str(&message.body)
        {
            let (tenant, integration) = (Some(tenant), Some(integration));
            let (run, batch) = (Some(asks.run), Some(asks.batch));
            letter = Self { tenant, integration, step: Some("deliver"), run, batch, ..letter };
        }
        letter
    }

    fn row(&self) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let step = match (self.step, self.batch) {
            (Some(step), None) if self.sent_to == Some(RECONCILE) => format!("a failed {step}"),
            (Some(step), Some(batch)) => format!("{step} from batch {batch}"),
            (Some(step), None) => step.to_owned(),
            (None, _) => "none of ours".to_owned(),
        };
        let whose = match (&self.tenant, &self.integration) {
            (Some(tenant), Some(integration)) => format!("{tenant}/{integration}"),
            _ => "-".to_owned(),
        };
        let to = match self.sent_to {
            None => "left there".to_owned(),
            Some(RECONCILE) => format!("{RECONCILE}, within a minute"),
            Some(queue) => format!("{queue} queue"),
        };
        vec![whose, step, text(&self.run), self.receive_count.to_string(), to]
    }
}

/// The letters as a table, and what to do next.
fn listed(setting: &Setting, letters: &[Letter]) -> String {
    if letters.is_empty() {
        return "There are no dead letters.\n".to_owned();
    }
    let rows: Vec<_> = letters.iter().map(Letter::row).collect();
    let head = ["integration", "step", "run", "received", "sent to"];
    let mut out = text::table(&head, &rows, &setting.console.look());
    let sent = letters.iter().filter(|letter| letter.sent_to.is_some()).count();
    let foreign = letters.len() - sent;
    if sent > 0 {
        out.push_str(&format!("Sent again: {sent}. To see what comes of it: rollcall runs\n"));
    }
    if foreign > 0 {
        out.push_str(&format!(
            "Left there: {foreign} that no step of ours has sent. Somebody wrote them by hand: \
             docs/operations.md shows what a message looks like.\n"
        ));
    }
    out
}

fn name(queue: QueueName) -> &'static str {
    match queue {
        QueueName::Plan => "plan",
        QueueName::Deliver => "deliver",
        QueueName::DeadLetter => "dead-letter",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ambient::SystemClock;
    use clap::Parser as _;
    use store::MemoryQueue;

    use super::*;
    use crate::args::Cli;

    const STEP: &str = r#"{"tenant":"oak","integration":"sis","step":"plan","run":"r-1"}"#;
    const BATCH: &str = r#"{"tenant":"elm","integration":"sis","run":"r-2","batch":4}"#;

    async fn dead() -> MemoryQueue {
        let queue = MemoryQueue::new(Arc::new(SystemClock));
        for (group, body) in [("oak/sis", STEP), ("elm/sis", BATCH), ("x", "by hand")] {
            queue.send(QueueName::DeadLetter, group, group, body).await.unwrap();
        }
        queue
    }

    fn global(args: &[&str]) -> Global {
        let args = ["rollcall", "redrive", "--aws", "s"].iter().chain(args);
        Cli::try_parse_from(args).unwrap().global
    }

    async fn redriven(queue: &MemoryQueue, global: &Global) -> (Vec<Letter>, usize) {
        let (mut letters, mut left) = (Vec::new(), Vec::new());
        again(queue, global, 10, &mut letters, &mut left).await.unwrap();
        (letters, left.len())
    }

    #[tokio::test]
    async fn each_letter_goes_back_to_its_queue_under_another_id() {
        let queue = dead().await;
        let (letters, left) = redriven(&queue, &global(&[])).await;
        assert_eq!(left, 1, "what somebody else sent stays");
        let mut sent: Vec<_> = letters.iter().map(|letter| (letter.step, letter.sent_to)).collect();
        sent.sort();
        assert_eq!(
            sent,
            [(None, None), (Some("deliver"), Some("deliver")), (Some("plan"), Some("plan"))]
        );
        for (at, body, group) in
            [(QueueName::Plan, STEP, "oak/sis"), (QueueName::Deliver, BATCH, "elm/sis")]
        {
            let message = queue.receive(at, HIDDEN, 5).await.unwrap().unwrap();
            assert_eq!((message.body.as_str(), message.group.as_str()), (body, group));
            assert_ne!(message.dedup, group, "a duplicate would be dropped");
        }
        assert!(queue.receive(QueueName::DeadLetter, HIDDEN, 5).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn only_what_is_asked_for_is_sent_again() {
        let queue = dead().await;
        let (letters, left) = redriven(&queue, &global(&["--tenant", "elm"])).await;
        assert_eq!((letters.len(), left), (2, 2), "elm's batch and the foreign one are told");
        assert!(queue.receive(QueueName::Plan, HIDDEN, 5).await.unwrap().is_none());
        assert!(queue.receive(QueueName::Deliver, HIDDEN, 5).await.unwrap().is_some());
    }
}
