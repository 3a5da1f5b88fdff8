//! The WebRTC edge: descriptions and bytes in, descriptions and bytes out.
//!
//! The only module that names the stack, so that another can take its place.
//! All connections share one UDP port. An [`Rtc`] answers offers and makes its
//! own; either way an [`Opening`] comes of it, which becomes a [`Channel`] or an
//! error within [`OPEN_TIMEOUT`]. Whatever is dropped is closed, and the browser
//! is told so, by a task of its own.

mod addresses;
mod channel;
mod endpoint;
mod error;
mod grants;
mod link;
mod message;
mod offer;
mod offered;
mod outside;
mod pacer;
mod path;
mod peer;
mod reach;
mod reflexive;
mod relay;
mod round_trip;
mod routes;
mod sdp;
mod servers;
mod socket;
mod stun;
mod tcp;
mod transport;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::RTCPeerConnectionBuilder;
use tokio::sync::{mpsc, oneshot, watch};
use webrtc::peer_connection::{
    RTCIceCandidateInit, RTCPeerConnection, RTCSessionDescription, SettingEngine,
    SettingEngineBuilder,
};

pub use channel::{Channel, Opening, SEND_TIMEOUT};
use endpoint::{Endpoint, Order};
pub use error::RtcError;
use link::Bell;
pub use offer::Offer;
use offer::Place;
pub use offered::Offered;
pub use outside::Outside;
use path::Via;
use reach::Reach;
pub use relay::Turn;
use routes::Key;
pub use sdp::SdpError;
use servers::Servers;
pub use transport::Transport;

/// From a complete exchange of descriptions to an open channel.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// Unacknowledged bytes of a channel above which [`Channel::writable`] waits,
/// when the peer is near. These and a block are 56 datagrams, which is what a
/// socket of Chromium holds (64 KiB asked of Linux, which counts 2 304 bytes a
/// datagram): when the last of more is lost, a second passes until it is sent again.
pub const SEND_BUFFER_BYTES: usize = 48 * 1024;

/// The same when the peer is far: what is on the way needs room, too, and what
/// is sent is spread over it. At least and at most.
pub const FAR_SEND_BUFFER_BYTES: [usize; 2] = [128 * 1024, 1024 * 1024];

/// How long servers may take to tell where we are before we go on without.
const GATHERING_TIMEOUT: Duration = Duration::from_secs(2);

/// What a peer may have on its way to us: requests are small.
const RECEIVE_BUFFER_BYTES: u32 = 256 * 1024;

/// Connections made that wait for the endpoint to take them.
const MAX_ORDERS: usize = 64;

/// ICE: no word from the peer for so long and it is `disconnected`, then so long
/// again and it is `failed`, which ends it; we say a word every so often.
const ICE_DISCONNECTED: Duration = Duration::from_secs(5);
const ICE_FAILED: Duration = Duration::from_secs(10);
const ICE_KEEP_ALIVE: Duration = Duration::from_secs(4);

/// The label of channels that we open; the other side takes any.
const LABEL: &str = "shoal";

/// Letters of a ufrag and of a password (RFC 8839 §5.4 wants 4 and 22 at least).
const UFRAG_LETTERS: usize = 8;
const PASSWORD_LETTERS: usize = 24;

/// All WebRTC connections of a seeder, on one UDP port.
pub struct Rtc {
    local: SocketAddr,
    transport: Transport,
    outside: watch::Receiver<Outside>,
    bell: Arc<Bell>,
    orders: mpsc::Sender<Order>,
    next_key: AtomicU64,
    endpoint: tokio::task::AbortHandle,
}

impl std::fmt::Debug for Rtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rtc")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl Drop for Rtc {
    fn drop(&mut self) {
        self.endpoint.abort();
    }
}

impl Rtc {
    /// Binds the UDP socket, with all else as usual. Runs on the caller's tokio
    /// runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(listen: SocketAddr, public_ip: Option<IpAddr>) -> io::Result<Self> {
        Self::start(Transport {
            listen,
            public_ip,
            ..Transport::default()
        })
    }

    /// Binds the UDP socket. Runs on the caller's tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound, or no address is left to name.
    pub fn start(transport: Transport) -> io::Result<Self> {
        let socket = transport.bind()?;
        let local = socket.local_addr();
        let bell = Arc::new(Bell::default());
        let (orders, given) = mpsc::channel(MAX_ORDERS);
        let (servers, outside) = Servers::new(Instant::now(), &transport);
        let tcp = if transport.ice_tcp {
            tcp::Connections::of(tcp::listen(local)?)
        } else {
            tcp::Connections::default()
        };
        let endpoint = Endpoint::new(socket, servers, tcp, Arc::clone(&bell), given);
        let rtc = Self {
            local,
            transport,
            outside,
            bell,
            orders,
            next_key: AtomicU64::new(0),
            endpoint: tokio::spawn(endpoint.run()).abort_handle(),
        };
        if rtc.addresses().is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "none of this machine's addresses is among those to offer",
            ));
        }
        Ok(rtc)
    }

    /// The bound address, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The addresses named in our descriptions, best first.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        addresses::reachable(self.local, &self.transport)
    }

    /// Where servers say that we are.
    #[must_use]
    pub fn outside(&self) -> Outside {
        *self.outside.borrow()
    }

    /// Waits until all servers have answered or been given up once, for two seconds at
    /// most: descriptions made earlier lack what comes later.
    pub async fn gathered(&self) {
        let mut outside = self.outside.clone();
        let settled = outside.wait_for(|outside| outside.settled);
        let _ = tokio::time::timeout(GATHERING_TIMEOUT, settled).await;
    }

    /// Connections that exist, and remote addresses known for them: for tests of
    /// leaks and for statistics.
    #[must_use]
    pub fn census(&self) -> (usize, usize) {
        self.bell.counts()
    }

    /// Answers an offer: returns the answer's SDP and what opens the channel.
    ///
    /// # Errors
    /// When the offer is over a limit or the stack cannot read it.
    pub async fn accept_offer(&self, offer: &str) -> Result<(String, Opening), RtcError> {
        let addresses = self.addresses();
        let offer = sdp::accept_remote(offer, Reach::of(&addresses))?;
        let offer = RTCSessionDescription::offer(offer)?;
        let now = Instant::now();
        let (ufrag, mut stack) = self.stack(now)?;
        stack.set_remote_description(now, offer)?;
        let answer = stack.create_answer(None)?;
        let sdp = self.advertise(&answer.sdp, &addresses);
        stack.set_local_description(now, answer)?;
        let opening = self.place().add(ufrag, stack, None).await?;
        Ok((sdp, opening))
    }

    /// Makes an offer: returns its SDP and what takes the answer to it.
    ///
    /// # Errors
    /// When the stack cannot make one.
    #[expect(
        clippy::unused_async,
        reason = "accepting offers is async, and so was making them"
    )]
    pub async fn create_offer(&self) -> Result<(String, Offer), RtcError> {
        let now = Instant::now();
        let (ufrag, mut stack) = self.stack(now)?;
        let channel = stack.create_data_channel(LABEL, None)?.id();
        let offer = stack.create_offer(None)?;
        let addresses = self.addresses();
        let sdp = self.advertise(&offer.sdp, &addresses);
        stack.set_local_description(now, offer)?;
        let offer = Offer {
            reach: Reach::of(&addresses),
            place: self.place(),
            ufrag,
            stack,
            channel,
        };
        Ok((sdp, offer))
    }

    /// Waits until all connections that were dropped have told their peers, and gives
    /// the relay back: the last thing to do.
    pub async fn closed(&self) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(Order::Settle(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }

    /// Our description, with where we are.
    fn advertise(&self, sdp: &str, addresses: &[SocketAddr]) -> String {
        let tcp = if self.transport.ice_tcp {
            addresses
        } else {
            &[]
        };
        sdp::advertise(sdp, addresses, tcp, self.outside())
    }

    /// Our candidates, as the stack knows them.
    fn labels(&self) -> Vec<String> {
        let host = |via, is_ipv6| sdp::host_candidate(0, path::label(via, is_ipv6));
        let mut labels = vec![host(Via::Udp, false)];
        if self.local.is_ipv6() {
            labels.push(host(Via::Udp, true));
        }
        if self.outside().relayed.is_some() {
            let label = path::label(Via::Relay, false);
            labels.push(sdp::server_candidate(sdp::RELAYED, label));
        }
        if self.transport.ice_tcp {
            let families = [false, true].into_iter();
            let families = families.filter(|is_ipv6| !is_ipv6 || self.local.is_ipv6());
            // UDP to the stack, and worse than what is.
            labels.extend(families.map(|is_ipv6| {
                let label = path::label(Via::Tcp, is_ipv6);
                sdp::server_candidate(sdp::RELAYED, label)
            }));
        }
        labels
    }

    fn place(&self) -> Place {
        Place {
            key: Key(self.next_key.fetch_add(1, Ordering::Relaxed)),
            bell: Arc::clone(&self.bell),
            orders: self.orders.clone(),
        }
    }

    /// The stack's part of a connection, and its local ufrag.
    fn stack(&self, now: Instant) -> Result<(String, RTCPeerConnection), RtcError> {
        let ufrag = random_letters(UFRAG_LETTERS);
        let mut stack = RTCPeerConnectionBuilder::new()
            .with_setting_engine(settings(&ufrag, self.transport.ice_lite))
            .build(now)?;
        for candidate in self.labels() {
            stack.add_local_candidate(RTCIceCandidateInit {
                candidate,
                ..RTCIceCandidateInit::default()
            })?;
        }
        Ok((ufrag, stack))
    }
}

/// The request that asks a STUN server how it sees us.
#[must_use]
pub fn binding_request(transaction: [u8; 12]) -> Vec<u8> {
    message::Message::new(message::BINDING, transaction).into_bytes()
}

/// The address in the success response to it.
#[must_use]
pub fn mapped_address(response: &[u8], transaction: [u8; 12]) -> Option<SocketAddr> {
    let answer = (message::BINDING | message::SUCCESS, transaction);
    (message::head(response)? == answer).then(|| message::mapped_address(response))?
}

fn settings(ufrag: &str, ice_lite: bool) -> SettingEngine {
    SettingEngineBuilder::new()
        .with_lite(ice_lite)
        .with_ice_credentials(ufrag.to_owned(), random_letters(PASSWORD_LETTERS))
        .with_ice_timeouts(
            Some(ICE_DISCONNECTED),
            Some(ICE_FAILED),
            Some(ICE_KEEP_ALIVE),
        )
        // Each mDNS resolver is a multicast socket; names are answered by the
        // peer's own checks.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
        // Browsers that hide their addresses are peer-reflexive: no better
        // candidate comes by waiting.
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_sctp_max_receive_buffer_size(RECEIVE_BUFFER_BYTES)
        .build()
}

fn random_letters(count: usize) -> String {
    let mut random = rand::rng();
    (0..count)
        .map(|_| char::from(random.sample(rand::distr::Alphanumeric)))
        .collect()
}
