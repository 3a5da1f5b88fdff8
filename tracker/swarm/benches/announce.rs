//! What an announce costs in swarms of different sizes, and what a peer costs in memory.
//!
//! `cargo bench -p swarm --bench announce`. The time is the thread's own on a processor, so that
//! other work on the machine counts less. Written by hand: what matters is that the figures for ten and for a
//! hundred thousand peers are alike, and no statistics make that plainer than a column of them.

use std::borrow::Cow;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use swarm::{Command, Config, ConnectionId, Output, Swarms};
use tracker_protocol::{
    Announce, Answer, Event, InfoHash, Offer, OfferId, PeerId, RawValue, ServerMessage,
    SkippedOffers,
};

/// Time for each figure.
const ENOUGH: Duration = Duration::from_secs(1);
/// Figures for each line, of which the least, the middle and the greatest are told.
const RUNS: usize = 3;
/// A session description between the least and the greatest that browsers send.
const SDP_BYTES: usize = 1300;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "CPU-ns an announce, min/median/max of {RUNS} runs")?;
    writeln!(
        out,
        "{:>9}  {:>23}  {:>36}",
        "peers", "no offers", "5 offers, each relayed and answered"
    )?;
    for peers in [10, 1_000, 100_000] {
        let mut bench = Bench::new(1, peers);
        let plain = bench.runs(0);
        let offers = bench.runs(5);
        writeln!(out, "{peers:>9}  {plain:>23}  {offers:>36}")?;
    }
    let before = resident_kib();
    let (torrents, peers) = (100_000, 10);
    let bench = Bench::new(torrents, peers);
    let grown = resident_kib().saturating_sub(before) * 1024;
    let count = torrents * peers;
    writeln!(
        out,
        "memory of {count} peers in {torrents} torrents: {:.0} MB, {} bytes a peer",
        grown as f64 / 1e6,
        grown / u64::from(count)
    )?;
    black_box(bench);
    Ok(())
}

struct Bench {
    swarms: Swarms<StdRng>,
    rng: StdRng,
    now: Instant,
    torrents: u32,
    peers: u32,
    offer: Box<RawValue>,
    answer: Box<RawValue>,
    offers: u64,
    given: Vec<(ConnectionId, PeerId, OfferId)>,
}

impl Bench {
    /// So many torrents with so many leechers each.
    fn new(torrents: u32, peers: u32) -> Self {
        let config = Config {
            peers_per_torrent: usize::MAX,
            torrents: usize::MAX,
            ..Config::default()
        };
        let description = |kind| {
            let sdp = "a=x\\r\\n".repeat(SDP_BYTES / 5);
            RawValue::from_string(format!("{{\"type\":\"{kind}\",\"sdp\":\"{sdp}\"}}"))
                .expect("this is JSON")
        };
        let mut bench = Self {
            swarms: Swarms::new(config, StdRng::seed_from_u64(1)),
            rng: StdRng::seed_from_u64(2),
            now: Instant::now(),
            torrents,
            peers,
            offer: description("offer"),
            answer: description("answer"),
            offers: 0,
            given: Vec::new(),
        };
        // Peers of all torrents come mixed, as they do.
        for peer in 0..peers {
            for torrent in 0..torrents {
                bench.announce(torrent, peer, Event::Started, 0);
            }
        }
        bench
    }

    /// Announces as long as it takes, several times.
    fn runs(&mut self, offers: u64) -> String {
        let mut runs: Vec<u128> = (0..RUNS).map(|_| self.run(offers)).collect();
        runs.sort_unstable();
        let text: Vec<String> = runs.iter().map(u128::to_string).collect();
        text.join(" / ")
    }

    fn run(&mut self, offers: u64) -> u128 {
        let start = cpu_time();
        let mut announces = 0;
        while cpu_time() - start < ENOUGH {
            for _ in 0..1000 {
                let torrent = self.rng.random_range(0..self.torrents);
                let peer = self.rng.random_range(0..self.peers);
                // A swarm's peers announce over two minutes, not in one instant.
                self.now += Duration::from_micros(100);
                self.announce(torrent, peer, Event::Update, offers);
                announces += 1;
            }
        }
        (cpu_time() - start).as_nanos() / announces
    }

    /// One announce, and the answers to its offers.
    fn announce(&mut self, torrent: u32, peer: u32, event: Event, offers: u64) {
        let info_hash = InfoHash::from_bytes(id(torrent.into()));
        let (from, peer_id) = who(torrent, peer);
        let offers = (0..offers)
            .map(|_| {
                self.offers += 1;
                Offer {
                    offer_id: OfferId::from_bytes(id(self.offers)),
                    offer: Cow::Borrowed(&*self.offer),
                }
            })
            .collect();
        let announce = Announce {
            info_hash,
            peer_id,
            event,
            left: Some(1),
            uploaded: Some(0),
            downloaded: Some(0),
            numwant: None,
            offers,
            skipped_offers: SkippedOffers::default(),
            tracker_id: None,
        };
        self.swarms
            .handle(self.now, Command::Announce { from, announce });
        while let Some(output) = self.swarms.poll_output() {
            if let Output::Send {
                to,
                message: ServerMessage::Offer(relayed),
                ..
            } = black_box(output)
            {
                // A connection is one peer, and says so in its id.
                let receiver = PeerId::from_bytes(id(to.serial()));
                self.given.push((to, receiver, relayed.offer_id));
            }
        }
        for (to, receiver, offer_id) in std::mem::take(&mut self.given) {
            let answer = Answer {
                info_hash,
                peer_id: receiver,
                to_peer_id: peer_id,
                offer_id,
                answer: Cow::Borrowed(&*self.answer),
                tracker_id: None,
            };
            self.swarms
                .handle(self.now, Command::Answer { from: to, answer });
            while let Some(output) = self.swarms.poll_output() {
                assert!(
                    !matches!(output, Output::AnswerRefused { .. }),
                    "the answer to a relayed offer is relayed"
                );
                black_box(output);
            }
        }
    }
}

fn who(torrent: u32, peer: u32) -> (ConnectionId, PeerId) {
    let serial = u64::from(torrent) << 24 | u64::from(peer);
    (ConnectionId::new(0, serial), PeerId::from_bytes(id(serial)))
}

/// Twenty bytes that look like a hash of `number` and are not shared by another.
fn id(number: u64) -> [u8; 20] {
    let mut bytes = [0; 20];
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..16].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Time this thread has spent on a processor (proc(5), sched-stats.rst of Linux).
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("Linux tells the CPU time of a thread"))
}

/// Resident memory of this process (proc(5)).
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
