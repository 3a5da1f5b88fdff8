use std::time::Duration;

use rand::RngExt;
use tracker_protocol::{InfoHash, PeerId};

use crate::Miss;
use crate::message;
use crate::socket::Socket;

/// Where cases are carried out: a tracker and some patience.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) url: String,
    /// How long something that has to come may take.
    pub(crate) timeout: Duration,
    /// How long it must stay quiet until nothing more is expected.
    pub(crate) settle: Duration,
}

impl Lab {
    /// A new socket to the tracker.
    pub(crate) async fn socket(&self) -> Result<Socket, Miss> {
        self.socket_at(&self.url).await
    }

    /// A new socket to the tracker under another URL.
    pub(crate) async fn socket_at(&self, url: &str) -> Result<Socket, Miss> {
        Socket::open(url, self.timeout, self.settle)
            .await
            .map_err(|error| Miss::Differs(format!("no socket: {error}")))
    }

    /// A new peer on a socket of its own, whose `started` was answered.
    pub(crate) async fn peer(&self, torrent: InfoHash, left: u64) -> Result<Peer, Miss> {
        let mut peer = Peer {
            socket: self.socket().await?,
            torrent,
            id: peer_id(),
        };
        let mut announce = peer.announce();
        announce["left"] = left.into();
        peer.socket.say(&announce).await?;
        peer.socket.response(torrent).await?;
        Ok(peer)
    }

    /// Leechers on a socket each.
    pub(crate) async fn leechers(
        &self,
        torrent: InfoHash,
        count: usize,
    ) -> Result<Vec<Peer>, Miss> {
        let mut peers = Vec::with_capacity(count);
        for _ in 0..count {
            peers.push(self.peer(torrent, 1000).await?);
        }
        Ok(peers)
    }
}

/// A peer in one swarm.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) socket: Socket,
    pub(crate) torrent: InfoHash,
    pub(crate) id: PeerId,
}

impl Peer {
    /// The announce with which it starts as a leecher.
    pub(crate) fn announce(&self) -> serde_json::Value {
        message::announce(self.torrent, self.id)
    }

    /// Announces as a leecher with these offers and waits for the response.
    pub(crate) async fn offer(&mut self, offers: serde_json::Value) -> Result<(), Miss> {
        let mut announce = message::update(self.torrent, self.id);
        announce["numwant"] = offers.as_array().map_or(5, Vec::len).into();
        announce["offers"] = offers;
        self.socket.say(&announce).await?;
        self.socket.response(self.torrent).await.map(|_| ())
    }
}

/// An info-hash nobody else uses.
pub(crate) fn torrent() -> InfoHash {
    InfoHash::from_bytes(rand::rng().random())
}

/// A peer id nobody else uses.
pub(crate) fn peer_id() -> PeerId {
    let mut bytes = *b"-SHCONF-............";
    rand::rng().fill(&mut bytes[8..]);
    PeerId::from_bytes(bytes)
}
