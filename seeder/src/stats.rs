//! What is going on, in numbers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracker_protocol::InfoHash;

/// A seeder's state at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Peers connected or being connected.
    pub peers: usize,
    /// Peers being served.
    pub served: usize,
    /// Peers waiting for a slot.
    pub waiting: usize,
    /// Peers being connected.
    pub negotiating: usize,
    /// Offers left unanswered because there was no place.
    pub refused: u64,
    /// Bytes of content sent.
    pub bytes_sent: u64,
    /// Bytes of content sent a second, over the last seconds.
    pub rate: u64,
    /// Every torrent, by infohash.
    pub torrents: Vec<TorrentStats>,
    /// Every tracker, by URL.
    pub trackers: Vec<TrackerStats>,
}

/// One torrent's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorrentStats {
    /// The torrent.
    pub info_hash: InfoHash,
    /// Its name.
    pub name: String,
    /// Its pieces.
    pub pieces: u32,
    /// Pieces that match and are served.
    pub verified: u32,
    /// Whether pieces are being checked.
    pub checking: bool,
    /// Peers that have shaken hands.
    pub peers: usize,
    /// Bytes of its content sent.
    pub bytes_sent: u64,
}

/// One tracker's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerStats {
    /// Its URL.
    pub url: String,
    /// Whether its connection is up.
    pub connected: bool,
}

/// How long the rate looks back.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// Bytes sent, and how fast.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    total: AtomicU64,
    /// Totals at moments of the last seconds.
    samples: Mutex<VecDeque<(Instant, u64)>>,
}

impl Meter {
    pub(crate) fn add(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Notes the total; to be called about once a second.
    pub(crate) fn sample(&self, now: Instant) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((now, self.total()));
        while samples
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > RATE_WINDOW)
        {
            samples.pop_front();
        }
    }

    /// Bytes a second since the oldest sample.
    pub(crate) fn rate(&self, now: Instant) -> u64 {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, before)) = samples.front() else {
            return 0;
        };
        let millis = now.saturating_duration_since(*at).as_millis();
        let bytes = u128::from(self.total().saturating_sub(*before));
        (bytes * 1000)
            .checked_div(millis)
            .and_then(|rate| u64::try_from(rate).ok())
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_looks_back_a_few_seconds() {
        let meter = Meter::default();
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(meter.rate(start), 0);
        for second in 0..10 {
            meter.sample(at(second));
            meter.add(1000);
        }
        assert_eq!(meter.total(), 10_000);
        assert_eq!(meter.rate(at(10)), 1000);
        for second in 10..20 {
            meter.sample(at(second));
        }
        assert_eq!(meter.rate(at(20)), 0);
    }
}
