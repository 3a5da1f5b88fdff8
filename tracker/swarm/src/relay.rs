//! Handing out offers: each to another peer, and what is left over to those that join next.

use std::collections::BTreeSet;
use std::time::Instant;

use rand::Rng;
use tracker_protocol::{InfoHash, Offer, PeerId, RelayedOffer, ServerMessage};

use crate::choice::Mix;
use crate::entries::Entries;
use crate::entry::OWED_ANSWERS;
use crate::parking::Parked;
use crate::standing::Moment;
use crate::swarm::Swarm;
use crate::ticket::Ticket;
use crate::{Class, Output, Role, Swarms};

impl<R: Rng> Swarms<R> {
    /// Gives each of the first `wanted` offers of an entry to another peer, as long as there are any,
    /// and parks the others. Returns who got one.
    pub(crate) fn relay_offers(
        &mut self,
        now: Instant,
        from: u32,
        wanted: usize,
        offers: Vec<Offer<'_>>,
    ) -> Vec<PeerId> {
        if offers.is_empty() {
            return Vec::new();
        }
        let moment = self.moment(now);
        let offerer = self.entries.ticket(from);
        let entry = &self.entries.slab[from];
        let (peer_id, role) = (entry.peer_id, entry.role);
        let swarm = &mut self.swarms[entry.swarm];
        let info_hash = swarm.info_hash;
        let mix = match role {
            _ if !self.config.match_roles => Mix::All,
            Role::Seed => Mix::Leechers,
            Role::Leecher => Mix::SeedsFirst,
        };
        let wanted = wanted.min(offers.len());
        let (entries, rng) = (&mut self.entries, &mut self.rng);
        let receivers = swarm.receivers(entries, rng, &moment, (peer_id, mix), wanted);
        let mut offers = offers.into_iter().take(wanted);
        for (receiver, offer) in receivers.iter().zip(offers.by_ref()) {
            let offer = offer.into_owned();
            let output = give(
                swarm,
                entries,
                &moment,
                (offerer, peer_id),
                *receiver,
                offer,
            );
            self.outputs.push_back(output);
        }
        self.park_offers(now, info_hash, offerer, offers);
        let peer_id = |receiver: &u32| self.entries.slab[*receiver].peer_id;
        receivers.iter().map(peer_id).collect()
    }

    /// Keeps offers for later instead of those that the same peer made before: its client may have
    /// forgotten them.
    fn park_offers<'a>(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        offerer: Ticket,
        offers: impl ExactSizeIterator<Item = Offer<'a>>,
    ) {
        let entry = &mut self.entries.slab[offerer.number];
        let had_some = std::mem::replace(&mut entry.has_parked, offers.len() > 0);
        if had_some {
            self.parking.forget(info_hash, offerer);
        }
        let until = now + self.config.parked_for;
        if until <= now {
            return;
        }
        for offer in offers {
            self.parking.park(Parked {
                info_hash,
                offerer,
                offer: offer.into_owned(),
                until,
            });
        }
    }

    /// Gives up to `wanted` parked offers to a peer that has just joined, each of another peer, none
    /// of those it has `met` by its own offers: a client that has an offer of a peer and gets the
    /// answer of the same peer to its own keeps neither connection. Those of seeds go first to who
    /// can use them.
    pub(crate) fn give_parked(
        &mut self,
        now: Instant,
        joiner: u32,
        wanted: usize,
        met: Vec<PeerId>,
    ) {
        if wanted == 0 || self.parking.is_empty() {
            return;
        }
        let moment = self.moment(now);
        let entry = &self.entries.slab[joiner];
        let (peer_id, role) = (entry.peer_id, entry.role);
        let swarm = &mut self.swarms[entry.swarm];
        let mut met: BTreeSet<PeerId> = met.into_iter().chain([peer_id]).collect();
        let (mut of_seeds, mut of_leechers) = (Vec::new(), Vec::new());
        for (turn, parked) in self.parking.of_torrent(swarm.info_hash) {
            let Some(offerer) = self.entries.with_ticket(parked.offerer) else {
                continue;
            };
            match offerer.role {
                Role::Seed if role == Role::Seed && self.config.match_roles => {}
                Role::Seed => of_seeds.push((turn, offerer.peer_id)),
                Role::Leecher => of_leechers.push((turn, offerer.peer_id)),
            }
        }
        let chosen: Vec<(u64, PeerId)> = of_seeds
            .into_iter()
            .chain(of_leechers)
            .filter(|(_, offerer)| met.insert(*offerer))
            .take(wanted.min(OWED_ANSWERS))
            .collect();
        for (turn, peer_id) in chosen {
            if let Some(Parked { offerer, offer, .. }) = self.parking.remove(turn) {
                let entries = &mut self.entries;
                let output = give(swarm, entries, &moment, (offerer, peer_id), joiner, offer);
                self.outputs.push_back(output);
            }
        }
    }
}

/// Relays an offer to a peer of the swarm, which owes an answer from this moment.
fn give(
    swarm: &mut Swarm,
    entries: &mut Entries,
    moment: &Moment,
    (offerer, peer_id): (Ticket, PeerId),
    receiver: u32,
    offer: Offer<'static>,
) -> Output {
    let Offer { offer_id, offer } = offer;
    swarm.give(entries, moment, receiver, offerer, offer_id.clone());
    Output::Send {
        to: entries.slab[receiver].connection,
        class: Class::Offer,
        message: ServerMessage::Offer(RelayedOffer {
            info_hash: swarm.info_hash,
            peer_id,
            offer_id,
            offer,
        }),
    }
}
