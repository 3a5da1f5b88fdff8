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

fn outbox(bytes: usize, messages: usize) -> Outbox {
    Outbox::new(Arc::new(Budget::new(bytes, messages, usize::MAX)))
}

async fn next(outbox: &Outbox) -> Batch {
    std::future::poll_fn(|context| outbox.poll_next(context)).await
}

/// What is queued: offers by their names, responses by their intervals.
async fn queued(outbox: &Outbox) -> Vec<String> {
    let mut told = Vec::new();
    while outbox.bytes() > 0 {
        for message in next(outbox).await.messages {
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
    let outbox = outbox(1 << 20, 3);
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
    let outbox = outbox(4000, 1000);
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
    let outbox = outbox(1 << 20, 2);
    outbox.push(Class::Response, response(1));
    outbox.push(Class::Response, response(2));
    assert_eq!(outbox.push(Class::Response, response(3)), Pushed::Overflow);
    assert_eq!(outbox.push(Class::Response, response(4)), Pushed::Closing);
    let batch = next(&outbox).await;
    assert_eq!(batch.close.map(|reason| u16::from(reason.code)), Some(1013));
    assert!(batch.messages.is_empty());
}

#[tokio::test]
async fn what_was_queued_before_a_close_is_written_before_it_and_the_first_reason_stays() {
    let outbox = outbox(1 << 20, 100);
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
    let first = next(&outbox).await;
    assert_eq!((first.messages.len(), first.close), (BATCH_MESSAGES, None));
    let last = next(&outbox).await;
    assert_eq!(last.messages.len(), 20 - BATCH_MESSAGES);
    assert_eq!(last.close.map(|reason| reason.code), Some(CloseCode::Away));
}

#[tokio::test]
async fn only_the_latest_ping_is_answered() {
    let outbox = outbox(1 << 20, 100);
    outbox.pong("first".into());
    outbox.pong("second".into());
    outbox.ping();
    let batch = next(&outbox).await;
    assert_eq!((batch.pong, batch.ping), (Some("second".into()), true));
}

#[tokio::test]
async fn while_all_outboxes_together_are_full_none_takes_an_offer_and_each_takes_responses() {
    let budget = Arc::new(Budget::new(1 << 20, 100, 3000));
    let [first, second] = [(); 2].map(|()| Outbox::new(Arc::clone(&budget)));
    let whole = Pushed::Queued { offers_dropped: 0 };
    assert_eq!(first.push(Class::Offer, offer("a")), whole);
    assert_eq!(first.push(Class::Offer, offer("b")), whole);
    assert!(budget.is_spent());
    assert_eq!(second.push(Class::Offer, offer("c")), Pushed::OfferDropped);
    assert_eq!(second.push(Class::Response, response(1)), whole);
    // Room comes back by writing, and by the end of a socket.
    assert_eq!(queued(&second).await, ["1"]);
    drop(first);
    assert_eq!(budget.spent.load(Ordering::Relaxed), 0);
    assert_eq!(second.push(Class::Offer, offer("c")), whole);
}

#[tokio::test]
async fn a_task_that_waits_for_messages_is_woken_by_one() {
    let outbox = Arc::new(outbox(1 << 20, 100));
    let waiting = tokio::spawn({
        let outbox = Arc::clone(&outbox);
        async move { next(&outbox).await.messages.len() }
    });
    tokio::task::yield_now().await;
    outbox.push(Class::Response, response(1));
    assert_eq!(waiting.await.expect("it ends"), 1);
}
