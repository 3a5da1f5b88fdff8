//! A torrent being seeded, and what all torrents share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use peer::{Torrent, UploadLimits};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracker_protocol::{InfoHash, PeerId};

use crate::choking::Choking;
use crate::rtc::Rtc;
use crate::stats::Meter;
use crate::storage::{Disk, Storage};
use crate::uploads::Limit;
use crate::{AddError, Config, Event};

/// Connections being made at a time with one peer of one torrent; the choker
/// bounds how many there are in all.
const MAX_NEGOTIATIONS_PER_PEER: usize = 2;

/// Offers of ours that wait for an answer, over all torrents and trackers.
pub(crate) const MAX_OFFERS: usize = 20;

/// What all torrents and trackers of a seeder share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) peer_id: PeerId,
    pub(crate) rtc: Rtc,
    pub(crate) choking: Arc<Choking>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) sent: Meter,
    pub(crate) upload: Arc<Limit>,
    /// Offers of ours without an answer.
    pub(crate) offers: Arc<Semaphore>,
    /// Every task of the seeder.
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

impl Shared {
    /// Tells whoever listens.
    pub(crate) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// A torrent being seeded.
#[derive(Debug)]
pub(crate) struct Seeded {
    /// What sessions need to know of it.
    pub(crate) torrent: Torrent,
    pub(crate) storage: Arc<Storage>,
    pub(crate) sent: Meter,
    pub(crate) upload: Arc<Limit>,
    /// Locked for look-ups and changes only.
    peers: Mutex<Peers>,
}

#[derive(Debug, Default)]
struct Peers {
    /// Peers that have shaken hands.
    joined: HashSet<PeerId>,
    negotiating: HashMap<PeerId, usize>,
}

impl Seeded {
    /// Wraps a torrent's storage.
    ///
    /// # Errors
    /// When peers cannot be told of its pieces.
    pub(crate) fn new(storage: Storage, limits: UploadLimits) -> Result<Self, AddError> {
        let metainfo = storage.metainfo();
        let torrent = Torrent::new(
            metainfo.info_hash(),
            metainfo.piece_length(),
            metainfo.total_length(),
            Bytes::from_owner(metainfo.shared_info_bytes()),
        )?;
        Ok(Self {
            torrent,
            storage: Arc::new(storage),
            sent: Meter::default(),
            upload: Arc::new(Limit::new(limits.per_torrent)),
            peers: Mutex::default(),
        })
    }

    pub(crate) fn info_hash(&self) -> InfoHash {
        self.torrent.info_hash()
    }

    /// Peers that have shaken hands.
    pub(crate) fn joined(&self) -> usize {
        self.lock().joined.len()
    }

    /// Begins to connect with a peer, unless it is connected or enough is being
    /// done about it.
    pub(crate) fn negotiate(self: &Arc<Self>, peer_id: PeerId) -> Option<Negotiating> {
        let mut peers = self.lock();
        if peers.joined.contains(&peer_id) {
            return None;
        }
        let count = peers.negotiating.entry(peer_id).or_default();
        if *count == MAX_NEGOTIATIONS_PER_PEER {
            return None;
        }
        *count += 1;
        Some(Negotiating {
            seeded: Arc::clone(self),
            peer_id,
        })
    }

    /// Takes the peer in, unless it has a connection that lives: the older one
    /// stays. Which of two connections being made at the same time will come
    /// about is not ours to say, so it is decided here and not before.
    pub(crate) fn join(self: &Arc<Self>, peer_id: PeerId) -> Option<Joined> {
        if !self.lock().joined.insert(peer_id) {
            return None;
        }
        Some(Joined {
            seeded: Arc::clone(self),
            peer_id,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection being made with a peer, as long as it lasts.
#[derive(Debug)]
pub(crate) struct Negotiating {
    seeded: Arc<Seeded>,
    peer_id: PeerId,
}

impl Drop for Negotiating {
    fn drop(&mut self) {
        let mut peers = self.seeded.lock();
        if let Some(count) = peers.negotiating.get_mut(&self.peer_id) {
            *count -= 1;
            if *count == 0 {
                peers.negotiating.remove(&self.peer_id);
            }
        }
    }
}

/// A peer that has shaken hands, as long as its connection lasts.
#[derive(Debug)]
pub(crate) struct Joined {
    seeded: Arc<Seeded>,
    pub(crate) peer_id: PeerId,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.seeded.lock().joined.remove(&self.peer_id);
    }
}
