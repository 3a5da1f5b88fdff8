//! Offers that found no receiver, kept for the peers that join next.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use tracker_protocol::{InfoHash, Offer};

use crate::ticket::Ticket;

/// What an offer counts for beside its description, about what its place costs. It also bounds how
/// many small ones there are.
pub(crate) const PARKED_OVERHEAD: usize = 256;

/// Offers of all swarms, oldest first. When full, the oldest goes.
#[derive(Debug)]
pub(crate) struct Parking {
    limit: usize,
    torrent_limit: usize,
    offers: BTreeMap<u64, Parked>,
    lots: HashMap<InfoHash, Lot>,
    bytes: usize,
    turn: u64,
    evicted: u64,
}

/// An offer that waits.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) info_hash: InfoHash,
    pub(crate) offerer: Ticket,
    pub(crate) offer: Offer<'static>,
    pub(crate) until: Instant,
}

/// The offers of one torrent, oldest first.
#[derive(Debug, Default)]
struct Lot {
    turns: VecDeque<u64>,
    bytes: usize,
}

impl Parking {
    /// Room for so many bytes in all, and of one torrent.
    pub(crate) fn new(limit: usize, torrent_limit: usize) -> Self {
        Self {
            limit,
            torrent_limit,
            offers: BTreeMap::new(),
            lots: HashMap::new(),
            bytes: 0,
            turn: 0,
            evicted: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.offers.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Offers that others took the room of.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes in an offer, which costs the oldest ones their place where there is not room for all.
    pub(crate) fn park(&mut self, parked: Parked) {
        let bytes = parked.bytes();
        if bytes > self.limit || bytes > self.torrent_limit {
            return;
        }
        let info_hash = parked.info_hash;
        while let Some(lot) = self.lots.get(&info_hash)
            && lot.bytes + bytes > self.torrent_limit
            && let Some(&oldest) = lot.turns.front()
        {
            self.remove(oldest);
            self.evicted += 1;
        }
        while self.bytes + bytes > self.limit
            && let Some((&oldest, _)) = self.offers.first_key_value()
        {
            self.remove(oldest);
            self.evicted += 1;
        }
        self.turn += 1;
        let lot = self.lots.entry(info_hash).or_default();
        lot.turns.push_back(self.turn);
        lot.bytes += bytes;
        self.bytes += bytes;
        self.offers.insert(self.turn, parked);
    }

    /// Offers of a torrent, latest first: the clients that made them will wait the longest.
    pub(crate) fn of_torrent(&self, info_hash: InfoHash) -> impl Iterator<Item = (u64, &Parked)> {
        let turns = self.lots.get(&info_hash).map(|lot| lot.turns.iter());
        turns
            .into_iter()
            .flatten()
            .rev()
            .filter_map(|turn| Some((*turn, self.offers.get(turn)?)))
    }

    /// Forgets the offers of one entry.
    pub(crate) fn forget(&mut self, info_hash: InfoHash, offerer: Ticket) {
        let turns: Vec<u64> = self
            .of_torrent(info_hash)
            .filter(|(_, parked)| parked.offerer == offerer)
            .map(|(turn, _)| turn)
            .collect();
        for turn in turns {
            self.remove(turn);
        }
    }

    /// Forgets the offers whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some((&turn, parked)) = self.offers.first_key_value()
            && parked.until <= now
        {
            self.remove(turn);
        }
    }

    /// When the oldest offer is to be forgotten.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let (_, oldest) = self.offers.first_key_value()?;
        Some(oldest.until)
    }

    /// Takes out one offer.
    pub(crate) fn remove(&mut self, turn: u64) -> Option<Parked> {
        let parked = self.offers.remove(&turn)?;
        let bytes = parked.bytes();
        self.bytes -= bytes;
        let lot = self.lots.get_mut(&parked.info_hash)?;
        lot.bytes -= bytes;
        lot.turns.retain(|other| *other != turn);
        if lot.turns.is_empty() {
            self.lots.remove(&parked.info_hash);
            if self.lots.capacity() > 16 + 4 * self.lots.len() {
                self.lots.shrink_to(2 * self.lots.len());
            }
        }
        Some(parked)
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn offers(&self) -> impl Iterator<Item = &Parked> {
        self.offers.values()
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.lots.capacity()
    }
}

impl Parked {
    fn bytes(&self) -> usize {
        self.offer.offer.get().len() + PARKED_OVERHEAD
    }
}
