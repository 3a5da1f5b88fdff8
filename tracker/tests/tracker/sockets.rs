//! What a socket may cost, and when it ends.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tracker::{Config, Event, Limits, Sockets, SwarmConfig};

use crate::client::{Client, address, config, eventually, http, id, offer, start};

#[tokio::test]
async fn a_socket_beyond_the_limit_is_told_to_come_back_later() {
    let limits = Limits {
        sockets: 1,
        ..Limits::default()
    };
    let tracker = start(Config { limits, ..config() }).await;
    let to = address(&tracker);
    let first = Client::connect(to).await;
    let upgrade = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let refused = http(to, "GET", "/", &upgrade).await;
    assert_eq!(refused.status, 503);
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    assert_eq!(tracker.stats().sockets_refused, 1);
    drop(first);
    eventually("there is room again", async || {
        (tracker.stats().sockets == 0).then_some(())
    })
    .await;
    Client::connect(to)
        .await
        .announce(1, 1, json!({"left": 0}))
        .await;
}

#[tokio::test]
async fn a_torrent_beyond_the_limit_of_a_socket_is_refused_and_the_others_go_on() {
    let limits = Limits {
        torrents_per_socket: 2,
        ..Limits::default()
    };
    let tracker = start(Config { limits, ..config() }).await;
    let mut client = Client::connect(address(&tracker)).await;
    client.announce(1, 1, json!({"left": 0})).await;
    client.announce(2, 1, json!({"left": 0})).await;
    let refused = client.announce(3, 1, json!({"left": 0})).await;
    assert_eq!(refused["info_hash"], id(3));
    assert!(refused["failure reason"].is_string(), "{refused}");
    assert_eq!(
        client.announce(2, 1, json!({"left": 0})).await["complete"],
        1
    );
}

#[tokio::test]
async fn a_socket_that_sends_too_fast_is_slowed_down_and_loses_nothing() {
    let limits = Limits {
        messages_per_second: 20,
        message_burst: 5,
        ..Limits::default()
    };
    let tracker = start(Config { limits, ..config() }).await;
    let mut client = Client::connect(address(&tracker)).await;
    let start = std::time::Instant::now();
    for _ in 0..15 {
        client
            .send(&json!({"action": "scrape", "info_hash": id(1)}))
            .await;
    }
    for _ in 0..15 {
        client.next().await;
    }
    assert!(
        start.elapsed() >= Duration::from_millis(450),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_remote_that_answers_no_ping_is_closed_and_its_peers_go() {
    let sockets = Sockets {
        ping_after: Duration::from_millis(200),
        ping_jitter: Duration::from_millis(20),
        // On a busy machine the one that is alive may be late with a pong.
        pings_unanswered: 10,
        ..Sockets::default()
    };
    let tracker = start(Config {
        sockets,
        ..config()
    })
    .await;
    let mut silent = Client::connect(address(&tracker)).await;
    let mut alive = Client::connect(address(&tracker)).await;
    silent.announce(1, 1, json!({"left": 0})).await;
    alive.announce(1, 2, json!({"left": 5})).await;
    // Only a socket that is read answers pings.
    let gone = async {
        while tracker.stats().sockets_dead == 0 {
            let _ = tokio::time::timeout(Duration::from_millis(20), alive.closed()).await;
        }
    };
    tokio::time::timeout(crate::client::SOON, gone)
        .await
        .expect("in time");
    assert_eq!(
        silent.closed().await.map(|frame| frame.code),
        Some(CloseCode::Policy)
    );
    assert_eq!(alive.counts(1).await, [0, 1, 0]);
}

/// A remote that asks on and reads nothing costs a bounded queue, then its socket.
#[tokio::test]
async fn a_remote_that_does_not_read_costs_a_bounded_queue_and_then_its_socket() {
    let limits = Limits {
        message_bytes: 64 * 1024,
        outbox_bytes: 128 * 1024,
        messages_per_second: 1_000_000,
        message_burst: 1_000_000,
        byte_burst: 1_000_000_000,
        ..Limits::default()
    };
    let sockets = Sockets {
        write_timeout: Duration::from_millis(300),
        ..Sockets::default()
    };
    let tracker = start(Config {
        limits,
        sockets,
        ..config()
    })
    .await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set");
    let stream = socket.connect(address(&tracker)).await.expect("accepted");
    let url = format!("ws://{}/", address(&tracker));
    let (mut deaf, _) = client_async(url, stream).await.expect("upgraded");
    use futures_util::SinkExt;
    let join = crate::client::announce(1, 1, json!({"left": 0}));
    deaf.send(join.to_string().into()).await.expect("sent");
    let mut client = Client::connect(address(&tracker)).await;
    let sdp = "v=0 ".repeat(3000);
    let start = std::time::Instant::now();
    loop {
        let offers = json!([{"offer_id": "o", "offer": {"type": "offer", "sdp": sdp}}]);
        let response = client
            .announce(1, 2, json!({"left": 5, "offers": offers}))
            .await;
        let stats = tracker.stats();
        if stats.write_timeouts > 0 && response["complete"] == 0 {
            assert!(stats.offers_dropped > 0, "{stats:?}");
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{stats:?}");
    }
    eventually("the socket is gone", async || {
        (tracker.stats().sockets == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_tell_who_comes_completes_and_goes_in_order() {
    let swarm = SwarmConfig::default();
    let tracker = start(Config { swarm, ..config() }).await;
    let mut events = tracker.events();
    let mut client = Client::connect(address(&tracker)).await;
    client
        .announce(
            1,
            2,
            json!({"event": "started", "left": 5, "offers": [offer("o")]}),
        )
        .await;
    client
        .announce(1, 2, json!({"event": "completed", "left": 0}))
        .await;
    client
        .announce(1, 2, json!({"event": "stopped", "left": 0}))
        .await;
    let info_hash = crate::client::hex(1).parse().expect("an info-hash");
    let peer_id = crate::client::hex(2).parse().expect("a peer id");
    let mut heard = Vec::new();
    while heard.len() < 5 {
        heard.push(events.recv().await.expect("an event"));
    }
    assert_eq!(
        heard,
        [
            Event::TorrentAdded { info_hash },
            Event::PeerJoined {
                info_hash,
                peer_id,
                seeder: false
            },
            Event::PeerCompleted { info_hash, peer_id },
            Event::PeerLeft { info_hash, peer_id },
            Event::TorrentRemoved { info_hash },
        ]
    );
    assert_eq!(
        heard.iter().map(|event| json!(event)).nth(1),
        Some(json!({
            "event": "peer_joined", "info_hash": crate::client::hex(1),
            "peer_id": crate::client::hex(2), "seeder": false,
        }))
    );
}

#[tokio::test]
async fn a_stop_closes_sockets_with_going_away_and_takes_seconds() {
    let tracker = start(config()).await;
    let mut client = Client::connect(address(&tracker)).await;
    client.announce(1, 1, json!({"left": 0})).await;
    let start = std::time::Instant::now();
    let (stopped, closed) = tokio::join!(tracker.stop(), client.closed());
    stopped.expect("stopped");
    assert_eq!(closed.map(|frame| frame.code), Some(CloseCode::Away));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

/// Upgrades a socket by hand, to send it frames that no client makes.
async fn raw(to: std::net::SocketAddr) -> tokio::net::TcpStream {
    let stream = tokio::net::TcpStream::connect(to).await.expect("accepted");
    let (socket, _) = client_async(format!("ws://{to}/"), stream)
        .await
        .expect("upgraded");
    socket.into_inner()
}

/// Sends `bytes` over and over, and returns the close code that ends it.
async fn ended_by(to: std::net::SocketAddr, first: &[u8], then: &[u8]) -> u16 {
    let (mut from, mut into) = raw(to).await.into_split();
    let (first, then) = (first.to_vec(), then.to_vec());
    let sending = tokio::spawn(async move {
        into.write_all(&first).await?;
        loop {
            into.write_all(&then).await?;
        }
        #[expect(unreachable_code, reason = "names the type of the error")]
        std::io::Result::Ok(())
    });
    let mut head = [0; 4];
    tokio::time::timeout(crate::client::SOON, from.read_exact(&mut head))
        .await
        .expect("in time")
        .expect("a close frame");
    sending.abort();
    let [0x88, _, high, low] = head else {
        panic!("not a close frame: {head:?}")
    };
    u16::from_be_bytes([high, low])
}

#[tokio::test]
async fn frames_without_end_are_refused_by_their_headers_and_their_number() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let endless = [&[0x81, 0xff, 0x3f][..], &[0xff; 7], &[0; 4]].concat();
    assert_eq!(ended_by(to, &endless, &[b'x'; 1 << 16]).await, 1009);
    let empty = [0x00, 0x80, 0, 0, 0, 0].repeat(1000);
    assert_eq!(ended_by(to, &[0x01, 0x80, 0, 0, 0, 0], &empty).await, 1008);
    let reserved = [0xc1, 0x81, 0, 0, 0, 0, b'a'];
    assert_eq!(
        ended_by(to, &reserved, &[0x89, 0x80, 0, 0, 0, 0]).await,
        1002
    );
    eventually("they are gone", async || {
        (tracker.stats().sockets == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_is_the_same_in_any_portions() {
    let tracker = start(config()).await;
    let mut socket = raw(address(&tracker)).await;
    let text = crate::client::announce(1, 1, json!({"left": 0, "pad": "é".repeat(100)}));
    let text = text.to_string().into_bytes();
    let length = u16::try_from(text.len()).expect("short");
    let frame = [&[0x81, 0xfe][..], &length.to_be_bytes(), &[0; 4], &text].concat();
    for (count, byte) in frame.iter().enumerate() {
        socket.write_all(&[*byte]).await.expect("written");
        if count % 16 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    socket.write_all(&frame).await.expect("written");
    let mut client = Client::connect(address(&tracker)).await;
    eventually("both are acted on", async || {
        (tracker.stats().messages_received == 2).then_some(())
    })
    .await;
    assert_eq!(client.counts(1).await, [1, 0, 0]);
}

#[tokio::test]
async fn a_socket_that_asks_much_and_reads_late_gets_every_response() {
    const ASKED: usize = 6000;
    let limits = Limits {
        messages_per_second: 1_000_000,
        message_burst: 1_000_000,
        byte_burst: 1_000_000_000,
        ..Limits::default()
    };
    let tracker = start(Config { limits, ..config() }).await;
    let (mut sending, mut reading) = {
        use futures_util::StreamExt;
        Client::connect(address(&tracker)).await.0.split()
    };
    let asking = tokio::spawn(async move {
        use futures_util::SinkExt;
        let scrape = json!({"action": "scrape", "info_hash": id(1)}).to_string();
        for _ in 0..ASKED {
            sending.send(scrape.clone().into()).await.expect("sent");
        }
        sending
    });
    // Nobody reads while the tracker answers what it has room for.
    eventually("it is not heard any more", async || {
        let before = tracker.stats().messages_received;
        tokio::time::sleep(Duration::from_millis(100)).await;
        (before > 0 && tracker.stats().messages_received == before).then_some(())
    })
    .await;
    let read = async {
        use futures_util::StreamExt;
        for count in 0..ASKED {
            let message = reading.next().await.expect("open").expect("sound");
            assert!(message.is_text(), "{count}: {message:?}");
        }
    };
    tokio::time::timeout(crate::client::SOON, read)
        .await
        .expect("in time");
    let _open = asking.await.expect("all is sent");
    assert_eq!(tracker.stats().outbox_overflows, 0);
}
