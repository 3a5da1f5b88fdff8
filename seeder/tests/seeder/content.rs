//! Content that changes or vanishes underneath: no bad block leaves.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;

use seeder::Event;

use crate::bench::{Bench, Content};
use crate::wire::Said;

const BLOCK: usize = 16_384;

/// Two files of which one is changed by `how` while both are served. The leecher that was there before
/// gets no bad block, is told that the pieces are gone, and is served the other file.
async fn while_served(how: impl Fn(&Path)) -> (Bench, Vec<Event>) {
    let content = Content::folder(&[("one.bin", 3 * 65_536), ("two.bin", 5 * 65_536)]);
    let changed = content.path.join("two.bin");
    let mut bench = Bench::start(content, 8).await;
    bench
        .event(|event| matches!(event, Event::Verified { .. }))
        .await;
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    wire.say(20, b"\0d1:md11:lt_donthavei7eee").await;
    let shape = bench.content.shape();
    assert!(wire.download(shape, &[0, 3]).await.is_some());

    how(&changed);
    for piece in 3..8 {
        for block in shape.blocks(piece) {
            wire.request(block).await;
        }
    }
    let mut gone = Vec::new();
    while gone.len() < 5 {
        match wire.next().await.expect("the seeder stays") {
            Said::Piece(piece, begin, bytes) => {
                let begin = usize::try_from(begin).expect("a position");
                let before = &bench.content.piece(piece)[begin..begin + BLOCK];
                assert!(bytes == before, "a bad block of piece {piece} left");
            }
            Said::Extended(7, payload) => gone.push(payload),
            Said::Choke
            | Said::Unchoke
            | Said::Reject(..)
            | Said::Bitfield(_)
            | Said::HaveAll
            | Said::Have(_)
            | Said::Extended(..)
            | Said::Other(_) => {}
        }
    }
    gone.sort();
    let expected: Vec<_> = (3_u32..8)
        .map(|piece| piece.to_be_bytes().to_vec())
        .collect();
    assert_eq!(gone, expected);
    for piece in [1, 2] {
        let (piece, begin, length) = shape.blocks(piece)[0];
        wire.request((piece, begin, length)).await;
        loop {
            if let Said::Piece(index, 0, bytes) = wire.next().await.expect("the seeder stays")
                && index == piece
            {
                assert!(bytes == bench.content.piece(piece)[..BLOCK]);
                break;
            }
        }
    }
    let told = Event::ContentChanged {
        info_hash: bench.content.info_hash(),
        path: changed,
    };
    bench.event(|event| *event == told).await;
    let mut events = Vec::new();
    loop {
        let event = bench.event(|_| true).await;
        let last = matches!(event, Event::Verified { .. });
        events.push(event);
        if last {
            return (bench, events);
        }
    }
}

fn modified(path: &Path) -> std::time::SystemTime {
    let metadata = std::fs::metadata(path).expect("the file is there");
    metadata.modified().expect("it has a time")
}

fn set_modified(path: &Path, time: std::time::SystemTime) {
    let file = File::options().write(true).open(path);
    let file = file.expect("the file is there");
    file.set_modified(time).expect("the time is set back");
}

fn bad_pieces(events: &[Event]) -> Vec<RangeInclusive<u32>> {
    let mut bad = Vec::new();
    for event in events {
        if let Event::PiecesBad { pieces, .. } = event {
            bad.push(pieces.clone());
        }
    }
    bad
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_keeps_the_length_and_the_time_is_noticed() {
    let (_bench, events) = while_served(|path| {
        let time = modified(path);
        let mut bytes = std::fs::read(path).expect("the file is there");
        bytes[70_000] ^= 1;
        std::fs::write(path, bytes).expect("it is written");
        set_modified(path, time);
    })
    .await;
    assert_eq!(bad_pieces(&events), [4..=4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_of_the_same_length_and_time_in_its_place_is_noticed() {
    let (_bench, events) = while_served(|path| {
        let other = path.with_extension("new");
        let length = std::fs::metadata(path).expect("the file is there").len();
        let length = usize::try_from(length).expect("a small file");
        std::fs::write(&other, vec![0; length]).expect("it is written");
        set_modified(&other, modified(path));
        std::fs::rename(&other, path).expect("it is replaced");
    })
    .await;
    assert_eq!(bad_pieces(&events), [3..=7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cut_short_is_served_up_to_there() {
    let (bench, events) = while_served(|path| {
        let file = File::options().write(true).open(path);
        let file = file.expect("the file is there");
        file.set_len(2 * 65_536 + 9).expect("it is cut");
    })
    .await;
    assert_eq!(bad_pieces(&events), [5..=7]);
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let got = wire.download(bench.content.shape(), &[3, 4]).await;
    assert!(got.expect("the seeder stays")[1] == bench.content.piece(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_removed_is_served_no_more() {
    let (_bench, events) = while_served(|path| {
        std::fs::remove_file(path).expect("it is removed");
    })
    .await;
    assert!(matches!(events[0], Event::FileMissing { .. }), "{events:?}");
    assert!(bad_pieces(&events).is_empty(), "{events:?}");
}
