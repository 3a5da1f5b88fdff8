//! One swarm: its entries by role, so that receivers of offers are found by index.

use std::collections::VecDeque;
use std::time::Instant;

use tracker_protocol::{OfferId, PeerId, ScrapeEntry};

use crate::pool::Pool;
use crate::standing::{Moment, Standing};
use crate::{ConnectionId, PeerStats, Role};

/// Offers an entry may have to answer at a time, ten times what a peer gets in a minute of a busy
/// swarm. When full, it is given no more until it has answered one or one has run out: a debt that
/// was forgotten would be an honest answer refused.
pub(crate) const OWED_ANSWERS: usize = 100;

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
    pub(crate) standing: Standing,
    /// Offers this peer was given and has not answered, oldest first.
    owed: VecDeque<OwedAnswer>,
}

#[derive(Debug)]
struct OwedAnswer {
    offerer: Key,
    offer_id: OfferId,
    until: Instant,
    /// The peer has answered another since, so that this one does not count against it.
    excused: bool,
}

/// What an entry knows of an offer that is being answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Given in time, and not answered so far, by this peer.
    To(Key),
    /// Given too long ago.
    Late,
    /// Not given, or answered, or too old to be known any more.
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
            standing: Standing::default(),
            owed: VecDeque::new(),
        }
    }

    pub(crate) fn is_willing(&self) -> bool {
        self.standing.is_willing()
    }

    /// Whether this peer owes as many answers as it may. Debts run out in the order in which they
    /// were made, so the oldest tells whether there is one less.
    pub(crate) fn owes_all_it_may(&self, moment: &Moment) -> bool {
        let is_owed = |oldest: &OwedAnswer| oldest.until > moment.now;
        self.owed.len() >= OWED_ANSWERS && self.owed.front().is_some_and(is_owed)
    }

    /// Notes that this peer was given an offer. One that is given again counts once.
    fn owe(&mut self, moment: &Moment, offerer: Key, offer_id: OfferId) {
        let mut missed = 0;
        self.owed.retain(|owed| {
            let is_same = owed.offerer == offerer && owed.offer_id == offer_id;
            let goes = owed.until <= moment.now || is_same;
            missed += u32::from(goes && !owed.excused && moment.is_overdue(owed.until));
            !goes
        });
        self.standing.missed(missed);
        self.standing.was_given(moment);
        self.owed.push_back(OwedAnswer {
            offerer,
            offer_id,
            until: moment.until,
            excused: false,
        });
    }

    /// Offers that this peer should have answered since it last answered any.
    pub(crate) fn overdue(&self, moment: &Moment) -> u32 {
        let overdue = self
            .owed
            .iter()
            .take_while(|owed| moment.is_overdue(owed.until))
            .filter(|owed| !owed.excused);
        u32::try_from(overdue.count()).unwrap_or(u32::MAX)
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
        let Some(given) = given else {
            return Owed::Nothing;
        };
        for owed in &mut self.owed {
            owed.excused = true;
        }
        let in_time = given.until > now;
        self.standing.answered(in_time);
        if in_time {
            Owed::To(given.offerer)
        } else {
            Owed::Late
        }
    }
}

/// The entries of one torrent.
#[derive(Debug, Default)]
pub(crate) struct Swarm {
    pub(crate) seeds: Pool,
    pub(crate) leechers: Pool,
    pub(crate) completed: u64,
    /// Offers given and answered in time.
    pub(crate) offers_given: u64,
    pub(crate) offers_answered: u64,
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
        self.seeds.contains(key) || self.leechers.contains(key)
    }

    pub(crate) fn role(&self, key: Key) -> Option<Role> {
        if self.seeds.contains(key) {
            return Some(Role::Seed);
        }
        let is_leecher = self.leechers.contains(key);
        is_leecher.then_some(Role::Leecher)
    }

    pub(crate) fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        match self.seeds.get_mut(key) {
            Some(entry) => Some(entry),
            None => self.leechers.get_mut(key),
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.seeds.iter().chain(self.leechers.iter())
    }

    /// Renews an entry, if there is one, and returns the role it had.
    pub(crate) fn update(&mut self, now: Instant, key: Key, stats: PeerStats) -> Option<Role> {
        let entry = self.entry_mut(key)?;
        let was = entry.stats.role;
        entry.stats = stats;
        entry.last_seen = now;
        if was != stats.role
            && let Some(entry) = self.remove(key)
        {
            self.insert(key, entry);
        }
        Some(was)
    }

    /// Puts an entry among those of its role.
    pub(crate) fn insert(&mut self, key: Key, entry: Entry) {
        match entry.stats.role {
            Role::Seed => self.seeds.insert(key, entry),
            Role::Leecher => self.leechers.insert(key, entry),
        };
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Entry> {
        let seed = self.seeds.remove(key);
        seed.or_else(|| self.leechers.remove(key))
    }

    /// Gives an offer to a peer of the swarm.
    pub(crate) fn give(&mut self, moment: &Moment, to: Key, offerer: Key, offer_id: OfferId) {
        self.offers_given += 1;
        self.entry_mut(to)
            .expect("a receiver is in the swarm")
            .owe(moment, offerer, offer_id);
    }

    /// Chooses an entry last from here on, if it is silent.
    pub(crate) fn set_aside(&mut self, key: Key, moment: &Moment) {
        if let Some(entry) = self.entry_mut(key) {
            let overdue = entry.overdue(moment);
            entry.standing.falls_silent(overdue);
            self.sort(key);
        }
    }

    /// Moves an entry to where it belongs after its standing changed.
    pub(crate) fn sort(&mut self, key: Key) {
        self.seeds.sort(key);
        self.leechers.sort(key);
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.seeds.capacity() + self.leechers.capacity()
    }
}
