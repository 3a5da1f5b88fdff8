//! Addresses that are banned: by the tracker for what they send, by an operator.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tracker::{BansConfig, Config, Event, Proxies};

use crate::client::{
    Client, Response, TOKEN, address, admin, config, eventually, http, start, start_with,
};
use crate::limits::{connect_from, limited, limits, retry_after, upgrade_from, upgrade_with};

pub(crate) const GUEST: &str = "127.0.0.2";

/// A proxy that is believed, whose clients are refused at their upgrade.
const PROXY: &str = "127.0.0.9";

fn proxies() -> Proxies {
    Proxies {
        trusted: vec![PROXY.parse().expect("a place")],
        ..Proxies::default()
    }
}

/// The head of the response to an upgrade that the proxy asks for in the name of an address.
async fn upgrade_for(from: &str, to: SocketAddr) -> String {
    upgrade_with(PROXY, to, &format!("X-Forwarded-For: {from}\r\n")).await
}

/// Sends a request of the admin API with a body.
pub(crate) async fn put(to: SocketAddr, path: &str, body: &str) -> Response {
    let length = format!("Content-Length: {}", body.len());
    let token = format!("Authorization: Bearer {TOKEN}");
    // The helper ends the head after the last header, so that the body is one more.
    let last = format!("{length}\r\n\r\n{body}");
    http(to, "PUT", path, &[&token, &last]).await
}

/// The bans of the first page, by network.
async fn banned(to: SocketAddr) -> Vec<String> {
    let list = admin(to, "GET", "/api/v1/bans").await.json();
    let bans = list["bans"].as_array().expect("a list");
    let cidr = |ban: &Value| ban["cidr"].as_str().expect("a network").to_owned();
    bans.iter().map(cidr).collect()
}

fn problem(response: &Response) -> (u16, Value) {
    (response.status, response.json()["code"].clone())
}

#[tokio::test]
async fn an_address_that_sends_too_much_that_is_wrong_is_banned_and_others_are_served() {
    let (tracker, to) = start_with(|config| {
        config.limits.exempt.clear();
        config.proxies = proxies();
        config.bans.offences = 20;
    })
    .await;
    let mut events = tracker.events();
    let mut bystander = connect_from(GUEST, to).await;
    let mut other = connect_from("127.0.0.3", to).await;
    for count in 0..2 {
        let mut client = connect_from(GUEST, to).await;
        client.text("garbage").await;
        let code = client.closed().await.map(|frame| frame.code);
        // The second time the ban may come first.
        let expected = [Some(CloseCode::Invalid), Some(CloseCode::Policy)];
        assert!(expected[..=count].contains(&code), "{code:?}");
    }
    let closed = bystander.closed().await.expect("a close frame");
    assert_eq!(closed.code, CloseCode::Policy);
    assert_eq!(closed.reason.as_str(), "the address is banned");
    let refused = upgrade_for(GUEST, to).await;
    assert!(refused.starts_with("http/1.1 429 "), "{refused}");
    assert!(retry_after(&refused).expect("a time") >= 60, "{refused}");
    assert_eq!(limited(&tracker, "bans"), 1);
    other.announce(1, 1, json!({"left": 0})).await;
    let told = loop {
        if let Event::Banned {
            network, made_by, ..
        } = events.recv().await.expect("an event")
        {
            break (network.to_string(), made_by);
        }
    };
    assert_eq!(told, ("127.0.0.2/32".to_owned(), "tracker"));

    let list = admin(to, "GET", "/api/v1/bans").await.json();
    let ban = &list["bans"][0];
    assert_eq!(ban["cidr"], "127.0.0.2/32");
    assert_eq!(
        (&ban["made_by"], &ban["times"]),
        (&json!("tracker"), &json!(1))
    );
    assert!(
        ban["until"].is_string() && ban["since"].is_string(),
        "{ban}"
    );
    let path = "/api/v1/bans/127.0.0.2";
    assert_eq!(admin(to, "DELETE", path).await.status, 204);
    assert_eq!(admin(to, "DELETE", path).await.status, 204);
    assert_eq!(banned(to).await, [""; 0]);
    connect_from(GUEST, to).await;
}

#[tokio::test]
async fn refused_messages_count_less_than_broken_ones_and_what_is_too_much_not_at_all() {
    let (tracker, to) = start_with(|config| {
        config.limits.messages_per_second = 1000;
        config.limits.message_burst = 1;
        config.limits.torrents_per_socket = 1;
        config.limits.exempt.clear();
        config.bans.offences = 20;
    })
    .await;
    let mut client = connect_from(GUEST, to).await;
    for _ in 0..60 {
        client.counts(1).await;
    }
    assert!(limited(&tracker, "messages_per_second") > 0);
    client.announce(0, 1, json!({"left": 0})).await;
    for torrent in 1..=30 {
        let refused = client.announce(torrent, 1, json!({"left": 0})).await;
        assert!(refused["failure reason"].is_string(), "{refused}");
    }
    assert_eq!(limited(&tracker, "torrents_per_socket"), 30);
    let wrong = json!({"action": "scrape", "info_hash": 7});
    for _ in 0..19 {
        client.send(&wrong).await;
        assert!(client.next().await["failure reason"].is_string());
    }
    assert_eq!(banned(to).await, [""; 0]);
    client.send(&wrong).await;
    let closed = client.closed().await;
    assert_eq!(closed.map(|frame| frame.code), Some(CloseCode::Policy));
    assert_eq!(banned(to).await, ["127.0.0.2/32"]);
}

#[tokio::test]
async fn an_operators_ban_closes_sockets_and_holds_until_it_ends_or_is_lifted() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let mut client = connect_from(GUEST, to).await;
    let made = put(to, "/api/v1/bans/127.0.0.2%2F31", r#"{"reason":"spam"}"#).await;
    assert_eq!(made.status, 201, "{made:?}");
    let ban = made.json();
    assert_eq!(ban["cidr"], "127.0.0.2/31");
    assert_eq!(
        [&ban["made_by"], &ban["reason"], &ban["until"]],
        [&json!("operator"), &json!("spam"), &Value::Null]
    );
    let closed = client.closed().await;
    assert_eq!(closed.map(|frame| frame.code), Some(CloseCode::Policy));
    for from in [GUEST, "127.0.0.3"] {
        let refused = upgrade_from(from, to).await;
        assert!(refused.starts_with("http/1.1 403 "), "{refused}");
        assert_eq!(retry_after(&refused), None);
    }
    connect_from("127.0.0.4", to).await;
    // Said again it is the same, and the slash may stand as it is.
    let again = put(to, "/api/v1/bans/127.0.0.2/31", r#"{"seconds":1}"#).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert!(again.json()["until"].is_string(), "{again:?}");
    eventually("the ban ends", async || {
        let head = upgrade_from(GUEST, to).await;
        head.starts_with("http/1.1 101 ").then_some(())
    })
    .await;
    let over = admin(to, "GET", "/api/v1/bans/127.0.0.2/31").await;
    assert_eq!(problem(&over), (404, json!("no-such-ban")));
    assert_eq!(put(to, "/api/v1/bans/127.0.0.2/31", "").await.status, 201);
    let path = "/api/v1/bans/127.0.0.2/31";
    assert_eq!(admin(to, "GET", path).await.status, 200);
    assert_eq!(admin(to, "DELETE", path).await.status, 204);
    connect_from(GUEST, to).await;
}

#[tokio::test]
async fn bans_come_in_pages() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let networks = ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"];
    for network in networks {
        assert_eq!(
            put(to, &format!("/api/v1/bans/{network}"), "").await.status,
            201
        );
    }
    let mut seen = Vec::new();
    let mut path = String::from("/api/v1/bans?limit=1");
    loop {
        let page = admin(to, "GET", &path).await.json();
        seen.push(page["bans"][0]["cidr"].clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/bans?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, networks.map(|network| json!(network)));
    assert_eq!(banned(to).await, networks);
}

#[tokio::test]
async fn a_ban_that_cannot_be_meant_is_refused_and_the_mistake_is_named() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    let path = "/api/v1/bans/192.0.2.9";
    for (wrong, body, code, names) in [
        (
            "/api/v1/bans/somebody",
            "",
            "invalid-value",
            "`somebody` is no network",
        ),
        (
            "/api/v1/bans/10.0.0.1/8",
            "",
            "invalid-value",
            "give `10.0.0.0/8`",
        ),
        (path, "{", "invalid-body", "give a JSON object"),
        (
            path,
            r#"{"why":"x"}"#,
            "invalid-body",
            "unknown field `why`",
        ),
        (
            path,
            r#"{"until":"soon"}"#,
            "invalid-value",
            "`until` is `soon`",
        ),
        (
            path,
            r#"{"until":"2030-01-31T00:00:00Z","seconds":1}"#,
            "invalid-value",
            "either `until` or `seconds`",
        ),
    ] {
        let response = put(to, wrong, body).await;
        assert_eq!(problem(&response), (422, json!(code)), "{wrong} {body}");
        let detail = response.json()["detail"].clone();
        assert!(
            detail.as_str().is_some_and(|text| text.contains(names)),
            "{detail}"
        );
    }
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(201));
    assert_eq!(
        problem(&put(to, path, &long).await),
        (422, json!("invalid-value"))
    );
    assert_eq!(banned(to).await, [""; 0]);
    let nobody = http(to, "PUT", path, &[]).await;
    assert_eq!(problem(&nobody), (401, json!("token-missing")));
}

#[tokio::test]
async fn a_ban_that_ends_in_the_past_or_after_the_last_year_is_refused() {
    let tracker = start(config()).await;
    let to = address(&tracker);
    for (body, names) in [
        (r#"{"until":"2001-01-31T00:00:00Z"}"#, "give a time to come"),
        (r#"{"seconds":0}"#, "`seconds` is `0`"),
        (
            r#"{"seconds":18446744073709551615}"#,
            "before the year 10000",
        ),
    ] {
        let response = put(to, "/api/v1/bans/192.0.2.9", body).await;
        assert_eq!(problem(&response), (422, json!("invalid-value")), "{body}");
        assert!(response.body.contains(names), "{}", response.body);
    }
    assert_eq!(banned(to).await, [""; 0]);
}

#[tokio::test]
async fn bans_survive_a_restart_and_those_of_the_tracker_grow_longer_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let with = |first| Config {
        limits: limits(),
        proxies: proxies(),
        database: Some(folder.path().join("bans.db")),
        bans: BansConfig {
            offences: 10,
            first: Duration::from_secs(first),
            ..BansConfig::default()
        },
        ..config()
    };
    let tracker = start(with(1)).await;
    let to = address(&tracker);
    put(to, "/api/v1/bans/127.0.0.3", r#"{"reason":"spam"}"#).await;
    put(to, "/api/v1/bans/127.0.0.4", "").await;
    admin(to, "DELETE", "/api/v1/bans/127.0.0.4").await;
    offend(to).await;
    tracker.stop().await.expect("stopped");

    let tracker = start(with(600)).await;
    let to = address(&tracker);
    let refused = upgrade_for("127.0.0.3", to).await;
    assert!(refused.starts_with("http/1.1 403 "), "{refused}");
    let ban = admin(to, "GET", "/api/v1/bans/127.0.0.3").await.json();
    assert_eq!(ban["reason"], "spam");
    connect_from("127.0.0.4", to).await;
    eventually("the first ban ends", async || {
        let head = upgrade_for(GUEST, to).await;
        head.starts_with("http/1.1 101 ").then_some(())
    })
    .await;
    offend(to).await;
    let ban = eventually("it is banned", async || {
        let ban = admin(to, "GET", "/api/v1/bans/127.0.0.2").await;
        (ban.status == 200).then(|| ban.json())
    })
    .await;
    assert_eq!(ban["times"], 2, "{ban}");
}

/// Gets the guest banned.
async fn offend(to: SocketAddr) {
    let mut client: Client = connect_from(GUEST, to).await;
    client.text("garbage").await;
    assert!(client.closed().await.is_some());
}
