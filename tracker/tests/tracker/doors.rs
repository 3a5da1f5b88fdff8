//! Who is let in before it has said a word.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, client_async};
use tracker::{Listen, Tracker};

use crate::bans::{GUEST, put};
use crate::client::{Client, SOON, address, config, eventually, start, start_with};
use crate::limits::{limited, tcp_from, upgrade_with};
use crate::tls;

const PROXY: &str = "127.0.0.9";
/// Names 203.0.113.9.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\x7f\0\0\x01\x12\x67\x01\xbb";

/// Listens without TLS, with TLS, and behind proxies; returns where.
async fn doors(connections_per_ip: usize) -> (Tracker, [SocketAddr; 3]) {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (_dir, files, _) = tls::files();
    let proxied = Listen {
        proxy_protocol: true,
        ..Listen::plain(any)
    };
    let (tracker, _) = start_with(|config| {
        config.listen = vec![Listen::plain(any), Listen::tls(any, files), proxied];
        config.limits.connections_per_ip = connections_per_ip;
        config.limits.exempt.clear();
        config.proxies.trusted = vec![PROXY.parse().expect("a place")];
    })
    .await;
    let at = |index: usize| tracker.addresses()[index].tcp().expect("a port");
    let at = [at(0), at(1), at(2)];
    (tracker, at)
}

/// Says this, and hears what comes until the end.
async fn hear(mut stream: TcpStream, say: &[u8]) -> String {
    let mut heard = Vec::new();
    // What is closed at once may be a reset, and take nothing in.
    let _ = stream.write_all(say).await;
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut heard))
        .await
        .expect("it ends");
    String::from_utf8(heard).expect("text")
}

/// A connection that asks for a page, is answered, and stays.
async fn visit(from: &str, to: SocketAddr) -> Option<TcpStream> {
    let mut stream = tcp_from(from, to).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let _ = stream.write_all(request).await;
    let mut status = [0; 12];
    let read = tokio::time::timeout(SOON, stream.read_exact(&mut status));
    read.await.expect("in time").ok()?;
    assert_eq!(&status, b"HTTP/1.1 200");
    let mut rest = Vec::new();
    while !rest.ends_with(b"\r\n\r\nok\n") {
        rest.push(stream.read_u8().await.expect("a whole page"));
    }
    Some(stream)
}

#[tokio::test]
async fn a_banned_address_is_closed_without_a_word_as_soon_as_it_is_known() {
    let (tracker, [plain, tls, proxied]) = doors(100).await;
    for network in [GUEST, "203.0.113.9"] {
        let made = put(plain, &format!("/api/v1/bans/{network}"), "").await;
        assert_eq!(made.status, 201);
    }
    assert_eq!(hear(tcp_from(GUEST, plain).await, b"").await, "");
    assert_eq!(hear(tcp_from(GUEST, tls).await, b"").await, "");
    assert_eq!(hear(tcp_from(PROXY, proxied).await, V2).await, "");
    let stats = tracker.stats();
    assert_eq!(
        (stats.limited["bans"], stats.sockets_refused),
        (3, 0),
        "{stats:?}"
    );
    assert_eq!((stats.tls_handshakes_failed, stats.proxies_refused), (0, 0));

    // Only the header tells who it is.
    let named = "X-Forwarded-For: 203.0.113.9\r\n";
    let refused = upgrade_with(PROXY, plain, named).await;
    assert!(refused.starts_with("http/1.1 403 "), "{refused}");
    assert_eq!(limited(&tracker, "bans"), 4);
    let other = "X-Forwarded-For: 203.0.113.8\r\n";
    let taken = upgrade_with(PROXY, plain, other).await;
    assert!(taken.starts_with("http/1.1 101 "), "{taken}");
}

#[tokio::test]
async fn a_banned_address_that_is_exempt_gets_pages_and_no_socket() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    put(to, "/api/v1/bans/127.0.0.2", "").await;
    assert!(visit(GUEST, to).await.is_some());
    let refused = upgrade_with(GUEST, to, "").await;
    assert!(refused.starts_with("http/1.1 403 "), "{refused}");
}

#[tokio::test]
async fn an_address_holds_so_many_connections_besides_its_sockets() {
    let (tracker, [plain, tls, _]) = doors(1).await;
    let first = visit(GUEST, plain).await.expect("served");
    assert!(visit(GUEST, plain).await.is_none());
    assert_eq!(hear(tcp_from(GUEST, tls).await, b"").await, "");
    assert_eq!(limited(&tracker, "connections_per_ip"), 2);
    assert_eq!(tracker.stats().tls_handshakes_failed, 0);
    assert!(visit("127.0.0.3", plain).await.is_some());

    // As a socket it does not count.
    let stream = MaybeTlsStream::Plain(first);
    let upgraded = client_async("ws://localhost/", stream).await;
    let mut socket = Client(upgraded.expect("upgraded").0);
    let second = visit(GUEST, plain).await.expect("served");
    socket.announce(1, 1, json!({"left": 0})).await;
    drop(second);
    eventually("there is room again", async || visit(GUEST, plain).await).await;
}

#[tokio::test]
async fn a_connection_that_has_not_begun_tls_counts_for_its_address() {
    let (_tracker, [plain, tls, _]) = doors(1).await;
    let mut last = 10;
    // The second of an address may come first: then another address is tried.
    let (silent, from) = eventually("the first is counted", || {
        last += 1;
        let from = format!("127.0.1.{last}");
        async move {
            let silent = tcp_from(&from, tls).await;
            let is_counted = visit(&from, plain).await.is_none();
            is_counted.then_some((silent, from))
        }
    })
    .await;
    drop(silent);
    eventually("there is room again", async || visit(&from, plain).await).await;
}

#[tokio::test]
async fn connections_of_trusted_proxies_and_exempt_addresses_are_not_counted() {
    let (_tracker, [plain, _, proxied]) = doors(1).await;
    let held = [visit(PROXY, plain).await, visit(PROXY, plain).await];
    assert!(held.iter().all(Option::is_some));
    // Those of a client it names are.
    let stream = |bytes: &'static [u8]| async move {
        let mut stream = tcp_from(PROXY, proxied).await;
        stream.write_all(V2).await.expect("taken");
        stream.write_all(bytes).await.expect("taken");
        stream
    };
    let mut first = stream(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(first.read_u8().await.expect("served"), b'H');
    assert_eq!(hear(stream(b"").await, b"").await, "");

    let (_tracker, to) = start_with(|config| config.limits.connections_per_ip = 1).await;
    let held = [visit(GUEST, to).await, visit(GUEST, to).await];
    assert!(held.iter().all(Option::is_some));
}
