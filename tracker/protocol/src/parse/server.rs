use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::value;
use crate::{
    Announced, Failure, IdError, InfoHash, OfferIdError, PeerId, RawValue, RelayedAnswer,
    RelayedOffer, ScrapeEntry, Scraped, ServerMessage, Subject,
};

/// A tracker's message that a client cannot use.
#[derive(Debug, thiserror::Error)]
pub enum ServerParseError {
    /// The tracker reports a failure without saying of what torrent; some do for any bad message.
    #[error("tracker refused a message: `{0}`")]
    Refused(String),
    /// Not a JSON object.
    #[error("tracker's message is not a JSON object (line {line}, column {column})")]
    NotAnObject {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// A key is missing.
    #[error("tracker's message has no `{0}`")]
    Missing(&'static str),
    /// An id is not one.
    #[error("tracker's message: `{0}` {1}")]
    Id(&'static str, #[source] IdError),
    /// The offer id is not one.
    #[error("tracker's message: `offer_id` {0}")]
    OfferId(#[source] OfferIdError),
}

#[derive(serde::Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    info_hash: Option<&'a RawValue>,
    #[serde(borrow, rename = "failure reason")]
    failure: Option<&'a RawValue>,
    #[serde(borrow, rename = "warning message")]
    warning: Option<&'a RawValue>,
    #[serde(borrow)]
    interval: Option<&'a RawValue>,
    #[serde(borrow, rename = "min interval")]
    min_interval: Option<&'a RawValue>,
    #[serde(borrow, rename = "min_interval")]
    min_interval_underscore: Option<&'a RawValue>,
    #[serde(borrow)]
    complete: Option<&'a RawValue>,
    #[serde(borrow)]
    incomplete: Option<&'a RawValue>,
    #[serde(borrow)]
    downloaded: Option<&'a RawValue>,
    #[serde(borrow, rename = "tracker id")]
    tracker_id: Option<&'a RawValue>,
    #[serde(borrow)]
    peer_id: Option<&'a RawValue>,
    #[serde(borrow)]
    offer_id: Option<&'a RawValue>,
    #[serde(borrow)]
    offer: Option<&'a RawValue>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
    files: Option<Files>,
    #[serde(borrow)]
    flags: Option<Flags<'a>>,
}

#[derive(serde::Deserialize)]
struct Flags<'a> {
    #[serde(borrow)]
    min_request_interval: Option<&'a RawValue>,
}

impl<'a> ServerMessage<'a> {
    /// Reads one message of a tracker, ours or another.
    pub fn parse(text: &'a str) -> Result<Self, ServerParseError> {
        let fields: Fields<'a> =
            serde_json::from_str(text).map_err(|error| ServerParseError::NotAnObject {
                line: error.line(),
                column: error.column(),
            })?;
        let action = fields.action.and_then(value::text);
        let is_scrape = action.as_deref() == Some("scrape");
        if let Some(reason) = fields.failure.and_then(value::text) {
            let subject = match fields.info_hash.map(value::id) {
                _ if is_scrape => Subject::Scrape,
                Some(Ok(bytes)) => Subject::Announce(InfoHash::from_bytes(bytes)),
                _ => return Err(ServerParseError::Refused(reason.into_owned())),
            };
            return Ok(Self::Failure(Failure { subject, reason }));
        }
        if is_scrape {
            return Ok(Self::Scraped(Scraped {
                files: fields.files.unwrap_or_default().0,
                min_request_interval: seconds(fields.flags.and_then(|f| f.min_request_interval)),
            }));
        }
        if action.as_deref() != Some("announce") {
            return Err(ServerParseError::Missing("action"));
        }
        let info_hash = InfoHash::from_bytes(id("info_hash", fields.info_hash)?);
        match (fields.offer, fields.answer) {
            (Some(offer), _) => Ok(Self::Offer(RelayedOffer {
                info_hash,
                peer_id: PeerId::from_bytes(id("peer_id", fields.peer_id)?),
                offer_id: offer_id(fields.offer_id)?,
                offer: Cow::Borrowed(offer),
            })),
            (None, Some(answer)) => Ok(Self::Answer(RelayedAnswer {
                info_hash,
                peer_id: PeerId::from_bytes(id("peer_id", fields.peer_id)?),
                offer_id: offer_id(fields.offer_id)?,
                answer: Cow::Borrowed(answer),
            })),
            (None, None) => Ok(Self::Announced(Announced {
                info_hash,
                interval: seconds(fields.interval),
                min_interval: seconds(fields.min_interval.or(fields.min_interval_underscore)),
                complete: value::amount(fields.complete),
                incomplete: value::amount(fields.incomplete),
                downloaded: value::amount(fields.downloaded),
                tracker_id: fields.tracker_id.and_then(value::text),
                warning: fields.warning.and_then(value::text),
            })),
        }
    }
}

fn id(field: &'static str, raw: Option<&RawValue>) -> Result<[u8; 20], ServerParseError> {
    let raw = raw.ok_or(ServerParseError::Missing(field))?;
    value::id(raw).map_err(|error| ServerParseError::Id(field, error))
}

fn offer_id(raw: Option<&RawValue>) -> Result<crate::OfferId, ServerParseError> {
    let raw = raw.ok_or(ServerParseError::Missing("offer_id"))?;
    value::offer_id(raw).map_err(ServerParseError::OfferId)
}

fn seconds(raw: Option<&RawValue>) -> Option<u32> {
    value::amount(raw).map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// The `files` of a scrape response; entries whose key is no binary string are left out.
#[derive(Default)]
struct Files(Vec<(InfoHash, ScrapeEntry)>);

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FilesVisitor)
    }
}

#[derive(serde::Deserialize)]
struct EntryFields<'a> {
    #[serde(borrow)]
    complete: Option<&'a RawValue>,
    #[serde(borrow)]
    incomplete: Option<&'a RawValue>,
    #[serde(borrow)]
    downloaded: Option<&'a RawValue>,
}

struct FilesVisitor;

impl<'de> Visitor<'de> for FilesVisitor {
    type Value = Files;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of torrents")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
        let mut files = Vec::new();
        while let Some((key, entry)) = map.next_entry::<String, EntryFields<'de>>()? {
            let Ok(info_hash) = InfoHash::from_binary_string(&key) else {
                continue;
            };
            let entry = ScrapeEntry {
                complete: value::amount(entry.complete).unwrap_or(0),
                incomplete: value::amount(entry.incomplete).unwrap_or(0),
                downloaded: value::amount(entry.downloaded).unwrap_or(0),
            };
            files.push((info_hash, entry));
        }
        Ok(Files(files))
    }
}
