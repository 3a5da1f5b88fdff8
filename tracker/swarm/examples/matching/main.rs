//! Compares ways to choose receivers of offers, in virtual time, in one swarm.
//!
//! `cargo run --release -p swarm --example matching`. What is modelled, and what is not, is in
//! `docs/matching.md`. The policies of other trackers are written from a description of what they
//! choose; none of their code is here.

mod policy;
mod report;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io::Write;
use std::time::{Duration, Instant};

use policy::Policy;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use report::Report;
use swarm::{Command, ConnectionId, Output, Swarms};
use tracker_protocol::{
    Announce, Answer, Event, InfoHash, Offer, OfferId, PeerId, RawValue, ServerMessage,
    SkippedOffers,
};

/// Offers an announce, as the reference's client makes.
const OFFERS: usize = 5;
/// Milliseconds between announces, and until an answer is there.
const INTERVAL: u64 = 120_000;
const ANSWER_AFTER: u64 = 1_000;
/// Seconds of a run at least, and peers that join at least.
const RUN: f64 = 1_800.0;
const JOINERS: f64 = 2_000.0;
/// Connections a peer takes, as the reference's client.
const CONNECTIONS: usize = 55;

/// Who comes. Arrivals are a second, shares are of them.
struct Scenario {
    name: &'static str,
    arrivals: f64,
    seeds: f64,
    mute: f64,
    passive: f64,
}

#[derive(Default)]
struct Peer {
    joined: u64,
    leaves: u64,
    is_seed: bool,
    is_mute: bool,
    is_passive: bool,
    connected: BTreeSet<usize>,
    first: Option<u64>,
    first_seed: Option<u64>,
    given: u64,
    /// Milliseconds of the round trip to the tracker.
    rtt: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Join,
    Announce(usize),
    Answer(usize, usize, u64),
    Leave(usize),
}

struct World {
    policy: Policy,
    /// Whether the tracker measures round trips.
    measures: bool,
    scenario: &'static Scenario,
    /// Decides who comes, alike for all policies.
    fate: StdRng,
    rng: StdRng,
    /// Decides how far away they are.
    distance: StdRng,
    /// Milliseconds.
    run: u64,
    start: Instant,
    peers: Vec<Peer>,
    /// Those in the swarm, in the order of an array from which the last fills gaps.
    members: Vec<usize>,
    agenda: BinaryHeap<Reverse<(u64, Happens)>>,
    swarms: Swarms<StdRng>,
    offer: Box<RawValue>,
    /// Numbers of the offers made, by name.
    offers: BTreeMap<OfferId, u64>,
    given: u64,
    answered: u64,
    /// Of the offers given, those to peers of the nearer half.
    to_nearer: u64,
}

const SCENARIOS: [Scenario; 5] = [
    scenario("one joins every 5 s, all answer", 0.2, 0.2, 0.0, 0.0),
    scenario("a third never answer", 0.2, 0.2, 0.33, 0.0),
    scenario("two thirds never answer", 0.2, 0.2, 0.66, 0.0),
    scenario(
        "one joins every 5 min, half make no offers",
        1.0 / 300.0,
        0.3,
        0.0,
        0.5,
    ),
    scenario("five a second, one seed in 50", 5.0, 0.02, 0.2, 0.0),
];

const fn scenario(
    name: &'static str,
    arrivals: f64,
    seeds: f64,
    mute: f64,
    passive: f64,
) -> Scenario {
    Scenario {
        name,
        arrivals,
        seeds,
        mute,
        passive,
    }
}

/// Where offers that wait make a difference: few come, and not all of them make offers.
const SPARSE: [Scenario; 2] = [
    scenario(
        "one joins every 5 min, half make no offers",
        1.0 / 300.0,
        0.3,
        0.0,
        0.5,
    ),
    scenario(
        "one joins every 2 min, four of five make no offers",
        1.0 / 120.0,
        0.3,
        0.0,
        0.8,
    ),
];

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| swarm | policy | first peer, s (median / p95) | first seed, s (median / p95) | offers answered | offers a seed, max/mean | Jain |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for scenario in &SCENARIOS {
        for (name, policy) in [
            ("Shoal", Policy::Shoal),
            ("random, bittorrent-tracker", Policy::Random),
            ("aquatic", Policy::Aquatic),
            ("wt-tracker", Policy::WtTracker),
        ] {
            let report = World::new(policy, scenario, swarm::Config::default()).run();
            writeln!(out, "| {} | {name} | {} |", scenario.name, report.policy())?;
        }
    }
    writeln!(
        out,
        "\n| swarm | offers wait | first peer, s (mean / median / p95) | first seed, s (mean / median / p95) |"
    )?;
    writeln!(out, "|---|---|---|---|")?;
    for scenario in &SPARSE {
        for (name, parked_for) in [("45 s", 45), ("no", 0)] {
            let config = swarm::Config {
                parked_for: Duration::from_secs(parked_for),
                ..swarm::Config::default()
            };
            let report = World::new(Policy::Shoal, scenario, config).run();
            writeln!(out, "| {} | {name} | {} |", scenario.name, report.waits())?;
        }
    }
    writeln!(
        out,
        "\n| swarm | round trips | offers to the nearer half | offers a seed, max/mean | Jain |"
    )?;
    writeln!(out, "|---|---|---|---|---|")?;
    for scenario in &SCENARIOS {
        for (name, measures) in [("measured", true), ("unknown", false)] {
            let mut world = World::new(Policy::Shoal, scenario, swarm::Config::default());
            world.measures = measures;
            let report = world.run();
            writeln!(
                out,
                "| {} | {name} | {} |",
                scenario.name,
                report.nearness()
            )?;
        }
    }
    Ok(())
}

impl World {
    fn new(policy: Policy, scenario: &'static Scenario, config: swarm::Config) -> Self {
        Self {
            policy,
            measures: false,
            scenario,
            fate: StdRng::seed_from_u64(1),
            rng: StdRng::seed_from_u64(3),
            distance: StdRng::seed_from_u64(4),
            run: (RUN.max(JOINERS / scenario.arrivals) * 1000.0) as u64,
            start: Instant::now(),
            peers: Vec::new(),
            members: Vec::new(),
            agenda: BinaryHeap::from([Reverse((0, Happens::Join))]),
            swarms: Swarms::new(config, StdRng::seed_from_u64(2)),
            offer: RawValue::from_string("{}".to_owned()).expect("an object"),
            offers: BTreeMap::new(),
            given: 0,
            answered: 0,
            to_nearer: 0,
        }
    }

    fn run(mut self) -> Report {
        while let Some(Reverse((at, happens))) = self.agenda.pop() {
            if at > self.run {
                break;
            }
            match happens {
                Happens::Join => self.join(at),
                Happens::Announce(peer) if self.peers[peer].leaves > at => self.announce(at, peer),
                Happens::Announce(_) => {}
                Happens::Answer(peer, to, offer) => self.answer(at, peer, to, offer),
                Happens::Leave(peer) => self.leave(at, peer),
            }
        }
        Report::new(&self)
    }

    /// An exponentially distributed time in milliseconds.
    fn wait(&mut self, mean: f64) -> u64 {
        let uniform: f64 = self.fate.random();
        (-(1.0 - uniform).ln() * mean * 1000.0) as u64
    }

    fn join(&mut self, at: u64) {
        let next = at + self.wait(1.0 / self.scenario.arrivals);
        self.agenda.push(Reverse((next, Happens::Join)));
        let stays = 60_000 + self.wait(540.0);
        let peer = self.peers.len();
        self.peers.push(Peer {
            joined: at,
            leaves: at + stays,
            is_seed: self.fate.random_bool(self.scenario.seeds),
            is_mute: self.fate.random_bool(self.scenario.mute),
            is_passive: self.fate.random_bool(self.scenario.passive),
            rtt: self.distance.random_range(10..=300),
            ..Peer::default()
        });
        self.members.push(peer);
        self.agenda
            .push(Reverse((at + stays, Happens::Leave(peer))));
        self.announce(at, peer);
        if self.measures {
            let connection = ConnectionId::new(0, peer as u64);
            let rtt = Duration::from_millis(self.peers[peer].rtt);
            self.handle(at, Command::Measured { connection, rtt });
        }
    }

    fn leave(&mut self, at: u64, peer: usize) {
        self.members.retain(|member| *member != peer);
        for other in std::mem::take(&mut self.peers[peer].connected) {
            self.peers[other].connected.remove(&peer);
        }
        let connection = ConnectionId::new(0, peer as u64);
        self.handle(at, Command::Disconnect { connection });
    }

    fn announce(&mut self, at: u64, peer: usize) {
        let jitter = self.rng.random_range(0..INTERVAL / 5);
        let next = at + INTERVAL * 9 / 10 + jitter;
        self.agenda.push(Reverse((next, Happens::Announce(peer))));
        let offers = if self.peers[peer].is_passive {
            0
        } else {
            OFFERS
        };
        if self.policy == Policy::Shoal {
            self.announce_to_shoal(at, peer, offers);
            return;
        }
        for receiver in self
            .policy
            .choose(&mut self.rng, &self.members, peer, offers)
        {
            let offer = self.given;
            self.offered(at, peer, receiver, offer);
        }
    }

    fn announce_to_shoal(&mut self, at: u64, peer: usize, offers: usize) {
        let offers = (0..offers).map(|_| {
            let number = self.offers.len() as u64;
            let offer_id = OfferId::from_bytes(id(number));
            self.offers.insert(offer_id.clone(), number);
            Offer {
                offer_id,
                offer: Cow::Owned(self.offer.clone()),
            }
        });
        let announce = Announce {
            info_hash: InfoHash::from_bytes(id(0)),
            peer_id: PeerId::from_bytes(id(peer as u64)),
            event: Event::Update,
            left: Some(u64::from(!self.peers[peer].is_seed)),
            uploaded: None,
            downloaded: None,
            numwant: Some(OFFERS as u64),
            offers: offers.collect(),
            skipped_offers: SkippedOffers::default(),
            tracker_id: None,
        };
        let from = ConnectionId::new(0, peer as u64);
        self.handle(at, Command::Announce { from, announce });
    }

    fn handle(&mut self, at: u64, command: Command<'_>) {
        let now = self.start + Duration::from_millis(at);
        self.swarms.handle(now, command);
        while let Some(output) = self.swarms.poll_output() {
            if let Output::Send { to, message, .. } = output
                && let ServerMessage::Offer(offer) = message
            {
                let offerer = number(offer.peer_id.as_bytes());
                let name = self.offers[&offer.offer_id];
                self.offered(at, offerer, to.serial() as usize, name);
            }
        }
    }

    /// Notes whether a receiver is of the nearer half of all that might have been chosen.
    fn compare(&mut self, offerer: usize, receiver: usize) {
        let rtt = |peer: usize| self.peers[peer].rtt;
        let others = || self.members.iter().filter(|peer| **peer != offerer);
        let nearer = others().filter(|peer| rtt(**peer) < rtt(receiver)).count();
        self.to_nearer += u64::from(2 * nearer < others().count());
    }

    /// A peer is given an offer, and answers if it can use it.
    fn offered(&mut self, at: u64, offerer: usize, receiver: usize, offer: u64) {
        self.given += 1;
        self.compare(offerer, receiver);
        let peer = &mut self.peers[receiver];
        peer.given += 1;
        if !peer.is_mute && peer.connected.len() < CONNECTIONS {
            let answer = Happens::Answer(receiver, offerer, offer);
            self.agenda.push(Reverse((at + ANSWER_AFTER, answer)));
        }
    }

    fn answer(&mut self, at: u64, peer: usize, to: usize, offer: u64) {
        if self.peers[peer].leaves <= at || self.peers[to].leaves <= at {
            return;
        }
        self.answered += 1;
        if self.policy == Policy::Shoal {
            let answer = Answer {
                info_hash: InfoHash::from_bytes(id(0)),
                peer_id: PeerId::from_bytes(id(peer as u64)),
                to_peer_id: PeerId::from_bytes(id(to as u64)),
                offer_id: OfferId::from_bytes(id(offer)),
                answer: Cow::Owned(self.offer.clone()),
                tracker_id: None,
            };
            let from = ConnectionId::new(0, peer as u64);
            self.handle(at, Command::Answer { from, answer });
        }
        // Two seeds have nothing to give each other and close.
        if self.peers[peer].is_seed && self.peers[to].is_seed {
            return;
        }
        for (one, other) in [(peer, to), (to, peer)] {
            self.peers[one].connected.insert(other);
            self.peers[one].first.get_or_insert(at);
            if self.peers[other].is_seed {
                self.peers[one].first_seed.get_or_insert(at);
            }
        }
    }
}

fn id(number: u64) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn number(bytes: &[u8; 20]) -> usize {
    bytes[..8]
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}
