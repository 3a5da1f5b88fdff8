//! Leechers at a tracker that runs elsewhere: each in a socket of its own, for as long as it waits
//! for its answer, so that as few as can be are there to be given each other's offers.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};
use tracker_protocol::{
    Announce, ClientMessage, Description, Event, Offer, ServerMessage, SkippedOffers,
};

use super::{ANSWER_PATIENCE, Attempt, Call, Context, Reply};

/// Makes every offer that is heard, until there are no more.
pub(super) async fn run(url: &str, mut calls: mpsc::Receiver<Call>, context: Arc<Context>) {
    while let Some(call) = calls.recv().await {
        let (url, context) = (url.to_owned(), Arc::clone(&context));
        tokio::spawn(async move {
            let asked = tokio::time::timeout(ANSWER_PATIENCE, ask(&url, &call, &context)).await;
            if let Ok(Err(error)) = asked {
                context.trouble(format!("the tracker: {error}"));
            }
        });
    }
}

/// Announces with the offer and waits for its answer.
async fn ask(url: &str, call: &Call, context: &Context) -> Result<(), Error> {
    let (mut socket, _) = connect_async(url).await?;
    let announce = ClientMessage::Announce(Announce {
        info_hash: context.info_hash,
        peer_id: call.peer_id,
        event: Event::Started,
        left: Some(context.length),
        uploaded: Some(0),
        downloaded: Some(0),
        numwant: Some(1),
        offers: vec![Offer {
            offer_id: call.attempt.offer_id(),
            offer: Cow::Owned(super::offer(&call.sdp)),
        }],
        skipped_offers: SkippedOffers::default(),
        tracker_id: None,
    });
    socket.send(Message::text(announce.to_json())).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        let Ok(text) = message.to_text() else {
            continue;
        };
        match ServerMessage::parse(text) {
            Ok(ServerMessage::Answer(answer)) => {
                let attempt = Attempt::from_offer_id(&answer.offer_id);
                let description = Description::parse(&answer.answer);
                let (Some(attempt), Ok(description)) = (attempt, description) else {
                    continue;
                };
                let sdp = description.sdp.into_owned();
                context.reply(Reply { attempt, sdp });
                break;
            }
            Ok(ServerMessage::Failure(failure)) => {
                context.trouble(format!("the tracker: {}", failure.reason));
            }
            // Other leechers' offers are not for us, and a ping is no message.
            Ok(
                ServerMessage::Announced(_) | ServerMessage::Offer(_) | ServerMessage::Scraped(_),
            )
            | Err(_) => {}
        }
    }
    socket.close(None).await
}
