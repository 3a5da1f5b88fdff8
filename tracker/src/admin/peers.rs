//! Peers of a torrent: connected ones from memory; away ones, known before a
//! restart and not back yet, from the database.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use swarm::{ConnectionId, Role};
use tracker_protocol::{InfoHash, PeerId};

use super::auth::Authorized;
use super::problem::Problem;
use super::{id, page, rfc3339, torrents};
use crate::client::Client;
use crate::shared::Shared;
use crate::store::{PeerRow, Transport, unix_millis};

#[derive(Debug, Serialize)]
struct Peers {
    peers: Vec<Peer>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct Peer {
    peer_id: String,
    status: &'static str,
    role: &'static str,
    /// Bytes it misses; null when it did not say.
    left: Option<u64>,
    uploaded: u64,
    downloaded: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    connection: &'static str,
    /// Where it is connected from: a proxy's client, not the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    /// How it answers offers; absent for one that is away.
    #[serde(flatten)]
    answers: Option<Answers>,
    first_seen: Option<String>,
    last_seen: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answers {
    offers_given: u32,
    /// Of these, in time.
    offers_answered: u32,
    /// It does not answer, or its socket takes nothing in, so that others are given offers first.
    chosen_last: bool,
    /// Of the last ping, in milliseconds; null before the first.
    round_trip_ms: Option<u64>,
}

/// A place in the list: entries of one peer in the order of their connections,
/// its row in the database after them.
type Place = (PeerId, Option<ConnectionId>);

/// `GET /torrents/{info_hash}/peers`: in the order of their ids.
pub(super) async fn list(
    _: Authorized,
    request: HttpRequest,
    info_hash: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let info_hash: InfoHash = id("info_hash", &info_hash)?;
    let page = page(&request)?;
    let limit = page.limit()?;
    let after = page.cursor.as_deref().map(place).transpose()?;
    if shared.router.torrent(info_hash).is_none()
        && torrents::row(&shared, &info_hash).await?.is_none()
    {
        return Err(Problem::NO_SUCH_TORRENT);
    }
    let wanted = usize::from(limit) + 1;
    let mut found = connected(&shared, info_hash, after, wanted);
    // Where the rows end that were looked at, if there may be more.
    let mut looked_to = None;
    if let Some(database) = shared.store.database()
        && !shared.store.is_deleted(&info_hash)
    {
        let seen = shared.store.away_since()..shared.started_at;
        let after = after.map(|(peer_id, _)| peer_id);
        let rows = database
            .absent_peers(&info_hash, seen, after.as_ref(), u32::from(limit) + 1)
            .await?;
        if rows.len() >= wanted {
            looked_to = rows.last().map(|(peer_id, _)| (*peer_id, None));
        }
        // One that returned less than a flush interval ago is on both sides.
        let ids = rows.iter().map(|(peer_id, _)| *peer_id).collect();
        let returned = shared.router.connected_of(info_hash, &ids);
        for (peer_id, row) in rows {
            if !returned.contains(&peer_id) {
                found.push(((peer_id, None), away(peer_id, &row)));
            }
        }
        found.sort_by_key(|(place, _)| order(*place));
    }
    let mut last = None;
    if found.len() >= wanted {
        found.truncate(limit.into());
        last = found.last().map(|(place, _)| *place);
    } else if let Some(end) = looked_to {
        // Rows of peers that have returned were left out: the page is short, and
        // goes no further than they did.
        found.retain(|(place, _)| order(*place) <= order(end));
        last = Some(end);
    }
    let next_cursor = last.map(cursor);
    let peers = found.into_iter().map(|(_, peer)| peer).collect();
    Ok(HttpResponse::Ok().json(Peers { peers, next_cursor }))
}

/// `DELETE /torrents/{info_hash}/peers/{peer_id}`: it is told, and may come back;
/// one that is away is not expected back any more.
pub(super) async fn kick(
    _: Authorized,
    path: web::Path<(String, String)>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let (info_hash, peer_id) = path.into_inner();
    let info_hash = id("info_hash", &info_hash)?;
    let peer_id = id("peer_id", &peer_id)?;
    let mut known = shared.router.kick(info_hash, peer_id);
    // One that returned under the same id may be in both places.
    if let Some(database) = shared.store.database() {
        let seen = shared.store.away_since()..shared.started_at;
        match database.forget_absent(&info_hash, &peer_id, seen).await {
            Ok(was_away) => known |= was_away,
            // The live one is gone, and its row follows when the database can be written.
            Err(_) if known => {}
            Err(error) => return Err(error.into()),
        }
    }
    if known {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::NO_SUCH_PEER)
    }
}

/// Sorts places: entries first, the row after them.
fn order((peer_id, connection): Place) -> (PeerId, bool, Option<ConnectionId>) {
    (peer_id, connection.is_none(), connection)
}

fn connected(
    shared: &Shared,
    info_hash: InfoHash,
    after: Option<Place>,
    limit: usize,
) -> Vec<(Place, Peer)> {
    // After a row of the database come the entries of the next peer.
    let after = after.map(|(peer_id, connection)| {
        (
            peer_id,
            connection.unwrap_or(ConnectionId::new(u16::MAX, u64::MAX)),
        )
    });
    let (now, now_unix) = (Instant::now(), unix_millis());
    let at = |moment: Instant| {
        let ago: Duration = now.saturating_duration_since(moment);
        rfc3339(now_unix.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)))
    };
    let entries = shared.router.peers(info_hash, after, limit);
    entries
        .into_iter()
        .map(|(entry, transport, address)| {
            let peer = Peer {
                peer_id: entry.peer_id.to_string(),
                status: "connected",
                role: role(entry.stats.role == Role::Seed),
                left: entry.stats.left,
                uploaded: entry.stats.uploaded,
                downloaded: entry.stats.downloaded,
                client: Client::of(&entry.peer_id).map(Client::code),
                connection: Transport::name(transport),
                address,
                answers: Some(Answers {
                    offers_given: entry.offers_given,
                    offers_answered: entry.offers_answered,
                    chosen_last: entry.is_set_aside,
                    round_trip_ms: entry
                        .round_trip
                        .and_then(|time| u64::try_from(time.as_millis()).ok()),
                }),
                first_seen: at(entry.joined),
                last_seen: at(entry.last_seen),
            };
            ((entry.peer_id, Some(entry.connection)), peer)
        })
        .collect()
}

fn away(peer_id: PeerId, row: &PeerRow) -> Peer {
    Peer {
        peer_id: peer_id.to_string(),
        status: "away",
        role: role(row.seeder),
        left: row.left,
        uploaded: row.uploaded,
        downloaded: row.downloaded,
        client: Client::of(&peer_id).map(Client::code),
        connection: row.transport.name(),
        address: None,
        answers: None,
        first_seen: rfc3339(row.first_seen),
        last_seen: rfc3339(row.last_seen),
    }
}

fn role(seeder: bool) -> &'static str {
    if seeder { "seeder" } else { "leecher" }
}

/// The cursor that stands for a place: the peer id, and the connection if there is one.
fn cursor((peer_id, connection): Place) -> String {
    match connection {
        Some(connection) => format!("{peer_id}.{connection}"),
        None => peer_id.to_string(),
    }
}

fn place(text: &str) -> Result<Place, Problem> {
    let Some((peer_id, connection)) = text.split_once('.') else {
        return Ok((id("cursor", text)?, None));
    };
    let numbers = connection.split_once('.').and_then(|(node, serial)| {
        Some(ConnectionId::new(node.parse().ok()?, serial.parse().ok()?))
    });
    let connection = numbers.ok_or_else(|| {
        Problem::invalid(
            "cursor",
            text,
            format_args!("give a `next_cursor` of an earlier page"),
        )
    })?;
    Ok((id("cursor", peer_id)?, Some(connection)))
}
