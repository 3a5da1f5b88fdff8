//! A tracker just good enough for the load, that goes wrong in one way of choice.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// Messages that wait for one client; far more than the tests cause.
const WAITING: usize = 100_000;

/// How to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    LoseOffer,
    LoseAnswer,
    LoseResponse,
    RepeatOffer,
    /// Change an offer's SDP.
    AlterOffer,
    /// Send an answer to the one that answered.
    ReturnAnswer,
    /// Refuse an announce.
    Refuse,
    /// Send a response to an answer, too, as aquatic_ws does.
    RespondToAnswer,
    /// Close a socket at its first announce.
    Close,
}

/// The tracker, and the tasks it runs in.
pub(crate) struct Faulty {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

type Outbox = mpsc::Sender<Message>;

struct State {
    /// The clients of each torrent, with their peer ids.
    torrents: HashMap<String, Vec<(String, Outbox)>>,
    fault: Fault,
    /// It goes wrong one time in so many.
    period: u64,
    /// How often it could have gone wrong.
    chances: u64,
}

impl State {
    /// Whether to go wrong like this now.
    fn strikes(&mut self, how: Fault) -> bool {
        if self.fault != how {
            return false;
        }
        self.chances += 1;
        self.chances.is_multiple_of(self.period)
    }
}

impl Faulty {
    pub(crate) fn start(fault: Fault, period: u64) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            torrents: HashMap::new(),
            fault,
            period,
            chances: 0,
        }));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let socket = tokio_tungstenite::accept_async(stream)
        .await
        .expect("an upgrade");
    let (mut sink, mut stream) = socket.split();
    let (own, mut outbox) = mpsc::channel(WAITING);
    let writing = tokio::spawn(async move {
        while let Some(message) = outbox.recv().await {
            if sink.send(message).await.is_err() {
                break;
            }
        }
    });
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        let mut state = state.lock().expect("no panic");
        if state.strikes(Fault::Close) {
            break;
        }
        match message.get("answer") {
            Some(_) => answer(&mut state, &message, &own),
            None => announce(&mut state, &message, &own),
        }
    }
    writing.abort();
}

fn send(to: &Outbox, message: &Value) {
    // The client may have gone.
    let _ = to.try_send(Message::text(message.to_string()));
}

fn respond(info_hash: &Value, to: &Outbox) {
    let message = json!({"action": "announce", "info_hash": info_hash, "interval": 120,
        "complete": 0, "incomplete": 1});
    send(to, &message);
}

fn announce(state: &mut State, message: &Value, own: &Outbox) {
    let (info_hash, peer_id) = (&message["info_hash"], &message["peer_id"]);
    let name = info_hash.as_str().expect("an id").to_owned();
    if message["event"] == "started" {
        let peer = (peer_id.as_str().expect("an id").to_owned(), own.clone());
        state.torrents.entry(name.clone()).or_default().push(peer);
        return respond(info_hash, own);
    }
    if state.strikes(Fault::Refuse) {
        let refusal =
            json!({"action": "announce", "info_hash": info_hash, "failure reason": "busy"});
        send(own, &refusal);
    } else if !state.strikes(Fault::LoseResponse) {
        respond(info_hash, own);
    }
    let others: Vec<Outbox> = state.torrents[&name]
        .iter()
        .filter(|(id, _)| id != peer_id)
        .map(|(_, outbox)| outbox.clone())
        .collect();
    let offers = message["offers"].as_array().expect("offers");
    for (offer, to) in offers.iter().zip(others) {
        let mut relay = json!({"action": "announce", "info_hash": info_hash, "peer_id": peer_id,
            "offer_id": offer["offer_id"], "offer": offer["offer"]});
        if state.strikes(Fault::LoseOffer) {
            continue;
        }
        if state.strikes(Fault::AlterOffer) {
            relay["offer"]["sdp"] = "v=0".into();
        }
        if state.strikes(Fault::RepeatOffer) {
            send(&to, &relay);
        }
        send(&to, &relay);
    }
}

fn answer(state: &mut State, message: &Value, own: &Outbox) {
    let info_hash = &message["info_hash"];
    let relay = json!({"action": "announce", "info_hash": info_hash, "peer_id": message["peer_id"],
        "offer_id": message["offer_id"], "answer": message["answer"]});
    if state.strikes(Fault::RespondToAnswer) {
        respond(info_hash, own);
    }
    if state.strikes(Fault::LoseAnswer) {
        return;
    }
    if state.strikes(Fault::ReturnAnswer) {
        return send(own, &relay);
    }
    let peers = &state.torrents[info_hash.as_str().expect("an id")];
    let to = peers.iter().find(|(id, _)| *id == message["to_peer_id"]);
    send(&to.expect("a peer that announced").1, &relay);
}
