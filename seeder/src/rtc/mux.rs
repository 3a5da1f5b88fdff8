//! The `Runtime` that the stack runs a connection on: tokio, but that its
//! sockets are the connection's share of the hub.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::AbortHandle;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime,
    TokioRuntime, Transmit,
};

use super::hub::{Hub, Inbox, lock};

/// The longest sleep of a connection in a hurry.
const HURRY: Duration = Duration::from_millis(5);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One connection's runtime.
pub(super) struct MuxRuntime {
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
    /// What the stack started for the connection: its driver, mostly.
    tasks: Mutex<Vec<AbortHandle>>,
    hurried: AtomicBool,
}

impl MuxRuntime {
    /// A runtime for the connection with this local ufrag.
    pub(super) fn new(hub: Arc<Hub>, ufrag: &str) -> Self {
        let inbox = hub.register(ufrag);
        Self {
            hub,
            inbox,
            tasks: Mutex::default(),
            hurried: AtomicBool::new(false),
        }
    }

    /// Makes the stack look for work every few milliseconds, or no longer. Its
    /// layers start each other only at timer ticks 200 ms apart, three of which
    /// pass until a channel opens; so they tick faster meanwhile.
    pub(super) fn hurry(&self, hurried: bool) {
        self.hurried.store(hurried, Ordering::Relaxed);
    }

    /// Ends all that the connection still has: its tasks and its place in the
    /// hub.
    pub(super) fn end(&self) {
        self.hub.unregister(&self.inbox);
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

impl std::fmt::Debug for MuxRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MuxRuntime").finish_non_exhaustive()
    }
}

impl Runtime for MuxRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        let task = self.hub.spawn(future);
        let mut tasks = lock(&self.tasks);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task.abort_handle());
        Box::new(Task(task.abort_handle()))
    }

    /// The socket that the stack bound is dropped; its address stays the name
    /// under which the stack knows the connection's share of the hub.
    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Ok(Arc::new(MuxSocket {
            hub: Arc::clone(&self.hub),
            inbox: Arc::clone(&self.inbox),
            label: socket.local_addr()?,
            last_destination: Mutex::new(None),
            writable: Mutex::new(None),
        }))
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        _remote: SocketAddr,
    ) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn resolve_host<'a>(&'a self, _host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        let hurried = self.hurried.load(Ordering::Relaxed);
        TokioRuntime.sleep(if hurried {
            duration.min(HURRY)
        } else {
            duration
        })
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        "shoal"
    }
}

/// A task of the connection; dropping the handle lets it run on.
struct Task(AbortHandle);

impl JoinHandle for Task {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// A connection's share of the hub, for the family of its label.
struct MuxSocket {
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
    label: SocketAddr,
    last_destination: Mutex<Option<SocketAddr>>,
    /// Waits for the hub's socket to take more. Polled by the one task that
    /// drives the connection, hence never contended.
    writable: Mutex<Option<Boxed<'static, io::Result<()>>>>,
}

impl std::fmt::Debug for MuxSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MuxSocket")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl MuxSocket {
    fn note_destination(&self, to: SocketAddr) {
        let mut last = lock(&self.last_destination);
        if *last != Some(to) {
            *last = Some(to);
            self.hub.sends_to(&self.inbox, to);
        }
    }
}

impl AsyncUdpSocket for MuxSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.label)
    }

    fn poll_send(
        &self,
        context: &mut Context<'_>,
        transmit: &Transmit<'_>,
    ) -> Poll<io::Result<usize>> {
        self.note_destination(transmit.destination);
        let mut writable = lock(&self.writable);
        loop {
            if let Some(waiting) = writable.as_mut() {
                match waiting.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) => *writable = None,
                }
            }
            match self.hub.try_send(transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let hub = Arc::clone(&self.hub);
                    *writable = Some(Box::pin(async move { hub.writable().await }));
                }
                other => return Poll::Ready(other),
            }
        }
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let (from, datagram) =
            std::task::ready!(self.inbox.poll_pop(self.label.is_ipv6(), context));
        // A datagram longer than the stack's buffer is none of a browser's.
        let length = datagram.len().min(buffer.len());
        if let (Some(to), Some(bytes)) = (buffer.get_mut(..length), datagram.get(..length)) {
            to.copy_from_slice(bytes);
        }
        *meta = RecvMeta::default();
        meta.addr = from;
        meta.len = length;
        meta.stride = length.max(1);
        Poll::Ready(Ok(1))
    }

    fn max_gso_segments(&self) -> usize {
        self.hub.max_gso_segments()
    }
}
