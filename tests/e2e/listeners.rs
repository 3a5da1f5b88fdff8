//! `shoal tracker` on a Unix socket, as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running tracker, killed when the test ends before it.
struct Tracker {
    child: Child,
    /// It stops when nobody holds this.
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Tracker {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a tracker on `socket` and a port; gives its first `lines`, too.
fn tracker(socket: &Path, form: &[&str], lines: usize) -> (Tracker, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .args(["tracker", "--trusted-proxy", "unix", "--listen"])
        .arg(format!("unix:{}", socket.display()))
        .args(["--listen", "127.0.0.1:0"])
        .args(form)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut said = String::new();
    for _ in 0..lines {
        stdout.read_line(&mut said).expect("text");
    }
    let tracker = Tracker {
        child,
        _stdout: stdout,
    };
    (tracker, said)
}

fn healthy(socket: &Path) -> bool {
    let mut stream = UnixStream::connect(socket).expect("it listens");
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.starts_with("HTTP/1.1 200 ")
}

fn signal(tracker: &mut Tracker, name: &str) {
    let pid = tracker.child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.expect("kill runs").success());
    tracker.child.wait().expect("it ends");
}

#[test]
fn a_unix_socket_is_told_served_left_by_a_kill_taken_over_and_removed_at_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("shoal.sock");
    let url = format!("ws+unix:{}", socket.display());

    let (mut first, said) = tracker(&socket, &["--json"], 1);
    let ready: Value = serde_json::from_str(&said).expect("JSON");
    let port = ready["trackers"][1].as_str().expect("a URL");
    assert!(port.starts_with("ws://127.0.0.1:"), "{port}");
    assert_eq!(
        ready,
        json!({"event": "ready", "tracker": url, "trackers": [url, port], "pid": first.child.id()})
    );
    assert!(healthy(&socket));
    signal(&mut first, "KILL");
    assert!(socket.exists(), "nobody was there to remove it");

    let (mut second, said) = tracker(&socket, &[], 6);
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some(&*format!("Tracker    {url}")));
    let port = lines
        .next()
        .and_then(|line| line.strip_prefix("Tracker    ws"));
    let port = port.expect("the port");
    assert_eq!(
        lines.next(),
        Some(&*format!("Numbers    http{port}/stats.json"))
    );
    assert!(healthy(&socket));
    signal(&mut second, "TERM");
    assert!(!socket.exists(), "it is removed at a stop");
}
