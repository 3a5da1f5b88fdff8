//! Announces: joining, staying, completing, leaving, and handing out offers.

use std::time::Instant;

use rand::Rng;
use tracker_protocol::{Announce, Announced, Event, InfoHash, ServerMessage, Subject};

use crate::relay::Offerer;
use crate::swarm::{Entry, Key, Swarm};
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
        if announce.event == Event::Stopped {
            self.leave(info_hash, key, Departure::Stopped);
            return self.respond(from, info_hash);
        }
        let stats = stats(&announce);
        let change = match self.join_or_update(now, info_hash, key, stats, announce.event) {
            Ok(change) => change,
            Err(full) => {
                self.output(Output::AnnounceRefused { from, full });
                let reason = full.reason(&self.config);
                return self.fail(from, Subject::Announce(info_hash), reason);
            }
        };
        self.respond(from, info_hash);
        let wanted = announce
            .numwant
            .and_then(|numwant| usize::try_from(numwant).ok())
            .map_or(self.config.offers, |wanted| wanted.min(self.config.offers));
        let peer = Offerer {
            info_hash,
            key,
            role: stats.role,
        };
        let met = self.relay_offers(now, peer, wanted, announce.offers);
        if change == Change::Joined {
            self.give_parked(now, peer, wanted - met.len(), met);
        }
    }

    /// Sends the response to an announce.
    fn respond(&mut self, to: ConnectionId, info_hash: InfoHash) {
        let counts = self.counts(info_hash);
        let announced = Announced {
            info_hash,
            interval: Some(self.interval(counts.complete + counts.incomplete)),
            min_interval: None,
            complete: Some(counts.complete),
            incomplete: Some(counts.incomplete),
            downloaded: Some(counts.downloaded),
            tracker_id: None,
            warning: None,
        };
        self.send(to, Class::Response, ServerMessage::Announced(announced));
    }

    /// Enters the announced state; the error says what is full when a newcomer is not taken in.
    fn join_or_update(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        key: Key,
        stats: PeerStats,
        event: Event,
    ) -> Result<Change, Full> {
        let was = self.update(now, info_hash, key, stats);
        let change = if was.is_some() {
            Change::Updated
        } else {
            self.join(now, info_hash, key, stats)?;
            Change::Joined
        };
        self.output(Output::Fact(Fact::Peer {
            info_hash,
            connection: key.connection,
            peer_id: key.peer_id,
            change,
            stats,
        }));
        if event == Event::Completed && was != Some(Role::Seed) {
            self.complete(info_hash, key);
        }
        Ok(change)
    }

    /// Renews an entry, if there is one, and returns the role it had.
    fn update(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        key: Key,
        stats: PeerStats,
    ) -> Option<Role> {
        let swarm = self.swarms.get_mut(&info_hash)?;
        let was = swarm.update(now, key, stats)?;
        self.uncount(was);
        self.count(stats.role);
        Some(was)
    }

    /// Takes in a newcomer.
    fn join(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        key: Key,
        stats: PeerStats,
    ) -> Result<(), Full> {
        self.admit(info_hash, key)?;
        let deadline = now + self.config.peer_ttl;
        self.deadlines.insert((deadline, info_hash, key));
        let owned = self.owned.entry(key.connection).or_default();
        owned.push((info_hash, key.peer_id));
        let mut entry = Entry::new(stats, now, deadline);
        entry.standing.is_congested = self.congested.contains_key(&key.connection);
        self.count(stats.role);
        self.open(info_hash).insert(key, entry);
        Ok(())
    }

    /// Refuses a newcomer where a bound is reached.
    fn admit(&self, info_hash: InfoHash, key: Key) -> Result<(), Full> {
        let config = &self.config;
        let owned = self.owned.get(&key.connection).map_or(0, Vec::len);
        if owned >= config.entries_per_connection {
            return Err(Full::Connection);
        }
        match self.swarms.get(&info_hash) {
            Some(swarm) if swarm.len() >= config.peers_per_torrent => Err(Full::Torrent),
            None if self.swarms.len() >= config.torrents => Err(Full::Tracker),
            _ => Ok(()),
        }
    }

    /// The swarm of this torrent, made if need be with the count it had before.
    fn open(&mut self, info_hash: InfoHash) -> &mut Swarm {
        if !self.swarms.contains_key(&info_hash) {
            self.output(Output::Fact(Fact::TorrentOpened { info_hash }));
        }
        let completed_counts = &mut self.completed_counts;
        self.swarms
            .entry(info_hash)
            .or_insert_with(|| Swarm::new(completed_counts.take(info_hash)))
    }

    /// Counts a completed download, once for each peer id.
    fn complete(&mut self, info_hash: InfoHash, key: Key) {
        if !self.completed_peers.insert(info_hash, key.peer_id) {
            return;
        }
        if let Some(swarm) = self.swarms.get_mut(&info_hash) {
            swarm.completed += 1;
        }
        self.output(Output::Fact(Fact::Completed {
            info_hash,
            peer_id: key.peer_id,
        }));
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
