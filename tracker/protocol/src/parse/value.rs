//! Single JSON values: each is kept raw at first, so that a value of the wrong type spoils its own
//! field and nothing else.

use std::borrow::Cow;
use std::str::Chars;

use crate::id::binary_string;
use crate::{IdError, OfferId, OfferIdError, RawValue};

/// Nesting allowed in an offer or answer. Clients send one level; libtorrent's JSON reader fails
/// all torrents of a connection beyond 32, so deeper ones must not be relayed.
const DESCRIPTION_DEPTH: usize = 8;

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

/// Whether a description is an object that every client's JSON reader takes. What only some take,
/// strings that are not Unicode and deep nesting, could cost its receiver the connection.
pub(super) fn is_relayable(json: &str) -> bool {
    json.starts_with('{') && (is_plain(json) || is_shallow_and_unicode(json))
}

/// Whether there is nothing to look at closely: no escaped surrogate, and too few brackets to nest
/// deeply. So it is with what clients send, and each test runs at the speed of memory.
fn is_plain(json: &str) -> bool {
    let brackets = json.bytes().filter(|byte| matches!(byte, b'{' | b'['));
    let few = brackets.count() <= DESCRIPTION_DEPTH;
    few && !json.contains("\\ud") && !json.contains("\\uD")
}

fn is_shallow_and_unicode(json: &str) -> bool {
    let mut depth = 0;
    let mut rest = json.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' if !skip_string(&mut rest) => return false,
            '{' | '[' if depth == DESCRIPTION_DEPTH => return false,
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// Goes past a string whose opening quote is behind; whether it is Unicode.
fn skip_string(rest: &mut Chars<'_>) -> bool {
    while let Some(character) = rest.next() {
        match character {
            '"' => return true,
            '\\' if escape(rest).is_none() => return false,
            _ => {}
        }
    }
    false
}

/// Decodes the inside of a JSON string; `None` items stand for lone surrogates.
struct Characters<'a>(Chars<'a>);

impl Iterator for Characters<'_> {
    type Item = Option<char>;

    fn next(&mut self) -> Option<Option<char>> {
        match self.0.next()? {
            '\\' => Some(escape(&mut self.0)),
            character => Some(Some(character)),
        }
    }
}

/// Decodes what follows a backslash (RFC 8259 §7); nothing for a lone surrogate.
fn escape(rest: &mut Chars<'_>) -> Option<char> {
    match rest.next()? {
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => match utf16_unit(rest)? {
            high @ 0xd800..0xdc00 => {
                let (Some('\\'), Some('u')) = (rest.next(), rest.next()) else {
                    return None;
                };
                let low = utf16_unit(rest)?.checked_sub(0xdc00)?;
                (low < 0x400).then(|| char::from_u32(0x10000 + ((high - 0xd800) << 10) + low))?
            }
            unit => char::from_u32(unit),
        },
        character => Some(character),
    }
}

fn utf16_unit(rest: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit * 16 + rest.next()?.to_digit(16)?))
}
