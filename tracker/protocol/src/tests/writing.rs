//! Every message to the byte: clients and monitors depend on names and order.

use std::borrow::Cow;

use super::{hash, offer_id, other, peer, raw};
use crate::{
    Announce, Announced, Answer, ClientMessage, Description, DescriptionKind, Event, Failure,
    InfoHash, Offer, OfferId, RelayedAnswer, RelayedOffer, ScrapeEntry, Scraped, ServerMessage,
    SkippedOffers, Subject,
};

#[test]
fn an_announce_response() {
    let plain = Announced {
        info_hash: InfoHash::from_bytes(*b"\x00\x1f\"\\\n\r\t\x08\x0c\x7f\x80\xff/abcdefg"),
        interval: Some(120),
        min_interval: None,
        complete: Some(1),
        incomplete: Some(4),
        downloaded: Some(7),
        tracker_id: None,
        warning: None,
    };
    assert_eq!(
        ServerMessage::Announced(plain.clone()).to_json(),
        "{\"action\":\"announce\",\
         \"info_hash\":\"\\u0000\\u001f\\\"\\\\\\n\\r\\t\\b\\f\u{7f}\u{80}\u{ff}/abcdefg\",\
         \"interval\":120,\"complete\":1,\"incomplete\":4,\"downloaded\":7}"
    );
    let full = Announced {
        info_hash: hash(),
        min_interval: Some(30),
        tracker_id: Some(Cow::Borrowed("t")),
        warning: Some(Cow::Borrowed("say \"hi\"")),
        ..plain
    };
    assert_eq!(
        ServerMessage::Announced(full).to_json(),
        r#"{"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","interval":120,"min interval":30,"min_interval":30,"complete":1,"incomplete":4,"downloaded":7,"tracker id":"t","warning message":"say \"hi\""}"#
    );
}

#[test]
fn a_relayed_offer() {
    let offer = RelayedOffer {
        info_hash: hash(),
        peer_id: peer(),
        offer_id: OfferId::from_bytes([0xe9; 20]),
        offer: Cow::Borrowed(raw(r#"{"type":"offer",  "sdp":"v=0\r\n","x":1}"#)),
    };
    assert_eq!(
        ServerMessage::Offer(offer).to_json(),
        r#"{"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","peer_id":"pppppppppppppppppppp","offer_id":"éééééééééééééééééééé","offer":{"type":"offer",  "sdp":"v=0\r\n","x":1}}"#
    );
}

#[test]
fn a_relayed_answer() {
    let answer = RelayedAnswer {
        info_hash: hash(),
        peer_id: peer(),
        offer_id: offer_id("any \"text\" 😀"),
        answer: Cow::Borrowed(raw(r#"{"type":"answer","sdp":"v=0\r\n"}"#)),
    };
    assert_eq!(
        ServerMessage::Answer(answer).to_json(),
        r#"{"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","peer_id":"pppppppppppppppppppp","offer_id":"any \"text\" 😀","answer":{"type":"answer","sdp":"v=0\r\n"}}"#
    );
}

#[test]
fn a_scrape_response() {
    let entry = ScrapeEntry {
        complete: 1,
        incomplete: 2,
        downloaded: 3,
    };
    let second = InfoHash::from_bytes([b'q'; 20]);
    let scraped = Scraped {
        files: vec![(hash(), entry), (second, ScrapeEntry::default())],
        min_request_interval: Some(120),
    };
    assert_eq!(
        ServerMessage::Scraped(scraped).to_json(),
        r#"{"action":"scrape","files":{"hhhhhhhhhhhhhhhhhhhh":{"complete":1,"incomplete":2,"downloaded":3},"qqqqqqqqqqqqqqqqqqqq":{"complete":0,"incomplete":0,"downloaded":0}},"flags":{"min_request_interval":120}}"#
    );
    assert_eq!(
        ServerMessage::Scraped(Scraped::default()).to_json(),
        r#"{"action":"scrape","files":{}}"#
    );
}

#[test]
fn failures() {
    let failure = |subject| {
        let reason = Cow::Borrowed("busy");
        ServerMessage::Failure(Failure { subject, reason }).to_json()
    };
    assert_eq!(
        failure(Subject::Announce(hash())),
        r#"{"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","failure reason":"busy"}"#
    );
    assert_eq!(
        failure(Subject::Scrape),
        r#"{"action":"scrape","failure reason":"busy","files":{}}"#
    );
}

#[test]
fn announces_of_a_client() {
    let started = Announce {
        info_hash: hash(),
        peer_id: peer(),
        event: Event::Started,
        left: Some(0),
        uploaded: Some(1),
        downloaded: Some(2),
        numwant: Some(2),
        offers: vec![
            Offer {
                offer_id: offer_id("1"),
                offer: Cow::Borrowed(raw("{}")),
            },
            Offer {
                offer_id: offer_id("2"),
                offer: Cow::Borrowed(raw("{}")),
            },
        ],
        skipped_offers: SkippedOffers {
            too_many: 9,
            ..SkippedOffers::default()
        },
        tracker_id: Some(Cow::Borrowed("t")),
    };
    assert_eq!(
        ClientMessage::Announce(started.clone()).to_json(),
        r#"{"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","peer_id":"pppppppppppppppppppp","event":"started","uploaded":1,"downloaded":2,"left":0,"numwant":2,"offers":[{"offer_id":"1","offer":{}},{"offer_id":"2","offer":{}}],"trackerid":"t"}"#
    );
    let update = Announce {
        event: Event::Update,
        left: None,
        uploaded: None,
        downloaded: None,
        numwant: None,
        offers: Vec::new(),
        tracker_id: None,
        ..started
    };
    assert_eq!(
        ClientMessage::Announce(update).to_json(),
        r#"{"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","peer_id":"pppppppppppppppppppp"}"#
    );
}

#[test]
fn an_answer_and_scrapes_of_a_client() {
    let answer = Answer {
        info_hash: hash(),
        peer_id: peer(),
        to_peer_id: other(),
        offer_id: offer_id("1"),
        answer: Cow::Borrowed(raw("{}")),
        tracker_id: None,
    };
    assert_eq!(
        ClientMessage::Answer(answer).to_json(),
        r#"{"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","peer_id":"pppppppppppppppppppp","to_peer_id":"qqqqqqqqqqqqqqqqqqqq","offer_id":"1","answer":{}}"#
    );
    let scrape = |info_hashes| ClientMessage::Scrape { info_hashes }.to_json();
    assert_eq!(scrape(None), r#"{"action":"scrape"}"#);
    assert_eq!(
        scrape(Some(vec![])),
        r#"{"action":"scrape","info_hash":[]}"#
    );
    assert_eq!(
        scrape(Some(vec![hash()])),
        r#"{"action":"scrape","info_hash":"hhhhhhhhhhhhhhhhhhhh"}"#
    );
    assert_eq!(
        scrape(Some(vec![hash(); 2])),
        r#"{"action":"scrape","info_hash":["hhhhhhhhhhhhhhhhhhhh","hhhhhhhhhhhhhhhhhhhh"]}"#
    );
}

#[test]
fn a_session_description_there_and_back() {
    let description = Description {
        kind: DescriptionKind::Answer,
        sdp: Cow::Borrowed("v=0\r\ns=\"-\"\r\n"),
    };
    let json = description.to_raw();
    assert_eq!(
        json.get(),
        r#"{"type":"answer","sdp":"v=0\r\ns=\"-\"\r\n"}"#
    );
    assert_eq!(Description::parse(&json).ok(), Some(description));
    assert!(Description::parse(raw(r#"{"type":"rollback","sdp":""}"#)).is_err());
    assert!(Description::parse(raw(r#"{"sdp":""}"#)).is_err());
    assert!(Description::parse(raw("7")).is_err());
}
