//! Routes for people, monitors and scripts, beside the WebSockets.

use std::collections::BTreeMap;
use std::fmt::Write;

use actix_web::guard::GuardContext;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::admin;
use crate::shared::Shared;
use crate::socket;

/// Clients named in `/stats.json`; a remote can make up any number of them.
const CLIENTS_SHOWN: usize = 50;

/// WebSockets on any path; then the caller's pages; then ours.
pub(crate) fn configure(to: &mut web::ServiceConfig, pages: &impl Fn(&mut web::ServiceConfig)) {
    to.service(
        web::resource("/{path:.*}")
            .guard(asks_for_websocket)
            .to(socket::upgrade),
    );
    pages(to);
    to.route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/stats.json", web::get().to(stats_json))
        .route("/metrics", web::get().to(metrics))
        .configure(admin::configure);
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

/// [Prometheus' text format](https://prometheus.io/docs/instrumenting/exposition_formats/).
async fn metrics(shared: web::Data<Shared>) -> HttpResponse {
    let stats = shared.stats();
    let mut text = String::new();
    for (name, kind, value) in [
        ("uptime_seconds", "gauge", stats.uptime_seconds),
        ("sockets", "gauge", stats.sockets),
        ("torrents", "gauge", stats.torrents),
        ("seeders", "gauge", stats.seeders),
        ("leechers", "gauge", stats.leechers),
        ("sockets_refused_total", "counter", stats.sockets_refused),
        (
            "messages_received_total",
            "counter",
            stats.messages_received,
        ),
        ("messages_refused_total", "counter", stats.messages_refused),
        ("messages_sent_total", "counter", stats.messages_sent),
        ("offers_dropped_total", "counter", stats.offers_dropped),
        ("outbox_overflows_total", "counter", stats.outbox_overflows),
        ("sockets_dead_total", "counter", stats.sockets_dead),
        ("write_timeouts_total", "counter", stats.write_timeouts),
        ("store_flushes_total", "counter", stats.store_flushes),
        ("store_failures_total", "counter", stats.store_failures),
        (
            "store_facts_dropped_total",
            "counter",
            stats.store_facts_dropped,
        ),
        ("store_healthy", "gauge", u64::from(stats.store_healthy)),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# TYPE shoal_tracker_{name} {kind}\nshoal_tracker_{name} {value}"
        );
    }
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text)
}
