//! What a message, a socket and an address may cost, and what is said past that.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, client_async};
use tracker::{Config, Limits, Tracker};

use crate::client::{
    Client, SOON, address, announce, config, eventually, id, offer, start, start_with,
};

/// Limits that hold for the loopback interface, too.
pub(crate) fn limits() -> Limits {
    Limits {
        exempt: Vec::new(),
        ..Limits::default()
    }
}

/// A connection from an address of the loopback interface.
pub(crate) async fn tcp_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = SocketAddr::new(from.parse().expect("an address"), 0);
    socket.bind(from).expect("an address of this machine");
    socket.connect(to).await.expect("accepted")
}

/// A client at an address of the loopback interface.
pub(crate) async fn connect_from(from: &str, to: SocketAddr) -> Client {
    let stream = MaybeTlsStream::Plain(tcp_from(from, to).await);
    let (socket, _) = client_async(format!("ws://{to}/"), stream)
        .await
        .expect("the upgrade is accepted");
    Client(socket)
}

/// The head of the response to an upgrade that is asked for from an address.
pub(crate) async fn upgrade_from(from: &str, to: SocketAddr) -> String {
    upgrade_with(from, to, "").await
}

/// The same with further lines in the request, each with its end.
pub(crate) async fn upgrade_with(from: &str, to: SocketAddr, lines: &str) -> String {
    let mut stream = tcp_from(from, to).await;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
    };
    tokio::time::timeout(SOON, read).await.expect("in time");
    String::from_utf8(head).expect("text").to_ascii_lowercase()
}

/// The seconds after which a refused upgrade may be tried again.
pub(crate) fn retry_after(head: &str) -> Option<u64> {
    let (_, rest) = head.split_once("retry-after: ")?;
    rest.lines().next()?.parse().ok()
}

/// How often a limit was felt.
pub(crate) fn limited(tracker: &Tracker, limit: &str) -> u64 {
    tracker.stats().limited[limit]
}

#[tokio::test]
async fn an_address_with_as_many_sockets_as_it_may_have_is_told_to_wait_and_others_are_served() {
    let (tracker, to) = start_with(|config| {
        config.limits.sockets_per_ip = 1;
        config.limits.exempt.clear();
    })
    .await;
    let first = connect_from("127.0.0.2", to).await;
    let refused = upgrade_from("127.0.0.2", to).await;
    assert!(refused.starts_with("http/1.1 429 "), "{refused}");
    assert!(retry_after(&refused).is_some(), "{refused}");
    assert_eq!(limited(&tracker, "sockets_per_ip"), 1);
    let mut other = connect_from("127.0.0.3", to).await;
    other.announce(1, 1, json!({"left": 0})).await;
    assert_eq!(tracker.stats().addresses, 2);
    drop(first);
    eventually("there is room again", async || {
        let head = upgrade_from("127.0.0.2", to).await;
        head.starts_with("http/1.1 101 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_loopback_interface_is_not_counted_unless_it_is_to_be() {
    let (tracker, to) = start_with(|config| config.limits.sockets_per_ip = 1).await;
    let _first = connect_from("127.0.0.2", to).await;
    let _second = connect_from("127.0.0.2", to).await;
    assert_eq!(tracker.stats().addresses, 0);
}

#[tokio::test]
async fn sockets_of_one_address_share_its_pace_and_lose_nothing() {
    let (tracker, to) = start_with(|config| {
        config.limits.messages_per_second_per_ip = 20;
        config.limits.message_burst_per_ip = 5;
        config.limits.exempt.clear();
    })
    .await;
    let mut clients = [Client::connect(to).await, Client::connect(to).await];
    let start = Instant::now();
    for client in &mut clients {
        for _ in 0..10 {
            client
                .send(&json!({"action": "scrape", "info_hash": id(1)}))
                .await;
        }
    }
    for client in &mut clients {
        for _ in 0..10 {
            client.next().await;
        }
    }
    // Twenty messages, five of them at once, and each socket may be one ahead.
    assert!(start.elapsed() >= Duration::from_millis(600));
    assert!(limited(&tracker, "messages_per_second_per_ip") > 0);
    assert_eq!(limited(&tracker, "messages_per_second"), 0);
}

#[tokio::test]
async fn bytes_have_a_pace_for_a_socket_and_for_an_address() {
    for (limits, limit) in [
        (
            Limits {
                bytes_per_second: 100_000,
                byte_burst: 1024,
                ..limits()
            },
            "bytes_per_second",
        ),
        (
            Limits {
                bytes_per_second_per_ip: 100_000,
                byte_burst_per_ip: 1024,
                ..limits()
            },
            "bytes_per_second_per_ip",
        ),
    ] {
        let tracker = start(Config { limits, ..config() }).await;
        let mut client = Client::connect(address(&tracker)).await;
        let start = Instant::now();
        for _ in 0..3 {
            client
                .send(&json!({"action": "scrape", "info_hash": id(1), "pad": "x".repeat(20_000)}))
                .await;
        }
        for _ in 0..3 {
            client.next().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(300), "{limit}");
        assert!(limited(&tracker, limit) > 0, "{limit}");
    }
}

#[tokio::test]
async fn a_long_offer_is_skipped_alone_and_a_long_answer_is_refused() {
    let (tracker, to) = start_with(|config| config.limits.description_bytes = 1024).await;
    let (mut one, mut two) = (Client::connect(to).await, Client::connect(to).await);
    one.announce(1, 1, json!({"left": 5})).await;
    let long = json!({"type": "offer", "sdp": "x".repeat(2000)});
    let offers = json!([{"offer_id": "long", "offer": long}, 7, offer("short")]);
    two.announce(1, 2, json!({"left": 5, "offers": offers}))
        .await;
    assert_eq!(one.next().await["offer_id"], "short");
    let counts = [
        "description_bytes",
        "malformed_offers",
        "offers_per_announce",
    ];
    let counts = counts.map(|limit| limited(&tracker, limit));
    assert_eq!(counts, [1, 1, 0]);
    let answer = json!({"offer_id": "short", "to_peer_id": id(2), "answer": long});
    one.send(&announce(1, 1, answer)).await;
    let refused = one.next().await;
    assert_eq!(refused["info_hash"], id(1));
    let reason = refused["failure reason"].as_str().expect("a failure");
    assert!(reason.starts_with("`answer` has `"), "{reason}");
    assert_eq!(limited(&tracker, "description_bytes"), 2);
}

#[tokio::test]
async fn full_torrents_and_a_full_tracker_refuse_newcomers_and_serve_the_others() {
    let (tracker, to) = start_with(|config| {
        config.limits.peers_per_torrent = 2;
        config.limits.torrents = 1;
    })
    .await;
    let mut client = Client::connect(to).await;
    client.announce(1, 1, json!({"left": 0})).await;
    client.announce(1, 2, json!({"left": 0})).await;
    for (info_hash, peer, limit) in [(1, 3, "peers_per_torrent"), (2, 1, "torrents")] {
        let refused = client.announce(info_hash, peer, json!({"left": 0})).await;
        assert_eq!(refused["action"], "announce");
        assert_eq!(refused["info_hash"], id(info_hash));
        assert!(refused["failure reason"].is_string(), "{refused}");
        assert_eq!(limited(&tracker, limit), 1);
    }
    let response = client.announce(1, 2, json!({"left": 0})).await;
    assert_eq!(response["complete"], 2);
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_the_socket_and_is_counted() {
    let (tracker, to) = start_with(|config| config.limits.message_bytes = 1024).await;
    let mut client = Client::connect(to).await;
    client.text(&"x".repeat(1025)).await;
    let closed = client.closed().await;
    assert_eq!(closed.map(|frame| frame.code), Some(CloseCode::Size));
    assert_eq!(limited(&tracker, "message_bytes"), 1);
}

#[tokio::test]
async fn offers_that_wait_are_bounded_and_the_oldest_makes_room() {
    let (tracker, to) = start_with(|config| config.limits.parked_bytes_per_torrent = 1024).await;
    let mut client = Client::connect(to).await;
    let offers: Vec<_> = ["a", "b", "c", "d", "e"].map(offer).into();
    client
        .announce(1, 1, json!({"left": 5, "offers": offers}))
        .await;
    let stats = tracker.stats();
    assert!((512..=1024).contains(&stats.parked_bytes), "{stats:?}");
    assert!(stats.parked_evicted > 0, "{stats:?}");
    let mut joins = Client::connect(to).await;
    joins.announce(1, 2, json!({"left": 5})).await;
    assert_eq!(joins.next().await["offer_id"], "e");
}

#[tokio::test]
async fn a_socket_that_is_in_no_swarm_and_says_nothing_is_closed_and_one_in_a_swarm_is_not() {
    let (tracker, to) = start_with(|config| {
        config.sockets.ping_after = Duration::from_millis(200);
        config.sockets.ping_jitter = Duration::ZERO;
        // A busy machine may be late with a pong.
        config.sockets.pings_unanswered = 100;
        // The other may be as late with its announce.
        config.sockets.idle_timeout = Duration::from_secs(2);
    })
    .await;
    let (mut idle, mut joined) = (Client::connect(to).await, Client::connect(to).await);
    joined.announce(1, 1, json!({"left": 0})).await;
    let closed = idle.closed().await;
    assert_eq!(closed.map(|frame| frame.code), Some(CloseCode::Policy));
    assert_eq!(limited(&tracker, "idle_timeout"), 1);
    // It is as silent, and has been here as long.
    assert_eq!(joined.counts(1).await, [1, 0, 0]);
    // Having left its swarm it has nothing to be here for.
    joined
        .announce(1, 1, json!({"event": "stopped", "left": 0}))
        .await;
    let closed = joined.closed().await;
    assert_eq!(closed.map(|frame| frame.code), Some(CloseCode::Policy));
}

#[tokio::test]
async fn a_remote_that_does_not_end_the_head_of_its_request_is_cut_off() {
    let (_tracker, to) =
        start_with(|config| config.sockets.handshake_timeout = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(to).await.expect("accepted");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nUpgr")
        .await
        .expect("written");
    let mut response = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut response))
        .await
        .expect("in time")
        .expect("ended");
    assert!(response.starts_with(b"HTTP/1.1 408 "), "{response:?}");
}

/// A scrape of so many bytes.
fn long_scrape(bytes: usize) -> String {
    let scrape = json!({"action": "scrape", "info_hash": id(1)}).to_string();
    format!("{scrape:>bytes$}")
}

#[tokio::test]
async fn a_new_socket_waits_for_what_its_address_owes() {
    let (_tracker, to) = start_with(|config| {
        config.limits.bytes_per_second_per_ip = 10_000;
        config.limits.byte_burst_per_ip = 10_000;
        config.limits.exempt.clear();
    })
    .await;
    let start = std::time::Instant::now();
    let mut first = connect_from("127.0.0.2", to).await;
    first.text(&long_scrape(20_000)).await;
    first.next().await;
    let mut second = connect_from("127.0.0.2", to).await;
    second.counts(1).await;
    assert!(start.elapsed() >= Duration::from_millis(950));
}

#[tokio::test]
async fn a_socket_that_is_read_later_for_its_pace_is_not_taken_for_dead() {
    let (tracker, to) = start_with(|config| {
        config.limits.bytes_per_second = 10_000;
        config.limits.byte_burst = 10_000;
        config.sockets.ping_after = Duration::from_millis(200);
        config.sockets.ping_jitter = Duration::ZERO;
        config.sockets.pings_unanswered = 5;
    })
    .await;
    let mut client = Client::connect(to).await;
    client.text(&long_scrape(50_000)).await;
    client.next().await;
    assert_eq!(client.counts(1).await, [0, 0, 0]);
    assert_eq!(tracker.stats().sockets_dead, 0);
}
