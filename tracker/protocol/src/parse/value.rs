//! Single JSON values: each is kept raw at first, so that a value of the wrong type spoils its own
//! field and nothing else.

use std::borrow::Cow;
use std::str::Chars;

use crate::id::binary_string;
use crate::{IdError, OfferId, OfferIdError, RawValue};

/// Nesting allowed in an offer or answer. Clients send one level; libtorrent's JSON reader fails
/// all torrents of a connection beyond 32, so deeper ones must not be relayed.
const DESCRIPTION_DEPTH: u32 = 8;

/// The characters of a JSON string; nothing if the value is no string.
fn characters(raw: &RawValue) -> Option<Characters<'_>> {
    let literal = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(Characters(literal.chars()))
}

/// Reads a binary string straight into its bytes.
pub(super) fn id(raw: &RawValue) -> Result<[u8; 20], IdError> {
    let characters = characters(raw).ok_or(IdError::NotAString)?;
    binary_string(characters.map(|character| character.ok_or(IdError::NotAString)))
}

/// Reads an offer id.
pub(super) fn offer_id(raw: &RawValue) -> Result<OfferId, OfferIdError> {
    if let Ok(bytes) = id(raw) {
        return Ok(OfferId::from_bytes(bytes));
    }
    let text: String = characters(raw)
        .ok_or(OfferIdError::NotAString)?
        .take(OfferId::MAX_CHARACTERS + 1)
        .collect::<Option<_>>()
        .ok_or(OfferIdError::NotAString)?;
    OfferId::from_text(&text)
}

/// Reads a string; nothing if the value is no string or not Unicode.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let literal = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if literal.contains('\\') {
        characters(raw)?.collect::<Option<String>>().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(literal))
    }
}

/// Reads an amount as clients write them: a number or a string of one. Zero only for exactly zero;
/// nothing for a negative amount or another type.
pub(super) fn amount(raw: Option<&RawValue>) -> Option<u64> {
    let number = raw?.get().trim_matches('"').trim();
    if let Ok(amount) = number.parse() {
        return Some(amount);
    }
    let amount: f64 = number.parse().ok()?;
    // The cast saturates; rounding up keeps a fraction from becoming zero.
    (amount >= 0.0).then(|| amount.ceil() as u64)
}

/// Whether a description is an object that every client's JSON reader takes: one bad message can
/// cost its receiver the connection, so what browsers alone accept is not relayed to others.
pub(super) fn is_relayable(json: &str) -> bool {
    if !json.starts_with('{') {
        return false;
    }
    let mut depth = 0_u32;
    let mut rest = json;
    while let Some(at) = rest.find(['"', '{', '[', '}', ']']) {
        let (found, after) = rest.split_at(at);
        let _ = found;
        let mut characters = after.chars();
        match characters.next() {
            Some('"') => match after_string(characters.as_str()) {
                Some(after) => rest = after,
                None => return false,
            },
            Some('{' | '[') => {
                depth += 1;
                if depth > DESCRIPTION_DEPTH {
                    return false;
                }
                rest = characters.as_str();
            }
            _ => {
                depth = depth.saturating_sub(1);
                rest = characters.as_str();
            }
        }
    }
    true
}

/// What follows a string, given what follows its opening quote; nothing if it is not Unicode.
fn after_string(mut rest: &str) -> Option<&str> {
    loop {
        let at = rest.find(['"', '\\'])?;
        let tail = rest.get(at..)?;
        if let Some(after) = tail.strip_prefix('"') {
            return Some(after);
        }
        let mut escape = Characters(tail.chars());
        escape.next()??;
        rest = escape.0.as_str();
    }
}

/// Decodes the inside of a JSON string; `None` items stand for lone surrogates.
struct Characters<'a>(Chars<'a>);

impl Iterator for Characters<'_> {
    type Item = Option<char>;

    fn next(&mut self) -> Option<Option<char>> {
        match self.0.next()? {
            '\\' => Some(self.escape()),
            character => Some(Some(character)),
        }
    }
}

impl Characters<'_> {
    /// Decodes what follows a backslash (RFC 8259 §7).
    fn escape(&mut self) -> Option<char> {
        match self.0.next()? {
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.unicode(),
            character => Some(character),
        }
    }

    /// Decodes what follows `\u`: one UTF-16 unit, or two that form a surrogate pair.
    fn unicode(&mut self) -> Option<char> {
        let first = self.unit()?;
        if let Some(character) = char::from_u32(first) {
            return Some(character);
        }
        let mut ahead = self.0.clone();
        if ahead.next() != Some('\\') || ahead.next() != Some('u') {
            return None;
        }
        self.0 = ahead;
        let second = self.unit()?;
        let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
        let high = first.checked_sub(0xd800)?;
        let low = second.checked_sub(0xdc00)?;
        is_pair.then(|| char::from_u32(0x10000 + (high << 10) + low))?
    }

    fn unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + self.0.next()?.to_digit(16)?;
        }
        Some(unit)
    }
}
