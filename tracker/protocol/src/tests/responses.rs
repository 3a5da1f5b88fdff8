//! What trackers say, ours and others.

use super::{HASH, PEER, captured};
use crate::{Description, DescriptionKind, Failure, InfoHash, ScrapeEntry, ServerMessage, Subject};

#[test]
fn what_the_reference_tracker_sent_to_a_page_is_read() {
    let mut answers = 0;
    let mut responses = 0;
    for text in captured("server") {
        match ServerMessage::parse(&text) {
            Ok(ServerMessage::Announced(announced)) => {
                assert_eq!(
                    (announced.interval, announced.complete, announced.incomplete),
                    (Some(120), Some(2), Some(0))
                );
                responses += 1;
            }
            Ok(ServerMessage::Answer(answer)) => {
                let description = Description::parse(&answer.answer).expect("an answer");
                assert_eq!(description.kind, DescriptionKind::Answer);
                assert!(description.sdp.starts_with("v=0\r\n"));
                answers += 1;
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!((responses, answers), (8, 4));
}

#[test]
fn our_own_messages_are_read_back() {
    for text in [
        format!(
            r#"{{"action":"announce","info_hash":"{HASH}","interval":120,"min interval":30,"min_interval":30,"complete":1,"incomplete":4,"downloaded":7,"tracker id":"t","warning message":"w"}}"#
        ),
        format!(
            r#"{{"action":"announce","info_hash":"{HASH}","peer_id":"{PEER}","offer_id":"1","offer":{{"a":1}}}}"#
        ),
        format!(
            r#"{{"action":"announce","info_hash":"{HASH}","peer_id":"{PEER}","offer_id":"1","answer":{{"a":1}}}}"#
        ),
        format!(
            r#"{{"action":"scrape","files":{{"{HASH}":{{"complete":1,"incomplete":2,"downloaded":3}}}},"flags":{{"min_request_interval":9}}}}"#
        ),
        format!(r#"{{"action":"announce","info_hash":"{HASH}","failure reason":"busy"}}"#),
        r#"{"action":"scrape","failure reason":"busy","files":{}}"#.to_owned(),
    ] {
        let message = ServerMessage::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(message.into_owned().to_json(), text);
    }
}

#[test]
fn a_failure_without_a_torrent_is_an_error_of_the_connection() {
    let refused = |text: &str| {
        let error = ServerMessage::parse(text).expect_err("names no torrent");
        error.to_string()
    };
    assert_eq!(
        refused(r#"{"failure reason":"Invalid request"}"#),
        "tracker refused a message: `Invalid request`"
    );
    let named = format!(r#"{{"failure reason":"invalid event","info_hash":"{HASH}"}}"#);
    let Ok(ServerMessage::Failure(Failure { subject, .. })) = ServerMessage::parse(&named) else {
        panic!("a failure that names its torrent");
    };
    assert_eq!(subject, Subject::Announce(InfoHash::from_bytes([b'h'; 20])));
}

#[test]
fn unusable_messages_say_what_they_lack() {
    let wrong = |text: &str| {
        let error = ServerMessage::parse(text).expect_err("unusable");
        error.to_string()
    };
    assert!(
        wrong("[]").starts_with("tracker's message is not a JSON object"),
        "{}",
        wrong("[]")
    );
    assert_eq!(wrong("{}"), "tracker's message has no `action`");
    assert_eq!(
        wrong(r#"{"action":"announce"}"#),
        "tracker's message has no `info_hash`"
    );
    let text =
        format!(r#"{{"action":"announce","info_hash":"{HASH}","offer":{{}},"peer_id":"x"}}"#);
    assert!(wrong(&text).starts_with("tracker's message: `peer_id` is not 20 characters long"));
}

#[test]
fn files_under_other_keys_than_binary_strings_are_left_out() {
    let hex = "68".repeat(20);
    let text = format!(
        r#"{{"action":"scrape","files":{{"{hex}":{{"complete":9}},"{HASH}":{{"complete":1}}}},"flags":null}}"#
    );
    let Ok(ServerMessage::Scraped(scraped)) = ServerMessage::parse(&text) else {
        panic!("a scrape response");
    };
    let entry = ScrapeEntry {
        complete: 1,
        ..ScrapeEntry::default()
    };
    assert_eq!(scraped.files, [(InfoHash::from_bytes([b'h'; 20]), entry)]);
}
