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

#[cfg(test)]
mod tests;

pub use bitfield::Bitfield;
pub use block::BlockRequest;
pub use choker::{Choker, ChokerConfig, ChokerOutput, PeerEvent, PeerKey, Refusal, Removal};
pub use decoder::DecodeError;
pub use handshake::HandshakeError;
pub use session::{CloseReason, Input, Limits, Output, Session, SessionConfig, Traffic, Upload};
pub use torrent::{Torrent, TorrentError};
