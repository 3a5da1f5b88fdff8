use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Why something is not a 20-byte id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A binary string with another number of code points.
    #[error(
        "is not 20 characters long; send the raw bytes, not hexadecimal, as characters U+0000 to U+00FF"
    )]
    Length,
    /// A binary string with a character that stands for no byte.
    #[error("holds the character `{}`; each character must be U+0000 to U+00FF", .0.escape_unicode())]
    NotAByte(char),
    /// A JSON value other than a string, or a string that is not Unicode.
    #[error("is not a string of 20 characters U+0000 to U+00FF")]
    NotAString,
    /// A byte slice of another length than 20.
    #[error("is `{0}` bytes long; an id has 20 bytes")]
    ByteCount(usize),
    /// A text that is not 40 hexadecimal digits.
    #[error("is not 40 hexadecimal digits")]
    NotHex,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Serialises as a binary string: 20 characters, each the code point of one byte.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 20]);

        impl $name {
            /// The id made of these bytes.
            pub const fn from_bytes(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }

            /// The 20 bytes.
            pub const fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            /// Reads a binary string: exactly 20 characters, each U+0000 to U+00FF.
            pub fn from_binary_string(text: &str) -> Result<Self, IdError> {
                binary_string(text.chars().map(Ok)).map(Self)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                bytes
                    .try_into()
                    .map(Self)
                    .map_err(|_| IdError::ByteCount(bytes.len()))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Reads 40 hexadecimal digits of any case.
            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .map_err(|_| IdError::NotHex)?;
                bytes.try_into().map(Self).map_err(|_| IdError::NotHex)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let text: String = self.0.iter().map(|&byte| char::from(byte)).collect();
                serializer.serialize_str(&text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(BinaryString).map(Self)
            }
        }
    };
}

id! {
    /// Names a torrent: the SHA-1 of its bencoded `info` dictionary (BEP 3).
    InfoHash
}

id! {
    /// Names one client instance in its swarms (BEP 20 describes how the bytes are chosen).
    PeerId
}

/// Collects a binary string of exactly 20 characters.
pub(crate) fn binary_string(
    mut characters: impl Iterator<Item = Result<char, IdError>>,
) -> Result<[u8; 20], IdError> {
    let mut bytes = [0; 20];
    for slot in &mut bytes {
        let character = characters.next().ok_or(IdError::Length)??;
        *slot = u8::try_from(character).map_err(|_| IdError::NotAByte(character))?;
    }
    if characters.next().is_none() {
        Ok(bytes)
    } else {
        Err(IdError::Length)
    }
}

struct BinaryString;

impl Visitor<'_> for BinaryString {
    type Value = [u8; 20];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of 20 characters U+0000 to U+00FF")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<[u8; 20], E> {
        binary_string(text.chars().map(Ok))
            .map_err(|error| E::custom(format_args!("the id {error}")))
    }
}
