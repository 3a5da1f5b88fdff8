//! `shoal share` as a process: what it prints, serves, and how it ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::Running;

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts `shoal share`.
fn share(content: &Path, arguments: &[&str]) -> Running {
    let content = content.to_str().expect("a path is text");
    let words = ["share", content, "--rtc-listen", "127.0.0.1:0"];
    Running::start(words.iter().chain(arguments))
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
    let mut sharing = share(&path, &["--listen", "127.0.0.1:0", "--json"]);
    let ready = sharing.json();
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
            "info_hash": info_hash, "tracker": tracker, "pid": sharing.pid(),
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

    assert_eq!(sharing.stop("TERM"), (Some(0), String::new()));
}

#[test]
fn people_are_told_where_to_look() {
    let (_folder, path) = content();
    let mut sharing = share(&path, &["--listen", "127.0.0.1:0"]);
    assert_eq!(sharing.line(), "Sharing   a file #1.txt (5 B, 1 file)");
    let page = sharing.line();
    let address = page
        .strip_prefix("Page      http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix('/'))
        .expect("a page")
        .to_owned();
    assert!(sharing.line().starts_with("Magnet    magnet:?xt=urn:btih:"));
    assert_eq!(
        sharing.line(),
        format!("Tracker   ws://127.0.0.1:{address}/announce")
    );
    assert_eq!(sharing.stop("INT").0, Some(0));
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
    let mut sharing = share(&torrent, &["--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(sharing.json()["name"], "a file #1.txt");
    drop(sharing);

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
    let mut sharing = share(&path, &arguments);
    let ready = sharing.json();
    assert_eq!(ready["page"], "https://share.example/clip/");
    assert_eq!(
        ready["torrent"],
        "https://share.example/clip/content.torrent"
    );
    assert_eq!(ready["tracker"], "wss://share.example/clip/announce");
}

/// Hashing it would take half an hour.
#[test]
fn a_port_that_is_taken_is_told_before_the_hashing() {
    let folder = tempfile::tempdir().expect("a folder");
    let huge = folder.path().join("huge");
    std::fs::File::create(&huge)
        .and_then(|file| file.set_len(1 << 40))
        .expect("a sparse file");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    let refused = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .args(["share", "--listen", &address])
        .arg(&huge)
        .output()
        .expect("the binary starts");
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8(refused.stderr).expect("stderr is text");
    let expected =
        format!("shoal: the tracker cannot start: cannot listen on `{address}`: choose another");
    assert!(words.starts_with(&expected), "{words}");
}

#[test]
fn what_is_left_out_of_a_shared_folder_is_told() {
    let (folder, _) = content();
    std::fs::write(folder.path().join(".hidden"), "x").expect("a file");
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).expect("a link");
    let mut sharing = share(folder.path(), &["--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(sharing.json()["files"], 1);
    let (code, told) = sharing.stop("TERM");
    let at = folder.path().canonicalize().expect("it is there");
    let expected = format!(
        "skipped `{0}/.hidden`: hidden\n\
         skipped `{0}/link`: a link; `shoal create --follow-links` takes what it leads to\n",
        at.display()
    );
    assert_eq!((code, told), (Some(0), expected));
}

/// Each bad piece between good ones is an event, and the pipe holds 64 KiB of them.
#[cfg(target_os = "linux")]
#[test]
fn a_reader_of_the_events_that_stops_reading_does_not_keep_it_from_stopping() {
    const PIECE: usize = 16_384;
    let pieces = |odd: u8| [vec![0; PIECE], vec![odd; PIECE]].concat().repeat(1000);
    let folder = tempfile::tempdir().expect("a folder");
    let (path, torrent) = (folder.path().join("f"), folder.path().join("f.torrent"));
    std::fs::write(&path, pieces(0)).expect("a file");
    let made = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .args(["create", "--piece-length", "16384", "-o"])
        .args([&torrent, &path])
        .output()
        .expect("the binary starts");
    assert!(made.status.success());
    std::fs::write(&path, pieces(1)).expect("a file");
    let mut sharing = share(&torrent, &["--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(sharing.json()["event"], "ready");
    wait_until_it_writes_into_a_full_pipe(sharing.pid());
    assert_eq!(sharing.stop("TERM").0, Some(0));
}

/// By what the kernel says the threads of the process wait for; where it does not say, returns
/// after a while.
#[cfg(target_os = "linux")]
fn wait_until_it_writes_into_a_full_pipe(pid: u32) {
    let since = std::time::Instant::now();
    let waits_for = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("wchan"));
    while since.elapsed() < PATIENCE {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
        let is_full = tasks
            .flatten()
            .flat_map(waits_for)
            .any(|what| what.contains("pipe_write"));
        if is_full {
            return;
        }
        std::thread::yield_now();
    }
}
