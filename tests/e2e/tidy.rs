//! Hygiene of the tree, checked as a test and not left to good intentions.

use std::path::{Path, PathBuf};
use std::process::Command;

const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 70;

/// Which of our packages each package may name as a dependency.
const ARROWS: &[(&str, &[&str])] = &[
    ("tracker/protocol", &[]),
    ("tracker/swarm", &["tracker-protocol"]),
    ("tracker/conformance", &["tracker-protocol"]),
    ("tracker", &["swarm", "tracker-protocol"]),
    ("tracker/bench", &[]),
    ("seeder/metainfo", &["tracker-protocol"]),
    ("seeder/peer", &["metainfo", "tracker-protocol"]),
    ("seeder", &["metainfo", "peer", "tracker-protocol"]),
    (
        "seeder/bench",
        &["metainfo", "tracker-bench", "tracker-protocol"],
    ),
];

/// Packages whose manifests must not be able to reach a socket, a clock or a database.
const PURE: &[&str] = &[
    "tracker/protocol",
    "tracker/swarm",
    "seeder/metainfo",
    "seeder/peer",
];

const OURS: &[&str] = &[
    "tracker-protocol",
    "swarm",
    "tracker",
    "tracker-bench",
    "conformance",
    "metainfo",
    "peer",
    "seeder",
    "seeder-bench",
];

const RUNTIMES: &[&str] = &[
    "tokio",
    "actix-web",
    "actix-codec",
    "actix-http",
    "actix-service",
    "sqlx",
    "webrtc",
    "rtc",
    "socket2",
    "tracing",
    "futures-util",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lists the files of the tree that end in `suffix`: those git tracks, and new ones it does not ignore.
fn files(suffix: &str) -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the tree");
    let listing = String::from_utf8(out.stdout).expect("names in the tree are UTF-8");
    listing
        .lines()
        .filter(|name| name.ends_with(suffix))
        .map(|name| root().join(name))
        .filter(|path| path.is_file())
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the `[dependencies]` of the package in `directory`.
fn dependencies(directory: &str) -> Vec<String> {
    read(&root().join(directory).join("Cargo.toml"))
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_tree_is_seen() {
    for suffix in [".rs", ".sql", ".md", "Cargo.toml"] {
        assert!(!files(suffix).is_empty(), "no file ends in `{suffix}`");
    }
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<String> = [".rs", ".js", ".mjs", ".css", ".sql"]
        .iter()
        .flat_map(|suffix| files(suffix))
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_FILE_LINES)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert_eq!(long, Vec::<String>::new(), "split these by concern");
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut long = Vec::new();
    for path in files(".rs") {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function = line.trim_start().split("fn ").next().is_some_and(|before| {
                before.split_whitespace().all(|word| {
                    matches!(
                        word,
                        "pub" | "pub(crate)" | "pub(super)" | "async" | "const"
                    )
                })
            }) && line.contains("fn ");
            if !is_function {
                continue;
            }
            let end = lines[start..].iter().position(|candidate| {
                candidate.trim() == "}" && candidate.len() - candidate.trim_start().len() == indent
            });
            if let Some(length) = end.filter(|length| *length >= MAX_FUNCTION_LINES) {
                long.push(format!(
                    "{}:{}: {} lines",
                    path.display(),
                    start + 1,
                    length + 1
                ));
            }
        }
    }
    assert_eq!(long, Vec::<String>::new(), "split these");
}

#[test]
fn packages_depend_on_each_other_along_the_arrows_alone() {
    for (directory, allowed) in ARROWS {
        for name in dependencies(directory) {
            assert!(
                !OURS.contains(&name.as_str()) || allowed.contains(&name.as_str()),
                "{directory} may not depend on {name}"
            );
        }
    }
}

#[test]
fn pure_packages_cannot_reach_a_runtime() {
    for directory in PURE {
        for name in dependencies(directory) {
            assert!(
                !RUNTIMES.contains(&name.as_str()),
                "{directory} names {name}"
            );
        }
    }
}

#[test]
fn every_package_obeys_the_lints_of_the_workspace() {
    for path in files("Cargo.toml")
        .iter()
        .filter(|path| !path.ends_with("fuzz/Cargo.toml"))
    {
        assert!(
            read(path).contains("[lints]\nworkspace = true"),
            "{} must opt into the workspace's lints",
            path.display()
        );
    }
}

#[test]
fn only_the_webrtc_edge_names_the_webrtc_stack() {
    for path in files(".rs") {
        let name = path
            .strip_prefix(root())
            .expect("below the root")
            .to_owned();
        let text = read(&path);
        if [
            "seeder/src/rtc",
            "seeder/tests",
            "seeder/bench/src/stack.rs",
        ]
        .iter()
        .any(|edge| name.starts_with(edge))
        {
            continue;
        }
        for stack in ["webrtc::", "rtc::ice", "rtc::peer_connection"] {
            let named = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| line.contains(&format!("use {stack}")));
            assert!(!named, "{} names `{stack}`", name.display());
        }
    }
}

#[test]
fn every_migration_says_why_in_its_first_line() {
    for path in files(".sql") {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("-- ") && first.len() > 10,
            "{} must start with a comment that says why",
            path.display()
        );
    }
}

#[test]
fn the_webrtc_stack_stays_at_the_version_it_was_measured_at() {
    let lock = read(&root().join("Cargo.lock"));
    for name in ["webrtc", "rtc"] {
        assert!(
            lock.contains(&format!("name = \"{name}\"\nversion = \"0.21.1\"")),
            "{name} moved: run the browser tests and the measurements, then change this line"
        );
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for path in files(".md") {
        let text = read(&path);
        let folder = path.parent().expect("a file has a folder");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap_or_default();
            let outside =
                target.contains("://") || target.is_empty() || target.starts_with("magnet:");
            assert!(
                outside || folder.join(target).exists(),
                "{}: `{link}` leads nowhere",
                path.display()
            );
        }
    }
}
