//! The choice of receivers, at a cost that depends on the number of offers only.

use std::ops::Range;

use rand::seq::index;
use rand::{Rng, RngExt};
use tracker_protocol::PeerId;

use crate::entries::Entries;
use crate::members::{Kind, Members};
use crate::standing::{Merit, Moment};
use crate::swarm::Swarm;

/// Up to so many peers all are looked at, so that offers find whoever is there.
const SMALL: usize = 32;

/// Draws for one announce. Each looks at twice as many peers as are wanted; what it draws in vain
/// it sets aside, so that a further one is rare.
const DRAWS: usize = 4;

/// Of so many offers about one goes to a peer that is set aside, to see whether it answers again.
const PROBE_EVERY: u32 = 16;

/// Offers a minute from which on a seed gets no more than its random share while there are others:
/// about what a browser with 55 connections, each held for a minute, can take.
const BUSY_SEED: u32 = 60;

/// Who may get the offers of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Only leechers: what a seed offers.
    Leechers,
    /// All alike.
    All,
    /// Seeds for half of the offers at least, all alike for the others.
    SeedsFirst,
}

/// Places among the members of a swarm, those of one range after those of the other.
struct Sides {
    seeds: Range<usize>,
    leechers: Range<usize>,
    are_willing: bool,
}

/// What is chosen so far.
struct Chosen {
    offerer: PeerId,
    numbers: Vec<u32>,
    wanted: usize,
}

impl Chosen {
    fn missing(&self) -> usize {
        self.wanted - self.numbers.len()
    }
}

impl Swarm {
    /// Chooses up to `wanted` distinct receivers for the offers of one peer. Fewer come out where
    /// many entries share its peer id, whose clients would ignore the offer, or owe so many answers
    /// that an offer would cost another one its answer.
    pub(crate) fn receivers<R: Rng>(
        &mut self,
        entries: &mut Entries,
        rng: &mut R,
        moment: &Moment,
        (offerer, mix): (PeerId, Mix),
        wanted: usize,
    ) -> Vec<u32> {
        let mut chosen = Chosen {
            offerer,
            numbers: Vec::with_capacity(wanted.min(self.members.len())),
            wanted,
        };
        let probe = u32::try_from(wanted).map_or(PROBE_EVERY, |wanted| wanted.min(PROBE_EVERY));
        if probe > 0 && rng.random_ratio(probe, PROBE_EVERY) {
            let aside = Sides::aside(&self.members, mix);
            self.draw(entries, rng, moment, aside, 1, &mut chosen);
        }
        if mix == Mix::SeedsFirst && !self.members.range(Kind::WillingLeecher).is_empty() {
            let seeds = Sides {
                leechers: 0..0,
                ..Sides::willing(&self.members, mix)
            };
            let half = wanted.div_ceil(2).min(chosen.missing());
            self.draw(entries, rng, moment, seeds, half, &mut chosen);
        }
        for _ in 0..DRAWS {
            let willing = Sides::willing(&self.members, mix);
            if chosen.missing() == 0 || willing.len() == 0 {
                break;
            }
            self.draw(entries, rng, moment, willing, wanted, &mut chosen);
        }
        let aside = Sides::aside(&self.members, mix);
        self.draw(entries, rng, moment, aside, wanted, &mut chosen);
        chosen.numbers
    }

    /// Draws twice as many candidates as wanted and takes the better one of each two. Of the willing,
    /// those that turn out to be silent are set aside.
    fn draw<R: Rng>(
        &mut self,
        entries: &mut Entries,
        rng: &mut R,
        moment: &Moment,
        sides: Sides,
        wanted: usize,
        chosen: &mut Chosen,
    ) {
        let wanted = wanted.min(chosen.missing());
        let total = sides.len();
        if wanted == 0 || total == 0 {
            return;
        }
        let are_willing = sides.are_willing;
        let has_leechers = !self.members.range(Kind::WillingLeecher).is_empty();
        let only_seeds = sides.leechers.is_empty() && are_willing && has_leechers;
        let drawn = match total {
            ..=SMALL => total,
            _ => total.min(2 * wanted + 1),
        };
        let mut silent = Vec::new();
        let mut candidates: Vec<(u32, Merit)> = Vec::with_capacity(drawn);
        for index in index::sample(rng, total, drawn) {
            let Some(number) = self.members.at(sides.place(index)) else {
                continue;
            };
            let entry = &entries.slab[number];
            if entry.peer_id == chosen.offerer || chosen.numbers.contains(&number) {
                continue;
            }
            let overdue = entry.overdue(moment);
            if are_willing && entry.standing.would_be_silent(overdue) {
                silent.push(number);
                continue;
            }
            if entry.owes_all_it_may(moment) {
                continue;
            }
            let merit = entry.standing.merit(moment, overdue);
            if !(only_seeds && merit.is_busier_than(BUSY_SEED)) {
                candidates.push((number, merit));
            }
        }
        for number in silent {
            self.set_aside(entries, number, moment);
        }
        let rivals = candidates.split_off(wanted.min(candidates.len()));
        for (candidate, rival) in candidates.iter_mut().zip(rivals) {
            if rival.1.beats(&candidate.1) {
                *candidate = rival;
            }
        }
        chosen
            .numbers
            .extend(candidates.into_iter().map(|(number, _)| number));
    }
}

impl Sides {
    fn willing(members: &Members, mix: Mix) -> Self {
        Self::of(members, mix, [Kind::WillingSeed, Kind::WillingLeecher])
    }

    fn aside(members: &Members, mix: Mix) -> Self {
        let sides = Self::of(members, mix, [Kind::SeedAside, Kind::LeecherAside]);
        Self {
            are_willing: false,
            ..sides
        }
    }

    fn of(members: &Members, mix: Mix, [seeds, leechers]: [Kind; 2]) -> Self {
        Self {
            seeds: match mix {
                Mix::Leechers => 0..0,
                Mix::All | Mix::SeedsFirst => members.range(seeds),
            },
            leechers: members.range(leechers),
            are_willing: true,
        }
    }

    fn len(&self) -> usize {
        self.seeds.len() + self.leechers.len()
    }

    fn place(&self, index: usize) -> usize {
        match index.checked_sub(self.seeds.len()) {
            Some(index) => self.leechers.start + index,
            None => self.seeds.start + index,
        }
    }
}
