//! When to announce what to one tracker. Pure: the time is an argument and the
//! random generator a field.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::{Rng, RngExt};
use tracker_protocol::{Event, InfoHash};

/// Until a tracker has named its interval.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(120);

/// Bounds to the interval a tracker names: shorter is a burden to it, longer
/// and it may have forgotten us.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

/// Pauses between attempts to connect: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// A connection that held for so long ends the series of attempts.
const STEADY: Duration = Duration::from_secs(30);

/// Announces of many torrents go out at this distance once a burst is spent, so
/// that neither the tracker nor the making of offers is flooded at a restart.
const PACE: Duration = Duration::from_millis(40);

/// Announces that may go out at once after a pause.
const BURST: u32 = 25;

/// What to send for a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) info_hash: InfoHash,
    /// `Started` the first time that the tracker hears of the torrent from this
    /// seeder, `Update` afterwards, on new connections, too: as the reference
    /// client does.
    pub(crate) event: Event,
    /// Whether to make offers: on the first announce of a connection, and when
    /// peers are called back.
    pub(crate) offers: bool,
}

/// The announces of all torrents to one tracker, and its connection's attempts.
#[derive(Debug)]
pub(crate) struct Schedule<R> {
    random: R,
    torrents: BTreeMap<InfoHash, Torrent>,
    /// When each torrent is to be announced next, while there is a connection.
    due: BTreeSet<(Instant, InfoHash)>,
    /// When the burst would be whole again.
    rested_at: Option<Instant>,
    connected_at: Option<Instant>,
    failures: u32,
}

#[derive(Debug, Default)]
struct Torrent {
    /// Whether the tracker was ever told `Started`.
    started: bool,
    /// Whether it was announced on this connection.
    announced: bool,
    /// Whether a peer was turned away for want of a place, and nobody was called
    /// back since.
    turned_away: bool,
    /// Whether peers that were turned away are called back.
    calls: bool,
    /// Its place in `due`.
    next: Option<Instant>,
}

impl<R: Rng> Schedule<R> {
    pub(crate) fn new(random: R) -> Self {
        Self {
            random,
            torrents: BTreeMap::new(),
            due: BTreeSet::new(),
            rested_at: None,
            connected_at: None,
            failures: 0,
        }
    }

    /// Adds a torrent, to be announced as soon as there is a connection.
    pub(crate) fn add(&mut self, now: Instant, info_hash: InfoHash) {
        if self.torrents.contains_key(&info_hash) {
            return;
        }
        self.torrents.insert(info_hash, Torrent::default());
        if self.connected_at.is_some() {
            self.put(now, info_hash);
        }
    }

    /// An offer of a peer that this tracker knows was left unanswered for want
    /// of a place.
    pub(crate) fn turned_away(&mut self, info_hash: InfoHash) {
        if let Some(torrent) = self.torrents.get_mut(&info_hash) {
            torrent.turned_away = true;
        }
    }

    /// There is room for peers that were turned away: offers are due at once.
    pub(crate) fn call_back(&mut self, now: Instant) {
        let mut called = Vec::new();
        for (info_hash, torrent) in &mut self.torrents {
            if std::mem::take(&mut torrent.turned_away) {
                torrent.calls = true;
                called.push(*info_hash);
            }
        }
        for info_hash in called {
            self.put(now, info_hash);
        }
    }

    /// The connection is up.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.connected_at = Some(now);
        self.due.clear();
        for (info_hash, torrent) in &mut self.torrents {
            torrent.announced = false;
            torrent.next = Some(now);
            self.due.insert((now, *info_hash));
        }
    }

    /// The connection is down, or was not made: returns how long to wait before
    /// the next attempt.
    pub(crate) fn disconnected(&mut self, now: Instant) -> Duration {
        let held = self
            .connected_at
            .take()
            .is_some_and(|since| now.saturating_duration_since(since) >= STEADY);
        if held {
            self.failures = 0;
        }
        let pause = FIRST_PAUSE
            .saturating_mul(1 << self.failures.min(16))
            .min(LAST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.jitter(pause)
    }

    /// The tracker has answered an announce and named its interval, if any.
    pub(crate) fn answered(&mut self, now: Instant, info_hash: InfoHash, interval: Option<u32>) {
        let interval = interval.map_or(DEFAULT_INTERVAL, |seconds| {
            Duration::from_secs(u64::from(seconds)).clamp(MIN_INTERVAL, MAX_INTERVAL)
        });
        let interval = self.jitter(interval);
        // An answer to what was said before somebody is to be called back must not put that off.
        if self
            .torrents
            .get(&info_hash)
            .is_some_and(|torrent| !torrent.calls)
        {
            self.put(now + interval, info_hash);
        }
    }

    /// The next announce that is due and that the pace allows. Its successor is due
    /// after the default interval, if no answer says otherwise. Drain it to `None`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Due> {
        self.connected_at?;
        let (next, info_hash) = self.due.first().copied()?;
        if next.max(self.paced_until(now)) > now {
            return None;
        }
        let rested = self.rested_at.map_or(now, |at| at.max(now));
        self.rested_at = Some(rested + PACE);
        let later = now + self.jitter(DEFAULT_INTERVAL);
        self.put(later, info_hash);
        let torrent = self.torrents.get_mut(&info_hash)?;
        let due = Due {
            info_hash,
            event: if torrent.started {
                Event::Update
            } else {
                Event::Started
            },
            offers: !torrent.announced || torrent.calls,
        };
        torrent.calls = false;
        torrent.started = true;
        torrent.announced = true;
        Some(due)
    }

    /// When the next announce is due, if there is a connection and a torrent.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.connected_at?;
        let (next, _) = self.due.first()?;
        Some((*next).max(self.paced_until(now)))
    }

    /// Until when the pace allows no announce.
    fn paced_until(&self, now: Instant) -> Instant {
        self.rested_at
            .and_then(|at| at.checked_sub(PACE * (BURST - 1)))
            .map_or(now, |at| at.max(now))
    }

    /// Gives a torrent its place among what is due.
    fn put(&mut self, next: Instant, info_hash: InfoHash) {
        if let Some(torrent) = self.torrents.get_mut(&info_hash) {
            if let Some(before) = torrent.next.replace(next) {
                self.due.remove(&(before, info_hash));
            }
            self.due.insert((next, info_hash));
        }
    }

    /// The torrents that the tracker knows of from this connection.
    pub(crate) fn announced(&self) -> impl Iterator<Item = InfoHash> {
        self.torrents
            .iter()
            .filter(|(_, torrent)| torrent.announced)
            .map(|(info_hash, _)| *info_hash)
    }

    /// Nine to ten tenths of `duration`, so that seeders do not move in step and
    /// no interval is exceeded.
    fn jitter(&mut self, duration: Duration) -> Duration {
        duration.mul_f64(self.random.random_range(0.9..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    fn schedule() -> (Schedule<SmallRng>, Instant) {
        (Schedule::new(SmallRng::seed_from_u64(1)), Instant::now())
    }

    fn hash(byte: u8) -> InfoHash {
        InfoHash::from_bytes([byte; 20])
    }

    #[test]
    fn a_torrent_is_announced_as_started_once_and_with_offers_on_each_connection() {
        let (mut schedule, now) = schedule();
        schedule.add(now, hash(1));
        assert_eq!(schedule.poll(now), None);
        assert_eq!(schedule.poll_timeout(now), None);
        schedule.connected(now);
        let started = Due {
            info_hash: hash(1),
            event: Event::Started,
            offers: true,
        };
        assert_eq!(schedule.poll_timeout(now), Some(now));
        assert_eq!(schedule.poll(now), Some(started));
        assert_eq!(schedule.poll(now), None);
        schedule.add(now, hash(2));
        let other = Due {
            info_hash: hash(2),
            ..started
        };
        assert_eq!(schedule.poll(now), Some(other));
        schedule.disconnected(now);
        assert_eq!(schedule.poll(now), None);
        schedule.connected(now);
        let again = Due {
            event: Event::Update,
            ..started
        };
        assert_eq!(schedule.poll(now), Some(again));
        assert_eq!(schedule.announced().collect::<Vec<_>>(), [hash(1)]);
    }

    #[test]
    fn the_tracker_sets_the_interval_within_bounds() {
        let (mut schedule, now) = schedule();
        schedule.add(now, hash(1));
        schedule.connected(now);
        for (named, expected) in [
            (None, 120),
            (Some(30), 30),
            (Some(0), 10),
            (Some(9999), 3600),
        ] {
            schedule.answered(now, hash(1), named);
            let next = schedule.poll_timeout(now).expect("an announce is due");
            let wait = (next - now).as_secs_f64();
            let expected = f64::from(expected);
            assert!(
                (expected * 0.9..=expected).contains(&wait),
                "{named:?} gives {wait} s"
            );
        }
        schedule.answered(now, hash(1), Some(30));
        let later = now + Duration::from_secs(30);
        let update = Due {
            info_hash: hash(1),
            event: Event::Update,
            offers: false,
        };
        let first = schedule.poll(later).expect("an announce is due");
        assert!(
            first
                == Due {
                    event: Event::Started,
                    offers: true,
                    ..update
                }
        );
        schedule.answered(later, hash(1), Some(30));
        assert_eq!(schedule.poll(later + Duration::from_secs(30)), Some(update));
    }

    #[test]
    fn peers_that_were_turned_away_are_called_back_once() {
        let (mut schedule, now) = schedule();
        schedule.add(now, hash(1));
        schedule.connected(now);
        assert!(schedule.poll(now).is_some());
        schedule.call_back(now);
        assert_eq!(schedule.poll(now), None);
        schedule.turned_away(hash(1));
        schedule.turned_away(hash(2));
        assert_eq!(schedule.poll(now), None);
        schedule.call_back(now);
        let call = Due {
            info_hash: hash(1),
            event: Event::Update,
            offers: true,
        };
        assert_eq!(schedule.poll(now), Some(call));
        assert_eq!(schedule.poll(now), None);
    }

    #[test]
    fn the_announces_of_many_torrents_are_paced_and_none_waits_for_another_twice() {
        let (mut schedule, start) = schedule();
        for byte in 0..200 {
            schedule.add(start, hash(byte));
        }
        schedule.connected(start);
        let mut now = start;
        let mut announced = Vec::new();
        while announced.len() < 200 {
            now = schedule.poll_timeout(now).expect("more is due");
            let before = announced.len();
            while let Some(due) = schedule.poll(now) {
                announced.push(due.info_hash);
            }
            let burst = if before == 0 { BURST } else { 1 };
            assert_eq!(
                announced.len() - before,
                usize::try_from(burst).expect("small")
            );
        }
        assert_eq!(now - start, PACE * (200 - BURST));
        announced.sort_unstable();
        announced.dedup();
        assert_eq!(announced.len(), 200);
    }

    #[test]
    fn an_answer_does_not_put_off_a_call() {
        let (mut schedule, now) = schedule();
        schedule.add(now, hash(1));
        schedule.connected(now);
        assert!(schedule.poll(now).is_some());
        schedule.turned_away(hash(1));
        schedule.call_back(now);
        schedule.answered(now, hash(1), Some(1800));
        assert!(schedule.poll(now).is_some_and(|due| due.offers));
    }

    #[test]
    fn attempts_to_connect_slow_down_and_recover() {
        let (mut schedule, mut now) = schedule();
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0_f64] {
            let pause = schedule.disconnected(now).as_secs_f64();
            assert!((expected * 0.9..=expected).contains(&pause), "{pause} s");
        }
        schedule.connected(now);
        assert!(schedule.disconnected(now) > Duration::from_secs(50));
        schedule.connected(now);
        now += STEADY;
        assert!(schedule.disconnected(now) <= FIRST_PAUSE);
    }
}
