//! A peer made of the stack's own asynchronous wrapper, on sockets of its own:
//! drives its connections in another way than we drive ours.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use seeder::rtc::{Channel, Rtc, Transport};
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCSessionDescription,
};

struct Handler {
    gathered: mpsc::Sender<()>,
    channels: mpsc::Sender<Arc<dyn DataChannel>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        let _ = self.channels.try_send(channel);
    }
}

/// The other peer, and what it is told of.
struct Peer {
    connection: Arc<dyn PeerConnection>,
    gathered: mpsc::Receiver<()>,
    channels: mpsc::Receiver<Arc<dyn DataChannel>>,
}

impl Peer {
    async fn new() -> Self {
        let (is_gathered, gathered) = mpsc::channel(1);
        let (channel, channels) = mpsc::channel(1);
        let connection = PeerConnectionBuilder::new()
            .with_handler(Arc::new(Handler {
                gathered: is_gathered,
                channels: channel,
            }))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .expect("a connection");
        Self {
            connection: Arc::new(connection),
            gathered,
            channels,
        }
    }

    /// Says `description`, with its candidates.
    async fn describe(&mut self, description: RTCSessionDescription) -> String {
        let connection = &self.connection;
        let set = connection.set_local_description(description).await;
        set.expect("it is taken");
        self.gathered.recv().await.expect("it gathers");
        let description = self.connection.local_description().await;
        description.expect("a description").sdp
    }

    /// Offers a channel to `ours`, and waits until it is open on both sides.
    async fn offer_to(&mut self, ours: &Rtc) -> (Arc<dyn DataChannel>, Channel) {
        let channel = self.connection.create_data_channel("theirs", None).await;
        let channel = channel.expect("a channel");
        let offer = self.connection.create_offer(None).await.expect("an offer");
        let offer = self.describe(offer).await;
        let (answer, opening) = ours.accept_offer(&offer).await.expect("an answer");
        let answer = RTCSessionDescription::answer(answer).expect("a description");
        let set = self.connection.set_remote_description(answer).await;
        set.expect("it is taken");
        let opened = opening.open().await.expect("it opens");
        while !matches!(channel.poll().await, Some(DataChannelEvent::OnOpen)) {}
        (channel, opened)
    }
}

async fn message(channel: &Arc<dyn DataChannel>) -> Option<BytesMut> {
    loop {
        let event = channel.poll().await?;
        if let DataChannelEvent::OnMessage(message) = event {
            return Some(message.data);
        }
        if matches!(
            event,
            DataChannelEvent::OnClose | DataChannelEvent::OnClosing
        ) {
            return None;
        }
    }
}

fn bind() -> Rtc {
    Rtc::bind("127.0.0.1:0".parse().expect("an address"), None).expect("a port")
}

/// Sends both ways, then hangs up on our side.
async fn talk(channel: Arc<dyn DataChannel>, ours: Channel) {
    let text = BytesMut::from(&b"from there"[..]);
    channel.send(text).await.expect("it is sent");
    assert_eq!(ours.receive().await.as_deref(), Some(&b"from there"[..]));
    let block = BytesMut::zeroed(16_397);
    ours.send(block.clone()).await.expect("it is sent");
    assert!(message(&channel).await == Some(block));
    drop(ours);
    assert_eq!(message(&channel).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_driver_of_the_stack_offers_to_us() {
    let ours = bind();
    let mut peer = Peer::new().await;
    let (channel, opened) = peer.offer_to(&ours).await;
    talk(channel, opened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_driver_of_the_stack_answers_us() {
    let ours = bind();
    let mut peer = Peer::new().await;
    let (offer, waiting) = ours.create_offer().await.expect("an offer");
    let offer = RTCSessionDescription::offer(offer).expect("a description");
    let set = peer.connection.set_remote_description(offer).await;
    set.expect("it is taken");
    let answer = peer
        .connection
        .create_answer(None)
        .await
        .expect("an answer");
    let answer = peer.describe(answer).await;
    let opening = waiting.accept_answer(&answer).await.expect("it is taken");
    let opened = opening.open().await.expect("it opens");
    let channel = peer.channels.recv().await.expect("a channel");
    talk(channel, opened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_opens_a_second_channel_is_hung_up_on() {
    let ours = bind();
    let mut peer = Peer::new().await;
    let (_channel, opened) = peer.offer_to(&ours).await;
    let second = peer.connection.create_data_channel("second", None).await;
    let _second = second.expect("the peer opens it");
    let ended = tokio::time::timeout(Duration::from_secs(60), opened.receive()).await;
    assert_eq!(ended, Ok(None));
}

/// As an ICE-lite agent we send nothing on our own: the other side connects only
/// if its checks are answered from the address that they went to.
#[tokio::test(flavor = "multi_thread")]
async fn an_ice_lite_agent_answers_from_the_address_that_was_asked() {
    let ours = Rtc::start(Transport {
        listen: "0.0.0.0:0".parse().expect("an address"),
        public_ip: Some([127, 0, 0, 2].into()),
        ice_lite: true,
        ..Transport::default()
    });
    let ours = ours.expect("a port");
    let mut peer = Peer::new().await;
    let (channel, opened) = peer.offer_to(&ours).await;
    talk(channel, opened).await;
}
