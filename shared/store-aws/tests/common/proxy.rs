//! A proxy before the emulator that does what networks do: it loses answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is not done; this status and body come back.
    Answer(u16, &'static str),
}

/// Which requests a fault is for, by a text in their head or body.
type Plan = Arc<Mutex<VecDeque<(&'static str, Fault)>>>;

/// A running proxy.
pub struct Proxy {
    pub endpoint: String,
    plan: Plan,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy before what listens at `upstream` (`http://127.0.0.1:4566`).
    pub async fn start(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (plan, seen) = (Plan::default(), Arc::<Mutex<Vec<String>>>::default());
        let (planned, seeing) = (plan.clone(), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, plan) = (upstream.clone(), planned.clone());
                let seen = seeing.clone();
                // A connection that breaks off is what this is for.
                tokio::spawn(async move { serve(stream, &upstream, &plan, &seen).await });
            }
        });
        Self { endpoint, plan, seen }
    }

    /// The next request that has `text` in it gets `fault`.
    pub fn plan(&self, text: &'static str, fault: Fault) {
        self.plan.lock().unwrap().push_back((text, fault));
    }

    /// How many requests have had `text` in them.
    pub fn count(&self, text: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|request| request.contains(text)).count()
    }

    /// Whether every fault has happened.
    pub fn is_done(&self) -> bool {
        self.plan.lock().unwrap().is_empty()
    }
}

/// One request for each connection: it is closed after it.
async fn serve(
    stream: TcpStream,
    upstream: &str,
    plan: &Plan,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut client = BufReader::new(stream);
    let request = read_request(&mut client).await?;
    let text = String::from_utf8_lossy(&request).into_owned();
    let fault = {
        let mut plan = plan.lock().unwrap();
        let place = plan.iter().position(|(wanted, _)| text.contains(wanted));
        place.and_then(|place| plan.remove(place)).map(|(_, fault)| fault)
    };
    seen.lock().unwrap().push(text);
    if let Some(Fault::Answer(status, body)) = fault {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} Planned\r\ncontent-type: application/x-amz-json-1.0\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(&request).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    if fault == Some(Fault::LoseAnswer) {
        return Ok(());
    }
    client.write_all(&answer).await
}

/// A whole request, which the server is asked to answer and close the connection after.
async fn read_request(client: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let header = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    if header("expect:").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = header("content-length:").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    head.truncate(head.len() - 2);
    head.extend_from_slice(b"connection: close\r\n\r\n");
    head.extend_from_slice(&body);
    Ok(head)
}
