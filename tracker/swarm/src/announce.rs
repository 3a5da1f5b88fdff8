//! Announces: joining, staying, completing, leaving, and handing out offers.

use std::borrow::Cow;
use std::time::Instant;

use rand::Rng;
use tracker_protocol::{Announce, Announced, Event, InfoHash, ServerMessage, Subject};

use crate::entry::{Entry, Key};
use crate::swarm::Swarm;
use crate::ticket::{Secret, Ticket};
use crate::{
    Change, Class, Config, ConnectionId, Departure, Fact, Full, Output, PeerStats, Role, Swarms,
};

impl<R: Rng> Swarms<R> {
    pub(crate) fn announce(&mut self, now: Instant, from: ConnectionId, announce: Announce<'_>) {
        let info_hash = announce.info_hash;
        let key = Key {
            peer_id: announce.peer_id,
            connection: from,
        };
        let echoed = announce.tracker_id.as_deref().and_then(Ticket::parse);
        let known = self.recognise(info_hash, key, echoed);
        if announce.event == Event::Stopped {
            if let Some(number) = known {
                self.leave(number, Departure::Stopped);
            }
            return self.respond(from, info_hash, None);
        }
        let stats = stats(&announce);
        let was_seed = known.is_some_and(|number| self.entries.slab[number].role == Role::Seed);
        let entered = match known {
            Some(number) => self.renew(now, number, from, stats),
            None => self.join(now, info_hash, key, stats),
        };
        let number = match entered {
            Ok(number) => number,
            Err(full) => {
                self.output(Output::AnnounceRefused { from, full });
                let reason = full.reason(&self.config);
                return self.fail(from, Subject::Announce(info_hash), reason);
            }
        };
        if announce.event == Event::Completed && !was_seed {
            self.complete(number);
        }
        // A client keeps the last tracker id it was told.
        let ticket = self.entries.ticket(number);
        let tracker_id = (echoed != Some(ticket)).then(|| ticket.text());
        self.respond(from, info_hash, tracker_id);
        let wanted = announce
            .numwant
            .and_then(|numwant| usize::try_from(numwant).ok())
            .map_or(self.config.offers, |wanted| wanted.min(self.config.offers));
        let met = self.relay_offers(now, number, wanted, announce.offers);
        if known.is_none() {
            self.give_parked(now, number, wanted - met.len(), met);
        }
    }

    /// Sends the response to an announce.
    fn respond(&mut self, to: ConnectionId, info_hash: InfoHash, tracker_id: Option<String>) {
        let counts = self.counts(info_hash);
        let announced = Announced {
            info_hash,
            interval: Some(self.interval(counts.complete + counts.incomplete)),
            min_interval: None,
            complete: Some(counts.complete),
            incomplete: Some(counts.incomplete),
            downloaded: Some(counts.downloaded),
            tracker_id: tracker_id.map(Cow::Owned),
            warning: None,
        };
        self.send(to, Class::Response, ServerMessage::Announced(announced));
    }

    /// The entry that an announce is about: the one of this connection, or else the one whose ticket
    /// it echoes. A peer id alone proves nothing, everybody in the swarm knows it.
    fn recognise(&self, info_hash: InfoHash, key: Key, echoed: Option<Ticket>) -> Option<u32> {
        let swarm = *self.numbers.get(&info_hash)?;
        self.entries.find(swarm, key).or_else(|| {
            let ticket = echoed?;
            let entry = self.entries.with_ticket(ticket)?;
            let is_theirs = entry.swarm == swarm && entry.peer_id == key.peer_id;
            is_theirs.then_some(ticket.number)
        })
    }

    /// Enters what a known peer announced. If it came back on another connection, that owns its entry
    /// from here on.
    fn renew(
        &mut self,
        now: Instant,
        number: u32,
        from: ConnectionId,
        stats: PeerStats,
    ) -> Result<u32, Full> {
        let tick = self.tick(now);
        let owner = self.entries.slab[number].connection;
        let mut change = Change::Updated;
        if owner != from {
            self.admit(from)?;
            change = Change::Returned { from: owner };
            self.entries.hand_over(number, from);
            self.released(owner);
            let entry = &mut self.entries.slab[number];
            entry.excuse();
            entry.standing.is_congested = self.congested.contains_key(&from);
            entry.standing.rtt_ms = 0;
        }
        let entry = &mut self.entries.slab[number];
        let was = entry.role;
        entry.update(tick, stats);
        let swarm = &mut self.swarms[entry.swarm];
        swarm.members.sort(&mut self.entries.slab, number);
        self.uncount(was);
        self.count(stats.role);
        self.tell(number, change);
        Ok(number)
    }

    /// Takes in a newcomer; the error says what is full.
    fn join(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        key: Key,
        stats: PeerStats,
    ) -> Result<u32, Full> {
        self.admit(key.connection)?;
        let swarm = self.open(info_hash)?;
        let tick = self.tick(now);
        let secret = Secret(self.rng.next_u64());
        let mut entry = Entry::new(swarm, key, stats, secret, tick);
        entry.deadline = tick.after(self.config.peer_ttl);
        entry.standing.is_congested = self.congested.contains_key(&key.connection);
        let deadline = entry.deadline;
        let number = self.entries.insert(entry);
        self.deadlines.insert((deadline, number));
        self.swarms[swarm]
            .members
            .insert(&mut self.entries.slab, number);
        self.count(stats.role);
        self.tell(number, Change::Joined);
        Ok(number)
    }

    fn tell(&mut self, number: u32, change: Change) {
        let entry = &self.entries.slab[number];
        self.output(Output::Fact(Fact::Peer {
            info_hash: self.swarms[entry.swarm].info_hash,
            connection: entry.connection,
            peer_id: entry.peer_id,
            change,
            stats: entry.stats(),
        }));
    }

    /// Refuses a connection one more entry where it has too many.
    fn admit(&self, connection: ConnectionId) -> Result<(), Full> {
        if self.entries.count_of(connection) >= self.config.entries_per_connection {
            return Err(Full::Connection);
        }
        Ok(())
    }

    /// The swarm of this torrent, if it has room for one more peer, made if need be with the count
    /// it had before.
    fn open(&mut self, info_hash: InfoHash) -> Result<u32, Full> {
        if let Some(&number) = self.numbers.get(&info_hash) {
            if self.swarms[number].members.len() >= self.config.peers_per_torrent {
                return Err(Full::Torrent);
            }
            return Ok(number);
        }
        if self.swarms.len() >= self.config.torrents {
            return Err(Full::Tracker);
        }
        self.output(Output::Fact(Fact::TorrentOpened { info_hash }));
        let completed = self.completed_counts.take(info_hash);
        let number = self.swarms.insert(Swarm::new(info_hash, completed));
        self.numbers.insert(info_hash, number);
        Ok(number)
    }

    /// Counts a completed download, once for each peer id.
    fn complete(&mut self, number: u32) {
        let entry = &self.entries.slab[number];
        let peer_id = entry.peer_id;
        let swarm = &mut self.swarms[entry.swarm];
        let info_hash = swarm.info_hash;
        if self.completed_peers.insert(info_hash, peer_id) {
            swarm.completed += 1;
            self.output(Output::Fact(Fact::Completed { info_hash, peer_id }));
        }
    }

    pub(crate) fn count(&mut self, role: Role) {
        match role {
            Role::Seed => self.seeds += 1,
            Role::Leecher => self.leechers += 1,
        }
    }

    pub(crate) fn uncount(&mut self, role: Role) {
        match role {
            Role::Seed => self.seeds -= 1,
            Role::Leecher => self.leechers -= 1,
        }
    }
}

impl Full {
    fn reason(self, config: &Config) -> String {
        match self {
            Self::Connection => format!(
                "connection is in `{}` swarms, the most allowed; stop one of them first",
                config.entries_per_connection
            ),
            Self::Torrent => format!(
                "torrent has `{}` peers, the most allowed; try again later",
                config.peers_per_torrent
            ),
            Self::Tracker => format!(
                "tracker has `{}` torrents, the most allowed; try again later",
                config.torrents
            ),
        }
    }
}

/// The state an announce reports. Each announce speaks for itself: a seed that says it misses
/// something is a leecher again.
fn stats(announce: &Announce<'_>) -> PeerStats {
    let is_seed = announce.left == Some(0) || announce.event == Event::Completed;
    PeerStats {
        role: if is_seed { Role::Seed } else { Role::Leecher },
        left: announce.left,
        uploaded: announce.uploaded.unwrap_or(0),
        downloaded: announce.downloaded.unwrap_or(0),
    }
}
