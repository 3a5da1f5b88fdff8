//! `shoal share` as a process: what it prints, serves, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long any step may take; the promise for stopping is five seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(5);

/// A running `shoal share`, killed when the test ends before it.
struct Share {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Share {
    fn start(content: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .arg("share")
            .arg(content)
            .args(["--rtc-listen", "127.0.0.1:0"])
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

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("stdout is text");
        line.trim_end().to_owned()
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).expect("a line is one JSON object")
    }

    /// Sends `signal`, and waits for the end.
    fn stop(mut self, signal: &str) -> (Option<i32>, Duration) {
        let asked = Instant::now();
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
        // Its stdout closes when it ends.
        let mut rest = String::new();
        self.lines
            .read_to_string(&mut rest)
            .expect("stdout is text");
        let status = self.child.wait().expect("it ends");
        (status.code(), asked.elapsed())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The head and the body of what `url` (http) answers.
fn get(url: &str) -> (String, Vec<u8>) {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut socket = TcpStream::connect(host).expect("the page listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    write!(
        socket,
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .expect("it reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it answers");
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).expect("the head is text"), body)
}

fn content() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a file #1.txt");
    std::fs::write(&path, b"hello").expect("a file");
    (folder, path)
}

#[test]
fn the_ready_line_names_what_is_served_and_sigterm_stops_it() {
    let (_folder, path) = content();
    let mut share = Share::start(&path, &["--listen", "127.0.0.1:0", "--json"]);
    let ready = share.json();
    let page = ready["page"].as_str().expect("a page").to_owned();
    let info_hash = ready["info_hash"].as_str().expect("an infohash");
    let address = page.trim_start_matches("http://").trim_end_matches('/');
    let torrent = format!("{page}content.torrent");
    let tracker = format!("ws://{address}/announce");
    let magnet = ready["magnet"].as_str().expect("a magnet link");
    assert_eq!(
        ready,
        serde_json::json!({
            "event": "ready", "page": page, "magnet": magnet, "torrent": torrent,
            "info_hash": info_hash, "tracker": tracker, "pid": share.child.id(),
            "name": "a file #1.txt", "length": 5, "files": 1,
        })
    );
    let magnet = metainfo::Magnet::parse(magnet).expect("the link can be read");
    assert_eq!(magnet.info_hash.to_string(), info_hash);
    assert_eq!(magnet.trackers, [tracker]);
    assert_eq!(magnet.exact_sources, std::slice::from_ref(&torrent));

    let (head, body) = get(&page);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.starts_with(b"<!doctype html>"));
    let (_, body) = get(&format!("{page}share.json"));
    let told: Value = serde_json::from_slice(&body).expect("share.json is JSON");
    assert_eq!(
        told["files"],
        serde_json::json!([{"path": "a file #1.txt", "length": 5, "type": "text/plain"}])
    );
    let (_, body) = get(&torrent);
    let offered = metainfo::Metainfo::parse(&body).expect("a torrent");
    assert_eq!(offered.info_hash().to_string(), info_hash);

    let (code, took) = share.stop("TERM");
    assert_eq!(code, Some(0));
    assert!(took < STOP, "took {took:?}");
}

#[test]
fn people_are_told_where_to_look() {
    let (_folder, path) = content();
    let mut share = Share::start(&path, &["--listen", "127.0.0.1:0"]);
    assert_eq!(share.line(), "Sharing   a file #1.txt (5 B, 1 file)");
    let page = share.line();
    let address = page
        .strip_prefix("Page      http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix('/'))
        .expect("a page")
        .to_owned();
    assert!(share.line().starts_with("Magnet    magnet:?xt=urn:btih:"));
    assert_eq!(
        share.line(),
        format!("Tracker   ws://127.0.0.1:{address}/announce")
    );
    let (code, _) = share.stop("INT");
    assert_eq!(code, Some(0));
}

#[test]
fn a_torrent_file_is_shared_with_the_content_beside_it() {
    let (folder, path) = content();
    let torrent = folder.path().join("x.torrent");
    let made = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .arg("create")
        .arg(&path)
        .arg("-o")
        .arg(&torrent)
        .output()
        .expect("the binary starts");
    assert!(made.status.success());
    let mut share = Share::start(&torrent, &["--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(share.json()["name"], "a file #1.txt");
    drop(share);

    std::fs::remove_file(&path).expect("the content goes");
    let refused = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .arg("share")
        .arg(&torrent)
        .output()
        .expect("the binary starts");
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8(refused.stderr).expect("stderr is text");
    assert!(words.contains("say with --data where it is"), "{words}");
}

#[test]
fn behind_a_proxy_everything_is_named_by_the_public_url() {
    let (_folder, path) = content();
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--json",
        "--public-url",
        "https://share.example/clip",
    ];
    let mut share = Share::start(&path, &arguments);
    let ready = share.json();
    assert_eq!(ready["page"], "https://share.example/clip/");
    assert_eq!(
        ready["torrent"],
        "https://share.example/clip/content.torrent"
    );
    assert_eq!(ready["tracker"], "wss://share.example/clip/announce");
}
