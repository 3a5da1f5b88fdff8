//! wss and https beside ws and http.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use tracker::{Config, Listen, TlsFiles};

use crate::client::{Client, config, start};

/// Makes a certificate for `localhost` with the `openssl` program.
fn certificate(dir: &Path) -> TlsFiles {
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
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
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

#[tokio::test]
async fn one_tracker_speaks_ws_and_wss_and_both_are_one_swarm() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = certificate(dir.path());
    let mut roots = RootCertStore::empty();
    let cert = CertificateDer::from_pem_file(&files.cert).expect("a certificate");
    roots.add(cert).expect("a root");
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let tls = Listen {
        addr: any,
        tls: Some(files),
    };
    let tracker = start(Config {
        listen: vec![Listen::plain(any), tls],
        ..config()
    })
    .await;
    let [plain, secure] = *tracker.addresses() else {
        panic!("two addresses")
    };

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let url = format!("wss://localhost:{}/announce", secure.port());
    let connector = Connector::Rustls(Arc::new(client));
    let (socket, _) = connect_async_tls_with_config(url, None, false, Some(connector))
        .await
        .expect("the upgrade is accepted");
    let mut wss = Client(socket);
    let mut ws = Client::connect(plain).await;
    wss.announce(1, 1, json!({"left": 0})).await;
    assert_eq!(ws.announce(1, 2, json!({"left": 5})).await["complete"], 1);
    let path = format!("/api/v1/torrents/{}/peers", crate::client::hex(1));
    let peers = crate::client::admin(plain, "GET", &path).await.json();
    assert_eq!(
        [
            &peers["peers"][0]["connection"],
            &peers["peers"][1]["connection"]
        ],
        [&json!("wss"), &json!("ws")]
    );
}

#[tokio::test]
async fn a_key_that_does_not_fit_and_a_file_without_certificate_are_told_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = certificate(dir.path());
    let wrong = TlsFiles {
        cert: files.key.clone(),
        key: files.cert.clone(),
    };
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = vec![Listen {
        addr: any,
        tls: Some(wrong),
    }];
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
