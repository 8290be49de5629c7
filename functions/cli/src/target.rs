//! The LMS of an integration on this machine: over which transport, with which secrets.

use std::path::Path;
use std::sync::Arc;

use ambient::{Clock, Random};
use lms::Transport;
use lms::http::{Addresses, HttpConfig, HttpTransport};
use runtime::Exit;
use runtime::config::Connection;
use runtime::secrets::{self, ExposeSecret as _};

use crate::failure::Failure;
use crate::site::{self, SandboxTransport};

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
    /// The adapter and what goes with it.
    pub made: home::Target,
    /// For people.
    pub shown: String,
}

/// Makes the target of an integration.
pub fn target(
    integration: &runtime::Integration,
    data: &Path,
    reach: Reach,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Target, Failure> {
    let (transport, url, token, shown, longest): (Arc<dyn Transport>, _, _, _, _) =
        match &integration.target.connection {
            Connection::Sandbox => {
                let http = transport(HttpConfig::default())?;
                let transport = SandboxTransport::new(http, data, Arc::clone(clock));
                let (url, token) = (site::ADDRESS, sandbox::moodle::TOKEN.to_owned());
                (Arc::new(transport), url, token, "the sandbox".to_owned(), Some(SANDBOX_TIMEOUT))
            }
            Connection::Remote { url, token, ca_file, allow_private } => {
                let shown = format!("{} {url}", integration.target.kind);
                if reach == Reach::Never {
                    (Arc::new(home::Nowhere), url.as_str(), String::new(), shown, None)
                } else {
                    let token = secrets::resolve(token)?.expose_secret().to_owned();
                    let http = remote(ca_file.as_deref(), *allow_private)?;
                    (Arc::new(http), url.as_str(), token, shown, None)
                }
            }
        };
    let made = home::target(integration, transport, url, token, longest, (clock, random))?;
    Ok(Target { made, shown })
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
