//! §10: what the end of a socket takes along.

use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

use crate::Miss;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, Peer, peer_id, torrent};
use crate::message;

/// Between two looks at a swarm that should change.
const LOOK: Duration = Duration::from_millis(50);

pub(super) const CASES: &[Case] = &[
    Case::must(
        "end.close",
        "a socket closes, two torrents on it",
        &["R-10.4"],
        "its peers are gone from both swarms at once, the others stay",
        |lab| Box::pin(closes(lab, true)),
    ),
    Case::must(
        "end.cut",
        "a connection is cut without a close frame",
        &["R-10.4"],
        "its peers are gone from both swarms at once, the others stay",
        |lab| Box::pin(closes(lab, false)),
    ),
    Case::must(
        "end.peers",
        "a socket closes, two peer ids on it",
        &["R-10.4"],
        "both are gone at once",
        |lab| Box::pin(two_peers(lab)),
    ),
    Case::must(
        "end.answered",
        "a close frame",
        &["R-2.10"],
        "is answered by a close frame",
        |lab| Box::pin(answered(lab)),
    ),
];

async fn closes(lab: &Lab, in_order: bool) -> Outcome {
    let torrents = [torrent(), torrent()];
    let mut stays = Vec::new();
    for torrent in torrents {
        stays.push(lab.peer(torrent, 1000).await?);
    }
    let (peer, mut socket) = (peer_id(), lab.socket().await?);
    for torrent in torrents {
        socket.say(&message::announce(torrent, peer)).await?;
        let response = socket.response(torrent).await?;
        if message::counts(&response) != (Some(0), Some(2)) {
            return differs(format!("before: {}", message::sketch(&response)));
        }
    }
    if in_order {
        socket.close().await;
    } else {
        drop(socket);
    }
    for other in &mut stays {
        alone(lab, other).await?;
    }
    Ok("one peer left in each".to_owned())
}

async fn two_peers(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut stays = lab.peer(torrent, 1000).await?;
    let mut socket = lab.socket().await?;
    for _ in 0..2 {
        socket.say(&message::announce(torrent, peer_id())).await?;
        socket.response(torrent).await?;
    }
    socket.close().await;
    alone(lab, &mut stays).await
}

/// Waits until `peer` is the only one in its swarm.
async fn alone(lab: &Lab, peer: &mut Peer) -> Outcome {
    let deadline = Instant::now() + lab.timeout;
    loop {
        let response = counts_for(peer).await?;
        if message::counts(&response) == (Some(0), Some(1)) {
            return Ok(message::sketch(&response));
        }
        if Instant::now() > deadline {
            return differs(format!(
                "after {:?}: {}",
                lab.timeout,
                message::sketch(&response)
            ));
        }
        sleep(LOOK).await;
    }
}

async fn counts_for(peer: &mut Peer) -> Result<Value, Miss> {
    peer.socket
        .say(&message::update(peer.torrent, peer.id))
        .await?;
    peer.socket.response(peer.torrent).await
}

async fn answered(lab: &Lab) -> Outcome {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    let mut socket = lab.peer(torrent(), 1000).await?.socket;
    socket.frame(Frame::close(None)).await?;
    match socket.ended().await {
        Some(end) if end.is_close_frame() => Ok("a close frame".to_owned()),
        Some(end) => differs(end.to_string()),
        None => differs("the socket stays open"),
    }
}
