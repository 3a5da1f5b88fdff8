//! `shoal bench seeder` with a seeder of its own.

use std::process::Command;

use serde_json::Value;

#[test]
fn the_bench_starts_a_seeder_measures_it_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        let path = folder.path().join(name);
        path.to_str().expect("a path is text").to_owned()
    };
    let (content, torrent) = (path("content.bin"), path("content.torrent"));
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| (at >> 3) as u8).collect();
    std::fs::write(&content, bytes).expect("a file");
    let shoal = env!("CARGO_BIN_EXE_shoal");
    let created = Command::new(shoal)
        .args(["create", &content, "-o", &torrent])
        .output();
    assert!(created.expect("the binary starts").status.success());
    let bench = Command::new(shoal)
        .args(["bench", "seeder", &torrent, "--json", "--duration", "0.5"])
        .args([
            "--greedy", "2", "--idle", "1", "--", shoal, "seed", &torrent,
        ])
        .args(["--tracker", "{tracker}", "--rtc-listen", "127.0.0.1:0"])
        .output()
        .expect("the binary starts");
    let told = String::from_utf8(bench.stderr).expect("text");
    assert!(bench.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&bench.stdout).expect("one JSON object");
    assert_eq!(report["connected"], 3, "{report}");
    assert!(report["pieces_verified"].as_u64() > Some(0), "{report}");
    assert!(
        report["memory"]["before_mb"].as_f64() > Some(1.0),
        "{report}"
    );
    // The seeder is a child of the bench: it has been waited for.
    let address = told.lines().next();
    assert_eq!(address, None, "nothing went wrong");
}
