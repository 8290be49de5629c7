//! The host, over a real socket of this machine.
#![cfg(feature = "http")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ambient::{ManualClock, Timestamp};
use sandbox::moodle::Site;
use sandbox::{Fault, Rule, http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Hosted {
    site: Arc<Mutex<Site>>,
    clock: Arc<ManualClock>,
    server: http::Server,
}

async fn hosted() -> Hosted {
    let site = Arc::new(Mutex::new(Site::in_memory()));
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let address: SocketAddr = ([127, 0, 0, 1], 0).into();
    let server = http::serve(Arc::clone(&site), address, Arc::clone(&clock) as _).await.unwrap();
    Hosted { site, clock, server }
}

/// Sends a request as text and reads all that comes back until the connection closes.
async fn exchange(server: &http::Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A dropped connection may come as a reset, which is an end like any other here.
    let _end = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn create(name: &str) -> String {
    let body = format!(
        "wstoken=sandbox&wsfunction=core_user_create_users&moodlewsrestformat=json\
         &users[0][username]={name}&users[0][firstname]=F&users[0][lastname]=L\
         &users[0][email]={name}@x.invalid&users[0][createpassword]=1"
    );
    format!(
        "POST /webservice/rest/server.php HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_call_a_page_and_a_shutdown() {
    let hosted = hosted().await;
    let answer = exchange(&hosted.server, &create("ada")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(r#"[{"id":4,"username":"ada"}]"#), "{answer}");
    let page = exchange(
        &hosted.server,
        "GET /people HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(page.contains("ada@x.invalid"));
    let page = exchange(
        &hosted.server,
        "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    let page = exchange(
        &hosted.server,
        "DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(page.starts_with("HTTP/1.1 405"), "{page}");
    let address = hosted.server.local_addr();
    hosted.server.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_web_page_elsewhere_gets_nothing_and_does_nothing() {
    let hosted = hosted().await;
    let at = hosted.server.local_addr();
    let accounts = || hosted.site.lock().unwrap().counts().accounts;
    let refused = async |request: String| {
        let answer = exchange(&hosted.server, &request).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{request}{answer}");
        assert!(!answer.contains("username"), "{answer}");
        assert_eq!(accounts(), 3, "{request}");
    };
    let with = |more: &str| create("eve").replace("Host: 127.0.0.1", &format!("Host: {at}{more}"));
    // A name of the attacker's, made to lead here; a form on the attacker's page; an image on it.
    refused(create("eve").replace("Host: 127.0.0.1", "Host: evil.example")).await;
    refused(create("eve").replace("Host: 127.0.0.1", "Host: 127.0.0.1.evil.example")).await;
    refused(with("\r\nOrigin: https://evil.example")).await;
    refused(with("\r\nOrigin: null")).await;
    refused(with("\r\nOrigin: http://127.0.0.1:1")).await;
    refused(with("\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors")).await;
    let get = |target: &str, mode: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: {at}\r\nSec-Fetch-Site: cross-site\r\n\
             Sec-Fetch-Mode: {mode}\r\nConnection: close\r\n\r\n"
        )
    };
    let call = "/webservice/rest/server.php?wstoken=sandbox&wsfunction=core_course_get_courses";
    refused(get(call, "no-cors")).await;
    refused(get(call, "navigate")).await;
    refused(get("/people", "no-cors")).await;
    // Somebody who follows a link, and the sandbox's own pages.
    assert!(exchange(&hosted.server, &get("/people", "navigate")).await.contains(" 200 OK"));
    let own = with(&format!("\r\nOrigin: http://{at}\r\nSec-Fetch-Site: same-origin"));
    assert!(exchange(&hosted.server, &own).await.contains("\"username\":\"eve\""));
    assert_eq!(accounts(), 4);
}

#[tokio::test]
async fn faults_are_acted_out() {
    let hosted = hosted().await;
    let plan = |fault| hosted.site.lock().unwrap().faults_mut().add(Rule::next(1, fault));
    let accounts = || hosted.site.lock().unwrap().counts().accounts;
    plan(Fault::DropBefore);
    assert_eq!(exchange(&hosted.server, &create("a")).await, "");
    assert_eq!(accounts(), 3);
    plan(Fault::DropAfter);
    assert_eq!(exchange(&hosted.server, &create("a")).await, "");
    assert_eq!(accounts(), 4, "done, though nobody heard of it");
    plan(Fault::Throttled { retry_after: 9 });
    let answer = exchange(&hosted.server, &create("b")).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 429") && answer.contains("retry-after: 9"), "{answer}");
    plan(Fault::Delay { ms: 2500 });
    assert!(exchange(&hosted.server, &create("b")).await.starts_with("HTTP/1.1 200"));
    assert_eq!(ambient::Clock::now(hosted.clock.as_ref()).as_millisecond(), 2500);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let hosted = hosted().await;
    hosted.site.lock().unwrap().settings_mut().body_limit = 100;
    let answer = exchange(&hosted.server, &create("a")).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn only_this_machine_is_listened_on() {
    let site = Arc::new(Mutex::new(Site::in_memory()));
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let everywhere: SocketAddr = ([0, 0, 0, 0], 0).into();
    assert!(http::serve(site, everywhere, clock).await.is_err());
}
