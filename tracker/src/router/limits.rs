//! What the limits of the tracker ask of its sockets and swarms.

use actix_http::ws::CloseReason;
use swarm::Command;

use super::{Connection, Router};
use crate::cidr::Cidr;
use crate::outbox::Budget;

impl Router {
    /// Tells the swarms how busy the tracker is, in thousandths.
    pub(crate) fn load(&self, permille: u16) {
        self.handle(Command::Load { permille });
    }

    /// Closes the sockets of a network, and says how many those were. Looks at all.
    pub(crate) fn close_from(&self, network: Cidr, reason: impl Fn() -> CloseReason) -> usize {
        let core = self.core();
        let sockets = core.sockets.values();
        let theirs = sockets.filter(|socket| network.contains(socket.remote));
        theirs.map(|socket| socket.outbox.close(reason())).count()
    }

    /// Whether the socket has a peer in any swarm.
    pub(crate) fn is_in_a_swarm(&self, connection: &Connection) -> bool {
        self.core().swarms.is_in_a_swarm(connection.id)
    }

    /// What all outboxes hold and may hold.
    pub(crate) fn outboxes(&self) -> &Budget {
        &self.outboxes
    }
}
