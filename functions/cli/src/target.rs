//! The LMS of an integration: which adapter, over which transport, with which secrets.
//!
//! The one place that knows the adapters by name.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random};
use async_trait::async_trait;
use lms::http::{Addresses, HttpConfig, HttpTransport};
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{Lms, Request, Response, Transport, TransportError};
use roster::mapping::TargetRules;
use runtime::Exit;
use runtime::config::Connection;
use runtime::secrets::{self, ExposeSecret as _};

use crate::failure::Failure;
use crate::site::{self, SandboxTransport};

/// The kinds of target there are.
pub const KINDS: &[&str] = &["moodle", "sandbox"];

/// How long the sandbox may take for an answer: it is on this machine.
const SANDBOX_TIMEOUT: u64 = 10;

/// Whether a command can come to talk to the LMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It never does: no secret is needed.
    Never,
    /// It may.
    Live,
}

/// A target, ready.
pub struct Target {
    /// The adapter.
    pub lms: Arc<dyn Lms>,
    /// How it wants its records.
    pub rules: TargetRules,
    /// What the applied state is bound to.
    pub address: String,
    /// For people.
    pub shown: String,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Makes the target of an integration.
pub fn target(
    integration: &runtime::Integration,
    data: &Path,
    reach: Reach,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Target, Failure> {
    let target = &integration.target;
    let mut settings: MoodleConfig = target.settings.read()?;
    let (transport, url, token, shown): (Arc<dyn Transport>, _, _, _) = match &target.connection {
        Connection::Sandbox => {
            settings.timeout = settings.timeout.min(SANDBOX_TIMEOUT);
            let http = transport(HttpConfig::default())?;
            let transport = SandboxTransport::new(http, data, Arc::clone(clock));
            let (url, token) = (site::ADDRESS.to_owned(), sandbox::moodle::TOKEN.to_owned());
            (Arc::new(transport), url, token, "the sandbox".to_owned())
        }
        Connection::Remote { url, token, ca_file, allow_private } => {
            let shown = format!("{} {url}", target.kind);
            if reach == Reach::Never {
                (Arc::new(Nowhere), url.clone(), String::new(), shown)
            } else {
                let token = secrets::resolve(token)?.expose_secret().to_owned();
                let http = remote(ca_file.as_deref(), *allow_private)?;
                (Arc::new(http), url.clone(), token, shown)
            }
        }
    };
    let access = MoodleAccess { url: url.clone(), token };
    let (rules, timeout) = (settings.rules(), settings.timeout());
    let (clock, random) = (Arc::clone(clock), Arc::clone(random));
    let lms = Arc::new(Moodle::new(transport, clock, random, access, settings));
    Ok(Target { lms, rules, address: url, shown, timeout })
}

fn remote(ca_file: Option<&Path>, allow_private: bool) -> Result<HttpTransport, Failure> {
    let extra_authorities = match ca_file {
        None => Vec::new(),
        Some(path) => std::fs::read(path).map_err(|error| {
            let message = format!("cannot read the certificates in `{}`", path.display());
            Failure::new(Exit::Usage, "configuration", message)
                .because(&error)
                .hint("check `ca_file` in the configuration")
        })?,
    };
    let addresses = match allow_private {
        true => Addresses::AllowPrivate,
        false => Addresses::PublicAndLoopback,
    };
    let allow_plain_http = allow_private;
    transport(HttpConfig {
        addresses,
        allow_plain_http,
        extra_authorities,
        ..HttpConfig::default()
    })
}

fn transport(config: HttpConfig) -> Result<HttpTransport, Failure> {
    HttpTransport::new(config).map_err(|error| {
        Failure::new(Exit::Usage, "configuration", "cannot set up HTTP").because(&error)
    })
}

/// For commands that only look at what is known.
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        let reason = "this command makes no LMS call".to_owned();
        Err(TransportError::NotSent { reason, permanent: true })
    }
}
