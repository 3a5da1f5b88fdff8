//! The ids of the load: fixed parts with the characters that real ids hold (controls, quotes,
//! U+0080 to U+00FF), and hexadecimal digits that say whose they are.

/// Connections and offers a connection that the digits of an offer id can name.
pub(crate) const MAX_NUMBER: u32 = (1 << 24) - 1;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The six digits of a number up to [`MAX_NUMBER`].
pub(crate) fn digits(number: u32) -> [u8; 6] {
    let mut text = [b'0'; 6];
    let mut rest = number;
    for slot in text.iter_mut().rev() {
        *slot = DIGITS[(rest & 15) as usize];
        rest >>= 4;
    }
    text
}

/// The number that six digits stand for.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| {
        let value = char::from(*digit).to_digit(16)?;
        number.checked_mul(16)?.checked_add(value)
    })
}

/// What ids of one run have in common, so that a tracker does not take them for those of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Salt(pub(crate) [u8; 4]);

impl Salt {
    /// Four digits of `seed`.
    pub(crate) fn new(seed: u32) -> Self {
        let [_, _, salt @ ..] = digits(seed & 0xffff);
        Self(salt)
    }

    /// The infohash of a torrent.
    pub(crate) fn torrent(self, number: u32) -> [u8; 20] {
        join(&[
            &digits(number),
            &self.0,
            b"\xf7J\x14\xcd\\\xdd\xe4\x00\xfd&",
        ])
    }

    /// The id of a peer, in the form of webtorrent.js (BEP 20).
    pub(crate) fn peer(self, number: u32) -> [u8; 20] {
        join(&[b"-WW3021-", &digits(number), &self.0, b"\x0e\xd0"])
    }

    /// The id of an offer: who made it, and which of theirs it is.
    pub(crate) fn offer(self, connection: u32, offer: u32) -> [u8; 20] {
        join(&[
            &digits(connection),
            &digits(offer),
            &self.0,
            b"\"\x1c\xfc\xc0",
        ])
    }

    /// Whose an offer id is, and which of theirs; `None` if it is none of this run's.
    pub(crate) fn offer_of(self, id: &[u8; 20]) -> Option<(u32, u32)> {
        let connection = number(id.get(..6)?)?;
        let offer = number(id.get(6..12)?)?;
        (self.offer(connection, offer) == *id).then_some((connection, offer))
    }
}

fn join(parts: &[&[u8]]) -> [u8; 20] {
    let mut id = [0; 20];
    for (slot, byte) in id.iter_mut().zip(parts.iter().copied().flatten()) {
        *slot = *byte;
    }
    id
}

/// Appends an id as the inside of a JSON string, and returns at which offset each byte lies.
pub(crate) fn escape(id: &[u8; 20], out: &mut Vec<u8>) -> [usize; 20] {
    id.map(|byte| {
        let at = out.len();
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            ..0x20 => {
                let [.., high, low] = digits(byte.into());
                out.extend([b'\\', b'u', b'0', b'0', high, low]);
            }
            0x20..0x80 => out.push(byte),
            0x80.. => out.extend([0xc0 | (byte >> 6), 0x80 | (byte & 0x3f)]),
        }
        at
    })
}

/// Reads the inside of a JSON string of 20 characters U+0000 to U+00FF.
pub(crate) fn unescape(raw: &[u8]) -> Option<[u8; 20]> {
    let mut id = [0; 20];
    let mut rest = raw;
    for slot in &mut id {
        (*slot, rest) = match rest {
            [b'\\', b'u', b'0', b'0', high, low, rest @ ..] => {
                (u8::try_from(number(&[*high, *low])?).ok()?, rest)
            }
            [b'\\', short, rest @ ..] => (unescape_short(*short)?, rest),
            [high @ (0xc2 | 0xc3), low @ 0x80..0xc0, rest @ ..] => {
                ((high & 3) << 6 | (low & 0x3f), rest)
            }
            [ascii @ 0x20..0x80, rest @ ..] => (*ascii, rest),
            _ => return None,
        };
    }
    rest.is_empty().then_some(id)
}

/// The character behind a two-character escape (RFC 8259 §7).
fn unescape_short(letter: u8) -> Option<u8> {
    match letter {
        b'"' | b'\\' | b'/' => Some(letter),
        b'b' => Some(8),
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'f' => Some(12),
        b'r' => Some(b'\r'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_json() {
        let salt = Salt::new(0xbeef);
        for id in [salt.torrent(7), salt.peer(99), salt.offer(3, 0x00ff_ffff)] {
            let mut raw = Vec::new();
            escape(&id, &mut raw);
            assert_eq!(unescape(&raw), Some(id));
            let text = format!("\"{}\"", String::from_utf8(raw).expect("UTF-8"));
            let read: String = serde_json::from_str(&text).expect("a JSON string");
            assert_eq!(
                read.chars().map(u32::from).collect::<Vec<_>>(),
                id.map(u32::from)
            );
        }
    }

    #[test]
    fn other_ways_to_write_the_same_id_are_read() {
        let id = Salt::new(1).offer(1, 2);
        let raw = br#"0000010000020001\u0022\u001cA\u00C0"#;
        assert_eq!(unescape(raw).map(|id| id[18]), Some(b'A'));
        let raw = "000001000002\\u0030\\u0030\\u00301\\\"\\u001C\u{fc}\u{c0}";
        assert_eq!(unescape(raw.as_bytes()), Some(id));
        assert_eq!(unescape(b"too short"), None);
        assert_eq!(unescape("0123456789012345678\u{100}".as_bytes()), None);
    }

    #[test]
    fn an_offer_id_tells_whose_it_is() {
        let salt = Salt::new(5);
        assert_eq!(salt.offer_of(&salt.offer(17, 400)), Some((17, 400)));
        assert_eq!(Salt::new(6).offer_of(&salt.offer(17, 400)), None);
        assert_eq!(salt.offer_of(&salt.peer(17)), None);
    }
}
