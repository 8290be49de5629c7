//! Hosts a simulated platform over HTTP on this machine.
//!
//! Built on hyper itself: a planned fault may have to close a connection without a word, which
//! web frameworks cannot.
//!
//! **Never:** no decision about a call is taken here; nothing but loopback addresses is listened
//! on; and no web page elsewhere gets a browser to call the platform for it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Clock;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::{Method, Reply, Request, Response, Service};

/// A platform that is being hosted. Dropping it stops listening; [`Server::shutdown`] also waits
/// for the calls in progress.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its address for a browser or a client.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening and waits until the calls in progress are answered.
    pub async fn shutdown(self) {
        // An error means that the listener has ended already, which is what is wanted.
        let _ended = self.stop.send(true);
        let _ended = self.listener.await;
    }
}

/// Listens on `address`, which must be of this machine; port 0 takes a free one.
pub async fn serve<S: Service>(
    service: Arc<Mutex<S>>,
    address: SocketAddr,
    clock: Arc<dyn Clock>,
) -> io::Result<Server> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the sandbox listens on this machine only: use 127.0.0.1",
        ));
    }
    let socket = TcpListener::bind(address).await?;
    let address = socket.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let listener = tokio::spawn(listen(socket, service, clock, stopped));
    Ok(Server { address, stop, listener })
}

async fn listen<S: Service>(
    socket: TcpListener,
    service: Arc<Mutex<S>>,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An error here also means that the server was dropped.
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = socket.accept() => {
                // A connection that fails while it is made is the client's loss only. Out of
                // file handles, the wait keeps the loop from spinning.
                let Ok((stream, _)) = accepted else {
                    clock.sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                connections.spawn(converse(
                    stream,
                    Arc::clone(&service),
                    Arc::clone(&clock),
                    stopped.clone(),
                ));
            }
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

async fn converse<S: Service>(
    stream: TcpStream,
    service: Arc<Mutex<S>>,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
) {
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        let clock = Arc::clone(&clock);
        async move { answer(request, &service, clock.as_ref()).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    // Errors are closed connections, by the client or by a planned fault.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _closed = connection.await;
        }
    }
}

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Dropped;

async fn answer<S: Service>(
    request: hyper::Request<Incoming>,
    service: &Mutex<S>,
    clock: &dyn Clock,
) -> Result<hyper::Response<Full<Bytes>>, Dropped> {
    let method = match *request.method() {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => return Ok(written(Response::error_page(405, "Method Not Allowed"))),
    };
    if is_sent_by_another_page(&request) {
        return Ok(written(Response::error_page(403, "Forbidden")));
    }
    let limit = locked(service).body_limit();
    let header = |name: HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    // HTTP/1.0 has no host; an empty one is nobody's name.
    let host = Some(header(HOST).unwrap_or_default());
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let content_type = header(CONTENT_TYPE);
    let body = read(request.into_body(), limit).await?;
    let request = Request { method, path, query, content_type, host, body };
    let reply = locked(service).reply(&request, clock.now());
    match reply {
        Reply::Answer(response) => Ok(written(response)),
        Reply::Delay(wait, response) => {
            clock.sleep(wait).await;
            Ok(written(response))
        }
        Reply::DropBefore | Reply::DropAfter => Err(Dropped),
    }
}

/// Whether a page of another site made a browser send this. Such a page can make it send forms and
/// load images from 127.0.0.1, and a sandbox's token is no secret; browsers say where it comes
/// from, other clients send neither header. A link that somebody follows is welcome, but carries
/// nothing.
fn is_sent_by_another_page(request: &hyper::Request<Incoming>) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    let host = header("host").unwrap_or_default();
    let own_origin = |origin: &[u8]| origin.strip_prefix(b"http://").is_some_and(|at| at == host);
    let other_origin = header("origin").is_some_and(|origin| !own_origin(origin));
    let other_site = matches!(header("sec-fetch-site"), Some(b"cross-site" | b"same-site"));
    let is_link = request.method() == hyper::Method::GET
        && request.uri().query().is_none()
        && header("sec-fetch-mode") == Some(b"navigate");
    other_origin || other_site && !is_link
}

fn locked<S>(service: &Mutex<S>) -> std::sync::MutexGuard<'_, S> {
    // A call that panicked answered nobody; the rows are whole, as each change is applied at once.
    service.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a body, but not much beyond the limit: longer is too long, whatever follows.
async fn read(mut body: Incoming, limit: usize) -> Result<Vec<u8>, Dropped> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        // The client went away, so there is nobody to answer.
        let frame = frame.map_err(|_| Dropped)?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
        if bytes.len() > limit {
            break;
        }
    }
    Ok(bytes)
}

fn written(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut builder = hyper::Response::builder()
        .status(response.status)
        .header(CONTENT_TYPE, response.content_type.as_ref())
        .header("Cache-Control", "no-store")
        .header("X-Content-Type-Options", "nosniff");
    if let Some(seconds) = response.retry_after {
        builder = builder.header(RETRY_AFTER, seconds);
    }
    builder.body(Full::new(Bytes::from(response.body))).unwrap_or_else(|_| {
        // Only a status outside 100 to 999 gets here, which a fault plan could ask for.
        let mut plain = hyper::Response::new(Full::new(Bytes::new()));
        *plain.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        plain
    })
}
