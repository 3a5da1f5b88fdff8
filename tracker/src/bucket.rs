//! A token bucket: so many messages a second over time, so many at once.

use std::time::{Duration, Instant};

/// Says how long a message has to wait for its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    /// The time one token takes to come.
    pace: Duration,
    /// How far ahead of its pace a sender may be.
    burst: Duration,
    /// When the bucket is full again.
    full_at: Instant,
}

impl TokenBucket {
    /// A full bucket. `per_second` and `burst` are at least 1.
    pub(crate) fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        let pace = Duration::from_secs(1) / per_second.max(1);
        Self {
            pace,
            burst: pace.saturating_mul(burst.max(1)),
            full_at: now,
        }
    }

    /// How long the next message has to wait.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let mut next = *self;
        next.take(now)
    }

    /// Takes one token and returns how long to wait before acting on it.
    pub(crate) fn take(&mut self, now: Instant) -> Duration {
        self.full_at = self.full_at.max(now) + self.pace;
        self.full_at.duration_since(now).saturating_sub(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_at_once_and_what_follows_keeps_the_pace() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(start, 10, 3);
        let waits: Vec<u128> = (0..5)
            .map(|_| {
                let next = bucket.wait(start);
                assert_eq!(bucket.take(start), next);
                next.as_millis()
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 100, 200]);
        // After a pause the burst is there again, and no more than it.
        let later = start + Duration::from_secs(60);
        let waits: Vec<u128> = (0..4).map(|_| bucket.take(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100]);
    }
}
