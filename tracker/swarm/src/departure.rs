//! Leaving: by word, by a closed connection, by silence, by an operator.

use std::time::Instant;

use rand::Rng;
use tracker_protocol::{InfoHash, PeerId, Subject};

use crate::swarm::Key;
use crate::{Change, ConnectionId, Departure, Fact, Output, Swarms};

impl<R: Rng> Swarms<R> {
    /// Removes the entries that were silent for too long, and the offers that waited for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.parking.expire(now);
        self.relieve(now);
        while let Some(&(deadline, info_hash, key)) = self.deadlines.first() {
            if deadline > now {
                return;
            }
            let entry = self
                .swarms
                .get_mut(&info_hash)
                .and_then(|swarm| swarm.entry_mut(key))
                .expect("each deadline belongs to an entry");
            let death = entry.last_seen + self.config.peer_ttl;
            if death <= now {
                self.leave(info_hash, key, Departure::Expired);
            } else {
                // It was heard of since: announces do not touch the index, so look again later.
                entry.deadline = death;
                self.deadlines.pop_first();
                self.deadlines.insert((death, info_hash, key));
            }
        }
    }

    /// Removes everything a connection owns.
    pub(crate) fn disconnect(&mut self, connection: ConnectionId) {
        for (info_hash, peer_id) in self.owned.remove(&connection).unwrap_or_default() {
            let key = Key {
                peer_id,
                connection,
            };
            self.remove(info_hash, key, Departure::Disconnected);
        }
        self.forget_congestion(connection);
        self.shrink_owned();
    }

    pub(crate) fn remove_torrent(&mut self, info_hash: InfoHash) {
        self.evict(info_hash, |_| true, "torrent was removed by the operator");
        self.completed_counts.take(info_hash);
        self.output(Output::Fact(Fact::TorrentRemoved { info_hash }));
    }

    pub(crate) fn kick(&mut self, info_hash: InfoHash, peer_id: PeerId) {
        let reason = "peer was removed by the operator";
        self.evict(info_hash, |key| key.peer_id == peer_id, reason);
    }

    /// Removes entries of a swarm and tells their owners.
    fn evict(&mut self, info_hash: InfoHash, whom: impl Fn(&Key) -> bool, reason: &'static str) {
        let Some(swarm) = self.swarms.get(&info_hash) else {
            return;
        };
        let keys: Vec<Key> = swarm.entries().map(|(key, _)| *key).filter(whom).collect();
        for key in keys {
            self.leave(info_hash, key, Departure::Removed);
            self.fail(key.connection, Subject::Announce(info_hash), reason);
        }
    }

    /// Removes an entry, if there is one, also from what its connection owns.
    pub(crate) fn leave(&mut self, info_hash: InfoHash, key: Key, departure: Departure) {
        if !self.remove(info_hash, key, departure) {
            return;
        }
        let owned = self
            .owned
            .get_mut(&key.connection)
            .expect("the connection of an entry owns it");
        let position = owned
            .iter()
            .position(|entry| *entry == (info_hash, key.peer_id))
            .expect("the connection of an entry owns it");
        owned.swap_remove(position);
        if owned.is_empty() {
            self.owned.remove(&key.connection);
            self.forget_congestion(key.connection);
            self.shrink_owned();
        } else if owned.capacity() > 16 + 4 * owned.len() {
            owned.shrink_to(2 * owned.len());
        }
    }

    /// Removes an entry from its swarm, and the swarm with its last entry.
    fn remove(&mut self, info_hash: InfoHash, key: Key, departure: Departure) -> bool {
        let Some(swarm) = self.swarms.get_mut(&info_hash) else {
            return false;
        };
        let Some(entry) = swarm.remove(key) else {
            return false;
        };
        let is_empty = swarm.len() == 0;
        let completed = swarm.completed;
        self.deadlines.remove(&(entry.deadline, info_hash, key));
        if entry.has_parked {
            self.parking.forget(info_hash, key);
        }
        self.uncount(entry.stats.role);
        self.output(Output::Fact(Fact::Peer {
            info_hash,
            connection: key.connection,
            peer_id: key.peer_id,
            change: Change::Left(departure),
            stats: entry.stats,
        }));
        if is_empty {
            self.swarms.remove(&info_hash);
            self.completed_counts.remember(info_hash, completed);
            self.output(Output::Fact(Fact::TorrentClosed { info_hash }));
        }
        true
    }

    fn shrink_owned(&mut self) {
        if self.owned.capacity() > 16 + 4 * self.owned.len() {
            self.owned.shrink_to(2 * self.owned.len());
        }
    }
}
