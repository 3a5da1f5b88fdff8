//! How good a receiver of offers a peer is: whether it answers, what it was given lately, how far
//! away it is.

use std::time::Duration;

use crate::Config;
use crate::tick::Tick;

/// A client answers within a second or two, or when it has gathered its addresses, for which the
/// reference waits 5 s at most. What is not answered after this time counts against a peer.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Offers without an answer, since the last one it answered, after which a peer is set aside.
const SILENT_AFTER: u32 = 3;

/// What one offer adds to a load, and the seconds in which a load halves. Loads of more than 255
/// offers are alike: they are far beyond what a browser takes.
const OFFER_LOAD: u32 = 256;
const HALVING_SECONDS: u32 = 32;

/// An instant, and what follows from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Tick,
    /// Until when an offer that is given now may be answered.
    pub(crate) until: Tick,
    /// An offer that may be answered until then is overdue.
    overdue: Tick,
}

impl Moment {
    pub(crate) fn new(now: Tick, config: &Config) -> Self {
        Self {
            now,
            until: now.after(config.offer_ttl),
            overdue: now.after(config.offer_ttl.saturating_sub(ANSWER_TIME)),
        }
    }

    pub(crate) fn is_overdue(&self, until: Tick) -> bool {
        until <= self.overdue
    }
}

/// What is known of a peer as a receiver.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// Offers it was given.
    pub(crate) given: u32,
    /// Offers it answered in time.
    pub(crate) answered: u32,
    /// Offers that ran out since its last answer, as far as eight bits count.
    missed: u8,
    /// Did not answer for long, as far as noted.
    is_silent: bool,
    /// Its connection takes nothing in.
    pub(crate) is_congested: bool,
    /// Round-trip time of its connection in milliseconds; 0 for unknown.
    pub(crate) rtt_ms: u16,
    load: u16,
    load_second: u32,
}

/// A candidate for an offer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merit {
    unanswered: u32,
    load: u32,
    rtt_ms: u16,
}

impl Standing {
    pub(crate) fn is_willing(&self) -> bool {
        !self.is_silent && !self.is_congested
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        (self.rtt_ms > 0).then(|| Duration::from_millis(self.rtt_ms.into()))
    }

    pub(crate) fn was_given(&mut self, moment: &Moment) {
        self.given = self.given.saturating_add(1);
        let load = self.load(moment).saturating_add(OFFER_LOAD);
        self.load = u16::try_from(load).unwrap_or(u16::MAX);
        self.load_second = moment.now.second();
    }

    pub(crate) fn answered(&mut self, in_time: bool) {
        self.answered = self.answered.saturating_add(u32::from(in_time));
        self.excuse();
    }

    /// Holds nothing that was missed so far against a peer.
    pub(crate) fn excuse(&mut self) {
        self.missed = 0;
        self.is_silent = false;
    }

    pub(crate) fn missed(&mut self, offers: u32) {
        let offers = u8::try_from(offers).unwrap_or(u8::MAX);
        self.missed = self.missed.saturating_add(offers);
    }

    /// Notes whether a peer with so many overdue offers has fallen silent.
    pub(crate) fn falls_silent(&mut self, overdue: u32) {
        self.is_silent |= self.unanswered(overdue) >= SILENT_AFTER;
    }

    pub(crate) fn would_be_silent(&self, overdue: u32) -> bool {
        self.unanswered(overdue) >= SILENT_AFTER
    }

    pub(crate) fn merit(&self, moment: &Moment, overdue: u32) -> Merit {
        Merit {
            unanswered: self.unanswered(overdue),
            load: self.load(moment),
            rtt_ms: self.rtt_ms,
        }
    }

    fn unanswered(&self, overdue: u32) -> u32 {
        u32::from(self.missed).saturating_add(overdue)
    }

    /// Offers given lately, each worth half after every 32 s; between them on a straight line.
    fn load(&self, moment: &Moment) -> u32 {
        let age = moment.now.second().saturating_sub(self.load_second);
        let halved = u32::from(self.load)
            .checked_shr(age / HALVING_SECONDS)
            .unwrap_or(0);
        let part = u64::from(halved) * u64::from(age % HALVING_SECONDS);
        let lost = part / u64::from(2 * HALVING_SECONDS);
        halved.saturating_sub(u32::try_from(lost).unwrap_or(u32::MAX))
    }
}

impl Merit {
    /// Whether a peer is to be given an offer rather than another: first of all if it answers more
    /// surely, then if it was given clearly less lately, then if it is nearer.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        if self.unanswered != other.unanswered {
            return self.unanswered < other.unanswered;
        }
        if self.load.abs_diff(other.load) > self.load.max(other.load) / 8 {
            return self.load < other.load;
        }
        self.rtt_ms != 0 && other.rtt_ms != 0 && self.rtt_ms < other.rtt_ms
    }

    /// Whether it was given more lately than so many offers a minute make.
    pub(crate) fn is_busier_than(&self, offers_a_minute: u32) -> bool {
        // At a steady rate the load is that of what comes in 32 s / ln 2, which is 46 s.
        u64::from(self.load) > u64::from(offers_a_minute) * u64::from(OFFER_LOAD) * 46 / 60
    }
}
