//! Leaving: by word, by a closed connection, by silence, by an operator.

use std::time::Instant;

use rand::Rng;
use tracker_protocol::{InfoHash, PeerId, Subject};

use crate::entry::Key;
use crate::{Change, ConnectionId, Departure, Fact, Output, Swarms};

impl<R: Rng> Swarms<R> {
    /// Removes the entries that were silent for too long, and the offers that waited for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.parking.expire(now);
        self.relieve(now);
        let tick = self.tick(now);
        while let Some(&(deadline, number)) = self.deadlines.first() {
            if deadline > tick {
                return;
            }
            let entry = &mut self.entries.slab[number];
            let death = entry.last_seen.after(self.config.peer_ttl);
            if death <= tick {
                self.leave(number, Departure::Expired);
            } else {
                // It was heard of since: announces do not touch the index, so look again later.
                entry.deadline = death;
                self.deadlines.pop_first();
                self.deadlines.insert((death, number));
            }
        }
    }

    /// Removes everything a connection owns.
    pub(crate) fn disconnect(&mut self, connection: ConnectionId) {
        while let Some(number) = self.entries.first_of(connection) {
            self.leave(number, Departure::Disconnected);
        }
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
        let Some(swarm) = self.swarm(info_hash) else {
            return;
        };
        let entry = |number: &u32| &self.entries.slab[*number];
        let numbers: Vec<u32> = swarm
            .members
            .iter()
            .filter(|number| whom(&entry(number).key()))
            .collect();
        for number in numbers {
            let connection = self.entries.slab[number].connection;
            self.leave(number, Departure::Removed);
            self.fail(connection, Subject::Announce(info_hash), reason);
        }
    }

    /// Removes an entry, and its swarm with its last one.
    pub(crate) fn leave(&mut self, number: u32, departure: Departure) {
        let swarm_number = self.entries.slab[number].swarm;
        let swarm = &mut self.swarms[swarm_number];
        swarm.members.remove(&mut self.entries.slab, number);
        let (info_hash, completed) = (swarm.info_hash, swarm.completed);
        let is_empty = swarm.members.is_empty();
        let ticket = self.entries.ticket(number);
        let entry = self.entries.remove(number);
        self.deadlines.remove(&(entry.deadline, number));
        if entry.has_parked {
            self.parking.forget(info_hash, ticket);
        }
        self.released(entry.connection);
        self.uncount(entry.role);
        self.output(Output::Fact(Fact::Peer {
            info_hash,
            connection: entry.connection,
            peer_id: entry.peer_id,
            change: Change::Left(departure),
            stats: entry.stats(),
        }));
        if is_empty {
            self.numbers.remove(&info_hash);
            self.swarms.remove(swarm_number);
            self.completed_counts.remember(info_hash, completed);
            self.output(Output::Fact(Fact::TorrentClosed { info_hash }));
        }
    }

    /// Forgets what is only known of owners when a connection has lost an entry.
    pub(crate) fn released(&mut self, connection: ConnectionId) {
        if self.entries.count_of(connection) == 0 {
            self.forget_congestion(connection);
        }
    }
}
