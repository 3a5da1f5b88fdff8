//! Who is served, who waits, who is let in: one policy for all peers of a process.

mod contract;
mod line;
mod places;
mod standing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracker_protocol::InfoHash;

pub use contract::{
    ChokerConfig, ChokerOutput, Order, PeerEvent, PeerKey, Refusal, Removal, Slots,
};
use places::Group;
pub use places::network;

/// Decides who is served, who waits and who is let in.
///
/// The rules answer to what a choked webtorrent.js page does: it leaves after 5 s while any of its
/// other connections is still being made. So:
///
/// - **Admission first.** An offer is left unanswered when `max_peers` are connected or negotiating and
///   none of them can be let go, or when the line is four peers a slot long already; the same for each
///   torrent. So it is when `max_negotiations` are going on, all of them young.
/// - **Slots.** Never more than `slots` peers are unchoked, nor more of a torrent than
///   `slots_per_torrent`. A peer is unchoked when it is interested and a slot is free; otherwise it
///   stands in the line.
/// - **Turns.** While nobody waits, a served peer keeps its slot. While somebody waits a turn lasts half
///   of `patience` divided by the rounds it takes to serve the line, so that the whole line is served
///   within that half; never less than `shortest_turn`. A turn that carried less than `quantum` goes on
///   as long as nobody in the line has waited for half of `patience`.
/// - **The line.** Who has waited for half of `patience` goes first, the longest waiting before others;
///   then who was sent the fewest bytes, so that a newcomer gets its first bytes soon, or who lacks the
///   fewest (`order`); then who has waited longest. A stream of newcomers can therefore take the first
///   half of `patience` from a waiting peer, never the second. With `optimistic` slots these alone keep
///   that promise, to the longest waiting, and the others go by `order`.
/// - **Early ends.** A peer that has everything or is not interested frees its slot at once; one that
///   asks for nothing for `idle`, only if somebody waits; one that takes nothing of what it asked for
///   in `stall` of served time is closed.
///
/// Time bounds a turn and bytes do not: counting pieces alone, as libtorrent's round robin does, would
/// bind the turn to the piece length (16 KiB to 16 MiB) and leave it without an end that a page waits
/// for. `docs/choking.md` compares them.
#[derive(Debug)]
pub struct Choker {
    config: ChokerConfig,
    now: Option<Instant>,
    /// Slots there are at present.
    slots: usize,
    peers: BTreeMap<PeerKey, Peer>,
    groups: BTreeMap<InfoHash, Group>,
    /// Connected peers of each address that has any.
    networks: BTreeMap<IpAddr, usize>,
    /// Keys of peers whose standing is `Served`; at most `slots`.
    served: BTreeSet<PeerKey>,
    /// How many of these have an optimistic slot.
    optimistic: usize,
    /// Keys of peers whose standing is `Waiting`, the longest waiting first.
    waiting: BTreeSet<(Instant, PeerKey)>,
    /// Keys of peers whose standing is `Negotiating`, by deadline.
    negotiating: BTreeSet<(Instant, PeerKey)>,
    /// Bytes of content sent to all.
    sent: u64,
    /// When the rate was looked at last, and `sent` then.
    looked_at: Option<(Instant, u64)>,
    /// What [`Choker::poll_timeout`] returns.
    due: Option<Instant>,
    outputs: VecDeque<ChokerOutput>,
}

#[derive(Debug)]
struct Peer {
    torrent: InfoHash,
    /// Set if the peer counts to its address.
    network: Option<IpAddr>,
    standing: Standing,
    /// Bytes of content sent so far.
    sent: u64,
    /// Bytes of content that it lacks, as far as it is known.
    missing: u64,
    /// Served time of earlier turns in which requests were pending and nothing was taken.
    stalled: Duration,
    /// Whether requests are pending.
    requesting: bool,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    Negotiating {
        until: Instant,
    },
    Uninterested {
        since: Instant,
    },
    Waiting {
        since: Instant,
    },
    Served {
        since: Instant,
        progress: Instant,
        /// Bytes sent in this turn.
        taken: u64,
        optimistic: bool,
    },
    Complete {
        since: Instant,
    },
}

impl Choker {
    /// Makes a choker without peers.
    ///
    /// # Panics
    /// If one of `config`'s numbers is zero that must not be ([`ChokerConfig::is_zero`]).
    pub fn new(config: ChokerConfig) -> Self {
        assert_eq!(config.is_zero(), None, "a number must not be zero");
        let slots = match config.slots {
            Slots::Fixed(slots) => slots,
            Slots::ByRate { least, .. } => least,
        };
        Self {
            config,
            now: None,
            slots,
            peers: BTreeMap::new(),
            groups: BTreeMap::new(),
            networks: BTreeMap::new(),
            served: BTreeSet::new(),
            optimistic: 0,
            waiting: BTreeSet::new(),
            negotiating: BTreeSet::new(),
            sent: 0,
            looked_at: None,
            due: None,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened to a peer.
    pub fn handle(&mut self, now: Instant, peer: PeerKey, event: PeerEvent) {
        let now = self.advance(now);
        let Some(standing) = self.peers.get(&peer).map(|peer| peer.standing) else {
            return;
        };
        match (event, standing) {
            (PeerEvent::Located(address), _) => self.on_located(peer, address),
            (PeerEvent::Sent { bytes }, _) => {
                self.on_sent(now, peer, bytes);
                // A block puts deadlines off, and ends no turn but one that it fills.
                if self.config.quantum == 0 {
                    return;
                }
            }
            (PeerEvent::Missing { bytes }, _) => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.missing = bytes;
                }
            }
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

    /// Returns how many peers can be unchoked at present.
    pub fn slots(&self) -> usize {
        self.slots
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
