//! How peers answer offers, as an operator sees it.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::client_async;
use tracker::{Config, Sockets};

use crate::client::{
    Client, address, admin, announce, config, hex, http, id, offer, start, start_with,
};

/// A peer id of a client, told apart by a number.
fn of_client(prefix: &str, number: u8) -> Value {
    json!(format!("{prefix}{number:012}"))
}

#[tokio::test]
async fn offers_given_and_answered_are_told_by_torrent_by_peer_and_by_client() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let mut receivers = Vec::new();
    for (number, prefix) in [(1, "-WW0300-"), (2, "-LT2110-"), (3, "-XX0001-")] {
        let mut client = Client::connect(to).await;
        let peer_id = of_client(prefix, number);
        let join = json!({"left": 1, "peer_id": peer_id});
        client.announce(1, 1, join).await;
        receivers.push((client, peer_id));
    }
    let mut offerer = Client::connect(to).await;
    let offers: Vec<Value> = ["a", "b", "c"].map(offer).into();
    let joined = announce(1, 9, json!({"left": 0, "offers": offers}));
    offerer.send(&joined).await;
    offerer.next().await;
    for (client, peer_id) in &mut receivers[..2] {
        let given = client.next().await;
        client
            .send(&json!({
                "action": "announce", "info_hash": id(1), "peer_id": peer_id, "to_peer_id": id(9),
                "offer_id": given["offer_id"], "answer": {"type": "answer", "sdp": "v=0"},
            }))
            .await;
        offerer.next().await;
    }

    let torrent = admin(to, "GET", &format!("/api/v1/torrents/{}", hex(1))).await;
    let torrent = torrent.json();
    assert_eq!(
        [&torrent["offers_given"], &torrent["offers_answered"]],
        [3, 2]
    );
    let peers = admin(to, "GET", &format!("/api/v1/torrents/{}/peers", hex(1))).await;
    let peers = peers.json();
    let told: Vec<_> = peers["peers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|peer| {
            let fields = ["client", "offers_given", "offers_answered", "chosen_last"];
            fields.map(|name| peer[name].clone())
        })
        .collect();
    let line = |client: Option<&str>, given, answered| {
        [json!(client), json!(given), json!(answered), json!(false)]
    };
    assert_eq!(
        told,
        [
            line(None, 0, 0),
            line(Some("LT2110"), 1, 1),
            line(Some("WW0300"), 1, 1),
            line(Some("XX0001"), 1, 0),
        ]
    );
    let metrics = http(to, "GET", "/metrics", &[]).await.body;
    for (client, given, answered) in [
        ("WebTorrent", 1, 1),
        ("libtorrent", 1, 1),
        ("other", 1, 0),
        ("anacrolix/torrent", 0, 0),
    ] {
        for (name, count) in [("given", given), ("answered", answered)] {
            let line =
                format!("\nshoal_tracker_offers_{name}_total{{client=\"{client}\"}} {count}\n");
            assert!(metrics.contains(&line), "{line}{metrics}");
        }
    }
}

#[tokio::test]
async fn offers_to_a_client_that_came_back_on_another_socket_are_told_as_its_own() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let mut first = Client::connect(to).await;
    let peer_id = of_client("-WW0300-", 1);
    let told = first
        .announce(1, 1, json!({"left": 1, "peer_id": peer_id}))
        .await;
    let mut second = Client::connect(to).await;
    let back = json!({"left": 1, "peer_id": peer_id, "trackerid": told["tracker id"]});
    second.announce(1, 1, back).await;
    let mut offerer = Client::connect(to).await;
    let offers = json!({"left": 0, "offers": [offer("a")]});
    offerer.announce(1, 9, offers).await;
    assert_eq!(second.next().await["offer_id"], "a");
    let metrics = http(to, "GET", "/metrics", &[]).await.body;
    let line = "\nshoal_tracker_offers_given_total{client=\"WebTorrent\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
}

/// A field of the peers of torrent 1, in the order of their ids.
async fn of_peers(to: SocketAddr, field: &str) -> Vec<Value> {
    let peers = admin(to, "GET", &format!("/api/v1/torrents/{}/peers", hex(1))).await;
    let peers = peers.json();
    let list = peers["peers"].as_array().expect("a list");
    list.iter().map(|peer| peer[field].clone()).collect()
}

#[tokio::test]
async fn the_round_trip_of_a_ping_is_told() {
    let sockets = Sockets {
        ping_after: Duration::from_millis(100),
        ping_jitter: Duration::from_millis(20),
        pings_unanswered: 1000,
        ..Sockets::default()
    };
    let config = Config {
        sockets,
        ..config()
    };
    let tracker = start(config).await;
    let to = address(&tracker);
    let mut silent = Client::connect(to).await;
    let mut alive = Client::connect(to).await;
    silent.announce(1, 1, json!({"left": 0})).await;
    alive.announce(1, 2, json!({"left": 5})).await;
    let told = async {
        loop {
            // Only a socket that is read answers pings.
            let _ = tokio::time::timeout(Duration::from_millis(20), alive.closed()).await;
            let told = of_peers(to, "round_trip_ms").await;
            if told[1].is_u64() {
                return told;
            }
        }
    };
    let told = tokio::time::timeout(crate::client::SOON, told)
        .await
        .expect("in time");
    assert_eq!(told[0], Value::Null);
}

#[tokio::test]
async fn a_peer_whose_socket_takes_nothing_in_is_chosen_last() {
    let (tracker, to) = start_with(|config| {
        config.limits.outbox_bytes = 264 * 1024;
        config.limits.messages_per_second = 1_000_000;
        config.limits.message_burst = 1_000_000;
    })
    .await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set");
    let stream = socket.connect(to).await.expect("accepted");
    let (mut deaf, _) = client_async(format!("ws://{to}/"), stream)
        .await
        .expect("upgraded");
    for peer in 10..20 {
        let join = announce(1, peer, json!({"left": 5})).to_string();
        deaf.send(join.into()).await.expect("sent");
    }
    let mut client = Client::connect(to).await;
    let sdp = "v=0 ".repeat(4000);
    let offer = |name: u8| json!({"offer_id": id(name), "offer": {"type": "offer", "sdp": sdp}});
    let offers: Vec<Value> = (0..10).map(offer).collect();
    let dropped = async {
        while tracker.stats().offers_dropped == 0 {
            client
                .announce(1, 2, json!({"left": 5, "offers": offers}))
                .await;
        }
    };
    tokio::time::timeout(crate::client::SOON * 3, dropped)
        .await
        .expect("in time");
    let told = of_peers(to, "chosen_last").await;
    let (client, deaf) = told.split_first().expect("eleven");
    assert_eq!((client, deaf), (&json!(false), &*vec![json!(true); 10]));
}
