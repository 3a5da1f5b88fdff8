//! What clients send, box by box of what must be accepted.

use super::{HASH, OTHER, PEER, announce_text, captured, hash, offer_id, other, parse};
use super::{parse_announce, parse_answer, peer};
use crate::{ClientMessage, Event, InfoHash, Limits, SkippedOffers};

#[test]
fn left_is_zero_only_for_exactly_zero_and_never_fails_a_message() {
    let cases = [
        ("12345", Some(12345)),
        ("0", Some(0)),
        ("0.0", Some(0)),
        ("-0", Some(0)),
        ("\"0\"", Some(0)),
        ("\"77\"", Some(77)),
        ("1.5", Some(2)),
        ("0.25", Some(1)),
        ("1e3", Some(1000)),
        ("9007199254740993", Some(9_007_199_254_740_993)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", Some(u64::MAX)),
        ("1e999", Some(u64::MAX)),
        ("-1", None),
        ("-1.5", None),
        ("-1e999", None),
        ("null", None),
        ("true", None),
        ("\"\"", None),
        ("\"many\"", None),
        ("\"\\ud800\"", None),
        ("[0]", None),
        ("{\"left\":0}", None),
    ];
    for (left, expected) in cases {
        let text = announce_text(&format!(",\"left\":{left}"));
        assert_eq!(parse_announce(&text).left, expected, "left: {left}");
    }
    assert_eq!(parse_announce(&announce_text("")).left, None);
}

#[test]
fn an_unknown_event_is_an_update() {
    let cases = [
        ("\"started\"", Event::Started),
        ("\"\\u0073tarted\"", Event::Started),
        ("\"completed\"", Event::Completed),
        ("\"stopped\"", Event::Stopped),
        ("\"paused\"", Event::Update),
        ("\"update\"", Event::Update),
        ("\"empty\"", Event::Update),
        ("\"<regular>\"", Event::Update),
        ("\"\"", Event::Update),
        ("\"STARTED\"", Event::Update),
        ("\"\\ud800\"", Event::Update),
        ("null", Event::Update),
        ("7", Event::Update),
        ("{}", Event::Update),
    ];
    for (event, expected) in cases {
        let text = announce_text(&format!(",\"event\":{event}"));
        assert_eq!(parse_announce(&text).event, expected, "event: {event}");
    }
    assert_eq!(parse_announce(&announce_text("")).event, Event::Update);
}

#[test]
fn offers_that_are_null_absent_empty_or_no_list_are_no_offers() {
    for offers in [
        "null",
        "[]",
        "7",
        "true",
        "\"x\"",
        "{\"a\":[1]}",
        "-1",
        "1.5",
    ] {
        let text = announce_text(&format!(",\"offers\":{offers}"));
        let announce = parse_announce(&text);
        assert_eq!(
            (announce.offers.len(), announce.skipped_offers),
            (0, SkippedOffers::default()),
            "{offers}"
        );
    }
    assert!(parse_announce(&announce_text("")).offers.is_empty());
}

#[test]
fn bad_offers_are_skipped_one_by_one() {
    let text = announce_text(
        r#","offers":[
            null, 7, -7, 1.5, true, "x", [], [{}], {},
            {"offer":{"sdp":"no id"}},
            {"offer_id":"no offer"},
            {"offer":null,"offer_id":"null"},
            {"offer":"text","offer_id":"text"},
            {"offer":[1],"offer_id":"list"},
            {"offer":{"sdp":"empty id"},"offer_id":""},
            {"offer":{"sdp":"number id"},"offer_id":5},
            {"offer":{"sdp":"lone surrogate id"},"offer_id":"\ud800"},
            {"offer":{"sdp":"\ud800"},"offer_id":"lone surrogate"},
            {"offer":{"sdp":"\ud800\u0041"},"offer_id":"half a pair"},
            {"offer":{"sdp":"\uD800\ud800"},"offer_id":"two halves"},
            {"offer":{"sdp":"\uDC00"},"offer_id":"the other half"},
            {"offer":{"a":[[[[[[[[[]]]]]]]]]},"offer_id":"deep"},
            {"extra":{"x":1},"offer_id":"good","offer":{"sdp":"kept"}}
        ]"#,
    );
    let announce = parse_announce(&text);
    let skipped = SkippedOffers {
        malformed: 22,
        ..SkippedOffers::default()
    };
    assert_eq!(announce.skipped_offers, skipped);
    assert_eq!(announce.offers.len(), 1);
    assert_eq!(announce.offers[0].offer_id, offer_id("good"));
    assert_eq!(announce.offers[0].offer.get(), r#"{"sdp":"kept"}"#);
}

#[test]
fn brackets_and_surrogate_pairs_inside_strings_are_fine() {
    for sdp in [
        "[[[[[[[[[[[[",
        r#"\"{{{{{{{{{{{{\\"#,
        r"\ud83d\ude00",
        r"\\ud800",
        r"\uD83D\uDE00 \uffff",
    ] {
        let text = announce_text(&format!(
            r#","offers":[{{"offer":{{"sdp":"{sdp}"}},"offer_id":"1"}}]"#
        ));
        assert_eq!(parse_announce(&text).offers.len(), 1, "{sdp}");
    }
}

#[test]
fn offers_beyond_the_limits_are_skipped() {
    let limits = Limits {
        offers: 2,
        description_bytes: 13,
        scrape_hashes: 1,
    };
    let text = announce_text(
        r#","offers":[{"offer":{"sdp":"14 b"},"offer_id":"1"},{"offer":{"sdp":"13b"},"offer_id":"2"},
            {"offer":"long, and none"},7,
            {"offer":{},"offer_id":"3"},{"offer":{},"offer_id":"4"},{"offer":{},"offer_id":"5"},7]"#,
    );
    let Ok(ClientMessage::Announce(announce)) = ClientMessage::parse(&text, &limits) else {
        panic!("an announce");
    };
    let ids: Vec<_> = announce
        .offers
        .iter()
        .map(|offer| offer.offer_id.clone())
        .collect();
    assert_eq!(ids, [offer_id("2"), offer_id("3")]);
    let skipped = SkippedOffers {
        too_many: 3,
        too_long: 2,
        malformed: 1,
    };
    assert_eq!(announce.skipped_offers, skipped);
}

#[test]
fn offers_and_answers_stay_the_json_they_came_as() {
    let description =
        r#"{ "type":"offer", "sdp":"v=0\r\n\u00e9\ud83d\ude00ü", "extra":[1e5,{"a":null}] }"#;
    let text = announce_text(&format!(
        r#","offers":[{{"offer":{description},"offer_id":"1"}}]"#
    ));
    assert_eq!(parse_announce(&text).offers[0].offer.get(), description);
    let text = announce_text(&format!(
        r#","to_peer_id":"{OTHER}","offer_id":"1","answer":{description}"#
    ));
    assert_eq!(parse_answer(&text).answer.get(), description);
}

#[test]
fn numwant_may_be_anything() {
    for (numwant, expected) in [
        ("5", Some(5)),
        ("0", Some(0)),
        ("\"3\"", Some(3)),
        ("-1", None),
        ("null", None),
        ("[]", None),
    ] {
        let text = announce_text(&format!(",\"numwant\":{numwant}"));
        assert_eq!(
            parse_announce(&text).numwant,
            expected,
            "numwant: {numwant}"
        );
    }
    assert_eq!(parse_announce(&announce_text("")).numwant, None);
}

#[test]
fn explicit_nulls_are_absent_keys() {
    let text = announce_text(
        r#","answer":null,"to_peer_id":null,"offer_id":null,"offers":null,"event":null,"left":null,
           "numwant":null,"uploaded":null,"downloaded":null,"trackerid":null"#,
    );
    let announce = parse_announce(&text);
    assert_eq!(
        (announce.info_hash, announce.peer_id, announce.event),
        (hash(), peer(), Event::Update)
    );
    assert_eq!((announce.uploaded, announce.downloaded), (None, None));
    assert!(announce.tracker_id.is_none());
    let scrape = parse(r#"{"action":"scrape","info_hash":null}"#);
    assert!(matches!(
        scrape,
        ClientMessage::Scrape { info_hashes: None }
    ));
}

#[test]
fn unknown_keys_are_ignored_and_the_last_of_two_values_holds() {
    let text = announce_text(
        r#","key":"0A","corrupt":0,"token":{"a":[[[1]]]},"left":1,"left":2,"trackerid":"\u0061b""#,
    );
    let announce = parse_announce(&text);
    assert_eq!(announce.left, Some(2));
    assert_eq!(announce.tracker_id.as_deref(), Some("ab"));
}

#[test]
fn an_answer_carries_offer_ids_of_any_text() {
    let long = "ü".repeat(64);
    for id in ["x", "not twenty", "\u{1f600}", PEER, HASH, &long] {
        let text = announce_text(&format!(
            r#","to_peer_id":"{OTHER}","offer_id":"{id}","answer":{{"sdp":""}},"trackerid":"t""#
        ));
        let answer = parse_answer(&text);
        assert_eq!(answer.offer_id, offer_id(id));
        assert_eq!(
            (answer.info_hash, answer.peer_id, answer.to_peer_id),
            (hash(), peer(), other())
        );
        assert_eq!(answer.tracker_id.as_deref(), Some("t"));
    }
}

#[test]
fn a_scrape_asks_for_one_many_none_or_all() {
    let hashes = |text: &str| {
        let ClientMessage::Scrape { info_hashes } = parse(text) else {
            panic!("{text} is no scrape");
        };
        info_hashes
    };
    let second = InfoHash::from_bytes([b'q'; 20]);
    let one = format!(r#"{{"action":"scrape","info_hash":"{HASH}"}}"#);
    assert_eq!(hashes(&one), Some(vec![hash()]));
    let many = format!(r#"{{"action":"scrape","info_hash":["{HASH}","{OTHER}","{HASH}"]}}"#);
    assert_eq!(hashes(&many), Some(vec![hash(), second, hash()]));
    assert_eq!(
        hashes(r#"{"action":"scrape","info_hash":[]}"#),
        Some(vec![])
    );
    assert_eq!(hashes(r#"{"action":"scrape"}"#), None);
}

#[test]
fn captured_messages_of_webtorrent_js_are_read() {
    let texts = captured("client");
    let announces: Vec<_> = texts.iter().map(|text| parse_announce(text)).collect();
    let seen: Vec<_> = announces
        .iter()
        .map(|announce| {
            (
                announce.event,
                announce.left,
                announce.offers.len(),
                announce.numwant,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Event::Started, None, 5, Some(5)),
            (Event::Completed, Some(0), 0, Some(50)),
            (Event::Stopped, None, 0, Some(50)),
        ]
    );
    for announce in announces {
        assert_eq!(announce.skipped_offers, SkippedOffers::default());
        assert_eq!(
            announce.info_hash.to_string(),
            "f74a33cddda0140c8ce0e477b728f03751de0726"
        );
    }
}
