use std::ops::RangeInclusive;
use std::path::PathBuf;

use tracker_protocol::{InfoHash, PeerId};

/// Something that happened in a seeder.
///
/// Events come over a bounded queue: a receiver that falls behind by more than
/// [`EVENT_QUEUE`] loses the oldest and is told how many.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// All pieces of a torrent have been checked once.
    Verified {
        /// The torrent.
        info_hash: InfoHash,
        /// Pieces that match and are served.
        good: u32,
        /// Pieces of the torrent.
        pieces: u32,
    },
    /// Pieces do not match their hashes, or cannot be read. They are not served.
    /// Told when a check has ended, and not of pieces of missing files.
    PiecesBad {
        /// The torrent.
        info_hash: InfoHash,
        /// Indices of pieces that follow each other.
        pieces: RangeInclusive<u32>,
    },
    /// A file of the torrent is not there, or is no file. Its pieces are not
    /// served; it is looked for now and then.
    FileMissing {
        /// The torrent.
        info_hash: InfoHash,
        /// The file.
        path: PathBuf,
    },
    /// A file is not as it was when it was checked. Its pieces are withdrawn and
    /// checked again.
    ContentChanged {
        /// The torrent.
        info_hash: InfoHash,
        /// The file.
        path: PathBuf,
    },
    /// The connection to a tracker is up.
    TrackerUp {
        /// The tracker's URL.
        url: String,
    },
    /// The connection to a tracker is down; it is tried again. Told once.
    TrackerDown {
        /// The tracker's URL.
        url: String,
        /// Why.
        reason: String,
    },
    /// A tracker refuses or warns.
    TrackerWarning {
        /// The tracker's URL.
        url: String,
        /// What it says.
        message: String,
    },
    /// A peer has connected and shaken hands.
    PeerJoined {
        /// The torrent.
        info_hash: InfoHash,
        /// The peer.
        peer_id: PeerId,
        /// Its program and version as its id tells, printable.
        client: String,
    },
    /// A peer has gone.
    PeerLeft {
        /// The torrent.
        info_hash: InfoHash,
        /// The peer.
        peer_id: PeerId,
        /// Bytes of content it was sent.
        bytes_sent: u64,
        /// Why.
        reason: String,
    },
}

/// Events that wait for a receiver of [`crate::Seeder::events`].
pub const EVENT_QUEUE: usize = 1024;
