//! Scripted leechers against real seeders, which they meet at a real tracker.

mod evil;
mod ours;
mod verdicts;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use metainfo::{CreateOptions, Metainfo};
use seeder_bench::{Crowd, Meeting, PathSpec, Plan};
use tokio::runtime::Runtime;
use tracker::{Config, Listen, Tracker};

/// Pieces of the content, and bytes in each.
const PIECES: usize = 16;
const PIECE_BYTES: usize = 65_536;

/// A tracker, and content to seed.
struct Scene {
    runtime: Runtime,
    tracker: Tracker,
    _folder: tempfile::TempDir,
    path: PathBuf,
    metainfo: Metainfo,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("content.bin");
        let bytes: Vec<u8> = (0..PIECES * PIECE_BYTES).map(byte_at).collect();
        std::fs::write(&path, &bytes).expect("a file");
        let options = CreateOptions {
            piece_length: Some(PIECE_BYTES as u32),
            ..CreateOptions::default()
        };
        let created = metainfo::create(&path, &options, &|_| {}, &AtomicBool::new(false));
        let config = Config {
            listen: vec![Listen::plain(SocketAddr::from(([127, 0, 0, 1], 0)))],
            ..Config::default()
        };
        let runtime = Runtime::new().expect("a runtime");
        let tracker = runtime.block_on(tracker::start(config, |_| {}));
        Self {
            tracker: tracker.expect("the tracker starts"),
            runtime,
            _folder: folder,
            path,
            metainfo: created.expect("a torrent").metainfo,
        }
    }

    fn url(&self) -> String {
        format!("ws://{}", self.tracker.addresses()[0])
    }

    fn plan(&self, crowd: Crowd) -> Plan {
        Plan {
            metainfo: Arc::new(self.metainfo.clone()),
            meeting: Meeting::Tracker(self.url().parse().expect("a URL")),
            crowd,
            path: PathSpec::default(),
            duration: Duration::from_secs(1),
            patience: Duration::from_secs(60),
            pid: None,
            owned: false,
        }
    }
}

/// The content's byte at an offset: no two blocks are alike.
fn byte_at(offset: usize) -> u8 {
    (offset ^ (offset >> 8) ^ (offset >> 14)) as u8
}
