//! The model's offers that wait for a joiner.

use std::time::Instant;

use tracker_protocol::{InfoHash, OfferId, PeerId};

use super::model::{Model, Peer};
use crate::entry::Key;
use crate::{ConnectionId, Role};

/// What each offer of a random run takes where it waits: `{}` and its place.
pub(super) const PARKED_BYTES: usize = 2 + 256;

/// An offer that waits for a joiner.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    pub(super) info_hash: InfoHash,
    pub(super) offerer: Key,
    pub(super) offer_id: OfferId,
    pub(super) since: Instant,
}

impl Model {
    /// Notes that the offers of a peer that found no receiver replace those that wait. All offers
    /// of a random run have the same size.
    pub(super) fn park(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        offerer: Key,
        offers: &[OfferId],
    ) {
        let is_theirs =
            |waiting: &Waiting| (waiting.info_hash, waiting.offerer) == (info_hash, offerer);
        self.waiting.retain(|waiting| !is_theirs(waiting));
        for offer_id in offers {
            let of_torrent = |waiting: &Waiting| waiting.info_hash == info_hash;
            let inside = self.waiting.iter().filter(|waiting| of_torrent(waiting));
            if inside.count() >= self.config.parked_bytes_per_torrent / PARKED_BYTES {
                let oldest = self.waiting.iter().position(of_torrent);
                self.waiting.remove(oldest.expect("there are some"));
            }
            if self.waiting.len() >= self.config.parked_bytes / PARKED_BYTES {
                self.waiting.remove(0);
            }
            self.waiting.push(Waiting {
                info_hash,
                offerer,
                offer_id: offer_id.clone(),
                since: now,
            });
        }
    }

    /// Takes out the waiting offers that a joiner gets: one of each peer it has not met, those of
    /// seeds first, then the latest first.
    pub(super) fn unpark(&mut self, joiner: &Peer, met: &[PeerId], wanted: usize) -> Vec<Waiting> {
        let mut taken: Vec<Waiting> = Vec::new();
        for role in [Role::Seed, Role::Leecher] {
            for index in (0..self.waiting.len()).rev() {
                let waiting = &self.waiting[index];
                let offerer = waiting.offerer.peer_id;
                let suits = waiting.info_hash == joiner.info_hash
                    && self.role(waiting.info_hash, waiting.offerer) == role
                    && offerer != joiner.peer_id
                    && !met.contains(&offerer)
                    && (role, joiner.stats.role) != (Role::Seed, Role::Seed)
                    && taken.iter().all(|other| other.offerer.peer_id != offerer);
                if suits && taken.len() < wanted {
                    taken.push(self.waiting.remove(index));
                }
            }
        }
        taken
    }

    /// What a peer owes and what of it waits goes with it to another connection.
    pub(super) fn hand_over(&mut self, index: usize, to: ConnectionId) {
        let peer = &mut self.peers[index];
        let (info_hash, old) = (peer.info_hash, peer.key());
        peer.connection = to;
        let new = peer.key();
        for waiting in &mut self.waiting {
            if (waiting.info_hash, waiting.offerer) == (info_hash, old) {
                waiting.offerer = new;
            }
        }
        for given in &mut self.given {
            if (given.info_hash, given.receiver) == (info_hash, (old.connection, old.peer_id)) {
                given.receiver = (new.connection, new.peer_id);
            }
        }
    }

    pub(super) fn role(&self, info_hash: InfoHash, key: Key) -> Role {
        let is_it = |peer: &&Peer| peer.info_hash == info_hash && peer.key() == key;
        let peer = self.peers.iter().find(is_it).expect("it is there");
        peer.stats.role
    }
}
