//! Who is let in, and who is let go for it.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use tracker_protocol::InfoHash;

use super::{Choker, Peer, PeerKey, Refusal, Removal, Standing};

/// Peers of one torrent. Kept while there are any.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) peers: usize,
    pub(super) served: usize,
    pub(super) waiting: usize,
    pub(super) negotiating: usize,
}

impl Group {
    /// The count that a standing adds to, beside that of all peers.
    pub(super) fn count(&mut self, standing: Standing) -> Option<&mut usize> {
        match standing {
            Standing::Negotiating { .. } => Some(&mut self.negotiating),
            Standing::Waiting { .. } => Some(&mut self.waiting),
            Standing::Served { .. } => Some(&mut self.served),
            Standing::Uninterested { .. } | Standing::Complete { .. } => None,
        }
    }
}

impl Choker {
    /// Asks for a place for a peer of a torrent whose offer (or answer) has come. On `Ok` the peer is
    /// negotiating until `Joined` or `Left`; to make room another may have been closed.
    ///
    /// # Errors
    /// If there is no place; the offer is then left unanswered.
    pub fn admit(&mut self, now: Instant, peer: PeerKey, torrent: InfoHash) -> Result<(), Refusal> {
        let now = self.advance(now);
        if self.peers.contains_key(&peer) {
            return Ok(());
        }
        let room = self.room_of(torrent);
        let one_of = room.is_of_torrent().then_some(torrent);
        // One victim is enough: each takes away all that stands in the way.
        let victim = if let Some(refusal) = room.stopped() {
            Some(self.slow_negotiation(now, one_of).ok_or(refusal)?)
        } else if room.places.min(room.places_of_torrent) == 0 {
            let dispensable = self.dispensable(now, one_of);
            let victim = dispensable.or_else(|| self.slow_negotiation(now, one_of));
            Some(victim.ok_or(Refusal::Full)?)
        } else {
            None
        };
        if let Some((key, removal)) = victim {
            self.close(key, removal);
        }
        let until = now + self.config.negotiation;
        self.insert(peer, Peer::negotiating(torrent, until));
        self.due = self.deadline();
        Ok(())
    }

    /// Returns how many peers could be admitted without closing another: as many offers of our own are
    /// worth making.
    pub fn room(&self) -> usize {
        self.places().min(self.line()).min(self.negotiations())
    }

    fn places(&self) -> usize {
        self.config.max_peers.saturating_sub(self.peers.len())
    }

    fn negotiations(&self) -> usize {
        (self.config.max_negotiations).saturating_sub(self.negotiating.len())
    }

    /// How many more peers the free slots and the line can take; who negotiates may join it.
    fn line(&self) -> usize {
        let line = self.waiting.len() + self.negotiating.len();
        self.room_in_line(self.slots, self.served.len(), line)
    }

    /// The line is as long as the shortest turns of the slots that go round serve within half of the
    /// patience: with the default numbers, four peers a slot.
    fn room_in_line(&self, slots: usize, served: usize, line: usize) -> usize {
        let half = self.config.patience.as_millis() / 2;
        let rounds = half.checked_div(self.config.shortest_turn.as_millis());
        let rounds = rounds.map_or(usize::MAX, |rounds| rounds as usize);
        let free = slots.saturating_sub(served);
        let longest = self.rotating(slots).saturating_mul(rounds);
        free.saturating_add(longest).saturating_sub(line)
    }

    fn room_of(&self, torrent: InfoHash) -> Room {
        let none = Group::default();
        let group = self.groups.get(&torrent).unwrap_or(&none);
        Room {
            places: self.places(),
            line: self.line(),
            negotiations: self.negotiations(),
            places_of_torrent: (self.config.max_peers_per_torrent).saturating_sub(group.peers),
            line_of_torrent: self.room_in_line(
                self.config.slots_per_torrent,
                group.served,
                group.waiting + group.negotiating,
            ),
        }
    }

    /// The oldest negotiation that may be given up for a newer one, of one torrent or of all. A browser
    /// is done in a second or two; who never means to join must not keep a place for the whole deadline.
    fn slow_negotiation(
        &self,
        now: Instant,
        torrent: Option<InfoHash>,
    ) -> Option<(PeerKey, Removal)> {
        let mut old = self
            .negotiating
            .iter()
            .take_while(|(until, _)| now + self.config.negotiation >= *until + self.config.haste);
        let (_, key) = old.find(|(_, key)| self.is_of(key, torrent))?;
        Some((*key, Removal::Negotiating))
    }

    fn is_of(&self, key: &PeerKey, torrent: Option<InfoHash>) -> bool {
        torrent.is_none_or(|torrent| self.peers.get(key).is_some_and(|p| p.torrent == torrent))
    }

    /// Who is let go first when a place is needed: the longest complete, else the longest
    /// uninterested; of one torrent or of all.
    fn dispensable(&self, now: Instant, torrent: Option<InfoHash>) -> Option<(PeerKey, Removal)> {
        let ranked = self.peers.iter().filter_map(|(key, peer)| {
            if torrent.is_some_and(|torrent| torrent != peer.torrent) {
                return None;
            }
            match peer.standing {
                Standing::Complete { since } => Some((0, since, *key, Removal::Complete)),
                Standing::Uninterested { since } if now >= since + self.config.uninterested => {
                    Some((1, since, *key, Removal::Uninterested))
                }
                Standing::Uninterested { .. }
                | Standing::Negotiating { .. }
                | Standing::Waiting { .. }
                | Standing::Served { .. } => None,
            }
        });
        ranked
            .min_by_key(|(rank, since, key, _)| (*rank, *since, *key))
            .map(|(_, _, key, removal)| (key, removal))
    }

    /// Counts a peer to its address, and closes it if too many have it.
    pub(super) fn on_located(&mut self, key: PeerKey, address: IpAddr) {
        let network = network(address);
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        if peer.network.is_some() {
            return;
        }
        let count = self.networks.entry(network).or_default();
        if *count >= self.config.max_peers_per_address {
            self.close(key, Removal::CrowdedAddress);
            return;
        }
        *count += 1;
        peer.network = Some(network);
    }
}

/// What is free for a peer of a torrent.
#[derive(Debug)]
struct Room {
    places: usize,
    line: usize,
    negotiations: usize,
    places_of_torrent: usize,
    line_of_torrent: usize,
}

impl Room {
    /// Why only a negotiation that ends makes room, if so.
    fn stopped(&self) -> Option<Refusal> {
        if self.line.min(self.line_of_torrent) == 0 {
            return Some(Refusal::LongLine);
        }
        (self.negotiations == 0).then_some(Refusal::Busy)
    }

    /// Whether only a peer of the same torrent makes room.
    fn is_of_torrent(&self) -> bool {
        self.places_of_torrent.min(self.line_of_torrent) == 0
    }
}

/// What one household or host has: an IPv4 address, or an IPv6 /64, of which it may use any address.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        ip @ IpAddr::V4(_) => ip,
    }
}
