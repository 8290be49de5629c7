//! The transport over the network: HTTP/1.1 with TLS, a pool of connections, nothing clever.
//!
//! **Never:** it follows no redirect, tries nothing twice, uses no proxy from the environment,
//! talks to no address that its [`Addresses`] policy refuses, and sends nothing in clear to a
//! public one.

mod address;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::{Request, Response, Transport, TransportError};
pub use address::Addresses;
use address::Scheme;

/// How to connect.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Which addresses may be talked to.
    pub addresses: Addresses,
    /// Whether `http://` is allowed into private networks, where `addresses` allows these:
    /// credentials then travel in clear there. Default: no, to this machine alone. Never to a
    /// public address.
    pub allow_plain_http: bool,
    /// Certificates, PEM, of authorities that are trusted beside the public ones: a school's own.
    pub extra_authorities: Vec<u8>,
    /// How long to wait for a connection. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// The largest answer that is read, in bytes. Default: 64 MiB.
    pub max_answer: usize,
    /// What we call ourselves.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            addresses: Addresses::PublicAndLoopback,
            allow_plain_http: false,
            extra_authorities: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            max_answer: 64 << 20,
            user_agent: concat!("rollcall/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a transport could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpConfigError {
    /// The extra certificates cannot be used.
    #[error("the extra certificate authorities are not PEM certificates ({reason})")]
    Authorities {
        /// Why.
        reason: String,
    },
    /// TLS or the client could not be set up.
    #[error("failed to set up HTTP")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends requests over the network. Needs a tokio runtime with I/O and time.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    /// For `https`.
    secure: reqwest::Client,
    /// For `http`: its names lead to no public address.
    plain: reqwest::Client,
    config: HttpConfig,
}

impl HttpTransport {
    /// A transport with its own pool of connections.
    pub fn new(config: HttpConfig) -> Result<Self, HttpConfigError> {
        let tls = tls(&config.extra_authorities)?;
        let secure = client(&config, tls.clone(), Scheme::Tls)?;
        let plain = client(&config, tls, Scheme::Plain)?;
        Ok(Self { secure, plain, config })
    }

    /// Which client sends to `url`; refuses what the policy forbids before anything is resolved
    /// or sent.
    fn client_for(&self, url: &url::Url) -> Result<&reqwest::Client, TransportError> {
        let refuse = |reason: &str| {
            Err(TransportError::NotSent { reason: reason.to_owned(), permanent: true })
        };
        let (scheme, client) = match url.scheme() {
            "https" => (Scheme::Tls, &self.secure),
            "http" if self.config.allow_plain_http || address::is_loopback_host(url) => {
                (Scheme::Plain, &self.plain)
            }
            "http" => return refuse(address::IN_CLEAR),
            _ => return refuse("the address begins with neither https:// nor http://"),
        };
        // A host that is an address is never resolved, so the resolver cannot judge it.
        match address::literal(url) {
            Some(ip) if !self.config.addresses.allow(ip) => refuse(address::FORBIDDEN),
            Some(ip) if !scheme.may_reach(ip) => refuse(address::IN_CLEAR),
            _ => Ok(client),
        }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Response, TransportError> {
        let limit = self.config.max_answer;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = header("content-type").unwrap_or_default().to_ascii_lowercase();
        let retry_after = header("retry-after")
            .and_then(|wait| retry_after(wait, header("date").unwrap_or_default()));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > limit {
                return Err(TransportError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, content_type, retry_after, body })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let bad =
            |reason: &str| TransportError::NotSent { reason: reason.to_owned(), permanent: true };
        let url = url::Url::parse(&request.url).map_err(|_| bad("the address is not a URL"))?;
        let client = self.client_for(&url)?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| bad("no such method"))?;
        let mut sending = client.request(method, url).timeout(request.timeout);
        for (name, value) in request.headers {
            sending = sending.header(name, value);
        }
        let response = sending.body(request.body).send().await.map_err(classed)?;
        self.read(response).await
    }
}

/// TLS by ring, trusting the public authorities and the extra ones.
fn tls(extra: &[u8]) -> Result<rustls::ClientConfig, HttpConfigError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let bad = |reason: String| HttpConfigError::Authorities { reason };
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(extra) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if !extra.is_empty() && roots.len() == before {
        return Err(bad("there is none in it".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpConfigError::Setup(Box::new(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn client(
    config: &HttpConfig,
    tls: rustls::ClientConfig,
    scheme: Scheme,
) -> Result<reqwest::Client, HttpConfigError> {
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(15))
        .tcp_nodelay(true)
        .dns_resolver(Arc::new(address::CheckedResolver(config.addresses, scheme)))
        .user_agent(&config.user_agent)
        .build()
        .map_err(|error| HttpConfigError::Setup(Box::new(error)))
}

/// Whether it left or not: only what failed before a connection stood is surely not sent.
fn classed(error: reqwest::Error) -> TransportError {
    if !error.is_connect() && !error.is_builder() {
        return no_answer(error);
    }
    let mut permanent = error.is_builder();
    let mut reason = if error.is_builder() { "not a valid request" } else { "connection failed" };
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<address::Forbidden>() {
            (permanent, reason) = (true, refused.reason());
        } else if let Some(tls) = tls_error(cause) {
            (permanent, reason) = match tls {
                rustls::Error::InvalidCertificate(why) => (true, untrusted(why)),
                _ => (false, "TLS failed"),
            };
        } else if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            reason = match io.kind() {
                std::io::ErrorKind::ConnectionRefused => "connection refused",
                std::io::ErrorKind::TimedOut => "connecting took too long",
                _ => reason,
            };
        }
        source = cause.source();
    }
    TransportError::NotSent { reason: reason.to_owned(), permanent }
}

/// A TLS error travels inside an I/O error, which can be inside another; their `source` passes
/// over what they hold.
fn tls_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = cause;
    while let Some(inner) = cause.downcast_ref().and_then(std::io::Error::get_ref) {
        cause = inner;
    }
    cause.downcast_ref()
}

/// What is wrong with a certificate. The details would repeat what a stranger wrote into it.
fn untrusted(why: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match why {
        Expired | ExpiredContext { .. } => "its certificate has expired",
        NotValidYet | NotValidYetContext { .. } => "its certificate is not valid yet",
        NotValidForName | NotValidForNameContext { .. } => "its certificate is for another name",
        UnknownIssuer => "its certificate is from an authority that is not trusted",
        _ => "its certificate is not trusted",
    }
}

fn no_answer(error: reqwest::Error) -> TransportError {
    let reason = if error.is_timeout() { "timeout" } else { "connection closed" };
    TransportError::NoAnswer { reason: reason.to_owned() }
}

/// The longest wait that is believed: a site that asks for years must not put a school to sleep.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// `Retry-After` is seconds, or a date to be read against the answer's own `Date`: their
/// difference needs no clock of ours.
fn retry_after(wait: &str, date: &str) -> Option<Duration> {
    if let Ok(seconds) = wait.trim().parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let until = jiff::fmt::rfc2822::parse(wait.trim()).ok()?;
    let now = jiff::fmt::rfc2822::parse(date.trim()).ok()?;
    let wait = Duration::try_from(until.duration_since(&now)).unwrap_or_default();
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
