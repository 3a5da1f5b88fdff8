//! Torrents: those with peers from memory, the others from the database.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use tracker_protocol::InfoHash;

use super::auth::Authorized;
use super::problem::Problem;
use super::{id, page, rfc3339};
use crate::shared::Shared;
use crate::sqlite::TorrentRow;

#[derive(Debug, Serialize)]
struct Torrents {
    torrents: Vec<Torrent>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct Torrent {
    info_hash: String,
    seeders: usize,
    leechers: usize,
    /// Peers that finished downloading, each counted once.
    completed: u64,
    /// Offers given to its peers since it last had none, and how many of them they answered in time.
    offers_given: u64,
    offers_answered: u64,
    /// Absent while the database does not know the torrent.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
}

/// `GET /torrents`: in the order of their hashes.
pub(super) async fn list(
    _: Authorized,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let page = page(&request)?;
    let limit = page.limit()?;
    let after = page
        .cursor
        .as_deref()
        .map(|text| id("cursor", text))
        .transpose()?;
    // Both sides give a page from the same place on; their union's first page is ours.
    let mut found: BTreeMap<InfoHash, (Option<swarm::Torrent>, Option<TorrentRow>)> =
        BTreeMap::new();
    let wanted = usize::from(limit) + 1;
    for torrent in shared.router.torrents(after, wanted) {
        found.entry(torrent.info_hash).or_default().0 = Some(torrent);
    }
    // Where the rows end that were looked at, if there may be more.
    let mut looked_to = None;
    if let Some(database) = shared.store.database() {
        let rows = database
            .torrents(after.as_ref(), u32::from(limit) + 1)
            .await?;
        if rows.len() >= wanted {
            looked_to = rows.last().map(|(info_hash, _)| *info_hash);
        }
        for (info_hash, row) in rows {
            if !shared.store.is_deleted(&info_hash) {
                found.entry(info_hash).or_default().1 = Some(row);
            }
        }
    }
    let mut next_cursor = None;
    if found.len() >= wanted {
        next_cursor = found.keys().nth(wanted - 2).copied();
    } else if let Some(end) = looked_to {
        // Deleted ones were left out: the page is short, and goes no further.
        found.retain(|info_hash, _| *info_hash <= end);
        next_cursor = Some(end);
    }
    let torrents: Vec<Torrent> = found
        .into_iter()
        .take(usize::from(limit))
        .map(|(info_hash, (live, row))| shown(info_hash, live, row))
        .collect();
    Ok(HttpResponse::Ok().json(Torrents {
        torrents,
        next_cursor: next_cursor.map(|info_hash| info_hash.to_string()),
    }))
}

/// `GET /torrents/{info_hash}`.
pub(super) async fn one(
    _: Authorized,
    info_hash: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let info_hash: InfoHash = id("info_hash", &info_hash)?;
    let live = shared.router.torrent(info_hash);
    let row = row(&shared, &info_hash).await?;
    if live.is_none() && row.is_none() {
        return Err(Problem::NO_SUCH_TORRENT);
    }
    Ok(HttpResponse::Ok().json(shown(info_hash, live, row)))
}

/// `DELETE /torrents/{info_hash}`: its peers are told, its counts forgotten.
pub(super) async fn remove(
    _: Authorized,
    info_hash: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let info_hash: InfoHash = id("info_hash", &info_hash)?;
    let stored = row(&shared, &info_hash).await?.is_some();
    let live = shared.router.remove_torrent(info_hash);
    if !live && !stored {
        return Err(Problem::NO_SUCH_TORRENT);
    }
    shared.store.flush().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What the database knows of the torrent.
pub(super) async fn row(
    shared: &Shared,
    info_hash: &InfoHash,
) -> Result<Option<TorrentRow>, Problem> {
    match shared.store.database() {
        Some(database) if !shared.store.is_deleted(info_hash) => {
            Ok(database.torrent(info_hash).await?)
        }
        _ => Ok(None),
    }
}

fn shown(info_hash: InfoHash, live: Option<swarm::Torrent>, row: Option<TorrentRow>) -> Torrent {
    let in_memory = live.map_or(0, |torrent| torrent.completed);
    let on_disk = row.map_or(0, |row| row.completed);
    Torrent {
        info_hash: info_hash.to_string(),
        seeders: live.map_or(0, |torrent| torrent.seeds),
        leechers: live.map_or(0, |torrent| torrent.leechers),
        // The disk is an interval behind; memory may have forgotten an idle torrent.
        completed: in_memory.max(on_disk),
        offers_given: live.map_or(0, |torrent| torrent.offers_given),
        offers_answered: live.map_or(0, |torrent| torrent.offers_answered),
        first_seen: row.and_then(|row| rfc3339(row.first_seen)),
        last_seen: row.and_then(|row| rfc3339(row.last_seen)),
    }
}
