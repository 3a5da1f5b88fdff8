//! A `shoal` that runs until a test is over.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The promise for stopping.
const STOP: Duration = Duration::from_secs(5);

/// A running `shoal`, killed when the test ends before it.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// Starts `shoal` with these words.
    pub(crate) fn start<Word: AsRef<OsStr>>(words: impl IntoIterator<Item = Word>) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_shoal")).args(words))
    }

    /// Starts a command that runs `shoal`.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let out = child.stdout.take().expect("stdout is a pipe");
        Self {
            child,
            lines: BufReader::new(out),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("stdout is text");
        line.trim_end().to_owned()
    }

    /// The next line of stdout, which is one JSON object.
    pub(crate) fn json(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}`: {error}"))
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Sends `signal`, waits for the end, and gives the exit code and what stderr said. Lines on
    /// stdout wait to be read for as long: that must not keep it from ending within [`STOP`].
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let asked = Instant::now();
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
        let mut told = String::new();
        let mut err = self.child.stderr.take().expect("stderr is a pipe");
        // It closes when the process ends.
        err.read_to_string(&mut told).expect("text");
        let status = self.child.wait().expect("it ends");
        assert!(asked.elapsed() < STOP, "took {:?}", asked.elapsed());
        (status.code(), told)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
