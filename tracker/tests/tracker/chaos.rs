//! Remotes that misbehave in every way a network allows, beside others that must not notice.

use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tracker::{Config, Limits, Sockets, Tracker};

use crate::client::{Client, address, announce, config, eventually, id, offer, start};

/// A tracker that nobody is too fast for.
pub(crate) async fn patient() -> Tracker {
    let limits = Limits {
        messages_per_second: 1_000_000,
        message_burst: 1_000_000,
        ..Limits::default()
    };
    start(Config { limits, ..config() }).await
}

pub(crate) async fn all_are_gone(tracker: &Tracker, but: u64) {
    eventually("all others are gone", async || {
        (tracker.stats().sockets == but).then_some(())
    })
    .await;
}

/// An upgraded socket to write bytes to by hand.
async fn raw(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).await.expect("accepted");
    let (socket, _) = client_async(format!("ws://{to}/"), stream)
        .await
        .expect("upgraded");
    socket.into_inner()
}

/// A frame with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()).expect("short") {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Ends a connection with a reset in place of a FIN: what was not read or sent is lost.
fn reset(socket: TcpStream) {
    SockRef::from(&socket)
        .set_linger(Some(Duration::ZERO))
        .expect("set");
}

/// A message in so many frames, each with control frames before it.
fn scattered(message: &Value, parts: usize) -> Vec<u8> {
    let text = message.to_string().into_bytes();
    let size = text.len().div_ceil(parts);
    let last = text.chunks(size).count() - 1;
    let mut bytes = Vec::new();
    for (part, chunk) in text.chunks(size).enumerate() {
        bytes.extend(frame(0x89, &[b'p'; 125]));
        bytes.extend(frame(0x8a, b""));
        let opcode = if part == 0 { 0x01 } else { 0x00 };
        let fin = if part == last { 0x80 } else { 0x00 };
        bytes.extend(frame(fin | opcode, chunk));
    }
    bytes
}

#[tokio::test]
async fn frames_in_pieces_with_control_frames_between_them_are_one_message() {
    let tracker = patient().await;
    let to = address(&tracker);
    let mut bytes = Vec::new();
    for (peer, parts) in [(1, 1), (2, 2), (3, 7), (4, 40)] {
        bytes.extend(scattered(&announce(1, peer, json!({"left": 1})), parts));
    }
    let mut rng = StdRng::seed_from_u64(1);
    let mut socket = raw(to).await;
    socket.set_nodelay(true).expect("set");
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rng.random_range(1..=rest.len().min(300)));
        socket.write_all(now).await.expect("written");
        rest = later;
    }
    let mut client = Client::connect(to).await;
    eventually("all are acted on", async || {
        (tracker.stats().messages_received == 4).then_some(())
    })
    .await;
    assert_eq!(client.counts(1).await, [0, 4, 0]);
    // Pings are answered with their payload, between the responses or after them.
    let mut heard = Vec::new();
    let pong = [&[0x8a, 125][..], &[b'p'; 125]].concat();
    let pongs = |heard: &[u8]| heard.windows(pong.len()).filter(|at| **at == pong).count();
    let all = async {
        let mut room = [0; 4096];
        while pongs(&heard) < 1 {
            let read = socket.read(&mut room).await.expect("open");
            assert_ne!(read, 0, "closed after {heard:?}");
            heard.extend(&room[..read]);
        }
    };
    tokio::time::timeout(crate::client::SOON, all)
        .await
        .expect("in time");
}

/// The ways in which a remote leaves without a word.
async fn vanish(to: SocketAddr, way: u8, peer: u8) {
    let mut socket = raw(to).await;
    let message = announce(
        1,
        peer,
        json!({"left": peer % 2, "offers": [offer("a"), offer("b")]}),
    );
    let whole = frame(0x81, message.to_string().as_bytes());
    match way {
        // In the middle of a header, of a payload, of a fragmented message.
        0 => socket.write_all(&whole[..3]).await.expect("written"),
        1 => socket
            .write_all(&whole[..whole.len() / 2])
            .await
            .expect("written"),
        2 => {
            let bytes = scattered(&message, 5);
            let most = bytes.len() - 9;
            socket.write_all(&bytes[..most]).await.expect("written");
        }
        // With the response unread; with a FIN after half a message.
        3 => socket.write_all(&whole).await.expect("written"),
        4 => {
            let bytes = [&whole[..], &whole[..9]].concat();
            socket.write_all(&bytes).await.expect("written");
            let _ = socket.shutdown().await;
            return;
        }
        // After a close frame that nobody waits to see answered.
        _ => {
            let bytes = [&whole[..], &frame(0x88, &[0x03, 0xe8])].concat();
            socket.write_all(&bytes).await.expect("written");
        }
    }
    reset(socket);
}

#[tokio::test]
async fn sockets_that_vanish_in_any_state_leave_nothing_behind_and_harm_nobody() {
    let tracker = patient().await;
    let to = address(&tracker);
    let mut witness = Client::connect(to).await;
    witness.announce(2, 200, json!({"left": 0})).await;
    for round in 0..4 {
        let all = (0..60).map(|peer| vanish(to, (peer + round) % 6, peer));
        futures_util::future::join_all(all).await;
        assert_eq!(witness.counts(2).await, [1, 0, 0]);
    }
    all_are_gone(&tracker, 1).await;
    assert_eq!(witness.counts(1).await, [0, 0, 0]);
    assert_eq!(tracker.stats().torrents, 1);
}

#[tokio::test]
async fn receivers_that_close_while_offers_are_on_their_way_cost_the_offerer_nothing() {
    let tracker = patient().await;
    let to = address(&tracker);
    let mut offerer = Client::connect(to).await;
    offerer.announce(1, 200, json!({"left": 5})).await;
    for round in 0..30 {
        let mut receivers = Vec::new();
        for peer in 0..5 {
            let mut client = Client::connect(to).await;
            client.announce(1, peer, json!({"left": 1})).await;
            receivers.push(client);
        }
        let names: Vec<Value> = (0..5)
            .map(|name| offer(&format!("{round}-{name}")))
            .collect();
        offerer
            .send(&announce(1, 200, json!({"left": 5, "offers": names})))
            .await;
        // One answers and is gone, one waits for its offer, the others do not.
        let mut answering = receivers.pop().expect("five");
        let given = answering.next().await;
        answering
            .send(&json!({
                "action": "announce", "info_hash": id(1), "peer_id": id(4), "to_peer_id": id(200),
                "offer_id": given["offer_id"], "answer": {"type": "answer", "sdp": "v=0"},
            }))
            .await;
        receivers[0].next().await;
        drop(receivers);
        let heard = [offerer.next().await, offerer.next().await];
        assert_eq!(heard[0]["incomplete"], 6, "{heard:?}");
        assert_eq!(heard[1]["offer_id"], given["offer_id"], "{heard:?}");
        drop(answering);
        all_are_gone(&tracker, 1).await;
    }
    assert_eq!(offerer.counts(1).await, [0, 1, 0]);
}

#[tokio::test]
async fn remotes_that_freeze_lose_their_sockets_and_the_others_their_offers_alone() {
    let sockets = Sockets {
        ping_after: Duration::from_millis(300),
        ping_jitter: Duration::from_millis(50),
        // On a busy machine the one that is alive may be late with a pong.
        pings_unanswered: 10,
        ..Sockets::default()
    };
    let config = Config {
        sockets,
        ..config()
    };
    let tracker = start(config).await;
    let to = address(&tracker);
    let mut frozen = Vec::new();
    for peer in 0..20 {
        let mut client = Client::connect(to).await;
        client.announce(1, peer, json!({"left": 1})).await;
        frozen.push(client);
    }
    let mut alive = Client::connect(to).await;
    let mut rounds = 0;
    let mut count = 20;
    let living = async {
        while count > 1 || tracker.stats().sockets_dead < 20 {
            let offers = json!({"left": 5, "offers": [offer(&rounds.to_string())]});
            let response = alive.announce(1, 200, offers).await;
            count = response["incomplete"].as_u64().expect("a count");
            rounds += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::client::SOON * 2, living)
        .await
        .expect("in time");
    all_are_gone(&tracker, 1).await;
    drop(frozen);
}

/// A network switch: the first socket looks alive to the tracker and is not.
#[tokio::test]
async fn a_client_that_comes_back_on_another_network_has_its_place_at_once() {
    let tracker = patient().await;
    let to = address(&tracker);
    let mut receiver = Client::connect(to).await;
    receiver.announce(1, 1, json!({"left": 5})).await;
    let mut first = Client::connect(to).await;
    let told = first
        .announce(
            1,
            2,
            json!({"left": 0, "event": "completed", "offers": [offer("o")]}),
        )
        .await;
    let given = receiver.next().await;
    // The first is not closed and not read from here on.
    let mut second = Client::connect(to).await;
    let back = json!({"left": 0, "trackerid": told["tracker id"]});
    let response = second.announce(1, 2, back.clone()).await;
    let counts = ["complete", "incomplete", "downloaded"].map(|key| response[key].as_u64());
    assert_eq!(counts, [1, 1, 1].map(Some), "{response}");
    assert_eq!(response["tracker id"], Value::Null, "it knows");
    receiver
        .send(&json!({
            "action": "announce", "info_hash": id(1), "peer_id": id(1), "to_peer_id": id(2),
            "offer_id": given["offer_id"], "answer": {"type": "answer", "sdp": "v=0"},
        }))
        .await;
    assert_eq!(second.next().await["offer_id"], "o");
    // Its end takes nothing with it; a stranger who knows the peer id takes nothing either.
    drop(first);
    let mut stranger = Client::connect(to).await;
    let guess = json!({"left": 5, "trackerid": "0".repeat(24)});
    assert_eq!(stranger.announce(1, 2, guess).await["complete"], 1);
    drop(stranger);
    all_are_gone(&tracker, 2).await;
    assert_eq!(second.counts(1).await, [1, 1, 1]);
    drop(second);
    all_are_gone(&tracker, 1).await;
    assert_eq!(receiver.counts(1).await, [0, 1, 1]);
}
