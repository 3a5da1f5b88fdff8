//! Tests of the wire format. Hostile input has its own file: `hostile`.

mod hostile;
mod ids;
mod refusals;
mod requests;
mod responses;
mod writing;

use crate::{
    Announce, Answer, ClientMessage, InfoHash, Limits, OfferId, PeerId, RawValue, Verdict,
};

/// The ids of these tests, as they stand in messages.
const HASH: &str = "hhhhhhhhhhhhhhhhhhhh";
const PEER: &str = "pppppppppppppppppppp";
const OTHER: &str = "qqqqqqqqqqqqqqqqqqqq";

fn hash() -> InfoHash {
    InfoHash::from_bytes([b'h'; 20])
}

fn peer() -> PeerId {
    PeerId::from_bytes([b'p'; 20])
}

fn other() -> PeerId {
    PeerId::from_bytes([b'q'; 20])
}

fn offer_id(text: &str) -> OfferId {
    OfferId::from_text(text).expect("test offer ids are valid")
}

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).expect("test values are JSON")
}

/// An announce of `PEER` with these further keys.
fn announce_text(keys: &str) -> String {
    format!(r#"{{"action":"announce","info_hash":"{HASH}","peer_id":"{PEER}"{keys}}}"#)
}

fn parse(text: &str) -> ClientMessage<'_> {
    ClientMessage::parse(text, &Limits::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn parse_announce(text: &str) -> Announce<'_> {
    let ClientMessage::Announce(announce) = parse(text) else {
        panic!("{text} is no announce");
    };
    announce
}

fn parse_answer(text: &str) -> Answer<'_> {
    let ClientMessage::Answer(answer) = parse(text) else {
        panic!("{text} is no answer");
    };
    answer
}

/// What becomes of a refused message: the reply as JSON, or the close code and reason.
fn refusal(text: &str) -> String {
    let error = ClientMessage::parse(text, &Limits::default()).expect_err(text);
    match error.verdict() {
        Verdict::Reply(failure) => crate::ServerMessage::Failure(failure).to_json(),
        Verdict::Close { code, reason } => format!("{code} {reason}"),
    }
}

/// Texts of captured frames: announces of webtorrent.js in Chromium, and what it received.
fn captured(from: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Frame {
        from: String,
        text: String,
    }
    let frames: Vec<Frame> = serde_json::from_str(include_str!("../../tests-data/frames.json"))
        .expect("the captured frames are JSON");
    let frames = frames.into_iter().filter(|frame| frame.from == from);
    frames.map(|frame| frame.text).collect()
}
