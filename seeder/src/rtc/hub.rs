//! The one UDP socket of all peers: a task that reads it and deals datagrams
//! out to connections.
//!
//! A STUN binding request names our connection in its USERNAME (RFC 8445
//! §7.2.2); everything else is told apart by where it comes from. A source is a
//! connection's once a request with its ufrag came from there, or once the
//! connection sent there; it stays so until the connection ends or stays silent
//! from that source, so that a request with a forged source cannot take over a
//! live connection's datagrams.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio_util::task::TaskTracker;
use webrtc::runtime::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use super::sdp::MAX_CHECKED_CANDIDATES;
use super::stun;

/// Socket buffers asked of the kernel: a burst of one browser's datagrams
/// overflows Debian's default of 208 KiB.
pub(super) const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Datagrams waiting for one connection; when full, the newest is lost, as in a
/// socket's buffer. A peer's unacknowledged bytes fit twice.
const MAX_QUEUED_DATAGRAMS: usize = 512;

/// Remote addresses of one connection; the oldest makes room. Twice those that
/// we send checks to on our own, so that they cannot displace the peer's.
const MAX_SOURCES: usize = 2 * MAX_CHECKED_CANDIDATES;

/// After this silence a source may pass to another connection. Live peers send
/// consent checks every few seconds (RFC 7675 §5.1).
const SOURCE_IDLE: Duration = Duration::from_secs(10);

/// Messages read at a time, each up to [`READ_BYTES`] of coalesced datagrams.
const READ_BATCH: usize = 8;
const READ_BYTES: usize = 64 * 1024;

/// Pause after an error of the socket, so that one that stays cannot spin.
const READ_ERROR_PAUSE: Duration = Duration::from_millis(50);

/// The shared socket and who gets what from it.
pub(super) struct Hub {
    socket: UdpSocket,
    offload: UdpSocketState,
    local: SocketAddr,
    /// Locked for look-ups only, never across an await or a system call.
    routes: Mutex<Routes>,
    /// The tasks of all connections, counted.
    tasks: TaskTracker,
    runtime: tokio::runtime::Handle,
}

#[derive(Default)]
struct Routes {
    by_ufrag: HashMap<String, Arc<Inbox>>,
    by_source: HashMap<SocketAddr, Source>,
}

struct Source {
    inbox: Arc<Inbox>,
    /// When a datagram last came from there; `None` if we only sent there.
    heard: Option<Instant>,
}

/// What waits for one connection.
#[derive(Default)]
pub(super) struct Inbox {
    ufrag: String,
    /// A queue for each address family: a connection has a socket for each.
    queues: [Mutex<Queue>; 2],
    sources: Mutex<VecDeque<SocketAddr>>,
}

#[derive(Default)]
struct Queue {
    datagrams: VecDeque<(SocketAddr, Bytes)>,
    waker: Option<Waker>,
}

/// Locks `mutex`; its sections cannot panic half-way through a change.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Inbox {
    fn queue(&self, ipv6: bool) -> MutexGuard<'_, Queue> {
        let [v4, v6] = &self.queues;
        lock(if ipv6 { v6 } else { v4 })
    }

    fn push(&self, from: SocketAddr, datagram: Bytes) {
        let waker = {
            let mut queue = self.queue(from.is_ipv6());
            if queue.datagrams.len() == MAX_QUEUED_DATAGRAMS {
                return;
            }
            queue.datagrams.push_back((from, datagram));
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next datagram of a family, or a wake-up when there is one.
    pub(super) fn poll_pop(
        &self,
        ipv6: bool,
        context: &mut Context<'_>,
    ) -> Poll<(SocketAddr, Bytes)> {
        let mut queue = self.queue(ipv6);
        match queue.datagrams.pop_front() {
            Some(datagram) => Poll::Ready(datagram),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Hub {
    /// Binds the socket. [`Hub::run`] reads it.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(super) fn bind(listen: SocketAddr) -> io::Result<Arc<Self>> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(listen),
            socket2::Type::DGRAM,
            Some(socket2::Protocol::UDP),
        )?;
        if listen.is_ipv6() {
            // `[::]` serves both families; Windows and some sysctls say otherwise.
            socket.set_only_v6(false)?;
        }
        // The kernel grants what its limits allow.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        socket.set_nonblocking(true)?;
        socket.bind(&listen.into())?;
        let (receive, send) = (socket.recv_buffer_size()?, socket.send_buffer_size()?);
        tracing::info!(
            receive,
            send,
            asked = SOCKET_BUFFER_BYTES,
            "socket buffers granted; net.core.rmem_max and wmem_max limit them"
        );
        let socket = UdpSocket::from_std(socket.into())?;
        let offload = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        let hub = Arc::new(Self {
            socket,
            offload,
            local,
            routes: Mutex::default(),
            tasks: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
        });
        Ok(hub)
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn max_gso_segments(&self) -> usize {
        self.offload.max_gso_segments()
    }

    /// The tasks of all connections, those that close them among them.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Runs `future` as a task of a connection, from whatever thread.
    pub(super) fn spawn(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.tasks.spawn_on(future, &self.runtime)
    }

    /// Connections with a place in the routes.
    pub(super) fn connections(&self) -> usize {
        lock(&self.routes).by_ufrag.len()
    }

    /// Remote addresses in the routes.
    pub(super) fn sources(&self) -> usize {
        lock(&self.routes).by_source.len()
    }

    /// Gives the connection with this local ufrag an inbox.
    pub(super) fn register(&self, ufrag: &str) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox {
            ufrag: ufrag.to_owned(),
            ..Inbox::default()
        });
        lock(&self.routes)
            .by_ufrag
            .insert(ufrag.to_owned(), Arc::clone(&inbox));
        inbox
    }

    /// Forgets the connection and its sources.
    pub(super) fn unregister(&self, inbox: &Arc<Inbox>) {
        let mut routes = lock(&self.routes);
        routes.by_ufrag.remove(&inbox.ufrag);
        for address in lock(&inbox.sources).drain(..) {
            routes.forget(address, inbox);
        }
    }

    /// Notes that the connection sends to `to`, so that answers find it.
    pub(super) fn sends_to(&self, inbox: &Arc<Inbox>, to: SocketAddr) {
        let mut routes = lock(&self.routes);
        if !routes.by_source.contains_key(&to) && routes.by_ufrag.contains_key(&inbox.ufrag) {
            routes.assign(to, inbox, None);
        }
    }

    /// One try to send; `WouldBlock` when the socket's buffer is full.
    pub(super) fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<usize> {
        let mut transmit = transmit.clone();
        if self.local.is_ipv6()
            && let SocketAddr::V4(v4) = transmit.destination
        {
            transmit.destination = SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port());
        }
        self.socket.try_io(Interest::WRITABLE, || {
            self.offload
                .try_send(UdpSockRef::from(&self.socket), &transmit)
                .map(|()| transmit.contents.len())
        })
    }

    /// Waits until the socket can be written, with any number of others.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Reads the socket for ever and deals out what comes.
    pub(super) async fn run(&self) {
        let mut buffers = vec![vec![0_u8; READ_BYTES]; READ_BATCH];
        let mut meta = [RecvMeta::default(); READ_BATCH];
        loop {
            match self.read(&mut buffers, &mut meta).await {
                Ok(count) => {
                    let now = Instant::now();
                    for (buffer, meta) in buffers.iter().zip(&meta).take(count) {
                        if let Some(message) = buffer.get(..meta.len) {
                            self.deal(message, meta.stride, canonical(meta.addr), now);
                        }
                    }
                }
                // ICMP errors of single peers surface here, too.
                Err(error) => {
                    tracing::debug!(%error, "the UDP socket reports an error");
                    tokio::time::sleep(READ_ERROR_PAUSE).await;
                }
            }
        }
    }

    async fn read(&self, buffers: &mut [Vec<u8>], meta: &mut [RecvMeta]) -> io::Result<usize> {
        self.socket
            .async_io(Interest::READABLE, || {
                let mut slices: [io::IoSliceMut<'_>; READ_BATCH] = {
                    let mut buffers = buffers.iter_mut();
                    std::array::from_fn(|_| {
                        io::IoSliceMut::new(buffers.next().map_or(&mut [], Vec::as_mut_slice))
                    })
                };
                match self
                    .offload
                    .recv(UdpSockRef::from(&self.socket), &mut slices, meta)
                {
                    Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
                    other => other,
                }
            })
            .await
    }

    /// Hands over one message: datagrams of `stride` bytes from one source.
    fn deal(&self, message: &[u8], stride: usize, from: SocketAddr, now: Instant) {
        if message.is_empty() {
            return;
        }
        let Some(inbox) = lock(&self.routes).find(message, stride, from, now) else {
            return;
        };
        let message = Bytes::copy_from_slice(message);
        let stride = stride.max(1);
        let mut begin = 0;
        while begin < message.len() {
            let end = (begin + stride).min(message.len());
            inbox.push(from, message.slice(begin..end));
            begin = end;
        }
    }
}

impl Routes {
    fn find(
        &mut self,
        message: &[u8],
        stride: usize,
        from: SocketAddr,
        now: Instant,
    ) -> Option<Arc<Inbox>> {
        let first = message.get(..stride).unwrap_or(message);
        let named = stun::request_ufrag(first).and_then(|ufrag| self.by_ufrag.get(ufrag));
        let Some(inbox) = named.map(Arc::clone) else {
            let source = self.by_source.get_mut(&from)?;
            source.heard = Some(now);
            return Some(Arc::clone(&source.inbox));
        };
        match self.by_source.get_mut(&from) {
            Some(source) if Arc::ptr_eq(&source.inbox, &inbox) => source.heard = Some(now),
            Some(source)
                if source
                    .heard
                    .is_some_and(|heard| now.saturating_duration_since(heard) < SOURCE_IDLE) => {}
            _ => self.assign(from, &inbox, Some(now)),
        }
        Some(inbox)
    }

    fn assign(&mut self, address: SocketAddr, inbox: &Arc<Inbox>, heard: Option<Instant>) {
        let oldest = {
            let mut sources = lock(&inbox.sources);
            sources.retain(|source| *source != address);
            sources.push_back(address);
            (sources.len() > MAX_SOURCES).then(|| sources.pop_front())
        };
        if let Some(oldest) = oldest.flatten() {
            self.forget(oldest, inbox);
        }
        let inbox = Arc::clone(inbox);
        self.by_source.insert(address, Source { inbox, heard });
    }

    fn forget(&mut self, address: SocketAddr, inbox: &Arc<Inbox>) {
        if self
            .by_source
            .get(&address)
            .is_some_and(|source| Arc::ptr_eq(&source.inbox, inbox))
        {
            self.by_source.remove(&address);
        }
    }
}

/// An IPv4 peer of a socket for both families, by its IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
