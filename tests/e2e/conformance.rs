//! `shoal conformance` as a process: what it prints and how it ends.

use std::process::{Command, Output};

use serde_json::Value;

use crate::process::Running;

/// A running `shoal tracker`.
struct Tracker {
    url: String,
    _running: Running,
}

impl Tracker {
    fn start() -> Self {
        let mut running = Running::start(["tracker", "--json", "--listen", "127.0.0.1:0"]);
        let url = running.json()["tracker"]
            .as_str()
            .expect("a URL")
            .to_owned();
        Self {
            url,
            _running: running,
        }
    }
}

fn conformance(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shoal"))
        .arg("conformance")
        .args(args)
        .output()
        .expect("the binary starts")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_table_of_the_chosen_cases_ends_with_a_summary() {
    let tracker = Tracker::start();
    let out = conformance(&[&tracker.url, "--only", "left.zero,left.null"]);
    let expected = format!(
        "{}, 2 cases\n\n\
         pass     left.zero                  `left` of 0\n\
         pass     left.null                  `left` of null (webtorrent.js with a magnet link)\n\
         \n2 cases: 2 passed\n",
        tracker.url
    );
    assert_eq!(text(out.stdout), expected);
    assert_eq!(out.status.code(), Some(0));
}

#[test]
fn json_has_an_object_a_case_and_a_summary() {
    let tracker = Tracker::start();
    let out = conformance(&[&tracker.url, "--json", "--only", "left.zero"]);
    let lines: Vec<Value> = text(out.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .map(|mut line: Value| {
            line.as_object_mut()
                .map(|object| object.remove("milliseconds"));
            line
        })
        .collect();
    let expected = serde_json::json!([
        {
            "event": "case", "id": "left.zero", "title": "`left` of 0", "level": "must",
            "requirements": ["R-4.7"], "expected": "counted as a seed", "verdict": "pass",
            "got": "response with complete 1, incomplete 0",
        },
        {
            "event": "summary", "url": tracker.url, "conforms": true, "cases": 1, "passed": 1,
            "warnings": 0, "failed": 0, "crashed": 0, "skipped": 0,
        },
    ]);
    assert_eq!(Value::from(lines), expected);
}

#[test]
fn nobody_at_the_address_is_a_failure_of_its_own() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}", free.local_addr().expect("bound"));
    drop(free);
    let out = conformance(&[&url, "--only", "left"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(out.stderr).starts_with(&format!("shoal: cannot connect to `{url}/`: ")));
}

#[test]
fn a_list_needs_no_tracker() {
    let out = conformance(&["--list", "--only", "answer.silent"]);
    let expected = "\
must     answer.silent              response to an answer
         expected  none
         R-5.3     A tracker MUST NOT respond to an answer that it relays.
";
    assert_eq!(text(out.stdout), expected);
}

#[test]
fn names_of_no_case_and_urls_of_no_tracker_are_refused() {
    let unknown = conformance(&["--list", "--only", "lefty"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert_eq!(
        text(unknown.stderr),
        "shoal: --only `lefty` names no case and no group: see `shoal conformance --list`\n"
    );
    assert_eq!(conformance(&["http://127.0.0.1/"]).status.code(), Some(2));
    assert_eq!(conformance(&[]).status.code(), Some(2));
}
