//! `shoal tracker` as a process: what it prints, what survives its end, and a
//! disk that is full.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Message, WebSocket, connect};

use crate::process::Running;

/// How long any step may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A folder with a configuration, a token, and the database to come.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Self { folder };
        std::fs::write(home.file("token"), TOKEN).expect("written");
        set_mode(&home.file("token"), 0o600);
        let config = "[store]\nflush_interval = \"500ms\"\n\
                      [limits]\ntorrents_per_socket = 100000\nmessage_burst = 1000000\n\
                      byte_burst = 1000000000\n";
        std::fs::write(home.file("tracker.toml"), config).expect("written");
        home
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn tracker(&self) -> Tracker {
        self.tracker_under(&[])
    }

    /// Starts a tracker; the words of `under` come before the binary.
    fn tracker_under(&self, under: &[&str]) -> Tracker {
        let mut words = under.iter().copied().chain([env!("CARGO_BIN_EXE_shoal")]);
        let mut command = Command::new(words.next().expect("a program"));
        command
            .args(words)
            .args(["tracker", "--json", "--listen", "127.0.0.1:0", "--database"])
            .arg(self.file("state.db"))
            .arg("--admin-token-file")
            .arg(self.file("token"))
            .arg("--config")
            .arg(self.file("tracker.toml"));
        Tracker::new(Running::spawn(&mut command))
    }
}

/// A running `shoal tracker`.
pub(crate) struct Tracker {
    pub(crate) running: Running,
    /// `ws://…`, from the ready line.
    url: String,
}

impl Tracker {
    fn new(mut running: Running) -> Self {
        let ready = running.json();
        let url = ready["tracker"].as_str().expect("a URL").to_owned();
        assert_eq!(
            ready,
            json!({"event": "ready", "tracker": url, "trackers": [url], "pid": running.pid()})
        );
        Self { running, url }
    }

    pub(crate) fn client(&self) -> Client {
        let (socket, _) = connect(format!("{}/announce", self.url)).expect("accepted");
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        }
        Client(socket)
    }

    /// The body of what the path answers.
    pub(crate) fn get(&self, path: &str) -> Value {
        let host = self.url.strip_prefix("ws://").expect("a ws URL");
        let mut socket = TcpStream::connect(host).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             authorization: Bearer {TOKEN}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        serde_json::from_str(body).expect("JSON")
    }

    /// Waits until `/readyz` says so.
    fn wait_for(&self, status: &str) {
        let start = Instant::now();
        let (_alive, pause) = mpsc::channel::<()>();
        while self.get("/readyz")["status"] != status {
            assert!(start.elapsed() < PATIENCE, "it is not {status}");
            let _ = pause.recv_timeout(Duration::from_millis(50));
        }
    }

    /// Sends `signal`, waits for the end; the code and the log.
    fn stop(self, signal: &str) -> (Option<i32>, String) {
        self.running.stop(signal)
    }
}

/// A WebSocket to a tracker; every peer it speaks for is in one torrent.
pub(crate) struct Client(pub(crate) WebSocket<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Announces for peer number `peer`, and waits for the response.
    fn announce(&mut self, peer: u32, event: &str, left: u32) {
        let message = json!({
            "action": "announce", "info_hash": "i".repeat(20), "peer_id": format!("{peer:020}"),
            "event": event, "left": left,
        });
        assert_eq!(self.ask(&message)["action"], "announce");
    }

    fn download(&mut self, peer: u32) {
        self.announce(peer, "started", 5);
        self.announce(peer, "completed", 0);
    }

    /// How many peers completed the torrent.
    fn downloaded(&mut self) -> u64 {
        let hash = "i".repeat(20);
        let response = self.ask(&json!({"action": "scrape", "info_hash": hash}));
        response["files"][hash]["downloaded"]
            .as_u64()
            .expect("a count")
    }

    pub(crate) fn ask(&mut self, message: &Value) -> Value {
        self.0
            .send(Message::text(message.to_string()))
            .expect("sent");
        loop {
            if let Message::Text(text) = self.0.read().expect("an answer") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }
}

#[test]
fn a_kill_under_load_loses_at_most_one_flush_interval_and_counts_nobody_twice() {
    let home = Home::new();
    let mut tracker = home.tracker();
    let mut client = tracker.client();
    let start = Instant::now();
    let mut done = Vec::new();
    while start.elapsed() < 4 * FLUSH_INTERVAL {
        let peer = u32::try_from(done.len()).expect("a number");
        client.download(peer);
        done.push(start.elapsed());
    }
    let killed = start.elapsed();
    tracker.running.kill();

    let tracker = home.tracker();
    let mut client = tracker.client();
    let restored = client.downloaded();
    // One interval, and what a write may take on a busy machine.
    let safe = killed.saturating_sub(FLUSH_INTERVAL + Duration::from_millis(500));
    let least = done.iter().filter(|at| **at <= safe).count() as u64;
    assert!(least > 0, "the load was too short to tell");
    assert!(
        (least..=done.len() as u64).contains(&restored),
        "{least} <= {restored}"
    );
    // All come back and complete: whoever was counted is not counted again.
    for peer in 0..u32::try_from(done.len()).expect("a number") {
        client.download(peer);
    }
    assert_eq!(client.downloaded(), done.len() as u64);
    assert_eq!(tracker.stop("TERM").0, Some(0));
}

#[test]
fn a_stop_by_signal_loses_nothing() {
    let home = Home::new();
    for (signal, peers, total) in [
        ("TERM", 0..50, 50),
        ("INT", 40..90, 90),
        ("TERM", 0..90, 90),
    ] {
        let tracker = home.tracker();
        let mut client = tracker.client();
        for peer in peers {
            client.download(peer);
        }
        assert_eq!(client.downloaded(), total);
        // What a remote does wrong is not the operator's to read.
        let host = tracker.url.strip_prefix("ws://").expect("a ws URL");
        let mut wrong = TcpStream::connect(host).expect("it listens");
        wrong.write_all(b"no HTTP\r\n\r\n").expect("it reads");
        let _ = wrong.read_to_end(&mut Vec::new());
        let (code, log) = tracker.stop(signal);
        assert_eq!((code, log.as_str()), (Some(0), ""));
    }
    assert_eq!(home.tracker().client().downloaded(), 90);
}

#[test]
fn a_signal_that_comes_at_once_after_the_ready_line_is_heard() {
    let home = Home::new();
    for _ in 0..10 {
        assert_eq!(home.tracker().stop("TERM"), (Some(0), String::new()));
    }
}

/// A limit on the size of files is what makes writes fail here: the kernel
/// refuses them as it does on a full disk, and it needs no rights.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_once_and_when_there_is_room_again_nothing_was_lost() {
    const PEERS: u32 = 3000;
    let home = Home::new();
    let limited = "trap '' XFSZ; ulimit -S -f 256; exec \"$@\"";
    let tracker = home.tracker_under(&["sh", "-c", limited, "sh"]);
    let mut client = tracker.client();
    for peer in 0..PEERS {
        client.download(peer);
    }
    tracker.wait_for("degraded");
    // It serves on.
    client.download(PEERS);
    assert_eq!(client.downloaded(), u64::from(PEERS) + 1);
    let pid = tracker.running.pid().to_string();
    let raised = Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid", &pid])
        .status();
    assert!(raised.expect("prlimit runs").success());
    tracker.wait_for("ready");
    let (code, log) = tracker.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(
        log.matches("the database cannot be written").count(),
        1,
        "{log}"
    );
    assert_eq!(home.tracker().client().downloaded(), u64::from(PEERS) + 1);
}

/// A folder and a file without leave to write; root has to lose its privilege to
/// write anywhere for it. The limit makes files as on a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_or_read_only_at_the_start_keeps_nobody_from_being_served() {
    let privileged = Command::new("id").arg("-u").output().expect("id runs");
    let mut plain = vec!["setpriv", "--bounding-set", "-dac_override"];
    if privileged.stdout != b"0\n" {
        plain.clear();
    }
    let full = [
        "sh",
        "-c",
        "trap '' XFSZ; ulimit -S -f 0; exec \"$@\"",
        "sh",
    ];
    for (under, existing) in [(&plain[..], true), (&plain[..], false), (&full[..], true)] {
        let home = Home::new();
        if existing {
            let tracker = home.tracker();
            tracker.client().download(1);
            assert_eq!(tracker.stop("TERM").0, Some(0));
        }
        let allow = |folder, file| {
            set_mode(home.folder.path(), folder);
            if existing {
                set_mode(&home.file("state.db"), file);
            }
        };
        if under != full {
            allow(0o555, 0o444);
        }
        let tracker = home.tracker_under(under);
        tracker.wait_for("degraded");
        let mut client = tracker.client();
        let known = u64::from(existing);
        assert_eq!(client.downloaded(), known);
        client.download(1);
        client.download(2);
        assert_eq!(client.downloaded(), 2);
        allow(0o755, 0o644);
        let pid = tracker.running.pid().to_string();
        let raised = Command::new("prlimit")
            .args(["--fsize=unlimited", "--pid", &pid])
            .status();
        assert!(raised.expect("prlimit runs").success());
        tracker.wait_for("ready");
        let (code, log) = tracker.stop("TERM");
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(
            log.matches("the database cannot be written").count(),
            1,
            "{log}"
        );
        assert_eq!(home.tracker().client().downloaded(), 2);
    }
}

#[test]
fn what_cannot_work_is_told_with_the_field_the_value_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("c.toml");
    let run = |arguments: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .arg("tracker")
            .args(arguments)
            .env_remove("SHOAL_ADMIN_TOKEN")
            .output()
            .expect("the binary runs");
        assert_eq!(out.stdout, b"");
        (
            out.status.code(),
            String::from_utf8(out.stderr).expect("text"),
        )
    };
    let with = |text: &str| {
        std::fs::write(&config, text).expect("written");
        run(&["--config", path(&config)])
    };
    assert_eq!(
        with("[limits]\nsockets = 0\n"),
        (
            Some(1),
            "shoal: `limits.sockets` is `0`: give 1 or more\n".into()
        )
    );
    let (code, log) = with("[limits]\nsocket = 1\n");
    assert_eq!(code, Some(1));
    assert!(log.contains("unknown field `socket`"), "{log}");
    let (code, log) = run(&["--admin-token-file", "/nowhere/token"]);
    assert_eq!(code, Some(1));
    assert!(
        log.starts_with("shoal: the token file `/nowhere/token` cannot be read"),
        "{log}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let addr = taken.local_addr().expect("an address").to_string();
    let token = folder.path().join("token");
    std::fs::write(&token, "").expect("written");
    set_mode(&token, 0o600);
    let (code, log) = run(&["--admin-token-file", path(&token)]);
    let expected = format!(
        "shoal: the token file `{}` cannot be used: the admin token has `0` bytes: give 16 to 1024",
        token.display()
    );
    assert!(log.starts_with(&expected) && code == Some(1), "{log}");
    std::fs::write(&token, TOKEN).expect("written");
    set_mode(&token, 0o644);
    let (_, log) = run(&["--admin-token-file", path(&token), "--listen", &addr]);
    assert!(
        log.contains("has mode `644`, so that others may read it"),
        "{log}"
    );
    assert!(
        !log.contains('\u{1b}'),
        "colours are for terminals: {log:?}"
    );
    assert_eq!(run(&["--listen", "8000"]).0, Some(2));
    assert_eq!(run(&["--tls-cert", "c.pem"]).0, Some(2));
    let (code, log) = run(&["--listen", &addr]);
    assert_eq!(code, Some(1));
    let expected = format!("shoal: cannot listen on `{addr}`: choose another address or port");
    assert!(log.starts_with(&expected), "{log}");
}

fn set_mode(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("ours");
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of ours is text")
}
