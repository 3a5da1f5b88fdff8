//! The WebSocket frames of a client (RFC 6455 §5), as cheap as they come: the generator shares
//! the machine with what it measures.

use std::ops::Range;

/// The key that masks all we send. RFC 6455 §5.3 wants it unpredictable, to protect proxies from
/// scripts; a generator on loopback has neither, and a fixed key lets templates be masked once.
pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The largest frame taken from a server. Relays are a few kilobytes.
const MAX_FRAME: u64 = 1 << 20;

/// What a frame is (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Continuation),
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

/// A whole frame at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) last: bool,
    pub(crate) opcode: Opcode,
    /// Where its payload lies; the next frame starts at its end.
    pub(crate) payload: Range<usize>,
}

/// Why the bytes are no frame of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Reserved bits or an opcode that nobody negotiated.
    #[error("frame has reserved bits or an unknown opcode")]
    Reserved,
    /// A server must not mask (RFC 6455 §5.1).
    #[error("frame is masked, as no server may")]
    Masked,
    /// Larger than anything a tracker says.
    #[error("frame has more than 1 MiB")]
    Large,
}

/// Reads the frame at the start of `bytes`; `None` when it is not all there.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    let &[first, second, ref rest @ ..] = bytes else {
        return Ok(None);
    };
    let opcode = Opcode::from_bits(first & 0x0f).ok_or(FrameError::Reserved)?;
    if first & 0x70 != 0 {
        return Err(FrameError::Reserved);
    }
    if second & 0x80 != 0 {
        return Err(FrameError::Masked);
    }
    let (header, length) = match (second, rest) {
        (126, &[a, b, ..]) => (4, u64::from(u16::from_be_bytes([a, b]))),
        (127, &[a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, u64::from(short)),
    };
    if length > MAX_FRAME {
        return Err(FrameError::Large);
    }
    let end = header + usize::try_from(length).map_err(|_| FrameError::Large)?;
    Ok((end <= bytes.len()).then_some(Frame {
        last: first & 0x80 != 0,
        opcode,
        payload: header..end,
    }))
}

/// Appends a whole masked frame; the payload starts at the returned offset.
pub(crate) fn encode(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) -> usize {
    out.push(0x80 | opcode.bits());
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ ..126), _) => out.push(0x80 | short),
        (_, Ok(medium)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_read() {
        // RFC 6455 §5.7: a single-frame unmasked text message.
        let hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        let frame = decode(&hello).expect("a frame").expect("whole");
        assert_eq!(
            frame,
            Frame {
                last: true,
                opcode: Opcode::Text,
                payload: 2..7
            }
        );
    }

    #[test]
    fn the_example_of_the_rfc_is_written() {
        // RFC 6455 §5.7: a single-frame masked text message.
        let mut out = Vec::new();
        assert_eq!(encode(Opcode::Text, b"Hello", &mut out), 6);
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(out, hello);
    }

    #[test]
    fn a_frame_that_is_not_all_there_is_waited_for() {
        for length in [0, 125, 126, 70_000_usize] {
            let mut whole = vec![0x82];
            match length {
                ..126 => whole.push(length as u8),
                126..65_536 => whole.extend([126, (length >> 8) as u8, length as u8]),
                _ => {
                    whole.push(127);
                    whole.extend((length as u64).to_be_bytes());
                }
            }
            whole.extend(vec![b'x'; length]);
            for cut in [0, 1, 2, 3, whole.len() - 1] {
                if cut < whole.len() {
                    assert_eq!(decode(&whole[..cut]), Ok(None), "{cut} of {length}");
                }
            }
            let frame = decode(&whole).expect("a frame").expect("whole");
            assert_eq!(frame.payload.end, whole.len());
        }
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        assert_eq!(decode(&[0xc1, 0x00]), Err(FrameError::Reserved));
        assert_eq!(decode(&[0x83, 0x00]), Err(FrameError::Reserved));
        assert_eq!(decode(&[0x81, 0x80]), Err(FrameError::Masked));
        let huge = [0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 1];
        assert_eq!(decode(&huge), Err(FrameError::Large));
    }
}
