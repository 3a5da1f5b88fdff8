use std::ops::Bound;
use std::time::{Duration, Instant};

use rand::Rng;
use tracker_protocol::{InfoHash, PeerId};

use crate::entry::Entry;
use crate::swarm::Swarm;
use crate::{ConnectionId, PeerStats, Swarms};

/// Sizes of the whole state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Swarms with at least one peer.
    pub torrents: usize,
    /// Seeds in all swarms.
    pub seeds: u64,
    /// Leechers in all swarms.
    pub leechers: u64,
    /// Connections that own at least one swarm entry.
    pub connections: usize,
    /// Offers that wait for a peer to join.
    pub parked_offers: usize,
    /// Bytes these take, each counted with 256 for its place.
    pub parked_bytes: usize,
    /// Offers that waited and were forgotten for want of room, since the beginning.
    pub parked_evicted: u64,
    /// Torrents without peers whose completed count is remembered.
    pub remembered_torrents: usize,
    /// Peers remembered as having completed a torrent.
    pub remembered_completions: usize,
}

/// One swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torrent {
    /// Its name.
    pub info_hash: InfoHash,
    /// Seeds in it.
    pub seeds: usize,
    /// Leechers in it.
    pub leechers: usize,
    /// Times it was completed.
    pub completed: u64,
    /// Offers given to its peers since it had its first.
    pub offers_given: u64,
    /// Of these, answered in time.
    pub offers_answered: u64,
}

/// One entry of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The peer.
    pub peer_id: PeerId,
    /// The owner of the entry.
    pub connection: ConnectionId,
    /// Its state.
    pub stats: PeerStats,
    /// When it joined, within an eighth of a second.
    pub joined: Instant,
    /// When it was last heard of, within an eighth of a second.
    pub last_seen: Instant,
    /// Offers it was given in this swarm.
    pub offers_given: u32,
    /// Of these, answered in time.
    pub offers_answered: u32,
    /// The round trip of a ping on its connection, as last measured since it joined.
    pub round_trip: Option<Duration>,
    /// Whether it is chosen last: it does not answer, or its connection takes nothing in.
    pub is_set_aside: bool,
}

impl<R: Rng> Swarms<R> {
    /// Whether the connection owns any entry.
    pub fn is_in_a_swarm(&self, connection: ConnectionId) -> bool {
        self.entries.count_of(connection) > 0
    }

    /// Sizes of the whole state.
    pub fn totals(&self) -> Totals {
        Totals {
            torrents: self.swarms.len(),
            seeds: self.seeds,
            leechers: self.leechers,
            connections: self.entries.owners(),
            parked_offers: self.parking.len(),
            parked_bytes: self.parking.bytes(),
            parked_evicted: self.parking.evicted(),
            remembered_torrents: self.completed_counts.len(),
            remembered_completions: self.completed_peers.len(),
        }
    }

    /// Swarms in the order of their info-hash, after the cursor. Each step costs the same, however
    /// many there are.
    pub fn torrents(&self, after: Option<InfoHash>) -> impl Iterator<Item = Torrent> + '_ {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.numbers
            .range((start, Bound::Unbounded))
            .map(|(_, number)| Torrent::new(&self.swarms[*number]))
    }

    /// One swarm; `None` if it has no peers.
    pub fn torrent(&self, info_hash: InfoHash) -> Option<Torrent> {
        self.swarm(info_hash).map(Torrent::new)
    }

    /// Up to `limit` entries of one swarm in the order of peer id and connection, after the cursor.
    /// Looks at every entry of the swarm.
    pub fn peers(
        &self,
        info_hash: InfoHash,
        after: Option<(PeerId, ConnectionId)>,
        limit: usize,
    ) -> Vec<Peer> {
        let Some(swarm) = self.swarm(info_hash) else {
            return Vec::new();
        };
        let mut entries: Vec<&Entry> = swarm
            .members
            .iter()
            .map(|number| &self.entries.slab[number])
            .filter(|entry| after.is_none_or(|after| (entry.peer_id, entry.connection) > after))
            .collect();
        if limit < entries.len() {
            entries.select_nth_unstable_by_key(limit, |entry| entry.key());
            entries.truncate(limit);
        }
        entries.sort_unstable_by_key(|entry| entry.key());
        entries.into_iter().map(|entry| self.shown(entry)).collect()
    }

    /// The peer ids of one swarm's entries, in no order; one may come more than once.
    pub fn peer_ids(&self, info_hash: InfoHash) -> impl Iterator<Item = PeerId> + '_ {
        let members = self.swarm(info_hash).map(|swarm| swarm.members.iter());
        let numbers = members.into_iter().flatten();
        numbers.map(|number| self.entries.slab[number].peer_id)
    }

    fn shown(&self, entry: &Entry) -> Peer {
        Peer {
            peer_id: entry.peer_id,
            connection: entry.connection,
            stats: entry.stats(),
            joined: self.instant(entry.joined),
            last_seen: self.instant(entry.last_seen),
            offers_given: entry.standing.given,
            offers_answered: entry.standing.answered,
            round_trip: entry.standing.round_trip(),
            is_set_aside: !entry.is_willing(),
        }
    }
}

impl Torrent {
    fn new(swarm: &Swarm) -> Self {
        Self {
            info_hash: swarm.info_hash,
            seeds: swarm.seeds(),
            leechers: swarm.leechers(),
            completed: swarm.completed,
            offers_given: swarm.offers_given,
            offers_answered: swarm.offers_answered,
        }
    }
}
