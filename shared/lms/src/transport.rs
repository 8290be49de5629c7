//! Requests and answers, whatever carries them.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

/// A request to an LMS.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub method: &'static str,
    /// Absolute address.
    pub url: String,
    /// Header names in lower case. Credentials can be among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body; can hold personal data and credentials.
    pub body: Vec<u8>,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
}

impl fmt::Debug for Request {
    /// Method, address without its query, and the body's length: nothing personal, no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.url.split(['?', '#']).next().unwrap_or_default();
        write!(f, "{} {bare} ({} bytes)", self.method, self.body.len())
    }
}

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, in lower case; empty where there is none.
    pub content_type: String,
    /// `Retry-After`, read as seconds or as a date.
    pub retry_after: Option<Duration>,
    /// The body; can hold personal data.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.status, self.content_type, self.body.len())
    }
}

/// Why there is no answer. Whether the request can have had its effect is what matters most.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// It never left: no such host, connection refused, TLS failed.
    #[error("could not connect ({reason})")]
    NotSent {
        /// Why, without the address's secrets.
        reason: String,
        /// Whether it was refused for good (a certificate, a forbidden address), not in passing.
        permanent: bool,
    },
    /// It was sent, and no whole answer came back in time: it may have had its effect.
    #[error("no answer came back ({reason})")]
    NoAnswer {
        /// `timeout`, `connection closed`.
        reason: String,
    },
    /// The answer is larger than allowed; the request had its effect.
    #[error("the answer is over {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

/// Carries requests.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends, waits at most `request.timeout` for the whole answer. Never tries twice, follows no
    /// redirect.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}
