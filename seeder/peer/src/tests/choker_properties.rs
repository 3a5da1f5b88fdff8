//! Whatever happens: no more than `slots` are unchoked, and nobody starves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tracker_protocol::InfoHash;

use crate::{Choker, ChokerConfig, ChokerOutput, Order, PeerEvent, PeerKey, Slots};

const PEERS: u64 = 9;

#[derive(Debug, Clone)]
enum Step {
    Admit(u64),
    Tell(u64, PeerEvent),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let event = prop_oneof![
        2 => Just(PeerEvent::Joined),
        6 => Just(PeerEvent::Interested),
        1 => Just(PeerEvent::NotInterested),
        3 => any::<bool>().prop_map(PeerEvent::Requesting),
        2 => (0..9_000_000_u64).prop_map(|bytes| PeerEvent::Missing { bytes }),
        4 => (0..5_000_000_u64).prop_map(|bytes| PeerEvent::Sent { bytes }),
        1 => Just(PeerEvent::Complete),
        1 => Just(PeerEvent::Left),
    ];
    prop_oneof![
        2 => (0..PEERS).prop_map(Step::Admit),
        6 => (0..PEERS, event).prop_map(|(peer, event)| Step::Tell(peer, event)),
        3 => (0..3_000_u64).prop_map(Step::Pass),
    ]
}

/// What can be seen from outside, kept in the plainest way.
struct Model {
    choker: Choker,
    config: ChokerConfig,
    now: Instant,
    known: BTreeSet<PeerKey>,
    unchoked: BTreeSet<PeerKey>,
    waiting_since: BTreeMap<PeerKey, Instant>,
}

impl Model {
    fn new(slots: usize, max_peers: usize) -> Self {
        Self::with(ChokerConfig {
            slots: Slots::Fixed(slots),
            max_peers,
            ..ChokerConfig::default()
        })
    }

    fn with(config: ChokerConfig) -> Self {
        Self {
            choker: Choker::new(config.clone()),
            config,
            now: Instant::now(),
            known: BTreeSet::new(),
            unchoked: BTreeSet::new(),
            waiting_since: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Admit(peer) => {
                let key = PeerKey(*peer);
                // What is closed for it is seen in `carry`.
                if self.choker.admit(self.now, key, torrent(key)).is_ok() {
                    self.known.insert(key);
                }
            }
            Step::Tell(peer, event) => {
                let key = PeerKey(*peer);
                self.note(key, *event);
                self.choker.handle(self.now, key, *event);
            }
            Step::Pass(millis) => {
                self.pass(self.now + Duration::from_millis(*millis));
            }
        }
        self.carry();
    }

    fn note(&mut self, key: PeerKey, event: PeerEvent) {
        match event {
            PeerEvent::Interested if self.known.contains(&key) && !self.unchoked.contains(&key) => {
                self.waiting_since.entry(key).or_insert(self.now);
            }
            PeerEvent::NotInterested | PeerEvent::Complete => {
                self.waiting_since.remove(&key);
            }
            PeerEvent::Left => {
                self.known.remove(&key);
                self.unchoked.remove(&key);
                self.waiting_since.remove(&key);
            }
            PeerEvent::Joined
            | PeerEvent::Interested
            | PeerEvent::Requesting(_)
            | PeerEvent::Located(_)
            | PeerEvent::Missing { .. }
            | PeerEvent::Sent { .. } => {}
        }
    }

    fn pass(&mut self, until: Instant) {
        while let Some(due) = self.choker.poll_timeout().filter(|due| *due <= until) {
            assert!(due > self.now, "a deadline is left behind");
            self.now = due;
            self.choker.tick(due);
            self.carry();
        }
        self.now = until;
    }

    fn carry(&mut self) {
        while let Some(output) = self.choker.poll_output() {
            match output {
                ChokerOutput::Unchoke(key) => {
                    assert!(self.unchoked.insert(key), "unchoked twice");
                    let since = self.waiting_since.remove(&key);
                    let waited = self.now - since.expect("only who waits is unchoked");
                    assert!(waited <= self.bound(), "waited for {waited:?}");
                }
                ChokerOutput::Choke(key) => {
                    assert!(self.unchoked.remove(&key), "choked twice");
                    self.waiting_since.insert(key, self.now);
                }
                ChokerOutput::Close(key, _) => {
                    self.known.remove(&key);
                    self.unchoked.remove(&key);
                    self.waiting_since.remove(&key);
                }
            }
            assert!(self.unchoked.len() <= self.slots());
            for torrent in [0, 1] {
                let of_torrent = self.unchoked.iter().filter(|key| key.0 % 2 == torrent);
                assert!(of_torrent.count() <= self.config.slots_per_torrent);
            }
        }
        self.check();
    }

    fn slots(&self) -> usize {
        match self.config.slots {
            Slots::Fixed(slots) => slots,
            Slots::ByRate { .. } => self.choker.slots(),
        }
    }

    fn check(&mut self) {
        assert_eq!(self.choker.served(), self.unchoked.len());
        assert!(self.choker.peers() <= self.config.max_peers);
        assert_eq!(self.choker.peers(), self.known.len());
        let limited = self.config.slots_per_torrent < self.slots();
        let busy = self.unchoked.len() == self.slots() || limited;
        assert!(
            busy || self.choker.waiting() == 0,
            "a slot is free while somebody waits"
        );
        for since in self.waiting_since.values() {
            assert!(self.now - *since <= self.bound(), "somebody starves");
        }
    }

    /// Half of the patience for newcomers to pass, then a turn for each round of the longest line. A
    /// line that shrinks makes turns longer, hence the harmonic sum.
    fn bound(&self) -> Duration {
        let half = self.config.patience / 2;
        let slots = match self.config.optimistic {
            0 => self.slots().min(self.config.slots_per_torrent),
            optimistic => optimistic.min(self.slots()),
        };
        let rounds = (PEERS as usize).div_ceil(slots) as u32;
        let turns = (1..=rounds).map(|round| (half / round).max(self.config.shortest_turn));
        half + turns.sum::<Duration>()
    }
}

/// Peers of even and of odd numbers are of a torrent each.
fn torrent(key: PeerKey) -> InfoHash {
    InfoHash::from_bytes([u8::from(key.0.is_multiple_of(2)); 20])
}

/// `Choke` after `NotInterested` or `Complete` puts nobody in the line: told to the model beforehand.
fn ends_interest(step: &Step) -> Option<PeerKey> {
    match step {
        Step::Tell(peer, PeerEvent::NotInterested | PeerEvent::Complete) => Some(PeerKey(*peer)),
        Step::Tell(..) | Step::Admit(_) | Step::Pass(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn slots_are_never_exceeded_and_nobody_starves(
        slots in 1_usize..4,
        max_peers in 1_usize..12,
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut model = Model::new(slots, max_peers);
        for step in &steps {
            model.take(step);
            if let Some(key) = ends_interest(step) {
                model.waiting_since.remove(&key);
            }
        }
        model.pass(model.now + Duration::from_secs(30));
    }

    #[test]
    fn nobody_starves_with_two_torrents_optimistic_slots_and_either_order(
        slots in 1_usize..4,
        slots_per_torrent in 1_usize..4,
        optimistic in 0_usize..3,
        nearest in any::<bool>(),
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut model = Model::with(ChokerConfig {
            slots: Slots::Fixed(slots),
            // Optimistic slots are of all torrents.
            slots_per_torrent: if optimistic == 0 { slots_per_torrent } else { 9 },
            optimistic,
            order: if nearest { Order::NearestFinish } else { Order::LeastServed },
            ..ChokerConfig::default()
        });
        for step in &steps {
            model.take(step);
            if let Some(key) = ends_interest(step) {
                model.waiting_since.remove(&key);
            }
        }
        model.pass(model.now + Duration::from_secs(30));
    }

    #[test]
    fn a_constant_crowd_waits_no_longer_than_the_patience(
        slots in 1_usize..4,
        crowd in 1_u64..6,
        sent in prop::collection::vec((0..5_u64, 0..9_000_000_u64, 1..900_u64), 100..200),
    ) {
        let mut model = Model::new(slots, 10);
        let mut longest = Duration::ZERO;
        for key in 0..crowd {
            model.take(&Step::Admit(key));
            model.take(&Step::Tell(key, PeerEvent::Requesting(true)));
            model.take(&Step::Tell(key, PeerEvent::Interested));
        }
        for (peer, bytes, millis) in sent {
            let progress = model.unchoked.contains(&PeerKey(peer));
            let bytes = if progress { bytes } else { 0 };
            model.take(&Step::Tell(peer, PeerEvent::Sent { bytes }));
            model.take(&Step::Pass(millis));
            let waits = model.waiting_since.values().map(|since| model.now - *since);
            longest = longest.max(waits.max().unwrap_or_default());
        }
        prop_assert!(longest <= model.config.patience, "{longest:?}");
    }
}
