//! The header of a client's frame, RFC 6455 §5.2.

use super::{Refusal, protocol};

/// Bytes of a control frame's payload, RFC 6455 §5.5.
pub(super) const CONTROL_MOST: usize = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// A header that is sound, as far as it is here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// No fragment of the message follows.
    pub(super) last: bool,
    pub(super) opcode: Opcode,
    /// Bytes of the payload.
    pub(super) length: u64,
    /// The mask, and the bytes of the whole header; `None` while the mask is not here.
    pub(super) mask: Option<([u8; 4], usize)>,
}

impl Header {
    /// The header at the beginning of `bytes`; `None` while its length is not here.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, Refusal> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        if first & 0b0111_0000 != 0 {
            return Err(protocol(
                "a frame has a reserved bit set: no extension is agreed",
            ));
        }
        let opcode = match first & 0b1111 {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return Err(protocol("a frame has a reserved opcode")),
        };
        if second & 0b1000_0000 == 0 {
            return Err(protocol("a frame of a client is not masked"));
        }
        let last = first & 0b1000_0000 != 0;
        let short = second & 0b0111_1111;
        let control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
        if control && (!last || usize::from(short) > CONTROL_MOST) {
            return Err(protocol("a control frame is fragmented or too long"));
        }
        let (length, rest) = match short {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u16::from_be_bytes(*length).into(), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            short => (short.into(), rest),
        };
        let mask = rest
            .split_first_chunk()
            .map(|(mask, payload)| (*mask, bytes.len() - payload.len()));
        Ok(Some(Self {
            last,
            opcode,
            length,
            mask,
        }))
    }
}
