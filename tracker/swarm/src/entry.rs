//! One peer on one connection in one swarm, and the answers it owes.

use tracker_protocol::{OfferId, PeerId};

use crate::standing::{Moment, Standing};
use crate::tick::Tick;
use crate::ticket::{Secret, Ticket};
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

/// One peer on one connection in one swarm. There may be millions: no field is wider than it must be,
/// and what most of them do not have lies elsewhere.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) peer_id: PeerId,
    pub(crate) connection: ConnectionId,
    /// Its swarm, and where it stands among the members.
    pub(crate) swarm: u32,
    pub(crate) place: u32,
    /// What its ticket says beside its number.
    pub(crate) secret: Secret,
    left: u64,
    uploaded: u64,
    downloaded: u64,
    has_left: bool,
    pub(crate) role: Role,
    pub(crate) joined: Tick,
    pub(crate) last_seen: Tick,
    /// When to look whether the peer is still alive: what the index of deadlines says.
    pub(crate) deadline: Tick,
    /// Its neighbours among the entries of its connection: before the first is the last.
    pub(crate) next: Option<Number>,
    pub(crate) previous: u32,
    /// Whether some of its offers may be parked.
    pub(crate) has_parked: bool,
    pub(crate) standing: Standing,
    /// Offers this peer was given and has not answered, oldest first. No room is kept for none.
    owed: Vec<OwedAnswer>,
}

/// A number of an entry that takes no more room for being optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(std::num::NonZeroU32);

#[derive(Debug)]
struct OwedAnswer {
    offerer: Ticket,
    offer_id: OfferId,
    until: Tick,
    /// The peer has answered another since, so that this one does not count against it.
    excused: bool,
}

impl Number {
    pub(crate) const fn new(number: u32) -> Option<Self> {
        match std::num::NonZeroU32::new(number.wrapping_add(1)) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    pub(crate) const fn get(self) -> u32 {
        self.0.get() - 1
    }
}

impl Entry {
    /// A newcomer, which has no neighbours and no place yet.
    pub(crate) fn new(swarm: u32, key: Key, stats: PeerStats, secret: Secret, now: Tick) -> Self {
        let mut entry = Self {
            peer_id: key.peer_id,
            connection: key.connection,
            swarm,
            place: 0,
            secret,
            left: 0,
            uploaded: 0,
            downloaded: 0,
            has_left: false,
            role: stats.role,
            joined: now,
            last_seen: now,
            deadline: now,
            next: None,
            previous: 0,
            has_parked: false,
            standing: Standing::default(),
            owed: Vec::new(),
        };
        entry.update(now, stats);
        entry
    }

    pub(crate) const fn key(&self) -> Key {
        Key {
            peer_id: self.peer_id,
            connection: self.connection,
        }
    }

    /// Takes in what the peer says of itself.
    pub(crate) fn update(&mut self, now: Tick, stats: PeerStats) {
        self.role = stats.role;
        self.has_left = stats.left.is_some();
        self.left = stats.left.unwrap_or(0);
        self.uploaded = stats.uploaded;
        self.downloaded = stats.downloaded;
        self.last_seen = now;
    }

    pub(crate) fn stats(&self) -> PeerStats {
        PeerStats {
            role: self.role,
            left: self.has_left.then_some(self.left),
            uploaded: self.uploaded,
            downloaded: self.downloaded,
        }
    }

    pub(crate) fn is_willing(&self) -> bool {
        self.standing.is_willing()
    }

    /// Forgives what was left unanswered: it may never have arrived.
    pub(crate) fn excuse(&mut self) {
        for owed in &mut self.owed {
            owed.excused = true;
        }
        self.standing.excuse();
    }

    /// Whether this peer owes as many answers as it may. Debts run out in the order in which they
    /// were made, so the oldest tells whether there is one less.
    pub(crate) fn owes_all_it_may(&self, moment: &Moment) -> bool {
        let is_owed = |oldest: &OwedAnswer| oldest.until > moment.now;
        self.owed.len() >= OWED_ANSWERS && self.owed.first().is_some_and(is_owed)
    }

    /// Notes that this peer was given an offer. One that is given again counts once.
    pub(crate) fn owe(&mut self, moment: &Moment, offerer: Ticket, offer_id: OfferId) {
        let mut missed = 0;
        self.owed.retain(|owed| {
            let is_same = owed.offerer == offerer && owed.offer_id == offer_id;
            let goes = owed.until <= moment.now || is_same;
            missed += u32::from(goes && !owed.excused && moment.is_overdue(owed.until));
            !goes
        });
        self.standing.missed(missed);
        self.standing.was_given(moment);
        self.owed.push(OwedAnswer {
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

    /// Who made the offers of this name that the peer was given and has not answered, with the place
    /// of each.
    pub(crate) fn offerers(&self, offer_id: &OfferId) -> impl Iterator<Item = (usize, Ticket)> {
        self.owed
            .iter()
            .enumerate()
            .filter(move |(_, owed)| owed.offer_id == *offer_id)
            .map(|(place, owed)| (place, owed.offerer))
    }

    /// Until when this peer may answer an offer.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn owes(&self, offerer: Ticket, offer_id: &OfferId) -> Option<Tick> {
        let is_it = |owed: &&OwedAnswer| owed.offerer == offerer && owed.offer_id == *offer_id;
        self.owed.iter().find(is_it).map(|owed| owed.until)
    }

    /// Takes out an offer that this peer answers; whether it is in time.
    pub(crate) fn settle(&mut self, now: Tick, place: usize) -> bool {
        let given = self.owed.remove(place);
        for owed in &mut self.owed {
            owed.excused = true;
        }
        if self.owed.is_empty() {
            self.owed = Vec::new();
        }
        let in_time = given.until > now;
        self.standing.answered(in_time);
        in_time
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn an_entry_takes_no_more_than_it_did() {
        assert_eq!(size_of::<Option<Entry>>(), 136);
    }
}
