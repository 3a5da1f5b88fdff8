use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::fields::Fields;
use super::value;
use crate::{
    Announce, Answer, ClientMessage, Event, Failure, IdError, InfoHash, OfferIdError, PeerId,
    RawValue, Subject,
};

/// Caps on what one message may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Offers kept of one announce; the others are skipped.
    pub offers: usize,
    /// Bytes of one offer or answer, as JSON. libtorrent refuses descriptions beyond 64 KiB.
    pub description_bytes: usize,
    /// Torrents one scrape may ask about.
    pub scrape_hashes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            offers: 20,
            description_bytes: 16 * 1024,
            scrape_hashes: 100,
        }
    }
}

/// A client's message that is refused.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct ParseError {
    fault: Fault,
    subject: Option<Subject>,
}

/// What is wrong with a message. Texts quote nothing of unbounded length.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("message is not a JSON object (line {line}, column {column})")]
    NotAnObject { line: usize, column: usize },
    #[error("`action` is neither `announce` nor `scrape`; send one of them")]
    Action,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` {1}")]
    Id(&'static str, IdError),
    #[error("`offer_id` {0}")]
    OfferId(OfferIdError),
    #[error("`answer` has `{bytes}` bytes; send at most `{limit}`")]
    AnswerSize { bytes: usize, limit: usize },
    #[error("`answer` is not an object that can be relayed; send `{{\"type\":…,\"sdp\":…}}`")]
    AnswerShape,
    #[error("`info_hash` lists too many torrents; scrape at most `{limit}` at a time")]
    ScrapeSize { limit: usize },
}

/// A cap that a whole message is refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// [`Limits::description_bytes`], by an answer; an offer is skipped alone.
    DescriptionBytes,
    /// [`Limits::scrape_hashes`].
    ScrapeHashes,
}

/// What to do about a refused message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Send this; the connection goes on.
    Reply(Failure<'static>),
    /// No reply exists that clients survive: close with this code (RFC 6455 §7.4.1: 1007 for what
    /// is not a JSON object, 1008 for a message that names no torrent) and the reason.
    Close {
        /// The close code.
        code: u16,
        /// At most 123 bytes, as a close frame demands.
        reason: String,
    },
}

impl ParseError {
    /// The request a failure can name; `None` if the message named none.
    pub fn subject(&self) -> Option<Subject> {
        self.subject
    }

    /// The cap that it exceeds; `None` if something else is wrong.
    pub fn exceeds(&self) -> Option<Cap> {
        match self.fault {
            Fault::AnswerSize { .. } => Some(Cap::DescriptionBytes),
            Fault::ScrapeSize { .. } => Some(Cap::ScrapeHashes),
            Fault::NotAnObject { .. }
            | Fault::Action
            | Fault::Missing(_)
            | Fault::Id(..)
            | Fault::OfferId(_)
            | Fault::AnswerShape => None,
        }
    }

    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        let reason = self.to_string();
        match self.subject {
            Some(subject) => Verdict::Reply(Failure {
                subject,
                reason: Cow::Owned(reason),
            }),
            None => Verdict::Close {
                code: if matches!(self.fault, Fault::NotAnObject { .. }) {
                    1007
                } else {
                    1008
                },
                reason,
            },
        }
    }
}

impl<'a> ClientMessage<'a> {
    /// Reads one message of a client.
    ///
    /// Borrows from `text` and keeps offers and answers as they came. Amounts, events, offers and
    /// unknown keys never fail a message; ids, `action` and the parts of an answer do.
    pub fn parse(text: &'a str, limits: &Limits) -> Result<Self, ParseError> {
        let fields = Fields::read(text, limits).map_err(|error| ParseError {
            fault: Fault::NotAnObject {
                line: error.line(),
                column: error.column(),
            },
            subject: None,
        })?;
        let action = fields.action.and_then(value::text);
        if action.as_deref() == Some("scrape") {
            return scrape(fields.info_hash, limits).map_err(|fault| ParseError {
                fault,
                subject: Some(Subject::Scrape),
            });
        }
        let is_announce = action.as_deref() == Some("announce");
        let unknown_action = |fault| if is_announce { fault } else { Fault::Action };
        let info_hash = id("info_hash", fields.info_hash)
            .map(InfoHash::from_bytes)
            .map_err(|fault| ParseError {
                fault: unknown_action(fault),
                subject: None,
            })?;
        let message = match fields.answer {
            _ if !is_announce => Err(Fault::Action),
            Some(answer) => self::answer(info_hash, answer, &fields, limits).map(Self::Answer),
            None => announce(info_hash, fields).map(Self::Announce),
        };
        message.map_err(|fault| ParseError {
            fault,
            subject: Some(Subject::Announce(info_hash)),
        })
    }
}

fn announce(info_hash: InfoHash, fields: Fields<'_>) -> Result<Announce<'_>, Fault> {
    let event = fields.event.and_then(value::text);
    Ok(Announce {
        info_hash,
        peer_id: id("peer_id", fields.peer_id).map(PeerId::from_bytes)?,
        event: event.map_or(Event::Update, |word| Event::from_wire(&word)),
        left: value::amount(fields.left),
        uploaded: value::amount(fields.uploaded),
        downloaded: value::amount(fields.downloaded),
        numwant: value::amount(fields.numwant),
        offers: fields.offers.kept,
        skipped_offers: fields.offers.skipped,
        tracker_id: fields.tracker_id.and_then(value::text),
    })
}

fn answer<'a>(
    info_hash: InfoHash,
    answer: &'a RawValue,
    fields: &Fields<'a>,
    limits: &Limits,
) -> Result<Answer<'a>, Fault> {
    let bytes = answer.get().len();
    let limit = limits.description_bytes;
    if bytes > limit {
        return Err(Fault::AnswerSize { bytes, limit });
    }
    if !value::is_relayable(answer.get()) {
        return Err(Fault::AnswerShape);
    }
    let offer_id = fields.offer_id.ok_or(Fault::Missing("offer_id"))?;
    Ok(Answer {
        info_hash,
        peer_id: id("peer_id", fields.peer_id).map(PeerId::from_bytes)?,
        to_peer_id: id("to_peer_id", fields.to_peer_id).map(PeerId::from_bytes)?,
        offer_id: value::offer_id(offer_id).map_err(Fault::OfferId)?,
        answer: Cow::Borrowed(answer),
        tracker_id: fields.tracker_id.and_then(value::text),
    })
}

fn scrape<'a>(raw: Option<&RawValue>, limits: &Limits) -> Result<ClientMessage<'a>, Fault> {
    let info_hashes = match raw {
        None => None,
        Some(raw) if raw.get().starts_with('[') => {
            let list = InfoHashList(limits.scrape_hashes);
            let hashes = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(list);
            Some(hashes.map_err(|_| Fault::Id("info_hash", IdError::NotAString))??)
        }
        Some(raw) => {
            let bytes = value::id(raw).map_err(|error| Fault::Id("info_hash", error))?;
            Some(vec![InfoHash::from_bytes(bytes)])
        }
    };
    Ok(ClientMessage::Scrape { info_hashes })
}

fn id(field: &'static str, raw: Option<&RawValue>) -> Result<[u8; 20], Fault> {
    let raw = raw.ok_or(Fault::Missing(field))?;
    value::id(raw).map_err(|error| Fault::Id(field, error))
}

/// Reads a list of at most so many info-hashes.
struct InfoHashList(usize);

impl<'de> Visitor<'de> for InfoHashList {
    type Value = Result<Vec<InfoHash>, Fault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of info-hashes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut hashes = Ok(Vec::new());
        while let Ok(kept) = &mut hashes {
            let Some(raw) = list.next_element::<&RawValue>()? else {
                return Ok(hashes);
            };
            match value::id(raw) {
                _ if kept.len() == self.0 => {
                    hashes = Err(Fault::ScrapeSize { limit: self.0 });
                }
                Ok(bytes) => kept.push(InfoHash::from_bytes(bytes)),
                Err(error) => hashes = Err(Fault::Id("info_hash", error)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(hashes)
    }
}
