//! The name of an entry that its client is told and no other.

use std::fmt;

/// Names an entry for as long as it is in its swarm, whatever connection owns it. As text it is the
/// `tracker id`: who echoes it on another connection is who it was given to. Nobody guesses 64
/// random bits that are good for one entry alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Where the entry is.
    pub(crate) number: u32,
    /// Drawn for the entry when it joined.
    pub(crate) secret: Secret,
}

/// What nobody but the client of an entry is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) u64);

/// Hexadecimal digits of the text.
const DIGITS: usize = 24;

impl Ticket {
    /// The text for the client.
    pub(crate) fn text(self) -> String {
        let digit = |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit)]);
        let mut text = String::with_capacity(DIGITS);
        let bytes = self.number.to_be_bytes().into_iter();
        for byte in bytes.chain(self.secret.0.to_be_bytes()) {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
        }
        text
    }

    /// Reads a text of ours; `None` for any other.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_ours = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != DIGITS || !text.bytes().all(is_ours) {
            return None;
        }
        let (number, secret) = text.split_at_checked(8)?;
        Some(Self {
            number: u32::from_str_radix(number, 16).ok()?,
            secret: Secret(u64::from_str_radix(secret, 16).ok()?),
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who reads a log must not be able to take the entry.
        f.write_str("_")
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, Ticket};

    #[test]
    fn a_ticket_is_read_from_its_own_text_and_from_no_other() {
        for (number, secret, text) in [
            (0, 0, "000000000000000000000000"),
            (0x1f, 0x0123_4567_89ab_cdef, "0000001f0123456789abcdef"),
            (u32::MAX, u64::MAX, "ffffffffffffffffffffffff"),
        ] {
            let secret = Secret(secret);
            let ticket = Ticket { number, secret };
            assert_eq!(ticket.text(), text);
            assert_eq!(Ticket::parse(text), Some(ticket));
        }
        for text in [
            "",
            "0",
            "0000001F0123456789ABCDEF",
            "+00000000000000000000000",
            "0000000000000000000000000",
            "é00000000000000000000000",
        ] {
            assert_eq!(Ticket::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_log_tells_no_secret() {
        let ticket = Ticket {
            number: 7,
            secret: Secret(1_234_567),
        };
        assert_eq!(format!("{ticket:?}"), "Ticket { number: 7, secret: _ }");
    }
}
