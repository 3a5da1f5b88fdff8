//! Numbers of a running tracker.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::limit::Limited;

/// What a tracker holds and has done since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Open WebSockets.
    pub sockets: u64,
    /// Torrents with at least one peer.
    pub torrents: u64,
    /// Peers that have everything, over all torrents.
    pub seeders: u64,
    /// Peers that miss something, over all torrents.
    pub leechers: u64,
    /// Addresses that have sockets, or whose past still counts.
    pub addresses: u64,
    /// Bans, those that are over and still count for the next included.
    pub bans: u64,
    /// Thousandths of what the tracker can bear, when it was measured last.
    pub load: u64,
    /// What is shed: 0 nothing, 1 scrapes, 2 offers, 3 announces, 4 sockets; each with
    /// those before it.
    pub shedding: u64,
    /// Bytes that wait to be written to sockets.
    pub outboxes_bytes: u64,
    /// Bytes of offers that wait for a receiver.
    pub parked_bytes: u64,
    /// Offers that waited and lost their room to others.
    pub parked_evicted: u64,
    /// How often each limit refused, skipped or slowed down, by its name.
    pub limited: BTreeMap<&'static str, u64>,
    /// Sockets refused at their upgrade.
    pub sockets_refused: u64,
    /// Upgrades of clients whom a trusted proxy did not name: its header holds no address.
    pub clients_unnamed: u64,
    /// Connections refused because they do not begin with a PROXY header of a trusted proxy.
    pub proxies_refused: u64,
    /// TLS handshakes that failed or took too long.
    pub tls_handshakes_failed: u64,
    /// Certificates taken because their files had changed.
    pub tls_reloads: u64,
    /// Changed certificates that could not be used; the ones before them stay in use.
    pub tls_reloads_failed: u64,
    /// When the first of the certificates ends, in seconds since 1970, if there is one.
    pub tls_certificate_ends: Option<i64>,
    /// Messages received.
    pub messages_received: u64,
    /// Messages received that were refused.
    pub messages_refused: u64,
    /// Messages written, offers and answers included.
    pub messages_sent: u64,
    /// Offers dropped because a receiver does not read fast enough.
    pub offers_dropped: u64,
    /// Sockets closed because even responses did not fit any more.
    pub outbox_overflows: u64,
    /// Sockets closed because nothing was heard from them.
    pub sockets_dead: u64,
    /// Sockets closed because a write took too long.
    pub write_timeouts: u64,
    /// Transactions written to the database.
    pub store_flushes: u64,
    /// Transactions that failed; their changes were kept and tried again.
    pub store_failures: u64,
    /// Facts about peers, torrents and bans that found no room while the database failed.
    pub store_facts_dropped: u64,
    /// Whether the last write to the database worked, or there is no database.
    pub store_healthy: bool,
}

/// The counters behind [`Stats`], counted up by whoever sees the thing happen.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) limited: Limited,
    pub(crate) sockets_refused: Counter,
    pub(crate) clients_unnamed: Counter,
    pub(crate) proxies_refused: Counter,
    pub(crate) tls_handshakes_failed: Counter,
    pub(crate) tls_reloads: Counter,
    pub(crate) tls_reloads_failed: Counter,
    pub(crate) messages_received: Counter,
    pub(crate) messages_refused: Counter,
    pub(crate) messages_sent: Counter,
    pub(crate) offers_dropped: Counter,
    pub(crate) outbox_overflows: Counter,
    pub(crate) sockets_dead: Counter,
    pub(crate) write_timeouts: Counter,
    pub(crate) store_flushes: Counter,
    pub(crate) store_failures: Counter,
    pub(crate) store_facts_dropped: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
