//! A tracker, and the torrents announced there over one connection.

mod client;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tracker_protocol::InfoHash;

use crate::torrent::{Seeded, Shared};
use client::Client;

/// A tracker and the torrents announced there.
#[derive(Debug)]
pub(crate) struct Tracker {
    pub(crate) url: String,
    connected: AtomicBool,
    /// Locked for look-ups and changes only.
    torrents: Mutex<HashMap<InfoHash, Arc<Seeded>>>,
    /// Rings when torrents were added.
    added: Notify,
}

impl Tracker {
    /// Starts the task that keeps the connection up until the seeder stops.
    pub(crate) fn start(shared: &Arc<Shared>, url: String) -> Arc<Self> {
        let tracker = Arc::new(Self {
            url,
            connected: AtomicBool::new(false),
            torrents: Mutex::default(),
            added: Notify::new(),
        });
        let client = Client::new(Arc::clone(shared), Arc::clone(&tracker));
        shared.tasks.spawn(client.run());
        tracker
    }

    /// Announces a torrent from now on.
    pub(crate) fn add(&self, seeded: Arc<Seeded>) {
        self.lock().insert(seeded.info_hash(), seeded);
        self.added.notify_one();
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    fn torrent(&self, info_hash: InfoHash) -> Option<Arc<Seeded>> {
        self.lock().get(&info_hash).map(Arc::clone)
    }

    fn info_hashes(&self) -> Vec<InfoHash> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InfoHash, Arc<Seeded>>> {
        self.torrents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
