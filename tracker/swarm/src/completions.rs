//! What is remembered of completed downloads beyond the life of swarms and peers.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

use tracker_protocol::{InfoHash, PeerId};

/// Completed counts of torrents that have no peers now. Bounded; the one that was remembered first
/// is forgotten first.
#[derive(Debug)]
pub(crate) struct CompletedCounts {
    limit: usize,
    counts: HashMap<InfoHash, Remembered>,
    order: BTreeMap<u64, InfoHash>,
    turn: u64,
}

#[derive(Debug)]
struct Remembered {
    completed: u64,
    turn: u64,
}

impl CompletedCounts {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            counts: HashMap::new(),
            order: BTreeMap::new(),
            turn: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    pub(crate) fn count(&self, info_hash: InfoHash) -> u64 {
        self.counts
            .get(&info_hash)
            .map_or(0, |remembered| remembered.completed)
    }

    /// Remembers a torrent's count, unless it is zero, which needs no memory.
    pub(crate) fn remember(&mut self, info_hash: InfoHash, completed: u64) {
        self.take(info_hash);
        if completed == 0 {
            return;
        }
        self.turn += 1;
        let turn = self.turn;
        self.order.insert(turn, info_hash);
        self.counts
            .insert(info_hash, Remembered { completed, turn });
        if self.counts.len() > self.limit
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.counts.remove(&oldest);
        }
    }

    /// Hands a torrent's count over to its swarm.
    pub(crate) fn take(&mut self, info_hash: InfoHash) -> u64 {
        let Some(remembered) = self.counts.remove(&info_hash) else {
            return 0;
        };
        self.order.remove(&remembered.turn);
        if self.counts.capacity() > 16 + 4 * self.counts.len() {
            self.counts.shrink_to(2 * self.counts.len());
        }
        remembered.completed
    }
}

/// Which peer has completed which torrent, so that nobody counts twice. Bounded; what came first is
/// forgotten first. Only a 64-bit hash of each pair is kept: at a million pairs the odds that a new
/// one is mistaken for an old one are 1 to 10^13. The hash has a secret key, as that of any hash map;
/// nothing else depends on it.
#[derive(Debug)]
pub(crate) struct CompletedPeers {
    limit: usize,
    hasher: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl CompletedPeers {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            hasher: RandomState::new(),
            known: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Notes the pair; whether it is new.
    pub(crate) fn insert(&mut self, info_hash: InfoHash, peer_id: PeerId) -> bool {
        let pair = self.hasher.hash_one((info_hash, peer_id));
        if !self.known.insert(pair) {
            return false;
        }
        self.order.push_back(pair);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}
