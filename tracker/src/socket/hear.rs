//! What a socket says: how fast it may, and what comes of it.

use std::time::Duration;

use actix_http::ws::CloseCode;
use tracker_protocol::{ClientMessage, Failure, Limits, SkippedOffers, Subject, Verdict};

use super::close_reason;
use crate::bucket::TokenBucket;
use crate::limit::Limit;
use crate::load::Step;
use crate::router::Connection;
use crate::shared::Shared;
use crate::source::Place;

/// Offences of a message that ends its socket.
pub(super) const BROKEN: u64 = 10;

/// How fast one socket speaks. One that is too fast is read no faster than it may.
#[derive(Debug)]
pub(super) struct Pace {
    messages: TokenBucket,
    bytes: TokenBucket,
    /// Its part in the account of its address, if that is kept.
    place: Option<Place>,
}

impl Pace {
    pub(super) fn new(place: Option<Place>) -> Self {
        Self {
            messages: TokenBucket::default(),
            bytes: TokenBucket::default(),
            place,
        }
    }

    /// Counts the bytes that came before the socket was one, and returns how long they
    /// have to wait: its address may owe for what other sockets sent.
    pub(super) fn begin(&self, shared: &Shared, now: u64, count: usize) -> Duration {
        let messages = self.messages(shared, now, 0);
        messages.max(self.bytes(shared, now, count))
    }

    /// Counts messages, and returns how long the next has to wait.
    pub(super) fn messages(&self, shared: &Shared, now: u64, count: u64) -> Duration {
        let own = self.messages.take(shared.rates.messages, now, count);
        let all = self.place.as_ref().map(|place| place.messages(now, count));
        let limits = [Limit::MessagesPerSecond, Limit::MessagesPerSecondPerIp];
        longer(shared, limits, own, all)
    }

    /// Counts bytes, and returns how long the next have to wait.
    pub(super) fn bytes(&self, shared: &Shared, now: u64, count: usize) -> Duration {
        let count = count.try_into().unwrap_or(u64::MAX);
        let own = self.bytes.take(shared.rates.bytes, now, count);
        let all = self.place.as_ref().map(|place| place.bytes(now, count));
        let limits = [Limit::BytesPerSecond, Limit::BytesPerSecondPerIp];
        longer(shared, limits, own, all)
    }

    /// Counts offences of the socket against its address.
    pub(super) fn offended(&self, shared: &Shared, now: u64, count: u64) {
        if count > 0 {
            shared.offended(self.place.as_ref(), now, count);
        }
    }
}

/// The longer of two waits; its limit is counted.
fn longer(
    shared: &Shared,
    [own_limit, all_limit]: [Limit; 2],
    own: Duration,
    all: Option<Duration>,
) -> Duration {
    let all = all.unwrap_or_default();
    let wait = own.max(all);
    if !wait.is_zero() {
        let limit = if all > own { all_limit } else { own_limit };
        shared.counters.limited.add(limit, 1);
    }
    wait
}

/// Acts on one message of the client. Returns its offences.
pub(super) fn take(shared: &Shared, connection: &Connection, text: &str) -> u64 {
    shared.counters.messages_received.add(1);
    let step = shared.load.step();
    let limits = if step >= Step::Offers {
        &shared.shedding_limits
    } else {
        &shared.message_limits
    };
    match ClientMessage::parse(text, limits) {
        Ok(ClientMessage::Scrape {
            info_hashes: Some(some),
        }) if step >= Step::Scrapes && !some.is_empty() => {
            shared.counters.limited.add(Limit::Overload, 1);
            let failure = Failure {
                subject: Subject::Scrape,
                reason: "tracker has too much to do; scrape again later".into(),
            };
            shared.router.reply(connection, failure);
            0
        }
        Ok(message) => {
            if let ClientMessage::Announce(announce) = &message
                && announce.skipped_offers != SkippedOffers::default()
            {
                count_skipped(shared, limits, announce.skipped_offers);
            }
            // One too many of a limit is well-formed: a client with many torrents is not hostile.
            shared.router.submit(connection, message);
            0
        }
        Err(error) => {
            shared.counters.messages_refused.add(1);
            if let Some(cap) = error.exceeds() {
                shared.counters.limited.add(cap.into(), 1);
            }
            tracing::debug!(connection = %connection.id(), %error, "message refused");
            match error.verdict() {
                Verdict::Reply(failure) => {
                    shared.router.reply(connection, failure);
                    1
                }
                Verdict::Close { code, reason } => {
                    let reason = close_reason(CloseCode::from(code), &reason);
                    connection.outbox().close(reason);
                    BROKEN
                }
            }
        }
    }
}

/// Counts what was left out of an announce that was read with `limits`, by why.
fn count_skipped(shared: &Shared, limits: &Limits, skipped: SkippedOffers) {
    let shed = shared.message_limits.offers - limits.offers;
    let shed = skipped.too_many.min(shed);
    for (limit, count) in [
        (Limit::ShedOffers, shed),
        (Limit::OffersPerAnnounce, skipped.too_many - shed),
        (Limit::DescriptionBytes, skipped.too_long),
        (Limit::MalformedOffers, skipped.malformed),
    ] {
        let count = count.try_into().unwrap_or(u64::MAX);
        shared.counters.limited.add(limit, count);
    }
}
