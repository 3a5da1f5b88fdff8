//! What every request and socket of a tracker sees.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tracker_protocol::Limits;

use crate::config::Config;
use crate::event::Event;
use crate::router::Router;
use crate::stats::{Counters, Stats};
use crate::store::Store;
use crate::tls::Certificate;

/// Sockets that watch the events at once; one more is answered with 503.
pub(crate) const WATCHERS: usize = 16;

/// A running tracker, seen from a request.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) message_limits: Limits,
    /// Those of the TLS listeners.
    pub(crate) certificates: Vec<Arc<Certificate>>,
    pub(crate) router: Arc<Router>,
    pub(crate) store: Arc<Store>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) events: broadcast::Sender<Event>,
    /// Places for sockets that watch the events; at most [`WATCHERS`].
    pub(crate) watchers: Arc<Semaphore>,
    /// Cancelled when the tracker stops.
    pub(crate) stop: CancellationToken,
    pub(crate) started: Instant,
    /// The same moment in milliseconds since 1970.
    pub(crate) started_at: i64,
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
