//! Messages as the cases write them, and words for those they hear.

use serde_json::{Value, json};
use tracker_protocol::{InfoHash, PeerId};

/// Stands in a message for JSON that [`Value`] cannot hold.
pub(crate) const RAW: &str = "@raw@";

/// A leecher's `started` without offers.
pub(crate) fn announce(torrent: InfoHash, peer: PeerId) -> Value {
    json!({
        "action": "announce", "info_hash": torrent, "peer_id": peer, "event": "started",
        "uploaded": 0, "downloaded": 0, "left": 1000, "numwant": 5, "offers": [],
    })
}

/// A leecher's periodic announce without offers.
pub(crate) fn update(torrent: InfoHash, peer: PeerId) -> Value {
    without(announce(torrent, peer), "event")
}

/// The same message with another event.
pub(crate) fn event(torrent: InfoHash, peer: PeerId, event: &str) -> Value {
    with(announce(torrent, peer), "event", event)
}

/// An answer from `peer` to the offer `offer_id` of `to`.
pub(crate) fn answer(torrent: InfoHash, peer: PeerId, to: &Value, offer_id: &Value) -> Value {
    json!({
        "action": "announce", "info_hash": torrent, "peer_id": peer, "to_peer_id": to,
        "offer_id": offer_id, "answer": {"type": "answer", "sdp": sdp("answer")},
    })
}

/// A scrape of one torrent, of a list of them, or of whatever `info_hash` is.
pub(crate) fn scrape(info_hash: impl Into<Value>) -> Value {
    json!({"action": "scrape", "info_hash": info_hash.into()})
}

/// An offer with this id.
pub(crate) fn offer(id: &str) -> Value {
    json!({"offer_id": id, "offer": {"type": "offer", "sdp": sdp(id)}})
}

/// So many offers with ids of 20 characters, as clients send them.
pub(crate) fn offers(count: usize) -> Value {
    (0..count)
        .map(|number| offer(&format!("offer-{number:014}")))
        .collect()
}

/// The shape of a session description; line breaks as in real ones.
fn sdp(name: &str) -> String {
    format!(
        "v=0\r\no=- {} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
        name.len()
    )
}

/// The same message with `key` set.
pub(crate) fn with(mut message: Value, key: &str, value: impl Into<Value>) -> Value {
    message[key] = value.into();
    message
}

/// The same message without `key`.
pub(crate) fn without(mut message: Value, key: &str) -> Value {
    if let Some(object) = message.as_object_mut() {
        object.remove(key);
    }
    message
}

/// The text of a message in which `key` has the value `json`, as it stands.
pub(crate) fn spliced(message: Value, key: &str, json: &str) -> String {
    with(message, key, RAW)
        .to_string()
        .replace(&format!("\"{RAW}\""), json)
}

/// The kinds of messages a tracker sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Response,
    Offer,
    Answer,
    Scrape,
    Failure,
    Other,
}

/// What kind of message a tracker's message is.
pub(crate) fn kind(message: &Value) -> Kind {
    let has = |key| message.get(key).is_some();
    match message.get("action").and_then(Value::as_str) {
        _ if has("failure reason") => Kind::Failure,
        Some("announce") if has("offer") => Kind::Offer,
        Some("announce") if has("answer") => Kind::Answer,
        Some("announce") if has("interval") || has("complete") => Kind::Response,
        Some("scrape") => Kind::Scrape,
        _ => Kind::Other,
    }
}

/// The message in a few words.
pub(crate) fn sketch(message: &Value) -> String {
    let number = |key: &str| {
        message
            .get(key)
            .map_or("absent".to_owned(), Value::to_string)
    };
    match kind(message) {
        Kind::Response => format!(
            "response with complete {}, incomplete {}",
            number("complete"),
            number("incomplete")
        ),
        Kind::Offer => "an offer".to_owned(),
        Kind::Answer => "an answer".to_owned(),
        Kind::Scrape => match message.get("files").and_then(Value::as_object) {
            Some(files) => format!("scrape with {} entries", files.len()),
            None => "scrape without `files`".to_owned(),
        },
        Kind::Failure => {
            let missing: Vec<&str> = ["action", "info_hash"]
                .into_iter()
                .filter(|key| message.get(key).is_none())
                .collect();
            let missing = match missing.as_slice() {
                [] => String::new(),
                missing => format!(" without {}", missing.join(" and ")),
            };
            format!("failure{missing}: {}", number("failure reason"))
        }
        Kind::Other => match message.as_object() {
            Some(object) => {
                let keys: Vec<&str> = object.keys().map(String::as_str).collect();
                shortened(format_args!("a message of {}", keys.join(", ")))
            }
            None => shortened(message),
        },
    }
}

/// Several messages in a few words.
pub(crate) fn sketches(messages: &[Value]) -> String {
    match messages {
        [] => "nothing".to_owned(),
        messages => messages.iter().map(sketch).collect::<Vec<_>>().join("; "),
    }
}

/// JSON or other remote text, at a length that fits a table, without control characters.
pub(crate) fn shortened(text: impl ToString) -> String {
    const LONGEST: usize = 120;
    let text = text.to_string();
    let mut short: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                '·'
            } else {
                character
            }
        })
        .take(LONGEST)
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// `complete` and `incomplete` of a response or of a scrape's entry.
pub(crate) fn counts(message: &Value) -> (Option<u64>, Option<u64>) {
    let number = |key| message.get(key).and_then(Value::as_u64);
    (number("complete"), number("incomplete"))
}
