use std::time::Duration;

use tracker_protocol::{Announce, Answer, InfoHash, PeerId};

use crate::ConnectionId;

/// One thing that happened. Borrowed parts are copied only where they are relayed; a command that
/// travels to another task or node is made with `into_owned` of its message.
#[derive(Debug, Clone)]
pub enum Command<'a> {
    /// A peer announces itself.
    Announce {
        /// The connection it came on, the owner of the entry.
        from: ConnectionId,
        /// What it said.
        announce: Announce<'a>,
    },
    /// A peer answers an offer.
    Answer {
        /// The connection it came on.
        from: ConnectionId,
        /// What it said.
        answer: Answer<'a>,
    },
    /// A client asks about torrents; `None` asks for all, which is refused.
    Scrape {
        /// The connection it came on.
        from: ConnectionId,
        /// The torrents.
        info_hashes: Option<Vec<InfoHash>>,
    },
    /// A connection is gone, and with it everything it owned.
    Disconnect {
        /// The connection.
        connection: ConnectionId,
    },
    /// An operator drops a swarm and forgets its count, not who has completed it. Its peers are told;
    /// they may come back.
    RemoveTorrent {
        /// The torrent.
        info_hash: InfoHash,
    },
    /// An operator drops a peer from a swarm: all entries with that id. They are told.
    KickPeer {
        /// The torrent.
        info_hash: InfoHash,
        /// The peer.
        peer_id: PeerId,
    },
    /// What the store knows of a torrent: sent for each one at the start, and whenever
    /// [`crate::Fact::TorrentOpened`] names one whose count memory may have forgotten. May come more
    /// than once.
    Restore(RestoredTorrent),
    /// A connection's outbox is full. Its peers are chosen last for 10 s from the latest such word.
    /// One that owns no entry is not remembered.
    Congested {
        /// The connection.
        connection: ConnectionId,
    },
    /// The round trip of a ping on a connection. Among equals the nearer peer is chosen. It counts
    /// for the entries the connection owns at this time.
    Measured {
        /// The connection.
        connection: ConnectionId,
        /// The time.
        rtt: Duration,
    },
    /// How busy the tracker is: intervals grow to the longest at 1000 and are ordinary at 0. Holds
    /// until the next.
    Load {
        /// Thousandths of what it can bear.
        permille: u16,
    },
    /// The time that [`crate::Swarms::poll_timeout`] named has come.
    Tick,
}

/// Durable knowledge about one torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredTorrent {
    /// The torrent.
    pub info_hash: InfoHash,
    /// Times it was completed; the greater of this and what is in memory holds.
    pub completed: u64,
    /// Peers that must not count again when they report completion.
    pub completed_by: Vec<PeerId>,
}
