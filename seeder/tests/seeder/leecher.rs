//! A leecher's signalling: offers and answers through the relay.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::RngExt;
use seeder::rtc::{Channel, Offer as Waiting, Opening, Rtc};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tracker_protocol::{
    Announce, Answer, ClientMessage, Description, DescriptionKind, Event, InfoHash, Offer, OfferId,
    PeerId, RawValue, ServerMessage, SkippedOffers,
};

use crate::wire::Wire;

/// A leecher with a UDP port of its own, as each page of a browser has.
pub(crate) struct Leecher {
    rtc: Rtc,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    info_hash: InfoHash,
    pub(crate) peer_id: PeerId,
    offers: BTreeMap<OfferId, Waiting>,
}

impl Leecher {
    /// Joins the swarm with so many offers.
    pub(crate) async fn join(url: &str, info_hash: InfoHash, offers: usize) -> Self {
        Self::join_from(Ipv4Addr::LOCALHOST, url, info_hash, offers).await
    }

    /// The same with the address `ip`.
    pub(crate) async fn join_from(
        ip: Ipv4Addr,
        url: &str,
        info_hash: InfoHash,
        offers: usize,
    ) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(url)
            .await
            .expect("the relay is there");
        let mut peer_id = *b"-WW0300-............";
        rand::rng().fill(&mut peer_id[8..]);
        let mut leecher = Self {
            rtc: Rtc::bind((ip, 0).into(), None).expect("a port"),
            socket,
            info_hash,
            peer_id: PeerId::from_bytes(peer_id),
            offers: BTreeMap::new(),
        };
        leecher.announce(Event::Started, offers).await;
        leecher
    }

    /// Announces, as a page does again and again.
    pub(crate) async fn announce(&mut self, event: Event, count: usize) {
        self.announce_as(event, count, str::to_owned).await;
    }

    /// Announces with offers that are changed on their way.
    pub(crate) async fn announce_as(
        &mut self,
        event: Event,
        count: usize,
        change: impl Fn(&str) -> String,
    ) {
        let mut offers = Vec::new();
        for _ in 0..count {
            let (sdp, waiting) = self.rtc.create_offer().await.expect("an offer");
            let sdp = change(&sdp);
            let offer_id = OfferId::from_bytes(rand::rng().random());
            self.offers.insert(offer_id.clone(), waiting);
            let offer = Cow::Owned(raw(DescriptionKind::Offer, &sdp));
            offers.push(Offer { offer_id, offer });
        }
        let message = ClientMessage::Announce(Announce {
            info_hash: self.info_hash,
            peer_id: self.peer_id,
            event,
            left: None,
            uploaded: Some(0),
            downloaded: Some(0),
            numwant: u64::try_from(count).ok(),
            offers,
            skipped_offers: SkippedOffers::default(),
            tracker_id: None,
        });
        self.send(&message).await;
    }

    /// Waits until a seeder has answered or offered, and shakes hands with it.
    pub(crate) async fn connect(&mut self) -> Wire {
        let channel = self.channel().await;
        Wire::open(channel, self.info_hash, self.peer_id).await
    }

    /// Waits until a seeder has answered or offered.
    pub(crate) async fn channel(&mut self) -> Channel {
        loop {
            let opening = self.signalled().await;
            // Whichever of two connections comes about is the one.
            if let Ok(channel) = opening.open().await {
                return channel;
            }
        }
    }

    /// As [`Leecher::connect`], within a time.
    pub(crate) async fn connect_within(&mut self, seconds: u64) -> Option<Wire> {
        tokio::time::timeout(Duration::from_secs(seconds), self.connect())
            .await
            .ok()
    }

    /// Waits until a seeder has answered or offered: the connection that comes of it.
    pub(crate) async fn signalled(&mut self) -> Opening {
        loop {
            let Some(Ok(message)) = self.socket.next().await else {
                panic!("the relay stays");
            };
            let Message::Text(text) = message else {
                continue;
            };
            match ServerMessage::parse(&text).expect("the relay speaks well") {
                ServerMessage::Answer(answer) => {
                    let waiting = self.offers.remove(&answer.offer_id);
                    let waiting = waiting.expect("an offer was made");
                    let sdp = sdp(&answer.answer);
                    return waiting.accept_answer(&sdp).await.expect("an answer");
                }
                ServerMessage::Offer(offer) => {
                    let sdp = sdp(&offer.offer);
                    let (answer, opening) = self.rtc.accept_offer(&sdp).await.expect("an offer");
                    let message = ClientMessage::Answer(Answer {
                        info_hash: self.info_hash,
                        peer_id: self.peer_id,
                        to_peer_id: offer.peer_id,
                        offer_id: offer.offer_id,
                        answer: Cow::Owned(raw(DescriptionKind::Answer, &answer)),
                        tracker_id: None,
                    });
                    self.send(&message).await;
                    return opening;
                }
                ServerMessage::Announced(_)
                | ServerMessage::Scraped(_)
                | ServerMessage::Failure(_) => {}
            }
        }
    }

    async fn send(&mut self, message: &ClientMessage<'_>) {
        let text = Message::text(message.to_json());
        self.socket.send(text).await.expect("the relay takes it");
    }
}

fn raw(kind: DescriptionKind, sdp: &str) -> Box<RawValue> {
    let sdp = Cow::Borrowed(sdp);
    Description { kind, sdp }.to_raw()
}

fn sdp(raw: &RawValue) -> String {
    let description = Description::parse(raw).expect("a description");
    description.sdp.into_owned()
}
