//! One swarm: its members, and what it counts.

use tracker_protocol::{InfoHash, OfferId, ScrapeEntry};

use crate::entries::Entries;
use crate::members::Members;
use crate::standing::Moment;
use crate::ticket::Ticket;

/// The members of one torrent.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) info_hash: InfoHash,
    pub(crate) members: Members,
    pub(crate) completed: u64,
    /// Offers given and answered in time.
    pub(crate) offers_given: u64,
    pub(crate) offers_answered: u64,
}

impl Swarm {
    pub(crate) fn new(info_hash: InfoHash, completed: u64) -> Self {
        Self {
            info_hash,
            members: Members::default(),
            completed,
            offers_given: 0,
            offers_answered: 0,
        }
    }

    pub(crate) fn seeds(&self) -> usize {
        self.members.seeds()
    }

    pub(crate) fn leechers(&self) -> usize {
        self.members.len() - self.members.seeds()
    }

    pub(crate) fn counts(&self) -> ScrapeEntry {
        ScrapeEntry {
            complete: self.seeds() as u64,
            incomplete: self.leechers() as u64,
            downloaded: self.completed,
        }
    }

    /// Gives an offer to a member.
    pub(crate) fn give(
        &mut self,
        entries: &mut Entries,
        moment: &Moment,
        to: u32,
        offerer: Ticket,
        offer_id: OfferId,
    ) {
        self.offers_given += 1;
        entries.slab[to].owe(moment, offerer, offer_id);
    }

    /// Chooses a member last from here on, if it is silent.
    pub(crate) fn set_aside(&mut self, entries: &mut Entries, number: u32, moment: &Moment) {
        let entry = &mut entries.slab[number];
        let overdue = entry.overdue(moment);
        entry.standing.falls_silent(overdue);
        self.members.sort(&mut entries.slab, number);
    }
}
