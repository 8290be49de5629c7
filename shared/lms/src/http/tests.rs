use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Reads one request's head and body, then says what `answer` says; keeps silent for `None`.
async fn one_answer(
    answer: Option<&'static [u8]>,
) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut chunk = [0; 1024];
        while !seen.ends_with(b"the body") {
            let read = socket.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the request ended early");
            seen.extend_from_slice(&chunk[..read]);
        }
        match answer {
            Some(answer) => socket.write_all(answer).await.unwrap(),
            None => tokio::time::sleep(Duration::from_secs(5)).await,
        }
        String::from_utf8(seen).unwrap()
    });
    (at, serving)
}

fn request(url: String) -> Request {
    Request {
        method: "POST",
        url,
        headers: vec![("content-type", "text/plain".to_owned())],
        body: b"the body".to_vec(),
        timeout: Duration::from_millis(300),
    }
}

fn transport(config: HttpConfig) -> HttpTransport {
    HttpTransport::new(config).unwrap()
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let answer = b"HTTP/1.1 429 Slow\r\ncontent-type: Application/JSON\r\nretry-after: 7\r\n\
                   content-length: 2\r\n\r\n[]";
    let (at, serving) = one_answer(Some(answer)).await;
    let got =
        transport(HttpConfig::default()).send(request(format!("http://{at}/x"))).await.unwrap();
    assert_eq!((got.status, got.content_type.as_str()), (429, "application/json"));
    assert_eq!((got.retry_after, got.body.as_slice()), (Some(Duration::from_secs(7)), &b"[]"[..]));
    let seen = serving.await.unwrap();
    assert!(seen.starts_with("POST /x HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("user-agent: rollcall/"), "{seen}");
}

#[tokio::test]
async fn redirects_are_handed_back_and_not_followed() {
    let answer =
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (at, _) = one_answer(Some(answer)).await;
    let got =
        transport(HttpConfig::default()).send(request(format!("http://{at}/"))).await.unwrap();
    assert_eq!(got.status, 302);
}

#[tokio::test]
async fn silence_and_half_an_answer_may_have_had_their_effect() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{";
    for (answer, expected) in [
        (None, "timeout"),
        (Some(&half[..]), "connection closed"),
        (Some(&b""[..]), "connection closed"),
    ] {
        let (at, _) = one_answer(answer).await;
        let error = transport(HttpConfig::default()).send(request(format!("http://{at}/"))).await;
        match error {
            Err(TransportError::NoAnswer { reason }) => assert_eq!(reason, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_never_left_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let check =
        async |url: String, config: HttpConfig, permanently: bool, why: &str| match transport(
            config,
        )
        .send(request(url.clone()))
        .await
        {
            Err(TransportError::NotSent { reason, permanent }) => {
                assert_eq!(permanent, permanently, "{url}: {reason}");
                assert!(reason.contains(why), "{url}: {reason}");
            }
            other => panic!("{url}: {other:?}"),
        };
    check(format!("http://{free}/"), HttpConfig::default(), false, "refused").await;
    check("http://example.invalid/".into(), HttpConfig::default(), true, "plain http").await;
    check("ftp://127.0.0.1/".into(), HttpConfig::default(), true, "neither").await;
    check("not a url".into(), HttpConfig::default(), true, "URL").await;
    for forbidden in [
        "https://169.254.169.254/",
        "https://10.0.0.1/",
        "https://[fe80::1]/",
        "https://0x7f.1.2.3.4.5/",
    ] {
        check(forbidden.into(), HttpConfig::default(), true, "").await;
    }
    // Allowed inside, plain http still does not go out: by address or by name.
    let inside = HttpConfig {
        addresses: Addresses::AllowPrivate,
        allow_plain_http: true,
        ..HttpConfig::default()
    };
    check("http://93.184.215.14/".into(), inside.clone(), true, "plain http").await;
    check(format!("http://{free}/"), inside, false, "refused").await;
    let public = HttpConfig { addresses: Addresses::Public, ..HttpConfig::default() };
    check("https://localhost/".into(), public.clone(), true, "private or reserved").await;
    check(format!("http://{free}/"), public, true, "private or reserved").await;
}

#[tokio::test]
async fn an_answer_over_the_limit_is_cut_off() {
    let (at, _) = one_answer(Some(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789")).await;
    let config = HttpConfig { max_answer: 8, ..HttpConfig::default() };
    let error = transport(config).send(request(format!("http://{at}/"))).await;
    assert!(matches!(error, Err(TransportError::TooLarge { limit: 8 })), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_sent_to() {
    let (at, serving) = one_answer(Some(b"HTTP/1.1 400 no\r\n\r\n")).await;
    let error = transport(HttpConfig::default()).send(request(format!("https://{at}/"))).await;
    serving.abort();
    assert!(
        matches!(error, Err(TransportError::NoAnswer { .. } | TransportError::NotSent { .. })),
        "{error:?}"
    );
}

#[test]
fn waiting_times_are_seconds_or_dates() {
    assert_eq!(retry_after("120", ""), Some(Duration::from_secs(120)));
    let date = "Sun, 22 Nov 2026 05:00:00 GMT";
    assert_eq!(retry_after("Sun, 22 Nov 2026 05:01:30 GMT", date), Some(Duration::from_secs(90)));
    assert_eq!(retry_after("Sun, 22 Nov 2026 04:00:00 GMT", date), Some(Duration::ZERO));
    assert_eq!(retry_after("soon", date), None);
    let endless = u64::MAX.to_string();
    assert_eq!(retry_after(&endless, ""), Some(LONGEST_WAIT));
    assert_eq!(retry_after("22 Nov 9026 05:00:00 GMT", date), Some(LONGEST_WAIT));
}

#[test]
fn extra_authorities_must_be_certificates() {
    let config = HttpConfig { extra_authorities: b"hello".to_vec(), ..HttpConfig::default() };
    assert!(matches!(HttpTransport::new(config), Err(HttpConfigError::Authorities { .. })));
}
