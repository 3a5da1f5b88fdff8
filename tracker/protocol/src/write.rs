//! Writing messages. Keys come in a fixed order, so that equal messages are equal texts.

use std::fmt::Write as _;

use crate::{
    Announce, Announced, Answer, ClientMessage, Description, DescriptionKind, Failure, OfferId,
    RawValue, RelayedAnswer, RelayedOffer, Scraped, ServerMessage, Subject,
};

impl ClientMessage<'_> {
    /// Appends the message as JSON. An amount that is `None` is left out; `skipped_offers` is
    /// nothing on the wire.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Announce(announce) => write_announce(announce, out),
            Self::Answer(answer) => write_answer(answer, out),
            Self::Scrape { info_hashes } => {
                let mut object = Object::open(out);
                object.text("action", "scrape");
                match info_hashes.as_deref() {
                    None => {}
                    Some([info_hash]) => object.id("info_hash", info_hash.as_bytes()),
                    Some(list) => object.list("info_hash", list, |out, info_hash| {
                        push_id(out, info_hash.as_bytes());
                    }),
                }
                object.close();
            }
        }
    }

    /// The message as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

fn write_announce(announce: &Announce<'_>, out: &mut String) {
    let mut object = Object::open(out);
    object.text("action", "announce");
    object.id("info_hash", announce.info_hash.as_bytes());
    object.id("peer_id", announce.peer_id.as_bytes());
    if let Some(word) = announce.event.to_wire() {
        object.text("event", word);
    }
    object.amount("uploaded", announce.uploaded);
    object.amount("downloaded", announce.downloaded);
    object.amount("left", announce.left);
    object.amount("numwant", announce.numwant);
    if !announce.offers.is_empty() {
        object.list("offers", &announce.offers, |out, offer| {
            let mut object = Object::open(out);
            object.offer_id(&offer.offer_id);
            object.raw("offer", &offer.offer);
            object.close();
        });
    }
    object.optional_text("trackerid", announce.tracker_id.as_deref());
    object.close();
}

fn write_answer(answer: &Answer<'_>, out: &mut String) {
    let mut object = Object::open(out);
    object.text("action", "announce");
    object.id("info_hash", answer.info_hash.as_bytes());
    object.id("peer_id", answer.peer_id.as_bytes());
    object.id("to_peer_id", answer.to_peer_id.as_bytes());
    object.offer_id(&answer.offer_id);
    object.raw("answer", &answer.answer);
    object.optional_text("trackerid", answer.tracker_id.as_deref());
    object.close();
}

impl ServerMessage<'_> {
    /// Appends the message as JSON.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Announced(announced) => write_announced(announced, out),
            Self::Offer(offer) => write_relayed_offer(offer, out),
            Self::Answer(answer) => write_relayed_answer(answer, out),
            Self::Scraped(scraped) => write_scraped(scraped, out),
            Self::Failure(failure) => write_failure(failure, out),
        }
    }

    /// The message as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

fn write_announced(announced: &Announced<'_>, out: &mut String) {
    let mut object = Object::open(out);
    object.text("action", "announce");
    object.id("info_hash", announced.info_hash.as_bytes());
    object.amount("interval", announced.interval);
    // webtorrent.js reads the key with a space, libtorrent the one with an underscore.
    object.amount("min interval", announced.min_interval);
    object.amount("min_interval", announced.min_interval);
    object.amount("complete", announced.complete);
    object.amount("incomplete", announced.incomplete);
    object.amount("downloaded", announced.downloaded);
    object.optional_text("tracker id", announced.tracker_id.as_deref());
    object.optional_text("warning message", announced.warning.as_deref());
    object.close();
}

fn write_relayed_offer(offer: &RelayedOffer<'_>, out: &mut String) {
    out.reserve(offer.offer.get().len() + ENVELOPE_BYTES);
    let mut object = Object::open(out);
    object.text("action", "announce");
    object.id("info_hash", offer.info_hash.as_bytes());
    object.id("peer_id", offer.peer_id.as_bytes());
    object.offer_id(&offer.offer_id);
    object.raw("offer", &offer.offer);
    object.close();
}

fn write_relayed_answer(answer: &RelayedAnswer<'_>, out: &mut String) {
    out.reserve(answer.answer.get().len() + ENVELOPE_BYTES);
    let mut object = Object::open(out);
    object.text("action", "announce");
    object.id("info_hash", answer.info_hash.as_bytes());
    object.id("peer_id", answer.peer_id.as_bytes());
    object.offer_id(&answer.offer_id);
    object.raw("answer", &answer.answer);
    object.close();
}

fn write_scraped(scraped: &Scraped, out: &mut String) {
    let mut object = Object::open(out);
    object.text("action", "scrape");
    let mut files = Object::open(object.key("files"));
    for (info_hash, entry) in &scraped.files {
        let mut file = Object::open(files.id_key(info_hash.as_bytes()));
        file.amount("complete", Some(entry.complete));
        file.amount("incomplete", Some(entry.incomplete));
        file.amount("downloaded", Some(entry.downloaded));
        file.close();
    }
    files.close();
    if scraped.min_request_interval.is_some() {
        let mut flags = Object::open(object.key("flags"));
        flags.amount("min_request_interval", scraped.min_request_interval);
        flags.close();
    }
    object.close();
}

fn write_failure(failure: &Failure<'_>, out: &mut String) {
    let mut object = Object::open(out);
    match &failure.subject {
        Subject::Announce(info_hash) => {
            object.text("action", "announce");
            object.id("info_hash", info_hash.as_bytes());
            object.text("failure reason", &failure.reason);
        }
        Subject::Scrape => {
            object.text("action", "scrape");
            object.text("failure reason", &failure.reason);
            Object::open(object.key("files")).close();
        }
    }
    object.close();
}

impl Description<'_> {
    /// The description as the JSON object that a message carries.
    pub fn to_raw(&self) -> Box<RawValue> {
        let mut json = String::with_capacity(self.sdp.len() + ENVELOPE_BYTES);
        let mut object = Object::open(&mut json);
        object.text(
            "type",
            match self.kind {
                DescriptionKind::Offer => "offer",
                DescriptionKind::Answer => "answer",
            },
        );
        object.text("sdp", &self.sdp);
        object.close();
        RawValue::from_string(json).expect("our writer makes valid JSON")
    }
}

/// Room for everything around a description: keys and three binary strings, mostly escaped.
const ENVELOPE_BYTES: usize = 256;

/// An object being written: it puts the commas.
struct Object<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self {
            out,
            is_empty: true,
        }
    }

    fn close(self) {
        self.out.push('}');
    }

    fn comma(&mut self) {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
    }

    /// Writes one of our own key words, which need no escapes; the value comes next.
    fn key(&mut self, key: &'static str) -> &mut String {
        self.comma();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    fn id_key(&mut self, bytes: &[u8; 20]) -> &mut String {
        self.comma();
        push_id(self.out, bytes);
        self.out.push(':');
        self.out
    }

    fn id(&mut self, key: &'static str, bytes: &[u8; 20]) {
        push_id(self.key(key), bytes);
    }

    fn text(&mut self, key: &'static str, text: &str) {
        push_text(self.key(key), text.chars());
    }

    fn optional_text(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn offer_id(&mut self, offer_id: &OfferId) {
        let out = self.key("offer_id");
        out.push('"');
        offer_id.for_each_char(|character| push_escaped(out, character));
        out.push('"');
    }

    fn amount(&mut self, key: &'static str, amount: Option<impl Into<u64>>) {
        if let Some(amount) = amount {
            // Writing to a string cannot fail.
            let _ = write!(self.key(key), "{}", amount.into());
        }
    }

    fn raw(&mut self, key: &'static str, raw: &RawValue) {
        self.key(key).push_str(raw.get());
    }

    fn list<T>(&mut self, key: &'static str, items: &[T], each: impl Fn(&mut String, &T)) {
        let out = self.key(key);
        out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            each(out, item);
        }
        out.push(']');
    }
}

/// Writes 20 bytes as a binary string: each byte is the character of that code point.
fn push_id(out: &mut String, bytes: &[u8; 20]) {
    push_text(out, bytes.iter().map(|&byte| char::from(byte)));
}

fn push_text(out: &mut String, text: impl Iterator<Item = char>) {
    out.push('"');
    for character in text {
        push_escaped(out, character);
    }
    out.push('"');
}

/// Writes one character of a string (RFC 8259 §7), escaping what must be.
fn push_escaped(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\0'..='\u{1f}' => _ = write!(out, "\\u{:04x}", u32::from(character)),
        _ => out.push(character),
    }
}
