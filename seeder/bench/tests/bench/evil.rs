//! A seeder that sends what a test tells it to.

use std::borrow::Cow;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use seeder::rtc::{Channel, Rtc};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tracker_protocol::{
    Announce, Answer, ClientMessage, Description, DescriptionKind, Event, InfoHash, PeerId,
    ServerMessage, SkippedOffers,
};

use crate::{PIECE_BYTES, byte_at};

/// What it does to the message with a block before it sends it.
pub(crate) type Spoil = fn(index: u32, begin: u32, message: &mut Vec<u8>);

/// Seeds at a tracker until it is aborted. Returns once it has announced.
pub(crate) async fn start(url: String, info_hash: InfoHash, spoil: Spoil) {
    let (mut socket, _) = connect_async(url).await.expect("the tracker is there");
    let peer_id = PeerId::from_bytes(*b"-EV0001-evil seeder!");
    let announce = ClientMessage::Announce(Announce {
        info_hash,
        peer_id,
        event: Event::Started,
        left: Some(0),
        uploaded: Some(0),
        downloaded: Some(0),
        numwant: Some(0),
        offers: Vec::new(),
        skipped_offers: SkippedOffers::default(),
        tracker_id: None,
    });
    let announce = Message::text(announce.to_json());
    socket.send(announce).await.expect("it is taken");
    let rtc = Rtc::bind(([127, 0, 0, 1], 0).into(), None).expect("a port");
    let (announced, is_announced) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut announced = Some(announced);
        while let Some(Ok(message)) = socket.next().await {
            let text = message.to_text().unwrap_or_default();
            let Ok(message) = ServerMessage::parse(text) else {
                continue;
            };
            if let Some(announced) = announced.take() {
                let _ = announced.send(());
            }
            let ServerMessage::Offer(offer) = message else {
                continue;
            };
            let description = Description::parse(&offer.offer).expect("a description");
            let answered = rtc.accept_offer(&description.sdp).await;
            let (sdp, opening) = answered.expect("an answer");
            let description = Description {
                kind: DescriptionKind::Answer,
                sdp: Cow::Borrowed(&sdp),
            };
            let answer = ClientMessage::Answer(Answer {
                info_hash,
                peer_id,
                to_peer_id: offer.peer_id,
                offer_id: offer.offer_id,
                answer: Cow::Owned(description.to_raw()),
                tracker_id: None,
            });
            let answer = Message::text(answer.to_json());
            socket.send(answer).await.expect("it is taken");
            tokio::spawn(async move {
                let channel = opening.open().await.expect("it opens");
                seed(&channel, info_hash, peer_id, spoil).await;
            });
        }
    });
    is_announced.await.expect("the tracker answers");
}

async fn seed(channel: &Channel, info_hash: InfoHash, peer_id: PeerId, spoil: Spoil) {
    let mut greeting = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04".to_vec();
    greeting.extend(info_hash.as_bytes());
    greeting.extend(peer_id.as_bytes());
    // All pieces, and no choke.
    greeting.extend([0, 0, 0, 1, 14, 0, 0, 0, 1, 1]);
    let _ = channel.send(BytesMut::from(&greeting[..])).await;
    let mut shaken = false;
    while let Some(came) = channel.receive().await {
        // A leecher's messages end where the channel's do.
        let mut rest = &came[if shaken { 0 } else { 68 }..];
        shaken = true;
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (message, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            rest = after;
            if let [6, place @ ..] = message {
                let _ = channel.send(block(place, spoil)).await;
            }
        }
    }
}

fn block(place: &[u8], spoil: Spoil) -> BytesMut {
    let number = |at: usize| u32::from_be_bytes(*place[at..].first_chunk().expect("a number"));
    let (index, begin, length) = (number(0), number(4), number(8) as usize);
    let start = index as usize * PIECE_BYTES + begin as usize;
    let mut message = (9 + length as u32).to_be_bytes().to_vec();
    message.push(7);
    message.extend(&place[..8]);
    message.extend((start..start + length).map(byte_at));
    spoil(index, begin, &mut message);
    BytesMut::from(&message[..])
}
