//! Who is owed what: each offer, from the announce that carried it to the answer that came back.

use crate::id::MAX_NUMBER;

/// What was sent and what came of it. All counts are of whole messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Announces that were sent.
    pub announces: u64,
    /// Responses the tracker owes: one an announce (and one an answer, for trackers that do so).
    pub responses_due: u64,
    /// Responses that came.
    pub responses: u64,
    /// Offers the tracker owes: for each announce its offers, or one for each other peer if these
    /// are fewer.
    pub offers_due: u64,
    /// Offers that came to another peer of the torrent.
    pub offers: u64,
    /// Answers the tracker owes: those that were sent.
    pub answers_due: u64,
    /// Answers that came back to the peer that made the offer.
    pub answers: u64,
    /// Offers and answers that came more than once.
    pub duplicates: u64,
    /// Offers and answers that came to the wrong peer, or with the wrong ids.
    pub misdirected: u64,
    /// Offers and answers whose session description came changed.
    pub altered: u64,
    /// Refusals.
    pub failures: u64,
    /// Messages that no rule of the protocol explains.
    pub strange: u64,
    /// Connections that the tracker closed or broke.
    pub closed: u64,
    /// Announces that were due and not sent, for the socket had too much to send already, or the
    /// client had made sixteen million offers.
    pub held_back: u64,
}

impl Tally {
    /// All the messages that came.
    pub(crate) fn received(&self) -> u64 {
        self.responses + self.offers + self.answers + self.duplicates
    }

    /// Whether everything that is owed has come.
    pub(crate) fn settled(&self) -> bool {
        self.responses >= self.responses_due
            && self.offers >= self.offers_due
            && self.answers >= self.answers_due
    }
}

const SENT: u8 = 1;
const OFFERED: u8 = 2;
const ANSWERED: u8 = 4;

/// The state of every offer of a run, a byte each.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    offers: Vec<Vec<u8>>,
}

/// What a relay turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The first of its kind, as it should be.
    First,
    /// It came before.
    Again,
    /// Nobody sent such a thing.
    Unknown,
}

impl Ledger {
    /// Whether the ids of so many more offers of `connection` would not be its own any more.
    pub(crate) fn is_full(&self, connection: usize, more: u32) -> bool {
        let sent = self.offers.get(connection).map_or(0, Vec::len);
        sent + more as usize > MAX_NUMBER as usize
    }

    /// Notes that `connection` sends offers, and returns the number of the first.
    pub(crate) fn send(&mut self, connection: usize, sent: u32, numbers: u32) -> u32 {
        if self.offers.len() <= connection {
            self.offers.resize_with(connection + 1, Vec::new);
        }
        let offers = &mut self.offers[connection];
        let first = offers.len();
        offers.resize(first + sent as usize, SENT);
        offers.resize(first + numbers.max(sent) as usize, 0);
        u32::try_from(first).expect("a run ends before its offers are past counting")
    }

    /// Notes that an offer came to another peer.
    pub(crate) fn offered(&mut self, connection: usize, offer: u32) -> Verdict {
        self.advance(connection, offer, SENT, OFFERED)
    }

    /// Notes that the answer to an offer came back.
    pub(crate) fn answered(&mut self, connection: usize, offer: u32) -> Verdict {
        self.advance(connection, offer, OFFERED, ANSWERED)
    }

    fn advance(&mut self, connection: usize, offer: u32, from: u8, to: u8) -> Verdict {
        let state = self
            .offers
            .get_mut(connection)
            .and_then(|offers| offers.get_mut(offer as usize));
        match state {
            Some(state) if *state & to != 0 => Verdict::Again,
            Some(state) if *state & from != 0 => {
                *state |= to;
                Verdict::First
            }
            _ => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_comes_once_and_so_does_its_answer() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.send(2, 3, 5), 0);
        assert_eq!(ledger.send(2, 5, 5), 5);
        assert_eq!(ledger.answered(2, 1), Verdict::Unknown);
        assert_eq!(ledger.offered(2, 1), Verdict::First);
        assert_eq!(ledger.offered(2, 1), Verdict::Again);
        assert_eq!(ledger.answered(2, 1), Verdict::First);
        assert_eq!(ledger.answered(2, 1), Verdict::Again);
        assert_eq!(ledger.offered(2, 3), Verdict::Unknown);
        assert_eq!(ledger.offered(2, 5), Verdict::First);
        assert_eq!(ledger.offered(0, 0), Verdict::Unknown);
        assert_eq!(ledger.offered(9, 0), Verdict::Unknown);
        assert!(ledger.is_full(2, MAX_NUMBER - 9) && !ledger.is_full(2, MAX_NUMBER - 10));
    }
}
