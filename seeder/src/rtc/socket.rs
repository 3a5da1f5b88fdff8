//! The one UDP socket of all connections: many datagrams a system call, both
//! ways, where the kernel can.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use webrtc::runtime::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// Socket buffers asked of the kernel: a burst of one browser's datagrams
/// overflows Debian's default of 208 KiB.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Messages read at a time, each up to [`READ_BYTES`] of coalesced datagrams.
const READ_BATCH: usize = 8;
const READ_BYTES: usize = 64 * 1024;

/// The largest run of datagrams in one system call: an IP packet's limit.
const MAX_RUN_BYTES: usize = 65_000;

/// The socket.
pub(super) struct Socket {
    socket: UdpSocket,
    offload: UdpSocketState,
    local: SocketAddr,
}

impl Socket {
    /// Binds the socket, on the caller's tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(super) fn bind(listen: SocketAddr) -> io::Result<Self> {
        let socket = open(listen, socket2::Type::DGRAM)?;
        // The kernel grants what its limits allow.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
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
        Ok(Self {
            socket,
            offload,
            local,
        })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits until there may be something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads what is there, without waiting; returns the count of messages.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there. ICMP errors of single peers, too.
    pub(super) fn read(&self, room: &mut Room) -> io::Result<usize> {
        self.socket.try_io(Interest::READABLE, || {
            let mut slices: [io::IoSliceMut<'_>; READ_BATCH] = {
                let mut buffers = room.buffers.iter_mut();
                std::array::from_fn(|_| {
                    io::IoSliceMut::new(buffers.next().map_or(&mut [], Vec::as_mut_slice))
                })
            };
            let socket = UdpSockRef::from(&self.socket);
            match self.offload.recv(socket, &mut slices, &mut room.meta) {
                Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
                other => other,
            }
        })
    }

    /// Sends all runs and forgets them. Waits while the socket's buffer is full:
    /// it is full for all peers. What the kernel refuses is lost, as on a wire.
    pub(super) async fn send(&self, runs: &mut Runs) {
        for run in runs.runs.drain(..) {
            let transmit = Transmit {
                destination: self.destination(run.to),
                ecn: None,
                contents: runs.bytes.get(run.begin..run.end).unwrap_or_default(),
                segment_size: (run.end - run.begin > run.segment).then_some(run.segment),
                src_ip: run.from,
            };
            loop {
                let sent = self.socket.try_io(Interest::WRITABLE, || {
                    self.offload
                        .try_send(UdpSockRef::from(&self.socket), &transmit)
                });
                match sent {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.socket.writable().await.is_ok() {
                            continue;
                        }
                    }
                    Err(error) => tracing::debug!(%error, to = %run.to, "a datagram is not sent"),
                    Ok(()) => {}
                }
                break;
            }
        }
        runs.bytes.clear();
    }

    /// An empty list of datagrams to send by this socket.
    pub(super) fn runs(&self) -> Runs {
        Runs {
            bytes: Vec::new(),
            runs: Vec::new(),
            max_segments: self.offload.max_gso_segments(),
        }
    }

    fn destination(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(v4) if self.local.is_ipv6() => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => to,
        }
    }
}

/// A socket to bind to `listen`, for tokio.
///
/// # Errors
/// When the kernel gives none.
pub(super) fn open(listen: SocketAddr, kind: socket2::Type) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(listen), kind, None)?;
    if listen.is_ipv6() {
        // `[::]` serves both families; Windows and some sysctls say otherwise.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Room to read messages into.
pub(super) struct Room {
    buffers: Vec<Vec<u8>>,
    meta: [RecvMeta; READ_BATCH],
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            buffers: vec![vec![0; READ_BYTES]; READ_BATCH],
            meta: [RecvMeta::default(); READ_BATCH],
        }
    }

    /// The datagrams of the first `count` messages: where each came from, which
    /// address of ours it came to, and its bytes.
    pub(super) fn datagrams(
        &self,
        count: usize,
    ) -> impl Iterator<Item = (SocketAddr, Option<IpAddr>, &[u8])> {
        let messages = self.buffers.iter().zip(&self.meta).take(count);
        messages.flat_map(|(buffer, meta)| {
            let message = buffer.get(..meta.len).unwrap_or_default();
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let to = meta.dst_ip.map(|ip| ip.to_canonical());
            message
                .chunks(meta.stride.max(1))
                .map(move |datagram| (from, to, datagram))
        })
    }
}

/// Datagrams to send. Those in a row to one peer, all as long as the first but
/// the last, are a run: one system call.
pub(super) struct Runs {
    bytes: Vec<u8>,
    runs: Vec<Run>,
    max_segments: usize,
}

struct Run {
    to: SocketAddr,
    from: Option<IpAddr>,
    begin: usize,
    end: usize,
    /// Length of the datagrams.
    segment: usize,
}

impl Runs {
    /// Adds a datagram.
    pub(super) fn push(&mut self, from: Option<IpAddr>, to: SocketAddr, datagram: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        let end = self.bytes.len();
        let max_segments = self.max_segments;
        let goes_on = |run: &&mut Run| {
            let length = run.end - run.begin;
            (run.to, run.from) == (to, from)
                && datagram.len() <= run.segment
                && length.is_multiple_of(run.segment)
                && length / run.segment < max_segments
                && length + datagram.len() <= MAX_RUN_BYTES
        };
        match self.runs.last_mut().filter(goes_on) {
            Some(run) => run.end = end,
            None => self.runs.push(Run {
                to,
                from,
                begin,
                end,
                segment: datagram.len().max(1),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(runs: &Runs) -> Vec<(usize, usize)> {
        runs.runs
            .iter()
            .map(|run| (run.segment, run.end - run.begin))
            .collect()
    }

    #[test]
    fn datagrams_of_one_length_to_one_peer_go_in_one_run() {
        let mut runs = Runs {
            bytes: Vec::new(),
            runs: Vec::new(),
            max_segments: 3,
        };
        let (one, two) = (
            "192.0.2.1:1000".parse().expect("an address"),
            "192.0.2.2:1000".parse().expect("an address"),
        );
        for length in [10, 10, 4, 10, 10, 10, 10, 11] {
            runs.push(None, one, &vec![0; length]);
        }
        runs.push(None, two, &[0; 11]);
        runs.push(Some([192, 0, 2, 9].into()), two, &[0; 11]);
        assert_eq!(
            lengths(&runs),
            [(10, 24), (10, 30), (10, 10), (11, 11), (11, 11), (11, 11)]
        );
    }

    #[tokio::test]
    async fn a_run_arrives_as_its_datagrams() {
        let address = || "[::]:0".parse().expect("an address");
        let (ours, theirs) = (
            Socket::bind(address()).expect("a port"),
            Socket::bind(address()).expect("a port"),
        );
        let to = SocketAddr::new([127, 0, 0, 1].into(), theirs.local_addr().port());
        let mut runs = ours.runs();
        for fill in 0..5 {
            runs.push(Some([127, 0, 0, 2].into()), to, &[fill; 100]);
        }
        runs.push(None, to, b"short");
        ours.send(&mut runs).await;
        let (mut room, mut got) = (Room::new(), Vec::new());
        while got.len() < 6 {
            theirs.readable().await.expect("it is read");
            let Ok(count) = theirs.read(&mut room) else {
                continue;
            };
            for (from, to, datagram) in room.datagrams(count) {
                assert_eq!(to, Some([127, 0, 0, 1].into()));
                got.push((from.ip(), datagram.to_vec()));
            }
        }
        for (fill, datagram) in (0..5).zip(&got) {
            assert_eq!(*datagram, ([127, 0, 0, 2].into(), vec![fill; 100]));
        }
        assert_eq!(got[5], ([127, 0, 0, 1].into(), b"short".to_vec()));
    }
}
