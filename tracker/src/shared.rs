//! What every request and socket of a tracker sees.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tracker_protocol::Limits;

use crate::bans::Bans;
use crate::bucket::Rate;
use crate::config::{self, Config};
use crate::event::Event;
use crate::guests::Guests;
use crate::load::Load;
use crate::router::Router;
use crate::source::Sources;
use crate::stats::{Counters, Stats};
use crate::store::Store;
use crate::tls::Certificate;

/// Sockets that watch the events at once; one more is answered with 503.
pub(crate) const WATCHERS: usize = 16;

/// Refusals of a socket on their way at once.
pub(crate) const REFUSALS: usize = 1024;

/// A running tracker, seen from a request.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) message_limits: Limits,
    /// Those of the TLS listeners.
    pub(crate) certificates: Vec<Arc<Certificate>>,
    /// The same while offers are shed.
    pub(crate) shedding_limits: Limits,
    pub(crate) rates: Rates,
    pub(crate) sources: Arc<Sources>,
    pub(crate) guests: Arc<Guests>,
    pub(crate) bans: Mutex<Bans>,
    pub(crate) load: Arc<Load>,
    pub(crate) router: Arc<Router>,
    pub(crate) store: Arc<Store>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) events: broadcast::Sender<Event>,
    /// Places for sockets that watch the events; at most [`WATCHERS`].
    pub(crate) watchers: Arc<Semaphore>,
    /// Places for refusals that are being read; at most [`REFUSALS`].
    pub(crate) refusals: Arc<Semaphore>,
    /// Cancelled when the tracker stops.
    pub(crate) stop: CancellationToken,
    pub(crate) started: Instant,
    /// The same moment in milliseconds since 1970.
    pub(crate) started_at: i64,
}

/// How fast one socket may speak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) messages: Rate,
    pub(crate) bytes: Rate,
}

impl Rates {
    pub(crate) fn new(limits: &config::Limits) -> Self {
        Self {
            messages: Rate::new(limits.messages_per_second, limits.message_burst),
            bytes: Rate::new(limits.bytes_per_second, limits.byte_burst),
        }
    }
}

impl Shared {
    /// The numbers of this moment.
    pub(crate) fn stats(&self) -> Stats {
        let totals = self.router.totals();
        let counters = &*self.counters;
        Stats {
            uptime_seconds: self.started.elapsed().as_secs(),
            sockets: self.router.sockets() as u64,
            torrents: totals.torrents as u64,
            seeders: totals.seeds,
            leechers: totals.leechers,
            addresses: self.sources.len() as u64,
            bans: self.bans().len() as u64,
            load: self.load.permille().into(),
            shedding: self.load.step() as u64,
            outboxes_bytes: self.router.outboxes().spent() as u64,
            parked_bytes: totals.parked_bytes as u64,
            parked_evicted: totals.parked_evicted,
            limited: counters.limited.counts(),
            sockets_refused: counters.sockets_refused.get(),
            clients_unnamed: counters.clients_unnamed.get(),
            proxies_refused: counters.proxies_refused.get(),
            tls_handshakes_failed: counters.tls_handshakes_failed.get(),
            tls_reloads: counters.tls_reloads.get(),
            tls_reloads_failed: counters.tls_reloads_failed.get(),
            tls_certificate_ends: self.certificates.iter().filter_map(|one| one.ends()).min(),
            messages_received: counters.messages_received.get(),
            messages_refused: counters.messages_refused.get(),
            messages_sent: counters.messages_sent.get(),
            offers_dropped: counters.offers_dropped.get(),
            outbox_overflows: counters.outbox_overflows.get(),
            sockets_dead: counters.sockets_dead.get(),
            write_timeouts: counters.write_timeouts.get(),
            store_flushes: counters.store_flushes.get(),
            store_failures: counters.store_failures.get(),
            store_facts_dropped: counters.store_facts_dropped.get(),
            store_healthy: self.store.healthy(),
        }
    }
}
