//! Token buckets: so many tokens over time, so many at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The most that can be owed to a bucket, in nanoseconds of its filling: no wait is much
/// longer, whatever was taken.
const DEBT: u64 = 10_000_000_000;

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// So many tokens come …
    tokens: u64,
    /// … in so many nanoseconds.
    nanos: u64,
    /// Nanoseconds in which an empty bucket fills.
    depth: u64,
}

/// A bucket that any number of sockets may share.
///
/// It keeps the time at which it will be full again, in nanoseconds on a clock of the
/// caller's; one that is new is full.
#[derive(Debug, Default)]
pub(crate) struct TokenBucket(AtomicU64);

impl Rate {
    /// So many tokens a second, and `burst` at once after a pause; both at least 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let (tokens, nanos) = (u64::from(per_second.max(1)), 1_000_000_000);
        Self {
            tokens,
            nanos,
            depth: u64::from(burst).saturating_mul(nanos) / tokens,
        }
    }

    /// So many tokens within a time, all of them at once if need be; at least 1.
    pub(crate) fn within(tokens: u32, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            tokens: u64::from(tokens.max(1)),
            nanos,
            depth: nanos,
        }
    }

    const fn time(self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.nanos) / self.tokens
    }
}

impl TokenBucket {
    /// Takes tokens, which may be more than there are, and returns how long it takes
    /// until there is one again.
    pub(crate) fn take(&self, rate: Rate, now: u64, tokens: u64) -> Duration {
        let cost = rate.time(tokens);
        let most = now.saturating_add(rate.depth).saturating_add(DEBT);
        let taken = |full_at: u64| full_at.max(now).saturating_add(cost).min(most);
        // It guards nothing else, and `taken` always gives something.
        let before = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                Some(taken(full_at))
            })
            .unwrap_or_else(|full_at| full_at);
        let next = taken(before).saturating_add(rate.time(1));
        Duration::from_nanos(next.saturating_sub(now).saturating_sub(rate.depth))
    }

    /// When it will be full if nobody takes any more.
    pub(crate) fn full_at(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Fills it.
    pub(crate) fn fill(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_at_once_and_what_follows_keeps_the_pace() {
        let rate = Rate::new(10, 3);
        let bucket = TokenBucket::default();
        let waits = |now, count| -> Vec<u128> {
            (0..count)
                .map(|_| bucket.take(rate, now, 1).as_millis())
                .collect()
        };
        // Each tells how long the next has to wait.
        assert_eq!(waits(5, 5), [0, 0, 100, 200, 300]);
        // After a pause the burst is there again, and no more than it.
        assert_eq!(waits(60 * SECOND, 4), [0, 0, 100, 200]);
        bucket.fill();
        assert_eq!(waits(60 * SECOND, 3), [0, 0, 100]);
    }

    #[test]
    fn many_tokens_at_once_are_a_debt_that_time_pays() {
        let rate = Rate::new(1000, 5000);
        let bucket = TokenBucket::default();
        assert_eq!(bucket.take(rate, SECOND, 4999), Duration::ZERO);
        assert_eq!(bucket.take(rate, SECOND, 1000).as_secs(), 1);
        assert_eq!(bucket.full_at(), SECOND + 5_999_000_000);
        assert_eq!(bucket.take(rate, 2 * SECOND, 0), Duration::ZERO);
    }

    #[test]
    fn a_debt_is_bounded_and_asking_adds_nothing_to_it() {
        let rate = Rate::new(1, 5);
        let bucket = TokenBucket::default();
        let next = Duration::from_secs(1);
        let most = Duration::from_nanos(DEBT) + next;
        assert_eq!(bucket.take(rate, 0, 1_000_000), most);
        assert_eq!(bucket.take(rate, 0, 0), most);
        assert_eq!(bucket.take(rate, DEBT, 0), next);
        assert_eq!(bucket.take(rate, DEBT + SECOND, 0), Duration::ZERO);
    }

    #[test]
    fn tokens_within_a_time_come_one_by_one() {
        let rate = Rate::within(5, Duration::from_secs(10));
        let bucket = TokenBucket::default();
        let waits: Vec<u64> = (0..6).map(|_| bucket.take(rate, 0, 1).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 2, 4]);
    }

    #[test]
    fn numbers_of_any_size_neither_panic_nor_wrap() {
        for rate in [
            Rate::new(u32::MAX, u32::MAX),
            Rate::new(0, 0),
            Rate::within(0, Duration::MAX),
        ] {
            let bucket = TokenBucket::default();
            for tokens in [0, 1, u64::MAX] {
                bucket.take(rate, u64::MAX, tokens);
                bucket.take(rate, 0, tokens);
            }
        }
    }
}
