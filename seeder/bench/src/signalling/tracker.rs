//! A tracker of our own: it hands every leecher's offer to a seeder and nothing to anyone else.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tracker_protocol::{
    Announced, ClientMessage, Description, Event, Limits, RelayedOffer, ServerMessage,
};

use super::{Attempt, Call, Context, Reply};

/// Seconds between announces.
const INTERVAL: u32 = 120;

/// Messages that wait for a seeder's socket; what comes when it is full is lost.
const OUTBOX: usize = 256;

/// Seeders at a time: the oldest makes room.
const MAX_SEEDERS: usize = 16;

type Outbox = mpsc::Sender<String>;

/// The sockets of seeders that announced; offers go to them in turn.
type Seeders = Mutex<VecDeque<Outbox>>;

/// Serves until there are no more offers to come.
pub(super) async fn run(
    listener: TcpListener,
    mut calls: mpsc::Receiver<Call>,
    context: Arc<Context>,
) {
    let seeders = Arc::new(Seeders::default());
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return context.trouble(error.to_string()),
    };
    loop {
        tokio::select! {
            call = calls.recv() => match call {
                Some(call) => relay(&call, &seeders, &context),
                None => return,
            },
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                tokio::spawn(serve(stream, Arc::clone(&seeders), Arc::clone(&context)));
            },
        }
    }
}

fn relay(call: &Call, seeders: &Seeders, context: &Context) {
    let offer = ServerMessage::Offer(RelayedOffer {
        info_hash: context.info_hash,
        peer_id: call.peer_id,
        offer_id: call.attempt.offer_id(),
        offer: std::borrow::Cow::Owned(super::offer(&call.sdp)),
    });
    let mut seeders = seeders.lock().unwrap_or_else(PoisonError::into_inner);
    seeders.retain(|seeder| !seeder.is_closed());
    if let Some(seeder) = seeders.pop_front() {
        let _ = seeder.try_send(offer.to_json());
        seeders.push_back(seeder);
    }
}

async fn serve(stream: TcpStream, seeders: Arc<Seeders>, context: Arc<Context>) {
    let Ok(socket) = accept_async(stream).await else {
        return;
    };
    let (mut sink, mut source) = socket.split();
    let (outbox, mut outgoing) = mpsc::channel::<String>(OUTBOX);
    loop {
        tokio::select! {
            message = source.next() => {
                let Some(Ok(message)) = message else { return };
                if let Ok(text) = message.to_text() {
                    hear(text, &outbox, &seeders, &context);
                }
            }
            text = outgoing.recv() => {
                let Some(text) = text else { return };
                if sink.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Takes a message of the seeder; what is none of the protocol is let pass, as is another torrent.
fn hear(text: &str, outbox: &Outbox, seeders: &Seeders, context: &Context) {
    match ClientMessage::parse(text, &Limits::default()) {
        Ok(ClientMessage::Announce(announce)) if announce.info_hash == context.info_hash => {
            let announced = ServerMessage::Announced(Announced {
                info_hash: announce.info_hash,
                interval: Some(INTERVAL),
                min_interval: None,
                complete: Some(1),
                incomplete: Some(1),
                downloaded: None,
                tracker_id: None,
                warning: None,
            });
            let _ = outbox.try_send(announced.to_json());
            let mut seeders = seeders.lock().unwrap_or_else(PoisonError::into_inner);
            seeders.retain(|seeder| !seeder.same_channel(outbox));
            if announce.event == Event::Stopped {
                return;
            }
            seeders.push_back(outbox.clone());
            if seeders.len() > MAX_SEEDERS {
                seeders.pop_front();
            }
            let _ = context.seeders.try_send(());
        }
        Ok(ClientMessage::Answer(answer)) => {
            let attempt = Attempt::from_offer_id(&answer.offer_id);
            let description = Description::parse(&answer.answer);
            if let (Some(attempt), Ok(description)) = (attempt, description) {
                let sdp = description.sdp.into_owned();
                context.reply(Reply { attempt, sdp });
            }
        }
        Ok(ClientMessage::Announce(_) | ClientMessage::Scrape { .. }) | Err(_) => {}
    }
}
