//! The sandbox LMS of the data folder, as a transport: it is started with the first request, on a
//! free port of this machine, and ends with the process. Where `rollcall sandbox` runs on the same
//! folder, that one is used.
//!
//! **Never:** nothing is started for a plan that has nothing to deliver.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::Clock;
use async_trait::async_trait;
use lms::http::HttpTransport;
use lms::{Request, Response, Transport, TransportError};
use sandbox::http::{Server, serve};
use sandbox::journal::JournalError;
use sandbox::moodle::Site;
use tokio::sync::OnceCell;

/// The sandbox's address in configuration and state: where it really listens is another port
/// every time, and not what the applied state is about.
pub const ADDRESS: &str = "sandbox:moodle";

/// The sandbox's folder in the data folder.
pub const FOLDER: &str = "sandbox";

/// The file in the sandbox's folder that says where a running one listens.
const LISTENS: &str = "address";

/// Carries requests to the sandbox.
pub struct SandboxTransport {
    http: HttpTransport,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    running: OnceCell<Running>,
}

struct Running {
    url: String,
    /// Ours ends with us; that of another process is none of our business.
    _ours: Option<Server>,
}

impl SandboxTransport {
    /// The sandbox whose folder is in the data folder `data`.
    pub fn new(http: HttpTransport, data: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { http, folder: data.join(FOLDER), clock, running: OnceCell::new() }
    }

    async fn start(&self) -> Result<Running, TransportError> {
        let cannot = |reason: String| TransportError::NotSent {
            reason: format!("the sandbox does not start: {reason}"),
            permanent: true,
        };
        // Another process may be starting or ending just now.
        for _ in 0..20 {
            match Site::open(&self.folder) {
                Ok(site) => {
                    let address = SocketAddr::from(([127, 0, 0, 1], 0));
                    let site = Arc::new(Mutex::new(site));
                    let server = serve(site, address, Arc::clone(&self.clock)).await;
                    let server = server.map_err(|error| cannot(error.to_string()))?;
                    return Ok(Running { url: server.url(), _ours: Some(server) });
                }
                Err(JournalError::Locked) => {
                    if let Some(url) = listening(&self.folder) {
                        return Ok(Running { url, _ours: None });
                    }
                    self.clock.sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(cannot(error.to_string())),
            }
        }
        Err(cannot(JournalError::Locked.to_string()))
    }
}

#[async_trait]
impl Transport for SandboxTransport {
    async fn send(&self, mut request: Request) -> Result<Response, TransportError> {
        let running = self.running.get_or_try_init(|| self.start()).await?;
        if let Some(path) = request.url.strip_prefix(ADDRESS) {
            request.url = format!("{}{path}", running.url);
        }
        self.http.send(request).await
    }
}

/// Where the sandbox of this folder listens, if it says so.
pub fn listening(folder: &Path) -> Option<String> {
    let url = fs::read_to_string(folder.join(LISTENS)).ok()?;
    this_machine(url.trim())
}

/// `url` where it is an address of this machine and nothing more.
fn this_machine(url: &str) -> Option<String> {
    let at: SocketAddr = url.strip_prefix("http://")?.parse().ok()?;
    at.ip().is_loopback().then(|| format!("http://{at}"))
}

/// Says where the sandbox of a folder listens, until it is dropped.
pub struct Listening(PathBuf);

impl Listening {
    /// Says that it listens at `url`. Only who has the site open may.
    pub fn at(folder: &Path, url: &str) -> std::io::Result<Self> {
        let (beside, place) = (folder.join("~address"), folder.join(LISTENS));
        let mut file = fs::File::create(&beside)?;
        file.write_all(url.as_bytes())?;
        fs::rename(&beside, &place)?;
        Ok(Self(place))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // One that stays is harmless: it is believed only while somebody holds the folder.
        let _gone = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_believed_to_be_on_this_machine_alone() {
        let url = "http://127.0.0.1:8095";
        assert_eq!(this_machine(url).as_deref(), Some(url));
        for elsewhere in [
            "http://127.0.0.1:80@evil.example/",
            "http://127.0.0.1:8095/x",
            "http://10.0.0.1:80",
            "https://127.0.0.1:8095",
            "http://localhost:8095",
            "",
        ] {
            assert_eq!(this_machine(elsewhere), None, "{elsewhere}");
        }
    }
}
