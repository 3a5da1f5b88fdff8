//! Write-behind: facts merge into a map of changed rows, and a worker writes the
//! map in one transaction every few seconds. Nobody on the way of a message waits
//! for the disk. A crash loses at most one interval; a stop loses nothing.
//!
//! While the database fails, facts merge on, one warning in a while says so, and
//! the tracker serves from memory. A database that could not be opened is opened
//! again before each write; so is one that failed, whose connections may have been
//! made while it could not be written.

mod changes;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use swarm::{Change, Fact, PeerStats, RestoredTorrent, Role};
use tokio::sync::broadcast;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracker_protocol::InfoHash;

pub(crate) use changes::{Changes, PeerRow, TorrentChange, Transport};

use crate::bans::Ban;
use crate::cidr::Cidr;
use crate::config;
use crate::event::Event;
use crate::sqlite::{Database, Horizon, OpenError};
use crate::stats::Counters;

/// Between two warnings about a database that keeps failing.
const WARN_EVERY: Duration = Duration::from_secs(60);
/// Between two looks for rows to forget.
const FORGET_EVERY: Duration = Duration::from_secs(10 * 60);
/// Torrents whose counts are given back to the swarms.
pub(crate) const RESTORED: u32 = 250_000;

/// What of the swarms is to survive.
#[derive(Debug)]
pub(crate) struct Store {
    config: config::Store,
    /// Where the database is; without it there is none.
    path: Option<PathBuf>,
    /// Absent while it cannot be opened.
    database: Mutex<Option<Database>>,
    /// What was read when it could be opened at last, until [`Store::take_restored`].
    restored: Mutex<Restored>,
    changes: Mutex<Changes>,
    /// Held while the database is written: one transaction after the other.
    writing: tokio::sync::Mutex<Writing>,
    healthy: AtomicBool,
    counters: Arc<Counters>,
    events: broadcast::Sender<Event>,
}

/// What the database knows after a start.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    pub(crate) torrents: Vec<RestoredTorrent>,
    pub(crate) bans: Vec<(Cidr, Ban)>,
}

#[derive(Debug, Default)]
struct Writing {
    /// Whether the swarms were given what the database knew before.
    restored: bool,
    warned: Option<Instant>,
    forgot: Option<Instant>,
}

impl Store {
    /// A store at `path`, to be opened by [`Store::open`].
    pub(crate) fn new(
        config: config::Store,
        path: Option<PathBuf>,
        counters: Arc<Counters>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        Self {
            config,
            path,
            database: Mutex::default(),
            restored: Mutex::default(),
            changes: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            healthy: AtomicBool::new(true),
            counters,
            events,
        }
    }

    /// Opens the database at a start. When it cannot be written for now this says
    /// so and succeeds: the tracker is to serve, with what can be read of it.
    ///
    /// # Errors
    /// What somebody has to set right first.
    pub(crate) async fn open(&self) -> Result<(), OpenError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut writing = self.writing.lock().await;
        match self.attempt(path, &mut writing).await {
            Err(error) if error.may_pass() => {
                self.failed(&mut writing, &error);
                match Database::restore_unwritable(path, RESTORED).await {
                    Ok(restored) => *self.restored() = restored,
                    Err(error) => tracing::debug!(%error, "nor can the database be read"),
                }
                Ok(())
            }
            done => done,
        }
    }

    /// The database, opened if it is not.
    async fn connect(&self, path: &Path) -> Result<Database, OpenError> {
        if let Some(database) = self.database() {
            return Ok(database);
        }
        let database = Database::open(path, self.config.busy_timeout, unix_millis()).await?;
        *self.slot() = Some(database.clone());
        Ok(database)
    }

    /// What the database knows and nobody was told yet.
    pub(crate) fn take_restored(&self) -> Restored {
        std::mem::take(&mut *self.restored())
    }

    /// The database to read from; what it says may be one interval old.
    pub(crate) fn database(&self) -> Option<Database> {
        self.slot().clone()
    }

    /// Whether the last write worked, or there is nothing to write to.
    pub(crate) fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Notes a fact, to be written soon. `transport` is the peer's.
    pub(crate) fn record(&self, fact: &Fact, transport: Transport) {
        if self.path.is_none() {
            return;
        }
        let now = unix_millis();
        let seen = TorrentChange {
            completed: 0,
            first_seen: now,
            last_seen: now,
        };
        let mut changes = self.changes();
        let noted = match *fact {
            Fact::TorrentOpened { info_hash } | Fact::TorrentClosed { info_hash } => {
                changes.torrent(info_hash, seen)
            }
            Fact::TorrentRemoved { info_hash } => {
                changes.delete(info_hash);
                true
            }
            Fact::Peer {
                info_hash,
                peer_id,
                change,
                stats,
                ..
            } => {
                let row = peer_row(stats, change, transport, now);
                changes.torrent(info_hash, seen) && changes.peer(info_hash, peer_id, row)
            }
            Fact::Completed { info_hash, peer_id } => {
                let once_more = TorrentChange {
                    completed: 1,
                    ..seen
                };
                changes.torrent(info_hash, once_more) && changes.counted(info_hash, peer_id)
            }
        };
        if !noted {
            self.counters.store_facts_dropped.add(1);
        }
    }

    /// Notes a ban, or that there is none any more, to be written soon.
    pub(crate) fn ban(&self, network: Cidr, ban: Option<Ban>) {
        if self.path.is_some() && !self.changes().ban(network, ban) {
            self.counters.store_facts_dropped.add(1);
        }
    }

    /// Writes every few seconds until `stop`, and hands `restore` what the database
    /// knew when it could be read at last. The last write is the caller's.
    pub(crate) async fn run(&self, stop: CancellationToken, restore: impl Fn(Restored)) {
        let mut took = Duration::ZERO;
        loop {
            let pause = pause(self.config.flush_interval, took);
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause.mul_f64(rand::random_range(0.8..=1.0))) => {}
            }
            let start = Instant::now();
            // A failure is told by `flush`, and tried again after the next pause.
            let _ = self.flush().await;
            took = start.elapsed();
            restore(self.take_restored());
        }
    }

    /// Writes what has changed until now.
    ///
    /// # Errors
    /// What the database said; the changes are kept.
    pub(crate) async fn flush(&self) -> Result<(), OpenError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut writing = self.writing.lock().await;
        match self.attempt(path, &mut writing).await {
            Ok(()) => {
                self.counters.store_flushes.add(1);
                self.recovered(&mut writing);
                Ok(())
            }
            Err(error) => {
                self.failed(&mut writing, &error);
                if !error.is_of_the_moment() {
                    self.disconnect().await;
                }
                Err(error)
            }
        }
    }

    async fn attempt(&self, path: &Path, writing: &mut Writing) -> Result<(), OpenError> {
        let database = self.connect(path).await?;
        let changes = std::mem::take(&mut *self.changes());
        // A healthy database is left alone when there is nothing to say to it.
        if !(changes.is_empty() && self.healthy())
            && let Err(error) = database.write(&changes, unix_millis()).await
        {
            self.changes().restore(changes);
            return Err(error.into());
        }
        // Counts of a database that could not be read before: what happened since
        // is in them now.
        if !writing.restored {
            let restored = database.restore(RESTORED).await?;
            *self.restored() = restored;
            writing.restored = true;
        }
        self.forget(&database, writing).await;
        Ok(())
    }

    /// Closes the database, which tidies its files.
    pub(crate) async fn close(&self) {
        // Not before a write that is under way has ended.
        let _writing = self.writing.lock().await;
        self.disconnect().await;
    }

    async fn disconnect(&self) {
        let database = self.slot().take();
        if let Some(database) = database {
            database.close().await;
        }
    }

    /// Whether the torrent is deleted here and not yet in the database.
    pub(crate) fn is_deleted(&self, info_hash: &InfoHash) -> bool {
        self.changes().deleted.contains(info_hash)
    }

    /// When an absent peer must have been seen to be shown as away: before this
    /// process started, and not too long ago.
    pub(crate) fn away_since(&self) -> i64 {
        unix_millis().saturating_sub(millis(self.config.away))
    }

    fn recovered(&self, writing: &mut Writing) {
        if !self.healthy.swap(true, Ordering::Relaxed) {
            writing.warned = None;
            tracing::info!("the database can be written again; nothing was lost");
            // Nobody may be listening.
            let _ = self.events.send(Event::StoreRecovered);
        }
    }

    fn failed(&self, writing: &mut Writing, error: &OpenError) {
        self.counters.store_failures.add(1);
        if self.healthy.swap(false, Ordering::Relaxed) {
            let reason = error.to_string();
            let _ = self.events.send(Event::StoreDegraded { reason });
        }
        if writing.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            writing.warned = Some(Instant::now());
            tracing::warn!(
                %error,
                waiting = self.changes().len(),
                "the database cannot be written: the tracker serves from memory and keeps trying; {}",
                error.remedy()
            );
        }
    }

    /// Forgets old rows now and then; a failure waits for the next time.
    async fn forget(&self, database: &Database, writing: &mut Writing) {
        if writing.forgot.is_some_and(|at| at.elapsed() < FORGET_EVERY) {
            return;
        }
        writing.forgot = Some(Instant::now());
        let now = unix_millis();
        let horizon = Horizon {
            peers: now.saturating_sub(millis(self.config.remember_peers)),
            torrents: now.saturating_sub(millis(self.config.remember_torrents)),
        };
        match database.forget(horizon).await {
            Ok(rows) => tracing::debug!(rows, "old rows forgotten"),
            Err(error) => tracing::debug!(%error, "old rows cannot be forgotten"),
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Database>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn restored(&self) -> MutexGuard<'_, Restored> {
        self.restored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        // No section under this lock can panic half-way through a change.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait after a write that took so long. What happens right after a
/// write began is in the next one, and safe when that has ended: a pause and two
/// writes later, which together are to be one interval. A disk that is too slow for
/// that gets a breath of a tenth of the interval.
fn pause(interval: Duration, took: Duration) -> Duration {
    interval.saturating_sub(took * 2).max(interval / 10)
}

fn peer_row(stats: PeerStats, change: Change, transport: Transport, now: i64) -> PeerRow {
    PeerRow {
        seeder: match stats.role {
            Role::Seed => true,
            Role::Leecher => false,
        },
        left: stats.left,
        uploaded: stats.uploaded,
        downloaded: stats.downloaded,
        transport,
        present: match change {
            Change::Joined | Change::Updated | Change::Returned { .. } => true,
            Change::Left(_) => false,
        },
        first_seen: now,
        last_seen: now,
    }
}

/// The time as the database keeps it: milliseconds since 1970.
pub(crate) fn unix_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    millis(since)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
