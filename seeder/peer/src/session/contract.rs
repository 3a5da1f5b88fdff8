//! What goes into a session and what comes out.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tracker_protocol::PeerId;

use crate::handshake::HandshakeError;
use crate::{Bitfield, BlockRequest, DecodeError, Torrent};

/// What a session is made of.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The torrent of this connection.
    pub torrent: Torrent,
    /// Our peer id.
    pub our_peer_id: PeerId,
    /// The pieces that are verified. Others follow as [`Input::PieceVerified`].
    pub have: Bitfield,
    /// Our name and version as the extended handshake carries them, `Shoal 0.1`.
    pub client: String,
    /// Bounds and intervals.
    pub limits: Limits,
}

/// Bounds and intervals of a session.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests a peer may have open; told to it as `reqq`.
    pub reqq: u32,
    /// Time from the start to the peer's handshake.
    pub handshake: Duration,
    /// A keep-alive is sent when nothing else was for this long. BEP 3 closes after 2 minutes.
    pub keep_alive: Duration,
    /// The session ends when nothing came for this long. webtorrent.js sends a keep-alive every 55 s.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reqq: 512,
            handshake: Duration::from_secs(10),
            keep_alive: Duration::from_secs(100),
            silence: Duration::from_secs(180),
        }
    }
}

/// What a session is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Bytes came; message borders of the channel mean nothing.
    Received(&'a [u8]),
    /// The choker took the slot away.
    Choke,
    /// The choker gave a slot. Without effect while the peer is not interested.
    Unchoke,
    /// A piece may be served from now on.
    PieceVerified(u32),
    /// A piece may not be served any more.
    PieceWithdrawn(u32),
    /// A block from [`Session::next_upload`](super::Session::next_upload) was handed to the channel.
    Sent(BlockRequest),
    /// A block from [`Session::next_upload`](super::Session::next_upload) could not be read. Its piece counts as withdrawn.
    Unreadable(BlockRequest),
    /// Time has passed: due at [`Session::poll_timeout`](super::Session::poll_timeout).
    Tick,
}

/// What a session wants done or known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this as one channel message (≤ 64 KiB); never together with another.
    Send(Bytes),
    /// The peer's handshake is right.
    Handshaken {
        /// The peer's id.
        peer_id: PeerId,
        /// Name and version read from the id, printable.
        client: String,
    },
    /// The peer wants something (`true`) or nothing (`false`) of us.
    Interested(bool),
    /// The peer began (`true`) or ceased (`false`) to have requests that can be answered.
    Requesting(bool),
    /// The peer has every piece.
    Complete,
    /// Close the connection. The session is over, and ignores what follows.
    Close(CloseReason),
}

/// What to send when there is credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upload {
    /// A whole message: a piece of metadata, ≤ 17 KiB.
    Message(Bytes),
    /// Read this block, send its header and bytes in one buffer, then tell [`Input::Sent`].
    Block(BlockRequest),
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The peer's handshake is not the right one.
    #[error("the handshake {0}")]
    Handshake(#[from] HandshakeError),
    /// No handshake came in time.
    #[error("no handshake came in time")]
    HandshakeTimeout,
    /// The peer sent what is no message for us.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// More messages than a peer can need.
    #[error("too many messages a second")]
    MessageFlood,
    /// Too many messages of which a leecher needs few, or that mean nothing here.
    #[error("too many messages of which a leecher needs few")]
    SeldomMessages,
    /// Requests outside the torrent or of a length never served.
    #[error("too many requests outside the torrent")]
    InvalidRequests,
    /// Many more requests than `reqq`.
    #[error("many more open requests than `reqq` allows")]
    RequestFlood,
    /// Requests went on after a choke.
    #[error("requests went on while choked")]
    RequestsWhileChoked,
    /// A piece was asked for that we did not have, and do not have yet.
    #[error("asked for a piece that is not there")]
    PieceNotThere,
    /// A block could not be read, and the peer knows no `reject`.
    #[error("a requested block cannot be read")]
    Unreadable,
    /// Nothing came for too long.
    #[error("nothing came for too long")]
    Silent,
}

/// What went over a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Blocks sent.
    pub blocks: u64,
    /// Bytes of these blocks, headers not counted.
    pub bytes: u64,
    /// Bytes of metadata messages sent.
    pub metadata_bytes: u64,
    /// Requests rejected, or dropped where the peer knows no `reject`.
    pub rejected: u64,
    /// Messages that meant nothing.
    pub ignored: u64,
}
