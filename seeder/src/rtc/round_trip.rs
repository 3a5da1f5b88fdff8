//! How far away a peer is, and how much may be on its way to it. Pure.

use std::time::{Duration, Instant};

use super::stun::{self, Transaction};
use super::{FAR_SEND_BUFFER_BYTES, SEND_BUFFER_BYTES};

/// Rates are measured over a round trip, or so long if that is shorter.
const SHORTEST_ROUND: Duration = Duration::from_millis(20);

/// A peer nearer than this is sent what there is at once.
const NEAR: Duration = Duration::from_millis(5);

/// Bytes that go in a round trip at least: the first ones are few.
const LEAST_IN_A_ROUND: u64 = 64 * 1024;

/// Rounds whose rates count.
const ROUNDS: usize = 8;

/// The shortest round trip to a peer so far, told by the answers to our checks.
/// The shortest: what queues on the way must not make for longer queues.
#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    /// The last check sent: its transaction, and when.
    asked: Option<(Transaction, Instant)>,
    shortest: Option<Duration>,
    round: Option<Instant>,
    round_bytes: usize,
    /// Bytes a second that the last rounds took.
    rates: [u128; ROUNDS],
}

impl RoundTrip {
    /// Sees a datagram go.
    pub(super) fn sent(&mut self, now: Instant, datagram: &[u8]) {
        if stun::class(datagram) == Some(stun::Class::Request)
            && let Some(transaction) = stun::transaction(datagram)
        {
            self.asked = Some((transaction, now));
        }
    }

    /// Sees a datagram come.
    pub(super) fn received(&mut self, now: Instant, datagram: &[u8]) {
        if stun::class(datagram) == Some(stun::Class::Success)
            && let Some((transaction, at)) = self.asked
            && stun::transaction(datagram) == Some(transaction)
        {
            self.asked = None;
            let taken = now.saturating_duration_since(at);
            self.shortest = Some(self.shortest.map_or(taken, |shortest| shortest.min(taken)));
        }
    }

    /// Sees so many bytes acknowledged.
    pub(super) fn acknowledged(&mut self, now: Instant, bytes: usize) {
        let taken = now.saturating_duration_since(*self.round.get_or_insert(now));
        self.round_bytes += bytes;
        if taken >= self.shortest.unwrap_or_default().max(SHORTEST_ROUND) {
            let rate = self.round_bytes as u128 * 1_000_000 / taken.as_micros();
            self.rates.rotate_left(1);
            if let Some(last) = self.rates.last_mut() {
                *last = rate;
            }
            (self.round, self.round_bytes) = (Some(now), 0);
        }
    }

    /// Bytes a second at which to send, if not at any rate: twice the best rate of late, for the stack's
    /// window doubles in a round trip at most.
    pub(super) fn pace(&self) -> Option<u64> {
        let shortest = self.shortest.filter(|shortest| *shortest >= NEAR)?;
        let best = u64::try_from(self.best_rate()).unwrap_or(u64::MAX);
        let least =
            LEAST_IN_A_ROUND * 1_000_000 / u64::try_from(shortest.as_micros()).unwrap_or(u64::MAX);
        Some(best.saturating_mul(2).max(least))
    }

    fn best_rate(&self) -> u128 {
        self.rates.into_iter().max().unwrap_or_default()
    }

    /// Unacknowledged bytes below which the channel takes more: for a far peer half
    /// as much again as the way to it holds at the best rate of late. So it grows
    /// while that makes it faster, and does not fill the queue before a bottleneck.
    pub(super) fn credit(&self) -> usize {
        let Some(shortest) = self.shortest.filter(|shortest| *shortest >= NEAR) else {
            return SEND_BUFFER_BYTES;
        };
        let held = self.best_rate() * shortest.as_micros() / 1_000_000;
        let [least, most] = FAR_SEND_BUFFER_BYTES;
        usize::try_from(held * 3 / 2)
            .unwrap_or(most)
            .clamp(least, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtc::stun::tests::request;

    fn ask_and_answer(round_trip: &mut RoundTrip, now: Instant, millis: u64) {
        let mut datagram = request(b"");
        round_trip.sent(now, &datagram);
        datagram[0] = 0x01;
        round_trip.received(now + Duration::from_millis(millis), &datagram);
    }

    #[test]
    fn credit_is_what_the_way_holds_and_half_as_much_within_bounds() {
        let (mut round_trip, now) = (RoundTrip::default(), Instant::now());
        let at = |millis| now + Duration::from_millis(millis);
        assert_eq!(round_trip.credit(), SEND_BUFFER_BYTES);
        ask_and_answer(&mut round_trip, now, 90);
        ask_and_answer(&mut round_trip, now, 50);
        ask_and_answer(&mut round_trip, now, 70);
        round_trip.acknowledged(at(0), 0);
        round_trip.acknowledged(at(40), 100_000);
        assert_eq!(round_trip.pace(), Some(LEAST_IN_A_ROUND * 20));
        round_trip.acknowledged(at(50), 100_000);
        assert_eq!(round_trip.credit(), 300_000);
        assert_eq!(round_trip.pace(), Some(8_000_000));
        round_trip.acknowledged(at(100), 900_000);
        assert_eq!(round_trip.credit(), FAR_SEND_BUFFER_BYTES[1]);
        for round in 3..20 {
            round_trip.acknowledged(at(round * 50), 10_000);
        }
        assert_eq!(round_trip.credit(), FAR_SEND_BUFFER_BYTES[0]);
    }

    #[test]
    fn a_near_peer_is_not_paced_and_has_no_more_credit_the_faster_it_is() {
        let (mut round_trip, now) = (RoundTrip::default(), Instant::now());
        assert_eq!(round_trip.pace(), None);
        ask_and_answer(&mut round_trip, now, 4);
        round_trip.acknowledged(now, 0);
        round_trip.acknowledged(now + Duration::from_millis(20), 10_000_000);
        assert_eq!(round_trip.pace(), None);
        assert_eq!(round_trip.credit(), SEND_BUFFER_BYTES);
    }

    #[test]
    fn an_answer_to_another_check_tells_nothing() {
        let (mut round_trip, now) = (RoundTrip::default(), Instant::now());
        round_trip.sent(now, &request(b""));
        let mut other = request(b"");
        other[0] = 0x01;
        other[8] ^= 1;
        let later = now + Duration::from_millis(50);
        round_trip.received(later, &other);
        round_trip.acknowledged(now, 0);
        round_trip.acknowledged(later, 1_000_000);
        assert_eq!(round_trip.credit(), SEND_BUFFER_BYTES);
    }
}
