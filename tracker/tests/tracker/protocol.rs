//! What clients rely on, once each over a socket. The rules are those that the
//! clients of bittorrent-tracker, libtorrent, anacrolix/torrent and trystero need.

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use crate::client::{Client, address, announce, config, id, offer, start};

#[tokio::test]
async fn only_a_left_of_exactly_zero_makes_a_seed() {
    let tracker = start(config()).await;
    let mut client = Client::connect(address(&tracker)).await;
    let fields = [
        json!({"left": 0}),
        json!({"left": 1}),
        json!({"left": -1}),
        json!({"left": 0.5}),
        json!({"left": 1e300}),
        json!({"left": null}),
        json!({"left": "1"}),
        json!({}),
    ];
    for (peer, fields) in (1..).zip(fields) {
        client.announce(1, peer, fields).await;
    }
    assert_eq!(client.counts(1).await, [1, 7, 0]);
}

#[tokio::test]
async fn an_unknown_event_is_an_update_and_an_unknown_peer_without_event_has_started() {
    let tracker = start(config()).await;
    let mut client = Client::connect(address(&tracker)).await;
    for event in ["", "empty", "paused", "update", "<regular>"] {
        let response = client
            .announce(1, 1, json!({"event": event, "left": 5}))
            .await;
        assert_eq!(
            [&response["complete"], &response["incomplete"]],
            [&json!(0), &json!(1)]
        );
    }
    let response = client
        .announce(1, 2, json!({"event": "completed", "left": 0}))
        .await;
    assert_eq!(
        [&response["complete"], &response["incomplete"]],
        [&json!(1), &json!(1)]
    );
    let response = client
        .announce(1, 1, json!({"event": "stopped", "left": 5}))
        .await;
    assert_eq!(
        [&response["complete"], &response["incomplete"]],
        [&json!(1), &json!(0)]
    );
}

#[tokio::test]
async fn the_response_to_an_announce_comes_first_and_has_the_interval_and_the_counts() {
    let tracker = start(config()).await;
    let mut client = Client::connect(address(&tracker)).await;
    let response = client
        .announce(1, 1, json!({"event": "started", "left": 5}))
        .await;
    assert_eq!(response["action"], "announce");
    assert_eq!(response["info_hash"], id(1));
    let interval = response["interval"].as_u64().expect("an interval");
    assert!((108..=132).contains(&interval), "{interval}");
}

#[tokio::test]
async fn offers_and_answers_travel_verbatim_and_an_answer_changes_nothing() {
    let tracker = start(config()).await;
    let mut seed = Client::at(&format!("ws://{}/any/path?key=1", address(&tracker))).await;
    let mut leecher = Client::connect(address(&tracker)).await;
    seed.announce(1, 1, json!({"left": 0})).await;
    // A good offer of no common length, between entries that are none.
    let offers = json!([null, {"offer_id": "x"}, {
        "offer_id": "an id of its own ✓", "offer": {"type": "offer", "sdp": "v=0", "extra": [1, {}]},
    }]);
    leecher
        .announce(1, 2, json!({"left": 9, "offers": offers}))
        .await;
    assert_eq!(
        seed.next().await,
        json!({
            "action": "announce", "info_hash": id(1), "peer_id": id(2),
            "offer_id": "an id of its own ✓",
            "offer": {"type": "offer", "sdp": "v=0", "extra": [1, {}]},
        })
    );
    seed.send(&json!({
        "action": "announce", "info_hash": id(1), "peer_id": id(1), "to_peer_id": id(2),
        "offer_id": "an id of its own ✓", "trackerid": "t",
        "answer": {"type": "answer", "sdp": "v=1", "more": null},
    }))
    .await;
    assert_eq!(
        leecher.next().await,
        json!({
            "action": "announce", "info_hash": id(1), "peer_id": id(1),
            "offer_id": "an id of its own ✓",
            "answer": {"type": "answer", "sdp": "v=1", "more": null},
        })
    );
    // The answer got no response: the next message is that to the scrape.
    assert_eq!(seed.counts(1).await, [1, 1, 0]);
}

#[tokio::test]
async fn a_joiner_hears_the_response_before_the_offer_that_waited_for_it() {
    let tracker = start(config()).await;
    let mut first = Client::connect(address(&tracker)).await;
    let fields = json!({"left": 9, "offers": [offer("o")], "trackerid": "t"});
    first.announce(1, 1, fields).await;
    let mut joiner = Client::connect(address(&tracker)).await;
    joiner.send(&announce(1, 2, json!({"left": 9}))).await;
    assert_eq!(joiner.next().await["incomplete"], 2);
    assert_eq!(joiner.next().await["offer_id"], "o");
}

#[tokio::test]
async fn an_answer_to_an_offer_that_was_not_relayed_reaches_nobody() {
    let tracker = start(config()).await;
    let mut victim = Client::connect(address(&tracker)).await;
    let mut stranger = Client::connect(address(&tracker)).await;
    victim
        .announce(1, 1, json!({"left": 9, "offers": [offer("o")]}))
        .await;
    stranger
        .send(&json!({
            "action": "announce", "info_hash": id(1), "peer_id": id(2), "to_peer_id": id(1),
            "offer_id": "o", "answer": {"type": "answer", "sdp": "v=1"},
        }))
        .await;
    assert_eq!(stranger.counts(1).await, [0, 1, 0]);
    assert_eq!(victim.counts(1).await, [0, 1, 0]);
}

#[tokio::test]
async fn binary_and_continued_frames_are_messages_and_a_ping_is_answered() {
    let tracker = start(config()).await;
    let mut client = Client::connect(address(&tracker)).await;
    let text = announce(1, 1, json!({"left": 0, "offers": null})).to_string();
    client
        .0
        .send(Message::binary(text.clone()))
        .await
        .expect("sent");
    assert_eq!(client.next().await["complete"], 1);

    let (head, tail) = text.as_bytes().split_at(text.len() / 2);
    let first = Frame::message(head.to_vec(), OpCode::Data(Data::Text), false);
    let last = Frame::message(tail.to_vec(), OpCode::Data(Data::Continue), true);
    client.0.send(Message::Frame(first)).await.expect("sent");
    client
        .0
        .send(Message::Ping("are you there".into()))
        .await
        .expect("sent");
    client.0.send(Message::Frame(last)).await.expect("sent");
    use futures_util::StreamExt;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        heard.push(client.0.next().await.expect("open").expect("sound"));
    }
    assert!(
        heard.contains(&Message::Pong("are you there".into())),
        "{heard:?}"
    );
    assert!(heard.iter().any(Message::is_text), "{heard:?}");
}

#[tokio::test]
async fn a_socket_owns_its_peers_and_takes_only_those_with_it() {
    let tracker = start(config()).await;
    let mut first = Client::connect(address(&tracker)).await;
    let mut second = Client::connect(address(&tracker)).await;
    first.announce(1, 1, json!({"left": 0})).await;
    first.announce(1, 2, json!({"left": 0})).await;
    // The same peer id from another socket cannot stop the first one's entry.
    second.announce(1, 1, json!({"event": "stopped"})).await;
    assert_eq!(second.counts(1).await, [2, 0, 0]);
    second.announce(1, 1, json!({"left": 0})).await;
    assert_eq!(second.counts(1).await, [3, 0, 0]);
    first.0.close(None).await.expect("closed");
    crate::client::eventually("the first socket's entries are gone", async || {
        (tracker.stats().seeders == 1).then_some(())
    })
    .await;
    assert_eq!(second.counts(1).await, [1, 0, 0]);
}

#[tokio::test]
async fn a_scrape_has_one_entry_for_each_hash_and_a_full_one_is_refused() {
    let tracker = start(config()).await;
    let mut client = Client::connect(address(&tracker)).await;
    client.announce(1, 1, json!({"left": 0})).await;
    client
        .send(&json!({"action": "scrape", "info_hash": [id(1), id(2)]}))
        .await;
    assert_eq!(
        client.next().await["files"],
        json!({
            id(1): {"complete": 1, "incomplete": 0, "downloaded": 0},
            id(2): {"complete": 0, "incomplete": 0, "downloaded": 0},
        })
    );
    client
        .send(&json!({"action": "scrape", "info_hash": []}))
        .await;
    assert_eq!(client.next().await["files"], json!({}));
    client.send(&json!({"action": "scrape"})).await;
    let refused = client.next().await;
    assert_eq!(
        [&refused["action"], &refused["files"]],
        [&json!("scrape"), &json!({})]
    );
    assert!(refused["failure reason"].is_string(), "{refused}");
    let many: Vec<String> = (0..101).map(id).collect();
    client
        .send(&json!({"action": "scrape", "info_hash": many}))
        .await;
    let refused = client.next().await;
    assert_eq!(refused["action"], "scrape");
    assert!(refused["failure reason"].is_string(), "{refused}");
}

#[tokio::test]
async fn a_refusal_names_action_torrent_and_field_and_the_socket_goes_on() {
    let tracker = start(config()).await;
    let mut client = Client::connect(address(&tracker)).await;
    client
        .send(&json!({"action": "announce", "info_hash": id(1), "peer_id": "short"}))
        .await;
    let refused = client.next().await;
    assert_eq!(
        [&refused["action"], &refused["info_hash"]],
        [&json!("announce"), &json!(id(1))]
    );
    let reason = refused["failure reason"].as_str().expect("a reason");
    assert!(reason.contains("peer_id"), "{reason}");
    assert_eq!(
        client.announce(1, 1, json!({"left": 0})).await["complete"],
        1
    );
}

#[tokio::test]
async fn a_message_without_a_safe_reply_closes_the_socket_with_a_code() {
    let tracker = start(config()).await;
    for (message, code) in [
        (Message::text("not JSON"), CloseCode::Invalid),
        (Message::text("null"), CloseCode::Invalid),
        (Message::binary(vec![0xff, 0xfe]), CloseCode::Invalid),
        (
            Message::text(r#"{"action":"announce","info_hash":"short"}"#),
            CloseCode::Policy,
        ),
        (
            Message::text(format!("\"{}\"", "x".repeat(300 * 1024))),
            CloseCode::Size,
        ),
    ] {
        let mut client = Client::connect(address(&tracker)).await;
        client.0.send(message.clone()).await.expect("sent");
        let closed = client.closed().await.map(|frame| frame.code);
        assert_eq!(closed, Some(code), "{:.60?}", message);
    }
    // `scrape` with an object for a hash ends the reference's server.
    let mut client = Client::connect(address(&tracker)).await;
    client.text(r#"{"action":"scrape","info_hash":{}}"#).await;
    assert_eq!(client.next().await["action"], "scrape");
}

#[tokio::test]
async fn ten_offers_of_six_kilobytes_in_one_frame_reach_ten_peers() {
    let tracker = start(config()).await;
    let mut receivers = Vec::new();
    for peer in 1..=10 {
        let mut receiver = Client::connect(address(&tracker)).await;
        receiver.announce(1, peer, json!({"left": 0})).await;
        receivers.push(receiver);
    }
    let sdp = "v=0 ".repeat(1536);
    let offers: Vec<_> = (0..10)
        .map(|n| json!({"offer_id": format!("o{n}"), "offer": {"type": "offer", "sdp": sdp}}))
        .collect();
    let mut leecher = Client::connect(address(&tracker)).await;
    leecher
        .announce(1, 99, json!({"left": 9, "numwant": 10, "offers": offers}))
        .await;
    let mut names = Vec::new();
    for receiver in &mut receivers {
        names.push(receiver.next().await["offer_id"].as_str().map(String::from));
    }
    names.sort();
    assert_eq!(
        names,
        (0..10).map(|n| Some(format!("o{n}"))).collect::<Vec<_>>()
    );
}
