//! Trackers that come and go.

use std::time::{Duration, Instant};

use seeder::{Config, Seeder};

use crate::bench::{Content, DEADLINE};
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_to_a_tracker_begins_with_all_offers() {
    let relay = Relay::start().await;
    let content = Content::file(100_000);
    let config = Config {
        listen: "127.0.0.1:0".parse().expect("an address"),
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
