//! The members of one swarm, in an order from which each kind is drawn by index.

use std::ops::Range;

use crate::Role;
use crate::entry::Entry;
use crate::slab::Slab;

/// The kinds of members, in their order: those that may be given offers come before those of their
/// role that are chosen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    WillingSeed,
    SeedAside,
    WillingLeecher,
    LeecherAside,
}

/// Numbers of entries, one kind after the other.
#[derive(Debug, Default)]
pub(crate) struct Members {
    numbers: Vec<u32>,
    /// Where each kind but the last ends.
    ends: [u32; 3],
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Places of a kind.
    pub(crate) fn range(&self, kind: Kind) -> Range<usize> {
        let [willing_seeds, seeds, willing] = self.ends.map(|end| end as usize);
        match kind {
            Kind::WillingSeed => 0..willing_seeds,
            Kind::SeedAside => willing_seeds..seeds,
            Kind::WillingLeecher => seeds..willing,
            Kind::LeecherAside => willing..self.numbers.len(),
        }
    }

    pub(crate) fn seeds(&self) -> usize {
        self.range(Kind::SeedAside).end
    }

    pub(crate) fn at(&self, place: usize) -> Option<u32> {
        self.numbers.get(place).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter().copied()
    }

    pub(crate) fn insert(&mut self, entries: &mut Slab<Entry>, number: u32) {
        entries[number].place = self.numbers.len() as u32;
        self.numbers.push(number);
        self.sort(entries, number);
    }

    pub(crate) fn remove(&mut self, entries: &mut Slab<Entry>, number: u32) {
        self.shift(entries, number, Kind::LeecherAside);
        let last = self.numbers.len() - 1;
        self.swap(entries, entries[number].place as usize, last);
        self.numbers.pop();
        if self.numbers.capacity() > 16 + 4 * self.numbers.len() {
            self.numbers.shrink_to(2 * self.numbers.len());
        }
    }

    /// Moves a member to where it belongs after it changed.
    pub(crate) fn sort(&mut self, entries: &mut Slab<Entry>, number: u32) {
        let kind = Kind::of(&entries[number]);
        self.shift(entries, number, kind);
    }

    /// Moves a member across the ends between its kind and another.
    fn shift(&mut self, entries: &mut Slab<Entry>, number: u32, to: Kind) {
        let place = entries[number].place as usize;
        let mut at = self
            .ends
            .iter()
            .filter(|end| place >= **end as usize)
            .count();
        let to = to as usize;
        while at < to {
            self.ends[at] -= 1;
            self.swap(
                entries,
                entries[number].place as usize,
                self.ends[at] as usize,
            );
            at += 1;
        }
        while at > to {
            at -= 1;
            self.swap(
                entries,
                entries[number].place as usize,
                self.ends[at] as usize,
            );
            self.ends[at] += 1;
        }
    }

    fn swap(&mut self, entries: &mut Slab<Entry>, one: usize, other: usize) {
        if one != other {
            self.numbers.swap(one, other);
            entries[self.numbers[one]].place = one as u32;
            entries[self.numbers[other]].place = other as u32;
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.numbers.capacity()
    }

    /// Whether each member is where it belongs and knows it.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn are_sorted(&self, entries: &Slab<Entry>) -> bool {
        self.numbers.iter().enumerate().all(|(place, number)| {
            let entry = &entries[*number];
            self.range(Kind::of(entry)).contains(&place) && entry.place as usize == place
        })
    }
}

impl Kind {
    fn of(entry: &Entry) -> Self {
        match (entry.role, entry.is_willing()) {
            (Role::Seed, true) => Self::WillingSeed,
            (Role::Seed, false) => Self::SeedAside,
            (Role::Leecher, true) => Self::WillingLeecher,
            (Role::Leecher, false) => Self::LeecherAside,
        }
    }
}
