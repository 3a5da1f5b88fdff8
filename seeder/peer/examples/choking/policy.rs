//! Shoal's choker, and what other seeders are described to do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use peer::{Choker, ChokerConfig, ChokerOutput, PeerEvent, PeerKey};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use tracker_protocol::InfoHash;

/// A peer as the other policies see it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    interested: bool,
    unchoked: bool,
    /// Milliseconds.
    since: u64,
    /// Bytes in all, in this turn, and in the last round.
    sent: f64,
    turn: f64,
    round: f64,
}

pub(crate) enum Policy {
    Shoal(Box<Choker>, Instant),
    /// Rechokes every 10 s by upload rate, with one optimistic slot for two or three rounds. A peer that becomes
    /// interested is unchoked at once, beyond the slots, until the next round.
    Webtorrent(Others),
    /// Rechokes every 15 s, round robin: a peer keeps its slot for 20 pieces and 60 s, then the faster
    /// and the longest waiting go first; an optimistic slot moves every 30 s.
    Libtorrent(Others),
}

pub(crate) struct Others {
    slots: usize,
    peers: BTreeMap<u64, Seen>,
    next: u64,
    rounds: u64,
    optimistic: Option<u64>,
}

impl Others {
    fn new(slots: usize) -> Self {
        Self {
            slots,
            peers: BTreeMap::new(),
            next: 0,
            rounds: 0,
            optimistic: None,
        }
    }

    fn choose(&mut self, at: u64, chosen: &BTreeSet<u64>) {
        for (key, peer) in &mut self.peers {
            let unchoked = chosen.contains(key);
            if unchoked != peer.unchoked {
                (peer.since, peer.turn) = (at, 0.0);
            }
            peer.unchoked = unchoked;
            peer.round = 0.0;
        }
    }

    fn interested(&self) -> impl Iterator<Item = (u64, Seen)> {
        let peers = self.peers.iter().map(|(key, peer)| (*key, *peer));
        peers.filter(|(_, peer)| peer.interested)
    }

    fn webtorrent(&mut self, at: u64, rng: &mut StdRng) {
        if at < self.next {
            return;
        }
        self.next = at + 10_000;
        self.rounds += 1;
        let mut ranked: Vec<_> = self.interested().collect();
        ranked.sort_by(|(_, a), (_, b)| {
            let by_rate = b.round.total_cmp(&a.round);
            by_rate.then(b.unchoked.cmp(&a.unchoked))
        });
        let best = ranked.iter().map(|(key, _)| *key);
        let mut chosen: BTreeSet<u64> = best.take(self.slots - 1).collect();
        let stays = self.optimistic.filter(|key| {
            !self.rounds.is_multiple_of(3) && !chosen.contains(key) && self.peers.contains_key(key)
        });
        let rest = self.interested().map(|(key, _)| key);
        self.optimistic = stays.or_else(|| rest.filter(|key| !chosen.contains(key)).choose(rng));
        chosen.extend(self.optimistic);
        self.choose(at, &chosen);
    }

    fn libtorrent(&mut self, at: u64, quota: f64) {
        if at < self.next {
            return;
        }
        self.next = at + 15_000;
        self.rounds += 1;
        let optimistic_slots = (self.slots / 5).max(1);
        let mut ranked: Vec<_> = self.interested().collect();
        ranked.sort_by(|(_, a), (_, b)| {
            let keeps =
                |peer: &Seen| peer.unchoked && !(peer.turn > quota && at - peer.since > 60_000);
            (keeps(b).cmp(&keeps(a)))
                .then(b.round.total_cmp(&a.round))
                .then(a.since.cmp(&b.since))
        });
        let best = ranked.iter().map(|(key, _)| *key);
        let mut chosen: BTreeSet<u64> = best.take(self.slots - optimistic_slots).collect();
        let stays = self.optimistic.filter(|key| {
            self.rounds.is_multiple_of(2) && !chosen.contains(key) && self.peers.contains_key(key)
        });
        self.optimistic = stays.or_else(|| {
            let waiting = self.interested().filter(|(key, _)| !chosen.contains(key));
            let longest = waiting.min_by_key(|(key, peer)| (peer.unchoked, peer.since, *key));
            longest.map(|(key, _)| key)
        });
        chosen.extend(self.optimistic);
        self.choose(at, &chosen);
    }
}

impl Policy {
    pub(crate) fn shoal(config: ChokerConfig) -> Self {
        Self::Shoal(Box::new(Choker::new(config)), Instant::now())
    }

    pub(crate) fn webtorrent(slots: usize) -> Self {
        Self::Webtorrent(Others::new(slots))
    }

    pub(crate) fn libtorrent(slots: usize) -> Self {
        Self::Libtorrent(Others::new(slots))
    }

    /// An offer has come: whether it is answered.
    pub(crate) fn admit(&mut self, at: u64, key: u64) -> bool {
        match self {
            Self::Shoal(choker, start) => {
                let now = *start + Duration::from_millis(at);
                let torrent = InfoHash::from_bytes([0; 20]);
                choker.admit(now, PeerKey(key), torrent).is_ok()
            }
            Self::Webtorrent(others) | Self::Libtorrent(others) => {
                let since = at;
                others.peers.insert(
                    key,
                    Seen {
                        since,
                        ..Seen::default()
                    },
                );
                true
            }
        }
    }

    /// Whether peers that were turned away are called back now.
    pub(crate) fn calls_back(&self) -> bool {
        match self {
            Self::Shoal(choker, _) => choker.waiting() + choker.negotiating() < choker.slots(),
            Self::Webtorrent(_) | Self::Libtorrent(_) => false,
        }
    }

    pub(crate) fn interested(&mut self, at: u64, key: u64, missing: f64) {
        match self {
            Self::Shoal(choker, start) => {
                let now = *start + Duration::from_millis(at);
                choker.handle(now, PeerKey(key), PeerEvent::Joined);
                let bytes = missing as u64;
                choker.handle(now, PeerKey(key), PeerEvent::Missing { bytes });
                choker.handle(now, PeerKey(key), PeerEvent::Requesting(true));
                choker.handle(now, PeerKey(key), PeerEvent::Interested);
            }
            Self::Webtorrent(others) => {
                if let Some(peer) = others.peers.get_mut(&key) {
                    (peer.interested, peer.unchoked) = (true, true);
                }
            }
            Self::Libtorrent(others) => {
                let unchoked = others.peers.values().filter(|peer| peer.unchoked).count();
                let free = unchoked < others.slots;
                if let Some(peer) = others.peers.get_mut(&key) {
                    (peer.interested, peer.unchoked, peer.since) = (true, free, at);
                }
            }
        }
    }

    pub(crate) fn sent(&mut self, at: u64, key: u64, bytes: f64, missing: f64) {
        match self {
            Self::Shoal(choker, start) => {
                let now = *start + Duration::from_millis(at);
                let missing = missing as u64;
                choker.handle(now, PeerKey(key), PeerEvent::Missing { bytes: missing });
                let bytes = bytes as u64;
                choker.handle(now, PeerKey(key), PeerEvent::Sent { bytes });
            }
            Self::Webtorrent(others) | Self::Libtorrent(others) => {
                if let Some(peer) = others.peers.get_mut(&key) {
                    peer.sent += bytes;
                    peer.turn += bytes;
                    peer.round += bytes;
                }
            }
        }
    }

    pub(crate) fn left(&mut self, at: u64, key: u64) {
        match self {
            Self::Shoal(choker, start) => {
                let now = *start + Duration::from_millis(at);
                choker.handle(now, PeerKey(key), PeerEvent::Left);
            }
            Self::Webtorrent(others) | Self::Libtorrent(others) => {
                others.peers.remove(&key);
            }
        }
    }

    /// Lets time pass; `unchoked` is brought up to date.
    pub(crate) fn tick(
        &mut self,
        at: u64,
        piece: f64,
        rng: &mut StdRng,
        unchoked: &mut BTreeSet<u64>,
    ) {
        match self {
            Self::Shoal(choker, start) => {
                choker.tick(*start + Duration::from_millis(at));
                while let Some(output) = choker.poll_output() {
                    match output {
                        ChokerOutput::Unchoke(key) => _ = unchoked.insert(key.0),
                        ChokerOutput::Choke(key) | ChokerOutput::Close(key, _) => {
                            unchoked.remove(&key.0);
                        }
                    }
                }
                return;
            }
            Self::Webtorrent(others) => others.webtorrent(at, rng),
            Self::Libtorrent(others) => others.libtorrent(at, 20.0 * piece),
        }
        if let Self::Webtorrent(others) | Self::Libtorrent(others) = self {
            let of = others.peers.iter().filter(|(_, peer)| peer.unchoked);
            *unchoked = of.map(|(key, _)| *key).collect();
        }
    }
}
