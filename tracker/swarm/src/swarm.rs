//! One swarm: its entries by role, so that receivers of offers are found by index.

use std::collections::VecDeque;
use std::time::Instant;

use indexmap::IndexMap;
use rand::Rng;
use rand::seq::index;
use tracker_protocol::{OfferId, PeerId, ScrapeEntry};

use crate::{ConnectionId, PeerStats, Role};

/// Offers an entry may have to answer at a time, ten times what a peer gets in a minute of a busy
/// swarm. When full, the oldest is forgotten: an answer to it is refused.
const OWED_ANSWERS: usize = 100;

/// Receivers drawn beyond those wanted, to replace those that turn out to be the offerer itself:
/// its own entry and others with its peer id, whose clients would ignore the offer.
const SPARE_RECEIVERS: usize = 4;

/// Names an entry within a swarm. Two connections with the same peer id are two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) peer_id: PeerId,
    pub(crate) connection: ConnectionId,
}

/// One peer on one connection in one swarm.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) stats: PeerStats,
    pub(crate) joined: Instant,
    pub(crate) last_seen: Instant,
    /// When to look whether the peer is still alive: what the index of deadlines says.
    pub(crate) deadline: Instant,
    /// Whether some of its offers may be parked.
    pub(crate) has_parked: bool,
    /// Offers this peer was given and has not answered, oldest first.
    owed: VecDeque<OwedAnswer>,
}

#[derive(Debug)]
struct OwedAnswer {
    offerer: Key,
    offer_id: OfferId,
    until: Instant,
}

/// What an entry knows of an offer that is being answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Given in time, and not answered so far, by this peer.
    To(Key),
    /// Given too long ago.
    Late,
    /// Not given, answered, or forgotten.
    Nothing,
}

impl Entry {
    pub(crate) fn new(stats: PeerStats, now: Instant, deadline: Instant) -> Self {
        Self {
            stats,
            joined: now,
            last_seen: now,
            deadline,
            has_parked: false,
            owed: VecDeque::new(),
        }
    }

    /// Notes that this peer was given an offer. One that is given again counts once.
    pub(crate) fn owe(&mut self, now: Instant, until: Instant, offerer: Key, offer_id: OfferId) {
        self.owed.retain(|owed| {
            owed.until > now && (owed.offerer != offerer || owed.offer_id != offer_id)
        });
        if self.owed.len() >= OWED_ANSWERS {
            self.owed.pop_front();
        }
        self.owed.push_back(OwedAnswer {
            offerer,
            offer_id,
            until,
        });
    }

    /// Until when this peer may answer an offer.
    #[cfg(test)]
    pub(crate) fn owes(&self, offerer: Key, offer_id: &OfferId) -> Option<Instant> {
        let is_it = |owed: &&OwedAnswer| owed.offerer == offerer && owed.offer_id == *offer_id;
        self.owed.iter().find(is_it).map(|owed| owed.until)
    }

    /// Takes out an offer that this peer answers.
    pub(crate) fn settle(&mut self, now: Instant, offerer: PeerId, offer_id: &OfferId) -> Owed {
        let given = self
            .owed
            .iter()
            .position(|owed| owed.offerer.peer_id == offerer && owed.offer_id == *offer_id)
            .and_then(|position| self.owed.remove(position));
        match given {
            None => Owed::Nothing,
            Some(owed) if owed.until <= now => Owed::Late,
            Some(owed) => Owed::To(owed.offerer),
        }
    }
}

/// The entries of one torrent.
#[derive(Debug, Default)]
pub(crate) struct Swarm {
    seeds: IndexMap<Key, Entry>,
    leechers: IndexMap<Key, Entry>,
    pub(crate) completed: u64,
}

impl Swarm {
    pub(crate) fn new(completed: u64) -> Self {
        Self {
            completed,
            ..Self::default()
        }
    }

    pub(crate) fn seeds(&self) -> usize {
        self.seeds.len()
    }

    pub(crate) fn leechers(&self) -> usize {
        self.leechers.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.seeds() + self.leechers()
    }

    pub(crate) fn counts(&self) -> ScrapeEntry {
        ScrapeEntry {
            complete: self.seeds() as u64,
            incomplete: self.leechers() as u64,
            downloaded: self.completed,
        }
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        self.seeds.contains_key(&key) || self.leechers.contains_key(&key)
    }

    pub(crate) fn role(&self, key: Key) -> Option<Role> {
        if self.seeds.contains_key(&key) {
            return Some(Role::Seed);
        }
        let is_leecher = self.leechers.contains_key(&key);
        is_leecher.then_some(Role::Leecher)
    }

    pub(crate) fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        match self.seeds.get_mut(&key) {
            Some(entry) => Some(entry),
            None => self.leechers.get_mut(&key),
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.seeds.iter().chain(&self.leechers)
    }

    /// Puts an entry among those of its role.
    pub(crate) fn insert(&mut self, key: Key, entry: Entry) {
        match entry.stats.role {
            Role::Seed => self.seeds.insert(key, entry),
            Role::Leecher => self.leechers.insert(key, entry),
        };
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Entry> {
        let entry = match self.seeds.swap_remove(&key) {
            Some(entry) => entry,
            None => self.leechers.swap_remove(&key)?,
        };
        for entries in [&mut self.seeds, &mut self.leechers] {
            if entries.capacity() > 16 + 4 * entries.len() {
                entries.shrink_to(2 * entries.len());
            }
        }
        Some(entry)
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.seeds.capacity() + self.leechers.capacity()
    }

    /// Draws up to `wanted` distinct receivers for the offers of one peer, in random order and at a
    /// cost that depends on `wanted` only. Fewer come out where many entries share the peer id.
    pub(crate) fn receivers<R: Rng>(
        &self,
        rng: &mut R,
        offerer: PeerId,
        seeds_too: bool,
        wanted: usize,
    ) -> Vec<Key> {
        let seeds = if seeds_too { self.seeds() } else { 0 };
        let candidates = seeds + self.leechers();
        let drawn = candidates.min(wanted.saturating_add(SPARE_RECEIVERS));
        index::sample(rng, candidates, drawn)
            .into_iter()
            .filter_map(|index| match index.checked_sub(seeds) {
                Some(index) => self.leechers.get_index(index),
                None => self.seeds.get_index(index),
            })
            .map(|(key, _)| *key)
            .filter(|key| key.peer_id != offerer)
            .take(wanted)
            .collect()
    }
}
