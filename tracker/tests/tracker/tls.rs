//! wss and https beside ws and http, and certificates that change.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::{Connector, client_async_tls_with_config};
use tracker::{Config, Listen, TlsFiles};

use crate::client::{Client, address, admin, config, eventually, hex, http, start};

/// Makes a certificate for `localhost` with the `openssl` program.
fn certificate(dir: &Path, days: &str) -> TlsFiles {
    let files = TlsFiles {
        cert: dir.join("cert.pem"),
        key: dir.join("key.pem"),
    };
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", days, "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&files.key)
        .arg("-out")
        .arg(&files.cert)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
    files
}

fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// What a client needs that takes this certificate and no other.
fn trusting(files: &TlsFiles) -> Connector {
    let mut roots = RootCertStore::empty();
    let cert = CertificateDer::from_pem_file(&files.cert).expect("a certificate");
    roots.add(cert).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A session that is resumed shows no certificate.
    client.resumption = Resumption::disabled();
    Connector::Rustls(Arc::new(client))
}

/// Upgrades a connection, over TLS.
pub(crate) async fn upgrade(socket: TcpStream, connector: Connector) -> Option<Client> {
    let url = "wss://localhost/announce";
    client_async_tls_with_config(url, socket, None, Some(connector))
        .await
        .ok()
        .map(|(socket, _)| Client(socket))
}

async fn connect(to: SocketAddr, connector: Connector) -> Option<Client> {
    let socket = TcpStream::connect(to).await.expect("accepted");
    upgrade(socket, connector).await
}

/// A folder with a certificate in it, and what trusts it.
pub(crate) fn files() -> (tempfile::TempDir, TlsFiles, Connector) {
    let dir = tempfile::tempdir().expect("a folder");
    let files = certificate(dir.path(), "2");
    let connector = trusting(&files);
    (dir, files, connector)
}

#[tokio::test]
async fn one_tracker_speaks_ws_and_wss_and_both_are_one_swarm() {
    let (_dir, files, connector) = files();
    let tracker = start(Config {
        listen: vec![Listen::plain(any()), Listen::tls(any(), files)],
        ..config()
    })
    .await;
    let plain = address(&tracker);
    let secure = tracker.addresses()[1].tcp().expect("a port");

    let mut wss = connect(secure, connector).await.expect("upgraded");
    let mut ws = Client::connect(plain).await;
    wss.announce(1, 1, json!({"left": 0})).await;
    assert_eq!(ws.announce(1, 2, json!({"left": 5})).await["complete"], 1);
    let path = format!("/api/v1/torrents/{}/peers", hex(1));
    let peers = admin(plain, "GET", &path).await.json();
    assert_eq!(
        [
            &peers["peers"][0]["connection"],
            &peers["peers"][1]["connection"]
        ],
        [&json!("wss"), &json!("ws")]
    );
}

#[tokio::test]
async fn a_changed_certificate_is_taken_and_open_sockets_stay_open() {
    let (dir, files, old) = files();
    let tracker = start(Config {
        listen: vec![Listen::tls(any(), files)],
        ..config()
    })
    .await;
    let at = address(&tracker);
    let mut before = connect(at, old.clone()).await.expect("upgraded");
    before.announce(1, 1, json!({"left": 0})).await;

    let new = trusting(&certificate(dir.path(), "3"));
    let told = eventually("the change", async || {
        let stats = tracker.stats();
        (stats.tls_reloads > 0).then_some(stats)
    })
    .await;
    assert_eq!((told.tls_reloads, told.tls_reloads_failed), (1, 0));
    assert!(connect(at, old).await.is_none(), "the old one is in use");
    let mut after = connect(at, new).await.expect("upgraded");
    assert_eq!(
        after.announce(1, 2, json!({"left": 5})).await["complete"],
        1
    );
    assert_eq!(before.counts(1).await, [1, 1, 0]);
}

#[tokio::test]
async fn a_changed_pair_that_cannot_be_used_leaves_the_one_before_it() {
    let (_dir, files, connector) = files();
    let tracker = start(Config {
        listen: vec![Listen::tls(any(), files.clone())],
        ..config()
    })
    .await;
    std::fs::write(&files.key, "no key").expect("written");
    eventually("the change", async || {
        (tracker.stats().tls_reloads_failed > 0).then_some(())
    })
    .await;
    connect(address(&tracker), connector)
        .await
        .expect("upgraded");

    // And a good pair is taken after a bad one.
    let dir = files.cert.parent().expect("a folder");
    let connector = trusting(&certificate(dir, "3"));
    eventually("the change", async || {
        (tracker.stats().tls_reloads > 0).then_some(())
    })
    .await;
    connect(address(&tracker), connector)
        .await
        .expect("upgraded");
}

#[tokio::test]
async fn metrics_tell_when_the_certificate_ends_and_which_handshakes_fail() {
    let (_dir, files, _) = files();
    let tracker = start(Config {
        listen: vec![Listen::plain(any()), Listen::tls(any(), files)],
        ..config()
    })
    .await;
    let secure = tracker.addresses()[1].tcp().expect("a port");
    let mut plain = TcpStream::connect(secure).await.expect("accepted");
    plain
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("taken");
    let metrics = eventually("a failed handshake", async || {
        let text = http(address(&tracker), "GET", "/metrics", &[]).await.body;
        text.contains("shoal_tracker_tls_handshakes_failed_total 1\n")
            .then_some(text)
    })
    .await;
    let name = "\nshoal_tracker_tls_certificate_expiry_timestamp_seconds ";
    let (_, ends) = metrics.split_once(name).expect("the metric");
    let ends: u64 = ends
        .lines()
        .next()
        .and_then(|ends| ends.parse().ok())
        .expect("a time");
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs();
    assert!((now + 86_400..now + 3 * 86_400).contains(&ends), "{ends}");
}

#[tokio::test]
async fn a_key_that_does_not_fit_and_a_file_without_certificate_are_told_by_name() {
    let (_dir, files, _) = files();
    let wrong = TlsFiles {
        cert: files.key.clone(),
        key: files.cert.clone(),
    };
    let listen = vec![Listen::tls(any(), wrong)];
    let error = tracker::start(Config { listen, ..config() }, |_| {})
        .await
        .expect_err("no");
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` holds no certificate: give a PEM file with a `BEGIN CERTIFICATE` line",
            files.key.display()
        )
    );
}
