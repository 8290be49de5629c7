//! TLS against a live server on this machine: whom the transport trusts, and that nothing of a
//! request leaves before it does.
#![cfg(feature = "http")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lms::http::{HttpConfig, HttpTransport};
use lms::{Request, Response, Transport, TransportError};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const TOKEN: &str = "wstoken=5ec2e7";

/// An authority of somebody's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server of this authority on this machine, known by `name`; `change` spoils its
    /// certificate.
    async fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Server {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Server::start(config).await
    }
}

/// A server that answers one request and says what it was told.
struct Server {
    at: SocketAddr,
    heard: tokio::task::JoinHandle<String>,
}

impl Server {
    async fn start(config: rustls::ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let heard = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            // A client that does not trust us says so and goes.
            let Ok(mut tls) = TlsAcceptor::from(Arc::new(config)).accept(socket).await else {
                return String::new();
            };
            let mut heard = Vec::new();
            let mut chunk = [0; 1024];
            while !heard.ends_with(TOKEN.as_bytes()) {
                match tls.read(&mut chunk).await {
                    Ok(0) | Err(_) => return String::from_utf8(heard).unwrap(),
                    Ok(read) => heard.extend_from_slice(&chunk[..read]),
                }
            }
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]").await.unwrap();
            tls.shutdown().await.unwrap();
            String::from_utf8(heard).unwrap()
        });
        Self { at, heard }
    }

    /// Sends a request with a token in it to this server, as `host`.
    async fn ask(&self, host: &str, trusting: &[&str]) -> Result<Response, TransportError> {
        let extra_authorities = trusting.concat().into_bytes();
        let config = HttpConfig { extra_authorities, ..HttpConfig::default() };
        let request = Request {
            method: "POST",
            url: format!("https://{host}:{}/", self.at.port()),
            headers: Vec::new(),
            body: TOKEN.as_bytes().to_vec(),
            timeout: Duration::from_secs(10),
        };
        HttpTransport::new(config).unwrap().send(request).await
    }

    /// The same; the client must go for good, with this reason, and have said nothing.
    async fn refused(self, host: &str, trusting: &[&str], why: &str) {
        match self.ask(host, trusting).await {
            Err(TransportError::NotSent { reason, permanent: true }) => assert_eq!(reason, why),
            other => panic!("{why}: {other:?}"),
        }
        assert_eq!(self.heard.await.unwrap(), "", "{why}");
    }
}

const UNKNOWN: &str = "its certificate is from an authority that is not trusted";

#[tokio::test]
async fn an_authority_that_nobody_named_is_not_trusted() {
    let (own, other) = (Authority::new("own"), Authority::new("other"));
    own.server("localhost", |_| {}).await.refused("localhost", &[], UNKNOWN).await;
    own.server("localhost", |_| {}).await.refused("localhost", &[&other.pem], UNKNOWN).await;
    // One that only calls itself the same.
    let namesake = Authority::new("own");
    let server = namesake.server("localhost", |_| {}).await;
    server.refused("localhost", &[&own.pem], "its certificate is not trusted").await;
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted() {
    let (own, other) = (Authority::new("own"), Authority::new("other"));
    for (name, host) in [("localhost", "localhost"), ("127.0.0.1", "127.0.0.1")] {
        let server = own.server(name, |_| {}).await;
        let answer = server.ask(host, &[&other.pem, &own.pem]).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"[]"[..]), "{host}");
        assert!(server.heard.await.unwrap().ends_with(TOKEN));
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let own = Authority::new("own");
    let why = "its certificate is for another name";
    let server = own.server("lms.example.edu", |_| {}).await;
    server.refused("localhost", &[&own.pem], why).await;
    let server = own.server("localhost", |_| {}).await;
    server.refused("127.0.0.1", &[&own.pem], why).await;
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_refused() {
    let own = Authority::new("own");
    let expired = own.server("localhost", |params| {
        (params.not_before, params.not_after) =
            (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    });
    expired.await.refused("localhost", &[&own.pem], "its certificate has expired").await;
    let early = own.server("localhost", |params| {
        (params.not_before, params.not_after) =
            (date_time_ymd(2999, 1, 1), date_time_ymd(3000, 1, 1));
    });
    early.await.refused("localhost", &[&own.pem], "its certificate is not valid yet").await;
}

#[tokio::test]
async fn a_server_certificate_is_no_authority() {
    // Whoever has a good certificate for one name must not make others with it.
    let own = Authority::new("own");
    let mut params = CertificateParams::new(vec!["own.example.edu".to_owned()]).unwrap();
    params.is_ca = IsCa::ExplicitNoCa;
    let key = KeyPair::generate().unwrap();
    let pem = params.signed_by(&key, &own.issuer).unwrap().pem();
    let forger = Authority { issuer: Issuer::new(params, key), pem };
    let server = forger.server("localhost", |_| {}).await;
    let answer = server.ask("localhost", &[&own.pem]).await;
    assert!(matches!(answer, Err(TransportError::NotSent { permanent: true, .. })), "{answer:?}");
    assert_eq!(server.heard.await.unwrap(), "");
}
