//! The HTTP side: the admin API, health, numbers.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::client::{Client, address, admin, config, hex, http, id, start, start_with};

const BEARER: &str = "Authorization: Bearer 0123456789abcdef0123456789abcdef";

/// Status and `code` of a problem.
fn problem(response: &crate::client::Response) -> (u16, Value) {
    assert!(
        response
            .head
            .contains("content-type: application/problem+json"),
        "{response:?}"
    );
    assert_eq!(response.json()["status"], response.status);
    (response.status, response.json()["code"].clone())
}

#[tokio::test]
async fn the_admin_api_wants_the_token_in_the_header() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let missing = http(to, "GET", "/api/v1/stats", &[]).await;
    assert_eq!(problem(&missing), (401, json!("token-missing")));
    assert!(
        missing.head.contains("www-authenticate: bearer"),
        "{missing:?}"
    );
    let in_url = http(
        to,
        "GET",
        &format!("/api/v1/stats?token={}", crate::client::TOKEN),
        &[],
    )
    .await;
    assert_eq!(problem(&in_url), (401, json!("token-missing")));
    let basic = http(to, "GET", "/api/v1/stats", &["Authorization: Basic eDp5"]).await;
    assert_eq!(problem(&basic), (401, json!("token-missing")));
    let wrong = http(to, "GET", "/api/v1/stats", &[&format!("{BEARER}0")]).await;
    assert_eq!(problem(&wrong), (401, json!("token-wrong")));
    // Without the token nothing else is told, not even which paths there are.
    let nowhere = http(to, "GET", "/api/v1/nowhere", &[]).await;
    assert_eq!(problem(&nowhere), (401, json!("token-missing")));
    assert_eq!(admin(to, "GET", "/api/v1/stats").await.status, 200);
    assert_eq!(
        problem(&admin(to, "GET", "/api/v1/nowhere").await),
        (404, json!("no-such-path"))
    );
    assert_eq!(
        problem(&admin(to, "POST", "/api/v1/torrents").await),
        (405, json!("no-such-method"))
    );
}

#[tokio::test]
async fn without_a_token_the_admin_api_is_closed_to_everybody() {
    let (_tracker, to) = start_with(|config| config.admin_token = None).await;
    let response = admin(to, "GET", "/api/v1/stats").await;
    assert_eq!(problem(&response), (403, json!("admin-disabled")));
}

#[tokio::test]
async fn every_path_that_reads_takes_head_and_tells_its_methods_to_others() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    for path in ["/healthz", "/readyz", "/stats.json", "/metrics"] {
        let head = http(to, "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        let post = http(to, "POST", path, &[]).await;
        assert_eq!(post.status, 405, "{path}");
        assert!(post.head.contains("\r\nallow: get, head\r\n"), "{post:?}");
    }
    let torrent = format!("/api/v1/torrents/{}", hex(1));
    let peer = format!("{torrent}/peers/{}", hex(2));
    for (path, allowed) in [
        ("/api/v1/stats", "get, head"),
        ("/api/v1/torrents", "get, head"),
        (torrent.as_str(), "get, head, delete"),
        (peer.as_str(), "delete"),
    ] {
        let put = admin(to, "PUT", path).await;
        assert_eq!(problem(&put), (405, json!("no-such-method")), "{path}");
        let allow = format!("\r\nallow: {allowed}\r\n");
        assert!(put.head.contains(&allow), "{put:?}");
    }
    let head = admin(to, "HEAD", "/api/v1/torrents").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    // Nothing under /api is told in another form, however far from a path of ours.
    for path in ["/api", "/api/", "/api/v2/stats", "/api/v1//stats"] {
        let nowhere = admin(to, "GET", path).await;
        assert_eq!(problem(&nowhere), (404, json!("no-such-path")), "{path}");
    }
    let long = format!("/api/v1/torrents?{}", "x".repeat(3000));
    let long = admin(to, "GET", &long).await;
    assert_eq!(problem(&long), (422, json!("invalid-query")));
    assert!(long.body.len() < 400, "{long:?}");
}

#[tokio::test]
async fn each_metric_has_its_help_its_type_and_its_values() {
    let tracker = start(config()).await;
    let metrics = http(address(&tracker), "GET", "/metrics", &[]).await.body;
    let mut names = std::collections::BTreeSet::new();
    for metric in metrics.split("# HELP ").skip(1) {
        let mut lines = metric.lines();
        let first = lines.next().expect("a help line");
        let (name, help) = first.split_once(' ').expect("a help line");
        assert!(help.ends_with('.'), "{help}");
        assert!(
            name.starts_with("shoal_tracker_") && names.insert(name),
            "{name}"
        );
        let expected = if name.ends_with("_total") {
            "counter"
        } else {
            "gauge"
        };
        let kind = format!("# TYPE {name} {expected}");
        assert_eq!(lines.next(), Some(kind.as_str()));
        let values: Vec<&str> = lines.collect();
        assert!(!values.is_empty(), "{name}");
        for line in &values {
            let (named, value) = line.rsplit_once(' ').expect("a value");
            let label = named.strip_prefix(name).expect("its name");
            let is_labelled = label.starts_with('{') && label.ends_with("\"}");
            assert_eq!(is_labelled, values.len() > 1, "{line}");
            assert!(value.parse::<u64>().is_ok(), "{line}");
        }
    }
    assert_eq!(names.len(), 32, "{metrics}");
}

#[tokio::test]
async fn torrents_come_in_pages_and_one_by_one() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let mut client = Client::connect(to).await;
    for info_hash in 1..=5 {
        client.announce(info_hash, 7, json!({"left": 0})).await;
    }
    let mut seen = Vec::new();
    let mut path = String::from("/api/v1/torrents?limit=2");
    loop {
        let page = admin(to, "GET", &path).await.json();
        let torrents = page["torrents"].as_array().expect("a list").clone();
        assert!(torrents.len() <= 2, "{page}");
        seen.extend(torrents.iter().map(|torrent| torrent["info_hash"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/torrents?limit=2&cursor={cursor}");
    }
    assert_eq!(
        seen,
        (1..=5).map(|byte| json!(hex(byte))).collect::<Vec<_>>()
    );
    let one = admin(to, "GET", &format!("/api/v1/torrents/{}", hex(3))).await;
    assert_eq!(
        one.json(),
        json!({
            "info_hash": hex(3), "seeders": 1, "leechers": 0, "completed": 0,
            "offers_given": 0, "offers_answered": 0,
        })
    );
    let unknown = admin(to, "GET", &format!("/api/v1/torrents/{}", hex(9))).await;
    assert_eq!(problem(&unknown), (404, json!("no-such-torrent")));
    for (path, code) in [
        ("/api/v1/torrents/xyz", "invalid-value"),
        ("/api/v1/torrents?limit=0", "invalid-value"),
        ("/api/v1/torrents?limit=1001", "invalid-value"),
        ("/api/v1/torrents?cursor=5", "invalid-value"),
        ("/api/v1/torrents?page=2", "invalid-query"),
    ] {
        assert_eq!(
            problem(&admin(to, "GET", path).await),
            (422, json!(code)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn peers_come_in_pages_with_what_they_said() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let mut first = Client::connect(to).await;
    let mut second = Client::connect(to).await;
    first
        .announce(1, 1, json!({"left": 0, "uploaded": 5}))
        .await;
    second.announce(1, 1, json!({"left": 7})).await;
    first
        .announce(1, 2, json!({"left": null, "downloaded": 9}))
        .await;
    let mut seen = Vec::new();
    let base = format!("/api/v1/torrents/{}/peers?limit=1", hex(1));
    let mut path = base.clone();
    loop {
        let page = admin(to, "GET", &path).await.json();
        for peer in page["peers"].as_array().expect("a list") {
            let field = |name: &str| peer[name].clone();
            seen.push([
                field("peer_id"),
                field("role"),
                field("left"),
                field("uploaded"),
                field("downloaded"),
            ]);
            assert_eq!(
                [&peer["status"], &peer["connection"]],
                [&json!("connected"), &json!("ws")]
            );
            let time = peer["last_seen"].as_str().expect("a time");
            assert!(time.len() >= 20 && time.ends_with('Z'), "{time}");
        }
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{base}&cursor={cursor}");
    }
    assert_eq!(
        seen,
        [
            [json!(hex(1)), json!("seeder"), json!(0), json!(5), json!(0)],
            [
                json!(hex(1)),
                json!("leecher"),
                json!(7),
                json!(0),
                json!(0)
            ],
            [
                json!(hex(2)),
                json!("leecher"),
                json!(null),
                json!(0),
                json!(9)
            ],
        ]
    );
}

#[tokio::test]
async fn a_removed_torrent_and_a_kicked_peer_are_told_and_gone() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let mut client = Client::connect(to).await;
    client.announce(1, 1, json!({"left": 0})).await;
    client.announce(1, 2, json!({"left": 0})).await;
    client.announce(2, 1, json!({"left": 0})).await;

    let peer = format!("/api/v1/torrents/{}/peers/{}", hex(1), hex(2));
    assert_eq!(admin(to, "DELETE", &peer).await.status, 204);
    let told = client.next().await;
    assert_eq!(
        [&told["action"], &told["info_hash"]],
        [&json!("announce"), &json!(id(1))]
    );
    assert!(told["failure reason"].is_string(), "{told}");
    assert_eq!(client.counts(1).await, [1, 0, 0]);
    assert_eq!(
        problem(&admin(to, "DELETE", &peer).await),
        (404, json!("no-such-peer"))
    );

    let torrent = format!("/api/v1/torrents/{}", hex(2));
    assert_eq!(admin(to, "DELETE", &torrent).await.status, 204);
    assert!(client.next().await["failure reason"].is_string());
    assert_eq!(client.counts(2).await, [0, 0, 0]);
    assert_eq!(client.counts(1).await, [1, 0, 0]);
    assert_eq!(
        problem(&admin(to, "GET", &torrent).await),
        (404, json!("no-such-torrent"))
    );
}

#[tokio::test]
async fn monitors_find_the_names_of_the_reference_and_health() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let mut client = Client::connect(to).await;
    let web_torrent = "-WW0208-abcdefghijkl";
    client
        .announce(1, 1, json!({"left": 5, "peer_id": web_torrent}))
        .await;
    client.announce(1, 1, json!({"left": 0})).await;
    client.announce(2, 1, json!({"left": 0})).await;
    client
        .announce(2, 1, json!({"left": 0, "event": "stopped"}))
        .await;
    let stats = http(to, "GET", "/stats.json", &[]).await;
    assert!(
        stats.head.contains("access-control-allow-origin: *"),
        "{stats:?}"
    );
    assert_eq!(
        stats.json(),
        json!({
            "torrents": 1, "activeTorrents": 1, "peersAll": 2, "peersSeederOnly": 1,
            "peersLeecherOnly": 1, "peersSeederAndLeecher": 0, "peersIPv4": 2, "peersIPv6": 0,
            "clients": {"WebTorrent": {"2.8": 1}},
        })
    );
    assert_eq!(http(to, "GET", "/healthz", &[]).await.body, "ok\n");
    assert_eq!(
        http(to, "GET", "/readyz", &[]).await.json(),
        json!({"status": "ready"})
    );
    let metrics = http(to, "GET", "/metrics", &[]).await.body;
    assert!(metrics.contains("\nshoal_tracker_seeders 1\n"), "{metrics}");
    assert_eq!(http(to, "GET", "/nothing", &[]).await.status, 404);
    let about = http(to, "GET", "/", &[]).await.body;
    assert!(
        about.starts_with("This is a WebTorrent tracker."),
        "{about}"
    );
}

#[tokio::test]
async fn the_caller_pages_come_before_our_routes_and_after_websockets() {
    let pages = |to: &mut web::ServiceConfig| {
        to.route(
            "/",
            web::get().to(async || HttpResponse::Ok().body("a page")),
        )
        .route(
            "/healthz",
            web::get().to(async || HttpResponse::Ok().body("their own")),
        );
    };
    let tracker = tracker::start(config(), pages).await.expect("started");
    let to = address(&tracker);
    assert_eq!(http(to, "GET", "/", &[]).await.body, "a page");
    assert_eq!(http(to, "GET", "/healthz", &[]).await.body, "their own");
    assert_eq!(
        Client::connect(to)
            .await
            .announce(1, 1, json!({"left": 0}))
            .await["complete"],
        1
    );
}
