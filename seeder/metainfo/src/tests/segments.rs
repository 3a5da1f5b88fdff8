//! Where pieces lie in files.

use super::{PIECE, parse_info};
use crate::{Metainfo, Segment};

/// Files of these lengths with pieces of 10 bytes.
fn files(lengths: &[u64]) -> Metainfo {
    let list: String = (0..)
        .zip(lengths)
        .map(|(number, length)| format!("d6:lengthi{length}e4:pathl3:{number:03}ee"))
        .collect();
    let pieces =
        PIECE.repeat(usize::try_from(lengths.iter().sum::<u64>().div_ceil(10)).expect("few"));
    parse_info(&format!(
        "d5:filesl{list}e4:name1:n12:piece lengthi10e6:pieces{}:{pieces}e",
        pieces.len()
    ))
    .expect("a torrent")
}

fn runs(metainfo: &Metainfo, index: u32, begin: u32, length: u32) -> Vec<(usize, u64, u32)> {
    metainfo
        .segments(index, begin, length)
        .map(
            |Segment {
                 file,
                 offset,
                 length,
             }| (file, offset, length),
        )
        .collect()
}

#[test]
fn a_piece_runs_through_several_files_and_past_empty_ones() {
    let metainfo = files(&[0, 3, 0, 4, 5, 0]);
    assert_eq!(runs(&metainfo, 0, 0, 10), [(1, 0, 3), (3, 0, 4), (4, 0, 3)]);
    assert_eq!(runs(&metainfo, 1, 0, 2), [(4, 3, 2)]);
    assert_eq!(runs(&metainfo, 0, 2, 2), [(1, 2, 1), (3, 0, 1)]);
    assert_eq!(runs(&metainfo, 0, 3, 4), [(3, 0, 4)]);
}

#[test]
fn a_range_outside_its_piece_has_no_segments() {
    let metainfo = files(&[25]);
    for (index, begin, length) in [
        (0, 0, 11),
        (0, 10, 1),
        (2, 5, 1),
        (2, 0, 6),
        (3, 0, 1),
        (0, u32::MAX, 1),
        (0, 1, u32::MAX),
        (u32::MAX, u32::MAX, u32::MAX),
        (0, 5, 0),
    ] {
        assert_eq!(
            runs(&metainfo, index, begin, length),
            [],
            "{index} {begin} {length}"
        );
    }
    assert_eq!(runs(&metainfo, 2, 0, 5), [(0, 20, 5)]);
}
