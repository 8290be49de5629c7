//! The LMS of an integration: which adapter, with which settings.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random};
use async_trait::async_trait;
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{Lms, Request, Response, Transport, TransportError};
use roster::mapping::TargetRules;
use runtime::ConfigError;

/// The kinds of target there are, the simulated one of a machine included.
pub const KINDS: &[&str] = &["moodle", "sandbox"];

/// A target, ready.
#[derive(Clone)]
pub struct Target {
    /// The adapter.
    pub lms: Arc<dyn Lms>,
    /// How it wants its records.
    pub rules: TargetRules,
    /// What the applied state is bound to.
    pub address: String,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Makes the adapter of an integration, which reaches its LMS at `url` with `token`. `longest`
/// bounds how long one request may take, whatever the configuration says.
pub fn target(
    configured: &runtime::Integration,
    transport: Arc<dyn Transport>,
    url: &str,
    token: String,
    longest: Option<u64>,
    (clock, random): (&Arc<dyn Clock>, &Arc<dyn Random>),
) -> Result<Target, ConfigError> {
    let mut settings: MoodleConfig = configured.target.settings.read()?;
    if let Some(longest) = longest {
        settings.timeout = settings.timeout.min(longest);
    }
    let access = MoodleAccess { url: url.to_owned(), token };
    let (rules, timeout) = (settings.rules(), settings.timeout());
    let (clock, random) = (Arc::clone(clock), Arc::clone(random));
    let lms = Arc::new(Moodle::new(transport, clock, random, access, settings));
    Ok(Target { lms, rules, address: url.to_owned(), timeout })
}

/// A transport for steps that only look at what is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        let reason = "this step makes no LMS call".to_owned();
        Err(TransportError::NotSent { reason, permanent: true })
    }
}
