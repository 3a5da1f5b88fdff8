use std::fmt;
use std::sync::Arc;

use crate::id::binary_string;

/// Names an offer among those its sender has outstanding. Opaque to the tracker.
///
/// Clients of the reference send 20 random bytes as a binary string, others send words of their
/// own: anything of 1 to 64 characters is accepted and echoed as it came.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferId(Form);

/// One text has one form, so that equality is equality of texts.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Form {
    /// A binary string: the usual form, which needs no allocation.
    Bytes([u8; 20]),
    /// Any other text.
    Text(Arc<str>),
}

/// Why a text is no offer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferIdError {
    /// Empty, or more than [`OfferId::MAX_CHARACTERS`].
    #[error("must be 1 to 64 characters long")]
    Length,
    /// A JSON value other than a string, or a string that is not Unicode.
    #[error("is not a string")]
    NotAString,
}

impl OfferId {
    /// The longest id accepted, in characters.
    pub const MAX_CHARACTERS: usize = 64;

    /// The id made of 20 bytes, the form our own clients use.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(Form::Bytes(bytes))
    }

    /// The id made of this text.
    pub fn from_text(text: &str) -> Result<Self, OfferIdError> {
        if let Ok(bytes) = binary_string(text.chars().map(Ok)) {
            return Ok(Self(Form::Bytes(bytes)));
        }
        if text.is_empty() || text.chars().nth(Self::MAX_CHARACTERS).is_some() {
            return Err(OfferIdError::Length);
        }
        Ok(Self(Form::Text(text.into())))
    }

    /// Hands the characters to `each`, in order.
    pub(crate) fn for_each_char(&self, each: impl FnMut(char)) {
        match &self.0 {
            Form::Bytes(bytes) => bytes.iter().map(|&byte| char::from(byte)).for_each(each),
            Form::Text(text) => text.chars().for_each(each),
        }
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.for_each_char(|character| text.extend(character.escape_default()));
        f.pad(&text)
    }
}

impl fmt::Debug for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
