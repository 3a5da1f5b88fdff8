//! What holds for any input.

use proptest::prelude::*;

use super::{SMALLEST, create, put, torrent};
use crate::{CreateOptions, Magnet, Metainfo, default_piece_length, fuzz};

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::torrent(&bytes);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            fuzz::magnet(text);
        }
    }

    #[test]
    fn no_damage_to_a_torrent_makes_the_parser_panic(
        at in 0..SMALLEST.len() + 8,
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = torrent(SMALLEST);
        if cut { bytes.remove(at) } else { std::mem::replace(&mut bytes[at], byte) };
        fuzz::torrent(&bytes);
    }

    /// Tokens in any order reach deeper than bytes do.
    #[test]
    fn no_tokens_make_the_parser_panic(tokens in prop::collection::vec(token(), 0..40)) {
        fuzz::torrent(tokens.concat().as_bytes());
        fuzz::torrent(&torrent(&format!("d{}e", tokens.concat())));
    }

    #[test]
    fn no_parameters_of_a_link_make_the_parser_panic(
        parameters in prop::collection::vec((key(), "(%[0-9a-f]{2}|[+=.,0-9-]|\\PC){0,8}"), 0..6),
    ) {
        let parameters = parameters.iter().map(|(key, value)| format!("&{key}={value}"));
        let hash = "0123456789abcdef".repeat(3);
        fuzz::magnet(&format!("xt=urn:btih:{}{}", &hash[..40], parameters.collect::<String>()));
    }

    #[test]
    fn a_made_torrent_is_read_back_and_its_segments_cover_all_content(
        lengths in prop::collection::vec(0_u64..70_000, 1..6),
        blocks in prop::collection::vec((any::<u32>(), 1_u32..=16_384), 1..20),
    ) {
        let folder = tempfile::tempdir().expect("folder");
        for (number, length) in lengths.iter().enumerate() {
            let path = folder.path().join(format!("t/{}/{number}", number % 2));
            put(&path, &super::content(usize::try_from(*length).expect("small")));
        }
        let options = CreateOptions { piece_length: Some(1 << 14), ..CreateOptions::default() };
        let made = create(&folder.path().join("t"), &options).expect("created");
        let read = Metainfo::parse(&made.bytes).expect("read back");
        prop_assert_eq!(&read, &made.metainfo);
        prop_assert_eq!(read.total_length(), lengths.iter().sum::<u64>());

        let mut covered = vec![0_u64; lengths.len()];
        for index in 0..read.piece_count() {
            let size = read.piece_size(index).expect("a piece");
            for segment in read.segments(index, 0, size) {
                prop_assert!(segment.length > 0);
                prop_assert_eq!(segment.offset, covered[segment.file]);
                covered[segment.file] += u64::from(segment.length);
            }
        }
        let expected: Vec<u64> = read.files().iter().map(|file| file.length).collect();
        prop_assert_eq!(covered, expected);

        for (place, length) in blocks {
            let index = place % read.piece_count().max(1);
            let Some(size) = read.piece_size(index) else { continue };
            let begin = place % size;
            let length = length.min(size - begin);
            let sum: u32 = read.segments(index, begin, length).map(|s| s.length).sum();
            prop_assert_eq!(sum, length);
        }
    }

    #[test]
    fn a_written_magnet_link_is_read_back(magnet in magnet()) {
        let link = magnet.to_string();
        prop_assert!(link.bytes().all(|b| b.is_ascii_graphic()));
        prop_assert_eq!(Magnet::parse(&link), Ok(magnet));
    }

    #[test]
    fn the_default_piece_length_is_the_formula_of_create_torrent(total in 0_u64..1 << 40) {
        #[expect(clippy::cast_precision_loss, reason = "the formula to match is one of floats")]
        let nearest = (total as f64 / 1024.0).max(1.0).log2() + 0.5;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 40"
        )]
        let formula = 1_u64 << (nearest as u32);
        prop_assert_eq!(
            u64::from(default_piece_length(total)),
            formula.clamp(16 << 10, 4 << 20)
        );
    }
}

fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("d".to_owned()),
        Just("l".to_owned()),
        Just("e".to_owned()),
        any::<i64>().prop_map(|number| format!("i{number}e")),
        "[a-z]{0,3}".prop_map(|text| format!("{}:{text}", text.len())),
        prop::sample::select(vec![
            "4:info",
            "4:name",
            "5:files",
            "6:length",
            "4:path",
            "6:pieces0:",
            "12:piece length",
            "7:private",
            "13:announce-list",
            "8:url-list",
            "4:attr",
            "12:piece lengthi16384e",
        ])
        .prop_map(str::to_owned),
    ]
}

fn key() -> impl Strategy<Value = &'static str> {
    let keys = [
        "xt", "dn", "xl", "tr", "tr.1", "xs", "as", "ws", "x.pe", "so", "q",
    ];
    prop::sample::select(keys.to_vec())
}

fn magnet() -> impl Strategy<Value = Magnet> {
    let texts = || prop::collection::vec("\\PC{1,12}", 0..3);
    let ranges = prop::collection::vec((0_u32..9, 0_u32..9), 0..3);
    let hash = any::<[u8; 20]>().prop_map(tracker_protocol::InfoHash::from_bytes);
    (
        hash,
        prop::option::of(".{0,12}"),
        prop::option::of(any::<u64>()),
        texts(),
        texts(),
        texts(),
        texts(),
        texts(),
        ranges,
    )
        .prop_map(
            |(info_hash, name, length, trackers, xs, acceptable, ws, peers, ranges)| Magnet {
                info_hash,
                name,
                length,
                trackers,
                exact_sources: xs,
                acceptable_sources: acceptable,
                web_seeds: ws,
                peers,
                select_only: ranges
                    .into_iter()
                    .map(|(first, more)| first..=first + more)
                    .collect(),
            },
        )
}
