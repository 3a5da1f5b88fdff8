//! `shoal seed` as a process, with `shoal tracker` beside it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, connect};
use tracker_protocol::{ClientMessage, ServerMessage};

use crate::process::Running;

/// Starts `shoal` with `--json` on ports that are free.
fn start(subcommand: &str, arguments: &[&str]) -> Running {
    let words = [subcommand, "--json", "--listen", "127.0.0.1:0"];
    Running::start(words.iter().chain(arguments))
}

/// Reads lines until one of each of these events has come; returns them in the
/// order of `names`.
fn events(running: &mut Running, names: &[&str]) -> Vec<Value> {
    let mut found: Vec<Option<Value>> = vec![None; names.len()];
    while found.iter().any(Option::is_none) {
        let event = running.json();
        for (name, found) in names.iter().zip(&mut found) {
            if event["event"] == **name {
                *found = Some(event.clone());
            }
        }
    }
    found.into_iter().flatten().collect()
}

/// How many seeds of a torrent the tracker at `url` knows.
fn seeds(url: &str, info_hash: &Value) -> u64 {
    let info_hash = info_hash.as_str().and_then(|hex| hex.parse().ok());
    let scrape = ClientMessage::Scrape {
        info_hashes: info_hash.map(|info_hash| vec![info_hash]),
    };
    let (mut socket, _) = connect(url).expect("the tracker is there");
    let scrape = Message::text(scrape.to_json());
    socket.send(scrape).expect("it is sent");
    loop {
        if let Message::Text(text) = socket.read().expect("it answers") {
            let answer = ServerMessage::parse(&text).expect("a tracker's message");
            let ServerMessage::Scraped(scraped) = answer else {
                panic!("the tracker says {text}");
            };
            return scraped.files.iter().map(|(_, entry)| entry.complete).sum();
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> String {
    std::fs::write(path, bytes).expect("a file");
    path.to_str().expect("a path is text").to_owned()
}

#[test]
fn a_file_is_seeded_and_announced_until_a_signal_says_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(&folder.path().join("a file #1.txt"), b"hello");
    let database = folder.path().join("state.db");
    let database = database.to_str().expect("a path is text");
    let mut tracker = start("tracker", &["--database", database]);
    let url = tracker.json()["tracker"]
        .as_str()
        .expect("a URL")
        .to_owned();

    let mut seed = start("seed", &[&path, "--tracker", &url]);
    let ready = seed.json();
    let (magnet, info_hash) = (&ready["magnet"], &ready["info_hash"]);
    assert_eq!(
        ready,
        json!({
            "event": "ready", "magnet": magnet, "info_hash": info_hash, "tracker": url,
            "listen": ready["listen"], "pid": seed.pid(),
            "torrents": [{
                "name": "a file #1.txt", "info_hash": info_hash, "magnet": magnet,
                "trackers": [url], "length": 5,
            }],
        })
    );
    let link = metainfo::Magnet::parse(magnet.as_str().expect("text")).expect("a magnet link");
    assert_eq!(link.trackers, std::slice::from_ref(&url));
    assert_eq!(
        events(&mut seed, &["tracker_up", "verified"]),
        [
            json!({"event": "tracker_up", "url": url}),
            json!({"event": "verified", "info_hash": info_hash, "good": 1, "pieces": 1}),
        ]
    );
    let since = Instant::now();
    while seeds(&url, info_hash) == 0 {
        assert!(since.elapsed() < Duration::from_secs(30), "it is announced");
    }
    assert_eq!(seed.stop("INT"), (Some(0), String::new()));
    assert_eq!(seeds(&url, info_hash), 0);
}

#[test]
fn what_cannot_be_seeded_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(&folder.path().join("a.txt"), b"hello");
    for (arguments, expected) in [
        (
            vec![path.as_str()],
            "shoal: no tracker for `a.txt` that browsers can use: name one with --tracker wss://…\n",
        ),
        (
            vec![path.as_str(), "--tracker", "https://t.example/"],
            "shoal: the seeder cannot start: tracker `https://t.example/` is not a WebSocket URL; \
             give `wss://…` or `ws://…`\n",
        ),
        (
            vec![path.as_str(), "--tracker", "wss://:443/"],
            "shoal: the seeder cannot start: `wss://:443/` must have a host, and a port \
             from 1 to 65535 if any\n",
        ),
        (
            vec![
                path.as_str(),
                "--tracker",
                "ws://t.example/",
                "--slots",
                "0",
            ],
            "shoal: the seeder cannot start: `slots` is `0`; give at least 1\n",
        ),
    ] {
        let out = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .arg("seed")
            .args(&arguments)
            .output()
            .expect("the binary starts");
        assert_eq!(String::from_utf8(out.stderr).expect("text"), expected);
        assert_eq!(out.status.code(), Some(1));
    }
}
