use std::borrow::Cow;

use crate::{Event, InfoHash, OfferId, PeerId, RawValue};

/// What a client says to the tracker.
#[derive(Debug, Clone)]
pub enum ClientMessage<'a> {
    /// A peer's state in one swarm, with offers to hand out.
    Announce(Announce<'a>),
    /// The reply to an offer, for the peer that made it. On the wire also an `announce`.
    Answer(Answer<'a>),
    /// A question about torrents; `None` asks for all of them.
    Scrape {
        /// The torrents asked about.
        info_hashes: Option<Vec<InfoHash>>,
    },
}

/// A peer's state in one swarm.
#[derive(Debug, Clone)]
pub struct Announce<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// The peer.
    pub peer_id: PeerId,
    /// What happened.
    pub event: Event,
    /// Bytes still to get; `Some(0)` only for exactly zero, `None` for "not known": absent, null,
    /// negative or not a number. A fraction rounds up, what is beyond `u64` saturates.
    pub left: Option<u64>,
    /// Bytes sent so far, by the client's own account; `None` as for `left`.
    pub uploaded: Option<u64>,
    /// Bytes received so far, by the client's own account; `None` as for `left`.
    pub downloaded: Option<u64>,
    /// How many of the offers to hand out at most; `None` means all.
    pub numwant: Option<u64>,
    /// Offers for other peers, each for one of them.
    pub offers: Vec<Offer<'a>>,
    /// Entries of `offers` that were left out.
    pub skipped_offers: SkippedOffers,
    /// The `trackerid` a tracker gave out earlier, if it is a string.
    pub tracker_id: Option<Cow<'a, str>>,
}

/// How many entries of the `offers` of an announce were left out, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SkippedOffers {
    /// Whatever came after as many offers as [`crate::Limits::offers`].
    pub too_many: usize,
    /// Offers longer than [`crate::Limits::description_bytes`].
    pub too_long: usize,
    /// Entries that are no offers.
    pub malformed: usize,
}

/// One offer of an announce.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    /// The sender's name for it.
    pub offer_id: OfferId,
    /// The session description, a JSON object relayed as it came.
    pub offer: Cow<'a, RawValue>,
}

/// The reply to an offer.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// The peer that answers.
    pub peer_id: PeerId,
    /// The peer that made the offer.
    pub to_peer_id: PeerId,
    /// The offer's name, as received with it.
    pub offer_id: OfferId,
    /// The session description, a JSON object relayed as it came.
    pub answer: Cow<'a, RawValue>,
    /// The `trackerid` a tracker gave out earlier, if it is a string.
    pub tracker_id: Option<Cow<'a, str>>,
}

impl ClientMessage<'_> {
    /// The same message without borrowed parts.
    pub fn into_owned(self) -> ClientMessage<'static> {
        match self {
            Self::Announce(announce) => ClientMessage::Announce(announce.into_owned()),
            Self::Answer(answer) => ClientMessage::Answer(answer.into_owned()),
            Self::Scrape { info_hashes } => ClientMessage::Scrape { info_hashes },
        }
    }
}

impl Announce<'_> {
    /// The same announce without borrowed parts.
    pub fn into_owned(self) -> Announce<'static> {
        Announce {
            info_hash: self.info_hash,
            peer_id: self.peer_id,
            event: self.event,
            left: self.left,
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            numwant: self.numwant,
            offers: self.offers.into_iter().map(Offer::into_owned).collect(),
            skipped_offers: self.skipped_offers,
            tracker_id: self.tracker_id.map(|id| Cow::Owned(id.into_owned())),
        }
    }
}

impl Offer<'_> {
    /// The same offer without borrowed parts.
    pub fn into_owned(self) -> Offer<'static> {
        Offer {
            offer_id: self.offer_id,
            offer: Cow::Owned(self.offer.into_owned()),
        }
    }
}

impl Answer<'_> {
    /// The same answer without borrowed parts.
    pub fn into_owned(self) -> Answer<'static> {
        Answer {
            info_hash: self.info_hash,
            peer_id: self.peer_id,
            to_peer_id: self.to_peer_id,
            offer_id: self.offer_id,
            answer: Cow::Owned(self.answer.into_owned()),
            tracker_id: self.tracker_id.map(|id| Cow::Owned(id.into_owned())),
        }
    }
}
