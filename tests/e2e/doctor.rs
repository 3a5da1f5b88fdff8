//! `shoal doctor` as a process: real trackers, files and a STUN server, healthy and not.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

struct Tracker {
    child: Child,
    url: String,
}

impl Tracker {
    fn start() -> Self {
        let mut child = shoal()
            .args(["tracker", "--json", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("stdout is a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("stdout is text");
        let ready: Value = serde_json::from_str(&line).expect("the ready line");
        let url = ready["tracker"].as_str().expect("a URL").to_owned();
        Self { child, url }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shoal() -> Command {
    Command::new(env!("CARGO_BIN_EXE_shoal"))
}

/// The exit code, and the findings as `check verdict`, with their texts.
fn doctor(args: &[&str]) -> (Option<i32>, Vec<(String, String)>) {
    let out = shoal()
        .args(["doctor", "--json", "--listen", "127.0.0.1:0"])
        .args(args)
        .output()
        .expect("the binary starts");
    let stdout = String::from_utf8(out.stdout).expect("UTF-8");
    let lines = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let findings = lines
        .filter(|line| line["event"] == "finding")
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            (
                format!("{} {}", text("check"), text("verdict")),
                text("seen"),
            )
        })
        .collect();
    (out.status.code(), findings)
}

/// The text of the one finding of this name and verdict.
fn seen<'a>(findings: &'a [(String, String)], name: &str) -> &'a str {
    let found: Vec<&str> = findings
        .iter()
        .filter(|(finding, _)| finding == name)
        .map(|(_, seen)| seen.as_str())
        .collect();
    let [one] = found.as_slice() else {
        panic!("`{name}` is not there once: {findings:?}");
    };
    one
}

fn torrent(folder: &Path, tracker: &str) -> String {
    let content = folder.join("content.bin");
    std::fs::write(&content, vec![7; 100_000]).expect("a file");
    let torrent = format!("{}.torrent", content.display());
    let made = shoal()
        .args(["create", "-o", &torrent, "--announce", tracker])
        .arg(&content)
        .output()
        .expect("the binary starts");
    assert!(made.status.success(), "{made:?}");
    torrent
}

#[test]
fn a_healthy_seeder_has_nothing_in_its_way() {
    let tracker = Tracker::start();
    let folder = tempfile::tempdir().expect("a folder");
    let torrent = torrent(folder.path(), &tracker.url);
    let (code, findings) = doctor(&[&torrent]);
    assert_eq!(code, Some(0), "{findings:?}");
    let met = seen(&findings, "tracker ok");
    assert!(
        met.starts_with(&tracker.url) && met.contains("announces every"),
        "{met}"
    );
    assert_eq!(seen(&findings, "clock ok"), "agrees with the tracker's");
    assert!(seen(&findings, "torrent ok").starts_with("content.bin, "));
    assert!(seen(&findings, "content ok").ends_with("matches the torrent"));
}

#[test]
fn broken_content_is_a_warning_and_missing_content_a_failure() {
    let tracker = Tracker::start();
    let folder = tempfile::tempdir().expect("a folder");
    let torrent = torrent(folder.path(), &tracker.url);
    let content = folder.path().join("content.bin");
    let mut bytes = std::fs::read(&content).expect("the file");
    bytes[50_000] = 8;
    std::fs::write(&content, bytes).expect("the file");
    let (code, findings) = doctor(&[&torrent]);
    assert_eq!(code, Some(0), "{findings:?}");
    assert!(seen(&findings, "content warn").starts_with("1 of 7 pieces"));
    std::fs::remove_file(&content).expect("the file");
    let (code, findings) = doctor(&[&torrent]);
    assert_eq!(code, Some(3), "{findings:?}");
    assert!(seen(&findings, "content fail").starts_with("there is nothing at"));
}

#[test]
fn a_tracker_that_is_not_there_is_a_failure() {
    let tracker = Tracker::start();
    let url = tracker.url.clone();
    drop(tracker);
    let (code, findings) = doctor(&["--tracker", &url, "--tracker", "udp://tracker.example:80"]);
    assert_eq!(code, Some(3), "{findings:?}");
    assert!(seen(&findings, "tracker fail").starts_with(&url));
    assert!(seen(&findings, "tracker warn").starts_with("`udp://tracker.example:80`"));
}

#[test]
fn a_port_in_use_is_a_failure() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address").to_string();
    let out = shoal()
        .args(["doctor", "--listen", &addr])
        .output()
        .expect("the binary starts");
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    assert_eq!(out.status.code(), Some(3), "{text}");
    assert!(
        text.contains(&format!("`{addr}` cannot be bound")),
        "{text}"
    );
}

/// Answers one binding request as if it came from `mapped`, in the way of RFC 8489 §14.2.
fn stun_server(mapped: SocketAddr) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let addr = socket.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let mut request = [0; 1500];
        let (_, from) = socket.recv_from(&mut request).expect("a request");
        let mut response = vec![0x01, 0x01, 0, 12];
        response.extend(&request[4..20]);
        response.extend([0x00, 0x20, 0, 8, 0, 1]);
        let SocketAddr::V4(mapped) = mapped else {
            panic!("an IPv4 address");
        };
        let plain = mapped
            .port()
            .to_be_bytes()
            .into_iter()
            .chain(mapped.ip().octets());
        let cookie = [0x21, 0x12, 0x21, 0x12, 0xa4, 0x42];
        response.extend(plain.zip(cookie).map(|(byte, mask)| byte ^ mask));
        socket.send_to(&response, from).expect("it is sent");
    });
    addr
}

#[test]
fn a_stun_server_tells_of_the_router_in_between() {
    let outside: SocketAddr = "203.0.113.5:4242".parse().expect("an address");
    let stun = stun_server(outside);
    let (code, findings) = doctor(&["--stun", &stun]);
    assert_eq!(code, Some(0), "{findings:?}");
    assert_eq!(
        seen(&findings, "stun ok"),
        format!("{stun} sees this port as {outside}")
    );
    assert_eq!(
        seen(&findings, "nat warn"),
        "others see 203.0.113.5, which browsers are not told"
    );
    let first = stun_server(outside);
    let second = stun_server("203.0.113.5:4243".parse().expect("an address"));
    let (_, findings) = doctor(&["--stun", &first, "--stun", &second]);
    assert!(
        seen(&findings, "nat warn").starts_with("the router gives each destination another port")
    );
}
