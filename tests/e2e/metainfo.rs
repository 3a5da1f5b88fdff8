//! `shoal create`, `show`, `verify` and `magnet`, as a script sees them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Runs shoal in `folder` to its end.
fn shoal(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shoal"))
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts")
}

/// What shoal prints when it succeeds and has nothing to complain of.
fn said(folder: &Path, args: &[&str]) -> String {
    let out = shoal(folder, args);
    assert_eq!(
        (text(&out.stderr), out.status.code()),
        ("", Some(0)),
        "{args:?}"
    );
    text(&out.stdout).to_owned()
}

/// What shoal complains of when it fails with `code`.
fn complained(folder: &Path, args: &[&str], code: i32) -> String {
    let out = shoal(folder, args);
    assert_eq!(
        (text(&out.stdout), out.status.code()),
        ("", Some(code)),
        "{args:?}"
    );
    text(&out.stderr).to_owned()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = folder
        .read_dir()
        .expect("readable")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("torrents")
}

#[test]
fn the_samples_give_the_torrents_and_infohashes_of_the_table() {
    let scratch = folder();
    let table = std::fs::read_to_string(samples().join("EXPECTED.tsv")).expect("the table");
    let mut count = 0;
    for line in table.lines() {
        let ["infohash", sample, hash] = *line.split('\t').collect::<Vec<_>>() else {
            continue;
        };
        count += 1;
        let output = scratch.path().join("out.torrent");
        let made = said(
            &samples(),
            &[
                "create",
                sample,
                "--no-date",
                "--force",
                "-o",
                output.to_str().expect("UTF-8"),
            ],
        );
        assert!(made.starts_with(&format!(
            "Infohash  {hash}\nMagnet    magnet:?xt=urn:btih:{hash}"
        )));
        let kept = format!("{sample}.torrent");
        assert_eq!(
            std::fs::read(&output).expect("made"),
            std::fs::read(samples().join(&kept)).expect("kept"),
            "{sample}"
        );
        let verified = said(&samples(), &["verify", &kept, "."]);
        assert!(verified.ends_with(" pieces match\n"), "{verified}");
    }
    assert_eq!(count, 3);
}

#[test]
fn create_prints_the_infohash_the_magnet_link_and_the_file() {
    let here = folder();
    std::fs::write(here.path().join("a b.txt"), "hello").expect("file");
    let made = said(
        here.path(),
        &[
            "create",
            "a b.txt",
            "--announce",
            "wss://t/?a=1",
            "--no-date",
        ],
    );
    // printf hello | sha1sum gives the piece; create-torrent gives the same infohash.
    let hash = "cea3e232fc28f4723d95a8f3c485720d5266ae33";
    assert_eq!(
        made,
        format!(
            "Infohash  {hash}\n\
             Magnet    magnet:?xt=urn:btih:{hash}&dn=a%20b.txt&xl=5&tr=wss%3A%2F%2Ft%2F%3Fa%3D1\n\
             File      a b.txt.torrent\n"
        )
    );
    assert_eq!(names(here.path()), ["a b.txt", "a b.txt.torrent"]);
    assert_eq!(
        said(
            here.path(),
            &["magnet", "a b.txt.torrent", "--tracker", "ws://b:1"]
        ),
        format!(
            "magnet:?xt=urn:btih:{hash}&dn=a%20b.txt&xl=5&tr=wss%3A%2F%2Ft%2F%3Fa%3D1&tr=ws%3A%2F%2Fb%3A1\n"
        )
    );
    assert_eq!(
        said(
            here.path(),
            &["create", "a b.txt", "--no-date", "-o", "x", "--json"]
        ),
        format!(
            "{{\"torrent\":\"x\",\"info_hash\":\"{hash}\",\
             \"magnet\":\"magnet:?xt=urn:btih:{hash}&dn=a%20b.txt&xl=5\",\"name\":\"a b.txt\",\
             \"length\":5,\"piece_length\":16384,\"pieces\":1,\"files\":1,\
             \"skipped\":[],\"warnings\":[]}}\n"
        )
    );
}

#[test]
fn create_writes_to_stdout_and_show_reads_stdin() {
    let here = folder();
    std::fs::write(here.path().join("f"), "hello").expect("file");
    let made = shoal(here.path(), &["create", "f", "--no-date", "-o", "-"]);
    assert_eq!((text(&made.stderr), made.status.code()), ("", Some(0)));
    assert_eq!(names(here.path()), ["f"]);

    let mut show = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .args(["show", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = show.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, &made.stdout).expect("written");
    drop(stdin);
    let shown = show.wait_with_output().expect("ends").stdout;
    assert!(
        text(&shown).starts_with("{\"name\":\"f\",\"info_hash\":\""),
        "{}",
        text(&shown)
    );
}

#[test]
fn create_does_not_write_over_a_file_unasked() {
    let here = folder();
    std::fs::write(here.path().join("f"), "hello").expect("file");
    std::fs::write(here.path().join("f.torrent"), "kept").expect("file");
    let kept = || std::fs::read(here.path().join("f.torrent")).expect("file") == b"kept";
    let refused = "shoal: `f.torrent` exists; name another file with --output, or write over it with --force\n";
    assert_eq!(complained(here.path(), &["create", "f"], 1), refused);
    assert_eq!(
        complained(here.path(), &["create", "f", "-o", "f.torrent"], 1),
        refused
    );
    assert!(kept());
    said(here.path(), &["create", "f", "--force"]);
    assert!(!kept());
}

#[test]
fn create_writes_into_a_pipe_and_leaves_it_a_pipe() {
    let here = folder();
    std::fs::write(here.path().join("f"), "hello").expect("file");
    let pipe = here.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo starts").success());
    let read = std::thread::spawn(move || std::fs::read(pipe));
    said(here.path(), &["create", "f", "-o", "pipe"]);
    let torrent = read.join().expect("reads").expect("readable");
    assert_eq!(torrent.first(), Some(&b'd'));
    assert_eq!(names(here.path()), ["f", "pipe"]);
}

#[test]
fn a_failure_is_told_and_leaves_nothing_behind() {
    let here = folder();
    std::fs::write(here.path().join("f"), "hello").expect("file");
    for (args, told) in [
        (
            vec!["create", "missing"],
            "shoal: `missing` cannot be read: No such file or directory (os error 2)\n",
        ),
        (
            vec!["create", "f", "--announce", "ftp://t"],
            "shoal: `ftp://t` must start with wss://, ws://, https://, http:// or udp://\n",
        ),
        (
            vec!["create", "f", "--web-seed", "wss://t"],
            "shoal: `wss://t` must start with https:// or http://\n",
        ),
        (
            vec!["create", "f", "--piece-length", "20000"],
            "shoal: piece length `20000` must be a power of two from 16384 (16 KiB) to 16777216 (16 MiB)\n",
        ),
        (
            vec!["create", "f", "-o", "no/such/folder.torrent"],
            "shoal: `no/such/folder.torrent` cannot be written: No such file or directory (os error 2)\n",
        ),
        (
            vec!["create", "f", "-o", "-", "--json"],
            "shoal: `--output -` and `--json` both want stdout; give the .torrent file a name\n",
        ),
        (
            vec!["show", "f"],
            "shoal: `f` is refused: not a .torrent file in canonical bencoding: Malformed number of \
             unexpected character: Invalid token starting with 'h' at offset 0\n",
        ),
        (
            vec!["show", "magnet:?dn=x"],
            "shoal: the magnet link names no torrent: `xt=urn:btih:` is missing\n",
        ),
        (
            vec!["verify", "f", "f"],
            "shoal: `f` is refused: not a .torrent file in canonical bencoding: Malformed number of \
             unexpected character: Invalid token starting with 'h' at offset 0\n",
        ),
    ] {
        assert_eq!(complained(here.path(), &args, 1), told);
    }
    assert_eq!(shoal(here.path(), &["create"]).status.code(), Some(2));
    assert_eq!(names(here.path()), ["f"]);
}

#[test]
fn verify_names_what_is_wrong_and_says_so_by_its_exit_code() {
    let here = folder();
    let content = here.path().join("c");
    std::fs::create_dir_all(content.join("sub")).expect("folder");
    std::fs::write(content.join("a"), vec![1; 40_000]).expect("file");
    std::fs::write(content.join("sub/b"), vec![2; 20_000]).expect("file");
    said(here.path(), &["create", "c"]);
    for path in ["c", "."] {
        assert_eq!(
            said(here.path(), &["verify", "c.torrent", path]),
            "4 of 4 pieces match\n"
        );
    }
    std::fs::write(content.join("a"), vec![3; 40_000]).expect("file");
    std::fs::remove_file(content.join("sub/b")).expect("removed");
    let out = shoal(here.path(), &["verify", "c.torrent", "c"]);
    assert_eq!(
        (text(&out.stdout), text(&out.stderr), out.status.code()),
        (
            "c/a: 2 of its pieces do not match\nc/sub/b: missing\nbad pieces: 0-3\n0 of 4 pieces match\n",
            "",
            Some(3)
        )
    );
    let out = shoal(here.path(), &["verify", "c.torrent", "c", "--json"]);
    assert_eq!(
        (text(&out.stdout), out.status.code()),
        (
            "{\"complete\":false,\"pieces\":4,\"bad_pieces\":[0,1,2,3],\"files\":[\
             {\"path\":\"c/a\",\"problem\":\"2 of its pieces do not match\"},\
             {\"path\":\"c/sub/b\",\"problem\":\"missing\"}]}\n",
            Some(3)
        )
    );
}

#[test]
fn show_draws_the_files_and_lets_no_name_steer_the_terminal() {
    let here = folder();
    let content = here.path().join("c");
    std::fs::create_dir_all(content.join("sub")).expect("folder");
    std::fs::write(content.join("\u{1b}[31mred"), "x").expect("file");
    std::fs::write(content.join("sub/b"), "xy").expect("file");
    let made = said(
        here.path(),
        &[
            "create",
            "c",
            "--no-date",
            "--private",
            "--source",
            "S",
            "--announce",
            "ws://t",
            "--announce",
            "udp://u",
        ],
    );
    let hash = made
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().last());
    let hash = hash.expect("an infohash");
    assert_eq!(
        said(here.path(), &["show", "c.torrent"]),
        format!(
            "Name        c\n\
             Infohash    {hash}\n\
             Magnet      magnet:?xt=urn:btih:{hash}&dn=c&xl=3&tr=ws%3A%2F%2Ft&tr=udp%3A%2F%2Fu\n\
             Size        3 B\n\
             Pieces      1 of 16.00 KiB\n\
             Private     yes\n\
             Source      S\n\
             Created by  Shoal\n\
             Trackers    ws://t\n            udp://u\n\
             Files       2\n\
             \n\
             c/\n\
             ├─ \\u{{1b}}[31mred  1 B\n\
             └─ sub/\n   └─ b  2 B\n"
        )
    );
}

/// A large sparse file takes long enough to hash for a signal to arrive.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_stops_create_without_residue() {
    let here = folder();
    std::fs::File::create(here.path().join("huge"))
        .and_then(|file| file.set_len(1 << 40))
        .expect("a sparse file");
    let child = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .current_dir(here.path())
        .args(["create", "huge"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    wait_until_it_catches(child.id(), 2);
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill starts");
    assert!(sent.success());
    let out = child.wait_with_output().expect("ends");
    assert_eq!(
        (text(&out.stdout), text(&out.stderr), out.status.code()),
        (
            "",
            "shoal: stopped by a signal; nothing was written\n",
            Some(1)
        )
    );
    assert_eq!(names(here.path()), ["huge"]);
}

/// Waits until the process has a handler for `signal`, by `/proc`.
#[cfg(target_os = "linux")]
fn wait_until_it_catches(pid: u32, signal: u32) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:\t"))
            .and_then(|mask| u64::from_str_radix(mask, 16).ok())
            .unwrap_or_default();
        if caught & (1 << (signal - 1)) != 0 {
            return;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "no handler for signal {signal}"
        );
        std::thread::yield_now();
    }
}
