//! Between sockets and swarms: commands in, messages and facts out.
//!
//! One mutex guards the swarms, and whoever has a command handles it on the spot.
//! A section takes microseconds and waits for nothing: outputs go to outboxes
//! and into the map of changed rows, JSON is read before and written after. The
//! messages of one command are pushed before the next command runs, so that a
//! socket gets the response to its announce before the offers that follow it.

mod connection;
mod facts;
mod limits;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_http::ws::{CloseCode, CloseReason};
use rand::rngs::StdRng;
use swarm::{Class, Command, ConnectionId, Output, Peer, RestoredTorrent, Swarms, Torrent, Totals};
use tokio::sync::broadcast;
use tracker_protocol::{ClientMessage, Failure, InfoHash, PeerId, ServerMessage};

use crate::census::Census;
use crate::client::Family;
use crate::config::Limits;
use crate::event::Event;
use crate::outbox::{Budget, Outbox, Pushed};
use crate::stats::Counters;
use crate::store::{Store, Transport};

pub(crate) use connection::Connection;

/// This node's number: there is one node.
const NODE: u16 = 0;

/// The swarms and the sockets of their peers.
#[derive(Debug)]
pub(crate) struct Router {
    /// Most sockets.
    limit: usize,
    outboxes: Arc<Budget>,
    core: Mutex<Core>,
    store: Arc<Store>,
    counters: Arc<Counters>,
    events: broadcast::Sender<Event>,
}

#[derive(Debug)]
struct Core {
    swarms: Swarms<StdRng>,
    sockets: HashMap<ConnectionId, Socket>,
    /// Serial number of the latest connection; the first has 1.
    serial: u64,
    census: Census,
    closing: bool,
}

#[derive(Debug)]
struct Socket {
    outbox: Arc<Outbox>,
    /// What its latest peer says of its client.
    client: Family,
    transport: Transport,
    remote: IpAddr,
}

/// Why there is no place for one more socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The limit is reached.
    Full,
    /// The tracker is stopping.
    Closing,
}

impl Router {
    pub(crate) fn new(
        limits: &Limits,
        swarms: Swarms<StdRng>,
        store: Arc<Store>,
        counters: Arc<Counters>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        let core = Core {
            swarms,
            sockets: HashMap::new(),
            serial: 0,
            census: Census::default(),
            closing: false,
        };
        Self {
            limit: limits.sockets,
            outboxes: Arc::new(Budget::new(
                limits.outbox_bytes,
                limits.outbox_messages,
                limits.outboxes_bytes,
            )),
            core: Mutex::new(core),
            store,
            counters,
            events,
        }
    }

    /// Gives a new socket its place.
    pub(crate) fn connect(
        self: &Arc<Self>,
        transport: Transport,
        remote: IpAddr,
    ) -> Result<Connection, NoRoom> {
        let outbox = Arc::new(Outbox::new(Arc::clone(&self.outboxes)));
        let mut core = self.core();
        if core.closing {
            return Err(NoRoom::Closing);
        }
        if core.sockets.len() >= self.limit {
            return Err(NoRoom::Full);
        }
        core.serial += 1;
        let id = ConnectionId::new(NODE, core.serial);
        core.sockets.insert(
            id,
            Socket {
                outbox: Arc::clone(&outbox),
                client: Family::Other,
                transport,
                remote,
            },
        );
        drop(core);
        Ok(Connection {
            id,
            outbox,
            router: Arc::clone(self),
        })
    }

    /// Takes in one message of a socket.
    pub(crate) fn submit(&self, connection: &Connection, message: ClientMessage<'_>) {
        let from = connection.id;
        self.handle(match message {
            ClientMessage::Announce(announce) => Command::Announce { from, announce },
            ClientMessage::Answer(answer) => Command::Answer { from, answer },
            ClientMessage::Scrape { info_hashes } => Command::Scrape { from, info_hashes },
        });
    }

    /// Tells a socket that a message of it was refused.
    pub(crate) fn reply(&self, connection: &Connection, failure: Failure<'static>) {
        self.push(
            &connection.outbox,
            Class::Failure,
            ServerMessage::Failure(failure),
        );
    }

    /// Notes how long a ping took.
    pub(crate) fn measured(&self, connection: &Connection, rtt: Duration) {
        let connection = connection.id;
        self.handle(Command::Measured { connection, rtt });
    }

    /// Takes in what the database knew when the tracker started.
    pub(crate) fn restore(&self, torrent: RestoredTorrent) {
        self.handle(Command::Restore(torrent));
    }

    /// Lets the swarms act on the time that has passed.
    pub(crate) fn tick(&self) {
        let due = self
            .core()
            .swarms
            .poll_timeout()
            .is_some_and(|at| at <= Instant::now());
        if due {
            self.handle(Command::Tick);
        }
    }

    /// Removes a torrent and tells its peers; returns whether it had any.
    pub(crate) fn remove_torrent(&self, info_hash: InfoHash) -> bool {
        let known = self.core().swarms.torrent(info_hash).is_some();
        self.handle(Command::RemoveTorrent { info_hash });
        known
    }

    /// Removes a peer and tells it; returns whether it was there.
    pub(crate) fn kick(&self, info_hash: InfoHash, peer_id: PeerId) -> bool {
        let known = self.has_peer(info_hash, peer_id);
        if known {
            self.handle(Command::KickPeer { info_hash, peer_id });
        }
        known
    }

    /// Whether the peer is connected and in the swarm.
    pub(crate) fn has_peer(&self, info_hash: InfoHash, peer_id: PeerId) -> bool {
        let core = self.core();
        let mut ids = core.swarms.peer_ids(info_hash);
        ids.any(|id| id == peer_id)
    }

    /// Those of these peers that are connected and in the swarm. Looks at every entry of it once.
    pub(crate) fn connected_of(
        &self,
        info_hash: InfoHash,
        peers: &HashSet<PeerId>,
    ) -> HashSet<PeerId> {
        let core = self.core();
        let ids = core.swarms.peer_ids(info_hash);
        ids.filter(|id| peers.contains(id)).collect()
    }

    /// Whether the tracker is stopping.
    pub(crate) fn is_closing(&self) -> bool {
        self.core().closing
    }

    /// Takes in nothing more, and closes all sockets.
    pub(crate) fn close(&self) {
        let mut core = self.core();
        core.closing = true;
        for socket in core.sockets.values() {
            socket.outbox.close(CloseReason {
                code: CloseCode::Away,
                description: Some("the tracker is stopping".into()),
            });
        }
    }

    /// Open sockets.
    pub(crate) fn sockets(&self) -> usize {
        self.core().sockets.len()
    }

    /// Entries of the swarms by client and address family.
    pub(crate) fn census(&self) -> Census {
        self.core().census.clone()
    }

    /// Sizes of the swarms.
    pub(crate) fn totals(&self) -> Totals {
        self.core().swarms.totals()
    }

    /// Up to `limit` torrents with peers after `after`, in the order of their hashes.
    pub(crate) fn torrents(&self, after: Option<InfoHash>, limit: usize) -> Vec<Torrent> {
        self.core().swarms.torrents(after).take(limit).collect()
    }

    /// A torrent with peers.
    pub(crate) fn torrent(&self, info_hash: InfoHash) -> Option<Torrent> {
        self.core().swarms.torrent(info_hash)
    }

    /// Up to `limit` entries of a swarm after `after`, with how each is connected and from where.
    pub(crate) fn peers(
        &self,
        info_hash: InfoHash,
        after: Option<(PeerId, ConnectionId)>,
        limit: usize,
    ) -> Vec<(Peer, Transport, Option<IpAddr>)> {
        let core = self.core();
        let peers = core.swarms.peers(info_hash, after, limit);
        peers
            .into_iter()
            .map(|peer| {
                let remote = core.remote(peer.connection);
                (peer, core.transport(peer.connection), remote)
            })
            .collect()
    }

    /// Handles one command and carries out what follows from it.
    fn handle(&self, command: Command<'_>) {
        let mut core = self.core();
        if core.closing {
            return;
        }
        let now = Instant::now();
        // At most the receivers of one command.
        let mut congested = Vec::new();
        let mut next = Some(command);
        while let Some(command) = next.take() {
            core.swarms.handle(now, command);
            while let Some(output) = core.swarms.poll_output() {
                match output {
                    Output::Send { to, class, message } => {
                        let Core {
                            sockets, census, ..
                        } = &mut *core;
                        if let Some(socket) = sockets.get(&to) {
                            census.relay(&message, socket.client);
                            let is_congested = self.push(&socket.outbox, class, message);
                            if is_congested && !congested.contains(&to) {
                                congested.push(to);
                            }
                        }
                    }
                    Output::Fact(fact) => self.note(&fact, &mut core),
                    Output::AnnounceRefused { full, .. } => {
                        self.counters.limited.add(full.into(), 1);
                    }
                    Output::AnswerRefused { from, refusal } => {
                        tracing::trace!(%from, ?refusal, "answer refused");
                    }
                }
            }
            let to = congested.pop();
            next = to.map(|connection| Command::Congested { connection });
        }
    }

    /// Queues a message; whether an offer had to go for want of room.
    fn push(&self, outbox: &Outbox, class: Class, message: ServerMessage<'static>) -> bool {
        let dropped = match outbox.push(class, message) {
            Pushed::Queued { offers_dropped } => offers_dropped,
            Pushed::OfferDropped => 1,
            Pushed::Overflow => {
                self.counters.outbox_overflows.add(1);
                0
            }
            Pushed::Closing => 0,
        };
        self.counters.offers_dropped.add(dropped);
        dropped > 0
    }

    fn disconnect(&self, connection: ConnectionId) {
        self.handle(Command::Disconnect { connection });
        self.core().sockets.remove(&connection);
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic in here is a bug of ours; one socket's task dies of it, and the
        // swarms keep what they had.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    fn transport(&self, connection: ConnectionId) -> Transport {
        self.sockets
            .get(&connection)
            .map_or(Transport::Ws, |socket| socket.transport)
    }

    fn remote(&self, connection: ConnectionId) -> Option<IpAddr> {
        self.sockets.get(&connection).map(|socket| socket.remote)
    }
}
