//! Routes for people, monitors and scripts, beside the WebSockets.

use std::collections::BTreeMap;

use actix_web::guard::{self, GuardContext};
use actix_web::http::header;
use actix_web::{FromRequest, Handler, HttpResponse, Responder, Route, web};
use serde::Serialize;

use crate::admin;
use crate::load::Step;
use crate::metrics::metrics;
use crate::shared::Shared;
use crate::upgrade;

/// Clients named in `/stats.json`; a remote can make up any number of them.
const CLIENTS_SHOWN: usize = 50;

/// Requests that nearly ask for a WebSocket; then the caller's pages; then ours.
pub(crate) fn public(
    to: &mut web::ServiceConfig,
    pages: &impl Fn(&mut web::ServiceConfig),
    part: admin::Part,
) {
    to.service(
        web::resource("/{path:.*}")
            .guard(asks_for_websocket)
            .to(upgrade::misunderstood),
    );
    pages(to);
    to.service(web::resource("/").route(reads(about)));
    own(to, part);
}

/// For people who open the tracker's address in a browser.
async fn about() -> &'static str {
    "This is a WebTorrent tracker. Clients connect a WebSocket to this address, at any path.\n"
}

/// Our routes, with this part of the admin API.
pub(crate) fn own(to: &mut web::ServiceConfig, part: admin::Part) {
    for (path, route) in [
        ("/healthz", reads(healthz)),
        ("/readyz", reads(readyz)),
        ("/stats.json", reads(stats_json)),
        ("/metrics", reads(metrics)),
    ] {
        to.service(
            web::resource(path)
                .route(route)
                .default_service(web::to(read_only)),
        );
    }
    admin::configure(to, part);
}

/// A route for GET, and for HEAD, whose body the server leaves out.
pub(crate) fn reads<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route()
        .guard(guard::Any(guard::Get()).or(guard::Head()))
        .to(handler)
}

async fn read_only() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header((header::ALLOW, "GET, HEAD"))
        .body("this path can be read alone: use GET or HEAD\n")
}

fn asks_for_websocket(request: &GuardContext<'_>) -> bool {
    request
        .head()
        .headers()
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("websocket"))
}

/// The process answers.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

/// The tracker serves; it says so when its state does not reach the disk.
async fn readyz(shared: web::Data<Shared>) -> HttpResponse {
    if shared.router.is_closing() {
        let detail = Some("the tracker is stopping");
        return HttpResponse::ServiceUnavailable().json(Readiness {
            status: "stopping",
            detail,
        });
    }
    if shared.load.step() >= Step::Sockets {
        return HttpResponse::ServiceUnavailable().json(Readiness {
            status: "overloaded",
            detail: Some("the tracker has too much to do and takes in no more sockets"),
        });
    }
    HttpResponse::Ok().json(if shared.store.healthy() {
        Readiness {
            status: "ready",
            detail: None,
        }
    } else {
        Readiness {
            status: "degraded",
            detail: Some("the database cannot be written; the tracker serves from memory"),
        }
    })
}

/// The names are those of the npm package `bittorrent-tracker`, for monitors made for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatsJson {
    torrents: usize,
    active_torrents: usize,
    peers_all: u64,
    peers_seeder_only: u64,
    peers_leecher_only: u64,
    /// Peers that seed one torrent and miss parts of another: a peer is counted
    /// once a torrent here, so there are none.
    peers_seeder_and_leecher: u64,
    #[serde(rename = "peersIPv4")]
    peers_ipv4: u64,
    #[serde(rename = "peersIPv6")]
    peers_ipv6: u64,
    clients: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Numbers for anybody: no ids, no addresses.
async fn stats_json(shared: web::Data<Shared>) -> HttpResponse {
    let totals = shared.router.totals();
    let census = shared.router.census();
    let mut counts: Vec<_> = census.clients.into_iter().collect();
    counts.sort_by_key(|(client, count)| (std::cmp::Reverse(*count), *client));
    let mut clients: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (client, count) in counts.into_iter().take(CLIENTS_SHOWN) {
        clients
            .entry(client.name())
            .or_default()
            .insert(client.version(), count);
    }
    // Without credentials and with nothing private in it, any page may read it.
    HttpResponse::Ok()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(StatsJson {
            torrents: totals.torrents + totals.remembered_torrents,
            active_torrents: totals.torrents,
            peers_all: totals.seeds + totals.leechers,
            peers_seeder_only: totals.seeds,
            peers_leecher_only: totals.leechers,
            peers_seeder_and_leecher: 0,
            peers_ipv4: census.ipv4,
            peers_ipv6: census.ipv6,
            clients,
        })
}
