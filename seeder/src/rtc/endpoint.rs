//! The loop that owns the socket and all connections: one task, whatever their
//! number.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::link::Bell;
use super::path::{Path, Via};
use super::peer::Peer;
use super::routes::{Key, Routes};
use super::servers::Servers;
use super::socket::{Room, Runs, Socket};
use super::tcp::Connections;

/// Pause after an error of the socket, so that one that stays cannot spin.
const READ_ERROR_PAUSE: Duration = Duration::from_millis(50);

/// The longest sleep, when nothing has a timer.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// What the endpoint is asked for, beside the connections' own messages.
pub(super) enum Order {
    /// Drive this connection, found by its local ufrag.
    Add(Key, String, Box<Peer>),
    /// Answer when all channels dropped by now are closed, and the relay is given back.
    Settle(oneshot::Sender<()>),
}

/// The socket and the connections.
pub(super) struct Endpoint {
    socket: Socket,
    bell: Arc<Bell>,
    orders: mpsc::Receiver<Order>,
    routes: Routes,
    peers: HashMap<Key, Peer>,
    /// When to look at which connection. One that is to be looked at later than
    /// noted here is noted anew when the time has come.
    alarms: BTreeSet<(Instant, Key)>,
    alarm_of: HashMap<Key, Instant>,
    runs: Runs,
    servers: Servers,
    tcp: Connections,
}

impl Endpoint {
    pub(super) fn new(
        socket: Socket,
        servers: Servers,
        tcp: Connections,
        bell: Arc<Bell>,
        orders: mpsc::Receiver<Order>,
    ) -> Self {
        Self {
            runs: socket.runs(),
            socket,
            servers,
            tcp,
            bell,
            orders,
            routes: Routes::default(),
            peers: HashMap::new(),
            alarms: BTreeSet::new(),
            alarm_of: HashMap::new(),
        }
    }

    /// Runs until whoever gives orders is gone.
    pub(super) async fn run(mut self) {
        let mut room = Room::new();
        let mut touched = Vec::new();
        let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            let alarm = self.alarms.first().map(|(at, _)| *at);
            let next = alarm.into_iter().chain(self.servers.wake()).min();
            let next = next.unwrap_or_else(|| Instant::now() + LONGEST_SLEEP);
            if sleep.deadline().into_std() != next {
                sleep.as_mut().reset(next.into());
            }
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order, &mut touched).await,
                    None => return,
                },
                () = self.bell.rings() => self.bell.take(&mut touched),
                readable = self.socket.readable() => match readable {
                    Ok(()) => self.read(&mut room, &mut touched).await,
                    Err(error) => tracing::debug!(%error, "the UDP socket cannot be waited for"),
                },
                (path, datagram) = self.tcp.receive() => self.take_tcp(path, &datagram, &mut touched),
                () = &mut sleep => {}
            }
            let now = Instant::now();
            let runs = &mut self.runs;
            self.servers
                .advance(now, |to, datagram| runs.push(None, to, datagram));
            self.due(now, &mut touched);
            self.advance(&mut touched).await;
        }
    }

    async fn obey(&mut self, order: Order, touched: &mut Vec<Key>) {
        match order {
            Order::Add(key, ufrag, peer) => {
                self.routes.insert(key, &ufrag);
                self.peers.insert(key, *peer);
                touched.push(key);
            }
            Order::Settle(done) => {
                self.bell.take(touched);
                self.advance(touched).await;
                let runs = &mut self.runs;
                self.servers
                    .release(Instant::now(), |to, datagram| runs.push(None, to, datagram));
                self.socket.send(&mut self.runs).await;
                let _ = done.send(());
            }
        }
    }

    /// Reads what is there and deals it out.
    async fn read(&mut self, room: &mut Room, touched: &mut Vec<Key>) {
        let count = match self.socket.read(room) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            // ICMP errors of single peers surface here, too.
            Err(error) => {
                tracing::debug!(%error, "the UDP socket reports an error");
                tokio::time::sleep(READ_ERROR_PAUSE).await;
                return;
            }
        };
        let now = Instant::now();
        for (from, to, datagram) in room.datagrams(count) {
            if let Some((path, datagram)) = self.servers.receive(now, from, datagram)
                && let Some(key) = self.routes.find(datagram, path, to, now)
                && let Some(peer) = self.peers.get_mut(&key)
            {
                peer.receive(now, path, datagram);
                touched.push(key);
            }
        }
    }

    fn take_tcp(&mut self, path: Path, datagram: &[u8], touched: &mut Vec<Key>) {
        let now = Instant::now();
        if let Some(key) = self.routes.find(datagram, path, None, now)
            && let Some(peer) = self.peers.get_mut(&key)
        {
            self.tcp.know(path.remote);
            peer.receive(now, path, datagram);
            touched.push(key);
        }
    }

    /// Adds the connections whose time has come.
    fn due(&mut self, now: Instant, touched: &mut Vec<Key>) {
        while let Some((at, key)) = self.alarms.first().copied()
            && at <= now
        {
            self.alarms.pop_first();
            self.alarm_of.remove(&key);
            match self.peers.get(&key) {
                Some(peer) if peer.wake() <= now => touched.push(key),
                Some(peer) => {
                    let later = peer.wake();
                    self.set_alarm(key, later);
                }
                None => {}
            }
        }
    }

    fn set_alarm(&mut self, key: Key, at: Instant) {
        match self.alarm_of.get(&key) {
            Some(noted) if *noted <= at => return,
            Some(noted) => _ = self.alarms.remove(&(*noted, key)),
            None => {}
        }
        self.alarms.insert((at, key));
        self.alarm_of.insert(key, at);
    }

    /// Lets the connections do what is due, and sends what comes of it.
    async fn advance(&mut self, touched: &mut Vec<Key>) {
        touched.sort_unstable();
        touched.dedup();
        for key in touched.drain(..) {
            let Some(peer) = self.peers.get_mut(&key) else {
                continue;
            };
            let (routes, runs) = (&mut self.routes, &mut self.runs);
            let (servers, tcp) = (&mut self.servers, &self.tcp);
            let now = Instant::now();
            peer.advance(now, |path, datagram| match path.via {
                Via::Udp => runs.push(routes.sends_to(key, path), path.remote, datagram),
                Via::Relay => {
                    routes.sends_to(key, path);
                    servers.relay(now, path.remote, datagram, |to, message| {
                        runs.push(None, to, message);
                    });
                }
                Via::Tcp if tcp.reaches(path.remote) => {
                    routes.sends_to(key, path);
                    tcp.send(path.remote, datagram);
                }
                // The peer connects, not we.
                Via::Tcp => {}
            });
            if peer.is_over() {
                self.peers.remove(&key);
                self.routes.remove(key);
                if let Some(at) = self.alarm_of.remove(&key) {
                    self.alarms.remove(&(at, key));
                }
            } else {
                let wake = peer.wake();
                self.set_alarm(key, wake);
            }
            self.socket.send(&mut self.runs).await;
        }
        self.socket.send(&mut self.runs).await;
        self.bell.count(self.peers.len(), self.routes.sources());
    }
}
