//! What survives in the SQLite file, and what happens when it cannot be written.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tracker::{Config, Event, StoreConfig};

use crate::client::{Client, address, admin, config, eventually, hex, http, start};

fn stored(path: &Path) -> Config {
    Config {
        database: Some(path.to_owned()),
        store: StoreConfig {
            flush_interval: Duration::from_millis(50),
            busy_timeout: Duration::from_millis(50),
            ..StoreConfig::default()
        },
        ..config()
    }
}

#[tokio::test]
async fn counts_survive_a_restart_and_a_returning_peer_is_not_counted_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.db");
    let tracker = start(stored(&file)).await;
    let mut client = Client::connect(address(&tracker)).await;
    for peer in 1..=3 {
        client
            .announce(1, peer, json!({"event": "started", "left": 5}))
            .await;
    }
    for peer in 1..=2 {
        client
            .announce(1, peer, json!({"event": "completed", "left": 0}))
            .await;
    }
    client
        .announce(1, 1, json!({"event": "stopped", "left": 0}))
        .await;
    tracker.stop().await.expect("everything is written");

    let tracker = start(stored(&file)).await;
    let to = address(&tracker);
    let mut client = Client::connect(to).await;
    assert_eq!(client.counts(1).await, [0, 0, 2]);
    let peers = format!("/api/v1/torrents/{}/peers", hex(1));
    let away = async || {
        let page = admin(to, "GET", &peers).await.json();
        let peers = page["peers"].as_array().expect("a list").clone();
        peers
            .iter()
            .map(|peer| (peer["peer_id"].clone(), peer["status"].clone()))
            .collect::<Vec<_>>()
    };
    // The first one said goodbye; the others were cut off and may return.
    assert_eq!(
        away().await,
        [
            (json!(hex(2)), json!("away")),
            (json!(hex(3)), json!("away"))
        ]
    );
    client.announce(1, 2, json!({"left": 0})).await;
    client
        .announce(1, 2, json!({"event": "completed", "left": 0}))
        .await;
    client
        .announce(1, 1, json!({"event": "started", "left": 5}))
        .await;
    client
        .announce(1, 1, json!({"event": "completed", "left": 0}))
        .await;
    assert_eq!(client.counts(1).await, [2, 0, 2]);
    assert_eq!(
        away().await,
        [
            (json!(hex(1)), json!("connected")),
            (json!(hex(2)), json!("connected")),
            (json!(hex(3)), json!("away")),
        ]
    );
    client
        .announce(1, 3, json!({"event": "completed", "left": 0}))
        .await;
    assert_eq!(client.counts(1).await, [3, 0, 3]);
    let torrent = admin(to, "GET", &format!("/api/v1/torrents/{}", hex(1)))
        .await
        .json();
    assert_eq!(torrent["completed"], 3);
    tracker.stop().await.expect("everything is written");
}

#[tokio::test]
async fn a_removed_torrent_stays_removed_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.db");
    let tracker = start(stored(&file)).await;
    let to = address(&tracker);
    let mut client = Client::connect(to).await;
    for info_hash in 1..=2 {
        client
            .announce(info_hash, 1, json!({"event": "started", "left": 5}))
            .await;
        client
            .announce(info_hash, 1, json!({"event": "completed", "left": 0}))
            .await;
    }
    eventually("it is written", async || {
        (tracker.stats().store_flushes > 0).then_some(())
    })
    .await;
    let path = format!("/api/v1/torrents/{}", hex(1));
    assert_eq!(admin(to, "DELETE", &path).await.status, 204);
    tracker.stop().await.expect("everything is written");

    let tracker = start(stored(&file)).await;
    let to = address(&tracker);
    assert_eq!(admin(to, "GET", &path).await.status, 404);
    let mut client = Client::connect(to).await;
    assert_eq!(client.counts(1).await, [0, 0, 0]);
    assert_eq!(client.counts(2).await, [0, 0, 1]);
}

#[tokio::test]
async fn while_the_database_is_locked_the_tracker_serves_and_then_writes_all() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.db");
    let tracker = start(stored(&file)).await;
    let to = address(&tracker);
    let mut events = tracker.events();
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = SqliteConnection::connect_with(&options)
        .await
        .expect("opened");
    let lock = other.begin_with("BEGIN IMMEDIATE").await.expect("locked");

    let mut client = Client::connect(to).await;
    client
        .announce(1, 1, json!({"event": "started", "left": 5}))
        .await;
    eventually("the failure shows", async || {
        (!tracker.stats().store_healthy).then_some(())
    })
    .await;
    let ready = http(to, "GET", "/readyz", &[]).await;
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (200, &json!("degraded"))
    );
    let metrics = http(to, "GET", "/metrics", &[]).await.body;
    assert!(
        metrics.contains("\nshoal_tracker_store_healthy 0\n"),
        "{metrics}"
    );
    // It serves on.
    client
        .announce(1, 1, json!({"event": "completed", "left": 0}))
        .await;
    assert_eq!(client.counts(1).await, [1, 0, 1]);

    // What cannot be written is kept from one try to the next.
    let tries = tracker.stats().store_failures + 2;
    eventually("it tries again", async || {
        (tracker.stats().store_failures >= tries).then_some(())
    })
    .await;
    lock.rollback().await.expect("released");
    eventually("it recovers", async || {
        tracker.stats().store_healthy.then_some(())
    })
    .await;
    assert_eq!(
        http(to, "GET", "/readyz", &[]).await.json(),
        json!({"status": "ready"})
    );
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = events.recv().await.expect("an event");
        if matches!(event, Event::StoreDegraded { .. }) {
            told.push("degraded");
        } else if event == Event::StoreRecovered {
            told.push("recovered");
        }
    }
    assert_eq!(told, ["degraded", "recovered"]);
    tracker.stop().await.expect("everything is written");
    let completed: i64 = sqlx::query_scalar("SELECT completed FROM torrents")
        .fetch_one(&mut other)
        .await
        .expect("a row");
    assert_eq!(completed, 1);
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_told_with_its_path() {
    let dir = tempfile::tempdir().expect("a folder");
    let nowhere = dir.path().join("missing").join("state.db");
    let problem = async |path: &Path| {
        let error = tracker::start(stored(path), |_| {}).await.expect_err("bad");
        let told = error.to_string();
        let begin = format!("the database `{}` cannot be used: ", path.display());
        told.strip_prefix(&begin).expect("the path").to_owned()
    };
    assert_eq!(
        problem(&nowhere).await,
        "its folder does not exist: make the folder, or give another path"
    );
    assert_eq!(
        problem(dir.path()).await,
        "it is no file: give the path of a file"
    );
    let garbage = dir.path().join("garbage.db");
    std::fs::write(&garbage, "x".repeat(8192)).expect("written");
    let told = problem(&garbage).await;
    assert!(
        told.starts_with("it is damaged, or no SQLite file: stop the tracker and move the file"),
        "{told}"
    );
    let newer = dir.path().join("newer.db");
    let tracker = start(stored(&newer)).await;
    tracker.stop().await.expect("everything is written");
    let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&newer))
        .await
        .expect("opened");
    sqlx::query("UPDATE _sqlx_migrations SET version = version + 1")
        .execute(&mut other)
        .await
        .expect("a later migration");
    let told = problem(&newer).await;
    assert!(
        told.starts_with("its tables were made by another version: use that version"),
        "{told}"
    );
}

#[tokio::test]
async fn a_second_tracker_on_one_database_is_refused_until_the_first_has_stopped() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.db");
    let first = start(stored(&file)).await;
    let error = tracker::start(stored(&file), |_| {})
        .await
        .expect_err("one at a time");
    assert_eq!(
        error.to_string(),
        format!(
            "the database `{}` cannot be used: another tracker uses it: stop that one, or give \
             each a file of its own",
            file.display()
        )
    );
    first.stop().await.expect("everything is written");
    let second = start(stored(&file)).await;
    second.stop().await.expect("everything is written");
}

#[tokio::test]
async fn a_database_that_cannot_be_written_at_the_start_is_read_and_written_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.db");
    let tracker = start(stored(&file)).await;
    let mut client = Client::connect(address(&tracker)).await;
    client
        .announce(1, 1, json!({"event": "started", "left": 5}))
        .await;
    client
        .announce(1, 1, json!({"event": "completed", "left": 0}))
        .await;
    tracker.stop().await.expect("everything is written");

    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = SqliteConnection::connect_with(&options)
        .await
        .expect("opened");
    let lock = other.begin_with("BEGIN IMMEDIATE").await.expect("locked");
    let tracker = start(stored(&file)).await;
    let to = address(&tracker);
    assert_eq!(
        http(to, "GET", "/readyz", &[]).await.json()["status"],
        "degraded"
    );
    let mut client = Client::connect(to).await;
    assert_eq!(client.counts(1).await, [0, 0, 1]);
    for peer in 1..=2 {
        client
            .announce(1, peer, json!({"event": "started", "left": 5}))
            .await;
        client
            .announce(1, peer, json!({"event": "completed", "left": 0}))
            .await;
    }
    assert_eq!(client.counts(1).await, [2, 0, 2]);
    lock.rollback().await.expect("released");
    eventually("it recovers", async || {
        tracker.stats().store_healthy.then_some(())
    })
    .await;
    assert_eq!(client.counts(1).await, [2, 0, 2]);
    tracker.stop().await.expect("everything is written");
    let completed: i64 = sqlx::query_scalar("SELECT completed FROM torrents")
        .fetch_one(&mut other)
        .await
        .expect("a row");
    assert_eq!(completed, 2);
}

#[tokio::test]
async fn an_away_peer_can_be_kicked_and_pages_are_complete_while_others_return() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.db");
    let tracker = start(stored(&file)).await;
    let mut client = Client::connect(address(&tracker)).await;
    for peer in 1..=6 {
        client
            .announce(1, peer, json!({"event": "started", "left": 5}))
            .await;
    }
    tracker.stop().await.expect("everything is written");

    let mut config = stored(&file);
    // What happens from here on stays out of the rows.
    config.store.flush_interval = Duration::from_secs(3600);
    let tracker = start(config).await;
    let to = address(&tracker);
    let kick = format!("/api/v1/torrents/{}/peers/{}", hex(1), hex(6));
    assert_eq!(admin(to, "DELETE", &kick).await.status, 204);
    let again = admin(to, "DELETE", &kick).await;
    assert_eq!(
        (again.status, &again.json()["code"]),
        (404, &json!("no-such-peer"))
    );
    let mut client = Client::connect(to).await;
    for peer in 1..=4 {
        client.announce(1, peer, json!({"left": 5})).await;
    }
    client
        .announce(1, 4, json!({"event": "stopped", "left": 5}))
        .await;
    let base = format!("/api/v1/torrents/{}/peers?limit=1", hex(1));
    let (mut path, mut seen) = (base.clone(), Vec::new());
    loop {
        let page = admin(to, "GET", &path).await.json();
        for peer in page["peers"].as_array().expect("a list") {
            seen.push((peer["peer_id"].clone(), peer["status"].clone()));
        }
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{base}&cursor={cursor}");
    }
    let mut expected: Vec<_> = (1..=3)
        .map(|peer| (json!(hex(peer)), json!("connected")))
        .collect();
    // The fourth left again; its row does not know yet.
    expected.extend((4..=5).map(|peer| (json!(hex(peer)), json!("away"))));
    assert_eq!(seen, expected);
}
