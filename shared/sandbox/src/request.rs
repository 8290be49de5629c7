//! What a simulated platform is asked and what it answers, free of any HTTP library.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

/// The method of a request; others than these are refused by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads, by address alone.
    Get,
    /// Carries a body.
    Post,
}

/// One request, with as much of its headers as the platforms look at.
///
/// `Debug` leaves query and body out: they hold people's data and the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// The path, without the query, as it was sent.
    pub path: String,
    /// The query without its question mark; empty where there is none.
    pub query: String,
    /// The `Content-Type` header, if any.
    pub content_type: Option<String>,
    /// The `Host` header, if any. Requests made in the same process have none.
    pub host: Option<String>,
    /// The body, empty for GET.
    pub body: Vec<u8>,
}

impl Request {
    /// A form-encoded POST.
    pub fn post(path: &str, form: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::Post,
            path: path.to_owned(),
            query: String::new(),
            content_type: Some("application/x-www-form-urlencoded".to_owned()),
            host: None,
            body: form.into(),
        }
    }

    /// A GET of `target`, a path with or without a query.
    pub fn get(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: Method::Get,
            path: path.to_owned(),
            query: query.to_owned(),
            content_type: None,
            host: None,
            body: Vec::new(),
        }
    }

    /// Whether the body is a form, which is what PHP looks at before it reads it as one.
    pub(crate) fn is_form(&self) -> bool {
        self.content_type
            .as_deref()
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// Whether the request came by a name that only this machine has. A web page elsewhere can
    /// make a browser ask 127.0.0.1 under a name of its own, but not under one of these.
    pub(crate) fn is_local(&self) -> bool {
        let Some(host) = self.host.as_deref() else { return true };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: Cow<'static, str>,
    /// The `Retry-After` header in seconds, where there is one.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer of status 200.
    pub fn ok(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            content_type: Cow::Borrowed(content_type),
            retry_after: None,
            body: body.into(),
        }
    }

    /// An HTML page of status 200.
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self::ok("text/html; charset=utf-8", body)
    }

    /// A short HTML page with a status and a title, as web servers send them.
    pub fn error_page(status: u16, title: &str) -> Self {
        let body = format!(
            "<!DOCTYPE html><html><head><title>{status} {title}</title></head>\
             <body><h1>{status} {title}</h1></body></html>"
        );
        Self { status, ..Self::html(body) }
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// What becomes of a request. The host acts it out; a seeded world reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Answer it.
    Answer(Response),
    /// Close the connection; nothing was done.
    DropBefore,
    /// Close the connection; everything was done.
    DropAfter,
    /// Answer it after a wait. What it asked for is done already.
    Delay(Duration, Response),
}

/// A simulated platform.
pub trait Service: Send + 'static {
    /// Does what `request` asks at the time `now` and says what the client gets to see of it.
    fn reply(&mut self, request: &Request, now: Timestamp) -> Reply;

    /// The largest body in bytes that the platform's web server reads.
    fn body_limit(&self) -> usize;
}
