//! Says what the tracker takes each message of a client for.
//!
//! Reads one message a line, each as a JSON string; writes one JSON object a line.
//!
//! ```text
//! $ echo '"{\"action\":\"scrape\"}"' | cargo run -q -p tracker-protocol --example parse
//! {"info_hashes":null,"kind":"scrape"}
//! ```

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};
use tracker_protocol::{ClientMessage, Limits, Offer};

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        let told = match ClientMessage::parse(&text, &Limits::default()) {
            Ok(message) => tell(&message),
            Err(error) => json!({ "kind": "refused", "reason": error.to_string() }),
        };
        writeln!(out, "{told}")?;
    }
    out.flush()
}

fn tell(message: &ClientMessage<'_>) -> Value {
    match message {
        ClientMessage::Announce(announce) => json!({
            "kind": "announce",
            "info_hash": announce.info_hash.to_string(),
            "peer_id": announce.peer_id.to_string(),
            "event": format!("{:?}", announce.event).to_lowercase(),
            "left": announce.left,
            "numwant": announce.numwant,
            "offers": announce.offers.iter().map(offer).collect::<Value>(),
            "skipped_offers": {
                "too_many": announce.skipped_offers.too_many,
                "too_long": announce.skipped_offers.too_long,
                "malformed": announce.skipped_offers.malformed,
            },
        }),
        ClientMessage::Answer(answer) => json!({
            "kind": "answer",
            "info_hash": answer.info_hash.to_string(),
            "peer_id": answer.peer_id.to_string(),
            "to_peer_id": answer.to_peer_id.to_string(),
            "answer": answer.answer,
        }),
        ClientMessage::Scrape { info_hashes } => json!({
            "kind": "scrape",
            "info_hashes": info_hashes.as_ref().map(|hashes| {
                hashes.iter().map(ToString::to_string).collect::<Vec<_>>()
            }),
        }),
    }
}

fn offer(offer: &Offer<'_>) -> Value {
    json!(offer.offer)
}
