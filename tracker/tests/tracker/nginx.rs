//! The tracker behind nginx, with the configuration that `docs/proxies.md` gives.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tokio::net::TcpSocket;
use tracker::{Address, Config, Listen};

use crate::client::{address, admin, config, eventually, hex, start};
use crate::tls;

/// Where nginx listens, and where the client comes from.
const NGINX: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const DOCUMENT: &str = include_str!("../../../docs/proxies.md");

/// The documented server, with this test's places instead of the example's.
fn server(at: SocketAddr, files: &tracker::TlsFiles, socket: &Path) -> String {
    let (_, block) = DOCUMENT.split_once("```nginx\n").expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    [
        ("listen 443 ssl", format!("listen {at} ssl")),
        ("/etc/ssl/fullchain.pem", files.cert.display().to_string()),
        ("/etc/ssl/privkey.pem", files.key.display().to_string()),
        ("/run/shoal/tracker.sock", socket.display().to_string()),
    ]
    .iter()
    .fold(block.to_owned(), |block, (from, to)| {
        assert!(block.contains(from), "{from}");
        block.replace(from, to)
    })
}

/// Ends nginx with the test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Set where nginx must be there, so that nothing is skipped.
const REQUIRED: &str = "SHOAL_NGINX_REQUIRED";

/// Starts nginx on a free port; none where it does not run.
fn nginx(dir: &Path, files: &tracker::TlsFiles, socket: &Path) -> Option<(Nginx, SocketAddr)> {
    let version = Command::new("nginx").arg("-v").output();
    if !version.is_ok_and(|version| version.status.success()) {
        let required = std::env::var_os(REQUIRED).is_some();
        assert!(!required, "`{REQUIRED}` is set and `nginx` does not run");
        return None;
    }
    // nginx cannot tell which port it got, so one is found for it, on an address that
    // no other test binds.
    let free = TcpListener::bind((NGINX, 0)).expect("bound");
    let at = free.local_addr().expect("an address");
    drop(free);
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {name};\n"))
        .collect();
    let text = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\n\
         http {{\naccess_log off;\n{places}{}}}\n",
        server(at, files, socket)
    );
    std::fs::write(dir.join("nginx.conf"), text).expect("written");
    let child = Command::new("nginx")
        .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
        .arg(dir)
        .stdout(Stdio::null())
        .spawn()
        .expect("nginx starts");
    Some((Nginx(child), at))
}

#[tokio::test]
async fn behind_nginx_the_admin_api_tells_the_address_of_the_client() {
    let (dir, files, connector) = tls::files();
    let socket = dir.path().join("shoal.sock");
    let mut with = Config {
        listen: vec![
            Listen::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            Listen::plain(Address::Unix(socket.clone())),
        ],
        ..config()
    };
    with.proxies.trusted = vec!["unix".parse().expect("a place")];
    let tracker = start(with).await;
    let Some((_nginx, at)) = nginx(dir.path(), &files, &socket) else {
        eprintln!("skipped: there is no nginx");
        return;
    };
    let stream = eventually("nginx", async || {
        let from = TcpSocket::new_v4().ok()?;
        from.bind((CLIENT, 0).into()).ok()?;
        from.connect(at).await.ok()
    })
    .await;
    let mut client = tls::upgrade(stream, connector).await.expect("upgraded");
    client.announce(1, 1, json!({"left": 0})).await;
    let path = format!("/api/v1/torrents/{}/peers", hex(1));
    let peers = admin(address(&tracker), "GET", &path).await.json();
    assert_eq!(peers["peers"][0]["address"], CLIENT.to_string());
    assert_eq!(tracker.stats().clients_unnamed, 0);
}
