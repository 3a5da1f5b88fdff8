use std::borrow::Cow;

use crate::{InfoHash, OfferId, PeerId, RawValue};

/// What the tracker says to a client.
#[derive(Debug, Clone)]
pub enum ServerMessage<'a> {
    /// The response to an announce.
    Announced(Announced<'a>),
    /// Another peer's offer, to be answered.
    Offer(RelayedOffer<'a>),
    /// The answer to an offer this client made.
    Answer(RelayedAnswer<'a>),
    /// The response to a scrape.
    Scraped(Scraped),
    /// A request was refused; the connection goes on.
    Failure(Failure<'a>),
}

/// The response to an announce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Seconds until the next announce.
    pub interval: Option<u32>,
    /// Seconds before which the tracker would rather not hear again.
    pub min_interval: Option<u32>,
    /// Seeds in the swarm.
    pub complete: Option<u64>,
    /// Leechers in the swarm.
    pub incomplete: Option<u64>,
    /// Peers that ever completed the torrent.
    pub downloaded: Option<u64>,
    /// A text to echo as `trackerid` in every later message.
    pub tracker_id: Option<Cow<'a, str>>,
    /// Something for the user to read.
    pub warning: Option<Cow<'a, str>>,
}

/// Another peer's offer.
#[derive(Debug, Clone)]
pub struct RelayedOffer<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// The peer that made the offer: the `to_peer_id` of the answer.
    pub peer_id: PeerId,
    /// The offer's name, to be sent back with the answer.
    pub offer_id: OfferId,
    /// The session description, a JSON object.
    pub offer: Cow<'a, RawValue>,
}

/// The answer to an offer this client made.
#[derive(Debug, Clone)]
pub struct RelayedAnswer<'a> {
    /// The swarm.
    pub info_hash: InfoHash,
    /// The peer that answered.
    pub peer_id: PeerId,
    /// The name this client gave the offer.
    pub offer_id: OfferId,
    /// The session description, a JSON object.
    pub answer: Cow<'a, RawValue>,
}

/// The response to a scrape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scraped {
    /// One entry for each torrent asked about.
    pub files: Vec<(InfoHash, ScrapeEntry)>,
    /// Seconds before which the tracker would rather not be asked again.
    pub min_request_interval: Option<u32>,
}

/// What a scrape tells of one torrent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrapeEntry {
    /// Seeds in the swarm.
    pub complete: u64,
    /// Leechers in the swarm.
    pub incomplete: u64,
    /// Peers that ever completed the torrent.
    pub downloaded: u64,
}

/// A refusal that the reference's client and libtorrent survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The request that was refused.
    pub subject: Subject,
    /// Why, and what to do.
    pub reason: Cow<'a, str>,
}

/// What a refusal is about. There is no third case on purpose: a failure without `action`, or an
/// announce failure without `info_hash`, makes the reference's client drop all its torrents and
/// libtorrent close its connection. Close the connection instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An announce or an answer in this swarm.
    Announce(InfoHash),
    /// A scrape.
    Scrape,
}

impl ServerMessage<'_> {
    /// The same message without borrowed parts.
    pub fn into_owned(self) -> ServerMessage<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Announced(announced) => ServerMessage::Announced(Announced {
                info_hash: announced.info_hash,
                interval: announced.interval,
                min_interval: announced.min_interval,
                complete: announced.complete,
                incomplete: announced.incomplete,
                downloaded: announced.downloaded,
                tracker_id: announced.tracker_id.map(owned),
                warning: announced.warning.map(owned),
            }),
            Self::Offer(offer) => ServerMessage::Offer(RelayedOffer {
                info_hash: offer.info_hash,
                peer_id: offer.peer_id,
                offer_id: offer.offer_id,
                offer: Cow::Owned(offer.offer.into_owned()),
            }),
            Self::Answer(answer) => ServerMessage::Answer(RelayedAnswer {
                info_hash: answer.info_hash,
                peer_id: answer.peer_id,
                offer_id: answer.offer_id,
                answer: Cow::Owned(answer.answer.into_owned()),
            }),
            Self::Scraped(scraped) => ServerMessage::Scraped(scraped),
            Self::Failure(failure) => ServerMessage::Failure(Failure {
                subject: failure.subject,
                reason: owned(failure.reason),
            }),
        }
    }
}
