use thiserror::Error;

use crate::BlockRequest;
use crate::bitfield::byte_length;
use crate::message::{self, Message};

/// Longest extended message taken from a peer, id bytes included. A leecher sends its extended
/// handshake and requests for metadata, both below 1 KiB.
const MAX_EXTENDED_LENGTH: usize = 16 * 1024;

/// Cuts a stream of bytes into messages, however it is chunked.
///
/// Holds one incomplete message at most; its length was checked before any of it was stored, and
/// nothing is allocated for bytes that have not arrived.
#[derive(Debug)]
pub(crate) struct Decoder {
    partial: Vec<u8>,
    max_bitfield_length: usize,
}

/// Why bytes are not a message we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Longer than this kind of message may be.
    #[error("message `{id}` is `{length}` bytes long, over the `{limit}` allowed")]
    TooLong {
        /// Message id.
        id: u8,
        /// Length that the peer announced.
        length: u32,
        /// Length allowed.
        limit: usize,
    },
    /// Not as long as this kind of message is.
    #[error("message `{id}` is `{length}` bytes long, which its kind never is")]
    WrongLength {
        /// Message id.
        id: u8,
        /// Length that the peer announced.
        length: u32,
    },
    /// A `piece`, which a seeder never asks for.
    #[error("a piece was sent to a seeder")]
    UnwantedPiece,
}

impl Decoder {
    /// Makes a decoder for a torrent of `pieces` pieces.
    pub(crate) fn new(pieces: u32) -> Self {
        Self {
            partial: Vec::new(),
            max_bitfield_length: byte_length(pieces) + 1,
        }
    }

    /// Takes the next whole message off the front of `input`. `None`: all of `input` is taken and the
    /// message is not whole yet.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, DecodeError> {
        let Some(length) = self
            .fill(input, 4)
            .and_then(|head| head.first_chunk().copied())
        else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(length);
        if length == 0 {
            self.partial.clear();
            return Ok(Some(Message::KeepAlive));
        }
        let Some(id) = self.fill(input, 5).and_then(|head| head.last().copied()) else {
            return Ok(None);
        };
        let body_length = self.check_length(id, length)?;
        let Some(whole) = self.fill(input, 4 + body_length) else {
            return Ok(None);
        };
        let message = whole.get(5..).and_then(|payload| parse(id, payload));
        // A partial message of 16 KiB is rare; its memory is not kept for the life of the connection.
        self.partial.clear();
        self.partial.shrink_to(64);
        message
            .map(Some)
            .ok_or(DecodeError::WrongLength { id, length })
    }

    /// Moves bytes from `input` until `length` are held; returns them if there are as many.
    fn fill(&mut self, input: &mut &[u8], length: usize) -> Option<&[u8]> {
        let missing = length.saturating_sub(self.partial.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.partial.extend_from_slice(taken);
        *input = rest;
        self.partial.get(..length)
    }

    /// Checks the announced length before anything of the message is stored.
    fn check_length(&self, id: u8, length: u32) -> Result<usize, DecodeError> {
        let limit = match id {
            message::PIECE => return Err(DecodeError::UnwantedPiece),
            message::BITFIELD => self.max_bitfield_length,
            message::EXTENDED => MAX_EXTENDED_LENGTH,
            message::CHOKE
            | message::UNCHOKE
            | message::INTERESTED
            | message::NOT_INTERESTED
            | message::HAVE_ALL
            | message::HAVE_NONE => 1,
            message::PORT => 3,
            message::HAVE | message::SUGGEST | message::ALLOWED_FAST => 5,
            message::REQUEST | message::CANCEL | message::REJECT => 13,
            _ => MAX_EXTENDED_LENGTH,
        };
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= limit)
            .ok_or(DecodeError::TooLong { id, length, limit })
    }
}

/// Reads the payload; `None` if its length is not what this kind has.
fn parse(id: u8, payload: &[u8]) -> Option<Message> {
    Some(match id {
        message::CHOKE => Message::Choke,
        message::UNCHOKE => Message::Unchoke,
        message::INTERESTED => Message::Interested,
        message::NOT_INTERESTED => Message::NotInterested,
        message::HAVE_ALL => Message::HaveAll,
        message::HAVE_NONE => Message::HaveNone,
        message::HAVE => Message::Have(index(payload)?),
        message::SUGGEST => index(payload).map(|_| Message::Suggest)?,
        message::ALLOWED_FAST => index(payload).map(|_| Message::AllowedFast)?,
        message::PORT => <[u8; 2]>::try_from(payload).ok().map(|_| Message::Port)?,
        message::REQUEST => Message::Request(block(payload)?),
        message::CANCEL => Message::Cancel(block(payload)?),
        message::REJECT => Message::Reject(block(payload)?),
        message::BITFIELD => Message::Bitfield(payload.to_vec()),
        message::EXTENDED => {
            let (id, payload) = payload.split_first()?;
            Message::Extended {
                id: *id,
                payload: payload.to_vec(),
            }
        }
        _ => Message::Unknown,
    })
}

fn index(payload: &[u8]) -> Option<u32> {
    payload.try_into().ok().map(u32::from_be_bytes)
}

fn block(payload: &[u8]) -> Option<BlockRequest> {
    let (piece, rest) = payload.split_first_chunk()?;
    let (begin, length) = rest.split_first_chunk()?;
    Some(BlockRequest {
        piece: u32::from_be_bytes(*piece),
        begin: u32::from_be_bytes(*begin),
        length: u32::from_be_bytes(length.try_into().ok()?),
    })
}
