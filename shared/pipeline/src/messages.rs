//! What travels in the queues: pointers, never personal data.
//!
//! A message to the plan queue may be written by hand or by another program; `docs/operations.md`
//! shows each form.

use serde::{Deserialize, Serialize};
use store::QueueName;
use store::state::Scope;

use crate::ScopeAct;

/// Whom a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// The tenant.
    pub tenant: String,
    /// Its integration.
    pub integration: String,
    /// How often the same has been asked for because nothing could be done about it: a part of the
    /// deduplication id.
    #[serde(default)]
    pub attempt: u32,
    /// What is to be done.
    #[serde(flatten)]
    pub asks: T,
}

/// A step that is asked for through [`QueueName::Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Ask {
    /// Plan this run, whose export has been taken in.
    Plan {
        /// The run.
        run: String,
        /// The run that left the way to it: without it the message would be taken for the one
        /// that led there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    /// Plan what the sources say now, without a new export; what was refused is tried again.
    Resync,
    /// Approve what a run holds, then plan and deliver it.
    Approve {
        /// The run that showed it.
        run: String,
        /// The held part's checksum.
        checksum: String,
        /// Who approves.
        by: String,
    },
    /// Reject a run: its export is not taken in again.
    Reject {
        /// The run.
        run: String,
        /// Who rejects.
        #[serde(default = "unnamed")]
        by: String,
    },
    /// Take a run's export back, then plan and deliver the inverse.
    Revert {
        /// The run.
        run: String,
        /// Whether what later runs built on it is taken back as well.
        #[serde(default)]
        and_later: bool,
        /// Who says so.
        #[serde(default = "unnamed")]
        by: String,
    },
    /// Disable, remove or enable a data source key, then plan and deliver what that makes.
    Scope {
        /// The key.
        key: String,
        /// What is said of it.
        act: ScopeAct,
        /// Who says so.
        #[serde(default = "unnamed")]
        by: String,
    },
    /// Let a source that rests after a rejection deliver again.
    Resume {
        /// The source.
        source: String,
        /// Who says so.
        #[serde(default = "unnamed")]
        by: String,
    },
}

/// Whoever writes a message by hand may leave their name out; the audit trail says so.
fn unnamed() -> String {
    "unknown".to_owned()
}

/// Points to a batch of a run's plan: delivery goes on from there, or from where the run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The run.
    pub run: String,
    /// The batch, from 0.
    pub batch: u64,
    /// How often the run has waited for its LMS: after a wait the same batch is asked for again.
    #[serde(default)]
    pub waits: u32,
}

/// A message to [`QueueName::Plan`].
pub type StepMessage = Envelope<Ask>;
/// A message to [`QueueName::Deliver`].
pub type BatchMessage = Envelope<Deliver>;

impl<T: Serialize> Envelope<T> {
    /// What `scope` asks for.
    pub fn new(scope: &Scope, asks: T) -> Self {
        let (tenant, integration) = (scope.tenant.clone(), scope.integration.clone());
        Self { tenant, integration, attempt: 0, asks }
    }

    /// Whose it is.
    pub fn scope(&self) -> Scope {
        Scope::new(&self.tenant, &self.integration)
    }

    /// The text that is sent.
    pub fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Its deduplication id: what it says, whole. `moment` sets apart what may well be asked for
    /// again within minutes.
    pub fn dedup(&self, moment: &str) -> serde_json::Result<String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.text()?.as_bytes());
        hasher.update(moment.as_bytes());
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Which queue takes a message of this text; `None` where it is none of ours.
pub fn queue_of(text: &str) -> Option<(QueueName, Scope)> {
    if let Ok(step) = serde_json::from_str::<StepMessage>(text) {
        return Some((QueueName::Plan, step.scope()));
    }
    let batch: BatchMessage = serde_json::from_str(text).ok()?;
    Some((QueueName::Deliver, batch.scope()))
}

/// The queue group of an integration. It has at most 128 characters; scopes are shorter but for
/// absurd names.
pub fn group(scope: &Scope) -> String {
    let path = scope.path();
    if path.len() <= 128 { path } else { blake3::hash(path.as_bytes()).to_hex().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_plain_json_and_finds_its_queue() {
        let scope = Scope::new("oak", "sis");
        let ask = Ask::Approve { run: "r-1".into(), checksum: "c".into(), by: "the head".into() };
        let approve = Envelope::new(&scope, ask);
        assert_eq!(
            approve.text().unwrap(),
            r#"{"tenant":"oak","integration":"sis","attempt":0,"step":"approve","run":"r-1","checksum":"c","by":"the head"}"#,
        );
        let batch = Envelope::new(&scope, Deliver { run: "r-1".into(), batch: 7, waits: 0 });
        assert_eq!(queue_of(&approve.text().unwrap()), Some((QueueName::Plan, scope.clone())));
        assert_eq!(queue_of(&batch.text().unwrap()), Some((QueueName::Deliver, scope)));
        assert_eq!(queue_of(r#"{"tenant":"oak"}"#), None);
        assert_eq!(serde_json::from_str::<BatchMessage>(&batch.text().unwrap()).unwrap(), batch);
        let by_hand = r#"{"tenant":"oak","integration":"sis","step":"resync"}"#;
        assert_eq!(serde_json::from_str::<StepMessage>(by_hand).unwrap().asks, Ask::Resync);
        let again = BatchMessage { attempt: 1, ..batch.clone() };
        assert_ne!(again.dedup("").unwrap(), batch.dedup("").unwrap());
        assert_ne!(batch.dedup("x").unwrap(), batch.dedup("").unwrap());
    }
}
