//! The choice of receivers, at a cost that depends on the number of offers only.

use std::ops::Range;

use rand::seq::index;
use rand::{Rng, RngExt};
use tracker_protocol::PeerId;

use crate::pool::Pool;
use crate::standing::{Merit, Moment};
use crate::swarm::{Key, Swarm};

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

/// Indices into both pools of a swarm, one range after the other.
struct Sides {
    seeds: Range<usize>,
    leechers: Range<usize>,
}

/// What is chosen so far.
struct Chosen {
    offerer: PeerId,
    keys: Vec<Key>,
    wanted: usize,
}

impl Chosen {
    fn missing(&self) -> usize {
        self.wanted - self.keys.len()
    }
}

impl Swarm {
    /// Chooses up to `wanted` distinct receivers for the offers of one peer. Fewer come out where
    /// many entries share its peer id, whose clients would ignore the offer, or owe so many answers
    /// that an offer would cost another one its answer.
    pub(crate) fn receivers<R: Rng>(
        &mut self,
        rng: &mut R,
        moment: &Moment,
        offerer: PeerId,
        mix: Mix,
        wanted: usize,
    ) -> Vec<Key> {
        let keys = Vec::with_capacity(wanted.min(self.len()));
        let mut chosen = Chosen {
            offerer,
            keys,
            wanted,
        };
        let probe = u32::try_from(wanted).map_or(PROBE_EVERY, |wanted| wanted.min(PROBE_EVERY));
        if probe > 0 && rng.random_ratio(probe, PROBE_EVERY) {
            let aside = self.sides(mix, |pool| pool.willing()..pool.len());
            self.draw(rng, moment, aside, 1, &mut chosen);
        }
        if mix == Mix::SeedsFirst && self.leechers.willing() > 0 {
            let seeds = Sides {
                seeds: 0..self.seeds.willing(),
                leechers: 0..0,
            };
            let half = wanted.div_ceil(2).min(chosen.missing());
            self.draw(rng, moment, seeds, half, &mut chosen);
        }
        for _ in 0..DRAWS {
            let willing = self.sides(mix, |pool| 0..pool.willing());
            if chosen.missing() == 0 || willing.len() == 0 {
                break;
            }
            self.draw(rng, moment, willing, wanted, &mut chosen);
        }
        let aside = self.sides(mix, |pool| pool.willing()..pool.len());
        self.draw(rng, moment, aside, wanted, &mut chosen);
        chosen.keys
    }

    fn sides(&self, mix: Mix, range: impl Fn(&Pool) -> Range<usize>) -> Sides {
        Sides {
            seeds: match mix {
                Mix::Leechers => 0..0,
                Mix::All | Mix::SeedsFirst => range(&self.seeds),
            },
            leechers: range(&self.leechers),
        }
    }

    /// Draws twice as many candidates as wanted and takes the better one of each two. Of the willing,
    /// those that turn out to be silent are set aside.
    fn draw<R: Rng>(
        &mut self,
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
        let are_willing = sides.are_willing(self);
        let only_seeds = sides.leechers.is_empty() && are_willing && self.leechers.willing() > 0;
        let drawn = match total {
            ..=SMALL => total,
            _ => total.min(2 * wanted + 1),
        };
        let mut silent = Vec::new();
        let mut candidates: Vec<(Key, Merit)> = Vec::with_capacity(drawn);
        for index in index::sample(rng, total, drawn) {
            let Some((key, entry)) = sides.at(self, index) else {
                continue;
            };
            if key.peer_id == chosen.offerer || chosen.keys.contains(&key) {
                continue;
            }
            let overdue = entry.overdue(moment);
            if are_willing && entry.standing.would_be_silent(overdue) {
                silent.push(key);
                continue;
            }
            if entry.owes_all_it_may(moment) {
                continue;
            }
            let merit = entry.standing.merit(moment, overdue);
            if !(only_seeds && merit.is_busier_than(BUSY_SEED)) {
                candidates.push((key, merit));
            }
        }
        for key in silent {
            self.set_aside(key, moment);
        }
        let rivals = candidates.split_off(wanted.min(candidates.len()));
        for (candidate, rival) in candidates.iter_mut().zip(rivals) {
            if rival.1.beats(&candidate.1) {
                *candidate = rival;
            }
        }
        chosen
            .keys
            .extend(candidates.into_iter().map(|(key, _)| key));
    }
}

impl Sides {
    fn len(&self) -> usize {
        self.seeds.len() + self.leechers.len()
    }

    fn are_willing(&self, swarm: &Swarm) -> bool {
        self.seeds.end <= swarm.seeds.willing() && self.leechers.end <= swarm.leechers.willing()
    }

    fn at<'a>(&self, swarm: &'a Swarm, index: usize) -> Option<(Key, &'a crate::swarm::Entry)> {
        match index.checked_sub(self.seeds.len()) {
            Some(index) => swarm.leechers.at(self.leechers.start + index),
            None => swarm.seeds.at(self.seeds.start + index),
        }
    }
}
