use seeder_bench::{Crowd, Report};

use crate::Scene;
use crate::evil::{self, Spoil};

fn bench(spoil: Spoil) -> Report {
    let scene = Scene::new();
    let info_hash = scene.metainfo.info_hash();
    let seeding = evil::start(scene.url(), info_hash, spoil);
    scene.runtime.block_on(seeding);
    let crowd = Crowd {
        greedy: 1,
        ..Crowd::default()
    };
    seeder_bench::run(&scene.plan(crowd)).expect("a report")
}

#[test]
fn an_honest_stranger_is_found_to_be_one() {
    let report = bench(|_, _, _| {});
    assert!(report.flawless() && report.pieces_verified > 0, "{report}");
}

#[test]
fn one_wrong_byte_in_one_block_is_found() {
    let report = bench(|index, begin, message| {
        if (index, begin) == (3, 16_384) {
            message[777] ^= 0x10;
        }
    });
    assert!(!report.flawless(), "{report}");
    assert!(report.pieces_wrong > 0 && report.pieces_verified > 0);
    assert_eq!(
        report.complaint.as_deref(),
        Some("piece 3 has another hash than the torrent says")
    );
}

#[test]
fn a_block_of_another_length_is_found() {
    let report = bench(|index, _, message| {
        if index == 1 {
            message.truncate(4 + 9 + 100);
            message[..4].copy_from_slice(&109_u32.to_be_bytes());
        }
    });
    assert!(report.blocks_unasked > 0, "{report}");
    assert_eq!(
        report.complaint.as_deref(),
        Some("block 1:0 was not asked for")
    );
}

#[test]
fn what_is_no_message_is_told() {
    let report = bench(|index, _, message| {
        if index == 2 {
            message[0] = 0x80;
        }
    });
    assert!(!report.flawless(), "{report}");
    let complaint = report.complaint.as_deref();
    assert_eq!(
        complaint,
        Some("the seeder sent a message that is too long")
    );
}
