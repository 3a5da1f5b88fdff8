//! Entries of all swarms by client and by address family, counted as they come
//! and go, so that a public page costs no walk over them.

use std::collections::HashMap;
use std::net::IpAddr;

use tracker_protocol::{PeerId, ServerMessage};

use crate::client::{Client, Family};

/// The counts of this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) ipv4: u64,
    pub(crate) ipv6: u64,
    /// Entries of each client that has any; those of unknown clients are not in it.
    pub(crate) clients: HashMap<Client, u64>,
    /// Offers since the start, in the order of [`Family::ALL`].
    pub(crate) offers: [Offers; Family::ALL.len()],
}

/// How clients answer offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// Relayed to them.
    pub(crate) given: u64,
    /// Of these, answered in time.
    pub(crate) answered: u64,
}

impl Census {
    /// Counts one more entry.
    pub(crate) fn enter(&mut self, peer_id: &PeerId, from: IpAddr) {
        *self.family(from) += 1;
        if let Some(client) = Client::of(peer_id) {
            *self.clients.entry(client).or_default() += 1;
        }
    }

    /// Counts one entry less; it was entered with the same arguments.
    pub(crate) fn leave(&mut self, peer_id: &PeerId, from: IpAddr) {
        let family = self.family(from);
        *family = family.saturating_sub(1);
        if let Some(client) = Client::of(peer_id)
            && let Some(count) = self.clients.get_mut(&client)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.clients.remove(&client);
            }
        }
    }

    /// Counts a message on its way to a client, if it is an offer or an answer of another.
    pub(crate) fn relay(&mut self, message: &ServerMessage<'_>, to: Family) {
        match message {
            ServerMessage::Offer(_) => self.offers[to as usize].given += 1,
            ServerMessage::Answer(answer) => {
                self.offers[Family::of(&answer.peer_id) as usize].answered += 1;
            }
            ServerMessage::Announced(_) | ServerMessage::Scraped(_) | ServerMessage::Failure(_) => {
            }
        }
    }

    fn family(&mut self, of: IpAddr) -> &mut u64 {
        match of.to_canonical() {
            IpAddr::V4(_) => &mut self.ipv4,
            IpAddr::V6(_) => &mut self.ipv6,
        }
    }
}
