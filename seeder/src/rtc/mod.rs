//! The WebRTC edge: descriptions and bytes in, descriptions and bytes out.
//!
//! The only module that names the stack, so that another can take its place.
//! All connections share one UDP port. An [`Rtc`] answers offers and makes its
//! own; either way an [`Opening`] comes of it, which becomes a [`Channel`] or an
//! error within [`OPEN_TIMEOUT`]. Whatever is dropped is closed, and the browser
//! is told so, by a task of its own.

mod addresses;
mod channel;
mod hub;
mod mux;
mod sdp;
mod stun;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rtc::ice::mdns::MulticastDnsMode;
use tokio::sync::{mpsc, watch};
use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState,
    RTCSessionDescription, SettingEngine, SettingEngineBuilder,
};

pub use channel::{Channel, Opening, SEND_TIMEOUT};
use hub::Hub;
use mux::MuxRuntime;
pub use sdp::SdpError;

/// From a complete exchange of descriptions to an open channel.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// Unacknowledged bytes of a channel above which [`Channel::writable`] waits.
/// More fills the browser's UDP buffer faster than it reads: what is lost costs
/// more than what is won.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// What a peer may have on its way to us: requests are small.
const RECEIVE_BUFFER_BYTES: u32 = 256 * 1024;

/// How long a connection may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// ICE: no word from the peer for so long and it is `disconnected`, then so long
/// again and it is `failed`, which ends it; we say a word every so often.
const ICE_DISCONNECTED: Duration = Duration::from_secs(5);
const ICE_FAILED: Duration = Duration::from_secs(10);
const ICE_KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The label of channels that we open; the other side takes any.
const LABEL: &str = "shoal";

/// Letters of a ufrag and of a password (RFC 8839 §5.4 wants 4 and 22 at least).
const UFRAG_LETTERS: usize = 8;
const PASSWORD_LETTERS: usize = 24;

/// What can go wrong with one connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RtcError {
    /// Their description is refused before the stack sees it.
    #[error(transparent)]
    Description(#[from] SdpError),
    /// The stack refused something.
    #[error("webrtc: {0}")]
    Stack(String),
    /// The channel did not open in time.
    #[error("the data channel did not open within {} s", OPEN_TIMEOUT.as_secs())]
    OpenTimeout,
    /// Nothing could be sent for too long.
    #[error("the peer took nothing for {} s", SEND_TIMEOUT.as_secs())]
    SendTimeout,
    /// The connection or its channel ended.
    #[error("the connection has ended")]
    Gone,
}

impl From<webrtc::error::Error> for RtcError {
    fn from(error: webrtc::error::Error) -> Self {
        Self::Stack(error.to_string())
    }
}

/// All WebRTC connections of a seeder, on one UDP port.
pub struct Rtc {
    hub: Arc<Hub>,
    public_ip: Option<IpAddr>,
    reader: tokio::task::AbortHandle,
}

impl std::fmt::Debug for Rtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rtc")
            .field("local", &self.hub.local_addr())
            .finish_non_exhaustive()
    }
}

impl Drop for Rtc {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Rtc {
    /// Binds the UDP socket. With a wildcard address, descriptions name every
    /// interface's address and loopback; `public_ip` is named instead of all
    /// when given. Runs on the caller's tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(listen: SocketAddr, public_ip: Option<IpAddr>) -> io::Result<Self> {
        let hub = Hub::bind(listen)?;
        let reader = Arc::clone(&hub);
        let reader = tokio::spawn(async move { reader.run().await }).abort_handle();
        Ok(Self {
            hub,
            public_ip,
            reader,
        })
    }

    /// The bound address, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.hub.local_addr()
    }

    /// The addresses named in our descriptions, best first.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        addresses::reachable(self.hub.local_addr(), self.public_ip)
    }

    /// Connections that exist, remote addresses known for them, and tasks that
    /// run for them: for tests of leaks and for statistics.
    #[must_use]
    pub fn census(&self) -> (usize, usize, usize) {
        (
            self.hub.connections(),
            self.hub.sources(),
            self.hub.tasks().len(),
        )
    }

    /// Answers an offer: returns the answer's SDP and what opens the channel.
    ///
    /// # Errors
    /// When the offer is over a limit or the stack cannot read it.
    pub async fn accept_offer(&self, offer: &str) -> Result<(String, Opening), RtcError> {
        let offer = RTCSessionDescription::offer(self.remote(offer)?)?;
        let (connection, events) = self.connection().await?;
        let stack = connection.stack();
        stack.set_remote_description(offer).await?;
        let answer = stack.create_answer(None).await?;
        let sdp = sdp::advertise(&answer.sdp, &self.addresses());
        stack.set_local_description(answer).await?;
        Ok((sdp, Opening::new(connection, events)))
    }

    /// Makes an offer: returns its SDP and what takes the answer to it.
    ///
    /// # Errors
    /// When the stack cannot make one.
    pub async fn create_offer(&self) -> Result<(String, Offer), RtcError> {
        let (connection, events) = self.connection().await?;
        let stack = connection.stack();
        let channel = stack.create_data_channel(LABEL, None).await?;
        let offer = stack.create_offer(None).await?;
        let sdp = sdp::advertise(&offer.sdp, &self.addresses());
        stack.set_local_description(offer).await?;
        let offer = Offer {
            loopback: self.loopback(),
            opening: Opening::with_channel(connection, events, channel),
        };
        Ok((sdp, offer))
    }

    /// Waits until all connections that were dropped have told their peers.
    pub async fn closed(&self) {
        self.hub.tasks().close();
        self.hub.tasks().wait().await;
    }

    fn remote(&self, sdp: &str) -> Result<String, SdpError> {
        sdp::accept_remote(sdp, self.loopback())
    }

    /// Checks to loopback addresses make sense if we have one.
    fn loopback(&self) -> bool {
        let ip = self.hub.local_addr().ip();
        self.public_ip.is_none() && (ip.is_loopback() || ip.is_unspecified())
    }

    async fn connection(&self) -> Result<(Connection, Events), RtcError> {
        let ufrag = random_letters(UFRAG_LETTERS);
        let settings = settings(&ufrag);
        let runtime = Arc::new(MuxRuntime::new(Arc::clone(&self.hub), &ufrag));
        let (channel, channels) = mpsc::channel(1);
        let (gone, is_gone) = watch::channel(false);
        let mut labels = vec!["127.0.0.1:0"];
        if self.hub.local_addr().is_ipv6() {
            labels.push("[::1]:0");
        }
        let mut connection = Connection {
            hub: Arc::clone(&self.hub),
            runtime: Arc::clone(&runtime),
            stack: None,
        };
        let stack = PeerConnectionBuilder::new()
            .with_setting_engine(settings)
            .with_runtime(runtime)
            .with_handler(Arc::new(Handler { channel, gone }))
            .with_udp_addrs(labels)
            .with_data_channel_send_buffer_limit(SEND_BUFFER_BYTES)
            .build()
            .await?;
        connection.stack = Some(Arc::new(stack));
        let events = Events {
            channels,
            gone: is_gone,
        };
        Ok((connection, events))
    }
}

/// An offer of ours that waits for its answer. Dropped, it is withdrawn.
#[derive(Debug)]
pub struct Offer {
    loopback: bool,
    opening: Opening,
}

impl Offer {
    /// Takes the answer's SDP.
    ///
    /// # Errors
    /// When the answer is over a limit or the stack cannot read it.
    pub async fn accept_answer(self, answer: &str) -> Result<Opening, RtcError> {
        let answer = sdp::accept_remote(answer, self.loopback)?;
        let answer = RTCSessionDescription::answer(answer)?;
        self.opening.stack().set_remote_description(answer).await?;
        Ok(self.opening)
    }
}

/// What the stack tells of a connection.
struct Events {
    /// The first channel that the peer opened.
    channels: mpsc::Receiver<Arc<dyn DataChannel>>,
    /// Whether the connection failed or was closed.
    gone: watch::Receiver<bool>,
}

/// A connection of the stack; dropping it closes it in a task of its own.
struct Connection {
    hub: Arc<Hub>,
    runtime: Arc<MuxRuntime>,
    /// `None` only while it is built.
    stack: Option<Arc<dyn PeerConnection>>,
}

impl Connection {
    fn stack(&self) -> &Arc<dyn PeerConnection> {
        self.stack.as_ref().expect("a built connection has a stack")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let runtime = Arc::clone(&self.runtime);
        let Some(stack) = self.stack.take() else {
            return runtime.end();
        };
        self.hub.spawn(async move {
            match tokio::time::timeout(CLOSE_TIMEOUT, stack.close()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "closing a connection failed"),
                Err(_) => tracing::debug!("closing a connection took too long"),
            }
            runtime.end();
        });
    }
}

/// Passes on what the stack tells. Runs on the connection's driver, hence never
/// waits.
struct Handler {
    channel: mpsc::Sender<Arc<dyn DataChannel>>,
    gone: watch::Sender<bool>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        ) {
            self.gone.send_replace(true);
        }
    }

    /// One channel carries everything. A peer that opens another is no leecher,
    /// and each costs the stack memory: it is hung up on.
    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if self.channel.try_send(channel).is_err() {
            self.gone.send_replace(true);
        }
    }
}

fn settings(ufrag: &str) -> SettingEngine {
    SettingEngineBuilder::new()
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
