//! What is read of a `.torrent` file, and what is refused.

use super::{PIECE, SMALLEST, folder, parse_info, torrent};
use crate::{MAX_PIECE_LENGTH, Metainfo, NameError, ParseError, Warning};

#[test]
fn every_field_is_read() {
    let info = format!(
        "d5:filesld6:lengthi16384e4:pathl1:d5:a.txteed6:lengthi3e4:pathl5:e.txteee\
         4:name1:n12:piece lengthi16384e6:pieces40:{PIECE}{PIECE}7:privatei1e6:source3:SRCe"
    );
    let file = format!(
        "d8:announce8:wss://a/13:announce-listll8:wss://a/8:wss://b/el8:wss://c/ee\
         7:comment2:hi10:created by2:me13:creation datei1700000000e8:encoding5:UTF-8\
         4:info{info}8:url-listl9:https://wee"
    );
    let metainfo = Metainfo::parse(file.as_bytes()).expect("a torrent");
    assert_eq!(metainfo.info_bytes(), info.as_bytes());
    assert_eq!(metainfo.name(), "n");
    assert_eq!(metainfo.piece_length(), 16384);
    assert_eq!(metainfo.piece_count(), 2);
    assert_eq!(metainfo.piece_hash(1), Some(b"aaaaaaaaaaaaaaaaaaaa"));
    assert_eq!(metainfo.piece_hash(2), None);
    assert_eq!(
        [
            metainfo.piece_size(0),
            metainfo.piece_size(1),
            metainfo.piece_size(2)
        ],
        [Some(16384), Some(3), None]
    );
    assert_eq!(metainfo.total_length(), 16387);
    let files: Vec<_> = metainfo
        .files()
        .iter()
        .map(|file| (file.path.join("/"), file.length, file.offset))
        .collect();
    assert_eq!(
        files,
        [
            ("n/d/a.txt".to_owned(), 16384, 0),
            ("n/e.txt".to_owned(), 3, 16384)
        ]
    );
    assert!(metainfo.is_multi_file());
    assert!(metainfo.is_private());
    assert_eq!(metainfo.source(), Some("SRC"));
    assert_eq!(
        metainfo.announce_tiers(),
        [vec!["wss://a/", "wss://b/"], vec!["wss://c/"]]
    );
    assert_eq!(metainfo.trackers(), ["wss://a/", "wss://b/", "wss://c/"]);
    assert_eq!(metainfo.url_list(), ["https://w"]);
    assert_eq!(metainfo.comment(), Some("hi"));
    assert_eq!(metainfo.created_by(), Some("me"));
    assert_eq!(metainfo.creation_date(), Some(1_700_000_000));
    assert_eq!(metainfo.warnings(), []);
}

#[test]
fn the_infohash_is_the_sha1_of_the_bytes_as_they_stand() {
    let metainfo = parse_info(SMALLEST).expect("a torrent");
    // printf '%s' "$SMALLEST" | sha1sum
    assert_eq!(
        metainfo.info_hash().to_string(),
        "d66effd411b394b19f4b0bc1673098e60382a871"
    );
}

#[test]
fn private_zero_and_no_flag_are_two_torrents() {
    let zero = parse_info(&SMALLEST.replace(PIECE, &format!("{PIECE}7:privatei0e"))).expect("zero");
    let none = parse_info(SMALLEST).expect("none");
    assert_eq!(
        (zero.private_flag(), none.private_flag()),
        (Some(false), None)
    );
    assert!(!zero.is_private() && !none.is_private());
    assert_ne!(zero.info_hash(), none.info_hash());
}

#[test]
fn old_habits_of_other_programs_are_understood() {
    let file = format!("d13:announce-listl8:wss://a/e4:info{SMALLEST}8:url-list0:e");
    let metainfo = Metainfo::parse(file.as_bytes()).expect("a torrent");
    assert_eq!(metainfo.trackers(), ["wss://a/"]);
    assert_eq!(metainfo.url_list(), [""; 0]);
    let empty = "8:announce8:wss://a/13:announce-listllee";
    let file = format!("d{empty}4:info{SMALLEST}8:url-list9:http://w/e");
    let metainfo = Metainfo::parse(file.as_bytes()).expect("a torrent");
    assert_eq!(metainfo.trackers(), ["wss://a/"]);
    assert_eq!(metainfo.url_list(), ["http://w/"]);
}

#[test]
fn an_empty_file_has_no_pieces() {
    let info = "d6:lengthi0e4:name1:n12:piece lengthi16384e6:pieces0:e";
    let metainfo = parse_info(info).expect("a torrent");
    assert_eq!((metainfo.piece_count(), metainfo.piece_size(0)), (0, None));
}

#[test]
fn what_is_unusual_is_told() {
    let warnings = |file: String| {
        Metainfo::parse(file.as_bytes())
            .expect("ok")
            .warnings()
            .to_vec()
    };
    assert_eq!(
        warnings(format!("d8:announce9:udp://a:14:info{SMALLEST}e")),
        [Warning::NoBrowserTracker]
    );
    assert_eq!(
        warnings(format!(
            "d4:info{}e",
            SMALLEST.replace(PIECE, &format!("{PIECE}7:privatei1e"))
        )),
        [Warning::PrivateWithoutTracker]
    );
    assert_eq!(
        warnings(format!("d4:info{}e", SMALLEST.replace("16384", "1000"))),
        [Warning::OddPieceLength { length: 1000 }]
    );
    assert_eq!(
        warnings(format!("d4:info{}e", SMALLEST.replace("1:n", "3:e\u{301}"))),
        [Warning::CombiningCharacters {
            path: "e\u{301}".to_owned()
        }]
    );
    let mut file = b"d7:comment2:\xff\xff4:info".to_vec();
    file.extend(SMALLEST.bytes().chain(*b"e"));
    assert_eq!(
        Metainfo::parse(&file).expect("ok").warnings(),
        [Warning::TextIgnored { field: "comment" }]
    );
}

#[test]
fn unsafe_paths_are_refused_by_name() {
    use NameError::{Empty, Separator, Traversal};
    for (component, error) in [
        ("0:", Empty),
        ("1:.", Traversal(".".to_owned())),
        ("2:..", Traversal("..".to_owned())),
        ("3:a/b", Separator("a/b".to_owned())),
        ("4:/etc", Separator("/etc".to_owned())),
        ("2:a/", Separator("a/".to_owned())),
        ("3:a\\b", Separator("a\\b".to_owned())),
        ("3:a\0b", Separator("a\0b".to_owned())),
    ] {
        let inside = folder(&format!("ld6:lengthi1e4:pathl{component}eee"));
        assert_eq!(
            parse_info(&inside),
            Err(ParseError::Name(error.clone())),
            "{component}"
        );
        let name = SMALLEST.replace("1:n", component);
        assert_eq!(
            parse_info(&name),
            Err(ParseError::Name(error)),
            "{component}"
        );
    }
    let long = "x".repeat(256);
    assert_eq!(
        parse_info(&SMALLEST.replace("1:n", &format!("256:{long}"))),
        Err(ParseError::Name(NameError::ComponentTooLong(256)))
    );
    let deep = "1:d".repeat(64);
    assert_eq!(
        parse_info(&folder(&format!("ld6:lengthi1e4:pathl{deep}eee"))),
        Err(ParseError::Name(NameError::TooDeep))
    );
    let wide = format!("200:{}", "x".repeat(200)).repeat(20);
    assert_eq!(
        parse_info(&folder(&format!("ld6:lengthi1e4:pathl{wide}eee"))),
        Err(ParseError::Name(NameError::PathTooLong(2 + 20 * 201)))
    );
    assert_eq!(
        parse_info(&folder("ld6:lengthi1e4:pathleee")),
        Err(ParseError::Name(Empty))
    );
}

#[test]
fn two_files_of_one_path_are_refused() {
    let twice = folder("ld6:lengthi1e4:pathl1:aeed6:lengthi0e4:pathl1:aeee");
    assert_eq!(
        parse_info(&twice),
        Err(ParseError::Name(NameError::Duplicate("n/a".to_owned())))
    );
    let inside =
        folder("ld6:lengthi1e4:pathl1:aeed6:lengthi0e4:pathl2:a!eed6:lengthi0e4:pathl1:a1:beee");
    assert_eq!(
        parse_info(&inside),
        Err(ParseError::Name(NameError::FileAndFolder("n/a".to_owned())))
    );
}

#[test]
fn sizes_that_do_not_add_up_are_refused() {
    let pieces = |actual, expected, total| {
        Err(ParseError::PieceCount {
            actual,
            expected,
            total,
        })
    };
    assert_eq!(
        parse_info(&SMALLEST.replace("i1e", "i16385e")),
        pieces(20, 40, 16385)
    );
    assert_eq!(
        parse_info(&SMALLEST.replace("i1e", "i0e")),
        pieces(20, 0, 0)
    );
    assert_eq!(
        parse_info(&SMALLEST.replace("20:aaaaaaaaaaaaaaaaaaaa", "19:aaaaaaaaaaaaaaaaaaa")),
        pieces(19, 20, 1)
    );
    let most = (1_u64 << 53) - 1;
    let over = folder(&format!(
        "ld6:lengthi{most}e4:pathl1:aeed6:lengthi1e4:pathl1:beee"
    ));
    assert_eq!(parse_info(&over), Err(ParseError::TotalTooLarge));
}

#[test]
fn numbers_out_of_range_are_refused_with_the_number() {
    let refused = |info: &str| parse_info(info).expect_err("refused").to_string();
    assert_eq!(
        refused(&SMALLEST.replace("i1e", "i-1e")),
        "`length` is `-1`; it must be a number of bytes"
    );
    for length in [
        "0",
        "-16384",
        &(u64::from(MAX_PIECE_LENGTH) + 1).to_string(),
        "4294967297",
    ] {
        assert_eq!(
            refused(&SMALLEST.replace("16384", length)),
            format!("`piece length` is `{length}`; it must be from 1 to 134217728 bytes")
        );
    }
    assert_eq!(
        refused(&SMALLEST.replace(PIECE, &format!("{PIECE}7:privatei2e"))),
        "`private` is `2`; it must be 0 or 1"
    );
}

#[test]
fn missing_and_mistyped_fields_are_named() {
    for (info, error) in [
        ("de", ParseError::Missing("name")),
        (
            &*SMALLEST.replace("4:name1:n", ""),
            ParseError::Missing("name"),
        ),
        (
            &*SMALLEST.replace("12:piece lengthi16384e", ""),
            ParseError::Missing("piece length"),
        ),
        (
            &*SMALLEST.replace(&format!("6:pieces20:{PIECE}"), ""),
            ParseError::Missing("pieces"),
        ),
        (
            &*SMALLEST.replace("6:lengthi1e", ""),
            ParseError::Missing("length"),
        ),
        (
            &*SMALLEST.replace("6:length", "5:filesle6:length"),
            ParseError::LengthAndFiles,
        ),
        (&*folder("le"), ParseError::Missing("files")),
        (
            &*folder("ld4:pathl1:aeee"),
            ParseError::Missing("files.length"),
        ),
        (
            &*folder("ld6:lengthi1eee"),
            ParseError::Missing("files.path"),
        ),
        (
            &*SMALLEST.replace("4:name1:n", "4:namei1e"),
            ParseError::WrongType {
                field: "name",
                expected: "a string",
            },
        ),
        (
            &*SMALLEST.replace("i1e", "1:1"),
            ParseError::WrongType {
                field: "length",
                expected: "an integer",
            },
        ),
    ] {
        assert_eq!(parse_info(info), Err(error), "{info}");
    }
    assert_eq!(Metainfo::parse(b"de"), Err(ParseError::Missing("info")));
    assert_eq!(
        Metainfo::parse(b"le"),
        Err(ParseError::WrongType {
            field: "the file",
            expected: "a dictionary"
        })
    );
}

#[test]
fn what_browsers_cannot_read_is_refused_with_the_reason() {
    let v2 = "d9:file treede12:meta versioni2e4:name1:n12:piece lengthi16384ee";
    assert_eq!(parse_info(v2), Err(ParseError::V2Only));
    let hybrid = SMALLEST.replace("4:name", "12:meta versioni2e4:name");
    assert_eq!(parse_info(&hybrid), Err(ParseError::Hybrid));
    let padding = folder("ld4:attr1:p6:lengthi1e4:pathl4:.pad1:1eee");
    assert_eq!(
        parse_info(&padding),
        Err(ParseError::NotContent(".pad/1".to_owned()))
    );
}

#[test]
fn a_file_is_read_to_its_last_byte() {
    let whole = torrent(SMALLEST);
    for tail in ["e", "i1e", "\n", "4:spam"] {
        let mut file = whole.clone();
        file.extend_from_slice(tail.as_bytes());
        assert_eq!(
            Metainfo::parse(&file),
            Err(ParseError::TrailingBytes),
            "{tail}"
        );
    }
    for length in 0..whole.len() {
        assert!(
            Metainfo::parse(whole.get(..length).expect("a prefix")).is_err(),
            "{length}"
        );
    }
}

#[test]
fn a_page_of_html_is_refused_in_words() {
    assert_eq!(
        Metainfo::parse(b"<html>").expect_err("refused").to_string(),
        "not a .torrent file in canonical bencoding: Malformed number of unexpected character: \
         Invalid token starting with '<' at offset 0"
    );
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!(
        "d1:a{}{}4:info{SMALLEST}e",
        "l".repeat(100_000),
        "e".repeat(100_000)
    );
    assert!(matches!(
        Metainfo::parse(deep.as_bytes()),
        Err(ParseError::Bencoding(_))
    ));
}
