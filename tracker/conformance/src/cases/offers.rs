//! §8: to whom offers go, and how.

use serde_json::{Value, json};

use crate::Miss;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, Peer, torrent};
use crate::message::{self, Kind};

pub(super) const CASES: &[Case] = &[
    Case::must(
        "offers.shape",
        "a relayed offer",
        &["R-8.1", "R-8.2"],
        "`action`, `info_hash`, `offer_id`, `offer`, and the sender's id as `peer_id`",
        |lab| Box::pin(shape(lab)),
    ),
    Case::must(
        "offers.distinct",
        "three offers, three others",
        &["R-8.3", "R-8.4"],
        "each gets one, each another",
        |lab| Box::pin(distinct(lab)),
    ),
    Case::must(
        "offers.surplus",
        "five offers, one other",
        &["R-8.3", "R-8.4"],
        "it gets one of them",
        |lab| Box::pin(surplus(lab)),
    ),
    Case::must(
        "offers.not-to-self",
        "offers of a peer that is alone",
        &["R-8.5"],
        "none comes back to it",
        |lab| Box::pin(not_to_self(lab)),
    ),
    Case::must(
        "offers.own-swarm",
        "a peer of another torrent",
        &["R-8.5"],
        "gets nothing",
        |lab| Box::pin(own_swarm(lab)),
    ),
    Case::must(
        "offers.not-to-stopped",
        "a peer that stopped, its socket open",
        &["R-8.5"],
        "gets nothing",
        |lab| Box::pin(not_to_stopped(lab)),
    ),
    Case::must(
        "offers.none-on-stop",
        "`stopped` with offers",
        &["R-4.15"],
        "they go to nobody",
        |lab| Box::pin(none_on_stop(lab)),
    ),
    Case::must(
        "offers.numwant-absent",
        "offers without `numwant`",
        &["R-4.12"],
        "relayed as if all were wanted",
        |lab| Box::pin(numwant_absent(lab)),
    ),
    Case::should(
        "offers.numwant-bounds",
        "three offers, three others, `numwant` of 1",
        &["R-4.11"],
        "one is relayed",
        |lab| Box::pin(numwant_bounds(lab)),
    ),
    Case::should(
        "offers.seed-to-seed",
        "offers of a seed to a swarm of seeds",
        &["R-8.7"],
        "kept back: neither has anything for the other",
        |lab| Box::pin(seed_to_seed(lab)),
    ),
    Case::must(
        "offers.seed-to-leecher",
        "offers of a seed to a leecher",
        &["R-8.3"],
        "relayed",
        |lab| Box::pin(seed_to_leecher(lab)),
    ),
    Case::must(
        "offers.exact",
        "SDP with escapes and characters beyond ASCII",
        &["R-8.6"],
        "`type` and `sdp` arrive character for character",
        |lab| Box::pin(exact(lab)),
    ),
    Case::should(
        "offers.unknown-keys",
        "keys in an offer that nobody knows",
        &["R-8.6"],
        "relayed with it",
        |lab| Box::pin(unknown_keys(lab)),
    ),
    Case::must(
        "offers.bad-entries",
        "one good offer behind three bad ones",
        &["R-4.13"],
        "the good one is relayed, the announce answered",
        |lab| {
            Box::pin(bad_entries(
                lab,
                json!([5, {}, {"offer_id": "no offer in it......"}]),
            ))
        },
    ),
];

/// The offers among what a peer hears until it is quiet.
async fn offers_at(peer: &mut Peer) -> Vec<Value> {
    let mut heard = peer.socket.settled().await;
    heard.retain(|message| message::kind(message) == Kind::Offer);
    heard
}

/// Which offers these are, in words.
fn ids(offers: &[Value]) -> String {
    let ids: Vec<String> = offers
        .iter()
        .map(|offer| {
            offer
                .get("offer_id")
                .map_or_else(|| "no id".to_owned(), message::shortened)
        })
        .collect();
    format!("{} offers {}", ids.len(), ids.join(" "))
        .trim_end()
        .to_owned()
}

async fn shape(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receiver = lab.peer(torrent, 1000).await?;
    let mut sender = lab.peer(torrent, 1000).await?;
    sender.offer(message::offers(1)).await?;
    let offer = receiver.socket.offer(torrent).await?;
    let expected = json!({
        "action": "announce", "info_hash": torrent, "peer_id": sender.id,
        "offer_id": message::offers(1)[0]["offer_id"], "offer": message::offers(1)[0]["offer"],
    });
    let wrong: Vec<&String> = expected
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| offer.get(*key) != Some(value))
        .map(|(key, _)| key)
        .collect();
    match wrong.as_slice() {
        [] => Ok("all five".to_owned()),
        wrong => differs(format!("absent or changed: {wrong:?}")),
    }
}

async fn distinct(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receivers = lab.leechers(torrent, 3).await?;
    let mut sender = lab.peer(torrent, 1000).await?;
    sender.offer(message::offers(3)).await?;
    let mut seen = Vec::new();
    for receiver in &mut receivers {
        seen.push(offers_at(receiver).await);
    }
    let mut all: Vec<String> = seen
        .iter()
        .flatten()
        .map(|o| o["offer_id"].to_string())
        .collect();
    all.sort();
    all.dedup();
    if seen.iter().all(|offers| offers.len() == 1) && all.len() == 3 {
        Ok("one each, all different".to_owned())
    } else {
        let counts: Vec<usize> = seen.iter().map(Vec::len).collect();
        differs(format!(
            "{counts:?} offers at the three, {} different",
            all.len()
        ))
    }
}

async fn surplus(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receiver = lab.peer(torrent, 1000).await?;
    let mut sender = lab.peer(torrent, 1000).await?;
    sender.offer(message::offers(5)).await?;
    exactly(1, &offers_at(&mut receiver).await)
}

async fn not_to_self(lab: &Lab) -> Outcome {
    let mut peer = lab.peer(torrent(), 1000).await?;
    peer.offer(message::offers(5)).await?;
    exactly(0, &offers_at(&mut peer).await)
}

async fn own_swarm(lab: &Lab) -> Outcome {
    let mut elsewhere = lab.peer(torrent(), 1000).await?;
    let mut sender = lab.peer(torrent(), 1000).await?;
    sender.offer(message::offers(5)).await?;
    exactly(0, &offers_at(&mut elsewhere).await)
}

async fn not_to_stopped(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut gone = lab.peer(torrent, 1000).await?;
    gone.socket
        .say(&message::event(torrent, gone.id, "stopped"))
        .await?;
    gone.socket.settled().await;
    let mut sender = lab.peer(torrent, 1000).await?;
    sender.offer(message::offers(5)).await?;
    exactly(0, &offers_at(&mut gone).await)
}

async fn none_on_stop(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut other = lab.peer(torrent, 1000).await?;
    let mut leaving = lab.peer(torrent, 1000).await?;
    let stop = message::event(torrent, leaving.id, "stopped");
    let stop = message::with(stop, "offers", message::offers(5));
    leaving.socket.say(&stop).await?;
    leaving.socket.settled().await;
    exactly(0, &offers_at(&mut other).await)
}

async fn numwant_absent(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receiver = lab.peer(torrent, 1000).await?;
    let mut sender = lab.peer(torrent, 1000).await?;
    let announce = message::without(message::update(torrent, sender.id), "numwant");
    sender
        .socket
        .say(&message::with(announce, "offers", message::offers(3)))
        .await?;
    sender.socket.response(torrent).await?;
    exactly(1, &offers_at(&mut receiver).await)
}

async fn numwant_bounds(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receivers = lab.leechers(torrent, 3).await?;
    let mut sender = lab.peer(torrent, 1000).await?;
    let announce = message::with(message::update(torrent, sender.id), "numwant", 1);
    sender
        .socket
        .say(&message::with(announce, "offers", message::offers(3)))
        .await?;
    sender.socket.response(torrent).await?;
    let mut seen = Vec::new();
    for receiver in &mut receivers {
        seen.append(&mut offers_at(receiver).await);
    }
    exactly(1, &seen)
}

async fn seed_to_seed(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receiver = lab.peer(torrent, 0).await?;
    send_as_seed(lab, torrent).await?;
    exactly(0, &offers_at(&mut receiver).await)
}

async fn seed_to_leecher(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut receiver = lab.peer(torrent, 1000).await?;
    send_as_seed(lab, torrent).await?;
    exactly(1, &offers_at(&mut receiver).await)
}

/// Joins as a seed with an offer.
async fn send_as_seed(lab: &Lab, torrent: tracker_protocol::InfoHash) -> Result<(), Miss> {
    let mut sender = lab.peer(torrent, 0).await?;
    let announce = message::with(message::update(torrent, sender.id), "left", 0);
    sender
        .socket
        .say(&message::with(announce, "offers", message::offers(1)))
        .await?;
    sender.socket.response(torrent).await?;
    Ok(())
}

async fn exact(lab: &Lab) -> Outcome {
    let sdp = "v=0\r\ns=\"\\ /\u{7f}\u{e9}\u{20ac}\u{1f980}\u{2028}\t\r\n";
    let offer = json!({"type": "offer", "sdp": sdp});
    let relayed = relay(
        lab,
        json!([{"offer_id": "exactly this one....", "offer": offer}]),
    )
    .await?;
    let sent = (offer.get("type"), offer.get("sdp"));
    let arrived = &relayed["offer"];
    if (arrived.get("type"), arrived.get("sdp")) == sent {
        Ok("the same".to_owned())
    } else {
        differs(message::shortened(arrived))
    }
}

async fn unknown_keys(lab: &Lab) -> Outcome {
    let offer = json!({"type": "offer", "sdp": "v=0\r\n", "x-custom": {"a": [1, null]}});
    let relayed = relay(
        lab,
        json!([{"offer_id": "with more keys......", "offer": offer}]),
    )
    .await?;
    if relayed["offer"] == offer {
        Ok("all keys".to_owned())
    } else {
        differs(message::shortened(&relayed["offer"]))
    }
}

/// What a peer gets of these offers of another.
pub(super) async fn relay(lab: &Lab, offers: Value) -> Result<Value, Miss> {
    let torrent = torrent();
    let mut receiver = lab.peer(torrent, 1000).await?;
    let mut sender = lab.peer(torrent, 1000).await?;
    sender.offer(offers).await?;
    receiver.socket.offer(torrent).await
}

/// Announces `bad` and a good offer to a swarm in which each could go to another.
pub(super) async fn bad_entries(lab: &Lab, bad: Value) -> Outcome {
    let torrent = torrent();
    let mut offers: Vec<Value> = bad.as_array().cloned().unwrap_or_default();
    let mut receivers = lab.leechers(torrent, offers.len() + 1).await?;
    let mut sender = lab.peer(torrent, 1000).await?;
    let good = message::offer("the good one........");
    offers.push(good.clone());
    sender.offer(offers.into()).await?;
    let mut seen = Vec::new();
    for receiver in &mut receivers {
        // What a broken relay looks like is not to be asked: anything but a response counts.
        let mut heard = receiver.socket.settled().await;
        heard.retain(|message| message::kind(message) != Kind::Response);
        seen.append(&mut heard);
    }
    let is_good = |message: &Value| message.get("offer_id") == good.get("offer_id");
    match seen.as_slice() {
        [only] if is_good(only) => Ok("the good one".to_owned()),
        seen => differs(message::sketches(seen)),
    }
}

fn exactly(count: usize, offers: &[Value]) -> Outcome {
    if offers.len() == count {
        Ok(ids(offers))
    } else {
        differs(ids(offers))
    }
}
