//! Does webtorrent.js arrive at the same infohash?
//!
//! parse-torrent 11 decodes `info`, encodes it anew and hashes that. bendy
//! refuses whatever is not canonical bencoding; this refuses what is canonical
//! and yet does not survive JavaScript's strings, objects and numbers
//! (bencode 4.0).

use bendy::decoding::Decoder;
use bendy::state_tracker::Token;

use crate::limits::{MAX_NESTING, MAX_SAFE_INTEGER};
use crate::parse_error::ParseError;

/// Checks the bytes of an `info` dictionary.
pub(crate) fn check_survives_javascript(info: &[u8]) -> Result<(), ParseError> {
    let mut open: Vec<Open<'_>> = Vec::new();
    for token in Decoder::new(info).with_max_depth(MAX_NESTING).tokens() {
        let token = token?;
        if let Some(Open::Dict { last, at_key }) = open.last_mut() {
            if let (Token::String(key), true) = (token, *at_key) {
                *last = Some(check_key(*last, key)?);
                *at_key = false;
                continue;
            }
            *at_key = true;
        }
        match token {
            Token::List => open.push(Open::List),
            Token::Dict => open.push(Open::Dict {
                last: None,
                at_key: true,
            }),
            Token::End => {
                open.pop();
            }
            Token::Num(digits) => check_integer(digits)?,
            Token::String(_) => {}
        }
    }
    Ok(())
}

/// A list or dictionary that the walk is in.
enum Open<'a> {
    List,
    Dict { last: Option<&'a str>, at_key: bool },
}

fn check_key<'a>(last: Option<&str>, key: &'a [u8]) -> Result<&'a str, ParseError> {
    let differs = |why| Err(ParseError::HashDiffers { why });
    let Ok(key) = std::str::from_utf8(key) else {
        return differs("a key is not UTF-8");
    };
    if key == "__proto__" {
        return differs("the key `__proto__` is lost in JavaScript objects");
    }
    if key.starts_with('\u{feff}') || key.contains('\u{fffd}') {
        return differs("a key holds a byte order mark or U+FFFD");
    }
    // JavaScript sorts by UTF-16 units: a surrogate sorts below U+E000..U+FFFF.
    if last.is_some_and(|last| last.encode_utf16().ge(key.encode_utf16())) {
        return differs("keys beyond the Basic Multilingual Plane sort differently in UTF-16");
    }
    Ok(key)
}

fn check_integer(digits: &str) -> Result<(), ParseError> {
    let magnitude = digits.trim_start_matches('-').parse::<u64>();
    if magnitude.is_ok_and(|magnitude| magnitude <= MAX_SAFE_INTEGER) {
        Ok(())
    } else {
        Err(ParseError::HashDiffers {
            why: "a number is over 2^53 - 1 and loses digits in JavaScript",
        })
    }
}
