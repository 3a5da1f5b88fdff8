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
    /// Lose one of so many offers.
    LoseOffer(u64),
    /// Lose one of so many answers.
    LoseAnswer(u64),
    /// Lose one of so many responses.
    LoseResponse(u64),
    /// Send one of so many offers twice.
    RepeatOffer(u64),
    /// Change the SDP of one of so many offers.
    AlterOffer(u64),
    /// Send one of so many answers to the one that answered.
    ReturnAnswer(u64),
    /// Refuse one of so many announces.
    Refuse(u64),
    /// Send a response to an answer, too, as aquatic_ws does.
    RespondToAnswers,
    /// Close a socket at its first announce.
    Close,
}

/// The tracker, and the tasks it runs in.
pub(crate) struct Faulty {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

type Outbox = mpsc::Sender<Message>;

#[derive(Default)]
struct State {
    /// The clients of each torrent, with their peer ids.
    torrents: HashMap<String, Vec<(String, Outbox)>>,
    /// How often each kind of thing happened.
    counts: HashMap<&'static str, u64>,
}

impl State {
    /// Whether this is the time to go wrong in what happens once in `period`.
    fn strikes(&mut self, what: &'static str, period: u64) -> bool {
        let count = self.counts.entry(what).or_default();
        *count += 1;
        count.is_multiple_of(period)
    }
}

impl Faulty {
    pub(crate) fn start(fault: Fault) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state), fault));
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>, fault: Fault) {
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
        if fault == Fault::Close {
            break;
        }
        let message: Value = serde_json::from_str(&text).expect("JSON");
        let mut state = state.lock().expect("no panic");
        match message.get("answer") {
            Some(_) => answer(&mut state, &message, &own, fault),
            None => announce(&mut state, &message, &own, fault),
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

fn announce(state: &mut State, message: &Value, own: &Outbox, fault: Fault) {
    let (info_hash, peer_id) = (&message["info_hash"], &message["peer_id"]);
    let name = info_hash.as_str().expect("an id").to_owned();
    if message["event"] == "started" {
        let peer = (peer_id.as_str().expect("an id").to_owned(), own.clone());
        state.torrents.entry(name.clone()).or_default().push(peer);
        return respond(info_hash, own);
    }
    match fault {
        Fault::LoseResponse(period) if state.strikes("response", period) => {}
        Fault::Refuse(period) if state.strikes("announce", period) => send(
            own,
            &json!({"action": "announce", "info_hash": info_hash, "failure reason": "busy"}),
        ),
        _ => respond(info_hash, own),
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
        match fault {
            Fault::LoseOffer(period) if state.strikes("offer", period) => continue,
            Fault::RepeatOffer(period) if state.strikes("offer", period) => send(&to, &relay),
            Fault::AlterOffer(period) if state.strikes("offer", period) => {
                relay["offer"]["sdp"] = "v=0".into();
            }
            _ => {}
        }
        send(&to, &relay);
    }
}

fn answer(state: &mut State, message: &Value, own: &Outbox, fault: Fault) {
    let info_hash = &message["info_hash"];
    let relay = json!({"action": "announce", "info_hash": info_hash, "peer_id": message["peer_id"],
        "offer_id": message["offer_id"], "answer": message["answer"]});
    if fault == Fault::RespondToAnswers {
        respond(info_hash, own);
    }
    match fault {
        Fault::LoseAnswer(period) if state.strikes("answer", period) => return,
        Fault::ReturnAnswer(period) if state.strikes("answer", period) => {
            return send(own, &relay);
        }
        _ => {}
    }
    let peers = &state.torrents[info_hash.as_str().expect("an id")];
    let to = peers.iter().find(|(id, _)| *id == message["to_peer_id"]);
    send(&to.expect("a peer that announced").1, &relay);
}
