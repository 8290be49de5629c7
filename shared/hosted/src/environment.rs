//! What a process is made once with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use lms::http::{Addresses, HttpConfig, HttpTransport};
use runtime::secrets::SecretString;
use store_aws::{Ambience, Clients, Fence, Names, Secrets, TraceHeader, Wait};

use crate::HostError;

/// So many tenants' secrets are kept at most, each for minutes.
const KEPT: usize = 100;

/// What an operator decides for a whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knobs {
    /// How long one deliver invocation works before it hands on.
    pub slice: Duration,
    /// How much longer than a request a lease is.
    pub lease: Duration,
    /// Whether a tenant's LMS may stand at a private address.
    pub allow_private: Private,
}

/// Which addresses beside the public ones a tenant's LMS may have, if its configuration asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Private {
    /// None.
    #[default]
    No,
    /// Those of private networks.
    Networks,
    /// Those, and the machine's own: for tests, where LMSs are simulated on it. On AWS Lambda's own
    /// interface listens there.
    ThisMachineToo,
}

impl Knobs {
    /// As the environment says: `lookup` is asked for each variable.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, HostError> {
        let seconds = |name: &'static str, default: u64| match lookup(name).as_deref() {
            None | Some("") => Ok(Duration::from_secs(default)),
            Some(text) => {
                let seconds = text.parse().ok().filter(|seconds| (1..=840).contains(seconds));
                let wanted = "a number of seconds from 1 to 840";
                seconds.map(Duration::from_secs).ok_or(HostError::Variable { name, wanted })
            }
        };
        let name = "ROLLCALL_ALLOW_PRIVATE";
        let allow_private = match lookup(name).as_deref() {
            None | Some("" | "false") => Private::No,
            Some("true") => Private::Networks,
            Some("loopback") => Private::ThisMachineToo,
            Some(_) => return Err(HostError::Variable { name, wanted: "true, false or loopback" }),
        };
        Ok(Self {
            slice: seconds("ROLLCALL_SLICE_SECONDS", 120)?,
            lease: seconds("ROLLCALL_LEASE_SECONDS", 60)?,
            allow_private,
        })
    }
}

/// A process of this home: connections, names, knobs.
pub struct Host {
    /// The connections, in the process's own role.
    pub clients: Clients,
    /// What everything is called.
    pub names: Names,
    /// The operator's decisions.
    pub knobs: Knobs,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The process's name in leases.
    pub holder: String,
    trace: Option<TraceHeader>,
    fence: Option<Fence>,
    secrets: Secrets,
    /// Of fenced tenants: each read with its tenant's session.
    fenced: Mutex<BTreeMap<String, Arc<Secrets>>>,
    public: OnceLock<HttpTransport>,
    private: OnceLock<HttpTransport>,
}

impl Host {
    /// As the environment of a function says. `trace` tells the trace that a piece of work
    /// belongs to.
    pub async fn from_env(trace: Option<TraceHeader>) -> Result<Self, HostError> {
        let variable = |name: &str| std::env::var(name).ok();
        let names = Names::from_lookup(variable)?;
        let knobs = Knobs::from_lookup(variable)?;
        let clients = Clients::from_env().await?;
        let holder = variable("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_default();
        Ok(Self::new(clients, names, knobs, trace, format!("{holder} {}", std::process::id())))
    }

    /// A process with all that it needs.
    pub fn new(
        clients: Clients,
        names: Names,
        knobs: Knobs,
        trace: Option<TraceHeader>,
        holder: String,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let fence = names.tenant_role.as_ref().map(|role| Fence::new(&clients, role));
        let secrets = Secrets::new(&clients, &names.stack, Arc::clone(&clock));
        Self {
            random: Arc::new(SystemRandom),
            clients,
            names,
            knobs,
            clock,
            holder,
            trace,
            fence,
            secrets,
            fenced: Mutex::default(),
            public: OnceLock::new(),
            private: OnceLock::new(),
        }
    }

    /// Clients that reach what is the tenant's, and nothing else where tenants are fenced.
    pub(crate) async fn clients_of(&self, tenant: &str) -> Result<Arc<Clients>, HostError> {
        match &self.fence {
            Some(fence) => Ok(fence.clients(tenant).await?),
            None => Ok(Arc::new(self.clients.clone())),
        }
    }

    /// Secrets in the process's own role: an operator's.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A secret of `tenant`, read with the tenant's session where tenants are fenced.
    pub(crate) async fn secret(&self, tenant: &str, name: &str) -> Result<SecretString, HostError> {
        if self.fence.is_none() {
            return Ok(self.secrets.get(tenant, name).await?);
        }
        let clients = self.clients_of(tenant).await?;
        let secrets = {
            let mut fenced = self.fenced.lock().unwrap_or_else(PoisonError::into_inner);
            if fenced.len() > KEPT && !fenced.contains_key(tenant) {
                fenced.clear();
            }
            let new = || Arc::new(Secrets::new(&clients, &self.names.stack, self.clock.clone()));
            Arc::clone(fenced.entry(tenant.to_owned()).or_insert_with(new))
        };
        Ok(secrets.get(tenant, name).await?)
    }

    pub(crate) fn ambience(&self) -> Ambience {
        Ambience {
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            trace: self.trace.clone(),
            wait: Wait::Second,
        }
    }

    /// The way to every LMS: one pool and one TLS configuration, made when it is first needed. Only
    /// integrations that ask for private addresses, where the operator allows it, get to them.
    pub(crate) fn http(&self, private: bool) -> Result<HttpTransport, HostError> {
        let (made, addresses) = match self.knobs.allow_private {
            Private::Networks if private => (&self.private, Addresses::PublicAndPrivate),
            Private::ThisMachineToo if private => (&self.private, Addresses::AllowPrivate),
            _ => (&self.public, Addresses::Public),
        };
        if let Some(http) = made.get() {
            return Ok(http.clone());
        }
        let allow_plain_http = addresses != Addresses::Public;
        let config = HttpConfig { addresses, allow_plain_http, ..HttpConfig::default() };
        let http = HttpTransport::new(config)?;
        Ok(made.get_or_init(|| http).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knobs_have_defaults_and_say_what_is_wrong() {
        let knobs = Knobs::from_lookup(|_| None).unwrap();
        assert_eq!((knobs.slice.as_secs(), knobs.lease.as_secs()), (120, 60));
        assert_eq!(knobs.allow_private, Private::No);
        let networks = |name: &str| (name == "ROLLCALL_ALLOW_PRIVATE").then(|| "true".to_owned());
        assert_eq!(Knobs::from_lookup(networks).unwrap().allow_private, Private::Networks);
        let wrong = |name: &'static str, value: &'static str| {
            let lookup = move |asked: &str| (asked == name).then(|| value.to_owned());
            Knobs::from_lookup(lookup).unwrap_err().to_string()
        };
        for (name, value) in [
            ("ROLLCALL_SLICE_SECONDS", "0"),
            ("ROLLCALL_LEASE_SECONDS", "soon"),
            ("ROLLCALL_ALLOW_PRIVATE", "yes"),
        ] {
            assert!(wrong(name, value).contains(name));
        }
    }
}
