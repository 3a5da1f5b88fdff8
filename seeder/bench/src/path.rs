//! One direction of an emulated network path: a bottleneck with a queue, a loss, and a delay.
//!
//! Pure: what goes in comes out later, in order, or never.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// What a path is like. The default is none at all: no delay, no loss, no bottleneck.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct PathSpec {
    /// Milliseconds there and back; half of it each way.
    pub rtt_ms: f64,
    /// Datagrams lost each way, in per cent.
    pub loss_percent: f64,
    /// Megabits a second that pass towards the leecher; `None` for no bottleneck.
    pub mbit_per_second: Option<f64>,
    /// Bytes that wait at the bottleneck; `None` for what it passes in one round trip, 64 KiB at
    /// least. When full, the newest is lost.
    pub queue_bytes: Option<u64>,
}

impl PathSpec {
    /// Whether datagrams pass as if there were no path.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.rtt_ms == 0.0 && self.loss_percent == 0.0 && self.mbit_per_second.is_none()
    }

    /// The direction towards the leecher, where the bottleneck is.
    #[must_use]
    pub fn down<T>(&self, now: Instant, seed: u64) -> Path<T> {
        let rate = self.mbit_per_second.map(|mbit| mbit * 125_000.0);
        let in_one_round_trip = rate.map_or(0.0, |rate| rate * self.rtt_ms / 1000.0) as u64;
        Path {
            delay: Duration::from_secs_f64(self.rtt_ms / 2000.0),
            loss: self.loss_percent / 100.0,
            rate,
            queue_bytes: self
                .queue_bytes
                .unwrap_or_else(|| in_one_round_trip.max(65_536)),
            free_at: now,
            waiting: VecDeque::new(),
            random: SmallRng::seed_from_u64(seed),
        }
    }

    /// The direction towards the seeder.
    #[must_use]
    pub fn up<T>(&self, now: Instant, seed: u64) -> Path<T> {
        let unbounded = Self {
            mbit_per_second: None,
            ..*self
        };
        unbounded.down(now, seed)
    }
}

/// One direction of a path, with what is on its way. The sender's window bounds that.
#[derive(Debug)]
pub struct Path<T> {
    delay: Duration,
    loss: f64,
    /// Bytes a second.
    rate: Option<f64>,
    queue_bytes: u64,
    /// When the bottleneck will have passed all that waits.
    free_at: Instant,
    waiting: VecDeque<(Instant, T)>,
    random: SmallRng,
}

impl<T> Path<T> {
    /// Puts in a datagram of so many bytes.
    pub fn enter(&mut self, now: Instant, bytes: usize, datagram: T) {
        let starts = self.free_at.max(now);
        let passes = match self.rate {
            Some(rate) => {
                let queued = starts.saturating_duration_since(now).as_secs_f64() * rate;
                if queued + bytes as f64 > self.queue_bytes as f64 {
                    return;
                }
                starts + Duration::from_secs_f64(bytes as f64 / rate)
            }
            None => now,
        };
        self.free_at = passes;
        // Lost behind the bottleneck, as on a radio link: it has cost its time.
        if self.loss > 0.0 && self.random.random_bool(self.loss) {
            return;
        }
        self.waiting.push_back((passes + self.delay, datagram));
    }

    /// Takes out the next datagram that has arrived.
    pub fn leave(&mut self, now: Instant) -> Option<T> {
        let (_, datagram) = self.waiting.pop_front_if(|(due, _)| *due <= now)?;
        Some(datagram)
    }

    /// When the next one arrives.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn arrivals(path: &mut Path<usize>) -> Vec<(usize, Instant)> {
        std::iter::from_fn(|| {
            let due = path.next()?;
            assert_eq!(path.leave(due.checked_sub(MS / 1000)?), None, "not before");
            Some((path.leave(due)?, due))
        })
        .collect()
    }

    #[test]
    fn half_of_the_round_trip_passes_each_way() {
        let now = Instant::now();
        let spec = PathSpec {
            rtt_ms: 50.0,
            ..PathSpec::default()
        };
        for mut path in [spec.up(now, 1), spec.down(now, 1)] {
            path.enter(now, 1200, 0);
            path.enter(now + MS, 1200, 1);
            let arrived = arrivals(&mut path);
            assert_eq!(arrived, [(0, now + 25 * MS), (1, now + 26 * MS)]);
        }
    }

    #[test]
    fn a_bottleneck_spreads_a_burst_and_drops_what_its_queue_does_not_hold() {
        let now = Instant::now();
        let spec = PathSpec {
            // A byte a microsecond.
            mbit_per_second: Some(8.0),
            queue_bytes: Some(3000),
            ..PathSpec::default()
        };
        let mut path = spec.down(now, 1);
        for number in 0..10 {
            path.enter(now, 1000, number);
        }
        assert_eq!(
            arrivals(&mut path),
            [(0, now + MS), (1, now + 2 * MS), (2, now + 3 * MS)]
        );
        path.enter(now + 10 * MS, 1000, 10);
        assert_eq!(arrivals(&mut path), [(10, now + 11 * MS)]);
        let mut up = spec.up(now, 1);
        up.enter(now, 1000, 0);
        assert_eq!(arrivals(&mut up), [(0, now)]);
    }

    #[test]
    fn the_share_that_is_lost_is_as_told() {
        let now = Instant::now();
        let spec = PathSpec {
            loss_percent: 1.0,
            ..PathSpec::default()
        };
        let mut path = spec.down(now, 7);
        for number in 0..100_000 {
            path.enter(now, 1200, number);
        }
        let lost = 100_000 - arrivals(&mut path).len();
        assert!((850..1150).contains(&lost), "{lost} of 100000");
    }
}
