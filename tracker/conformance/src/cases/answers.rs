//! §5: answers, and who may give them.

use serde_json::{Value, json};

use super::announce::expect_counts;
use crate::Miss;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, Peer, peer_id, torrent};
use crate::message::{self, Kind};

pub(super) const CASES: &[Case] = &[
    Case::must(
        "answer.relay",
        "an answer to an offer",
        &["R-5.2", "R-8.1"],
        "reaches the peer that made the offer, with `peer_id` of the one that answers",
        |lab| Box::pin(relayed(lab)),
    ),
    Case::must(
        "answer.silent",
        "response to an answer",
        &["R-5.3"],
        "none",
        |lab| Box::pin(silent(lab)),
    ),
    Case::must(
        "answer.keeps-seed",
        "a seed answers (answers have no `left`)",
        &["R-5.4"],
        "stays a seed",
        |lab| Box::pin(keeps_seed(lab)),
    ),
    Case::must(
        "answer.with-left",
        "a seed's answer with `left`, `event` and `offers` (aquatic's load tester)",
        &["R-5.1", "R-5.4"],
        "relayed as an answer; the peer stays a seed, the offers go to nobody",
        |lab| Box::pin(with_left(lab)),
    ),
    Case::should(
        "answer.unknown-keys",
        "keys in an answer that nobody knows",
        &["R-8.6"],
        "relayed with it",
        |lab| Box::pin(unknown_keys(lab)),
    ),
    Case::should(
        "answer.envelope",
        "keys beside an answer",
        &["R-8.2"],
        "not relayed: `trackerid` and tokens are no business of another peer",
        |lab| Box::pin(envelope(lab)),
    ),
    Case::must(
        "answer.foreign-socket",
        "an answer in another peer's name",
        &["R-5.5", "R-10.3"],
        "not relayed: the peer id belongs to another socket",
        |lab| Box::pin(foreign_socket(lab)),
    ),
    Case::must(
        "answer.unasked",
        "an answer to an offer that went to somebody else",
        &["R-5.5"],
        "not relayed",
        |lab| Box::pin(unasked(lab)),
    ),
    Case::must(
        "answer.wrong-offer",
        "an answer to an offer that was never made",
        &["R-5.5"],
        "not relayed",
        |lab| Box::pin(wrong_offer(lab)),
    ),
    Case::should(
        "answer.twice",
        "two answers to one offer",
        &["R-5.6"],
        "the first is relayed, the second is not",
        |lab| Box::pin(twice(lab)),
    ),
    Case::must(
        "answer.nobody",
        "an answer to a peer that does not exist",
        &["R-5.7"],
        "nothing happens: the socket stays open",
        |lab| Box::pin(nobody(lab)),
    ),
    Case::must(
        "answer.offerer-gone",
        "an answer to a peer that has left",
        &["R-5.7"],
        "nothing happens: the socket stays open",
        |lab| Box::pin(offerer_gone(lab)),
    ),
];

/// A peer that was given an offer, the offer, and the peer that made it.
async fn offered(lab: &Lab, left: u64) -> Result<(Peer, Value, Peer), Miss> {
    let torrent = torrent();
    let mut answerer = lab.peer(torrent, left).await?;
    let mut offerer = lab.peer(torrent, 1000).await?;
    offerer.offer(message::offers(1)).await?;
    let offer = answerer.socket.offer(torrent).await?;
    Ok((answerer, offer, offerer))
}

/// The answer to `offer` in the name of `peer`.
fn answer_to(offer: &Value, peer: &Peer) -> Value {
    message::answer(peer.torrent, peer.id, &offer["peer_id"], &offer["offer_id"])
}

async fn relayed(lab: &Lab) -> Outcome {
    let (mut answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let answer = answer_to(&offer, &answerer);
    answerer.socket.say(&answer).await?;
    let relayed = offerer.socket.answer(offerer.torrent).await?;
    let expected = json!([answerer.id, offer["offer_id"], answer["answer"]]);
    if json!([relayed["peer_id"], relayed["offer_id"], relayed["answer"]]) == expected {
        Ok("the answer".to_owned())
    } else {
        differs(format!("changed: {}", message::shortened(&relayed)))
    }
}

async fn silent(lab: &Lab) -> Outcome {
    let (mut answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let answer = answer_to(&offer, &answerer);
    answerer.socket.say(&answer).await?;
    offerer.socket.answer(offerer.torrent).await?;
    match answerer.socket.settled().await.as_slice() {
        [] => Ok("nothing".to_owned()),
        heard => differs(message::sketches(heard)),
    }
}

async fn keeps_seed(lab: &Lab) -> Outcome {
    let (mut seed, offer, mut offerer) = offered(lab, 0).await?;
    let answer = answer_to(&offer, &seed);
    seed.socket.say(&answer).await?;
    offerer.socket.answer(offerer.torrent).await?;
    let update = message::update(offerer.torrent, offerer.id);
    offerer.socket.say(&update).await?;
    expect_counts(&offerer.socket.response(offerer.torrent).await?, 1, 1)
}

async fn with_left(lab: &Lab) -> Outcome {
    let (mut seed, offer, mut offerer) = offered(lab, 0).await?;
    let mut answer = answer_to(&offer, &seed);
    answer["left"] = 50.into();
    answer["event"] = "stopped".into();
    answer["offers"] = message::offers(2);
    seed.socket.say(&answer).await?;
    offerer.socket.answer(offerer.torrent).await?;
    let heard = offerer.socket.settled().await;
    if heard
        .iter()
        .any(|message| message::kind(message) == Kind::Offer)
    {
        return differs("relayed, and so is an offer beside it");
    }
    let update = message::update(offerer.torrent, offerer.id);
    offerer.socket.say(&update).await?;
    expect_counts(&offerer.socket.response(offerer.torrent).await?, 1, 1)
}

async fn unknown_keys(lab: &Lab) -> Outcome {
    let (mut answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let body = json!({"type": "answer", "sdp": "v=0\r\n\u{e9}", "x-custom": [1, null]});
    let answer = message::with(answer_to(&offer, &answerer), "answer", body.clone());
    answerer.socket.say(&answer).await?;
    let relayed = offerer.socket.answer(offerer.torrent).await?;
    if relayed["answer"] == body {
        Ok("all keys".to_owned())
    } else {
        differs(message::shortened(&relayed["answer"]))
    }
}

async fn envelope(lab: &Lab) -> Outcome {
    let (mut answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let answer = message::with(answer_to(&offer, &answerer), "trackerid", "secret");
    answerer
        .socket
        .say(&message::with(answer, "token", "secret"))
        .await?;
    let relayed = offerer.socket.answer(offerer.torrent).await?;
    if relayed.to_string().contains("secret") {
        differs("`trackerid` and `token` reach the other peer")
    } else {
        Ok("kept back".to_owned())
    }
}

async fn foreign_socket(lab: &Lab) -> Outcome {
    let (answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let mut stranger = lab.socket().await?;
    stranger.say(&answer_to(&offer, &answerer)).await?;
    stranger.settled().await;
    nothing_for(&mut offerer).await
}

async fn unasked(lab: &Lab) -> Outcome {
    let (_answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let mut other = lab.peer(offerer.torrent, 1000).await?;
    let answer = answer_to(&offer, &other);
    other.socket.say(&answer).await?;
    other.socket.settled().await;
    nothing_for(&mut offerer).await
}

async fn wrong_offer(lab: &Lab) -> Outcome {
    let (mut answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let answer = answer_to(&offer, &answerer);
    let answer = message::with(answer, "offer_id", "never an offer......");
    answerer.socket.say(&answer).await?;
    answerer.socket.settled().await;
    nothing_for(&mut offerer).await
}

async fn twice(lab: &Lab) -> Outcome {
    let (mut answerer, offer, mut offerer) = offered(lab, 1000).await?;
    let answer = answer_to(&offer, &answerer);
    answerer.socket.say(&answer).await?;
    offerer.socket.answer(offerer.torrent).await?;
    answerer.socket.say(&answer).await?;
    answerer.socket.settled().await;
    nothing_for(&mut offerer).await
}

/// Checks that no answer reaches `offerer`.
async fn nothing_for(offerer: &mut Peer) -> Outcome {
    let mut heard = offerer.socket.settled().await;
    heard.retain(|message| message::kind(message) == Kind::Answer);
    match heard.as_slice() {
        [] => Ok("no answer reaches the offerer".to_owned()),
        heard => differs(format!("{} reaches the offerer", message::sketches(heard))),
    }
}

async fn nobody(lab: &Lab) -> Outcome {
    let mut peer = lab.peer(torrent(), 1000).await?;
    let nobody = json!(peer_id());
    let answer = message::answer(
        peer.torrent,
        peer.id,
        &nobody,
        &json!("never an offer......"),
    );
    peer.socket.say(&answer).await?;
    still_open(&mut peer).await
}

async fn offerer_gone(lab: &Lab) -> Outcome {
    let (mut answerer, offer, offerer) = offered(lab, 1000).await?;
    offerer.socket.close().await;
    let answer = answer_to(&offer, &answerer);
    answerer.socket.say(&answer).await?;
    still_open(&mut answerer).await
}

/// Checks that the peer is still served on its socket.
pub(super) async fn still_open(peer: &mut Peer) -> Outcome {
    let before = peer.socket.settled().await;
    peer.socket
        .say(&message::update(peer.torrent, peer.id))
        .await?;
    peer.socket.response(peer.torrent).await?;
    Ok(format!(
        "{}; then served as before",
        message::sketches(&before)
    ))
}
