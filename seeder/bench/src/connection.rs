//! One leecher's connection: a UDP socket of its own, as each page of a browser has, the emulated
//! path behind it, the stack and the session.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use metainfo::Metainfo;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::SockRef;

use crate::path::{Path, PathSpec};
use crate::plan::Behaviour;
use crate::session::Session;
use crate::stack::{Stack, Turn};

/// Socket buffers asked of the kernel, so that the seeder is the bottleneck.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Messages read at a time, each up to [`READ_BYTES`] of coalesced datagrams.
const READ_BATCH: usize = 8;
const READ_BYTES: usize = 64 * 1024;

/// Bytes that a datagram costs on a path beside its own: IPv4 and UDP headers.
const HEADER_BYTES: usize = 28;

/// Where all connections read to, one after the other.
pub(crate) struct Room([Vec<u8>; READ_BATCH]);

impl Default for Room {
    fn default() -> Self {
        Self(std::array::from_fn(|_| vec![0; READ_BYTES]))
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The offer is made.
    Offered,
    /// The answer is there.
    Answered,
    /// The channel is open.
    Open,
    /// The seeder ended it, or it failed.
    Gone,
    /// The leecher has had enough.
    Over,
}

/// A datagram and whom it is from or for.
type Datagram = (SocketAddr, BytesMut);

/// One connection.
pub(crate) struct Connection {
    socket: UdpSocket,
    offload: UdpSocketState,
    down: Path<Datagram>,
    up: Path<Datagram>,
    direct: bool,
    stack: Stack,
    pub(crate) session: Session,
    peer_id: [u8; 20],
    pub(crate) stage: Stage,
    /// When it came to its stage.
    pub(crate) since: Instant,
    pub(crate) offered: Instant,
    pub(crate) opened: Option<Instant>,
}

/// What a connection is for.
pub(crate) struct Purpose<'a> {
    pub(crate) behaviour: Behaviour,
    pub(crate) metainfo: &'a Arc<Metainfo>,
    pub(crate) path: &'a PathSpec,
    pub(crate) from: IpAddr,
    pub(crate) peer_id: [u8; 20],
    /// Decides which datagrams a path loses.
    pub(crate) seed: u64,
}

impl Connection {
    /// Binds a socket and makes an offer, whose SDP is returned.
    pub(crate) fn offer(
        now: Instant,
        registry: &Registry,
        token: Token,
        purpose: &Purpose<'_>,
    ) -> io::Result<(Self, String)> {
        let mut socket = UdpSocket::bind(SocketAddr::new(purpose.from, 0))?;
        let options = SockRef::from(&socket);
        options.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        options.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
        let offload = UdpSocketState::new((&socket).into())?;
        registry.register(&mut socket, token, Interest::READABLE)?;
        let (stack, sdp) = Stack::offer(now, socket.local_addr()?).map_err(io::Error::other)?;
        let session = Session::new(now, purpose.behaviour, Arc::clone(purpose.metainfo));
        let connection = Self {
            socket,
            offload,
            down: purpose.path.down(now, purpose.seed),
            up: purpose.path.up(now, !purpose.seed),
            direct: purpose.path.is_nothing(),
            stack,
            session,
            peer_id: purpose.peer_id,
            stage: Stage::Offered,
            since: now,
            offered: now,
            opened: None,
        };
        Ok((connection, sdp))
    }

    /// Takes the answer.
    pub(crate) fn answer(&mut self, now: Instant, sdp: String) {
        let taken = self.stack.answer(now, sdp);
        self.to(
            now,
            if taken.is_ok() {
                Stage::Answered
            } else {
                Stage::Gone
            },
        );
    }

    fn to(&mut self, now: Instant, stage: Stage) {
        self.stage = stage;
        self.since = now;
    }

    /// Reads a batch of datagrams; `false` once there are no more.
    pub(crate) fn read(&mut self, now: Instant, room: &mut Room) -> bool {
        let mut meta = [RecvMeta::default(); READ_BATCH];
        let count = {
            let mut slices = room.0.each_mut().map(|buffer| IoSliceMut::new(buffer));
            match self
                .offload
                .recv((&self.socket).into(), &mut slices, &mut meta)
            {
                Ok(count) => count,
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        };
        for (buffer, meta) in room.0.iter().zip(&meta).take(count) {
            let mut bytes = BytesMut::from(buffer.get(..meta.len).unwrap_or_default());
            let stride = meta.stride.max(1);
            while !bytes.is_empty() {
                let datagram = bytes.split_to(stride.min(bytes.len()));
                self.arrive(now, meta.addr, datagram);
            }
        }
        true
    }

    fn arrive(&mut self, now: Instant, from: SocketAddr, datagram: BytesMut) {
        if self.direct {
            self.stack.receive(now, from, datagram);
        } else {
            let bytes = datagram.len() + HEADER_BYTES;
            self.down.enter(now, bytes, (from, datagram));
        }
    }

    /// Does all there is to do now.
    pub(crate) fn work(&mut self, now: Instant) {
        while let Some((from, datagram)) = self.down.leave(now) {
            self.stack.receive(now, from, datagram);
        }
        if self.stack.next_tick(now).is_some_and(|due| due <= now) {
            self.stack.tick(now);
        }
        while let Some(turn) = self.stack.turn() {
            match (turn, self.stage) {
                (Turn::Open, Stage::Offered | Stage::Answered) => {
                    self.opened = Some(now);
                    self.to(now, Stage::Open);
                    let greeting = self.session.open(now, &self.peer_id);
                    self.say(now, greeting);
                }
                (Turn::Gone, Stage::Offered | Stage::Answered | Stage::Open) => {
                    self.to(now, Stage::Gone);
                }
                (Turn::Open | Turn::Gone, _) => {}
            }
        }
        while self.stage == Stage::Open
            && self.session.takes(now)
            && let Some(message) = self.stack.message()
        {
            let reply = self.session.take(now, &message);
            self.say(now, reply);
            if self.session.is_over() {
                self.to(now, Stage::Over);
            }
        }
        self.transmit(now);
    }

    fn say(&mut self, now: Instant, message: BytesMut) {
        if !message.is_empty() && self.stack.send(now, message).is_err() {
            self.to(now, Stage::Gone);
        }
    }

    fn transmit(&mut self, now: Instant) {
        while let Some((to, datagram)) = self.stack.transmit() {
            if self.direct {
                self.send(to, &datagram);
            } else {
                let bytes = datagram.len() + HEADER_BYTES;
                self.up.enter(now, bytes, (to, datagram));
            }
        }
        while let Some((to, datagram)) = self.up.leave(now) {
            self.send(to, &datagram);
        }
    }

    /// What the kernel does not take is lost, as any datagram may be.
    fn send(&self, to: SocketAddr, datagram: &[u8]) {
        let _ = self.socket.send_to(datagram, to);
    }

    /// When there is work again, if nothing comes before.
    pub(crate) fn wake(&mut self, now: Instant) -> Option<Instant> {
        let reading = match self.stage {
            Stage::Open => self.session.takes_at().filter(|at| *at > now),
            Stage::Offered | Stage::Answered | Stage::Gone | Stage::Over => None,
        };
        [
            self.down.next(),
            self.up.next(),
            self.stack.next_tick(now),
            reading,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Closes it and tells the seeder so, past the path.
    pub(crate) fn close(&mut self, registry: &Registry) {
        self.stack.close();
        while let Some((to, datagram)) = self.stack.transmit() {
            self.send(to, &datagram);
        }
        // Dropped next, which takes it from the poll, too.
        let _ = registry.deregister(&mut self.socket);
    }
}
