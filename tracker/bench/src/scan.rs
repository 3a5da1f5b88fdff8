//! Reads what a tracker sends without parsing it whole: the ids and the session description are
//! looked at, the rest is stepped over.

use memchr::memchr;

use crate::id::unescape;

/// A message of a tracker, as far as the load cares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    /// The response to an announce.
    Response { info_hash: [u8; 20] },
    /// Another peer's offer, or the answer to an offer of ours.
    Relay {
        kind: Relay,
        info_hash: [u8; 20],
        peer_id: [u8; 20],
        offer_id: [u8; 20],
        /// The description's `sdp`, as raw JSON without its quotes.
        sdp: &'a [u8],
    },
    /// A refusal, in the tracker's words.
    Failure { reason: &'a [u8] },
}

/// Which half of an exchange was relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relay {
    Offer,
    Answer,
}

/// Reads a message; `None` when it is none of the above.
pub(crate) fn scan(text: &[u8]) -> Option<Told<'_>> {
    let (mut info_hash, mut peer_id, mut offer_id) = (None, None, None);
    let (mut relay, mut counted) = (None, false);
    let mut fields = Fields::new(text)?;
    while let Some((key, value)) = fields.next_field()? {
        match key {
            b"info_hash" => info_hash = Some(value),
            b"peer_id" => peer_id = Some(value),
            b"offer_id" => offer_id = Some(value),
            b"offer" => relay = Some((Relay::Offer, value)),
            b"answer" => relay = Some((Relay::Answer, value)),
            b"complete" => counted = true,
            b"failure reason" => return Some(Told::Failure { reason: value }),
            _ => {}
        }
    }
    let id = |value: Option<&[u8]>| unescape(inside(value?)?);
    match relay {
        Some((kind, description)) => Some(Told::Relay {
            kind,
            info_hash: id(info_hash)?,
            peer_id: id(peer_id)?,
            offer_id: id(offer_id)?,
            sdp: sdp(description)?,
        }),
        None if counted => Some(Told::Response {
            info_hash: id(info_hash)?,
        }),
        None => None,
    }
}

fn sdp(description: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::new(description)?;
    while let Some((key, value)) = fields.next_field()? {
        if key == b"sdp" {
            return inside(value);
        }
    }
    None
}

/// The inside of a JSON string.
fn inside(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// The fields of a JSON object, in order. Loose: what it takes may not be JSON.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn new(object: &'a [u8]) -> Option<Self> {
        let rest = object.trim_ascii().strip_prefix(b"{")?;
        Some(Self { rest })
    }

    /// The next field, or `Some(None)` at the object's end; `None` if this is no object.
    #[expect(
        clippy::option_option,
        reason = "`?` on the outer one is what every caller does"
    )]
    fn next_field(&mut self) -> Option<Option<(&'a [u8], &'a [u8])>> {
        let rest = self.rest.trim_ascii_start();
        if rest.starts_with(b"}") {
            return Some(None);
        }
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (key, rest) = rest.split_at_checked(string_length(rest)?)?;
        let rest = rest
            .trim_ascii_start()
            .strip_prefix(b":")?
            .trim_ascii_start();
        let (value, rest) = rest.split_at_checked(value_length(rest)?)?;
        self.rest = rest;
        Some(Some((inside(key)?, value)))
    }
}

/// The length of the JSON string at the start of `bytes`, its quotes included.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = usize::from(bytes.starts_with(b"\""));
    if at == 0 {
        return None;
    }
    loop {
        let quote = at + memchr(b'"', bytes.get(at..)?)?;
        let before = bytes.get(..quote)?;
        // A quote after an odd number of backslashes belongs to the string.
        let escaped = before
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count()
            % 2
            == 1;
        at = quote + 1;
        if !escaped {
            return Some(at);
        }
    }
}

/// The length of the JSON value at the start of `bytes`.
fn value_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => at += string_length(bytes.get(at..)?)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' | b',' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ => at += 1,
        }
        if depth == 0 && matches!(bytes.get(at - 1), Some(b'"' | b'}' | b']')) {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "aaaaaaaaaaaaaaaaaa\u{e9}\\\"";
    const HASH_BYTES: &[u8; 20] = b"aaaaaaaaaaaaaaaaaa\xe9\"";

    #[test]
    fn a_response_is_told_from_a_relay() {
        let text = format!(
            r#"{{"action":"announce","info_hash":"{HASH}","interval":120,"complete":0,"incomplete":4}}"#
        );
        let info_hash = *HASH_BYTES;
        assert_eq!(scan(text.as_bytes()), Some(Told::Response { info_hash }));
    }

    #[test]
    fn a_relay_is_read_whatever_the_order_and_the_spaces() {
        for (key, kind) in [("offer", Relay::Offer), ("answer", Relay::Answer)] {
            let text = format!(
                r#" {{ "{key}" : {{"x":[{{"sdp":"no"}}],"sdp":"v=0\r\n\\","type":"\"sdp\":"}} ,"peer_id":"{HASH}",
                "offer_id":"{HASH}","info_hash":"{HASH}"}} "#
            );
            let told = Told::Relay {
                kind,
                info_hash: *HASH_BYTES,
                peer_id: *HASH_BYTES,
                offer_id: *HASH_BYTES,
                sdp: br"v=0\r\n\\",
            };
            assert_eq!(scan(text.as_bytes()), Some(told));
        }
    }

    #[test]
    fn a_failure_keeps_its_words() {
        let text = br#"{"action":"announce","failure reason":"too many"}"#;
        let reason = br#""too many""#;
        assert_eq!(scan(text), Some(Told::Failure { reason }));
    }

    #[test]
    fn garbage_is_nothing() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            r#"{"a"}"#,
            r#"{"a":"#,
            r#"{"a":"\"}"#,
            r#"{"offer":{}}"#,
        ] {
            assert_eq!(scan(text.as_bytes()), None, "{text}");
        }
    }
}
