//! Turns and deadlines: whose end, and who is next.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use tracker_protocol::InfoHash;

use super::{Choker, Order, PeerKey, Removal, Slots, Standing};

/// Between two looks at the rate, if it decides the number of slots.
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Choker {
    pub(super) fn on_sent(&mut self, now: Instant, key: PeerKey, bytes: u64) {
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        peer.sent = peer.sent.saturating_add(bytes);
        peer.stalled = Duration::ZERO;
        if let Standing::Served {
            progress, taken, ..
        } = &mut peer.standing
        {
            *progress = now;
            *taken = taken.saturating_add(bytes);
        }
        self.sent = self.sent.saturating_add(bytes);
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

    /// Brings the slots in order: deadlines, their number, free ones, ends of turns.
    pub(super) fn settle(&mut self, now: Instant) {
        self.drop_overdue(now);
        self.count_slots(now);
        while self.served.len() < self.slots {
            let optimistic = self.optimistic < self.config.optimistic.min(self.slots);
            let Some(next) = self.first_in_line(now, optimistic, None) else {
                break;
            };
            self.serve(now, next, optimistic);
        }
        for served in self.over(now) {
            let left = Some(served.torrent);
            let next = self.first_in_line(now, served.optimistic, left);
            let Some(next) = next.filter(|next| self.goes_before(*next, &served)) else {
                continue;
            };
            // Choked before the other is unchoked, chosen after it: it must not be its own successor.
            self.stand(served.key, now, Standing::Waiting { since: now });
            self.serve(now, next, served.optimistic);
        }
        self.due = self.deadline();
    }

    fn serve(&mut self, now: Instant, key: PeerKey, optimistic: bool) {
        let standing = Standing::Served {
            since: now,
            progress: now,
            taken: 0,
            optimistic,
        };
        self.stand(key, now, standing);
    }

    fn drop_overdue(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.negotiating.first()
            && until <= now
        {
            self.close(key, Removal::NegotiationTimeout);
        }
        let stalls = |key: &&PeerKey| self.stalls_at(**key).is_some_and(|at| at <= now);
        let stalled: Vec<PeerKey> = self.served.iter().filter(stalls).copied().collect();
        for key in stalled {
            self.close(key, Removal::Stalled);
        }
    }

    /// Fits the number of slots to the rate. Slots that are too many end like turns.
    fn count_slots(&mut self, now: Instant) {
        let Slots::ByRate { least, most, step } = self.config.slots else {
            return;
        };
        let (looked_at, before) = *self.looked_at.get_or_insert((now, self.sent));
        let elapsed = now.saturating_duration_since(looked_at);
        if elapsed < LOOK_EVERY {
            return;
        }
        self.looked_at = Some((now, self.sent));
        let bytes = u128::from(self.sent - before) * 1_000;
        let rate = bytes.checked_div(elapsed.as_millis()).unwrap_or(0);
        // Only a crowd shows how many the rate carries.
        if self.served.len() >= self.slots {
            let carried = (rate / u128::from(step.max(1))).isqrt();
            let carried = usize::try_from(carried).unwrap_or(most);
            self.slots = carried.min(most).max(least);
        }
        while self.served.len() > self.slots {
            let longest = self.served_peers().min_by_key(|served| served.since);
            let Some(key) = longest.map(|served| served.key) else {
                break;
            };
            self.stand(key, now, Standing::Waiting { since: now });
        }
    }

    /// Returns who gets the next slot, or the one that a peer of `left` leaves.
    fn first_in_line(
        &self,
        now: Instant,
        optimistic: bool,
        left: Option<InfoHash>,
    ) -> Option<PeerKey> {
        let half = self.config.patience / 2;
        let ages = self.config.optimistic == 0;
        let ranked = self.waiting.iter().filter_map(|&(since, key)| {
            let peer = self.peers.get(&key)?;
            if !self.fits(peer.torrent, left) {
                return None;
            }
            let first = optimistic || (ages && now >= since + half);
            let rank = match self.config.order {
                _ if first => 0,
                Order::LeastServed => peer.sent,
                Order::NearestFinish => peer.missing,
            };
            Some((Reverse(first), rank, since, key))
        });
        ranked.min().map(|(.., key)| key)
    }

    /// Says whether a torrent's peer may be served, when one of `left` is no more.
    fn fits(&self, torrent: InfoHash, left: Option<InfoHash>) -> bool {
        let group = self.groups.get(&torrent);
        left == Some(torrent)
            || group.is_none_or(|group| group.served < self.config.slots_per_torrent)
    }

    /// Says whether a waiting peer takes the slot of one whose turn is over: always, but that who is
    /// nearest to its end keeps its own.
    fn goes_before(&self, next: PeerKey, served: &ServedPeer) -> bool {
        self.rotates(served.optimistic)
            || self.config.order == Order::LeastServed
            || served.idles
            || self
                .peers
                .get(&next)
                .is_some_and(|next| next.missing < served.missing)
    }

    /// Returns how many of so many slots go round.
    pub(super) fn rotating(&self, slots: usize) -> usize {
        match self.config.optimistic {
            0 => slots,
            optimistic => optimistic.min(slots),
        }
    }

    /// Says whether the longest waiting goes first at such slots.
    fn rotates(&self, optimistic: bool) -> bool {
        optimistic || self.config.optimistic == 0
    }

    /// Returns served peers whose turn is over, in the order in which turns ended.
    fn over(&self, now: Instant) -> Vec<ServedPeer> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let mut over: Vec<ServedPeer> = self
            .served_peers()
            .filter(|served| served.turn_ends <= now)
            .collect();
        over.sort_by_key(|served| (served.turn_ends, served.key));
        over
    }

    /// Length of a turn with the present line.
    fn turn(&self, torrent: InfoHash, optimistic: bool) -> Duration {
        let half = self.config.patience / 2;
        if !self.rotates(optimistic) {
            return half;
        }
        let of_torrent = self.groups.get(&torrent).map_or(0, |group| group.waiting);
        let rounds = (self.waiting.len().div_ceil(self.rotating(self.slots)))
            .max(of_torrent.div_ceil(self.config.slots_per_torrent))
            .max(1);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        (half / rounds).max(self.config.shortest_turn)
    }

    fn served_peers(&self) -> impl Iterator<Item = ServedPeer> {
        self.served.iter().filter_map(move |key| {
            let peer = self.peers.get(key)?;
            let Standing::Served {
                since,
                progress,
                taken,
                optimistic,
            } = peer.standing
            else {
                return None;
            };
            let idles = (!peer.requesting).then(|| progress + self.config.idle);
            let turn = since + self.turn(peer.torrent, optimistic);
            let turn = turn.max(self.quantum_ends(since, taken));
            Some(ServedPeer {
                key: *key,
                torrent: peer.torrent,
                since,
                optimistic,
                idles: idles.is_some(),
                missing: peer.missing,
                turn_ends: idles.map_or(turn, |idles| idles.min(turn)),
            })
        })
    }

    /// When a peer that is served has taken nothing for too long, if it asks for something.
    fn stalls_at(&self, key: PeerKey) -> Option<Instant> {
        let peer = self.peers.get(&key).filter(|peer| peer.requesting)?;
        let Standing::Served { progress, .. } = peer.standing else {
            return None;
        };
        Some(progress + self.config.stall.saturating_sub(peer.stalled))
    }

    /// Until when a turn goes on that has not carried its quantum: until the longest waiting has waited
    /// for half of the patience, so that a quantum takes nothing from the other half.
    fn quantum_ends(&self, since: Instant, taken: u64) -> Instant {
        let half = self.config.patience / 2;
        match self.waiting.first() {
            Some((waits, _)) if taken < self.config.quantum => (*waits).min(since) + half,
            Some(_) | None => since,
        }
    }

    /// Returns when [`Choker::tick`] is due, if ever. Blocks that were sent since may have put off what
    /// is due then: the tick finds out.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// When something ends by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let negotiation = self.negotiating.first().map(|(until, _)| *until);
        let look = self.looked_at.map(|(at, _)| at + LOOK_EVERY);
        let look = look.filter(|_| !self.served.is_empty());
        let stalls = self.served.iter().filter_map(|key| self.stalls_at(*key));
        let contended = !self.waiting.is_empty();
        let now = self.now;
        // A turn that is over and goes on ends with what happens next.
        let turns = (contended.then(|| self.served_peers()).into_iter().flatten())
            .map(|served| served.turn_ends)
            .filter(|ends| Some(*ends) > now);
        let ends = negotiation.into_iter().chain(look).chain(stalls);
        ends.chain(turns).min()
    }

    /// Takes in the time, which never goes backwards.
    pub(super) fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        now
    }
}

/// A served peer and its deadlines.
#[derive(Debug)]
struct ServedPeer {
    key: PeerKey,
    torrent: InfoHash,
    since: Instant,
    optimistic: bool,
    idles: bool,
    missing: u64,
    /// End of the turn, if somebody waits.
    turn_ends: Instant,
}
