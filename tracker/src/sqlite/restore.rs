//! What is read at a start.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use swarm::RestoredTorrent;

use super::Database;
use super::column::{info_hash, peer_id, unsigned};
use crate::store::Restored;

impl Database {
    /// What has to be known after a start, of the `limit` torrents seen last.
    pub(crate) async fn restore(&self, limit: u32) -> Result<Restored, sqlx::Error> {
        Ok(Restored {
            torrents: self.torrents_to_restore(limit).await?,
            bans: self.bans().await?,
        })
    }

    async fn torrents_to_restore(&self, limit: u32) -> Result<Vec<RestoredTorrent>, sqlx::Error> {
        let mut restored = BTreeMap::new();
        let torrents = sqlx::query!(
            "SELECT info_hash, completed FROM torrents WHERE completed > 0
             ORDER BY last_seen DESC LIMIT ?",
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        for row in torrents {
            let info_hash = info_hash(&row.info_hash)?;
            let completed = unsigned(row.completed);
            restored.insert(
                info_hash,
                RestoredTorrent {
                    info_hash,
                    completed,
                    completed_by: Vec::new(),
                },
            );
        }
        let peers = sqlx::query!("SELECT info_hash, peer_id FROM peers WHERE counted = 1")
            .fetch_all(&self.pool)
            .await?;
        for row in peers {
            if let Some(torrent) = restored.get_mut(&info_hash(&row.info_hash)?) {
                torrent.completed_by.push(peer_id(&row.peer_id)?);
            }
        }
        Ok(restored.into_values().collect())
    }

    /// What [`Database::restore`] gives, of a file that cannot be written.
    pub(crate) async fn restore_unwritable(
        path: &Path,
        limit: u32,
    ) -> Result<Restored, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        // Without the log's index, and without leave to make one, SQLite reads
        // nothing but a file that is promised not to change.
        // https://www.sqlite.org/wal.html#read_only_databases
        let promised = options.clone().immutable(true);
        let mut last = Ok(Restored::default());
        for options in [options, promised] {
            let pool = SqlitePoolOptions::new()
                .max_connections(1)
                .connect_lazy_with(options);
            let database = Self { pool, lock: None };
            last = database
                .torrents_to_restore(limit)
                .await
                .map(|torrents| Restored {
                    torrents,
                    ..Restored::default()
                });
            // A file of an earlier version has none.
            if let (Ok(last), Ok(bans)) = (&mut last, database.bans().await) {
                last.bans = bans;
            }
            database.close().await;
            if last.is_ok() {
                break;
            }
        }
        last
    }
}
