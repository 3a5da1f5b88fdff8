//! A seeder, a relay and content to test with.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use metainfo::{CreateOptions, Metainfo};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use seeder::rtc::Transport;
use seeder::{ChokerConfig, Config, Event, Seeder, Slots, Stats};
use tokio::sync::broadcast::Receiver;
use tracker_protocol::InfoHash;

use crate::leecher::Leecher;
use crate::relay::Relay;
use crate::wire::Shape;

/// Nothing here takes longer, however busy the machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Content in a folder of its own, and its torrent.
pub(crate) struct Content {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) metainfo: Metainfo,
    /// All files, one after the other.
    pub(crate) bytes: Vec<u8>,
}

impl Content {
    /// A file of `length` random bytes in pieces of 64 KiB.
    pub(crate) fn file(length: usize) -> Self {
        Self::in_pieces_of(65_536, length)
    }

    /// A file of `length` random bytes in pieces of so many.
    pub(crate) fn in_pieces_of(piece_length: u32, length: usize) -> Self {
        Self::files(&[("file.bin", length)], true, piece_length)
    }

    /// A folder of files with random bytes.
    pub(crate) fn folder(files: &[(&str, usize)]) -> Self {
        Self::files(files, false, 65_536)
    }

    fn files(files: &[(&str, usize)], single: bool, piece_length: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut random = SmallRng::seed_from_u64(7);
        let mut all = Vec::new();
        let root = folder.path().join("content");
        for (name, length) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            let mut bytes = vec![0; *length];
            random.fill(&mut bytes[..]);
            std::fs::write(path, &bytes).expect("a file");
            all.extend(bytes);
        }
        let path = if single { root.join(files[0].0) } else { root };
        let options = CreateOptions {
            piece_length: Some(piece_length),
            ..CreateOptions::default()
        };
        let created = metainfo::create(&path, &options, &|_| {}, &AtomicBool::new(false));
        Self {
            _folder: folder,
            metainfo: created.expect("a torrent").metainfo,
            path,
            bytes: all,
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape {
            piece_length: self.metainfo.piece_length(),
            total: self.metainfo.total_length(),
        }
    }

    pub(crate) fn info_hash(&self) -> InfoHash {
        self.metainfo.info_hash()
    }

    pub(crate) fn piece(&self, index: u32) -> &[u8] {
        let start = usize::try_from(index).expect("an index") * 65_536;
        &self.bytes[start..(start + 65_536).min(self.bytes.len())]
    }
}

/// A relay and a seeder of one content.
pub(crate) struct Bench {
    pub(crate) relay: Relay,
    pub(crate) seeder: Seeder,
    pub(crate) events: Receiver<Event>,
    pub(crate) content: Content,
}

impl Bench {
    pub(crate) async fn start(content: Content, slots: usize) -> Self {
        Self::start_with(content, with_slots(slots)).await
    }

    pub(crate) async fn start_with(content: Content, config: Config) -> Self {
        let relay = Relay::start().await;
        let (seeder, events) = seed_with(&relay, &content, config).await;
        Self {
            relay,
            seeder,
            events,
            content,
        }
    }

    /// A leecher that makes one offer. The relay hands it to the peer with the
    /// least id: the seeder, not another leecher.
    pub(crate) async fn leecher(&self) -> Leecher {
        Leecher::join(&self.relay.url(), self.content.info_hash(), 1).await
    }

    /// Waits for an event.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let waiting = async {
            loop {
                let event = self.events.recv().await.expect("events go on");
                if wanted(&event) {
                    return event;
                }
            }
        };
        let event = tokio::time::timeout(DEADLINE, waiting).await;
        event.expect("the event comes in time")
    }

    /// Waits until the numbers are as wanted.
    pub(crate) async fn stats(&self, wanted: impl Fn(&Stats) -> bool) -> Stats {
        let start = Instant::now();
        loop {
            let stats = self.seeder.stats();
            if wanted(&stats) {
                return stats;
            }
            assert!(start.elapsed() < DEADLINE, "still {stats:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Starts a seeder of the content on loopback and waits for its announce.
pub(crate) async fn seed(
    relay: &Relay,
    content: &Content,
    slots: usize,
) -> (Seeder, Receiver<Event>) {
    seed_with(relay, content, with_slots(slots)).await
}

fn with_slots(slots: usize) -> Config {
    Config {
        choker: ChokerConfig {
            slots: Slots::Fixed(slots),
            ..ChokerConfig::default()
        },
        ..Config::default()
    }
}

async fn seed_with(relay: &Relay, content: &Content, config: Config) -> (Seeder, Receiver<Event>) {
    let config = Config {
        transport: Transport {
            listen: "127.0.0.1:0".parse().expect("an address"),
            ..config.transport
        },
        trackers: vec![relay.url()],
        ..config
    };
    let before = relay.announces(b"-SH").len();
    let seeder = Seeder::start(config).await.expect("it starts");
    let events = seeder.events();
    let added = seeder.add(content.metainfo.clone(), content.path.clone());
    added.await.expect("it is added");
    let start = Instant::now();
    while relay.announces(b"-SH").len() == before {
        assert!(start.elapsed() < DEADLINE, "the seeder announces");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (seeder, events)
}
