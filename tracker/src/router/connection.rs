//! A socket as the router knows it.

use std::sync::Arc;

use swarm::ConnectionId;

use super::Router;
use crate::outbox::Outbox;

/// A socket's place in the router. Dropping it takes its peers out of their swarms.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) outbox: Arc<Outbox>,
    pub(super) router: Arc<Router>,
}

impl Connection {
    pub(crate) const fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) const fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.router.disconnect(self.id);
    }
}
