//! ICE over TCP (RFC 6544): peers whose networks drop UDP connect to us, and what
//! would be datagrams comes framed by RFC 4571.
//!
//! Connections are tasks that read and write; the endpoint sees datagrams. To the
//! stack they are another way of the same kind, so loss is what is dropped here.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::path::{Path, Via};

/// Connections at a time in all, and of one address (IPv6: of one /64); more are closed.
const MAX_CONNECTIONS: usize = 256;
const MAX_PER_ADDRESS: usize = 16;

/// Datagrams that wait to be sent by a connection; more are lost.
const MAX_WAITING: usize = 64;

/// Datagrams that wait for the endpoint; readers wait.
const MAX_READ: usize = 256;

/// The largest datagram: the stack's own are below 1 300 bytes.
const MAX_DATAGRAM: usize = 2048;

/// From a connection to its first check that names one of ours.
const UNKNOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence that ends a connection; peers send consent checks (RFC 7675 §5.1).
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after an error of the listener: no file may be left to open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What connections tell the endpoint.
pub(super) enum Event {
    Opened(SocketAddr, Connection),
    Datagram(SocketAddr, Bytes),
    Closed(SocketAddr),
}

/// The endpoint's end of a connection; dropped, it is closed.
pub(super) struct Connection {
    outbox: mpsc::Sender<Bytes>,
    /// Whether it is some peer's.
    known: Arc<AtomicBool>,
}

/// All connections.
#[derive(Default)]
pub(super) struct Connections {
    events: Option<mpsc::Receiver<Event>>,
    open: HashMap<SocketAddr, Connection>,
}

impl Connections {
    /// Accepts what comes to `listener`, on the caller's tokio runtime.
    pub(super) fn of(listener: TcpListener) -> Self {
        let (tell, events) = mpsc::channel(MAX_READ);
        tokio::spawn(accept(listener, tell));
        Self {
            events: Some(events),
            open: HashMap::new(),
        }
    }

    /// The next datagram of a peer.
    pub(super) async fn receive(&mut self) -> (Path, Bytes) {
        let Some(events) = &mut self.events else {
            return std::future::pending().await;
        };
        loop {
            match events.recv().await {
                Some(Event::Opened(from, connection)) => {
                    let host = peer::network(from.ip());
                    let of_it = self.open.keys();
                    let of_it = of_it.filter(|other| peer::network(other.ip()) == host);
                    if of_it.count() < MAX_PER_ADDRESS {
                        self.open.insert(from, connection);
                    }
                }
                Some(Event::Datagram(remote, datagram)) if self.open.contains_key(&remote) => {
                    let via = Via::Tcp;
                    return (Path { via, remote }, datagram);
                }
                Some(Event::Datagram(..)) => {}
                Some(Event::Closed(from)) => {
                    // One that was refused is told of, too.
                    self.open
                        .retain(|other, open| *other != from || !open.outbox.is_closed());
                }
                None => return std::future::pending().await,
            }
        }
    }

    /// Notes that a connection is a peer's.
    pub(super) fn know(&self, remote: SocketAddr) {
        if let Some(connection) = self.open.get(&remote) {
            connection.known.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there is a connection to `remote`.
    pub(super) fn reaches(&self, remote: SocketAddr) -> bool {
        self.open.contains_key(&remote)
    }

    /// Sends a datagram, if there is room.
    pub(super) fn send(&self, remote: SocketAddr, datagram: &[u8]) {
        if let Some(connection) = self.open.get(&remote)
            && connection.outbox.capacity() > 0
        {
            // A connection that has just ended takes no more.
            let _ = connection.outbox.try_send(Bytes::copy_from_slice(datagram));
        }
    }
}

/// Listens at the address of the UDP socket.
pub(super) fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = super::socket::open(at, socket2::Type::STREAM)?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, tell: mpsc::Sender<Event>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while !tell.is_closed() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tell.closed() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
                    tokio::spawn(serve(stream, from, tell.clone(), place));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a TCP connection is not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, until either side ends it.
async fn serve(
    stream: TcpStream,
    from: SocketAddr,
    tell: mpsc::Sender<Event>,
    _place: OwnedSemaphorePermit,
) {
    // Datagrams do not wait for each other.
    let _ = stream.set_nodelay(true);
    let (outbox, waiting) = mpsc::channel(MAX_WAITING);
    let known = Arc::new(AtomicBool::new(false));
    let connection = Connection {
        outbox,
        known: Arc::clone(&known),
    };
    if tell.send(Event::Opened(from, connection)).await.is_err() {
        return;
    }
    let (reader, writer) = stream.into_split();
    let unknown = async {
        tokio::time::sleep(UNKNOWN_TIMEOUT).await;
        if known.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        read = read(reader, from, &tell) => tracing::debug!(%from, ?read, "a TCP connection ends"),
        written = write(writer, waiting) => tracing::debug!(%from, ?written, "a TCP connection is closed"),
        () = unknown => tracing::debug!(%from, "a TCP connection is nobody's"),
    }
    let _ = tell.send(Event::Closed(from)).await;
}

async fn read(
    mut reader: OwnedReadHalf,
    from: SocketAddr,
    tell: &mpsc::Sender<Event>,
) -> io::Result<()> {
    loop {
        let datagram = tokio::time::timeout(IDLE_TIMEOUT, frame(&mut reader)).await;
        let event = Event::Datagram(from, datagram??);
        if tell.send(event).await.is_err() {
            return Ok(());
        }
    }
}

/// One datagram after its length (RFC 4571 §2).
async fn frame(reader: &mut OwnedReadHalf) -> io::Result<Bytes> {
    let length = usize::from(reader.read_u16().await?);
    if length > MAX_DATAGRAM {
        return Err(io::Error::other(format!(
            "a datagram of {length} bytes, at most {MAX_DATAGRAM} are taken"
        )));
    }
    let mut datagram = BytesMut::zeroed(length);
    reader.read_exact(&mut datagram).await?;
    Ok(datagram.freeze())
}

async fn write(writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(MAX_WAITING * 1300, writer);
    while let Some(datagram) = waiting.recv().await {
        let mut next = Some(datagram);
        while let Some(datagram) = next {
            let length = u16::try_from(datagram.len()).map_err(io::Error::other)?;
            writer.write_u16(length).await?;
            writer.write_all(&datagram).await?;
            next = waiting.try_recv().ok();
        }
        writer.flush().await?;
    }
    Ok(())
}
