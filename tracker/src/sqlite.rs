//! The database: all SQL is in here. Each query is checked against the
//! migrations when the crate is compiled.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tracker_protocol::{InfoHash, PeerId};

use crate::client::Client;
use crate::store::{Changes, PeerRow, TorrentChange, Transport};

mod bans;
mod column;
mod lock;
mod open_error;
mod restore;

use column::{info_hash, peer_id, signed, unsigned};
use lock::Lock;
pub(crate) use open_error::OpenError;

/// Connections of the pool: the writer, and readers for the admin API.
const CONNECTIONS: u32 = 4;

/// A SQLite file with our tables.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: SqlitePool,
    /// Held against other trackers; one that only reads needs none.
    lock: Option<Arc<Lock>>,
}

/// A torrent's row. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TorrentRow {
    pub(crate) completed: u64,
    pub(crate) first_seen: i64,
    pub(crate) last_seen: i64,
}

/// Rows older than these times, in milliseconds since 1970, are to be forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    pub(crate) peers: i64,
    pub(crate) torrents: i64,
}

impl Database {
    /// Opens the file at `path`, makes it when it is missing, brings its tables
    /// up to date, and writes to it: a disk that is full or read-only shows now.
    pub(crate) async fn open(
        path: &Path,
        busy_timeout: Duration,
        now: i64,
    ) -> Result<Self, OpenError> {
        open_error::check_place(path)?;
        let lock = Lock::take(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL a crash of the process loses nothing that was committed;
            // after a power cut the last transactions may be missing, but the
            // file is sound. https://www.sqlite.org/pragma.html#pragma_synchronous
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(busy_timeout);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options)
            .await?;
        let database = Self {
            pool,
            lock: Some(Arc::new(lock)),
        };
        match database.prepare(now).await {
            Ok(()) => Ok(database),
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    async fn prepare(&self, now: i64) -> Result<(), OpenError> {
        sqlx::migrate!("../migrations").run(&self.pool).await?;
        Ok(self.write(&Changes::default(), now).await?)
    }

    /// Closes the file; what was committed moves from the log into it.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }

    /// Writes `changes` in one transaction: all of them or none.
    pub(crate) async fn write(&self, changes: &Changes, now: i64) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for info_hash in &changes.deleted {
            let hash = info_hash.as_bytes().as_slice();
            sqlx::query!("DELETE FROM peers WHERE info_hash = ?", hash)
                .execute(&mut *tx)
                .await?;
            sqlx::query!("DELETE FROM torrents WHERE info_hash = ?", hash)
                .execute(&mut *tx)
                .await?;
        }
        for (info_hash, change) in &changes.torrents {
            write_torrent(&mut tx, info_hash, change).await?;
        }
        for (key, row) in &changes.peers {
            write_peer(&mut tx, key, row, changes.counted.contains(key)).await?;
        }
        for (network, ban) in &changes.bans {
            bans::write(&mut tx, network, ban.as_ref()).await?;
        }
        let others = changes.counted.iter();
        for (info_hash, peer_id) in others.filter(|key| !changes.peers.contains_key(key)) {
            let hash = info_hash.as_bytes().as_slice();
            let peer = peer_id.as_bytes().as_slice();
            sqlx::query!(
                "UPDATE peers SET counted = 1 WHERE info_hash = ? AND peer_id = ?",
                hash,
                peer
            )
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query!(
            "INSERT INTO meta (key, value) VALUES ('written_at', CAST(?1 AS TEXT))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Forgets what is older than `horizon`; returns the number of rows.
    pub(crate) async fn forget(&self, horizon: Horizon) -> Result<u64, sqlx::Error> {
        let peers = sqlx::query!("DELETE FROM peers WHERE last_seen < ?", horizon.peers)
            .execute(&self.pool)
            .await?;
        let torrents = sqlx::query!(
            "DELETE FROM torrents WHERE last_seen < ?
             AND NOT EXISTS (SELECT 1 FROM peers WHERE peers.info_hash = torrents.info_hash)",
            horizon.torrents
        )
        .execute(&self.pool)
        .await?;
        Ok(peers.rows_affected() + torrents.rows_affected())
    }

    /// The torrent's row.
    pub(crate) async fn torrent(&self, hash: &InfoHash) -> Result<Option<TorrentRow>, sqlx::Error> {
        let hash = hash.as_bytes().as_slice();
        let row = sqlx::query!(
            "SELECT completed, first_seen, last_seen FROM torrents WHERE info_hash = ?",
            hash
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| TorrentRow {
            completed: unsigned(row.completed),
            first_seen: row.first_seen,
            last_seen: row.last_seen,
        }))
    }

    /// Up to `limit` torrents after `after`, in the order of their hashes.
    pub(crate) async fn torrents(
        &self,
        after: Option<&InfoHash>,
        limit: u32,
    ) -> Result<Vec<(InfoHash, TorrentRow)>, sqlx::Error> {
        let after = after.map_or(&[][..], |after| after.as_bytes().as_slice());
        sqlx::query!(
            "SELECT info_hash, completed, first_seen, last_seen FROM torrents
             WHERE info_hash > ? ORDER BY info_hash LIMIT ?",
            after,
            limit
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(|row| {
            Ok((
                info_hash(&row.info_hash)?,
                TorrentRow {
                    completed: unsigned(row.completed),
                    first_seen: row.first_seen,
                    last_seen: row.last_seen,
                },
            ))
        })
        .collect()
    }

    /// Up to `limit` peers of a torrent that were present when they were last
    /// seen, within `seen`; after `after`, in the order of their ids.
    pub(crate) async fn absent_peers(
        &self,
        of: &InfoHash,
        seen: Range<i64>,
        after: Option<&PeerId>,
        limit: u32,
    ) -> Result<Vec<(PeerId, PeerRow)>, sqlx::Error> {
        let hash = of.as_bytes().as_slice();
        let after = after.map_or(&[][..], |after| after.as_bytes().as_slice());
        sqlx::query!(
            "SELECT peer_id, role, bytes_left, uploaded, downloaded, connection, first_seen, last_seen
             FROM peers
             WHERE info_hash = ? AND peer_id > ? AND present = 1
               AND last_seen >= ? AND last_seen < ?
             ORDER BY peer_id LIMIT ?",
            hash,
            after,
            seen.start,
            seen.end,
            limit
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(|row| {
            Ok((
                peer_id(&row.peer_id)?,
                PeerRow {
                    seeder: row.role == "seeder",
                    left: row.bytes_left.map(unsigned),
                    uploaded: unsigned(row.uploaded),
                    downloaded: unsigned(row.downloaded),
                    transport: match row.connection.as_str() {
                        "wss" => Transport::Wss,
                        _ => Transport::Ws,
                    },
                    present: true,
                    first_seen: row.first_seen,
                    last_seen: row.last_seen,
                },
            ))
        })
        .collect()
    }

    /// Notes that a peer which [`Database::absent_peers`] would give is gone for
    /// good; returns whether there was one. That it was counted is remembered.
    pub(crate) async fn forget_absent(
        &self,
        of: &InfoHash,
        peer: &PeerId,
        seen: Range<i64>,
    ) -> Result<bool, sqlx::Error> {
        let hash = of.as_bytes().as_slice();
        let peer = peer.as_bytes().as_slice();
        let done = sqlx::query!(
            "UPDATE peers SET present = 0
             WHERE info_hash = ? AND peer_id = ? AND present = 1
               AND last_seen >= ? AND last_seen < ?",
            hash,
            peer,
            seen.start,
            seen.end
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

async fn write_torrent(
    tx: &mut sqlx::SqliteTransaction<'_>,
    info_hash: &InfoHash,
    change: &TorrentChange,
) -> Result<(), sqlx::Error> {
    let hash = info_hash.as_bytes().as_slice();
    let completed = signed(change.completed);
    sqlx::query!(
        "INSERT INTO torrents (info_hash, completed, first_seen, last_seen) VALUES (?, ?, ?, ?)
         ON CONFLICT (info_hash) DO UPDATE SET
             completed = completed + excluded.completed, last_seen = excluded.last_seen",
        hash,
        completed,
        change.first_seen,
        change.last_seen
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_peer(
    tx: &mut sqlx::SqliteTransaction<'_>,
    (info_hash, peer_id): &(InfoHash, PeerId),
    row: &PeerRow,
    counted: bool,
) -> Result<(), sqlx::Error> {
    let hash = info_hash.as_bytes().as_slice();
    let peer = peer_id.as_bytes().as_slice();
    let role = if row.seeder { "seeder" } else { "leecher" };
    let (left, uploaded, downloaded) = (
        row.left.map(signed),
        signed(row.uploaded),
        signed(row.downloaded),
    );
    let client = Client::of(peer_id).map(Client::code);
    let connection = row.transport.name();
    sqlx::query!(
        "INSERT INTO peers (info_hash, peer_id, role, bytes_left, uploaded, downloaded, client,
                            connection, counted, present, first_seen, last_seen)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (info_hash, peer_id) DO UPDATE SET
             role = excluded.role, bytes_left = excluded.bytes_left, uploaded = excluded.uploaded,
             downloaded = excluded.downloaded, connection = excluded.connection,
             counted = MAX(counted, excluded.counted), present = excluded.present,
             last_seen = excluded.last_seen",
        hash,
        peer,
        role,
        left,
        uploaded,
        downloaded,
        client,
        connection,
        counted,
        row.present,
        row.first_seen,
        row.last_seen
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
