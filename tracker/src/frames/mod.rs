//! WebSocket frames ([RFC 6455 §5](https://www.rfc-editor.org/rfc/rfc6455#section-5)):
//! bytes in, events out; messages in, bytes out. Pure.
//!
//! Frames are unmasked and read where they lie, in the caller's buffer. Only what is
//! not whole yet is kept: the beginning of a frame, and the fragments of a message.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod header;
mod write;

use std::borrow::Cow;
use std::ops::ControlFlow;

use actix_http::ws::{CloseCode, CloseReason};

use header::{Header, Opcode};
pub(crate) use write::{write_close, write_ping, write_pong, write_text};

/// Most fragments of a message. Clients send whole messages; proxies may cut them.
const FRAGMENTS: u32 = 1024;

/// What a remote sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A whole message; a binary one that is UTF-8 counts as text.
    Message(Cow<'a, str>),
    /// A ping with up to 125 bytes, to be sent back in a pong.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// The remote closes.
    Close(Option<CloseReason>),
}

/// Why a remote cannot be understood any longer: its socket has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: CloseCode,
    reason: &'static str,
}

/// The reading side of a socket.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The beginning of a frame, or frames that nobody wanted yet.
    held: Vec<u8>,
    /// The payloads so far of a message whose last fragment is not here yet.
    fragments: Option<Fragments>,
}

/// The beginning of a message. Empty fragments grow nothing, but they are work.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fragments {
    payload: Vec<u8>,
    count: u32,
}

/// What stands at the beginning of some bytes.
enum First<'a> {
    /// Not a whole frame.
    Partial,
    /// A frame of so many bytes, and what it says by itself.
    Frame(usize, Option<Event<'a>>),
}

impl Reader {
    /// A reader of a stream whose first bytes were read before.
    pub(crate) fn of(held: Vec<u8>) -> Self {
        Self {
            held,
            ..Self::default()
        }
    }

    /// Takes in the next bytes of the stream, in any portions, and gives `act` what
    /// they say until it breaks off. What is left then waits for the next call, which
    /// may be one without bytes. `limit` bounds the payloads of a message.
    ///
    /// Bytes kept between calls are at most those of one frame and of one message
    /// (both bounded by `limit`) and of one call that was broken off.
    ///
    /// # Errors
    /// When the bytes break the protocol; no more may be taken in then.
    pub(crate) fn feed(
        &mut self,
        bytes: &mut [u8],
        limit: usize,
        mut act: impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<(), Refusal> {
        if self.held.is_empty() {
            let used = self.read(bytes, limit, &mut act)?;
            if let Some(rest) = bytes.get(used..) {
                self.held.extend_from_slice(rest);
            }
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let used = self.read(&mut held, limit, &mut act)?;
        if used < held.len() {
            held.drain(..used);
            self.held = held;
        }
        Ok(())
    }

    /// Reads whole frames off the front of `bytes`, and says how many bytes those were.
    fn read(
        &mut self,
        bytes: &mut [u8],
        limit: usize,
        act: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<usize, Refusal> {
        let mut used = 0;
        while let Some(rest) = bytes.get_mut(used..) {
            match self.first(rest, limit)? {
                First::Partial => break,
                First::Frame(size, event) => {
                    used += size;
                    if event.is_some_and(|event| act(event).is_break()) {
                        break;
                    }
                }
            }
        }
        Ok(used)
    }

    /// Reads the frame at the beginning of `bytes`.
    fn first<'a>(&mut self, bytes: &'a mut [u8], limit: usize) -> Result<First<'a>, Refusal> {
        let Some(header) = Header::read(bytes)? else {
            return Ok(First::Partial);
        };
        let before = match (header.opcode, &self.fragments) {
            (Opcode::Continuation, None) => {
                return Err(protocol("a continuation frame continues nothing"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(protocol("a message begins within another"));
            }
            (Opcode::Continuation, Some(fragments)) => fragments.payload.len(),
            _ => 0,
        };
        // Before any of it is waited for.
        let length = usize::try_from(header.length)
            .ok()
            .filter(|length| before.saturating_add(*length) <= limit.max(header::CONTROL_MOST))
            .ok_or(Refusal {
                code: CloseCode::Size,
                reason: "the message is too long",
            })?;
        let Some((mask, size)) = header.mask else {
            return Ok(First::Partial);
        };
        let Some(payload) = bytes
            .get_mut(size..)
            .and_then(|rest| rest.get_mut(..length))
        else {
            return Ok(First::Partial);
        };
        unmask(payload, mask);
        let event = match header.opcode {
            Opcode::Text | Opcode::Binary if header.last => {
                let text = std::str::from_utf8(payload).map_err(|_| not_text())?;
                Some(Event::Message(Cow::Borrowed(text)))
            }
            Opcode::Text | Opcode::Binary => {
                self.fragments = Some(Fragments {
                    payload: payload.to_vec(),
                    count: 1,
                });
                None
            }
            Opcode::Continuation => self.continued(payload, header.last)?,
            Opcode::Ping => Some(Event::Ping(payload)),
            Opcode::Pong => Some(Event::Pong),
            Opcode::Close => Some(Event::Close(close(payload)?)),
        };
        Ok(First::Frame(size + length, event))
    }

    /// Adds to a message; gives it when it is whole.
    fn continued(&mut self, payload: &[u8], last: bool) -> Result<Option<Event<'static>>, Refusal> {
        let mut fragments = self.fragments.take().unwrap_or_default();
        fragments.payload.extend_from_slice(payload);
        fragments.count += 1;
        if fragments.count > FRAGMENTS {
            return Err(Refusal {
                code: CloseCode::Policy,
                reason: "the message comes in too many fragments",
            });
        }
        if !last {
            self.fragments = Some(fragments);
            return Ok(None);
        }
        let text = String::from_utf8(fragments.payload).map_err(|_| not_text())?;
        Ok(Some(Event::Message(Cow::Owned(text))))
    }
}

impl Refusal {
    /// Whether a message is too long.
    pub(crate) fn is_about_size(&self) -> bool {
        self.code == CloseCode::Size
    }
}

impl From<Refusal> for CloseReason {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code,
            description: Some(refusal.reason.into()),
        }
    }
}

const fn protocol(reason: &'static str) -> Refusal {
    Refusal {
        code: CloseCode::Protocol,
        reason,
    }
}

const fn not_text() -> Refusal {
    Refusal {
        code: CloseCode::Invalid,
        reason: "the message is not UTF-8",
    }
}

/// RFC 6455 §5.3.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u32::from_ne_bytes(mask);
    let (words, rest) = payload.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// The body of a close frame, RFC 6455 §5.5.1 and §7.4.
fn close(payload: &[u8]) -> Result<Option<CloseReason>, Refusal> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, text)) = payload.split_first_chunk::<2>() else {
        return Err(protocol("the close code has one byte"));
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(protocol("the close code is not one to be sent"));
    }
    let text = std::str::from_utf8(text).map_err(|_| not_text())?;
    Ok(Some(CloseReason {
        code: code.into(),
        description: (!text.is_empty()).then(|| text.into()),
    }))
}

#[cfg(test)]
mod tests;
