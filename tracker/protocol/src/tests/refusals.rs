//! What is refused, and how: with a failure that clients survive, or by closing.

use super::{HASH, OTHER, announce_text, refusal};
use crate::{Cap, ClientMessage, Limits, Verdict};

fn announce_failure(reason: &str) -> String {
    format!(r#"{{"action":"announce","info_hash":"{HASH}","failure reason":"{reason}"}}"#)
}

fn scrape_failure(reason: &str) -> String {
    format!(r#"{{"action":"scrape","failure reason":"{reason}","files":{{}}}}"#)
}

const LENGTH: &str = "is not 20 characters long; send the raw bytes, not hexadecimal, as characters \
                      U+0000 to U+00FF";

#[test]
fn a_failure_carries_the_action_and_the_info_hash() {
    let text = format!(r#"{{"action":"announce","info_hash":"{HASH}"}}"#);
    assert_eq!(refusal(&text), announce_failure("`peer_id` is missing"));
    let text = format!(r#"{{"action":"announce","info_hash":"{HASH}","peer_id":"short"}}"#);
    assert_eq!(
        refusal(&text),
        announce_failure(&format!("`peer_id` {LENGTH}"))
    );
    let text = format!(r#"{{"action":"announce","info_hash":"{HASH}","peer_id":"{HASH}x"}}"#);
    assert_eq!(
        refusal(&text),
        announce_failure(&format!("`peer_id` {LENGTH}"))
    );
    let text = format!(
        r#"{{"action":"announce","info_hash":"{HASH}","peer_id":"ppppppppppppppppppp\u0100"}}"#
    );
    assert_eq!(
        refusal(&text),
        announce_failure(
            "`peer_id` holds the character `\\\\u{100}`; each character must be U+0000 to U+00FF"
        )
    );
    for peer_id in [r#""\ud800""#, "7", "{}", "[]"] {
        let text = format!(r#"{{"action":"announce","info_hash":"{HASH}","peer_id":{peer_id}}}"#);
        assert_eq!(
            refusal(&text),
            announce_failure("`peer_id` is not a string of 20 characters U+0000 to U+00FF")
        );
    }
}

#[test]
fn an_unknown_action_is_refused_where_the_torrent_is_named() {
    for action in [
        "",
        r#""action":"","#,
        r#""action":"find","#,
        r#""action":7,"#,
    ] {
        let text = format!(r#"{{{action}"info_hash":"{HASH}"}}"#);
        assert_eq!(
            refusal(&text),
            announce_failure("`action` is neither `announce` nor `scrape`; send one of them")
        );
    }
}

#[test]
fn a_bad_answer_is_refused_by_the_name_of_its_part() {
    let cases = [
        (
            r#","answer":{}"#.to_owned(),
            "`offer_id` is missing".to_owned(),
        ),
        (
            r#","answer":{},"offer_id":"1""#.to_owned(),
            "`to_peer_id` is missing".to_owned(),
        ),
        (
            format!(r#","answer":{{}},"offer_id":"","to_peer_id":"{OTHER}""#),
            "`offer_id` must be 1 to 64 characters long".to_owned(),
        ),
        (
            format!(r#","answer":{{}},"offer_id":5,"to_peer_id":"{OTHER}""#),
            "`offer_id` is not a string".to_owned(),
        ),
        (
            r#","answer":"text""#.to_owned(),
            r#"`answer` is not an object that can be relayed; send `{\"type\":…,\"sdp\":…}`"#
                .to_owned(),
        ),
        (
            format!(r#","answer":{{"sdp":"{}"}}"#, "x".repeat(16 * 1024)),
            "`answer` has `16394` bytes; send at most `16384`".to_owned(),
        ),
    ];
    for (keys, reason) in cases {
        assert_eq!(refusal(&announce_text(&keys)), announce_failure(&reason));
    }
}

#[test]
fn a_bad_scrape_is_refused_with_empty_files() {
    assert_eq!(
        refusal(r#"{"action":"scrape","info_hash":"short"}"#),
        scrape_failure(&format!("`info_hash` {LENGTH}"))
    );
    for info_hash in ["{}", "7", "[7]", "[{}]", "[null]", "[[]]"] {
        assert_eq!(
            refusal(&format!(r#"{{"action":"scrape","info_hash":{info_hash}}}"#)),
            scrape_failure("`info_hash` is not a string of 20 characters U+0000 to U+00FF"),
        );
    }
    let hashes = vec![format!("\"{HASH}\""); 101].join(",");
    assert_eq!(
        refusal(&format!(r#"{{"action":"scrape","info_hash":[{hashes}]}}"#)),
        scrape_failure("`info_hash` lists too many torrents; scrape at most `100` at a time")
    );
}

#[test]
fn a_message_that_names_no_torrent_closes_the_connection() {
    assert_eq!(
        refusal(r#"{"action":"announce"}"#),
        "1008 `info_hash` is missing"
    );
    assert_eq!(
        refusal(r#"{"action":"announce","info_hash":"short"}"#),
        format!("1008 `info_hash` {LENGTH}")
    );
    assert_eq!(
        refusal(r#"{"action":"find"}"#),
        "1008 `action` is neither `announce` nor `scrape`; send one of them"
    );
    for text in [
        "",
        "null",
        "7",
        "\"announce\"",
        "[]",
        "[\"announce\"]",
        "{",
        "{} {}",
        "{\"a\":}",
    ] {
        let refused = refusal(text);
        assert!(
            refused.starts_with("1007 message is not a JSON object (line "),
            "{refused}"
        );
    }
}

#[test]
fn close_reasons_fit_a_close_frame() {
    let wide = "\u{10ffff}".repeat(20);
    let texts = [
        format!(r#"{{"action":"announce","info_hash":"{wide}"}}"#),
        r#"{"action":"announce","info_hash":""}"#.to_owned(),
        r#"{"action":"announce","info_hash":7}"#.to_owned(),
        format!("{}{{", "\n".repeat(60_000)),
    ];
    for text in texts {
        let error = ClientMessage::parse(&text, &Limits::default()).expect_err("refused");
        let Verdict::Close { reason, .. } = error.verdict() else {
            panic!("no torrent is named");
        };
        assert!(reason.len() <= 123, "{} bytes: {reason}", reason.len());
    }
}

#[test]
fn a_message_over_a_cap_is_told_from_one_that_is_wrong() {
    let limits = Limits {
        description_bytes: 10,
        scrape_hashes: 1,
        ..Limits::default()
    };
    let announce = format!(r#"{{"action":"announce","info_hash":"{HASH}","peer_id":"{HASH}""#);
    for (text, cap) in [
        (
            format!(r#"{announce},"answer":{{"sdp":"long"}}}}"#),
            Some(Cap::DescriptionBytes),
        ),
        (
            format!(r#"{{"action":"scrape","info_hash":["{HASH}","{OTHER}"]}}"#),
            Some(Cap::ScrapeHashes),
        ),
        (format!(r#"{announce},"answer":{{}}}}"#), None),
        (r#"{"action":"scrape","info_hash":7}"#.to_owned(), None),
    ] {
        let error = ClientMessage::parse(&text, &limits).expect_err("refused");
        assert_eq!(error.exceeds(), cap, "{text}");
    }
}
