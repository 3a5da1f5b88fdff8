//! Pages, their connections, and the uplink they share.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::Scenario;
use crate::policy::Policy;

/// Milliseconds of a step.
const STEP: u64 = 20;
/// From an offer to `interested`, beside six round trips.
const CONNECT: u64 = 300;
/// A page announces again after this, give or take a tenth.
const ANNOUNCE: u64 = 60_000;
/// A seeder that has room calls back so often, so many.
const CALL_EVERY: u64 = 3_000;
const CALLS: usize = 4;
/// A choked webtorrent.js page hangs up after this.
const PATIENCE: u64 = 5_000;
const BLOCK: f64 = 16_384.0;
const SLOW: f64 = 100_000.0;

enum State {
    /// Unconnected until its next announce.
    Away {
        until: u64,
    },
    /// Its offer is answered.
    Connecting {
        until: u64,
    },
    Choked {
        since: u64,
    },
    Served {
        since: u64,
    },
    Done,
}

struct Page {
    came: u64,
    limit: f64,
    state: State,
    /// Names its connection.
    key: u64,
    got: f64,
    first: Option<u64>,
    done: Option<u64>,
    longest: u64,
    hang_ups: usize,
}

pub(crate) struct World {
    policy: Policy,
    scenario: &'static Scenario,
    /// Decides who comes, alike for all policies.
    fate: StdRng,
    rng: StdRng,
    at: u64,
    next_arrival: u64,
    next_key: u64,
    pages: Vec<Page>,
    unchoked: BTreeSet<u64>,
}

impl World {
    pub(crate) fn new(policy: Policy, scenario: &'static Scenario) -> Self {
        let mut world = Self {
            policy,
            scenario,
            fate: StdRng::seed_from_u64(1),
            rng: StdRng::seed_from_u64(2),
            at: 0,
            next_arrival: u64::MAX,
            next_key: 0,
            pages: Vec::new(),
            unchoked: BTreeSet::new(),
        };
        for _ in 0..scenario.crowd {
            // Within a second, as people open a link.
            let later = world.fate.random_range(0..1_000);
            world.come(later);
        }
        if scenario.arrivals > 0.0 {
            world.next_arrival = world.pause();
        }
        world
    }

    pub(crate) fn run(mut self) -> String {
        while self.at < self.scenario.run {
            self.at += STEP;
            while self.next_arrival <= self.at {
                self.come(self.next_arrival);
                self.next_arrival += self.pause();
            }
            let calls = self.at.is_multiple_of(CALL_EVERY) && self.policy.calls_back();
            let mut calls = if calls { CALLS } else { 0 };
            for page in 0..self.pages.len() {
                self.connect(page, &mut calls);
            }
            let (at, piece) = (self.at, self.scenario.piece);
            let unchoked = &mut self.unchoked;
            self.policy.tick(at, piece, &mut self.rng, unchoked);
            for page in 0..self.pages.len() {
                self.follow(page);
            }
            self.send();
        }
        self.report()
    }

    fn pause(&mut self) -> u64 {
        let uniform: f64 = self.fate.random();
        (-(1.0 - uniform).ln() / self.scenario.arrivals * 1_000.0) as u64
    }

    fn come(&mut self, at: u64) {
        let is_slow = self.fate.random_bool(self.scenario.slow);
        self.pages.push(Page {
            came: at,
            limit: if is_slow { SLOW } else { f64::INFINITY },
            state: State::Away { until: at },
            key: 0,
            got: 0.0,
            first: None,
            done: None,
            longest: 0,
            hang_ups: 0,
        });
    }

    /// Offers, calls and connections being made.
    fn connect(&mut self, index: usize, calls: &mut usize) {
        let at = self.at;
        let page = &mut self.pages[index];
        match page.state {
            State::Away { until } => {
                let called = *calls > 0 && page.came <= at;
                if until > at && !called {
                    return;
                }
                *calls = calls.saturating_sub(usize::from(called));
                self.next_key += 1;
                page.key = self.next_key;
                page.state = if self.policy.admit(at, page.key) {
                    let until = at + CONNECT + 6 * self.scenario.rtt;
                    State::Connecting { until }
                } else {
                    let until = at + self.rng.random_range(ANNOUNCE * 9 / 10..=ANNOUNCE);
                    State::Away { until }
                };
            }
            State::Connecting { until } if until <= at => {
                page.state = State::Choked { since: at };
                let missing = self.scenario.content - page.got;
                self.policy.interested(at, page.key, missing);
            }
            State::Connecting { .. }
            | State::Choked { .. }
            | State::Served { .. }
            | State::Done => {}
        }
    }

    /// What a page makes of being choked and unchoked.
    fn follow(&mut self, index: usize) {
        let at = self.at;
        let page = &mut self.pages[index];
        let unchoked = self.unchoked.contains(&page.key);
        match page.state {
            State::Choked { since } => {
                page.longest = page.longest.max(at - since);
                if unchoked {
                    page.state = State::Served { since: at };
                } else if at - since >= PATIENCE {
                    page.hang_ups += 1;
                    let until = at + self.rng.random_range(ANNOUNCE * 9 / 10..=ANNOUNCE);
                    page.state = State::Away { until };
                    self.policy.left(at, page.key);
                }
            }
            State::Served { .. } if !unchoked => page.state = State::Choked { since: at },
            State::Served { .. } | State::Away { .. } | State::Connecting { .. } | State::Done => {}
        }
    }

    /// Shares the uplink evenly among those that can take it.
    fn send(&mut self) {
        let rtt = self.scenario.rtt.max(1);
        let mut takers: Vec<(usize, f64)> = Vec::new();
        for (index, page) in self.pages.iter().enumerate() {
            if let State::Served { since } = page.state {
                // A page asks for one block, and for twice as many in each round trip.
                let trips = ((self.at - since) / rtt).min(30) as i32;
                let asks = if trips == 0 {
                    0.0
                } else {
                    BLOCK * 2_f64.powi(trips - 1)
                };
                let rate = asks * 1_000.0 / rtt as f64;
                takers.push((index, rate.min(page.limit)));
            }
        }
        takers.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut left = self.scenario.uplink;
        let count = takers.len();
        for (position, (index, wanted)) in takers.into_iter().enumerate() {
            let rate = wanted.min(left / (count - position) as f64);
            left -= rate;
            self.take(index, rate * STEP as f64 / 1_000.0);
        }
    }

    fn take(&mut self, index: usize, bytes: f64) {
        let (at, content) = (self.at, self.scenario.content);
        let page = &mut self.pages[index];
        page.got = (page.got + bytes).min(content);
        if bytes > 0.0 {
            page.first.get_or_insert(at);
        }
        self.policy.sent(at, page.key, bytes, content - page.got);
        if page.got >= content {
            page.done = Some(at);
            page.state = State::Done;
            self.policy.left(at, page.key);
            self.unchoked.remove(&page.key);
        }
    }

    fn report(&self) -> String {
        // Who came in the last minute had no time.
        let end = self.scenario.run.saturating_sub(60_000);
        let pages: Vec<&Page> = self.pages.iter().filter(|page| page.came < end).collect();
        let waits = |of: fn(&Page) -> Option<u64>| {
            let mut waits: Vec<u64> = pages
                .iter()
                .map(|page| of(page).unwrap_or(self.at) - page.came)
                .collect();
            waits.sort_unstable();
            waits
        };
        let (first, done) = (waits(|page| page.first), waits(|page| page.done));
        let finished = pages.iter().filter(|page| page.done.is_some()).count();
        let hang_ups: usize = pages.iter().map(|page| page.hang_ups).sum();
        let longest = pages.iter().map(|page| page.longest).max().unwrap_or(0);
        format!(
            "{finished} of {} | {hang_ups} | {} / {} / {} | {} / {} | {} | {:.2}",
            pages.len(),
            seconds(part(&first, 0.5)),
            seconds(part(&first, 0.95)),
            seconds(part(&first, 1.0)),
            seconds(part(&done, 0.5)),
            seconds(part(&done, 0.95)),
            seconds(longest),
            self.jain(&pages),
        )
    }

    /// Jain's index of the rates of pages while they were there, each as a share of what it can take.
    fn jain(&self, pages: &[&Page]) -> f64 {
        let rates = pages.iter().map(|page| {
            let there = page.done.unwrap_or(self.at) - page.came;
            page.got / there.max(1) as f64 / page.limit.min(self.scenario.uplink)
        });
        let (sum, squares) = rates.fold((0.0, 0.0), |(sum, squares), rate| {
            (sum + rate, squares + rate * rate)
        });
        sum * sum / (pages.len() as f64 * squares)
    }
}

fn part(sorted: &[u64], share: f64) -> u64 {
    let index = (sorted.len() as f64 * share) as usize;
    sorted[index.min(sorted.len() - 1)]
}

fn seconds(millis: u64) -> String {
    format!("{:.1}", millis as f64 / 1_000.0)
}
