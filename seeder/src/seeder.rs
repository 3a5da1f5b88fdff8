use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metainfo::{Metainfo, UrlError, check_tracker_url};
use peer::{SLOWEST_LIMIT, TorrentError};
use rand::RngExt;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracker_protocol::{InfoHash, PeerId};

use crate::choking::Choking;
use crate::event::EVENT_QUEUE;
use crate::rtc::{Outside, Rtc};
use crate::stats::{Meter, Stats, TorrentStats, TrackerStats};
use crate::storage::{Disk, Storage};
use crate::torrent::{MAX_OFFERS, Seeded, Shared};
use crate::tracker::Tracker;
use crate::uploads::Limit;
use crate::{Config, Event};

/// How long [`Seeder::stop`] takes at most.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// Between two samples of the rate.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Why a seeder does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The UDP address cannot be bound.
    #[error("UDP address `{address}` cannot be bound: choose another address or port")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The range of UDP ports has none.
    #[error(
        "the last UDP port is `{last}`, before the first, `{first}`; give a range such as 5000 to 5010"
    )]
    Ports {
        /// That of the address.
        first: u16,
        /// As configured.
        last: u16,
    },
    /// A tracker's URL is not one for WebSockets.
    #[error("tracker `{0}` is not a WebSocket URL; give `wss://…` or `ws://…`")]
    Tracker(String),
    /// A tracker's URL leads nowhere.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// No peer could ever be served.
    #[error("`{0}` is `0`; give at least 1")]
    NoPlace(&'static str),
    /// Peers would take us for dead.
    #[error("upload limit `{0}` bytes a second is too slow; give at least {SLOWEST_LIMIT}")]
    Slow(u64),
}

/// Why a torrent is not added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// It is seeded already.
    #[error("torrent `{0}` is seeded already")]
    Duplicate(InfoHash),
    /// Its numbers are out of bounds.
    #[error(transparent)]
    Torrent(#[from] TorrentError),
    /// The seeder stops.
    #[error("the seeder stops")]
    Stopping,
}

/// Seeds torrents to browsers until it is stopped.
#[derive(Debug)]
pub struct Seeder {
    shared: Arc<Shared>,
    /// Locked for look-ups and changes only.
    catalog: Mutex<Catalog>,
}

#[derive(Debug, Default)]
struct Catalog {
    torrents: BTreeMap<InfoHash, Arc<Seeded>>,
    trackers: BTreeMap<String, Arc<Tracker>>,
}

impl Seeder {
    /// Binds the UDP port. Runs on the caller's tokio runtime.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if let Some(name) = config.choker.is_zero() {
            return Err(StartError::NoPlace(name));
        }
        if let Some(limit) = config.upload.too_slow() {
            return Err(StartError::Slow(limit));
        }
        let first = config.transport.listen.port();
        if let Some(last) = config
            .transport
            .last_port
            .filter(|last| first == 0 || *last < first)
        {
            return Err(StartError::Ports { first, last });
        }
        if let Some(url) = config.trackers.iter().find(|url| !is_websocket(url)) {
            return Err(StartError::Tracker(url.clone()));
        }
        for url in &config.trackers {
            check_tracker_url(url)?;
        }
        // Another part of the process may have chosen one: then that is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let rtc = Rtc::start(config.transport.clone()).map_err(|source| {
            let address = config.transport.listen;
            StartError::Bind { address, source }
        })?;
        // What is said of us before the servers have answered lacks their part.
        rtc.gathered().await;
        let choker = config.upload.fit(config.choker.clone());
        let upload = Arc::new(Limit::new(config.upload.in_all));
        let shared = Arc::new(Shared {
            config,
            peer_id: new_peer_id(),
            rtc,
            choking: Arc::new(Choking::new(choker)),
            disk: Arc::new(Disk::new()),
            events: broadcast::Sender::new(EVENT_QUEUE),
            sent: Meter::default(),
            upload,
            offers: Arc::new(Semaphore::new(MAX_OFFERS)),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        });
        spawn_clocks(&shared);
        Ok(Self {
            shared,
            catalog: Mutex::default(),
        })
    }

    /// Seeds a torrent from now on: its pieces are checked in the background
    /// and served as they are found to match, and it is announced to the
    /// configured trackers and its own that are WebSockets. `content` is the
    /// single file or the folder of the files, as in [`Metainfo::file_paths`].
    ///
    /// # Errors
    /// When it is seeded already, or the seeder stops.
    #[expect(
        clippy::unused_async,
        reason = "the caller needs a runtime, and reading saved checks may come in here"
    )]
    pub async fn add(&self, metainfo: Metainfo, content: PathBuf) -> Result<(), AddError> {
        if self.shared.stopping.is_cancelled() {
            return Err(AddError::Stopping);
        }
        let info_hash = metainfo.info_hash();
        let urls: Vec<String> = (self.shared.config.trackers.iter().map(String::as_str))
            .chain(
                metainfo
                    .trackers()
                    .into_iter()
                    .filter(|url| is_websocket(url)),
            )
            .map(str::to_owned)
            .collect();
        let storage = Storage::new(
            metainfo,
            content,
            Arc::clone(&self.shared.disk),
            self.shared.events.clone(),
        );
        let seeded = Arc::new(Seeded::new(storage, self.shared.config.upload)?);
        let trackers = {
            let mut catalog = self.lock();
            if catalog.torrents.contains_key(&info_hash) {
                return Err(AddError::Duplicate(info_hash));
            }
            catalog.torrents.insert(info_hash, Arc::clone(&seeded));
            urls.into_iter()
                .map(|url| (url.clone(), catalog.tracker(&self.shared, url)))
                .collect::<BTreeMap<_, _>>()
        };
        let stopping = self.shared.stopping.clone();
        let storage = Arc::clone(&seeded.storage);
        self.shared.tasks.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => storage.cancel(),
                () = Arc::clone(&storage).run_checks() => {}
            }
        });
        for tracker in trackers.into_values() {
            tracker.add(Arc::clone(&seeded));
        }
        Ok(())
    }

    /// The UDP address of all connections, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.rtc.local_addr()
    }

    /// Where STUN and TURN servers say that we are.
    #[must_use]
    pub fn outside(&self) -> Outside {
        self.shared.rtc.outside()
    }

    /// The addresses at which browsers are told to reach us, best first.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.shared.rtc.addresses()
    }

    /// What happens from now on; see [`Event`] for what falls behind.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// How things are.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counts = self.shared.choking.counts();
        let catalog = self.lock();
        Stats {
            peers: counts.peers,
            served: counts.served,
            waiting: counts.waiting,
            negotiating: counts.negotiating,
            refused: counts.refused,
            bytes_sent: self.shared.sent.total(),
            rate: self.shared.sent.rate(Instant::now()),
            torrents: catalog.torrents.values().map(torrent_stats).collect(),
            trackers: catalog
                .trackers
                .values()
                .map(|tracker| TrackerStats {
                    url: tracker.url.clone(),
                    connected: tracker.is_connected(),
                })
                .collect(),
        }
    }

    /// Says `stopped` to the trackers, closes all connections so that browsers
    /// need not wait on dead ones, and ends. Takes 4 s at most.
    pub async fn stop(self) {
        let Shared {
            tasks,
            stopping,
            rtc,
            ..
        } = &*self.shared;
        stopping.cancel();
        tasks.close();
        let ended = async {
            tasks.wait().await;
            rtc.closed().await;
        };
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seeder {
    fn drop(&mut self) {
        self.shared.stopping.cancel();
    }
}

impl Catalog {
    fn tracker(&mut self, shared: &Arc<Shared>, url: String) -> Arc<Tracker> {
        let tracker = self
            .trackers
            .entry(url)
            .or_insert_with_key(|url| Tracker::start(shared, url.clone()));
        Arc::clone(tracker)
    }
}

/// Starts the tasks that keep the choker's and the meter's time.
fn spawn_clocks(shared: &Arc<Shared>) {
    let (choking, stopping) = (Arc::clone(&shared.choking), shared.stopping.clone());
    shared.tasks.spawn(async move {
        tokio::select! {
            () = stopping.cancelled() => {}
            () = choking.run() => {}
        }
    });
    let sampled = Arc::clone(shared);
    shared.tasks.spawn(async move {
        let mut ticks = tokio::time::interval(SAMPLE_EVERY);
        loop {
            tokio::select! {
                () = sampled.stopping.cancelled() => return,
                now = ticks.tick() => sampled.sent.sample(now.into_std()),
            }
        }
    });
}

fn torrent_stats(seeded: &Arc<Seeded>) -> TorrentStats {
    let metainfo = seeded.storage.metainfo();
    TorrentStats {
        info_hash: metainfo.info_hash(),
        name: metainfo.name().to_owned(),
        pieces: metainfo.piece_count(),
        verified: seeded.storage.verified(),
        checking: seeded.storage.is_checking(),
        peers: seeded.joined(),
        bytes_sent: seeded.sent.total(),
    }
}

fn is_websocket(url: &str) -> bool {
    url.starts_with("ws://") || url.starts_with("wss://")
}

/// `-SH0100-` and twelve random letters (BEP 20).
fn new_peer_id() -> PeerId {
    let mut random = rand::rng();
    let mut bytes = *b"-SH0100-............";
    for byte in bytes.iter_mut().skip(8) {
        *byte = random.sample(rand::distr::Alphanumeric);
    }
    PeerId::from_bytes(bytes)
}
