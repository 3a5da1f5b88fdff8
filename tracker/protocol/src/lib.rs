//! Ids and messages of the WebTorrent tracker protocol: JSON over WebSocket, one object a message.
//!
//! The tracker reads [`ClientMessage`]s and writes [`ServerMessage`]s; a client does the reverse.
//! Parsing borrows from the text: an offer or an answer stays the raw JSON it arrived as and is
//! relayed as such. There is no socket, clock or state here: see the `swarm` package for those.
//!
//! Nobody has written this protocol down; the reference is the npm package `bittorrent-tracker`.
//! We accept what its clients and those of libtorrent, anacrolix/torrent and trystero send, and
//! refuse by name what would make a message ambiguous: ids that are not exactly 20 bytes.

mod client;
mod description;
mod event;
mod id;
mod offer_id;
mod parse;
mod server;
mod write;

pub use client::{Announce, Answer, ClientMessage, Offer, SkippedOffers};
pub use description::{Description, DescriptionError, DescriptionKind};
pub use event::Event;
pub use id::{IdError, InfoHash, PeerId};
pub use offer_id::{OfferId, OfferIdError};
pub use parse::{Cap, Limits, ParseError, ServerParseError, Verdict};
pub use serde_json::value::RawValue;
pub use server::{
    Announced, Failure, RelayedAnswer, RelayedOffer, ScrapeEntry, Scraped, ServerMessage, Subject,
};

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;
