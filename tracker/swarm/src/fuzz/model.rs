//! The same behaviour, told naively: lists that are searched from end to end.

use std::time::{Duration, Instant};

use tracker_protocol::{Announce, Answer, Event, InfoHash, OfferId, PeerId};

use super::waiting::Waiting;
use crate::entry::Key;
use crate::{
    Change, Command, Config, ConnectionId, Departure, Fact, Full, PeerStats, Refusal,
    RestoredTorrent, Role,
};

#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) info_hash: InfoHash,
    pub(super) connection: ConnectionId,
    pub(super) peer_id: PeerId,
    pub(super) stats: PeerStats,
    pub(super) last_seen: Instant,
    /// Which entry it is, whatever connection owns it, and the tracker id its client was told.
    serial: u64,
    pub(super) tracker_id: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) info_hash: InfoHash,
    pub(super) offerer: (ConnectionId, PeerId),
    pub(super) receiver: (ConnectionId, PeerId),
    pub(super) offer_id: OfferId,
    offerer_serial: u64,
    at: Instant,
}

impl Peer {
    pub(super) fn key(&self) -> Key {
        Key {
            peer_id: self.peer_id,
            connection: self.connection,
        }
    }
}

/// What must come out besides relayed offers.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    /// A response with the counts of a torrent.
    Response(ConnectionId, [u64; 3]),
    /// Entries of a scrape.
    Scraped(ConnectionId, Vec<(InfoHash, [u64; 3])>),
    Failure(ConnectionId),
    Full(ConnectionId, Full),
    /// An answer of this peer to this offer.
    Answer(ConnectionId, PeerId, OfferId),
    Refused(ConnectionId, Refusal),
    Fact(Fact),
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) config: Config,
    pub(super) peers: Vec<Peer>,
    pub(super) given: Vec<Given>,
    /// Oldest first.
    pub(super) waiting: Vec<Waiting>,
    completed: Vec<(InfoHash, u64)>,
    completed_by: Vec<(InfoHash, PeerId)>,
    expected: Vec<Expected>,
    serial: u64,
}

impl Model {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            peers: Vec::new(),
            given: Vec::new(),
            waiting: Vec::new(),
            completed: Vec::new(),
            completed_by: Vec::new(),
            expected: Vec::new(),
            serial: 0,
        }
    }

    /// What the command must cause, in no particular order.
    pub(super) fn handle(&mut self, now: Instant, command: &Command<'_>) -> Vec<Expected> {
        let parked_for = self.config.parked_for;
        self.waiting
            .retain(|waiting| waiting.since + parked_for > now);
        let ttl = self.config.peer_ttl;
        self.leave(Departure::Expired, |peer| peer.last_seen + ttl <= now);
        match command {
            Command::Announce { from, announce } => self.announce(now, *from, announce),
            Command::Answer { from, answer } => self.answer(now, *from, answer),
            Command::Scrape {
                from,
                info_hashes: None,
            } => {
                self.expected.push(Expected::Failure(*from));
            }
            Command::Scrape {
                from,
                info_hashes: Some(list),
            } => {
                let mut list = list.clone();
                list.sort();
                list.dedup();
                let counts = list.iter().map(|&hash| (hash, self.counts(hash))).collect();
                self.expected.push(Expected::Scraped(*from, counts));
            }
            Command::Disconnect { connection } => {
                self.leave(Departure::Disconnected, |peer| {
                    peer.connection == *connection
                });
            }
            Command::RemoveTorrent { info_hash } => {
                self.evict(|peer| peer.info_hash == *info_hash);
                self.completed.retain(|(hash, _)| hash != info_hash);
                let fact = Fact::TorrentRemoved {
                    info_hash: *info_hash,
                };
                self.expected.push(Expected::Fact(fact));
            }
            Command::KickPeer { info_hash, peer_id } => {
                self.evict(|peer| (peer.info_hash, peer.peer_id) == (*info_hash, *peer_id));
            }
            Command::Restore(restored) => self.restore(restored),
            Command::Congested { .. }
            | Command::Measured { .. }
            | Command::Load { .. }
            | Command::Tick => {}
        }
        std::mem::take(&mut self.expected)
    }

    /// Peers that may get an offer of this one.
    pub(super) fn candidates(
        &self,
        info_hash: InfoHash,
        offerer: PeerId,
        role: Role,
    ) -> Vec<&Peer> {
        let takes = |peer: &&Peer| {
            let roles_match = role == Role::Leecher || peer.stats.role == Role::Leecher;
            peer.info_hash == info_hash && peer.peer_id != offerer && roles_match
        };
        self.peers.iter().filter(takes).collect()
    }

    /// Notes that an offer was relayed.
    pub(super) fn give(
        &mut self,
        at: Instant,
        info_hash: InfoHash,
        offerer: (ConnectionId, PeerId),
        receiver: (ConnectionId, PeerId),
        offer_id: OfferId,
    ) {
        let is_offerer = |peer: &&Peer| {
            (peer.info_hash, peer.connection, peer.peer_id) == (info_hash, offerer.0, offerer.1)
        };
        let entry = self.peers.iter().find(is_offerer);
        let offerer_serial = entry.expect("the offerer is in").serial;
        self.given.retain(|given| {
            let same = given.info_hash == info_hash
                && given.offerer_serial == offerer_serial
                && given.receiver == receiver
                && given.offer_id == offer_id;
            // The receiver's next offer is also the moment to forget those that are too old.
            let stale = given.info_hash == info_hash
                && given.receiver == receiver
                && given.at + Duration::from_secs(5) <= at;
            !same && !stale
        });
        self.given.push(Given {
            info_hash,
            offerer,
            receiver,
            offer_id,
            offerer_serial,
            at,
        });
    }

    pub(super) fn counts(&self, info_hash: InfoHash) -> [u64; 3] {
        let of_role = |role| {
            let matches = |peer: &&Peer| peer.info_hash == info_hash && peer.stats.role == role;
            self.peers.iter().filter(matches).count() as u64
        };
        let completed = self.completed.iter().find(|(hash, _)| *hash == info_hash);
        [
            of_role(Role::Seed),
            of_role(Role::Leecher),
            completed.map_or(0, |(_, count)| *count),
        ]
    }

    fn announce(&mut self, now: Instant, from: ConnectionId, announce: &Announce<'_>) {
        let info_hash = announce.info_hash;
        let is_same = |peer: &Peer| {
            (peer.info_hash, peer.connection, peer.peer_id) == (info_hash, from, announce.peer_id)
        };
        let echoed = announce.tracker_id.as_deref();
        let is_theirs = |peer: &Peer| {
            (peer.info_hash, peer.peer_id) == (info_hash, announce.peer_id)
                && echoed.is_some()
                && peer.tracker_id.as_deref() == echoed
        };
        let was = self.peers.iter().position(is_same);
        let was = was.or_else(|| self.peers.iter().position(is_theirs));
        if announce.event == Event::Stopped {
            let serial = was.map(|index| self.peers[index].serial);
            self.leave(Departure::Stopped, |peer| Some(peer.serial) == serial);
        } else {
            let owner = was.map(|index| self.peers[index].connection);
            let connection = (owner != Some(from)).then(|| self.full_connection(from));
            let swarm = was.is_none().then(|| self.full_swarm(info_hash));
            if let Some(full) = connection.flatten().or(swarm.flatten()) {
                self.expected.push(Expected::Full(from, full));
                return self.expected.push(Expected::Failure(from));
            }
            if let Some(index) = was
                && owner != Some(from)
            {
                self.hand_over(index, from);
            }
            self.serial += 1;
            let known = was.map(|index| &self.peers[index]);
            let peer = Peer {
                info_hash,
                connection: from,
                peer_id: announce.peer_id,
                stats: stats(announce),
                last_seen: now,
                serial: known.map_or(self.serial, |peer| peer.serial),
                tracker_id: known.and_then(|peer| peer.tracker_id.clone()),
            };
            let was = was.map(|index| self.peers.remove(index));
            if was.is_none() && !self.peers.iter().any(|peer| peer.info_hash == info_hash) {
                let fact = Fact::TorrentOpened { info_hash };
                self.expected.push(Expected::Fact(fact));
            }
            let change = match owner {
                None => Change::Joined,
                Some(owner) if owner == from => Change::Updated,
                Some(owner) => Change::Returned { from: owner },
            };
            self.expect_peer(&peer, change);
            let pair = (info_hash, announce.peer_id);
            let was_seed = was.is_some_and(|peer| peer.stats.role == Role::Seed);
            if announce.event == Event::Completed && !was_seed && !self.completed_by.contains(&pair)
            {
                self.completed_by.push(pair);
                let count = self.counts(info_hash)[2] + 1;
                self.set_completed(info_hash, count);
                let peer_id = announce.peer_id;
                let fact = Fact::Completed { info_hash, peer_id };
                self.expected.push(Expected::Fact(fact));
            }
            self.peers.push(peer);
        }
        let counts = self.counts(info_hash);
        self.expected.push(Expected::Response(from, counts));
    }

    fn full_connection(&self, from: ConnectionId) -> Option<Full> {
        let owned = self.peers.iter().filter(|peer| peer.connection == from);
        (owned.count() >= self.config.entries_per_connection).then_some(Full::Connection)
    }

    fn full_swarm(&self, info_hash: InfoHash) -> Option<Full> {
        let inside = self.peers.iter().filter(|peer| peer.info_hash == info_hash);
        let mut torrents: Vec<_> = self.peers.iter().map(|peer| peer.info_hash).collect();
        torrents.sort();
        torrents.dedup();
        if inside.count() >= self.config.peers_per_torrent {
            return Some(Full::Torrent);
        }
        (torrents.len() >= self.config.torrents && !torrents.contains(&info_hash))
            .then_some(Full::Tracker)
    }

    fn answer(&mut self, now: Instant, from: ConnectionId, answer: &Answer<'_>) {
        let key = (answer.info_hash, from, answer.peer_id);
        let is_answerer = |peer: &&mut Peer| (peer.info_hash, peer.connection, peer.peer_id) == key;
        let Some(peer) = self.peers.iter_mut().find(is_answerer) else {
            return self
                .expected
                .push(Expected::Refused(from, Refusal::NotInSwarm));
        };
        peer.last_seen = now;
        let offerer = |given: &Given| {
            let is_it = |peer: &&Peer| peer.serial == given.offerer_serial;
            self.peers.iter().find(is_it)
        };
        let is_it = |given: &&Given| {
            given.info_hash == answer.info_hash
                && given.receiver == (from, answer.peer_id)
                && given.offer_id == answer.offer_id
        };
        // Of an offerer that has left no name is known.
        let is_theirs =
            |given: &&Given| offerer(given).is_some_and(|peer| peer.peer_id == answer.to_peer_id);
        let mut named = self.given.iter().filter(is_it);
        let given = named.clone().find(is_theirs);
        let given = given.or_else(|| named.find(|given| offerer(given).is_none()));
        self.expected.push(match given {
            None => Expected::Refused(from, Refusal::NotOffered),
            Some(given) if given.at + self.config.offer_ttl <= now => {
                Expected::Refused(from, Refusal::Late)
            }
            Some(given) => match offerer(given) {
                None => Expected::Refused(from, Refusal::OffererGone),
                Some(offerer) => {
                    Expected::Answer(offerer.connection, answer.peer_id, answer.offer_id.clone())
                }
            },
        });
        let settled = given.map(|given| (given.offerer_serial, given.at));
        if let Some(settled) = settled {
            let is_settled =
                |given: &Given| is_it(&given) && (given.offerer_serial, given.at) == settled;
            let index = self.given.iter().position(is_settled);
            self.given.remove(index.expect("it is there"));
        }
    }

    fn restore(&mut self, restored: &RestoredTorrent) {
        let known = self.counts(restored.info_hash)[2];
        self.set_completed(restored.info_hash, known.max(restored.completed));
        for peer_id in &restored.completed_by {
            let pair = (restored.info_hash, *peer_id);
            if !self.completed_by.contains(&pair) {
                self.completed_by.push(pair);
            }
        }
    }

    fn set_completed(&mut self, info_hash: InfoHash, count: u64) {
        self.completed.retain(|(hash, _)| *hash != info_hash);
        self.completed.push((info_hash, count));
    }

    fn evict(&mut self, whom: impl Fn(&Peer) -> bool) {
        for peer in self.leave(Departure::Removed, whom) {
            self.expected.push(Expected::Failure(peer.connection));
        }
    }

    fn leave(&mut self, departure: Departure, whom: impl Fn(&Peer) -> bool) -> Vec<Peer> {
        let (gone, stay): (Vec<_>, Vec<_>) = self.peers.drain(..).partition(|peer| whom(peer));
        self.peers = stay;
        let mut closed: Vec<InfoHash> = Vec::new();
        for peer in &gone {
            self.expect_peer(peer, Change::Left(departure));
            let info_hash = peer.info_hash;
            let is_open = self.peers.iter().any(|peer| peer.info_hash == info_hash);
            if !is_open && !closed.contains(&info_hash) {
                closed.push(info_hash);
                let fact = Fact::TorrentClosed { info_hash };
                self.expected.push(Expected::Fact(fact));
            }
            self.waiting
                .retain(|waiting| (waiting.info_hash, waiting.offerer) != (info_hash, peer.key()));
            self.given.retain(|given| {
                (given.info_hash, given.receiver) != (info_hash, (peer.connection, peer.peer_id))
            });
        }
        gone
    }

    fn expect_peer(&mut self, peer: &Peer, change: Change) {
        self.expected.push(Expected::Fact(Fact::Peer {
            info_hash: peer.info_hash,
            connection: peer.connection,
            peer_id: peer.peer_id,
            change,
            stats: peer.stats,
        }));
    }
}

fn stats(announce: &Announce<'_>) -> PeerStats {
    let is_seed = announce.left == Some(0) || announce.event == Event::Completed;
    PeerStats {
        role: if is_seed { Role::Seed } else { Role::Leecher },
        left: announce.left,
        uploaded: announce.uploaded.unwrap_or(0),
        downloaded: announce.downloaded.unwrap_or(0),
    }
}
