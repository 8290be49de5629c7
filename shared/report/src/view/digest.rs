//! What happened lately, for a mail: no person is named.

use jiff::Timestamp;
use roster::Text;

use super::{PastRun, Refusal};

/// The last runs of an integration and what is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// The tenant.
    pub tenant: Text,
    /// The integration.
    pub integration: Text,
    /// The target for people.
    pub target: String,
    /// From when on.
    pub since: Timestamp,
    /// Up to when.
    pub until: Timestamp,
    /// The runs that began since, oldest first.
    pub runs: Vec<PastRun>,
    /// What is held now.
    pub held: Option<Standing>,
    /// What was not done, each reason with its newest run's number.
    pub refusals: Vec<Refusal>,
    /// How many records the newest run left alone because the LMS refused them before.
    pub parked: u64,
    /// Options that commands shown for copying have to repeat, each with a space behind it.
    pub flags: String,
}

/// What waits for somebody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The run that holds it.
    pub run: Text,
    /// How many changes.
    pub count: u64,
    /// What an approval names.
    pub checksum: Option<String>,
    /// Whether there is an export to refuse.
    pub of_export: bool,
    /// Why, each with its numbers.
    pub reasons: Vec<String>,
}
