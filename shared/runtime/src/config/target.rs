//! The LMS of an integration: how to reach it, and its adapter's own settings.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::ConfigError;
use super::node::{Node, Value};
use crate::SecretRef;

/// The kind of the simulated LMS.
pub(super) const SANDBOX: &str = "sandbox";

/// The keys that every kind of target has.
const COMMON: &[&str] = &["kind", "url", "token", "ca_file", "allow_private"];

/// The LMS of an integration.
#[derive(Debug, Clone)]
pub struct Target {
    /// `moodle`, `sandbox`, ...
    pub kind: String,
    /// How to reach it.
    pub connection: Connection,
    /// Every other key of the section: the adapter's.
    pub settings: Settings,
}

/// How to reach an LMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// The simulated one of this machine.
    Sandbox,
    /// One on a network.
    Remote {
        /// Its address, without a trailing slash, user name, query or fragment.
        url: String,
        /// Where its token is.
        token: SecretRef,
        /// Certificates to trust beside those of the public authorities.
        ca_file: Option<PathBuf>,
        /// Whether it may stand in a private network, and may be called without TLS there: there
        /// alone.
        allow_private: bool,
    },
}

/// Keys that only an adapter understands, with their lines.
#[derive(Clone)]
pub struct Settings {
    file: PathBuf,
    path: String,
    pub(super) node: Node,
}

impl fmt::Debug for Settings {
    /// The keys alone: somebody may have written a secret where none belongs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = match &self.node.value {
            Value::Table(entries) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            _ => Vec::new(),
        };
        f.debug_tuple("Settings").field(&keys).finish()
    }
}

impl Settings {
    /// No settings: everything as the adapter has it by default.
    pub fn none() -> Self {
        Self { file: PathBuf::new(), path: String::new(), node: Node::empty() }
    }

    /// Reads them as the adapter's own type, which should deny unknown fields. Every fault names
    /// file, line and key.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(&self.node)
            .map_err(|fault| fault.or_known(COMMON).under(self.path.clone()).into_error(&self.file))
    }
}

/// Takes each integration's adapter settings out of the tree, in the order of the integrations.
pub(super) fn split_settings(root: &mut Node, file: &Path) -> Vec<Settings> {
    let Value::Table(entries) = &mut root.value else { return Vec::new() };
    let Some(entry) = entries.iter_mut().find(|entry| entry.key == "integration") else {
        return Vec::new();
    };
    let Value::List(items) = &mut entry.node.value else { return Vec::new() };
    let several = items.len() > 1;
    let settings = items.iter_mut().enumerate().map(|(at, item)| {
        let number = if several { format!("[{}]", at + 1) } else { String::new() };
        let path = format!("integration{number}.target");
        let target = match &mut item.value {
            Value::Table(keys) => keys.iter_mut().find(|key| key.key == "target"),
            _ => None,
        };
        let node = target.map_or_else(Node::empty, |target| target.node.split_off(COMMON));
        Settings { file: file.to_owned(), path, node }
    });
    settings.collect()
}

#[derive(Deserialize)]
#[serde(try_from = "TargetKeys")]
pub(super) struct TargetSection {
    kind: String,
    connection: Connection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetKeys {
    kind: String,
    url: Option<String>,
    token: Option<SecretRef>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    allow_private: bool,
}

impl TryFrom<TargetKeys> for TargetSection {
    type Error = String;

    fn try_from(keys: TargetKeys) -> Result<Self, String> {
        let TargetKeys { kind, url, token, ca_file, allow_private } = keys;
        if kind == SANDBOX {
            return match (url, token, ca_file, allow_private) {
                (None, None, None, false) => Ok(Self { kind, connection: Connection::Sandbox }),
                _ => Err("the sandbox is on this machine: it takes no url, token, ca_file or \
                          allow_private"
                    .to_owned()),
            };
        }
        let url = url.ok_or("the key \"url\" is missing: the address of the LMS")?;
        let token = token.ok_or(
            "the key \"token\" is missing: where its token is, for instance { env = \"LMS_TOKEN\" }",
        )?;
        let url = address(&url, allow_private)?;
        Ok(Self { kind, connection: Connection::Remote { url, token, ca_file, allow_private } })
    }
}

impl TargetSection {
    /// The target; paths count from `folder`.
    pub fn into_target(self, settings: Settings, folder: &Path) -> Target {
        let mut connection = self.connection;
        if let Connection::Remote { token, ca_file, .. } = &mut connection {
            if let SecretRef::File(path) = token {
                *path = folder.join(&*path);
            }
            *ca_file = ca_file.take().map(|path| folder.join(path));
        }
        Target { kind: self.kind, connection, settings }
    }
}

/// Checks an LMS's address. No error repeats it: a token may stand in it.
fn address(text: &str, allow_private: bool) -> Result<String, String> {
    let url = Url::parse(text).map_err(|why| {
        format!("url: this is no address ({why}): write for instance \"https://lms.example.edu\"")
    })?;
    let nearness = nearness(&url);
    let problem = match url.scheme() {
        _ if url.host_str().unwrap_or_default().is_empty() => {
            "url: there is no host in this address"
        }
        "https" => "",
        "http" if nearness == Nearness::Here => "",
        // Where a name leads is seen when it is resolved: without TLS to no public address.
        "http" if allow_private && nearness == Nearness::MaybeInside => "",
        "http" => {
            "url: over http the token and all names can be read on the way: use https, or set \
             allow_private = true for an LMS inside your own network"
        }
        _ => "url: an address begins with https://",
    };
    let problem = match () {
        () if !problem.is_empty() => problem,
        () if !url.username().is_empty() || url.password().is_some() => {
            "url: no user name or password in the address: the token has a key of its own"
        }
        () if url.query().is_some() || url.fragment().is_some() => {
            "url: the address of the LMS alone, without what follows ? or #"
        }
        () => return Ok(url.as_str().trim_end_matches('/').to_owned()),
    };
    Err(problem.to_owned())
}

/// How near a host is by its own words.
#[derive(PartialEq, Eq)]
enum Nearness {
    Here,
    MaybeInside,
    Outside,
}

fn nearness(url: &Url) -> Nearness {
    let (here, inside) = match url.host() {
        Some(Host::Domain(name)) => (name == "localhost", true),
        Some(Host::Ipv4(ip)) => (ip.is_loopback(), !is_public(ip)),
        Some(Host::Ipv6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => (ip.is_loopback(), !is_public(ip)),
            None => (ip.is_loopback(), ip.is_unique_local()),
        },
        None => (false, false),
    };
    match (here, inside) {
        (true, _) => Nearness::Here,
        (_, true) => Nearness::MaybeInside,
        _ => Nearness::Outside,
    }
}

/// Neither private nor a provider's shared space; what is reserved is refused when connecting.
fn is_public(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    !ip.is_private() && !ip.is_loopback() && (a, b & 0xc0) != (100, 64)
}
