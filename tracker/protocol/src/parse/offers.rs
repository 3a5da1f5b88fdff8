//! The `offers` of an announce, each taken or skipped on its own.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value;
use crate::{Limits, Offer, RawValue, SkippedOffers};

/// What became of the `offers` of one announce.
#[derive(Debug, Default)]
pub(super) struct Offers<'a> {
    pub(super) kept: Vec<Offer<'a>>,
    pub(super) skipped: SkippedOffers,
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
                Some(Entry::Offer(offer)) => offers.kept.push(offer),
                Some(Entry::TooLong) => offers.skipped.too_long += 1,
                Some(Entry::Malformed) => offers.skipped.malformed += 1,
                None => return Ok(offers),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            offers.skipped.too_many += 1;
        }
        Ok(offers)
    }
}

/// What an entry of the list is.
#[derive(Default)]
enum Entry<'a> {
    Offer(Offer<'a>),
    TooLong,
    #[default]
    Malformed,
}

/// Reads one entry.
struct OfferSeed<'l>(&'l Limits);

impl<'de> DeserializeSeed<'de> for OfferSeed<'_> {
    type Value = Entry<'de>;

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
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an offer")
    }

    scalars_are_default!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry::Malformed)
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
        if offer.is_some_and(|raw| raw.get().len() > self.0.description_bytes) {
            return Ok(Entry::TooLong);
        }
        let entry = offer
            .filter(|raw| value::is_relayable(raw.get()))
            .zip(offer_id.and_then(|raw| value::offer_id(raw).ok()))
            .map(|(offer, offer_id)| {
                Entry::Offer(Offer {
                    offer_id,
                    offer: Cow::Borrowed(offer),
                })
            });
        Ok(entry.unwrap_or_default())
    }
}
