//! Random operations over sockets, beside a naive model of who is where.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::chaos::{all_are_gone, patient};
use crate::client::{Client, address, announce, id, offer};

/// Who is in which torrent, told naively: torrent, socket and peer to whether it is a seed.
type Model = BTreeMap<(u8, usize, u8), bool>;

fn counts(model: &Model, torrent: u8) -> [u64; 2] {
    let of = |seed| {
        let is_it =
            |((of, ..), is_seed): &(&(u8, usize, u8), &bool)| (*of, **is_seed) == (torrent, seed);
        model.iter().filter(is_it).count() as u64
    };
    [of(true), of(false)]
}

/// Others that may get the offers of a peer.
fn candidates(model: &Model, torrent: u8, peer: u8, is_seed: bool) -> usize {
    let is_it = |((of, _, other), other_is_seed): &(&(u8, usize, u8), &bool)| {
        *of == torrent && *other != peer && !(is_seed && **other_is_seed)
    };
    model.iter().filter(is_it).count()
}

#[tokio::test]
async fn random_operations_over_sockets_behave_like_the_naive_model() {
    let tracker = patient().await;
    let to = address(&tracker);
    let mut rng = StdRng::seed_from_u64(5);
    let mut model = Model::new();
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(Client::connect(to).await);
    }
    for turn in 0..1500 {
        let (torrent, peer) = (rng.random_range(1..4), rng.random_range(1..5));
        let socket = rng.random_range(0..clients.len());
        let key = (torrent, socket, peer);
        let is_seed = rng.random_bool(0.4);
        let left = json!({"left": u8::from(!is_seed), "numwant": 0});
        match rng.random_range(0..10) {
            0 => {
                let stopped = json!({"event": "stopped"});
                let response = clients[socket].announce(torrent, peer, stopped).await;
                model.remove(&key);
                check(&model, torrent, &response);
            }
            1 => {
                clients[socket] = Client::connect(to).await;
                model.retain(|(_, of, _), _| *of != socket);
                all_are_gone(&tracker, 6).await;
            }
            2..5 => {
                let response = clients[socket].announce(torrent, peer, left).await;
                model.insert(key, is_seed);
                check(&model, torrent, &response);
            }
            _ => {
                let Some((&key, &is_seed)) =
                    model.iter().collect::<Vec<_>>().choose(&mut rng).copied()
                else {
                    continue;
                };
                let wanted = candidates(&model, key.0, key.2, is_seed).min(3);
                meet(&mut clients, key, is_seed, wanted, turn).await;
            }
        }
    }
    for torrent in 1..4 {
        let [complete, incomplete] = counts(&model, torrent);
        let told = clients[0].counts(torrent).await;
        assert_eq!(told[..2], [complete, incomplete]);
    }
    clients.clear();
    all_are_gone(&tracker, 0).await;
    assert_eq!(tracker.stats().torrents, 0);
}

fn check(model: &Model, torrent: u8, response: &Value) {
    let told = ["complete", "incomplete"].map(|key| response[key].as_u64().expect("a count"));
    assert_eq!(told, counts(model, torrent), "{response}");
}

/// Makes three offers, of which `wanted` find others; each is answered, and the answers come back.
async fn meet(
    clients: &mut [Client],
    (torrent, socket, peer): (u8, usize, u8),
    is_seed: bool,
    wanted: usize,
    turn: u32,
) {
    let names: Vec<Value> = (0..3)
        .map(|name| offer(&format!("{turn}-{name}")))
        .collect();
    let fields = json!({"left": u8::from(!is_seed), "numwant": wanted, "offers": names});
    clients[socket].send(&announce(torrent, peer, fields)).await;
    // What each socket has heard is known when it was asked after the announcer's response.
    let mut given = Vec::new();
    let response = clients[socket].next().await;
    assert!(response["interval"].is_u64(), "{response}");
    for (receiver, client) in clients.iter_mut().enumerate() {
        client
            .send(&json!({"action": "scrape", "info_hash": id(9)}))
            .await;
        loop {
            let message = client.next().await;
            if message["action"] == "scrape" {
                break;
            }
            assert_eq!(message["peer_id"], id(peer), "{message}");
            given.push((receiver, message));
        }
    }
    assert_eq!(given.len(), wanted);
    for (receiver, message) in given {
        // A socket with several peers does not know which of them is meant: all of them answer.
        for answering in 1..5 {
            let answer = json!({
                "action": "announce", "info_hash": id(torrent), "peer_id": id(answering),
                "to_peer_id": id(peer), "offer_id": message["offer_id"],
                "answer": {"type": "answer", "sdp": message["offer"]["sdp"]},
            });
            clients[receiver].send(&answer).await;
        }
        let answered = clients[socket].next().await;
        assert_eq!(answered["offer_id"], message["offer_id"], "{answered}");
        assert_eq!(answered["answer"]["sdp"], message["offer"]["sdp"]);
    }
}
