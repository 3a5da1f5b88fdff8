//! What the database does not know yet: at most one row a torrent and a peer.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use tracker_protocol::{InfoHash, PeerId};

use crate::bans::{BANS, Ban};
use crate::cidr::Cidr;

/// Peers that may wait to be written. Beyond it facts about further peers are
/// dropped and counted: the live swarms know better, and the peer's next announce
/// makes the fact anew.
pub(crate) const CHANGED_PEERS_MAX: usize = 200_000;

/// Torrents that may wait to be written: as many as a default tracker may have at
/// a time. Beyond it facts about further ones are dropped and counted.
pub(crate) const CHANGED_TORRENTS_MAX: usize = 200_000;

/// Bans that may wait to be written: twice as many as there may be at a time, since
/// those that are lifted are written, too. Beyond it further ones are dropped and
/// counted.
pub(crate) const CHANGED_BANS_MAX: usize = 2 * BANS;

/// What to change in a torrent's row. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TorrentChange {
    /// Completions to add: the database may know of more than the memory does.
    pub(crate) completed: u64,
    pub(crate) first_seen: i64,
    pub(crate) last_seen: i64,
}

/// A peer as the database keeps it. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerRow {
    pub(crate) seeder: bool,
    pub(crate) left: Option<u64>,
    pub(crate) uploaded: u64,
    pub(crate) downloaded: u64,
    pub(crate) transport: Transport,
    pub(crate) present: bool,
    pub(crate) first_seen: i64,
    pub(crate) last_seen: i64,
}

/// How a peer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A WebSocket.
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

/// Rows to write in one transaction: deletions first, then the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) deleted: BTreeSet<InfoHash>,
    pub(crate) torrents: BTreeMap<InfoHash, TorrentChange>,
    pub(crate) peers: BTreeMap<(InfoHash, PeerId), PeerRow>,
    /// Peers that the torrent's `completed` counts from here on.
    pub(crate) counted: BTreeSet<(InfoHash, PeerId)>,
    /// `None` for a ban that was lifted.
    pub(crate) bans: BTreeMap<Cidr, Option<Ban>>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.deleted.is_empty()
            && self.torrents.is_empty()
            && self.peers.is_empty()
            && self.counted.is_empty()
            && self.bans.is_empty()
    }

    /// Rows that wait.
    pub(crate) fn len(&self) -> usize {
        self.deleted.len() + self.torrents.len() + self.peers.len() + self.bans.len()
    }

    /// Notes that the torrent was seen, and how often it was completed; returns
    /// false when there is no room for one more torrent.
    pub(crate) fn torrent(&mut self, info_hash: InfoHash, change: TorrentChange) -> bool {
        let full = self.torrents.len() >= CHANGED_TORRENTS_MAX;
        match self.torrents.entry(info_hash) {
            Entry::Vacant(_) if full => false,
            Entry::Vacant(entry) => {
                entry.insert(change);
                true
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.completed += change.completed;
                known.last_seen = change.last_seen;
                true
            }
        }
    }

    /// Notes that the torrent's `completed` counts the peer; returns false when
    /// there is no room for one more.
    pub(crate) fn counted(&mut self, info_hash: InfoHash, peer_id: PeerId) -> bool {
        let room = self.counted.len() < CHANGED_PEERS_MAX;
        if room {
            self.counted.insert((info_hash, peer_id));
        }
        room
    }

    /// Notes the peer's state; returns false when there is no room for one more peer.
    pub(crate) fn peer(&mut self, info_hash: InfoHash, peer_id: PeerId, row: PeerRow) -> bool {
        let full = self.peers.len() >= CHANGED_PEERS_MAX;
        match self.peers.entry((info_hash, peer_id)) {
            Entry::Vacant(_) if full => false,
            Entry::Vacant(entry) => {
                entry.insert(row);
                true
            }
            Entry::Occupied(mut entry) => {
                let first_seen = entry.get().first_seen;
                entry.insert(PeerRow { first_seen, ..row });
                true
            }
        }
    }

    /// Notes a network's ban; returns false when there is no room for one more.
    pub(crate) fn ban(&mut self, network: Cidr, ban: Option<Ban>) -> bool {
        let room = self.bans.len() < CHANGED_BANS_MAX || self.bans.contains_key(&network);
        if room {
            self.bans.insert(network, ban);
        }
        room
    }

    /// Notes that the torrent and its peers are to be forgotten.
    pub(crate) fn delete(&mut self, info_hash: InfoHash) {
        self.torrents.remove(&info_hash);
        self.peers.retain(|(of, _), _| *of != info_hash);
        self.counted.retain(|(of, _)| *of != info_hash);
        self.deleted.insert(info_hash);
    }

    /// Puts back `older` changes that could not be written, under the newer ones here.
    pub(crate) fn restore(&mut self, older: Self) {
        let newer = std::mem::replace(self, older);
        for info_hash in newer.deleted {
            self.delete(info_hash);
        }
        for (info_hash, row) in newer.torrents {
            self.torrent(info_hash, row);
        }
        for ((info_hash, peer_id), row) in newer.peers {
            self.peer(info_hash, peer_id, row);
        }
        self.counted.extend(newer.counted);
        for (network, ban) in newer.bans {
            self.ban(network, ban);
        }
    }
}

impl Transport {
    /// Its name in the database and in the admin API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}
