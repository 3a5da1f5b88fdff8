//! `/metrics`: the numbers for Prometheus.

use std::fmt::Write;

use actix_web::{HttpResponse, web};

use crate::census::{Census, Offers};
use crate::client::Family;
use crate::shared::Shared;
use crate::stats::Stats;

/// [Prometheus' text format](https://prometheus.io/docs/instrumenting/exposition_formats/).
pub(crate) async fn metrics(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(exposition(&shared.stats()) + &offers_by_client(&shared.router.census()))
}

/// Name, help, value.
type Metric = (&'static str, &'static str, u64);

fn exposition(stats: &Stats) -> String {
    let mut text = String::new();
    let gauges = gauges(stats).into_iter().chain(certificate(stats));
    let gauges = gauges.map(|metric| ("gauge", metric));
    let counters = listening(stats).into_iter().chain(counters(stats));
    let counters = counters.map(|metric| ("counter", metric));
    for (kind, (name, help, value)) in gauges.chain(counters) {
        let name = format_args!("shoal_tracker_{name}");
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
        );
    }
    let _ = writeln!(
        text,
        "# HELP {LIMITED} How often each limit refused, skipped or slowed down.\n\
         # TYPE {LIMITED} counter"
    );
    for (limit, count) in &stats.limited {
        let _ = writeln!(text, "{LIMITED}{{limit=\"{limit}\"}} {count}");
    }
    text
}

/// One of the counts of a client.
type Count = fn(&Offers) -> u64;

/// How each client answers offers.
fn offers_by_client(census: &Census) -> String {
    let mut text = String::new();
    let metrics: [(_, _, Count); 2] = [
        (
            "shoal_tracker_offers_given_total",
            "Offers given to peers, by the client of the receiver.",
            |offers| offers.given,
        ),
        (
            "shoal_tracker_offers_answered_total",
            "Of the offers given, those answered in time.",
            |offers| offers.answered,
        ),
    ];
    for (name, help, count) in metrics {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
        for (family, offers) in Family::ALL.iter().zip(&census.offers) {
            let client = family.name();
            let _ = writeln!(text, "{name}{{client=\"{client}\"}} {}", count(offers));
        }
    }
    text
}

/// One metric with a label, the name of the limit.
const LIMITED: &str = "shoal_tracker_limited_total";

fn gauges(stats: &Stats) -> [Metric; 12] {
    [
        (
            "uptime_seconds",
            "Seconds since the start.",
            stats.uptime_seconds,
        ),
        ("sockets", "Open WebSockets.", stats.sockets),
        (
            "torrents",
            "Torrents with at least one peer.",
            stats.torrents,
        ),
        (
            "seeders",
            "Peers that have everything, over all torrents.",
            stats.seeders,
        ),
        (
            "leechers",
            "Peers that miss something, over all torrents.",
            stats.leechers,
        ),
        (
            "addresses",
            "Addresses that have sockets, or whose past still counts.",
            stats.addresses,
        ),
        (
            "bans",
            "Bans, those that are over and still count for the next included.",
            stats.bans,
        ),
        (
            "load_permille",
            "Thousandths of what the tracker can bear.",
            stats.load,
        ),
        (
            "shedding",
            "What is shed: 0 nothing, 1 scrapes, 2 offers, 3 announces, 4 sockets.",
            stats.shedding,
        ),
        (
            "outboxes_bytes",
            "Bytes that wait to be written to sockets.",
            stats.outboxes_bytes,
        ),
        (
            "parked_bytes",
            "Bytes of offers that wait for a receiver.",
            stats.parked_bytes,
        ),
        (
            "store_healthy",
            "1 when the last write to the database worked, or there is no database.",
            u64::from(stats.store_healthy),
        ),
    ]
}

/// Only where there is one.
fn certificate(stats: &Stats) -> Option<Metric> {
    let ends = stats.tls_certificate_ends?.try_into().unwrap_or(0);
    Some((
        "tls_certificate_expiry_timestamp_seconds",
        "When the first of the certificates ends, in seconds since 1970.",
        ends,
    ))
}

/// What becomes of connections before they are HTTP.
fn listening(stats: &Stats) -> [Metric; 5] {
    [
        (
            "clients_unnamed_total",
            "Upgrades through a trusted proxy whose header named no address; the proxy's own was taken.",
            stats.clients_unnamed,
        ),
        (
            "proxies_refused_total",
            "Connections refused because they do not begin with a PROXY header of a trusted proxy.",
            stats.proxies_refused,
        ),
        (
            "tls_handshakes_failed_total",
            "TLS handshakes that failed or took too long.",
            stats.tls_handshakes_failed,
        ),
        (
            "tls_reloads_total",
            "Certificates taken because their files had changed.",
            stats.tls_reloads,
        ),
        (
            "tls_reloads_failed_total",
            "Changed certificates that could not be used; the ones before them stay in use.",
            stats.tls_reloads_failed,
        ),
    ]
}

/// Their names end in `_total`, as the format's conventions have it.
fn counters(stats: &Stats) -> [Metric; 12] {
    [
        (
            "sockets_refused_total",
            "Sockets refused at their upgrade.",
            stats.sockets_refused,
        ),
        (
            "messages_received_total",
            "Messages received.",
            stats.messages_received,
        ),
        (
            "messages_refused_total",
            "Messages received that were refused.",
            stats.messages_refused,
        ),
        (
            "messages_sent_total",
            "Messages written, offers and answers included.",
            stats.messages_sent,
        ),
        (
            "offers_dropped_total",
            "Offers dropped because a receiver does not read fast enough.",
            stats.offers_dropped,
        ),
        (
            "parked_evicted_total",
            "Offers that waited for a receiver and lost their room to others.",
            stats.parked_evicted,
        ),
        (
            "outbox_overflows_total",
            "Sockets closed because even responses did not fit any more.",
            stats.outbox_overflows,
        ),
        (
            "sockets_dead_total",
            "Sockets closed because nothing was heard from them.",
            stats.sockets_dead,
        ),
        (
            "write_timeouts_total",
            "Sockets closed because a write took too long.",
            stats.write_timeouts,
        ),
        (
            "store_flushes_total",
            "Transactions written to the database.",
            stats.store_flushes,
        ),
        (
            "store_failures_total",
            "Transactions that failed; their changes were kept and tried again.",
            stats.store_failures,
        ),
        (
            "store_facts_dropped_total",
            "Facts about peers, torrents and bans that found no room while the database failed.",
            stats.store_facts_dropped,
        ),
    ]
}
