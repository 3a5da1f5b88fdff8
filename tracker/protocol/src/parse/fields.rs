//! The keys of a client's message, in one pass over the text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::offers::{Offers, OffersSeed};
use crate::{Limits, RawValue};

/// The values of a message's known keys. `null` counts as absent; of a key that comes twice the
/// last value holds, as in JavaScript.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) action: Option<&'a RawValue>,
    pub(super) info_hash: Option<&'a RawValue>,
    pub(super) peer_id: Option<&'a RawValue>,
    pub(super) to_peer_id: Option<&'a RawValue>,
    pub(super) offer_id: Option<&'a RawValue>,
    pub(super) answer: Option<&'a RawValue>,
    pub(super) event: Option<&'a RawValue>,
    pub(super) left: Option<&'a RawValue>,
    pub(super) uploaded: Option<&'a RawValue>,
    pub(super) downloaded: Option<&'a RawValue>,
    pub(super) numwant: Option<&'a RawValue>,
    pub(super) tracker_id: Option<&'a RawValue>,
    pub(super) offers: Offers<'a>,
}

impl<'a> Fields<'a> {
    /// Reads one JSON object and nothing after it.
    pub(super) fn read(text: &'a str, limits: &Limits) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let fields = FieldsSeed(limits).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(fields)
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Action,
    InfoHash,
    PeerId,
    ToPeerId,
    OfferId,
    Answer,
    Event,
    Left,
    Uploaded,
    Downloaded,
    Numwant,
    Trackerid,
    Offers,
    #[serde(other)]
    Unknown,
}

struct FieldsSeed<'l>(&'l Limits);

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key()? {
            let field = match key {
                Key::Action => &mut fields.action,
                Key::InfoHash => &mut fields.info_hash,
                Key::PeerId => &mut fields.peer_id,
                Key::ToPeerId => &mut fields.to_peer_id,
                Key::OfferId => &mut fields.offer_id,
                Key::Answer => &mut fields.answer,
                Key::Event => &mut fields.event,
                Key::Left => &mut fields.left,
                Key::Uploaded => &mut fields.uploaded,
                Key::Downloaded => &mut fields.downloaded,
                Key::Numwant => &mut fields.numwant,
                Key::Trackerid => &mut fields.tracker_id,
                Key::Offers => {
                    fields.offers = map.next_value_seed(OffersSeed(self.0))?;
                    continue;
                }
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = map.next_value()?;
        }
        Ok(fields)
    }
}
