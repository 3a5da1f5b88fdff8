use std::time::Duration;

/// Intervals and bounds of the swarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Time between announces asked of clients; each response varies it by up to a tenth, so that
    /// clients that came together do not stay together.
    pub interval: Duration,
    /// Time between announces asked of the peers of a swarm of one or two, which have most to gain
    /// from the next one; from there to 16 peers it grows to the interval with each doubling. `None`
    /// for no other than the interval.
    pub shortest_interval: Option<Duration>,
    /// Time between announces asked of the peers of a swarm of 65 536 or more, and of all under full
    /// load; from 1 024 peers it grows from the interval with each doubling. `None` for no other
    /// than the interval.
    pub longest_interval: Option<Duration>,
    /// Time after which a peer that says nothing is gone. At least twice the longest
    /// interval.
    pub peer_ttl: Duration,
    /// Time within which an offer may be answered. The reference's client forgets its own offers
    /// after 50 s.
    pub offer_ttl: Duration,
    /// Never relay a seed's offer to a seed. Peers that say nothing of `left` count as leechers, so
    /// swarms without files are not concerned.
    pub match_roles: bool,
    /// Offers relayed for one announce.
    pub offers: usize,
    /// Time for which an offer without a receiver waits for a peer to join; zero for not at all. The
    /// reference's client forgets its own offers after 50 s, and the answer needs time too.
    pub parked_for: Duration,
    /// Bytes of waiting offers of one torrent, each counted with 256 for its place. When full, the
    /// oldest is forgotten.
    pub parked_bytes_per_torrent: usize,
    /// Bytes of waiting offers in all, counted in the same way. When full, the oldest is forgotten.
    pub parked_bytes: usize,
    /// Torrents in all. When full, an announce for another one is refused.
    pub torrents: usize,
    /// Peers in one torrent. When full, a new peer is refused.
    pub peers_per_torrent: usize,
    /// Swarm entries of one connection. When full, a further one is refused.
    pub entries_per_connection: usize,
    /// Torrents without peers whose completed count is remembered. When full, the one that emptied
    /// first is forgotten: its count starts from zero until it is restored.
    pub remembered_torrents: usize,
    /// Peers remembered as having completed a torrent, 16 bytes each. When full, the first is
    /// forgotten: should it complete that torrent again, it counts again.
    pub remembered_completions: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(120),
            shortest_interval: None,
            longest_interval: None,
            peer_ttl: Duration::from_secs(300),
            offer_ttl: Duration::from_secs(60),
            match_roles: true,
            offers: 20,
            parked_for: Duration::from_secs(45),
            parked_bytes_per_torrent: 64 << 10,
            parked_bytes: 32 << 20,
            torrents: 1_000_000,
            peers_per_torrent: 1_000_000,
            entries_per_connection: 1_000,
            remembered_torrents: 250_000,
            remembered_completions: 1_000_000,
        }
    }
}
