//! A tracker as small as can be: relays offers and answers, notes announces.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;
use tracker_protocol::{
    Announced, ClientMessage, Event, InfoHash, Limits, PeerId, RelayedAnswer, RelayedOffer,
    ServerMessage,
};

type Swarms = BTreeMap<(InfoHash, PeerId), mpsc::Sender<String>>;

/// A relay that runs until it is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    hang_ups: watch::Sender<u32>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    swarms: Swarms,
    announces: Vec<(PeerId, Event, Option<u64>, usize)>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let hang_ups = watch::Sender::new(0);
        let calls = hang_ups.subscribe();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut call = calls.clone();
                call.mark_unchanged();
                let serving = serve(stream, Arc::clone(&shared));
                tokio::spawn(async move {
                    tokio::select! {
                        () = serving => {}
                        _ = call.changed() => {}
                    }
                });
            }
        });
        Self {
            address,
            state,
            hang_ups,
            task,
        }
    }

    /// Drops all connections, as a tracker that restarts, and forgets all peers.
    pub(crate) fn hang_up(&self) {
        self.state
            .lock()
            .expect("no test panics here")
            .swarms
            .clear();
        self.hang_ups.send_modify(|count| *count += 1);
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/announce", self.address)
    }

    /// What peers whose id begins with `prefix` announced: event, left, offers.
    pub(crate) fn announces(&self, prefix: &[u8]) -> Vec<(Event, Option<u64>, usize)> {
        let state = self.state.lock().expect("no test panics here");
        state
            .announces
            .iter()
            .filter(|(peer_id, ..)| peer_id.as_bytes().starts_with(prefix))
            .map(|(_, event, left, offers)| (*event, *left, *offers))
            .collect()
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    let (mut sink, mut source) = socket.split();
    let (sender, mut outbox) = mpsc::channel::<String>(256);
    let writer = tokio::spawn(async move {
        while let Some(text) = outbox.recv().await {
            if sink.send(Message::text(text)).await.is_err() {
                return;
            }
        }
        let _ = sink.close().await;
    });
    let mut owned = Vec::new();
    while let Some(Ok(message)) = source.next().await {
        if let Message::Text(text) = message {
            let mut state = state.lock().expect("no test panics here");
            take(&text, &sender, &mut state, &mut owned);
        }
    }
    let mut state = state.lock().expect("no test panics here");
    for key in owned {
        state.swarms.remove(&key);
    }
    drop(sender);
    drop(state);
    drop(writer);
}

fn take(
    text: &str,
    sender: &mpsc::Sender<String>,
    state: &mut State,
    owned: &mut Vec<(InfoHash, PeerId)>,
) {
    match ClientMessage::parse(text, &Limits::default()).expect("peers speak well") {
        ClientMessage::Announce(announce) => {
            let key = (announce.info_hash, announce.peer_id);
            let offers = announce.offers.len();
            state
                .announces
                .push((announce.peer_id, announce.event, announce.left, offers));
            if announce.event == Event::Stopped {
                state.swarms.remove(&key);
                return;
            }
            state.swarms.insert(key, sender.clone());
            owned.push(key);
            send(sender, &ServerMessage::Announced(announced(key.0)));
            let others = state
                .swarms
                .iter()
                .filter(|((info_hash, peer_id), _)| *info_hash == key.0 && *peer_id != key.1);
            for (offer, (_, other)) in announce.offers.into_iter().zip(others) {
                let relayed = RelayedOffer {
                    info_hash: key.0,
                    peer_id: key.1,
                    offer_id: offer.offer_id,
                    offer: offer.offer,
                };
                send(other, &ServerMessage::Offer(relayed));
            }
        }
        ClientMessage::Answer(answer) => {
            let Some(to) = state.swarms.get(&(answer.info_hash, answer.to_peer_id)) else {
                return;
            };
            let relayed = RelayedAnswer {
                info_hash: answer.info_hash,
                peer_id: answer.peer_id,
                offer_id: answer.offer_id,
                answer: answer.answer,
            };
            send(to, &ServerMessage::Answer(relayed));
        }
        ClientMessage::Scrape { .. } => panic!("nobody scrapes here"),
    }
}

fn announced(info_hash: InfoHash) -> Announced<'static> {
    Announced {
        info_hash,
        interval: Some(120),
        min_interval: None,
        complete: Some(0),
        incomplete: Some(0),
        downloaded: None,
        tracker_id: None,
        warning: None::<Cow<'static, str>>,
    }
}

fn send(to: &mpsc::Sender<String>, message: &ServerMessage<'_>) {
    // A peer that has gone needs nothing.
    let _ = to.try_send(message.to_json());
}
