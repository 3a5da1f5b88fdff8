//! The time between announces that clients are asked for: the one lever a tracker has, since
//! they obey it for each torrent.

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::{Config, Swarms};

/// Sizes of swarms between which the interval grows, as powers of two.
const TINY_TO_ORDINARY: (u32, u32) = (1, 4);
const LARGE_TO_HUGE: (u32, u32) = (10, 16);

/// The greatest load.
const FULL: u32 = 1000;

impl<R: Rng> Swarms<R> {
    /// Seconds until the next announce to a swarm of so many peers, a tenth more or less at random.
    pub(crate) fn interval(&mut self, peers: u64) -> u32 {
        let wanted = wanted(&self.config, self.load, peers);
        let seconds = u32::try_from(wanted.as_secs()).unwrap_or(u32::MAX);
        let spread = seconds / 10;
        let least = seconds - spread;
        self.rng
            .random_range(least..=seconds.saturating_add(spread))
            .max(1)
    }

    pub(crate) fn set_load(&mut self, permille: u16) {
        self.load = u32::from(permille).min(FULL);
    }
}

fn wanted(config: &Config, load: u32, peers: u64) -> Duration {
    let ordinary = config.interval;
    let shortest = config.shortest_interval.unwrap_or(ordinary).min(ordinary);
    let longest = config.longest_interval.unwrap_or(ordinary).max(ordinary);
    let doublings = peers.checked_ilog2().unwrap_or(0);
    let by_size = if doublings < TINY_TO_ORDINARY.1 {
        between(shortest, ordinary, doublings, TINY_TO_ORDINARY)
    } else {
        between(ordinary, longest, doublings, LARGE_TO_HUGE)
    };
    between(by_size, longest, load, (0, FULL))
}

/// The time that lies between two as a number does between its bounds.
fn between(low: Duration, high: Duration, number: u32, bounds: (u32, u32)) -> Duration {
    let part = number.clamp(bounds.0, bounds.1) - bounds.0;
    low + high.saturating_sub(low) * part / (bounds.1 - bounds.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wanted;
    use crate::Config;

    fn seconds(load: u32, peers: u64) -> u64 {
        let config = Config {
            interval: Duration::from_secs(120),
            shortest_interval: Some(Duration::from_secs(20)),
            longest_interval: Some(Duration::from_secs(300)),
            ..Config::default()
        };
        wanted(&config, load, peers).as_secs()
    }

    #[test]
    fn the_interval_grows_with_the_swarm() {
        let sizes = [0, 1, 2, 3, 4, 8, 16, 1024, 2048, 65_536, u64::MAX];
        let intervals = sizes.map(|peers| seconds(0, peers));
        let expected = [20, 20, 20, 20, 53, 86, 120, 120, 150, 300, 300];
        assert_eq!(intervals, expected);
    }

    #[test]
    fn the_interval_grows_with_the_load_up_to_the_longest() {
        let loads = [0, 500, 1000].map(|load| [seconds(load, 2), seconds(load, 100)]);
        assert_eq!(loads, [[20, 120], [160, 210], [300, 300]]);
    }

    #[test]
    fn without_bounds_there_is_one_interval() {
        for (load, peers) in [(0, 1), (1000, 1), (1000, u64::MAX)] {
            let config = Config::default();
            assert_eq!(wanted(&config, load, peers), config.interval);
        }
    }
}
