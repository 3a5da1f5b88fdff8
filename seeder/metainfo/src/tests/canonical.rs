//! Torrents that webtorrent.js would hash differently. tests/node holds each
//! against parse-torrent itself.

use super::{SMALLEST, parse_info};
use crate::{Metainfo, ParseError};

/// The smallest `info` with `extra` keys in front.
fn with(extra: &str) -> String {
    SMALLEST.replacen('d', &format!("d{extra}"), 1)
}

#[test]
fn unsorted_and_doubled_keys_are_refused() {
    let unsorted = SMALLEST.replace("6:lengthi1e4:name1:n", "4:name1:n6:lengthi1e");
    assert_eq!(parse_info(&unsorted), Err(ParseError::UnsortedKeys));
    assert_eq!(
        parse_info(&with("6:lengthi1e")),
        Err(ParseError::UnsortedKeys)
    );
}

#[test]
fn numbers_and_lengths_with_a_second_spelling_are_refused() {
    for info in [
        SMALLEST.replace("i1e", "i01e"),
        SMALLEST.replace("i1e", "i+1e"),
        SMALLEST.replace("i1e", "i1.0e"),
        with("1:ai-0e"),
        SMALLEST.replace("1:n", "01:n"),
    ] {
        assert!(
            matches!(parse_info(&info), Err(ParseError::Bencoding(_))),
            "{info}"
        );
    }
}

#[test]
fn numbers_that_javascript_rounds_are_refused() {
    for number in [
        "9007199254740992",
        "-9007199254740992",
        "99999999999999999999999",
    ] {
        let info = with(&format!("1:ai{number}e"));
        assert!(
            matches!(parse_info(&info), Err(ParseError::HashDiffers { .. })),
            "{number}"
        );
    }
    parse_info(&with("1:ai9007199254740991e")).expect("the largest safe number");
    parse_info(&with("1:ai-9007199254740991e")).expect("the least safe number");
}

#[test]
fn keys_that_javascript_changes_or_sorts_otherwise_are_refused() {
    for (extra, why) in [
        (
            "9:__proto__d1:a1:be",
            "the key `__proto__` is lost in JavaScript objects",
        ),
        (
            "1:ad4:\u{feff}ai1ee",
            "a key holds a byte order mark or U+FFFD",
        ),
        (
            "1:ad3:\u{fffd}i1ee",
            "a key holds a byte order mark or U+FFFD",
        ),
        // U+FF01 sorts below the emoji in bytes, above it in UTF-16.
        (
            "1:ad3:\u{ff01}i1e4:\u{1f600}i1ee",
            "keys beyond the Basic Multilingual Plane sort differently in UTF-16",
        ),
    ] {
        assert_eq!(
            parse_info(&with(extra)),
            Err(ParseError::HashDiffers { why })
        );
    }
    let mut invalid = b"d4:info".to_vec();
    invalid.extend(SMALLEST.trim_end_matches('e').bytes());
    invalid.extend(b"1:\xffi1eee");
    assert_eq!(
        Metainfo::parse(&invalid),
        Err(ParseError::HashDiffers {
            why: "a key is not UTF-8"
        })
    );
}

#[test]
fn unknown_keys_that_survive_are_kept_in_the_hash() {
    let plain = parse_info(SMALLEST).expect("a torrent");
    let more = parse_info(&with("1:ad2:\u{e9}l1:ai-5eee")).expect("a torrent");
    assert_ne!(plain.info_hash(), more.info_hash());
}
