//! Clients behind proxies: whose address is whose.

use std::net::SocketAddr;

use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tracker::{ClientHeader, Config, Proxies};

use crate::client::{Client, address, addresses, config, start};

fn trusting(places: &[&str], header: ClientHeader) -> Config {
    let trusted = places
        .iter()
        .map(|text| text.parse().expect("a place"))
        .collect();
    Config {
        proxies: Proxies { trusted, header },
        ..config()
    }
}

/// Connects with these header lines.
async fn connect(to: SocketAddr, lines: &[(&'static str, &'static str)]) -> Client {
    let mut request = format!("ws://{to}/")
        .into_client_request()
        .expect("a request");
    for (name, value) in lines {
        let value = value.parse().expect("a value");
        request.headers_mut().append(*name, value);
    }
    Client(connect_async(request).await.expect("upgraded").0)
}

#[tokio::test]
async fn a_trusted_proxy_names_its_client_and_the_admin_api_tells_it() {
    let tracker = start(trusting(&["127.0.0.0/8"], ClientHeader::XForwardedFor)).await;
    let at = address(&tracker);
    let mut clients = [
        connect(at, &[("X-Forwarded-For", "1.1.1.1, 203.0.113.9")]).await,
        connect(
            at,
            &[
                ("X-Forwarded-For", "2001:db8::7"),
                ("X-Forwarded-For", "127.0.0.2"),
            ],
        )
        .await,
        connect(at, &[("X-Forwarded-For", "unknown")]).await,
        connect(at, &[("X-Real-IP", "203.0.113.9")]).await,
    ];
    for (peer, client) in (1..).zip(&mut clients) {
        client.announce(1, peer, json!({"left": 0})).await;
    }
    assert_eq!(
        addresses(at).await,
        ["203.0.113.9", "2001:db8::7", "127.0.0.1", "127.0.0.1"]
    );
    assert_eq!(tracker.stats().clients_unnamed, 1);
}

#[tokio::test]
async fn forwarded_is_read_when_it_is_the_chosen_header() {
    let tracker = start(trusting(&["127.0.0.1"], ClientHeader::Forwarded)).await;
    let at = address(&tracker);
    let forwarded = (
        "Forwarded",
        "for=1.1.1.1, for=\"[2001:db8::7]:4711\";proto=https",
    );
    let mut client = connect(at, &[forwarded, ("X-Forwarded-For", "203.0.113.9")]).await;
    client.announce(1, 1, json!({"left": 0})).await;
    assert_eq!(addresses(at).await, ["2001:db8::7"]);
}

#[tokio::test]
async fn a_client_that_is_no_trusted_proxy_cannot_choose_its_address() {
    let tracker = start(trusting(&["10.0.0.0/8", "unix"], ClientHeader::default())).await;
    let at = address(&tracker);
    let mut client = connect(at, &[("X-Forwarded-For", "203.0.113.9")]).await;
    client.announce(1, 1, json!({"left": 0})).await;
    assert_eq!(addresses(at).await, ["127.0.0.1"]);
    assert_eq!(tracker.stats().clients_unnamed, 0);
}
