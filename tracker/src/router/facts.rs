//! What becomes of facts: rows to write, events to tell, counts by client.

use swarm::{Change, Fact, Role};

use super::{Core, Router};
use crate::client::Family;
use crate::event::Event;
use crate::store::Transport;

impl Router {
    pub(super) fn note(&self, fact: &Fact, core: &mut Core) {
        let mut transport = Transport::Ws;
        let event = match *fact {
            Fact::TorrentOpened { info_hash } => Some(Event::TorrentAdded { info_hash }),
            Fact::TorrentClosed { info_hash } => Some(Event::TorrentRemoved { info_hash }),
            Fact::TorrentRemoved { .. } => None,
            Fact::Completed { info_hash, peer_id } => {
                Some(Event::PeerCompleted { info_hash, peer_id })
            }
            Fact::Peer {
                info_hash,
                connection,
                peer_id,
                change,
                stats,
            } => {
                // A connection's facts come while it is here.
                let remote = core.remote(connection);
                transport = core.transport(connection);
                match change {
                    Change::Joined => {
                        if let Some(socket) = core.sockets.get_mut(&connection) {
                            socket.client = Family::of(&peer_id);
                        }
                        if let Some(remote) = remote {
                            core.census.enter(&peer_id, remote);
                        }
                        let seeder = stats.role == Role::Seed;
                        Some(Event::PeerJoined {
                            info_hash,
                            peer_id,
                            seeder,
                        })
                    }
                    Change::Updated => None,
                    Change::Returned { from } => {
                        if let Some(socket) = core.sockets.get_mut(&connection) {
                            socket.client = Family::of(&peer_id);
                        }
                        let before = core.remote(from);
                        if let (Some(remote), Some(before)) = (remote, before) {
                            core.census.leave(&peer_id, before);
                            core.census.enter(&peer_id, remote);
                        }
                        None
                    }
                    Change::Left(_) => {
                        if let Some(remote) = remote {
                            core.census.leave(&peer_id, remote);
                        }
                        Some(Event::PeerLeft { info_hash, peer_id })
                    }
                }
            }
        };
        self.store.record(fact, transport);
        if let Some(event) = event {
            // Nobody may be listening.
            let _ = self.events.send(event);
        }
    }
}
