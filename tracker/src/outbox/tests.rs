use std::borrow::Cow;

use tracker_protocol::{
    Announced, InfoHash, OfferId, PeerId, RawValue, RelayedOffer, ServerMessage,
};

use super::*;

fn response(interval: u32) -> ServerMessage<'static> {
    ServerMessage::Announced(Announced {
        info_hash: InfoHash::from_bytes([1; 20]),
        interval: Some(interval),
        min_interval: None,
        complete: None,
        incomplete: None,
        downloaded: None,
        tracker_id: None,
        warning: None,
    })
}

fn offer(name: &str) -> ServerMessage<'static> {
    let offer = RawValue::from_string(format!("\"{}\"", "x".repeat(998))).expect("JSON");
    ServerMessage::Offer(RelayedOffer {
        info_hash: InfoHash::from_bytes([1; 20]),
        peer_id: PeerId::from_bytes([2; 20]),
        offer_id: OfferId::from_text(name).expect("a name"),
        offer: Cow::Owned(offer),
    })
}

/// What is queued: offers by their names, responses by their intervals.
async fn queued(outbox: &Outbox) -> Vec<String> {
    let mut told = Vec::new();
    while outbox.bytes() > 0 {
        for message in outbox.next().await.messages {
            match message {
                ServerMessage::Offer(relayed) => told.push(relayed.offer_id.to_string()),
                ServerMessage::Announced(announced) => {
                    told.push(announced.interval.unwrap_or_default().to_string());
                }
                other @ (ServerMessage::Answer(_)
                | ServerMessage::Scraped(_)
                | ServerMessage::Failure(_)) => panic!("nobody pushed {other:?}"),
            }
        }
    }
    told
}

#[tokio::test]
async fn a_full_outbox_drops_the_oldest_offers_for_a_response_and_no_response_for_an_offer() {
    let outbox = Outbox::new(1 << 20, 3);
    let queued_whole = Pushed::Queued { offers_dropped: 0 };
    assert_eq!(outbox.push(Class::Response, response(1)), queued_whole);
    assert_eq!(outbox.push(Class::Offer, offer("a")), queued_whole);
    assert_eq!(outbox.push(Class::Offer, offer("b")), queued_whole);
    assert_eq!(outbox.push(Class::Offer, offer("c")), Pushed::OfferDropped);
    assert_eq!(
        outbox.push(Class::Response, response(2)),
        Pushed::Queued { offers_dropped: 1 }
    );
    assert_eq!(queued(&outbox).await, ["1", "b", "2"]);
}

#[tokio::test]
async fn bytes_are_bounded_like_messages() {
    let outbox = Outbox::new(4000, 1000);
    assert_eq!(
        outbox.push(Class::Offer, offer("a")),
        Pushed::Queued { offers_dropped: 0 }
    );
    assert_eq!(
        outbox.push(Class::Offer, offer("b")),
        Pushed::Queued { offers_dropped: 0 }
    );
    assert_eq!(outbox.push(Class::Offer, offer("c")), Pushed::OfferDropped);
    assert!(outbox.bytes() <= 4000, "{}", outbox.bytes());
    assert_eq!(
        outbox.push(Class::Answer, response(1)),
        Pushed::Queued { offers_dropped: 0 }
    );
    assert_eq!(
        outbox.push(Class::Response, response(2)),
        Pushed::Queued { offers_dropped: 1 }
    );
    assert_eq!(queued(&outbox).await, ["b", "1", "2"]);
}

#[tokio::test]
async fn responses_alone_that_do_not_fit_close_the_socket_with_1013() {
    let outbox = Outbox::new(1 << 20, 2);
    outbox.push(Class::Response, response(1));
    outbox.push(Class::Response, response(2));
    assert_eq!(outbox.push(Class::Response, response(3)), Pushed::Overflow);
    assert_eq!(outbox.push(Class::Response, response(4)), Pushed::Closing);
    let batch = outbox.next().await;
    assert_eq!(batch.close.map(|reason| u16::from(reason.code)), Some(1013));
    assert!(batch.messages.is_empty());
}

#[tokio::test]
async fn what_was_queued_before_a_close_is_written_before_it_and_the_first_reason_stays() {
    let outbox = Outbox::new(1 << 20, 100);
    for n in 0..20 {
        outbox.push(Class::Response, response(n));
    }
    outbox.close(CloseReason {
        code: CloseCode::Away,
        description: None,
    });
    outbox.close(CloseReason {
        code: CloseCode::Policy,
        description: None,
    });
    let first = outbox.next().await;
    assert_eq!((first.messages.len(), first.close), (BATCH_MESSAGES, None));
    let last = outbox.next().await;
    assert_eq!(last.messages.len(), 20 - BATCH_MESSAGES);
    assert_eq!(last.close.map(|reason| reason.code), Some(CloseCode::Away));
}

#[tokio::test]
async fn only_the_latest_ping_is_answered() {
    let outbox = Outbox::new(1 << 20, 100);
    outbox.pong("first".into());
    outbox.pong("second".into());
    outbox.ping();
    let batch = outbox.next().await;
    assert_eq!((batch.pong, batch.ping), (Some("second".into()), true));
}
