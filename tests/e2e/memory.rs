//! What a tracker keeps of those who have left.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::tracker::{Client, Home, PATIENCE, Tracker};

/// Sockets at a time, and rounds of them before and after the first look. A kilobyte that each left
/// behind would be twice what is allowed.
const SOCKETS: usize = 100;
const WARM_UP: usize = 10;
const ROUNDS: usize = 30;
const ALLOWED_KIB: u64 = 1536;

/// Memory of the process that is its own, in KiB (proc(5)).
fn anonymous_kib(tracker: &Tracker) -> u64 {
    let path = format!("/proc/{}/status", tracker.running.pid());
    let status = std::fs::read_to_string(path).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a size")
}

/// Peers of all kinds join: each has offers for the others, some answer, some do not read what they
/// are sent, some are in the middle of a message. Then all are gone.
fn crowd(tracker: &Tracker) {
    let mut clients: Vec<Client> = Vec::new();
    let sdp = "v=0 ".repeat(400);
    for number in 0..SOCKETS {
        let mut client = tracker.client();
        let offers: Vec<Value> = (0..3)
            .map(|offer| {
                let offer_id = format!("{number}-{offer}");
                json!({"offer_id": offer_id, "offer": {"type": "offer", "sdp": sdp}})
            })
            .collect();
        let announce = json!({
            "action": "announce", "info_hash": format!("{:020}", number % 7),
            "peer_id": format!("{number:020}"), "left": number % 2, "offers": offers,
        });
        if number % 3 == 0 {
            let _ = client.0.send(Message::text(announce.to_string()));
        } else {
            client.ask(&announce);
        }
        if number % 5 == 0 {
            let half = r#"{"action":"announce","info_hash":""#;
            let _ = client.0.write(Message::text(half.repeat(500)));
        }
        clients.push(client);
    }
    drop(clients);
    let start = Instant::now();
    let (_alive, pause) = mpsc::channel::<()>();
    while tracker.get("/api/v1/stats")["sockets"] != 0 {
        assert!(start.elapsed() < PATIENCE, "sockets stay");
        let _ = pause.recv_timeout(Duration::from_millis(10));
    }
}

#[test]
fn memory_is_what_it_was_when_all_have_left() {
    let home = Home::new();
    let tracker = home.tracker();
    for _ in 0..WARM_UP {
        crowd(&tracker);
    }
    let before = anonymous_kib(&tracker);
    for _ in 0..ROUNDS {
        crowd(&tracker);
    }
    let after = anonymous_kib(&tracker);
    assert!(
        after <= before + ALLOWED_KIB,
        "{before} KiB, then {after} KiB"
    );
}
