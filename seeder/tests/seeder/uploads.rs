//! Upload limits over real channels. A busy machine sends slower, never faster.

use std::time::Instant;

use seeder::{Config, UploadLimits};

use crate::bench::{Bench, Content};

/// A limit may be passed at the start by what a tenth of a second carries.
const CREDIT: f64 = 0.1;

/// Three leechers download everything at once under the limits. Returns bytes a second, in all.
async fn rate_under(upload: UploadLimits) -> f64 {
    let config = Config {
        upload,
        ..Config::default()
    };
    let bench = Bench::start_with(Content::file(400_000), config).await;
    let mut wires = Vec::new();
    for _ in 0..3 {
        let mut leecher = bench.leecher().await;
        let wire = leecher.connect().await;
        wires.push((leecher, wire));
    }
    let shape = bench.content.shape();
    let pieces: Vec<u32> = (0..shape.pieces()).collect();
    let start = Instant::now();
    let downloads = wires
        .iter_mut()
        .map(|(_, wire)| wire.download(shape, &pieces));
    let got = futures_util::future::join_all(downloads).await;
    let took = start.elapsed().as_secs_f64();
    for content in got {
        assert!(content.expect("the seeder stays").concat() == bench.content.bytes);
    }
    1_200_000.0 / took
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_kept_over_all_leechers_over_a_torrents_and_for_each() {
    let none = UploadLimits::default();
    let limits = [
        (
            300_000.0,
            UploadLimits {
                in_all: Some(300_000),
                ..none
            },
        ),
        (
            300_000.0,
            UploadLimits {
                per_torrent: Some(300_000),
                ..none
            },
        ),
        (
            300_000.0,
            UploadLimits {
                per_peer: Some(100_000),
                ..none
            },
        ),
    ];
    for (limit, upload) in limits {
        let rate = rate_under(upload).await;
        println!("{:.3} of the limit: {upload:?}", rate / limit);
        let most = limit * 1_200_000.0 / (1_200_000.0 - 3.0 * 16_384.0 - limit * CREDIT);
        assert!(rate <= most, "{rate} bytes a second under {upload:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_slow_limit_each_block_is_answered_in_time() {
    let config = Config {
        upload: UploadLimits {
            in_all: Some(8_192),
            ..UploadLimits::default()
        },
        ..Config::default()
    };
    let bench = Bench::start_with(Content::file(65_536), config).await;
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let start = Instant::now();
    let got = wire.download(bench.content.shape(), &[0]).await;
    assert!(got.expect("the seeder stays").concat() == bench.content.bytes);
    // Four blocks of two seconds, the first of them at once.
    assert!(start.elapsed().as_secs_f64() > 5.8);
}
