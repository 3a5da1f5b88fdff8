//! Handing out offers: each to another peer, and what is left over to those that join next.

use std::collections::BTreeSet;
use std::time::Instant;

use rand::Rng;
use tracker_protocol::{InfoHash, Offer, PeerId, RelayedOffer, ServerMessage};

use crate::choice::Mix;
use crate::parking::Parked;
use crate::standing::Moment;
use crate::swarm::{Key, OWED_ANSWERS, Swarm};
use crate::{Class, Output, Role, Swarms};

/// The peer whose offers are handed out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offerer {
    pub(crate) info_hash: InfoHash,
    pub(crate) key: Key,
    pub(crate) role: Role,
}

impl<R: Rng> Swarms<R> {
    /// Gives each of the first `wanted` offers to another peer, as long as there are any, and parks
    /// the others. Returns who got one.
    pub(crate) fn relay_offers(
        &mut self,
        now: Instant,
        from: Offerer,
        wanted: usize,
        offers: Vec<Offer<'_>>,
    ) -> Vec<PeerId> {
        if offers.is_empty() {
            return Vec::new();
        }
        let Offerer {
            info_hash,
            key,
            role,
        } = from;
        let moment = self.moment(now);
        let Some(swarm) = self.swarms.get_mut(&info_hash) else {
            return Vec::new();
        };
        let mix = match role {
            _ if !self.config.match_roles => Mix::All,
            Role::Seed => Mix::Leechers,
            Role::Leecher => Mix::SeedsFirst,
        };
        let wanted = wanted.min(offers.len());
        let receivers = swarm.receivers(&mut self.rng, &moment, key.peer_id, mix, wanted);
        let mut offers = offers.into_iter().take(wanted);
        for (receiver, offer) in receivers.iter().zip(offers.by_ref()) {
            let output = give(
                swarm,
                &moment,
                info_hash,
                key,
                *receiver,
                offer.into_owned(),
            );
            self.outputs.push_back(output);
        }
        self.park_offers(now, info_hash, key, offers);
        receivers.iter().map(|receiver| receiver.peer_id).collect()
    }

    /// Keeps offers for later instead of those that the same peer made before: its client may have
    /// forgotten them.
    fn park_offers<'a>(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        offerer: Key,
        offers: impl ExactSizeIterator<Item = Offer<'a>>,
    ) {
        let entry = self
            .swarms
            .get_mut(&info_hash)
            .and_then(|swarm| swarm.entry_mut(offerer))
            .expect("an offerer is in the swarm");
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
        joiner: Offerer,
        wanted: usize,
        met: Vec<PeerId>,
    ) {
        let Offerer {
            info_hash,
            key,
            role,
        } = joiner;
        if wanted == 0 || self.parking.is_empty() {
            return;
        }
        let moment = self.moment(now);
        let Some(swarm) = self.swarms.get_mut(&info_hash) else {
            return;
        };
        let mut met: BTreeSet<PeerId> = met.into_iter().chain([key.peer_id]).collect();
        let (mut of_seeds, mut of_leechers) = (Vec::new(), Vec::new());
        for (turn, parked) in self.parking.of_torrent(info_hash) {
            match swarm.role(parked.offerer) {
                Some(Role::Seed) if role == Role::Seed && self.config.match_roles => {}
                Some(Role::Seed) => of_seeds.push((turn, parked.offerer)),
                Some(Role::Leecher) => of_leechers.push((turn, parked.offerer)),
                None => {}
            }
        }
        let chosen: Vec<(u64, Key)> = of_seeds
            .into_iter()
            .chain(of_leechers)
            .filter(|(_, offerer)| met.insert(offerer.peer_id))
            .take(wanted.min(OWED_ANSWERS))
            .collect();
        for (turn, offerer) in chosen {
            if let Some(parked) = self.parking.remove(turn) {
                let output = give(swarm, &moment, info_hash, offerer, key, parked.offer);
                self.outputs.push_back(output);
            }
        }
    }
}

/// Relays an offer to a peer of the swarm, which owes an answer from this moment.
fn give(
    swarm: &mut Swarm,
    moment: &Moment,
    info_hash: InfoHash,
    offerer: Key,
    receiver: Key,
    offer: Offer<'static>,
) -> Output {
    let Offer { offer_id, offer } = offer;
    swarm.give(moment, receiver, offerer, offer_id.clone());
    Output::Send {
        to: receiver.connection,
        class: Class::Offer,
        message: ServerMessage::Offer(RelayedOffer {
            info_hash,
            peer_id: offerer.peer_id,
            offer_id,
            offer,
        }),
    }
}
