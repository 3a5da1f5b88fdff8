//! Who is served when not all can be.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seeder::{ChokerConfig, Config};

use crate::bench::{Bench, Content};
use crate::leecher::Leecher;
use crate::wire::handshake;

#[tokio::test(flavor = "multi_thread")]
async fn with_one_slot_three_leechers_complete_and_one_is_served_at_a_time() {
    let bench = Bench::start(Content::file(3_000_000), 1).await;
    let bench = Arc::new(bench);
    let unchoked = Arc::new(AtomicUsize::new(0));
    let mut downloads = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (bench, unchoked) = (Arc::clone(&bench), Arc::clone(&unchoked));
        downloads.spawn(async move {
            let mut leecher = bench.leecher().await;
            let mut wire = leecher.connect().await;
            let pieces: Vec<u32> = (0..bench.content.shape().pieces()).collect();
            let got = wire.download(bench.content.shape(), &pieces).await;
            unchoked.fetch_add(1, Ordering::Relaxed);
            assert!(got.expect("the seeder stays").concat() == bench.content.bytes);
        });
    }
    let mut most = 0;
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    while !downloads.is_empty() {
        tokio::select! {
            Some(done) = downloads.join_next() => done.expect("the content is right"),
            _ = looks.tick() => most = most.max(bench.seeder.stats().served),
        }
    }
    assert_eq!((most, unchoked.load(Ordering::Relaxed)), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leecher_that_is_connected_is_not_answered_again() {
    let bench = Bench::start(Content::file(100_000), 8).await;
    let mut leecher = bench.leecher().await;
    let _wire = leecher.connect().await;
    bench.stats(|stats| stats.torrents[0].peers == 1).await;
    leecher.announce(tracker_protocol::Event::Update, 2).await;
    assert!(leecher.connect_within(1).await.is_none());
    assert_eq!(bench.seeder.stats().torrents[0].peers, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn leechers_that_were_turned_away_are_called_back_when_there_is_room() {
    let bench = Bench::start(Content::file(1_000_000), 1).await;
    let mut wires = Vec::new();
    // One is served, four stand in the line.
    for _ in 0..5 {
        let mut leecher = bench.leecher().await;
        let wire = leecher.connect().await;
        wire.interested().await;
        wires.push((leecher, wire));
    }
    bench
        .stats(|stats| (stats.served, stats.waiting) == (1, 4))
        .await;
    let mut late = bench.leecher().await;
    bench.stats(|stats| stats.refused == 1).await;
    drop(wires);
    let wire = late.connect_within(30).await;
    let mut wire = wire.expect("it is called back");
    let shape = bench.content.shape();
    assert!(wire.download(shape, &[0]).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_holds_no_more_places_than_it_may() {
    let choker = ChokerConfig {
        max_peers_per_address: 1,
        ..ChokerConfig::default()
    };
    let config = Config {
        choker,
        ..Config::default()
    };
    let bench = Bench::start_with(Content::file(100_000), config).await;
    let mut first = bench.leecher().await;
    let mut wire = first.connect().await;
    bench.stats(|stats| stats.torrents[0].peers == 1).await;
    let mut second = bench.leecher().await;
    // It may hear of the end before it hears that its channel is open.
    if let Ok(channel) = second.signalled().await.open().await {
        let handshake = handshake(bench.content.info_hash(), second.peer_id);
        let _ = channel.send(handshake.as_slice().into()).await;
        while channel.receive().await.is_some() {}
    }
    let (url, info_hash) = (bench.relay.url(), bench.content.info_hash());
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let mut third = Leecher::join_from(elsewhere, &url, info_hash, 1).await;
    for wire in [&mut wire, &mut third.connect().await] {
        let got = wire.download(bench.content.shape(), &[0]).await;
        assert!(got.is_some(), "it stays");
    }
}
