//! Unix sockets, and connections that begin with a PROXY header.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tracker::{Address, Config, Listen, Proxies, StartError, Tracker};

use crate::client::{Client, SOON, address, addresses, announce, config, start};
use crate::tls;

fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Listens on the network and on a Unix socket, and trusts `trusted`.
fn with_unix(path: &Path, trusted: &str) -> Config {
    Config {
        listen: vec![
            Listen::plain(any()),
            Listen {
                mode: Some(0o600),
                ..Listen::plain(Address::Unix(path.into()))
            },
        ],
        proxies: Proxies {
            trusted: vec![trusted.parse().expect("a place")],
            ..Proxies::default()
        },
        ..config()
    }
}

#[tokio::test]
async fn a_unix_socket_serves_as_a_port_does_and_its_proxy_names_the_client() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("shoal.sock");
    let tracker = start(with_unix(&path, "unix")).await;
    assert_eq!(tracker.addresses()[1], Address::Unix(path.clone()));
    let mode = std::fs::metadata(&path).expect("a socket").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    let mut sockets = Vec::new();
    for (peer, named) in [(1, Some("203.0.113.9")), (2, None)] {
        let stream = UnixStream::connect(&path).await.expect("accepted");
        let mut request =
            tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
                "ws://localhost/",
            )
            .expect("a request");
        if let Some(named) = named {
            let value = named.parse().expect("a value");
            request.headers_mut().insert("X-Forwarded-For", value);
        }
        let (mut socket, _) = client_async(request, stream).await.expect("upgraded");
        let text = announce(1, peer, json!({"left": 0})).to_string();
        socket.send(Message::text(text)).await.expect("taken");
        let response = tokio::time::timeout(SOON, socket.next())
            .await
            .expect("in time");
        assert!(
            matches!(response, Some(Ok(Message::Text(_)))),
            "{response:?}"
        );
        sockets.push(socket);
    }
    assert_eq!(
        addresses(address(&tracker)).await,
        ["203.0.113.9", "127.0.0.1"]
    );
    tracker.stop().await.expect("stopped");
    assert!(!path.exists(), "the socket goes with the tracker");
}

#[tokio::test]
async fn a_socket_that_a_crash_left_is_replaced_and_one_in_use_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("shoal.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    assert!(path.exists(), "nobody removes it but us");
    let first = start(with_unix(&path, "unix")).await;

    let second = tracker::start(with_unix(&path, "unix"), |_| {}).await;
    let Err(StartError::Listen { addr, error }) = second.map(drop) else {
        panic!("two trackers on one socket");
    };
    assert_eq!(addr, Address::Unix(path.clone()));
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    UnixStream::connect(&path).await.expect("the first has it");

    // What is there under its name at the end, and is another's, stays.
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(&path, "a file").expect("written");
    first.stop().await.expect("stopped");
    assert_eq!(std::fs::read(&path).expect("there"), b"a file");
    let third = tracker::start(with_unix(&path, "unix"), |_| {}).await;
    assert!(third.is_err(), "a file is no socket of a crash");
    assert_eq!(std::fs::read(&path).expect("there"), b"a file");
}

/// Starts a tracker whose second listener wants PROXY headers.
async fn behind_proxies(trusted: &str, tls: Option<tracker::TlsFiles>) -> (Tracker, SocketAddr) {
    let mut config = with_unix(Path::new("unused"), trusted);
    config.listen.truncate(1);
    config.listen.push(Listen {
        tls,
        proxy_protocol: true,
        ..Listen::plain(any())
    });
    let tracker = start(config).await;
    let at = tracker.addresses()[1].tcp().expect("a port");
    (tracker, at)
}

/// Connects as a proxy does that begins with `header`.
async fn proxied(to: SocketAddr, header: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(to).await.expect("accepted");
    socket.write_all(header).await.expect("taken");
    socket
}

async fn upgraded(socket: TcpStream) -> Client {
    let stream = tokio_tungstenite::MaybeTlsStream::Plain(socket);
    let (socket, _) = client_async("ws://localhost/", stream)
        .await
        .expect("upgraded");
    Client(socket)
}

const V1: &[u8] = b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\x7f\0\0\x01\x12\x67\x01\xbb";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

#[tokio::test]
async fn both_versions_of_the_proxy_protocol_name_the_client_and_local_names_the_proxy() {
    let (tracker, at) = behind_proxies("127.0.0.1", None).await;
    let mut clients = Vec::new();
    for (peer, header) in (1..).zip([V1, V2, V2_LOCAL]) {
        let mut client = upgraded(proxied(at, header).await).await;
        client.announce(1, peer, json!({"left": 0})).await;
        clients.push(client);
    }
    // Byte by byte, as a slow network may bring it.
    let mut slow = TcpStream::connect(at).await.expect("accepted");
    slow.set_nodelay(true).expect("set");
    for byte in V1 {
        slow.write_all(&[*byte]).await.expect("taken");
        tokio::task::yield_now().await;
    }
    let mut slow = upgraded(slow).await;
    slow.announce(1, 4, json!({"left": 0})).await;
    assert_eq!(
        addresses(address(&tracker)).await,
        ["2001:db8::7", "203.0.113.9", "127.0.0.1", "2001:db8::7"]
    );
    assert_eq!(tracker.stats().proxies_refused, 0);
}

#[tokio::test]
async fn a_proxy_header_goes_before_tls() {
    let (_dir, files, connector) = tls::files();
    let (tracker, at) = behind_proxies("127.0.0.1", Some(files)).await;
    let socket = proxied(at, V2).await;
    let mut client = tls::upgrade(socket, connector).await.expect("upgraded");
    client.announce(1, 1, json!({"left": 0})).await;
    assert_eq!(addresses(address(&tracker)).await, ["203.0.113.9"]);
}

#[tokio::test]
async fn connections_without_a_header_or_from_others_than_proxies_are_closed() {
    let (tracker, at) = behind_proxies("127.0.0.1", None).await;
    let (stranger, closed) = behind_proxies("10.0.0.1", None).await;
    for (to, bytes) in [
        (at, &b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"[..]),
        (at, b"PROXY TCP4 1.1.1.1 1.1.1.1 99999 1\r\n"),
        (closed, V1),
    ] {
        let mut socket = proxied(to, bytes).await;
        let mut answer = Vec::new();
        // A reset ends it as well as an end.
        let _ = tokio::time::timeout(SOON, socket.read_to_end(&mut answer))
            .await
            .expect("closed");
        assert_eq!(answer, b"");
    }
    assert_eq!(tracker.stats().proxies_refused, 2);
    assert_eq!(stranger.stats().proxies_refused, 1);
}
