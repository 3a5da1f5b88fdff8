//! Embeds webtorrent.js when `npm ci` in `web/` has fetched it, and otherwise
//! leaves the page to load it from a CDN: a plain `cargo build` needs no npm.

use std::path::Path;

/// Where npm puts the script, from the root of the repository.
const SCRIPT: &str = "web/node_modules/webtorrent/dist/webtorrent.min.js";

fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let script = Path::new(&root).join(SCRIPT);
    println!("cargo::rustc-check-cfg=cfg(webtorrent_embedded)");
    println!("cargo::rerun-if-changed=build.rs");
    if script.is_file() {
        println!("cargo::rerun-if-changed={SCRIPT}");
        println!("cargo::rustc-cfg=webtorrent_embedded");
    } else {
        // The folder is small without node_modules; its arrival changes it.
        println!("cargo::rerun-if-changed=web");
    }
}
