use std::time::Instant;

use tracker_protocol::{InfoHash, PeerId};

use crate::{ConnectionId, PeerStats};

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
    /// When it joined.
    pub joined: Instant,
    /// When it was last heard of.
    pub last_seen: Instant,
}
