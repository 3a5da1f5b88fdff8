//! §4 and §7: fields of an announce, and its response.

use serde_json::Value;

use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, peer_id, torrent};
use crate::message;

pub(super) const CASES: &[Case] = &[
    Case::must(
        "announce.response",
        "fields of the response",
        &["R-7.1", "R-7.2"],
        "`action`, `info_hash`, and whole numbers `interval` (at least 1), `complete`, `incomplete`",
        |lab| Box::pin(response(lab)),
    ),
    Case::must(
        "announce.counts",
        "counts include the announcer",
        &["R-7.3"],
        "complete 1, incomplete 2 for one seed and two leechers, one of which asks",
        |lab| Box::pin(counts(lab)),
    ),
    Case::should(
        "announce.order",
        "response before relays",
        &["R-7.5"],
        "with two peers on a socket, the response to one comes before its offer for the other",
        |lab| Box::pin(order(lab)),
    ),
    Case::must(
        "announce.twice",
        "same peer announces twice",
        &["R-4.5"],
        "counted once",
        |lab| Box::pin(twice(lab)),
    ),
    Case::must(
        "announce.unknown-keys",
        "keys nobody knows",
        &["R-4.2"],
        "ignored (libtorrent sends `corrupt` and `key`, applications send tokens)",
        |lab| Box::pin(taken(lab, "x-custom", r#"{"a":[1,2,{"b":null}]}"#)),
    ),
    Case::must(
        "announce.trackerid",
        "`trackerid` the tracker never gave out",
        &["R-4.14"],
        "ignored",
        |lab| Box::pin(taken(lab, "trackerid", r#""from another life""#)),
    ),
    Case::must(
        "announce.nulls",
        "`null` for what is not used",
        &["R-4.3"],
        "`answer`, `event` and `offers` of null are as good as absent",
        |lab| Box::pin(nulls(lab)),
    ),
    Case::must(
        "announce.bare",
        "only `action`, `info_hash` and `peer_id`",
        &["R-4.1", "R-4.3", "R-4.7"],
        "a leecher joins",
        |lab| Box::pin(bare(lab)),
    ),
    Case::must(
        "announce.uploaded",
        "`uploaded` and `downloaded` that are no amounts",
        &["R-4.8"],
        "never an error",
        |lab| Box::pin(amounts(lab)),
    ),
    Case::must(
        "announce.numwant-text",
        "`numwant` that is a word",
        &["R-4.12"],
        "as good as absent",
        |lab| Box::pin(taken(lab, "numwant", r#""many""#)),
    ),
    Case::must(
        "announce.numwant-negative",
        "`numwant` of -1",
        &["R-4.12"],
        "as good as absent",
        |lab| Box::pin(taken(lab, "numwant", "-1")),
    ),
    Case::must(
        "announce.offers-null",
        "`offers` of null",
        &["R-4.10"],
        "no offers",
        |lab| Box::pin(taken(lab, "offers", "null")),
    ),
    Case::must(
        "announce.offers-object",
        "`offers` that is an object",
        &["R-4.10"],
        "no offers",
        |lab| Box::pin(taken(lab, "offers", "{}")),
    ),
];

async fn response(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    socket.say(&message::announce(torrent, peer_id())).await?;
    let response = socket.response(torrent).await?;
    let number = |key| response.get(key).and_then(Value::as_u64);
    let seen = format!(
        "{}, interval {}",
        message::sketch(&response),
        response.get("interval").unwrap_or(&Value::Null)
    );
    match (number("interval"), number("complete"), number("incomplete")) {
        (Some(1..), Some(_), Some(_)) => Ok(seen),
        _ => differs(seen),
    }
}

async fn counts(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let _seed = lab.peer(torrent, 0).await?;
    let _leecher = lab.peer(torrent, 1000).await?;
    let mut socket = lab.socket().await?;
    socket.say(&message::announce(torrent, peer_id())).await?;
    expect_counts(&socket.response(torrent).await?, 1, 2)
}

async fn order(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut peer = lab.peer(torrent, 1000).await?;
    let announce = message::announce(torrent, peer_id());
    let announce = message::with(announce, "offers", message::offers(1));
    peer.socket.say(&announce).await?;
    let heard = peer.socket.settled().await;
    let place = |kind| heard.iter().position(|m| message::kind(m) == kind);
    let seen = message::sketches(&heard);
    match (place(message::Kind::Response), place(message::Kind::Offer)) {
        (Some(response), Some(offer)) if response < offer => Ok(seen),
        (Some(_), None) => Err(crate::Miss::Skipped(
            "no offer is relayed between peers of one socket".to_owned(),
        )),
        _ => differs(seen),
    }
}

async fn twice(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut peer = lab.peer(torrent, 1000).await?;
    for announce in [message::update(torrent, peer.id), peer.announce()] {
        peer.socket.say(&announce).await?;
        let response = peer.socket.response(torrent).await?;
        expect_counts(&response, 0, 1)?;
    }
    Ok("one leecher".to_owned())
}

/// Checks that a leecher with this field joins.
async fn taken(lab: &Lab, key: &str, json: &str) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let announce = message::announce(torrent, peer_id());
    socket
        .say_text(message::spliced(announce, key, json))
        .await?;
    expect_counts(&socket.response(torrent).await?, 0, 1)
}

async fn nulls(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let mut announce = message::announce(torrent, peer_id());
    for key in [
        "answer",
        "to_peer_id",
        "offer_id",
        "event",
        "offers",
        "numwant",
        "trackerid",
    ] {
        announce[key] = Value::Null;
    }
    socket.say(&announce).await?;
    expect_counts(&socket.response(torrent).await?, 0, 1)
}

async fn bare(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let announce = serde_json::json!({
        "action": "announce", "info_hash": torrent, "peer_id": peer_id(),
    });
    socket.say(&announce).await?;
    expect_counts(&socket.response(torrent).await?, 0, 1)
}

async fn amounts(lab: &Lab) -> Outcome {
    let (torrent, peer, mut socket) = (torrent(), peer_id(), lab.socket().await?);
    for form in ["-1", "1.5", "1e30", "null", r#""many""#, "[]"] {
        let announce = message::announce(torrent, peer);
        let text = message::spliced(announce, "uploaded", form);
        socket
            .say_text(text.replace("\"downloaded\":0", &format!("\"downloaded\":{form}")))
            .await?;
        if let Err(miss) = socket.response(torrent).await {
            return differs(format!("for `{form}`: {miss}"));
        }
    }
    Ok("six forms answered".to_owned())
}

/// Checks a response's counts.
pub(super) fn expect_counts(response: &Value, complete: u64, incomplete: u64) -> Outcome {
    if message::counts(response) == (Some(complete), Some(incomplete)) {
        Ok(message::sketch(response))
    } else {
        differs(message::sketch(response))
    }
}
