//! Whole downloads.

use tracker_protocol::Event;

use crate::bench::{Bench, Content, seed};
use crate::leecher::Leecher;
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn a_leecher_gets_all_content_of_a_folder() {
    let files = [("a/one.bin", 300_000), ("b.bin", 1), ("c.bin", 2_000_003)];
    let bench = Bench::start(Content::folder(&files), 8).await;
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let pieces: Vec<u32> = (0..bench.content.shape().pieces()).collect();
    let got = wire.download(bench.content.shape(), &pieces).await;
    assert!(got.expect("the seeder stays").concat() == bench.content.bytes);
    let sent = bench.stats(|stats| stats.bytes_sent == 2_300_004).await;
    assert_eq!(
        (sent.torrents.len(), sent.torrents[0].bytes_sent),
        (1, 2_300_004)
    );
    bench.seeder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leecher_with_a_magnet_link_gets_the_metadata() {
    let bench = Bench::start(Content::file(100_000), 8).await;
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let info = wire.metadata(bench.content.info_hash()).await;
    assert_eq!(info, bench.content.metainfo.info_bytes());
    bench.seeder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seeder_that_starts_reaches_leechers_that_wait() {
    let content = Content::file(200_000);
    let relay = Relay::start().await;
    let mut leecher = Leecher::join(&relay.url(), content.info_hash(), 0).await;
    let (first, _) = seed(&relay, &content, 8).await;
    let mut wire = leecher.connect().await;
    let piece = wire.download(content.shape(), &[0]).await;
    assert!(piece.expect("the seeder stays").concat() == content.piece(0));

    first.stop().await;
    while wire.next().await.is_some() {}

    let (second, _) = seed(&relay, &content, 8).await;
    let mut wire = leecher.connect().await;
    let rest = wire.download(content.shape(), &[1, 2, 3]).await;
    assert!(rest.expect("the seeder stays").concat() == content.bytes[65_536..]);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seeder_that_stops_tells_the_tracker_and_its_peers() {
    let bench = Bench::start(Content::file(200_000), 8).await;
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let piece = wire.download(bench.content.shape(), &[0]).await;
    assert!(piece.is_some());
    let start = std::time::Instant::now();
    bench.seeder.stop().await;
    assert!(start.elapsed().as_secs() < 5);
    while wire.next().await.is_some() {}
    assert_eq!(
        bench.relay.announces(b"-SH"),
        [(Event::Started, Some(0), 4), (Event::Stopped, Some(0), 0)]
    );
}
