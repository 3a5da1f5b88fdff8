//! Leechers that fail, and content that does.

use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use seeder::Event;

use crate::bench::{Bench, Content};
use crate::wire::{Said, Wire};

fn overwrite(content: &Content, at: u64) {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(&content.path)
        .expect("the file is there");
    file.seek(SeekFrom::Start(at)).expect("a position");
    file.write_all(b"not what it was").expect("it is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_does_not_match_is_never_sent() {
    let content = Content::file(300_000);
    overwrite(&content, 70_000);
    let mut bench = Bench::start(content, 8).await;
    let info_hash = bench.content.info_hash();
    let verified = bench
        .event(|event| matches!(event, Event::Verified { .. }))
        .await;
    let expected = Event::Verified {
        info_hash,
        good: 4,
        pieces: 5,
    };
    assert_eq!(verified, expected);
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let got = wire.download(bench.content.shape(), &[0, 2, 3, 4]).await;
    assert!(got.expect("the seeder stays")[0] == bench.content.piece(0));
    assert_eq!(wire.have.iter().copied().collect::<Vec<_>>(), [0, 2, 3, 4]);
    wire.request((1, 0, 16_384)).await;
    assert_eq!(bytes_of(&mut wire, 1, Duration::from_secs(2)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_changes_is_withdrawn_and_checked_again() {
    let mut bench = Bench::start(Content::file(300_000), 8).await;
    let info_hash = bench.content.info_hash();
    bench
        .event(|event| matches!(event, Event::Verified { .. }))
        .await;
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let got = wire.download(bench.content.shape(), &[0]).await;
    assert!(got.is_some());
    overwrite(&bench.content, 70_000);
    wire.request((1, 0, 16_384)).await;
    assert_eq!(bytes_of(&mut wire, 1, Duration::from_secs(2)).await, None);
    let path = bench.content.path.clone();
    let changed = Event::ContentChanged { info_hash, path };
    bench.event(|event| *event == changed).await;
    let bad = Event::PiecesBad {
        info_hash,
        pieces: 1..=1,
    };
    bench.event(|event| *event == bad).await;
    let good = Event::Verified {
        info_hash,
        good: 4,
        pieces: 5,
    };
    bench.event(|event| *event == good).await;

    let mut another = bench.leecher().await;
    let mut wire = another.connect().await;
    let got = wire.download(bench.content.shape(), &[0, 2, 3, 4]).await;
    assert!(got.expect("the seeder stays")[1] == bench.content.piece(2));
    assert_eq!(wire.have.iter().copied().collect::<Vec<_>>(), [0, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_told_once_and_served_after_it_is_put_back() {
    let content = Content::folder(&[("one.bin", 200_000), ("two.bin", 2_000_000)]);
    let (file, away) = (content.path.join("two.bin"), content.path.join("away"));
    std::fs::rename(&file, &away).expect("it is taken away");
    let mut bench = Bench::start(content, 8).await;
    let info_hash = bench.content.info_hash();
    let path = file.clone();
    let missing = Event::FileMissing { info_hash, path };
    bench.event(|event| *event == missing).await;
    let verified = |good| Event::Verified {
        info_hash,
        good,
        pieces: 34,
    };
    // Pieces of the missing file are not told one by one.
    let told = bench
        .event(|event| !matches!(event, Event::TrackerUp { .. }))
        .await;
    assert_eq!(told, verified(3));
    let mut early = bench.leecher().await;
    let mut wire = early.connect().await;
    std::fs::rename(&away, &file).expect("it is put back");
    bench.event(|event| *event == verified(34)).await;
    let pieces: Vec<u32> = (0..34).collect();
    let got = wire.download(bench.content.shape(), &pieces).await;
    assert!(got.expect("the seeder stays").concat() == bench.content.bytes);
}

/// What is sent of a piece within a time.
async fn bytes_of(wire: &mut Wire, piece: u32, time: Duration) -> Option<Vec<u8>> {
    let waiting = async {
        loop {
            match wire.next().await {
                Some(Said::Piece(index, _, bytes)) if index == piece => return Some(bytes),
                Some(_) => {}
                None => return None,
            }
        }
    };
    tokio::time::timeout(time, waiting).await.ok().flatten()
}

#[test]
fn a_leecher_that_stops_reading_gets_a_bounded_amount() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let ours = runtime();
    let bench = ours.block_on(Bench::start(Content::file(8_000_000), 8));
    let shape = bench.content.shape();
    // Runs only while it is waited for, as a process that is stopped.
    let theirs = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let frozen = theirs.block_on(async {
        let mut leecher = bench.leecher().await;
        let mut wire = leecher.connect().await;
        wire.interested().await;
        while wire.choked {
            wire.next().await.expect("the seeder stays");
        }
        let blocks = (0..shape.pieces()).flat_map(|piece| shape.blocks(piece));
        for block in blocks {
            wire.request(block).await;
        }
        (leecher, wire)
    });
    ours.block_on(async {
        let bound = 2 * u64::try_from(seeder::rtc::FAR_SEND_BUFFER_BYTES[1]).expect("a size");
        let taken = bench.seeder.stats().bytes_sent;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let more = bench.seeder.stats().bytes_sent - taken;
        assert!(more < bound, "{more} bytes were sent to nobody");
        // Another is served meanwhile.
        let mut other = bench.leecher().await;
        let mut wire = other.connect().await;
        assert!(wire.download(shape, &[0]).await.is_some());
        // The choker or the connection gives the other up in the end.
        bench.stats(|stats| stats.torrents[0].peers == 1).await;
    });
    drop(frozen);
}

#[test]
fn a_leecher_that_is_killed_frees_its_place() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let ours = runtime();
    let bench = ours.block_on(Bench::start(Content::file(3_000_000), 8));
    let theirs = runtime();
    let wire = theirs.block_on(async {
        let mut leecher = bench.leecher().await;
        let mut wire = leecher.connect().await;
        assert!(wire.download(bench.content.shape(), &[0]).await.is_some());
        (leecher, wire)
    });
    ours.block_on(bench.stats(|stats| stats.torrents[0].peers == 1));
    // Nothing says good-bye.
    theirs.shutdown_background();
    ours.block_on(async {
        bench.stats(|stats| stats.peers == 0).await;
        bench.seeder.stop().await;
    });
    drop(wire);
}
