//! What is shed when there is too much to do, and that nothing goes without an answer.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web;
use serde_json::{Value, json};
use tracker::{Config, Event, Overload, SwarmConfig, Tracker};

use crate::client::{Client, address, config, eventually, http, id, offer};
use crate::limits::{limited, retry_after, upgrade_from};

/// How long a worker may be stuck at most.
const STUCK: Duration = Duration::from_secs(30);

/// A tracker with a page that keeps a worker from everything else until told.
async fn start(fall: Duration) -> (Tracker, Sender<()>) {
    let config = Config {
        overload: Overload {
            rise: Duration::ZERO,
            fall,
            ..Overload::default()
        },
        swarm: SwarmConfig {
            longest_interval: Some(Duration::from_secs(1000)),
            ..SwarmConfig::default()
        },
        ..config()
    };
    let (release, released) = channel();
    let released = Arc::new(Mutex::new(released));
    let stall = move |to: &mut web::ServiceConfig| {
        let released: Arc<Mutex<Receiver<()>>> = Arc::clone(&released);
        let stall = move || {
            let released = Arc::clone(&released);
            async move {
                let released = released.lock().expect("sound");
                let _ = released.recv_timeout(STUCK);
                "released"
            }
        };
        to.route("/stall", web::get().to(stall));
    };
    let tracker = tracker::start(config, stall).await.expect("it starts");
    (tracker, release)
}

/// Keeps a worker busy until all there is to shed is shed.
async fn overload(tracker: &Tracker, release: &Sender<()>) {
    let to = address(tracker);
    let stalled = tokio::spawn(async move { http(to, "GET", "/stall", &[]).await.status });
    eventually("everything is shed", async || {
        (tracker.stats().shedding == 4).then_some(())
    })
    .await;
    release.send(()).expect("a worker waits");
    assert_eq!(stalled.await.expect("it ends"), 200);
}

/// `count` clients in one swarm.
async fn swarm_of(count: u8, to: SocketAddr) -> Vec<Client> {
    let mut clients = Vec::new();
    for peer in 0..count {
        let mut client = Client::connect(to).await;
        client.announce(1, peer, json!({"left": 5})).await;
        clients.push(client);
    }
    clients
}

#[tokio::test]
async fn under_overload_scrapes_offers_announces_and_sockets_are_shed_with_an_answer_each() {
    let (tracker, release) = start(Duration::from_secs(3600)).await;
    let to = address(&tracker);
    let mut events = tracker.events();
    let mut clients = swarm_of(6, to).await;
    overload(&tracker, &release).await;
    let mut told = Vec::new();
    while told.last() != Some(&"sockets") {
        if let Event::Overload { sheds, .. } = events.recv().await.expect("an event") {
            told.push(sheds);
        }
    }
    assert_eq!(told, ["scrapes", "offers", "announces", "sockets"]);

    let client = &mut clients[0];
    for (info_hash, refused) in [
        (json!(id(1)), true),
        (json!([id(1)]), true),
        (json!([]), false),
    ] {
        client
            .send(&json!({"action": "scrape", "info_hash": info_hash}))
            .await;
        let response = client.next().await;
        assert_eq!(response["action"], "scrape");
        assert_eq!(
            response["failure reason"].is_string(),
            refused,
            "{response}"
        );
        assert!(response["files"].is_object(), "{response}");
    }
    let offers: Vec<Value> = (0..12).map(|number| offer(&number.to_string())).collect();
    let response = client
        .announce(1, 0, json!({"left": 5, "offers": offers}))
        .await;
    let interval = response["interval"].as_u64().expect("an interval");
    assert!((900..=1100).contains(&interval), "{response}");
    // Whoever is asked for its counts would have had its offer before.
    let mut relayed = 0;
    for client in &mut clients[1..] {
        client
            .send(&json!({"action": "scrape", "info_hash": []}))
            .await;
        while client.next().await["offer"].is_object() {
            relayed += 1;
        }
    }
    assert_eq!(relayed, 2);
    assert_eq!(limited(&tracker, "shed_offers"), 8);
    assert_eq!(limited(&tracker, "offers_per_announce"), 2);
    let refused = upgrade_from("127.0.0.1", to).await;
    assert!(refused.starts_with("http/1.1 503 "), "{refused}");
    assert!(retry_after(&refused).is_some(), "{refused}");
    let ready = http(to, "GET", "/readyz", &[]).await;
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (503, &json!("overloaded"))
    );
    // Two scrapes and a socket.
    assert_eq!(limited(&tracker, "overload"), 3);
}

#[tokio::test]
async fn when_the_overload_is_over_everything_is_as_before() {
    let (tracker, release) = start(Duration::ZERO).await;
    let to = address(&tracker);
    overload(&tracker, &release).await;
    eventually("nothing is shed", async || {
        (tracker.stats().shedding == 0).then_some(())
    })
    .await;
    let mut client = Client::connect(to).await;
    assert_eq!(client.counts(1).await, [0, 0, 0]);
    let response = client.announce(1, 1, json!({"left": 5})).await;
    let interval = response["interval"].as_u64().expect("an interval");
    assert!((108..=132).contains(&interval), "{response}");
}
