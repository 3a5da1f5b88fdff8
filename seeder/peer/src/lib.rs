//! The BitTorrent peer protocol of a seeder (BEP 3, 6, 9, 10), and the choker, as pure machines.
//!
//! No socket, clock, task or random number is used here: bytes and the time come in, bytes and
//! decisions come out. Both machines are driven by the same rule:
//!
//! 1. give one input with [`Session::handle`] or [`Choker::handle`],
//! 2. drain `poll_output` to `None` (and for a session pull [`Session::next_upload`] while there is
//!    credit to send),
//! 3. call again with `Tick` at `poll_timeout`.
//!
//! A [`Session`] is one connection on which we are the seeder; it never asks the peer for content. A
//! [`Choker`] decides for all sessions of a process who is served, who waits and who is let in. They
//! do not know each other: the shell carries facts from one to the other.
//!
//! ```
//! use std::time::Instant;
//!
//! use peer::{Bitfield, Choker, ChokerConfig, Input, Limits, Output, PeerEvent, PeerKey};
//! use peer::{Session, SessionConfig, Torrent};
//! use tracker_protocol::{InfoHash, PeerId};
//!
//! let now = Instant::now();
//! let mut choker = Choker::new(ChokerConfig::default());
//! let key = PeerKey(1);
//!
//! let info = b"d6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:01234567890123456789e";
//! let torrent = Torrent::new(InfoHash::from_bytes([7; 20]), 16_384, 1, info.to_vec().into())?;
//! choker.admit(now, key, torrent.info_hash())?; // An offer came; it is answered, and the channel opens.
//!
//! let mut session = Session::new(now, SessionConfig {
//!     have: Bitfield::full(torrent.piece_count()),
//!     torrent,
//!     our_peer_id: PeerId::from_bytes(*b"-SH0100-abcdefghijkl"),
//!     client: "Shoal 0.1".to_owned(),
//!     limits: Limits::default(),
//! });
//! session.handle(now, Input::Received(b"\x13BitTorrent protocol"));
//! while let Some(output) = session.poll_output() {
//!     match output {
//!         Output::Send(message) => assert_eq!(message.len(), 68), // to the channel
//!         Output::Handshaken { .. } => choker.handle(now, key, PeerEvent::Joined),
//!         Output::Interested(true) => choker.handle(now, key, PeerEvent::Interested),
//!         Output::Interested(false) => choker.handle(now, key, PeerEvent::NotInterested),
//!         Output::Requesting(some) => choker.handle(now, key, PeerEvent::Requesting(some)),
//!         Output::Complete => choker.handle(now, key, PeerEvent::Complete),
//!         Output::Close(_) => choker.handle(now, key, PeerEvent::Left),
//!     }
//! }
//! // Then the choker's outputs become `Input::Choke` and `Input::Unchoke`, blocks are sent while there
//! // is credit, and both are woken at the earlier of their time-outs.
//! let due = session.poll_timeout().into_iter().chain(choker.poll_timeout()).min();
//! assert!(due.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Start with [`Session`], [`Input`] and [`Output`], then [`Choker`] and [`PeerEvent`].

mod bitfield;
mod block;
mod budget;
mod choker;
mod client;
mod decoder;
mod extension;
mod handshake;
mod message;
mod metadata;
mod requests;
mod session;
mod torrent;
mod upload;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;

pub use bitfield::Bitfield;
pub use block::BlockRequest;
pub use choker::{
    Choker, ChokerConfig, ChokerOutput, Order, PeerEvent, PeerKey, Refusal, Removal, Slots, network,
};
pub use decoder::DecodeError;
pub use handshake::HandshakeError;
pub use session::{CloseReason, Input, Limits, Output, Session, SessionConfig, Traffic, Upload};
pub use torrent::{Torrent, TorrentError};
pub use upload::{Bucket, SLOWEST_LIMIT, UploadLimits};
