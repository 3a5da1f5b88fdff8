//! The `offers` of an announce, each taken or skipped on its own.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value;
use crate::{Limits, Offer, RawValue};

/// What became of the `offers` of one announce.
#[derive(Debug, Default)]
pub(super) struct Offers<'a> {
    pub(super) kept: Vec<Offer<'a>>,
    pub(super) skipped: usize,
}

/// Reads the list of offers; anything else than a list has none.
pub(super) struct OffersSeed<'l>(pub(super) &'l Limits);

impl<'de> DeserializeSeed<'de> for OffersSeed<'_> {
    type Value = Offers<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Values of a type that is not wanted stand for the default.
macro_rules! scalars_are_default {
    () => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

impl<'de> Visitor<'de> for OffersSeed<'_> {
    type Value = Offers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of offers")
    }

    scalars_are_default!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Offers::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut offers = Offers::default();
        while offers.kept.len() < self.0.offers {
            match list.next_element_seed(OfferSeed(self.0))? {
                Some(Some(offer)) => offers.kept.push(offer),
                Some(None) => offers.skipped += 1,
                None => return Ok(offers),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            offers.skipped += 1;
        }
        Ok(offers)
    }
}

/// Reads one offer; nothing if it is malformed or too large.
struct OfferSeed<'l>(&'l Limits);

impl<'de> DeserializeSeed<'de> for OfferSeed<'_> {
    type Value = Option<Offer<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Offer,
    OfferId,
    #[serde(other)]
    Unknown,
}

impl<'de> Visitor<'de> for OfferSeed<'_> {
    type Value = Option<Offer<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an offer")
    }

    scalars_are_default!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut offer: Option<&RawValue> = None;
        let mut offer_id: Option<&RawValue> = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Offer => offer = Some(map.next_value()?),
                Key::OfferId => offer_id = Some(map.next_value()?),
                Key::Unknown => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        let relayable = |raw: &&RawValue| {
            raw.get().len() <= self.0.description_bytes && value::is_relayable(raw.get())
        };
        Ok(offer
            .filter(relayable)
            .zip(offer_id.and_then(|raw| value::offer_id(raw).ok()))
            .map(|(offer, offer_id)| Offer {
                offer_id,
                offer: Cow::Borrowed(offer),
            }))
    }
}
