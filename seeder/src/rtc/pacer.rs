//! Spreads what goes to a far peer over its round trip. Pure.
//!
//! The stack lets go of all that its congestion window takes at once. A browser's socket holds some 56
//! datagrams (128 KiB by Linux's count, 2 304 bytes each); what is more is lost, the window halved, and it grows
//! by one datagram a round trip: a far peer never recovers. A near one has no more on its way than its socket holds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::path::Path;

/// Bytes that go at once at most: a fifth of what a browser's socket holds, for what is sent apart comes together
/// when something on the way was busy. At 50 ms a page lost datagrams with twice as much and none with less, and got
/// 10.5 MB/s with this, 8.5 with 10 datagrams and 4.6 with 6: a timer fires once a millisecond.
const BURST: usize = 12 * 1200;

/// Datagrams that wait for their turn, and whose turn it is. What waits is bounded by what the channel
/// may have unacknowledged.
#[derive(Debug)]
pub(super) struct Pacer {
    waiting: VecDeque<(Path, BytesMut)>,
    /// Bytes that may go at once.
    allowed: usize,
    /// When `allowed` was looked at.
    at: Instant,
}

impl Pacer {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            allowed: BURST,
            at: now,
        }
    }

    pub(super) fn push(&mut self, to: Path, datagram: BytesMut) {
        self.waiting.push_back((to, datagram));
    }

    /// The next datagram to go at so many bytes a second, or at any rate.
    pub(super) fn pop(&mut self, now: Instant, rate: Option<u64>) -> Option<(Path, BytesMut)> {
        let bytes = self.waiting.front()?.1.len();
        if let Some(rate) = rate {
            self.refill(now, rate);
            self.allowed = self.allowed.checked_sub(bytes)?;
        }
        self.waiting.pop_front()
    }

    /// When [`Pacer::pop`] has the next one, if any waits.
    pub(super) fn next(&self, rate: Option<u64>) -> Option<Instant> {
        let bytes = self.waiting.front()?.1.len();
        let lacking = bytes.saturating_sub(self.allowed) as u64;
        let wait = rate.map_or(0, |rate| (lacking * 1_000_000).div_ceil(rate.max(1)));
        Some(self.at + Duration::from_micros(wait))
    }

    fn refill(&mut self, now: Instant, rate: u64) {
        let micros = now.saturating_duration_since(self.at).as_micros();
        let bytes = u128::from(rate) * micros / 1_000_000;
        // Time that is worth no byte yet counts later.
        if bytes > 0 {
            let bytes = usize::try_from(bytes).unwrap_or(BURST);
            self.allowed = self.allowed.saturating_add(bytes).min(BURST);
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    const RATE: Option<u64> = Some(1_000_000);

    fn pacer(now: Instant, datagrams: usize) -> Pacer {
        let mut pacer = Pacer::new(now);
        for _ in 0..datagrams {
            pacer.push(
                Path::direct(SocketAddr::from(([192, 0, 2, 7], 9))),
                BytesMut::zeroed(1200),
            );
        }
        pacer
    }

    fn pass(pacer: &mut Pacer, now: Instant, rate: Option<u64>) -> usize {
        std::iter::from_fn(|| pacer.pop(now, rate)).count()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let now = Instant::now();
        let mut pacer = pacer(now, 100);
        assert_eq!(pass(&mut pacer, now, RATE), 12);
        assert_eq!(pacer.next(RATE), Some(now + Duration::from_micros(1200)));
        let mut at = now;
        for _ in 0..10 {
            at += Duration::from_millis(6);
            assert_eq!(pass(&mut pacer, at, RATE), 5);
        }
        // Time without anything to send is good for one burst.
        assert_eq!(pass(&mut pacer, at + Duration::from_secs(60), RATE), 12);
        assert_eq!(pass(&mut pacer, at + Duration::from_secs(120), RATE), 12);
        assert_eq!(pass(&mut pacer, at + Duration::from_secs(180), RATE), 12);
        assert_eq!(pass(&mut pacer, at + Duration::from_secs(240), RATE), 2);
        assert_eq!(pacer.next(RATE), None);
    }

    #[test]
    fn time_in_small_steps_counts() {
        let mut now = Instant::now();
        let mut pacer = pacer(now, 100);
        let mut passed = pass(&mut pacer, now, Some(1000));
        for _ in 0..12_000 {
            now += Duration::from_micros(500);
            passed += pass(&mut pacer, now, Some(1000));
        }
        assert_eq!(passed, 12 + 5);
    }

    #[test]
    fn without_a_rate_all_goes_at_once() {
        let now = Instant::now();
        let mut pacer = pacer(now, 100);
        assert_eq!(pass(&mut pacer, now, None), 100);
    }
}
