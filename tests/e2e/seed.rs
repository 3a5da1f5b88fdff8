//! `shoal seed` as a process, with `shoal tracker` beside it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, connect};
use tracker_protocol::{ClientMessage, ServerMessage};

/// The promise for stopping.
const STOP: Duration = Duration::from_secs(5);

/// A running `shoal`, killed when the test ends before it.
struct Shoal {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Shoal {
    fn start(subcommand: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .arg(subcommand)
            .args(["--json", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let out = child.stdout.take().expect("stdout is a pipe");
        Self {
            child,
            lines: BufReader::new(out),
        }
    }

    fn json(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("stdout is text");
        serde_json::from_str(&line).expect("a line is one JSON object")
    }

    /// Reads lines until one of each of these events has come; returns them in
    /// the order of `names`.
    fn events(&mut self, names: &[&str]) -> Vec<Value> {
        let mut found: Vec<Option<Value>> = vec![None; names.len()];
        while found.iter().any(Option::is_none) {
            let event = self.json();
            for (name, found) in names.iter().zip(&mut found) {
                if event["event"] == **name {
                    *found = Some(event.clone());
                }
            }
        }
        found.into_iter().flatten().collect()
    }

    /// Sends SIGINT, and waits for the end.
    fn stop(mut self) -> (Option<i32>, Duration) {
        let asked = Instant::now();
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
        assert!(sent.expect("kill runs").success());
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("text");
        let status = self.child.wait().expect("it ends");
        (status.code(), asked.elapsed())
    }
}

impl Drop for Shoal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
    let mut tracker = Shoal::start("tracker", &["--database", database]);
    let url = tracker.json()["tracker"]
        .as_str()
        .expect("a URL")
        .to_owned();

    let mut seed = Shoal::start("seed", &[&path, "--tracker", &url]);
    let ready = seed.json();
    let (magnet, info_hash) = (&ready["magnet"], &ready["info_hash"]);
    assert_eq!(
        ready,
        json!({
            "event": "ready", "magnet": magnet, "info_hash": info_hash, "tracker": url,
            "listen": ready["listen"], "pid": seed.child.id(),
            "torrents": [{
                "name": "a file #1.txt", "info_hash": info_hash, "magnet": magnet,
                "trackers": [url], "length": 5,
            }],
        })
    );
    let link = metainfo::Magnet::parse(magnet.as_str().expect("text")).expect("a magnet link");
    assert_eq!(link.trackers, std::slice::from_ref(&url));
    assert_eq!(
        seed.events(&["tracker_up", "verified"]),
        [
            json!({"event": "tracker_up", "url": url}),
            json!({"event": "verified", "info_hash": info_hash, "good": 1, "pieces": 1}),
        ]
    );
    let start = Instant::now();
    while seeds(&url, info_hash) == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "it is announced");
    }
    let (code, took) = seed.stop();
    assert_eq!(code, Some(0));
    assert!(took < STOP, "took {took:?}");
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
            vec![
                path.as_str(),
                "--tracker",
                "ws://t.example/",
                "--slots",
                "0",
            ],
            "shoal: the seeder cannot start: `slots` and `max_peers` are 0 and 64; give at least 1\n",
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
