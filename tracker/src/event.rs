//! What happens in a tracker, for those who watch it.

use serde::Serialize;
use tracker_protocol::{InfoHash, PeerId};

use crate::cidr::Cidr;

/// Something that happened, in the order in which it happened.
///
/// As JSON it is an object whose `event` names it; ids are lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A torrent got its first peer.
    TorrentAdded {
        /// The torrent.
        #[serde(serialize_with = "text")]
        info_hash: InfoHash,
    },
    /// A torrent lost its last peer.
    TorrentRemoved {
        /// The torrent.
        #[serde(serialize_with = "text")]
        info_hash: InfoHash,
    },
    /// A peer came.
    PeerJoined {
        /// The torrent.
        #[serde(serialize_with = "text")]
        info_hash: InfoHash,
        /// The peer.
        #[serde(serialize_with = "text")]
        peer_id: PeerId,
        /// Whether it has everything.
        seeder: bool,
    },
    /// A peer that was counted as missing something has everything.
    PeerCompleted {
        /// The torrent.
        #[serde(serialize_with = "text")]
        info_hash: InfoHash,
        /// The peer.
        #[serde(serialize_with = "text")]
        peer_id: PeerId,
    },
    /// A peer stopped, went away or was removed.
    PeerLeft {
        /// The torrent.
        #[serde(serialize_with = "text")]
        info_hash: InfoHash,
        /// The peer.
        #[serde(serialize_with = "text")]
        peer_id: PeerId,
    },
    /// A network was banned: it gets no socket, and lost those it had.
    Banned {
        /// The network.
        #[serde(serialize_with = "text")]
        network: Cidr,
        /// Why.
        reason: String,
        /// `tracker` or `operator`.
        made_by: &'static str,
        /// Sockets that were closed for it.
        sockets_closed: usize,
    },
    /// A ban was ended before its time.
    BanLifted {
        /// The network.
        #[serde(serialize_with = "text")]
        network: Cidr,
    },
    /// The tracker sheds load, or less of it, or none.
    Overload {
        /// What it sheds with all that comes before it: `nothing`, `scrapes`, `offers`,
        /// `announces` or `sockets`.
        sheds: &'static str,
        /// Thousandths of what it can bear.
        load: u16,
    },
    /// The database cannot be written; the tracker goes on in memory.
    StoreDegraded {
        /// What the database said.
        reason: String,
    },
    /// The database can be written again, and nothing was lost.
    StoreRecovered,
}

fn text<S: serde::Serializer>(value: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
