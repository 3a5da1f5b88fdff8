//! Between sockets and swarms: commands in, messages and facts out.
//!
//! One mutex guards the swarms, and whoever has a command handles it on the spot.
//! A section takes microseconds and waits for nothing: outputs go to outboxes
//! and into the map of changed rows, JSON is read before and written after. The
//! messages of one command are pushed before the next command runs, so that a
//! socket gets the response to its announce before the offers that follow it.

mod limits;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use actix_http::ws::{CloseCode, CloseReason};
use rand::rngs::StdRng;
use swarm::{
    Change, Class, Command, ConnectionId, Fact, Full, Output, Peer, RestoredTorrent, Role, Swarms,
    Torrent, Totals,
};
use tokio::sync::broadcast;
use tracker_protocol::{ClientMessage, Failure, InfoHash, PeerId, ServerMessage};

use crate::census::Census;
use crate::config::Limits;
use crate::event::Event;
use crate::outbox::{Budget, Outbox, Pushed};
use crate::stats::Counters;
use crate::store::{Store, Transport};

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
    transport: Transport,
    remote: IpAddr,
}

/// A socket's place in the router. Dropping it takes its peers out of their swarms.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    outbox: Arc<Outbox>,
    router: Arc<Router>,
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

    /// Takes in one message of a socket; returns what is full if it was refused for that.
    pub(crate) fn submit(
        &self,
        connection: &Connection,
        message: ClientMessage<'_>,
    ) -> Option<Full> {
        let from = connection.id;
        self.handle(match message {
            ClientMessage::Announce(announce) => Command::Announce { from, announce },
            ClientMessage::Answer(answer) => Command::Answer { from, answer },
            ClientMessage::Scrape { info_hashes } => Command::Scrape { from, info_hashes },
        })
    }

    /// Tells a socket that a message of it was refused.
    pub(crate) fn reply(&self, connection: &Connection, failure: Failure<'static>) {
        self.push(
            &connection.outbox,
            Class::Failure,
            ServerMessage::Failure(failure),
        );
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
        // Serial numbers begin at 1, so this cursor lies before all entries of the peer.
        let before = (peer_id, ConnectionId::new(0, 0));
        let core = self.core();
        let next = core.swarms.peers(info_hash, Some(before), 1);
        next.first().is_some_and(|peer| peer.peer_id == peer_id)
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

    /// Handles one command and carries out what follows from it. Returns what is full
    /// if it was refused for that.
    fn handle(&self, command: Command<'_>) -> Option<Full> {
        let mut core = self.core();
        if core.closing {
            return None;
        }
        let mut refused_for = None;
        core.swarms.handle(Instant::now(), command);
        while let Some(output) = core.swarms.poll_output() {
            match output {
                Output::Send { to, class, message } => {
                    if let Some(socket) = core.sockets.get(&to) {
                        self.push(&socket.outbox, class, message);
                    }
                }
                Output::Fact(fact) => self.note(&fact, &mut core),
                Output::AnnounceRefused { full, .. } => {
                    self.counters.limited.add(full.into(), 1);
                    refused_for = Some(full);
                }
                Output::AnswerRefused { from, refusal } => {
                    tracing::trace!(%from, ?refusal, "answer refused");
                }
            }
        }
        refused_for
    }

    fn note(&self, fact: &Fact, core: &mut Core) {
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

    fn push(&self, outbox: &Outbox, class: Class, message: ServerMessage<'static>) {
        match outbox.push(class, message) {
            Pushed::Queued { offers_dropped } => self.counters.offers_dropped.add(offers_dropped),
            Pushed::OfferDropped => self.counters.offers_dropped.add(1),
            Pushed::Overflow => self.counters.outbox_overflows.add(1),
            Pushed::Closing => {}
        }
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
