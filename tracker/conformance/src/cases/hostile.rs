//! §11: messages that have taken trackers down, last.

use serde_json::json;

use super::errors::{harmless, text};
use super::offers::bad_entries;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, peer_id, torrent};
use crate::message;

/// Levels of nesting, enough to use up a thread's stack where each level takes a call.
const DEPTH: usize = 25_000;

pub(super) const CASES: &[Case] = &[
    Case::must(
        "hostile.deep",
        "lists nested 25 000 deep",
        &["R-11.3"],
        "refused; everybody else is served",
        |lab| {
            Box::pin(text(
                lab,
                format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)),
            ))
        },
    ),
    Case::must(
        "hostile.deep-key",
        "an announce with an unknown key nested 25 000 deep",
        &["R-11.3"],
        "taken or refused; everybody else is served",
        |lab| Box::pin(deep_key(lab)),
    ),
    Case::must(
        "hostile.deep-offer",
        "an offer nested 25 000 deep",
        &["R-11.3", "R-11.4"],
        "skipped or refused: a receiver's reader may give up on it",
        |lab| Box::pin(deep_offer(lab)),
    ),
    Case::must(
        "hostile.many-keys",
        "an object of 5 000 keys",
        &["R-11.1"],
        "taken or refused; everybody else is served",
        |lab| Box::pin(many_keys(lab)),
    ),
    Case::should(
        "hostile.long",
        "message of 4 MB",
        &["R-2.8", "R-11.2"],
        "the socket is closed with 1009",
        |lab| Box::pin(long(lab)),
    ),
    Case::must(
        "hostile.offers-null",
        "`null` among the offers",
        &["R-4.13", "R-11.1"],
        "the good offer beside it is relayed, the announce answered",
        |lab| Box::pin(bad_entries(lab, json!([null]))),
    ),
    Case::must(
        "hostile.scrape-object",
        "scrape with an object for `info_hash`",
        &["R-9.1", "R-11.1"],
        "a failure with `action` of `scrape`, a close, or nothing",
        |lab| Box::pin(text(lab, message::scrape(json!({})).to_string())),
    ),
    Case::must(
        "hostile.scrape-mixed",
        "scrape of a list with an object, a number and `null`",
        &["R-9.1", "R-11.1"],
        "a failure with `action` of `scrape`, a close, or nothing",
        |lab| Box::pin(text(lab, message::scrape(json!([{}, 7, null])).to_string())),
    ),
    Case::must(
        "hostile.scrape-number",
        "scrape with a number for `info_hash`",
        &["R-9.1", "R-11.1"],
        "a failure with `action` of `scrape`, a close, or nothing",
        |lab| Box::pin(text(lab, message::scrape(json!(7)).to_string())),
    ),
];

async fn deep_key(lab: &Lab) -> Outcome {
    let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let announce = message::announce(torrent(), peer_id());
    taken_or_refused(lab, message::spliced(announce, "x-deep", &deep)).await
}

/// Checks that a message is not passed over.
async fn taken_or_refused(lab: &Lab, text: String) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.say_text(text).await?;
    let heard = socket.settled().await;
    let seen = super::errors::refusal(&heard, &socket);
    if heard.is_empty() && socket.end().is_none() {
        return differs(seen);
    }
    Ok(seen)
}

async fn deep_offer(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receiver = lab.peer(torrent, 1000).await?;
    let mut offers = message::offers(1);
    offers[0]["offer"] = message::RAW.into();
    let deep = format!(
        "{{\"type\":\"offer\",\"sdp\":{}{}}}",
        "[".repeat(DEPTH),
        "]".repeat(DEPTH)
    );
    let announce = message::with(message::announce(torrent, peer_id()), "offers", offers);
    let mut sender = lab.socket().await?;
    sender
        .say_text(
            announce
                .to_string()
                .replace(&format!("\"{}\"", message::RAW), &deep),
        )
        .await?;
    let heard = sender.settled().await;
    let seen = super::errors::refusal(&heard, &sender);
    // A message this deep does not parse here either.
    let relayed = receiver.socket.settled().await.len() + receiver.socket.odd().len();
    match (relayed, receiver.socket.end()) {
        (0, None) => Ok(format!("{seen}; nothing for the receiver")),
        (_, Some(end)) => differs(format!("the receiver's socket: {end}")),
        (_, None) => differs("relayed to another peer"),
    }
}

async fn many_keys(lab: &Lab) -> Outcome {
    let mut announce = message::announce(torrent(), peer_id());
    for number in 0..5_000 {
        announce[format!("x{number}")] = number.into();
    }
    taken_or_refused(lab, announce.to_string()).await
}

async fn long(lab: &Lab) -> Outcome {
    let mut socket = lab.socket().await?;
    let announce = message::announce(torrent(), peer_id());
    socket
        .say(&message::with(announce, "x-long", "v".repeat(4_000_000)))
        .await?;
    let seen = harmless(&mut socket).await;
    match socket.end() {
        Some(end) if end.code == Some(1009) => Ok(end.to_string()),
        Some(end) => differs(end.to_string()),
        None => differs(seen.unwrap_or_else(|miss| miss.to_string())),
    }
}
