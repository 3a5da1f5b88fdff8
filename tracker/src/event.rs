//! What happens in a tracker, for those who watch it.

use serde::Serialize;
use tracker_protocol::{InfoHash, PeerId};

/// Something that happened, in the order in which it happened.
///
/// As JSON it is an object whose `event` names it; ids are lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A torrent got its first peer.
    TorrentAdded {
        /// The torrent.
        #[serde(serialize_with = "hex")]
        info_hash: InfoHash,
    },
    /// A torrent lost its last peer.
    TorrentRemoved {
        /// The torrent.
        #[serde(serialize_with = "hex")]
        info_hash: InfoHash,
    },
    /// A peer came.
    PeerJoined {
        /// The torrent.
        #[serde(serialize_with = "hex")]
        info_hash: InfoHash,
        /// The peer.
        #[serde(serialize_with = "hex")]
        peer_id: PeerId,
        /// Whether it has everything.
        seeder: bool,
    },
    /// A peer that was counted as missing something has everything.
    PeerCompleted {
        /// The torrent.
        #[serde(serialize_with = "hex")]
        info_hash: InfoHash,
        /// The peer.
        #[serde(serialize_with = "hex")]
        peer_id: PeerId,
    },
    /// A peer stopped, went away or was removed.
    PeerLeft {
        /// The torrent.
        #[serde(serialize_with = "hex")]
        info_hash: InfoHash,
        /// The peer.
        #[serde(serialize_with = "hex")]
        peer_id: PeerId,
    },
    /// The database cannot be written; the tracker goes on in memory.
    StoreDegraded {
        /// What the database said.
        reason: String,
    },
    /// The database can be written again, and nothing was lost.
    StoreRecovered,
}

fn hex<S: serde::Serializer>(id: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}
