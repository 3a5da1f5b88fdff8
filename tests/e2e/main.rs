//! End-to-end tests of the `shoal` binary: real processes, sockets, files.

mod bench;
mod conformance;
mod doctor;
mod listeners;
mod memory;
mod metainfo;
mod process;
mod seed;
mod share;
mod tidy;
mod tracker;

#[test]
fn the_binary_tells_its_version() {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_shoal"))
        .arg("--version")
        .output()
        .expect("the binary starts");
    assert_eq!(
        out.stdout,
        format!("shoal {}\n", env!("CARGO_PKG_VERSION")).into_bytes()
    );
}
