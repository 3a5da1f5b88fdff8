//! What goes into a choker and what comes out.

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

/// Names a connection of the process; made by the shell, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u64);

/// How many peers are served at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// So many, at least 1.
    Fixed(usize),
    /// As many as the rate carries: each slot brings `step` bytes a second more than the one before
    /// it, so that a slow uplink serves few at a usable speed and a fast one many.
    ByRate {
        /// Never fewer, at least 1.
        least: usize,
        /// Never more.
        most: usize,
        /// Bytes a second.
        step: u64,
    },
}

/// Who of the line is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Who was sent the fewest bytes, then who has waited longest.
    LeastServed,
    /// Who lacks the fewest bytes, then who has waited longest: the first become seeds soon.
    NearestFinish,
}

/// The policy's numbers.
#[derive(Debug, Clone)]
pub struct ChokerConfig {
    /// Peers served at a time, over all torrents. Never exceeded.
    pub slots: Slots,
    /// Peers of one torrent served at a time, at least 1.
    pub slots_per_torrent: usize,
    /// Of the slots, those that go round by the longest wait whatever `order` says. With none, all do
    /// once a peer has waited for half of `patience`.
    pub optimistic: usize,
    /// Who is served first.
    pub order: Order,
    /// Connections, those being negotiated included.
    pub max_peers: usize,
    /// Connections of one torrent, those being negotiated included.
    pub max_peers_per_torrent: usize,
    /// Connected peers of one address (IPv6: of one /64).
    pub max_peers_per_address: usize,
    /// Connections being negotiated.
    pub max_negotiations: usize,
    /// How long a peer may have to wait for a slot. A choked webtorrent.js page leaves after 5 s.
    pub patience: Duration,
    /// Least length of a turn, however long the line.
    pub shortest_turn: Duration,
    /// Bytes below which a turn goes on, while nobody in the line has waited for half of `patience`.
    /// None by default: turns by time alone are fairer and start sooner.
    pub quantum: u64,
    /// How long a served peer may ask for nothing before it loses its slot to a waiting one.
    pub idle: Duration,
    /// Served time without a byte taken, while requests are pending, after which a peer is closed.
    pub stall: Duration,
    /// How long a negotiation may take from admission to the BitTorrent handshake.
    pub negotiation: Duration,
    /// How long a negotiation is safe from being given up for a newer one.
    pub haste: Duration,
    /// How long a connected peer may be uninterested before it may be closed to make room.
    pub uninterested: Duration,
}

impl ChokerConfig {
    /// Returns the name of a number that is zero and must not be: nobody would ever be served.
    pub fn is_zero(&self) -> Option<&'static str> {
        let slots = match self.slots {
            Slots::Fixed(slots) => slots,
            Slots::ByRate { least, most, .. } => least.min(most),
        };
        [
            ("slots", slots),
            ("slots_per_torrent", self.slots_per_torrent),
            ("max_peers", self.max_peers),
            ("max_peers_per_torrent", self.max_peers_per_torrent),
            ("max_peers_per_address", self.max_peers_per_address),
            ("max_negotiations", self.max_negotiations),
        ]
        .into_iter()
        .find(|(_, number)| *number == 0)
        .map(|(name, _)| name)
    }
}

impl Default for ChokerConfig {
    fn default() -> Self {
        Self {
            slots: Slots::Fixed(8),
            slots_per_torrent: usize::MAX,
            optimistic: 0,
            order: Order::LeastServed,
            max_peers: 64,
            max_peers_per_torrent: usize::MAX,
            max_peers_per_address: 32,
            max_negotiations: 32,
            patience: Duration::from_secs(4),
            shortest_turn: Duration::from_millis(500),
            quantum: 0,
            idle: Duration::from_secs(1),
            stall: Duration::from_secs(45),
            negotiation: Duration::from_secs(30),
            haste: Duration::from_secs(5),
            uninterested: Duration::from_secs(60),
        }
    }
}

/// What the shell tells of a peer. Events of a peer that is not known are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerEvent {
    /// The address that the peer's packets come from.
    Located(IpAddr),
    /// Handshakes are done (`Output::Handshaken`).
    Joined,
    /// The peer wants something we have (`Output::Interested(true)`).
    Interested,
    /// The peer wants nothing (`Output::Interested(false)`).
    NotInterested,
    /// The peer began (`true`) or ceased to have requests that can be answered (`Output::Requesting`).
    Requesting(bool),
    /// This many bytes of content were taken by the peer's channel.
    Sent {
        /// Bytes of blocks, headers not counted.
        bytes: u64,
    },
    /// The peer lacks this many bytes of content. Of use to [`Order::NearestFinish`] alone.
    Missing {
        /// Bytes of pieces that it has not told to have.
        bytes: u64,
    },
    /// The peer has every piece (`Output::Complete`).
    Complete,
    /// The connection or the negotiation is over.
    Left,
}

/// What the shell has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChokerOutput {
    /// Give `Input::Choke` to the peer's session.
    Choke(PeerKey),
    /// Give `Input::Unchoke` to the peer's session.
    Unchoke(PeerKey),
    /// Close the connection or give up the negotiation. The choker has forgotten the peer already.
    Close(PeerKey, Removal),
}

/// Why an offer is left unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// `max_peers` or `max_peers_per_torrent` are connected or negotiating and none can be let go.
    #[error("all places are taken")]
    Full,
    /// All slots are busy and the line is full.
    #[error("the line for a slot is full")]
    LongLine,
    /// `max_negotiations` are going on, all of them young.
    #[error("too many connections are being made")]
    Busy,
}

/// Why a peer is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Removal {
    /// It took nothing of what it asked for.
    #[error("requests, but takes nothing")]
    Stalled,
    /// It was admitted and did not join in time.
    #[error("negotiation took too long")]
    NegotiationTimeout,
    /// It was admitted, did not join for a while, and a newer peer needs its place.
    #[error("negotiation goes on, and its place is needed")]
    Negotiating,
    /// It has everything, and its place is needed.
    #[error("complete, and its place is needed")]
    Complete,
    /// It wants nothing, and its place is needed.
    #[error("not interested, and its place is needed")]
    Uninterested,
    /// As many peers of its address are connected as may be.
    #[error("too many peers have its address")]
    CrowdedAddress,
}
