//! Who is served when not all can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::bench::{Bench, Content};

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
