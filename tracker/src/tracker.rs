//! From a configuration to a running tracker, and to its end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::web;
use futures_util::future::join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;
use swarm::Swarms;
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracker_protocol::Limits;

use crate::bans::Bans;
use crate::config::{Config, ConfigError};
use crate::event::Event;
use crate::guests::Guests;
use crate::listen::{Address, SocketFile};
use crate::load::{FULL, Ladder, Load, Step};
use crate::router::Router;
use crate::server::{Listener, Served, admin_listener, listeners, serve, serve_admin};
use crate::shared::{REFUSALS, Rates, Shared, WATCHERS};
use crate::source::Sources;
use crate::stats::{Counters, Stats};
use crate::store::{RESTORED, Store, unix_millis};
use crate::tls::{self, Certificate, TlsError};

/// Events kept for a watcher that is behind; it loses older ones and is told.
const EVENTS: usize = 1024;
/// Offers of an announce that are relayed while offers are shed.
const OFFERS_UNDER_OVERLOAD: usize = 2;
/// Between two looks at the swarms' clock and at the load.
const TICK: Duration = Duration::from_millis(500);
/// How long sockets may take to say goodbye at a stop.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long the last write may take.
const LAST_FLUSH: Duration = Duration::from_secs(3);

/// A running tracker. It runs until [`Tracker::stop`]; dropping it cuts
/// everything off, as a crash would.
#[derive(Debug)]
pub struct Tracker {
    shared: Arc<Shared>,
    addresses: Vec<Address>,
    admin: Option<SocketAddr>,
    servers: Vec<Serving>,
    workers: [JoinHandle<()>; 3],
    _files: Vec<SocketFile>,
}

/// A server at work.
#[derive(Debug)]
struct Serving {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    fn spawn(server: Server) -> Self {
        let handle = server.handle();
        let task = tokio::spawn(server);
        Self { handle, task }
    }
}

/// Why a tracker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A field of the configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error("cannot listen on `{addr}`: choose another address or port, or stop what uses it")]
    Listen {
        /// The address.
        addr: Address,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database cannot be used.
    #[error("the database `{}` cannot be used: {error}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why, and what to do; it is told with the path, so it is no source.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What went wrong while stopping; the tracker is stopped all the same.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The last write failed.
    #[error(
        "the last changes could not be written to the database: counts of the last seconds are lost"
    )]
    Flush(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The last write took too long.
    #[error(
        "the last changes were not written to the database within {LAST_FLUSH:?}: counts of the last seconds are lost"
    )]
    Slow,
}

/// Starts a tracker with `pages` beside it.
///
/// `pages` registers the caller's routes; they come before the tracker's own,
/// and see no request for a WebSocket. It is called once a worker thread. This
/// must run in a Tokio runtime.
///
/// # Errors
/// When the configuration, an address, a certificate or the database cannot be used.
pub async fn start(
    config: Config,
    pages: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<Tracker, StartError> {
    config.check()?;
    let listeners = listeners(&config)?;
    let certificates = listeners.iter().filter_map(Listener::certificate).cloned();
    let certificates = certificates.collect();
    let admin_listener = admin_listener(&config)?;
    let shared = Arc::new(shared(config, certificates));
    open(&shared).await?;
    let Served {
        addresses,
        files,
        server,
    } = serve(&shared, listeners, pages)?;
    let admin = admin_listener.as_ref().map(|(addr, _)| *addr);
    let admin_server = admin_listener
        .map(|(addr, socket)| serve_admin(&shared, addr, socket))
        .transpose()?;
    let servers = std::iter::once(server).chain(admin_server);
    let servers = servers.map(Serving::spawn).collect();
    let workers = workers(&shared);
    Ok(Tracker {
        shared,
        addresses,
        admin,
        servers,
        workers,
        _files: files,
    })
}

/// A tracker with nothing in it.
fn shared(config: Config, certificates: Vec<Arc<Certificate>>) -> Shared {
    let (events, _) = broadcast::channel(EVENTS);
    let counters = Arc::new(Counters::default());
    let (started, started_at) = (Instant::now(), unix_millis());
    let store = Arc::new(Store::new(
        config.store.clone(),
        config.database.clone(),
        Arc::clone(&counters),
        events.clone(),
    ));
    let router = Arc::new(Router::new(
        &config.limits,
        Swarms::new(swarm_config(&config), StdRng::from_rng(&mut rand::rng())),
        Arc::clone(&store),
        Arc::clone(&counters),
        events.clone(),
    ));
    let message_limits = Limits {
        offers: config.swarm.offers_per_announce,
        scrape_hashes: config.swarm.scrape_torrents,
        description_bytes: config.limits.description_bytes,
    };
    Shared {
        message_limits,
        shedding_limits: Limits {
            offers: message_limits.offers.min(OFFERS_UNDER_OVERLOAD),
            ..message_limits
        },
        rates: Rates::new(&config.limits),
        sources: Arc::new(Sources::new(&config.limits, &config.bans, started)),
        guests: Arc::new(Guests::new(config.limits.connections_per_ip)),
        bans: Mutex::new(Bans::new(config.bans.first, config.bans.longest)),
        load: Arc::new(Load::new(config.overload.lag, started)),
        certificates,
        config,
        router,
        store,
        counters,
        events,
        watchers: Arc::new(Semaphore::new(WATCHERS)),
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        stop: CancellationToken::new(),
        started,
        started_at,
    }
}

/// Spawns what writes the database, what lets the swarms act on time, and what looks after
/// the certificates.
fn workers(shared: &Arc<Shared>) -> [JoinHandle<()>; 3] {
    let stop = shared.stop.clone();
    let (flushing, ticking) = (Arc::clone(shared), Arc::clone(shared));
    [
        tokio::spawn(async move {
            let stop = flushing.stop.clone();
            let restore = |restored| flushing.restore(restored);
            flushing.store.run(stop, restore).await;
        }),
        tokio::spawn(async move { tick(&ticking).await }),
        tokio::spawn({
            let watching = tls::watch(Arc::clone(shared));
            async move {
                // Nothing of it is lost when it is dropped.
                let _ = stop.run_until_cancelled(watching).await;
            }
        }),
    ]
}

impl Tracker {
    /// Where it listens, in the order of [`Config::listen`], with the real ports.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where the admin listener is, with the real port; none without
    /// [`Config::admin_listen`].
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// The numbers of this moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// What happens from now on. A receiver that falls behind by more than 1024
    /// events loses the oldest and is told how many.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// Stops: no message is taken in any more, what happened is written to the
    /// database, sockets are closed with 1001. Takes less than five seconds.
    ///
    /// # Errors
    /// When the last changes could not be written. It is stopped nevertheless.
    pub async fn stop(self) -> Result<(), StopError> {
        self.shared.router.close();
        self.shared.stop.cancel();
        let flushed = match timeout(LAST_FLUSH, self.shared.store.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StopError::Flush(error.into())),
            Err(_) => Err(StopError::Slow),
        };
        let goodbye = async {
            let watchers = || WATCHERS - self.shared.watchers.available_permits();
            while self.shared.router.sockets() > 0 || watchers() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(GOODBYE, goodbye).await;
        // Not graceful: it would wait for sockets that do not say goodbye.
        let stopped = self.servers.iter().map(|server| server.handle.stop(false));
        let _ = timeout(Duration::from_millis(500), join_all(stopped)).await;
        for task in self.workers {
            task.abort();
        }
        for server in self.servers {
            server.task.abort();
        }
        if timeout(Duration::from_millis(400), self.shared.store.close())
            .await
            .is_err()
        {
            tracing::debug!("the database is closed by the end of the process");
        }
        flushed
    }
}

/// Opens the database, and makes use of what it knows.
async fn open(shared: &Shared) -> Result<(), StartError> {
    if let (Err(error), Some(path)) = (shared.store.open().await, &shared.config.database) {
        return Err(StartError::Database {
            path: path.clone(),
            error: error.into(),
        });
    }
    shared.restore(shared.store.take_restored());
    Ok(())
}

fn swarm_config(config: &Config) -> swarm::Config {
    let swarm = &config.swarm;
    let longest = swarm.longest_interval.unwrap_or(swarm.interval * 2);
    swarm::Config {
        interval: swarm.interval,
        shortest_interval: swarm.shortest_interval,
        longest_interval: Some(longest),
        // A client that announces late once is not taken for gone.
        peer_ttl: swarm.interval.mul_f64(2.5).max(longest * 2),
        offers: swarm.offers_per_announce,
        torrents: config.limits.torrents,
        peers_per_torrent: config.limits.peers_per_torrent,
        entries_per_connection: config.limits.torrents_per_socket,
        parked_bytes: config.limits.parked_bytes,
        parked_bytes_per_torrent: config.limits.parked_bytes_per_torrent,
        remembered_torrents: RESTORED.try_into().unwrap_or(usize::MAX),
        ..swarm::Config::default()
    }
}

/// Lets the swarms act on time, and looks at the load, until the stop.
async fn tick(shared: &Shared) {
    let overload = &shared.config.overload;
    let mut ladder = Ladder::new(overload.rise, overload.fall);
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        shared.router.tick();
        look_at_load(shared, &mut ladder);
    }
}

fn look_at_load(shared: &Shared, ladder: &mut Ladder) {
    let now = Instant::now();
    let load = shared
        .load
        .measure(now, shared.router.outboxes().permille());
    let Some(step) = ladder.look(now, load) else {
        return;
    };
    shared.load.take_step(step);
    let permille = if step >= Step::Announces { FULL } else { 0 };
    shared.router.load(permille);
    let sheds = step.name();
    tracing::warn!(load, sheds, "the load has changed what is shed");
    // Nobody may be listening.
    let _ = shared.events.send(Event::Overload { sheds, load });
}

#[cfg(test)]
mod tests;
