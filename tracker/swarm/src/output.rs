use tracker_protocol::{InfoHash, PeerId, ServerMessage};

use crate::ConnectionId;

/// One thing to do, in order.
#[derive(Debug, Clone)]
pub enum Output {
    /// Write a message to a connection; the node that holds it is `to.node()`.
    Send {
        /// The receiver.
        to: ConnectionId,
        /// What may be dropped first when its outbox is full.
        class: Class,
        /// What to write.
        message: ServerMessage<'static>,
    },
    /// Something durable changed.
    Fact(Fact),
    /// An announce was refused because there is room for no more; the failure that says so comes
    /// with it.
    AnnounceRefused {
        /// Who sent it.
        from: ConnectionId,
        /// What is full.
        full: Full,
    },
    /// An answer was not relayed. Nothing is sent: a late answer is no mistake, and the client
    /// expects no response to an answer.
    AnswerRefused {
        /// Who sent it.
        from: ConnectionId,
        /// Why.
        refusal: Refusal,
    },
}

/// The kinds of messages, for outboxes: a full one drops offers first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The response to an announce or a scrape.
    Response,
    /// Another peer's offer.
    Offer,
    /// The answer to an offer of the receiver.
    Answer,
    /// A refusal.
    Failure,
}

/// What has room for no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Full {
    /// The connection: [`crate::Config::entries_per_connection`].
    Connection,
    /// The torrent: [`crate::Config::peers_per_torrent`].
    Torrent,
    /// The tracker: [`crate::Config::torrents`].
    Tracker,
}

/// Why an answer was not relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The peer is not in the swarm on this connection.
    NotInSwarm,
    /// The peer was not given this offer, or has answered it.
    NotOffered,
    /// The offer is older than [`crate::Config::offer_ttl`].
    Late,
    /// The peer that made the offer has left.
    OffererGone,
}

/// What a store keeps. Counts are increments, so that a store is right even when it knows more
/// than the memory does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A swarm got its first peer. A store that knows its counts and finds that memory may not
    /// (more torrents than [`crate::Config::remembered_torrents`]) answers with `Restore`.
    TorrentOpened {
        /// The torrent.
        info_hash: InfoHash,
    },
    /// A swarm lost its last peer.
    TorrentClosed {
        /// The torrent.
        info_hash: InfoHash,
    },
    /// An operator removed the torrent: forget its counts and peers.
    TorrentRemoved {
        /// The torrent.
        info_hash: InfoHash,
    },
    /// A peer of a swarm changed.
    Peer {
        /// The torrent.
        info_hash: InfoHash,
        /// The owner of the entry.
        connection: ConnectionId,
        /// The peer.
        peer_id: PeerId,
        /// How.
        change: Change,
        /// Its state after the change, or before it left.
        stats: PeerStats,
    },
    /// The torrent's completed count grew by one, and this peer will not count again.
    Completed {
        /// The torrent.
        info_hash: InfoHash,
        /// The peer.
        peer_id: PeerId,
    },
}

/// How a peer changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It joined the swarm.
    Joined,
    /// It announced again.
    Updated,
    /// It announced on another connection than before, and proved that it is the same peer.
    Returned {
        /// The connection that owned the entry.
        from: ConnectionId,
    },
    /// It is gone.
    Left(Departure),
}

/// Why a peer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Departure {
    /// It said so.
    Stopped,
    /// Its connection closed.
    Disconnected,
    /// It was silent for [`crate::Config::peer_ttl`].
    Expired,
    /// An operator removed it or its torrent.
    Removed,
}

/// A peer's state by its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerStats {
    /// Seed or leecher.
    pub role: Role,
    /// Bytes still to get; `None` if it did not say.
    pub left: Option<u64>,
    /// Bytes sent.
    pub uploaded: u64,
    /// Bytes received.
    pub downloaded: u64,
}

/// Whether a peer has everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It announced `left` of exactly 0, or `completed`.
    Seed,
    /// Anything else.
    Leecher,
}
