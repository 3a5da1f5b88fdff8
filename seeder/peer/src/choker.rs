//! Who is served, who waits, who is let in: one policy for all peers of a process.

mod line;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use thiserror::Error;

/// Peers a slot that may stand in the line before offers are left unanswered. With the default
/// patience the line is then served in turns of half a second.
const LINE_PER_SLOT: usize = 4;

/// Names a connection of the process; made by the shell, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u64);

/// The policy's numbers.
#[derive(Debug, Clone)]
pub struct ChokerConfig {
    /// Peers served at a time, at least 1. Never exceeded.
    pub slots: usize,
    /// Connections, those being negotiated included.
    pub max_peers: usize,
    /// How long a peer may have to wait for a slot. A choked webtorrent.js page leaves after 5 s.
    pub patience: Duration,
    /// Least length of a turn, however long the line.
    pub shortest_turn: Duration,
    /// How long a served peer may ask for nothing before it loses its slot to a waiting one.
    pub idle: Duration,
    /// Served time without a byte taken, while requests are pending, after which a peer is closed.
    pub stall: Duration,
    /// How long a negotiation may take from admission to the BitTorrent handshake.
    pub negotiation: Duration,
    /// How long a connected peer may be uninterested before it may be closed to make room.
    pub uninterested: Duration,
}

impl Default for ChokerConfig {
    fn default() -> Self {
        Self {
            slots: 8,
            max_peers: 64,
            patience: Duration::from_secs(4),
            shortest_turn: Duration::from_millis(500),
            idle: Duration::from_secs(1),
            stall: Duration::from_secs(45),
            negotiation: Duration::from_secs(30),
            uninterested: Duration::from_secs(60),
        }
    }
}

/// What the shell tells of a peer. Events of a peer that is not known are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerEvent {
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
    /// `max_peers` are connected or negotiating and none can be let go.
    #[error("all places are taken")]
    Full,
    /// All slots are busy and the line is full.
    #[error("the line for a slot is full")]
    LongLine,
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
    /// It has everything, and its place is needed.
    #[error("complete, and its place is needed")]
    Complete,
    /// It wants nothing, and its place is needed.
    #[error("not interested, and its place is needed")]
    Uninterested,
}

/// Decides who is served, who waits and who is let in.
///
/// The rules answer to what a choked webtorrent.js page does: it leaves after 5 s while any of its
/// other connections is still being made. So:
///
/// - **Admission first.** An offer is left unanswered when `max_peers` are connected or negotiating and
///   none of them can be let go, or when the line is four peers a slot long already.
/// - **Slots.** Never more than `slots` peers are unchoked. A peer is unchoked when it is interested and
///   a slot is free; otherwise it stands in the line.
/// - **Turns.** While nobody waits, a served peer keeps its slot. While somebody waits a turn lasts half
///   of `patience` divided by the rounds it takes to serve the line, so that the whole line is served
///   within that half; never less than `shortest_turn`.
/// - **The line.** Who has waited for half of `patience` goes first, the longest waiting before others;
///   then who was sent the fewest bytes, so that a newcomer gets its first bytes soon; then who has
///   waited longest. A stream of newcomers can therefore take the first half of `patience` from a
///   waiting peer, never the second.
/// - **Early ends.** A peer that has everything or is not interested frees its slot at once; one that
///   asks for nothing for `idle`, only if somebody waits; one that takes nothing of what it asked for
///   in `stall` of served time is closed.
///
/// Turns are measured in time alone. Counting pieces, as libtorrent's round robin does, would bind the
/// length of a turn to the piece length (16 KiB to 16 MiB) and leave it without an upper bound.
#[derive(Debug)]
pub struct Choker {
    config: ChokerConfig,
    now: Option<Instant>,
    peers: BTreeMap<PeerKey, Peer>,
    /// Keys of peers whose standing is `Served`; at most `slots`.
    served: BTreeSet<PeerKey>,
    /// Keys of peers whose standing is `Waiting`.
    waiting: BTreeSet<PeerKey>,
    /// Keys of peers whose standing is `Negotiating`, by deadline.
    negotiating: BTreeSet<(Instant, PeerKey)>,
    outputs: VecDeque<ChokerOutput>,
}

#[derive(Debug)]
struct Peer {
    standing: Standing,
    /// Bytes of content sent so far.
    sent: u64,
    /// Served time of earlier turns in which requests were pending and nothing was taken.
    stalled: Duration,
    /// Whether requests are pending.
    requesting: bool,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    Negotiating { until: Instant },
    Uninterested { since: Instant },
    Waiting { since: Instant },
    Served { since: Instant, progress: Instant },
    Complete { since: Instant },
}

impl Choker {
    /// Makes a choker without peers.
    ///
    /// # Panics
    /// If `config.slots` is zero: nobody would ever be served.
    pub fn new(config: ChokerConfig) -> Self {
        assert!(config.slots > 0, "a choker needs at least one slot");
        Self {
            config,
            now: None,
            peers: BTreeMap::new(),
            served: BTreeSet::new(),
            waiting: BTreeSet::new(),
            negotiating: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Asks for a place for a peer whose offer (or answer) has come. On `Ok` the peer is negotiating
    /// until `Joined` or `Left`; to make room another may have been closed.
    ///
    /// # Errors
    /// If there is no place; the offer is then left unanswered.
    pub fn admit(&mut self, now: Instant, peer: PeerKey) -> Result<(), Refusal> {
        let now = self.advance(now);
        if self.peers.contains_key(&peer) {
            return Ok(());
        }
        if self.room_in_line() == 0 {
            return Err(Refusal::LongLine);
        }
        if self.peers.len() >= self.config.max_peers {
            let (key, removal) = self.dispensable(now).ok_or(Refusal::Full)?;
            self.close(key, removal);
        }
        let until = now + self.config.negotiation;
        self.negotiating.insert((until, peer));
        self.peers.insert(peer, Peer::negotiating(until));
        Ok(())
    }

    /// Takes in what happened to a peer.
    pub fn handle(&mut self, now: Instant, peer: PeerKey, event: PeerEvent) {
        let now = self.advance(now);
        let Some(standing) = self.peers.get(&peer).map(|peer| peer.standing) else {
            return;
        };
        match (event, standing) {
            (PeerEvent::Sent { bytes }, _) => self.on_sent(now, peer, bytes),
            (PeerEvent::Requesting(requesting), _) => self.on_requesting(now, peer, requesting),
            (PeerEvent::Left, _) => self.forget(peer),
            (PeerEvent::Complete, _) => self.stand(peer, now, Standing::Complete { since: now }),
            (PeerEvent::Joined, Standing::Negotiating { .. })
            | (PeerEvent::NotInterested, Standing::Waiting { .. } | Standing::Served { .. }) => {
                self.stand(peer, now, Standing::Uninterested { since: now });
            }
            // A complete peer that dropped what it had may become interested again.
            (
                PeerEvent::Interested,
                Standing::Negotiating { .. }
                | Standing::Uninterested { .. }
                | Standing::Complete { .. },
            ) => self.stand(peer, now, Standing::Waiting { since: now }),
            (PeerEvent::Joined | PeerEvent::Interested | PeerEvent::NotInterested, _) => {}
        }
        self.settle(now);
    }

    /// Lets time pass: to be called at [`Choker::poll_timeout`].
    pub fn tick(&mut self, now: Instant) {
        let now = self.advance(now);
        self.settle(now);
    }

    /// Returns the next thing to do. Drain it to `None` after every call.
    pub fn poll_output(&mut self) -> Option<ChokerOutput> {
        self.outputs.pop_front()
    }

    /// Returns how many peers could be admitted without closing another: as many offers of our own are
    /// worth making.
    pub fn room(&self) -> usize {
        let places = self.config.max_peers.saturating_sub(self.peers.len());
        places.min(self.room_in_line())
    }

    /// Returns how many more peers the free slots and the line can take; who negotiates may join it.
    fn room_in_line(&self) -> usize {
        let free = self.config.slots - self.served.len();
        let line = self.waiting.len() + self.negotiating.len();
        let longest = self.config.slots.saturating_mul(LINE_PER_SLOT);
        free.saturating_add(longest).saturating_sub(line)
    }

    /// Returns how many peers are unchoked.
    pub fn served(&self) -> usize {
        self.served.len()
    }

    /// Returns how many interested peers wait for a slot.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many peers are connected or negotiating.
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Returns how many peers are negotiating.
    pub fn negotiating(&self) -> usize {
        self.negotiating.len()
    }
}

impl Peer {
    fn negotiating(until: Instant) -> Self {
        Self {
            standing: Standing::Negotiating { until },
            sent: 0,
            stalled: Duration::ZERO,
            requesting: false,
        }
    }
}
