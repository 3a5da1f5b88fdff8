//! The admin listener and its live events.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};
use tracker::{Config, Limits, Sockets, Tracker};

use crate::client::{
    Client, SOON, TOKEN, address, admin, announce, config, eventually, hex, http, start,
};

fn with_admin() -> Config {
    Config {
        admin_listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
        ..config()
    }
}

fn admin_address(tracker: &Tracker) -> SocketAddr {
    tracker.admin_address().expect("an admin listener")
}

fn request(to: SocketAddr) -> tokio_tungstenite::tungstenite::handshake::client::Request {
    let mut request = format!("ws://{to}/api/v1/events")
        .into_client_request()
        .expect("a request");
    let token = format!("Bearer {TOKEN}").parse().expect("a header");
    request.headers_mut().insert("authorization", token);
    request
}

/// A socket that watches.
async fn watch(to: SocketAddr) -> Client {
    let (socket, response) = connect_async(request(to)).await.expect("upgraded");
    assert_eq!(response.status(), 101);
    Client(socket)
}

/// Status and `code` of the answer to a request for a watching socket.
async fn refused(
    request: tokio_tungstenite::tungstenite::handshake::client::Request,
) -> (u16, Value) {
    match connect_async(request).await {
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().expect("a body");
            let body: Value = serde_json::from_slice(body).expect("JSON");
            (response.status().as_u16(), body["code"].clone())
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_admin_listener_has_the_api_and_the_public_ones_have_it_no_more() {
    let tracker = start(with_admin()).await;
    let (public, own) = (address(&tracker), admin_address(&tracker));
    for path in ["/api/v1/stats", "/api/v1/events", "/api", "/api/v2"] {
        let there = admin(public, "GET", path).await;
        assert_eq!(there.status, 404, "{path}");
        assert_eq!(there.json()["code"], "admin-elsewhere", "{path}");
    }
    assert_eq!(admin(own, "GET", "/api/v1/stats").await.status, 200);
    assert_eq!(http(own, "GET", "/api/v1/stats", &[]).await.status, 401);
    for path in ["/healthz", "/readyz", "/metrics", "/stats.json"] {
        for to in [public, own] {
            assert_eq!(http(to, "GET", path, &[]).await.status, 200, "{to}{path}");
        }
    }
    assert_eq!(http(own, "GET", "/", &[]).await.status, 404);
}

#[tokio::test]
async fn without_an_admin_listener_events_say_what_to_set() {
    let tracker = start(config()).await;
    assert_eq!(tracker.admin_address(), None);
    let to = address(&tracker);
    let told = admin(to, "GET", "/api/v1/events").await;
    assert_eq!(told.status, 404);
    assert_eq!(told.json()["code"], "events-need-admin-listen");
    let detail = told.json()["detail"].to_string();
    assert!(detail.contains("admin_listen"), "{detail}");
    assert_eq!(http(to, "GET", "/api/v1/events", &[]).await.status, 401);
}

#[tokio::test]
async fn events_are_told_as_they_happen() {
    let tracker = start(with_admin()).await;
    let mut watcher = watch(admin_address(&tracker)).await;
    let mut client = Client::connect(address(&tracker)).await;
    client.announce(1, 2, json!({"left": 5})).await;
    client
        .announce(1, 2, json!({"left": 0, "event": "completed"}))
        .await;
    drop(client);
    let (info_hash, peer_id) = (hex(1), hex(2));
    for expected in [
        json!({"event": "torrent_added", "info_hash": info_hash}),
        json!({"event": "peer_joined", "info_hash": info_hash, "peer_id": peer_id, "seeder": false}),
        json!({"event": "peer_completed", "info_hash": info_hash, "peer_id": peer_id}),
        json!({"event": "peer_left", "info_hash": info_hash, "peer_id": peer_id}),
        json!({"event": "torrent_removed", "info_hash": info_hash}),
    ] {
        assert_eq!(watcher.next().await, expected);
    }
}

#[tokio::test]
async fn events_want_the_token_and_an_upgrade() {
    let tracker = start(with_admin()).await;
    let to = admin_address(&tracker);
    let mut without = request(to);
    without.headers_mut().remove("authorization");
    assert_eq!(refused(without).await, (401, json!("token-missing")));
    let mut wrong = request(to);
    let token = "Bearer no".parse().expect("a header");
    wrong.headers_mut().insert("authorization", token);
    assert_eq!(refused(wrong).await, (401, json!("token-wrong")));
    let plain = admin(to, "GET", "/api/v1/events").await;
    assert_eq!(plain.status, 426);
    assert_eq!(plain.json()["code"], "upgrade-needed");
    assert!(plain.head.contains("\r\nupgrade: websocket"), "{plain:?}");
    let closed = start(Config {
        admin_token: None,
        ..with_admin()
    })
    .await;
    let to = admin_address(&closed);
    assert_eq!(refused(request(to)).await, (403, json!("admin-disabled")));
}

#[tokio::test]
async fn sixteen_may_watch_and_one_more_when_one_has_gone() {
    let tracker = start(with_admin()).await;
    let to = admin_address(&tracker);
    let mut watchers = Vec::new();
    for _ in 0..16 {
        watchers.push(watch(to).await);
    }
    let full = (503, json!("too-many-watchers"));
    assert_eq!(refused(request(to)).await, full);
    let mut gone = watchers.pop().expect("sixteen");
    gone.0.close(None).await.expect("closed");
    gone.closed().await;
    eventually("a free place", async || {
        connect_async(request(to)).await.ok()
    })
    .await;
}

#[tokio::test]
async fn pings_are_answered_sent_and_missed() {
    let tracker = start(Config {
        sockets: Sockets {
            ping_after: Duration::from_millis(100),
            ping_jitter: Duration::from_millis(10),
            ..Sockets::default()
        },
        ..with_admin()
    })
    .await;
    let mut watcher = watch(admin_address(&tracker)).await;
    let sent = Message::Ping(b"there?".as_slice().into());
    watcher.0.send(sent).await.expect("sent");
    let (mut pings, mut answered) = (0, false);
    // One that answers stays for longer than one that does not.
    while pings < 6 || !answered {
        let next = tokio::time::timeout(SOON, watcher.0.next()).await;
        match next.expect("in time").expect("open").expect("sound") {
            Message::Ping(_) => pings += 1,
            Message::Pong(bytes) => answered = bytes.as_ref() == b"there?",
            other @ (Message::Text(_)
            | Message::Binary(_)
            | Message::Close(_)
            | Message::Frame(_)) => panic!("neither a ping nor a pong: {other:?}"),
        }
    }
    let silent = watch(admin_address(&tracker)).await;
    let MaybeTlsStream::Plain(mut silent) = silent.0.into_inner() else {
        panic!("not plain")
    };
    // Nothing answers the pings any more.
    let mut rest = Vec::new();
    let read = tokio::time::timeout(SOON, silent.read_to_end(&mut rest)).await;
    let _ = read.expect("closed in time");
    assert!(rest.starts_with(&[0x89, 0, 0x89, 0, 0x88]), "{rest:02x?}");
}

#[tokio::test]
async fn a_watcher_that_talks_is_closed() {
    let tracker = start(with_admin()).await;
    let to = admin_address(&tracker);
    for message in [
        Message::text("hello"),
        Message::binary(vec![0; 100]),
        Message::binary(vec![0; 10_000]),
    ] {
        let mut watcher = watch(to).await;
        watcher.0.send(message).await.expect("sent");
        let frame = watcher.closed().await.expect("a reason");
        assert_eq!(frame.code, CloseCode::Policy);
    }
    // A frame that says it is a terabyte long is not waited for.
    let watcher = watch(to).await;
    let MaybeTlsStream::Plain(mut raw) = watcher.0.into_inner() else {
        panic!("not plain")
    };
    let mut head = vec![0x82, 0xff];
    head.extend((1_u64 << 40).to_be_bytes());
    head.extend([0; 4]);
    raw.write_all(&head).await.expect("taken");
    let poured = async {
        let mut poured = 0_u64;
        let deadline = Instant::now() + SOON;
        while raw.write_all(&[0; 16 * 1024]).await.is_ok() {
            poured += 16 * 1024;
            assert!(Instant::now() < deadline, "{poured} bytes were taken");
        }
    };
    tokio::time::timeout(SOON, poured).await.expect("cut off");
    let stats = admin(to, "GET", "/api/v1/stats").await;
    assert_eq!(stats.status, 200);
}

/// A tracker that takes as many announces at once as a test has.
fn talkative() -> Config {
    Config {
        limits: Limits {
            message_burst: 100_000,
            byte_burst: 1_000_000_000,
            torrents_per_socket: 100_000,
            ..Limits::default()
        },
        ..with_admin()
    }
}

/// A socket that watches, of which the kernel keeps little while nobody reads it.
async fn deaf(to: SocketAddr) -> WebSocketStream<TcpStream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let socket = socket.connect(to).await.expect("accepted");
    let upgraded = client_async(request(to), socket).await;
    upgraded.expect("upgraded").0
}

/// Makes two events an announce, and as many when the client is dropped.
async fn happen(tracker: &Tracker, announces: u32) -> Client {
    let mut client = Client::connect(address(tracker)).await;
    for number in 0..announces {
        let mut message = announce(1, 1, json!({"left": 0}));
        message["info_hash"] = format!("{number:020}").into();
        client.send(&message).await;
        client.next().await;
    }
    client
}

#[tokio::test]
async fn a_slow_watcher_loses_the_oldest_events_and_is_told_how_many() {
    const ANNOUNCES: u32 = 8_000;
    let tracker = start(talkative()).await;
    let mut watcher = deaf(admin_address(&tracker)).await;
    let _stays = happen(&tracker, ANNOUNCES).await;
    let (mut told, mut lost, mut after_loss) = (0, 0, 0);
    while told + lost < u64::from(2 * ANNOUNCES) {
        let next = tokio::time::timeout(SOON, watcher.next()).await;
        let message = next.expect("in time").expect("open").expect("sound");
        let event: Value = serde_json::from_str(message.to_text().expect("a text")).expect("JSON");
        if event["event"] == "events_lost" {
            assert_eq!(event.as_object().expect("an object").len(), 2);
            lost += event["count"].as_u64().expect("a number");
            after_loss = 0;
        } else {
            told += 1;
            after_loss += 1;
        }
    }
    assert_eq!(told + lost, u64::from(2 * ANNOUNCES));
    assert!(lost > 0, "nothing was lost: {told} were told");
    assert_eq!(after_loss, 1024, "the newest are kept");
}

#[tokio::test]
async fn a_watcher_that_does_not_read_at_all_is_given_up_on() {
    let mut config = talkative();
    config.sockets.write_timeout = Duration::from_millis(200);
    let tracker = start(config).await;
    let _deaf = deaf(admin_address(&tracker)).await;
    let _stays = happen(&tracker, 8_000).await;
    let given_up = async || (tracker.stats().write_timeouts == 1).then_some(());
    eventually("a write that took too long", given_up).await;
}

#[tokio::test]
async fn a_stop_closes_watchers_with_1001_and_does_not_wait_for_deaf_ones() {
    let tracker = start(talkative()).await;
    let mut watcher = watch(admin_address(&tracker)).await;
    let _deaf = deaf(admin_address(&tracker)).await;
    let reader = tokio::spawn(async move { watcher.closed().await });
    let _stays = happen(&tracker, 8_000).await;
    let began = Instant::now();
    tracker.stop().await.expect("stopped");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let frame = reader.await.expect("read").expect("a reason");
    assert_eq!(frame.code, CloseCode::Away);
}
