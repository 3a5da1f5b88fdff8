//! What a random run checks of relayed offers.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use tracker_protocol::{Announce, Event, InfoHash, OfferId, PeerId, RelayedOffer, ServerMessage};

use super::Reached;
use super::model::{Model, Peer};
use super::waiting::Waiting;
use crate::entry::Key;
use crate::{ConnectionId, Output, Role, Swarms};

/// Each offer went to at most one other live peer, each peer got at most one, and as many were
/// relayed as could be.
pub(super) fn check_offers(
    swarms: &Swarms<StdRng>,
    model: &mut Model,
    now: Instant,
    from: ConnectionId,
    announce: &Announce<'_>,
    outputs: &[Output],
    reached: &mut Reached,
) -> Vec<PeerId> {
    let offerer = Key {
        peer_id: announce.peer_id,
        connection: from,
    };
    let is_seed = announce.left == Some(0) || announce.event == Event::Completed;
    let role = if is_seed { Role::Seed } else { Role::Leecher };
    let candidates = model.candidates(announce.info_hash, announce.peer_id, role);
    let is_member = |peer: &&Peer| {
        (peer.info_hash, peer.connection, peer.peer_id)
            == (announce.info_hash, from, announce.peer_id)
    };
    let is_in = model.peers.iter().any(|peer| is_member(&peer));
    let wanted = if is_in { wanted(announce) } else { 0 };
    assert_eq!(outputs.len(), wanted.min(candidates.len()));

    let mut receivers = BTreeSet::new();
    let mut given = Vec::new();
    for (output, offered) in outputs.iter().zip(&announce.offers) {
        let (to, offer) = (receiver_of(output), offer(output));
        assert_eq!(offer.offer_id, offered.offer_id);
        assert_eq!(offer.offer.get(), offered.offer.get());
        assert_eq!(
            (offer.info_hash, offer.peer_id),
            (announce.info_hash, announce.peer_id)
        );
        let until = Some(now + Duration::from_secs(5));
        let owing: Vec<Key> = keys(swarms, announce.info_hash)
            .filter(|key| owes(swarms, announce.info_hash, *key, offerer, &offer.offer_id) == until)
            .collect();
        let receiver = candidates
            .iter()
            .filter(|peer| peer.connection == to)
            .filter(|peer| owing.contains(&peer.key()))
            .find(|peer| receivers.insert(peer.key()))
            .unwrap_or_else(|| panic!("{to} is no candidate or got two"));
        if receiver.stats.role == Role::Seed {
            reached.insert("offer to a seed");
        }
        given.push((
            (receiver.connection, receiver.peer_id),
            offer.offer_id.clone(),
        ));
    }
    if is_in && !announce.offers.is_empty() {
        let rest = &announce.offers[outputs.len()..wanted];
        let rest: Vec<_> = rest.iter().map(|offer| offer.offer_id.clone()).collect();
        model.park(now, announce.info_hash, offerer, &rest);
    }
    let mut met = Vec::new();
    for (receiver, offer_id) in given {
        met.push(receiver.1);
        let offerer = (from, announce.peer_id);
        model.give(now, announce.info_hash, offerer, receiver, offer_id);
    }
    met
}

/// Notes the tracker id that a client is told; it is told none that it knows.
pub(super) fn hear(
    model: &mut Model,
    from: ConnectionId,
    announce: &Announce<'_>,
    outputs: &[Output],
) {
    let told = outputs.iter().find_map(|output| match output {
        Output::Send {
            message: ServerMessage::Announced(announced),
            ..
        } => announced.tracker_id.clone(),
        Output::Send { .. }
        | Output::Fact(_)
        | Output::AnnounceRefused { .. }
        | Output::AnswerRefused { .. } => None,
    });
    let is_it = |peer: &&mut Peer| {
        let key = (peer.info_hash, peer.connection, peer.peer_id);
        key == (announce.info_hash, from, announce.peer_id)
    };
    match (told, model.peers.iter_mut().find(is_it)) {
        (Some(told), Some(peer)) => {
            assert_ne!(announce.tracker_id.as_deref(), Some(&*told));
            let known = peer.tracker_id.get_or_insert_with(|| told.to_string());
            assert_eq!(*known, told, "a peer has one as long as it is there");
        }
        (None, Some(peer)) => {
            assert_eq!(announce.tracker_id.as_deref(), peer.tracker_id.as_deref())
        }
        (told, None) => assert_eq!(told, None),
    }
}

/// How many of its offers an announce wants relayed.
fn wanted(announce: &Announce<'_>) -> usize {
    match announce.event {
        Event::Stopped => 0,
        Event::Started | Event::Completed | Event::Update => {
            announce.offers.len().min(numwant(announce))
        }
    }
}

/// Offers a peer may give or get at once.
pub(super) fn numwant(announce: &Announce<'_>) -> usize {
    let numwant = announce
        .numwant
        .map_or(usize::MAX, |wanted| wanted as usize);
    numwant.min(3)
}

/// The joiner got the parked offers that the model says, and owes an answer to each.
pub(super) fn check_parked(
    swarms: &Swarms<StdRng>,
    model: &mut Model,
    now: Instant,
    joiner: &Peer,
    expected: Vec<Waiting>,
    outputs: &[Output],
    reached: &mut Reached,
) {
    let given: Vec<_> = outputs
        .iter()
        .map(|output| (receiver_of(output), offer(output)))
        .map(|(to, offer)| (to, offer.info_hash, offer.peer_id, offer.offer_id.clone()))
        .collect();
    let taken = expected.iter().map(|waiting| {
        let Waiting {
            info_hash,
            offerer,
            offer_id,
            ..
        } = waiting.clone();
        (joiner.connection, info_hash, offerer.peer_id, offer_id)
    });
    assert_eq!(given, taken.collect::<Vec<_>>());
    for waiting in expected {
        let Waiting {
            info_hash,
            offerer,
            offer_id,
            ..
        } = &waiting;
        let until = owes(swarms, *info_hash, joiner.key(), *offerer, offer_id);
        assert_eq!(until, Some(now + Duration::from_secs(5)));
        reached.insert(match model.role(joiner.info_hash, waiting.offerer) {
            Role::Seed => "parked offer of a seed",
            Role::Leecher => "parked offer of a leecher",
        });
        let offerer = (waiting.offerer.connection, waiting.offerer.peer_id);
        let receiver = (joiner.connection, joiner.peer_id);
        model.give(now, joiner.info_hash, offerer, receiver, waiting.offer_id);
    }
}

fn keys(swarms: &Swarms<StdRng>, info_hash: InfoHash) -> impl Iterator<Item = Key> {
    let members = swarms.swarm(info_hash).map(|swarm| swarm.members.iter());
    let numbers = members.into_iter().flatten();
    numbers.map(|number| swarms.entries.slab[number].key())
}

/// Until when a peer may answer an offer of another.
fn owes(
    swarms: &Swarms<StdRng>,
    info_hash: InfoHash,
    peer: Key,
    offerer: Key,
    offer_id: &OfferId,
) -> Option<Instant> {
    let swarm = swarms.numbers[&info_hash];
    let number = |key| swarms.entries.find(swarm, key).expect("it is in");
    let offerer = swarms.entries.ticket(number(offerer));
    let until = swarms.entries.slab[number(peer)].owes(offerer, offer_id);
    until.map(|until| swarms.instant(until))
}

fn receiver_of(output: &Output) -> ConnectionId {
    match output {
        Output::Send { to, .. } => *to,
        Output::Fact(_) | Output::AnnounceRefused { .. } | Output::AnswerRefused { .. } => {
            panic!("not sent: {output:?}")
        }
    }
}

pub(super) fn offer(output: &Output) -> &RelayedOffer<'static> {
    match output {
        Output::Send {
            message: ServerMessage::Offer(offer),
            ..
        } => offer,
        Output::Send { .. }
        | Output::Fact(_)
        | Output::AnnounceRefused { .. }
        | Output::AnswerRefused { .. } => {
            panic!("no offer: {output:?}")
        }
    }
}
