//! §10: several torrents and peers on a socket, and one peer id on several sockets.

use serde_json::{Value, json};
use tracker_protocol::InfoHash;

use super::announce::expect_counts;
use crate::Miss;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, Peer, peer_id, torrent};
use crate::message::{self, Kind};

pub(super) const CASES: &[Case] = &[
    Case::must(
        "identity.torrents",
        "three torrents on a socket",
        &["R-10.1"],
        "each is answered, each gets its own offers",
        |lab| Box::pin(torrents(lab)),
    ),
    Case::must(
        "identity.peers",
        "two peer ids in one swarm on a socket",
        &["R-10.1"],
        "both are counted (two clients in a page share a socket)",
        |lab| Box::pin(peers(lab)),
    ),
    Case::must(
        "identity.peer-per-torrent",
        "another peer id for each torrent of a socket",
        &["R-10.1"],
        "both are answered (p2p-media-loader)",
        |lab| Box::pin(peer_per_torrent(lab)),
    ),
    Case::must(
        "identity.second-socket",
        "one peer id on two sockets",
        &["R-10.2"],
        "the second socket is answered, too",
        |lab| Box::pin(second_socket(lab)),
    ),
    Case::must(
        "identity.answers-stay",
        "a stranger announces a peer id that is in use",
        &["R-10.2", "R-10.3"],
        "answers to the owner's offers still reach the owner, and the stranger none",
        |lab| Box::pin(answers_stay(lab)),
    ),
    Case::must(
        "identity.offers-stay",
        "a stranger announces a peer id that is in use",
        &["R-10.2", "R-10.3"],
        "the owner is still given offers",
        |lab| Box::pin(offers_stay(lab)),
    ),
    Case::must(
        "identity.no-eviction",
        "the stranger's socket closes",
        &["R-10.4"],
        "the owner is still in the swarm and is given offers",
        |lab| Box::pin(no_eviction(lab)),
    ),
    Case::must(
        "identity.foreign-stop",
        "`stopped` in another peer's name",
        &["R-10.3"],
        "the peer is still in the swarm",
        |lab| Box::pin(foreign_stop(lab)),
    ),
    Case::must(
        "identity.foreign-completed",
        "`completed` in another peer's name",
        &["R-10.3"],
        "the peer is still a leecher",
        |lab| Box::pin(foreign_completed(lab)),
    ),
    Case::should(
        "identity.return",
        "a client comes back on another socket with its `tracker id`",
        &["R-10.7"],
        "it is counted once, and an answer to its offer comes to the new socket",
        |lab| Box::pin(returns(lab)),
    ),
    Case::must(
        "identity.foreign-id",
        "a stranger announces a peer id that is in use, with a `tracker id` of its own",
        &["R-10.3", "R-10.7"],
        "the owner is still given offers",
        |lab| Box::pin(foreign_tracker_id(lab)),
    ),
];

async fn torrents(lab: &Lab) -> Outcome {
    let all = [torrent(), torrent(), torrent()];
    let (peer, mut socket) = (peer_id(), lab.socket().await?);
    for torrent in all {
        socket.say(&message::announce(torrent, peer)).await?;
        expect_counts(&socket.response(torrent).await?, 0, 1)?;
    }
    for torrent in all {
        let mut sender = lab.peer(torrent, 1000).await?;
        sender.offer(message::offers(1)).await?;
        socket.offer(torrent).await?;
    }
    Ok("three responses, three offers".to_owned())
}

async fn peers(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut peer = lab.peer(torrent, 1000).await?;
    peer.socket
        .say(&message::announce(torrent, peer_id()))
        .await?;
    expect_counts(&peer.socket.response(torrent).await?, 0, 2)
}

async fn peer_per_torrent(lab: &Lab) -> Outcome {
    let mut peer = lab.peer(torrent(), 1000).await?;
    let other = torrent();
    peer.socket
        .say(&message::announce(other, peer_id()))
        .await?;
    expect_counts(&peer.socket.response(other).await?, 0, 1)
}

/// A stranger's socket that announces as `owner`.
async fn impostor(lab: &Lab, owner: &Peer) -> Result<Peer, Miss> {
    same_peer(lab, owner, owner.announce()).await
}

/// Another socket that says this as `owner`.
async fn same_peer(lab: &Lab, owner: &Peer, announce: Value) -> Result<Peer, Miss> {
    let mut socket = lab.socket().await?;
    socket.say(&announce).await?;
    // Whether it is answered is another case.
    socket.settled().await;
    Ok(Peer {
        socket,
        torrent: owner.torrent,
        id: owner.id,
    })
}

async fn second_socket(lab: &Lab) -> Outcome {
    let owner = lab.peer(torrent(), 1000).await?;
    let mut socket = lab.socket().await?;
    socket.say(&owner.announce()).await?;
    Ok(message::sketch(&socket.response(owner.torrent).await?))
}

async fn answers_stay(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut answerer = lab.peer(torrent, 1000).await?;
    let mut owner = lab.peer(torrent, 1000).await?;
    owner.offer(message::offers(1)).await?;
    let offer = answerer.socket.offer(torrent).await?;
    let mut impostor = impostor(lab, &owner).await?;
    let answer = message::answer(torrent, answerer.id, &json!(owner.id), &offer["offer_id"]);
    answerer.socket.say(&answer).await?;
    answerer.socket.settled().await;
    let stolen = count(&mut impostor, Kind::Answer).await;
    let arrived = count(&mut owner, Kind::Answer).await;
    let seen = format!("{arrived} at the owner, {stolen} at the stranger");
    if (arrived, stolen) == (1, 0) {
        Ok(seen)
    } else {
        differs(seen)
    }
}

async fn offers_stay(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut owner = lab.peer(torrent, 1000).await?;
    let _impostor = impostor(lab, &owner).await?;
    given_offers(lab, torrent, &mut owner).await
}

async fn no_eviction(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut owner = lab.peer(torrent, 1000).await?;
    let impostor = impostor(lab, &owner).await?;
    impostor.socket.close().await;
    // Two rounds of another socket: what a close sets off is done by then.
    let mut other = lab.peer(torrent, 1000).await?;
    other.socket.settled().await;
    other
        .socket
        .say(&message::update(torrent, other.id))
        .await?;
    let counts = expect_counts(&other.socket.response(torrent).await?, 0, 2)?;
    other.socket.close().await;
    let offers = given_offers(lab, torrent, &mut owner).await?;
    Ok(format!("{counts}; {offers}"))
}

/// Checks that offers to the swarm reach `owner`: as many are made as there can be peers.
async fn given_offers(lab: &Lab, torrent: InfoHash, owner: &mut Peer) -> Outcome {
    let mut sender = lab.peer(torrent, 1000).await?;
    sender.offer(message::offers(5)).await?;
    match count(owner, Kind::Offer).await {
        0 => differs("no offer reaches the owner"),
        _ => Ok("an offer reaches the owner".to_owned()),
    }
}

async fn foreign_stop(lab: &Lab) -> Outcome {
    as_stranger(lab, "stopped").await
}

async fn foreign_completed(lab: &Lab) -> Outcome {
    as_stranger(lab, "completed").await
}

/// Checks that another socket's event in the owner's name leaves the owner's entry a leecher.
async fn as_stranger(lab: &Lab, event: &str) -> Outcome {
    let torrent = torrent();
    let owner = lab.peer(torrent, 1000).await?;
    let mut stranger = lab.socket().await?;
    stranger
        .say(&message::event(torrent, owner.id, event))
        .await?;
    stranger.settled().await;
    stranger.close().await;
    let mut other = lab.peer(torrent, 1000).await?;
    other.socket.settled().await;
    other
        .socket
        .say(&message::update(torrent, other.id))
        .await?;
    expect_counts(&other.socket.response(torrent).await?, 0, 2)
}

/// A new leecher, and the tracker id it is told.
async fn with_tracker_id(lab: &Lab, torrent: InfoHash) -> Result<(Peer, Value), Miss> {
    let mut peer = Peer {
        socket: lab.socket().await?,
        torrent,
        id: peer_id(),
    };
    peer.socket.say(&peer.announce()).await?;
    let response = peer.socket.response(torrent).await?;
    let told = response.get("tracker id").filter(|told| !told.is_null());
    let none = || Miss::Skipped("it gives no `tracker id`, and need not".to_owned());
    let told = told.cloned().ok_or_else(none)?;
    Ok((peer, told))
}

async fn returns(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let (mut owner, told) = with_tracker_id(lab, torrent).await?;
    let mut answerer = lab.peer(torrent, 1000).await?;
    owner.offer(message::offers(1)).await?;
    let offer = answerer.socket.offer(torrent).await?;
    let announce = message::with(owner.announce(), "trackerid", told);
    let mut returned = Peer {
        socket: lab.socket().await?,
        torrent,
        id: owner.id,
    };
    returned.socket.say(&announce).await?;
    let counts = expect_counts(&returned.socket.response(torrent).await?, 0, 2)?;
    let answer = message::answer(torrent, answerer.id, &json!(owner.id), &offer["offer_id"]);
    answerer.socket.say(&answer).await?;
    returned.socket.answer(torrent).await?;
    match count(&mut owner, Kind::Answer).await {
        0 => Ok(format!("{counts}, and the answer")),
        _ => differs("the answer comes to the old socket, too"),
    }
}

async fn foreign_tracker_id(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let (mut owner, _) = with_tracker_id(lab, torrent).await?;
    let (_stranger, told) = with_tracker_id(lab, torrent).await?;
    let announce = message::with(owner.announce(), "trackerid", told);
    let _impostor = same_peer(lab, &owner, announce).await?;
    given_offers(lab, torrent, &mut owner).await
}

/// How many messages of this kind come until it is quiet.
async fn count(peer: &mut Peer, kind: Kind) -> usize {
    let heard = peer.socket.settled().await;
    heard
        .iter()
        .filter(|message| message::kind(message) == kind)
        .count()
}
