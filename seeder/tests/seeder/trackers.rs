//! Trackers that come and go.

use std::time::{Duration, Instant};

use seeder::rtc::Transport;
use seeder::{Config, Event, Seeder};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;

use crate::bench::{Content, DEADLINE};
use crate::relay::Relay;

fn on_loopback() -> Transport {
    Transport {
        listen: "127.0.0.1:0".parse().expect("an address"),
        ..Transport::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_to_a_tracker_begins_with_all_offers() {
    let relay = Relay::start().await;
    let content = Content::file(100_000);
    let config = Config {
        transport: on_loopback(),
        trackers: vec![relay.url()],
        offers: 10,
        ..Config::default()
    };
    let seeder = Seeder::start(config).await.expect("it starts");
    let added = seeder.add(content.metainfo.clone(), content.path.clone());
    added.await.expect("it is added");
    let start = Instant::now();
    for connection in 1..=4 {
        while relay.announces(b"-SH").len() < connection {
            assert!(start.elapsed() < DEADLINE, "announce {connection} comes");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        relay.hang_up();
    }
    let offers: Vec<usize> = (relay.announces(b"-SH").iter())
        .map(|(_, _, offers)| *offers)
        .collect();
    assert_eq!(offers, [10, 10, 10, 10]);
    seeder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_that_answers_no_ping_is_connected_to_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let content = Content::file(100_000);
    let config = Config {
        transport: on_loopback(),
        trackers: vec![format!(
            "ws://{}",
            listener.local_addr().expect("an address")
        )],
        tracker_silence: Duration::from_millis(500),
        ..Config::default()
    };
    let seeder = Seeder::start(config).await.expect("it starts");
    let added = seeder.add(content.metainfo.clone(), content.path.clone());
    added.await.expect("it is added");
    let connections = async {
        let mut deaf = Vec::new();
        while deaf.len() < 3 {
            let (stream, _) = listener.accept().await.expect("a connection");
            // Nobody reads it, so that neither announces nor pings are answered.
            deaf.push(accept_async(stream).await.expect("a WebSocket"));
        }
    };
    tokio::time::timeout(DEADLINE, connections)
        .await
        .expect("it does not stay with a dead connection");
    seeder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_that_is_down_keeps_nobody_from_another() {
    let relay = Relay::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let dead = format!("ws://{}/", nobody.local_addr().expect("an address"));
    drop(nobody);
    let content = Content::file(100_000);
    let config = Config {
        transport: on_loopback(),
        trackers: vec![dead.clone(), relay.url()],
        ..Config::default()
    };
    let seeder = Seeder::start(config).await.expect("it starts");
    let mut events = seeder.events();
    let added = seeder.add(content.metainfo.clone(), content.path.clone());
    added.await.expect("it is added");
    let told = async {
        let (mut up, mut down) = (false, false);
        while !(up && down) {
            let event = events.recv().await.expect("events go on");
            up |= matches!(&event, Event::TrackerUp { url } if *url == relay.url());
            down |= matches!(&event, Event::TrackerDown { url, .. } if *url == dead);
        }
    };
    tokio::time::timeout(DEADLINE, told)
        .await
        .expect("both are told");
    let start = Instant::now();
    while relay.announces(b"-SH").is_empty() {
        assert!(start.elapsed() < DEADLINE, "the other tracker is told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let trackers = seeder.stats().trackers;
    let connected: Vec<&str> = (trackers.iter().filter(|tracker| tracker.connected))
        .map(|tracker| tracker.url.as_str())
        .collect();
    assert_eq!(connected, [relay.url()]);
    seeder.stop().await;
}
