//! Standings, turns and deadlines of the [`Choker`].

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::{Choker, ChokerOutput, Peer, PeerKey, Removal, Standing};

impl Choker {
    pub(super) fn on_sent(&mut self, now: Instant, key: PeerKey, bytes: u64) {
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        peer.sent = peer.sent.saturating_add(bytes);
        peer.stalled = Duration::ZERO;
        if let Standing::Served { progress, .. } = &mut peer.standing {
            *progress = now;
        }
    }

    pub(super) fn on_requesting(&mut self, now: Instant, key: PeerKey, requesting: bool) {
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        if peer.requesting == requesting {
            return;
        }
        peer.add_stall(now);
        if let Standing::Served { progress, .. } = &mut peer.standing {
            *progress = now;
        }
        peer.requesting = requesting;
    }

    /// Brings the slots in order: deadlines, ends of turns, free slots.
    pub(super) fn settle(&mut self, now: Instant) {
        self.drop_overdue(now);
        while self.served.len() < self.config.slots {
            let Some(next) = self.first_in_line(now) else {
                break;
            };
            self.serve(now, next);
        }
        while let Some(over) = self.first_over(now) {
            let Some(next) = self.first_in_line(now) else {
                break;
            };
            // Choked before the other is unchoked, chosen after it: it must not be its own successor.
            self.stand(over, now, Standing::Waiting { since: now });
            self.serve(now, next);
        }
    }

    fn serve(&mut self, now: Instant, key: PeerKey) {
        let standing = Standing::Served {
            since: now,
            progress: now,
        };
        self.stand(key, now, standing);
    }

    /// Moves a peer from one standing to another: the only place where slots change hands.
    pub(super) fn stand(&mut self, key: PeerKey, now: Instant, standing: Standing) {
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        peer.add_stall(now);
        let before = std::mem::replace(&mut peer.standing, standing);
        self.unlist(key, before);
        if matches!(before, Standing::Served { .. }) {
            self.outputs.push_back(ChokerOutput::Choke(key));
        }
        match standing {
            Standing::Negotiating { until } => {
                self.negotiating.insert((until, key));
            }
            Standing::Waiting { .. } => {
                self.waiting.insert(key);
            }
            Standing::Served { .. } => {
                self.served.insert(key);
                self.outputs.push_back(ChokerOutput::Unchoke(key));
            }
            Standing::Uninterested { .. } | Standing::Complete { .. } => {}
        }
    }

    fn unlist(&mut self, key: PeerKey, standing: Standing) {
        match standing {
            Standing::Negotiating { until } => {
                self.negotiating.remove(&(until, key));
            }
            Standing::Waiting { .. } => {
                self.waiting.remove(&key);
            }
            Standing::Served { .. } => {
                self.served.remove(&key);
            }
            Standing::Uninterested { .. } | Standing::Complete { .. } => {}
        }
    }

    pub(super) fn forget(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.remove(&key) {
            self.unlist(key, peer.standing);
        }
    }

    pub(super) fn close(&mut self, key: PeerKey, removal: Removal) {
        self.forget(key);
        self.outputs.push_back(ChokerOutput::Close(key, removal));
    }

    fn drop_overdue(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.negotiating.first()
            && until <= now
        {
            self.close(key, Removal::NegotiationTimeout);
        }
        let stalled: Vec<PeerKey> = self
            .served_peers()
            .filter(|(_, served)| served.stalls_at.is_some_and(|at| at <= now))
            .map(|(key, _)| key)
            .collect();
        for key in stalled {
            self.close(key, Removal::Stalled);
        }
    }

    /// Returns who is let go first when a place is needed: the longest complete, else the longest
    /// uninterested.
    pub(super) fn dispensable(&self, now: Instant) -> Option<(PeerKey, Removal)> {
        let complete = self
            .peers
            .iter()
            .filter_map(|(key, peer)| match peer.standing {
                Standing::Complete { since } => Some((since, *key)),
                Standing::Negotiating { .. }
                | Standing::Uninterested { .. }
                | Standing::Waiting { .. }
                | Standing::Served { .. } => None,
            });
        if let Some((_, key)) = complete.min() {
            return Some((key, Removal::Complete));
        }
        let uninterested = self
            .peers
            .iter()
            .filter_map(|(key, peer)| match peer.standing {
                Standing::Uninterested { since } if now >= since + self.config.uninterested => {
                    Some((since, *key))
                }
                Standing::Uninterested { .. }
                | Standing::Negotiating { .. }
                | Standing::Waiting { .. }
                | Standing::Served { .. }
                | Standing::Complete { .. } => None,
            });
        uninterested
            .min()
            .map(|(_, key)| (key, Removal::Uninterested))
    }

    /// Returns who gets the next slot.
    fn first_in_line(&self, now: Instant) -> Option<PeerKey> {
        let half = self.config.patience / 2;
        let ranked = self.waiting.iter().filter_map(|key| {
            let peer = self.peers.get(key)?;
            let Standing::Waiting { since } = peer.standing else {
                return None;
            };
            let aged = now >= since + half;
            let sent = if aged { 0 } else { peer.sent };
            Some((Reverse(aged), sent, since, *key))
        });
        ranked.min().map(|(.., key)| key)
    }

    /// Returns a served peer whose turn is over: the one whose turn ended first.
    fn first_over(&self, now: Instant) -> Option<PeerKey> {
        if self.waiting.is_empty() {
            return None;
        }
        let over = self
            .served_peers()
            .filter(|(_, served)| served.turn_ends <= now);
        over.min_by_key(|(key, served)| (served.turn_ends, *key))
            .map(|(key, _)| key)
    }

    /// Length of a turn with the present line.
    fn turn(&self) -> Duration {
        let rounds = self.waiting.len().div_ceil(self.config.slots).max(1);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        (self.config.patience / 2 / rounds).max(self.config.shortest_turn)
    }

    fn served_peers(&self) -> impl Iterator<Item = (PeerKey, ServedUntil)> {
        let turn = self.turn();
        self.served.iter().filter_map(move |key| {
            let peer = self.peers.get(key)?;
            let Standing::Served { since, progress } = peer.standing else {
                return None;
            };
            let idles = (!peer.requesting).then(|| progress + self.config.idle);
            let stall = self.config.stall.saturating_sub(peer.stalled);
            let served = ServedUntil {
                turn_ends: idles.map_or(since + turn, |idles| idles.min(since + turn)),
                stalls_at: peer.requesting.then(|| progress + stall),
            };
            Some((*key, served))
        })
    }

    /// Returns when [`Choker::tick`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let negotiation = self.negotiating.first().map(|(until, _)| *until);
        let contended = !self.waiting.is_empty();
        let served = self.served_peers().filter_map(|(_, served)| {
            let turn_ends = contended.then_some(served.turn_ends);
            turn_ends.into_iter().chain(served.stalls_at).min()
        });
        negotiation.into_iter().chain(served).min()
    }

    /// Takes in the time, which never goes backwards.
    pub(super) fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        now
    }
}

/// Deadlines of a served peer.
#[derive(Debug)]
struct ServedUntil {
    /// End of the turn, if somebody waits.
    turn_ends: Instant,
    stalls_at: Option<Instant>,
}

impl Peer {
    /// Adds the time since the last progress to the stalled time, if it counts.
    fn add_stall(&mut self, now: Instant) {
        if let Standing::Served { progress, .. } = self.standing
            && self.requesting
        {
            self.stalled += now.saturating_duration_since(progress);
        }
    }
}
