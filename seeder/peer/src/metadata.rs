use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bendy::decoding::{Decoder, Object};
use bytes::Bytes;

use crate::budget::Budget;
use crate::extension::MAX_DEPTH;
use crate::message::write;

/// Bytes of a metadata piece (BEP 9).
pub(crate) const PIECE_LENGTH: usize = 16 * 1024;

/// How often a peer may fetch the whole metadata in [`PERIOD`]: once, and again if it came broken.
const COPIES: u32 = 2;

const PERIOD: Duration = Duration::from_secs(60);

/// Serves the `info` value to peers that have only a magnet link (BEP 9).
///
/// Queued requests are answered when the shell has credit to send: a peer that asks and does not read
/// costs an index, not a piece of metadata.
#[derive(Debug)]
pub(crate) struct MetadataServer {
    info: Bytes,
    queue: VecDeque<u32>,
    budget: Budget,
    max_queued: usize,
}

/// What a peer's `ut_metadata` message comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetadataReply {
    /// It will be answered by [`MetadataServer::next`].
    Queued,
    /// It is refused with this reject.
    Reject { piece: u32 },
    /// It asks for nothing.
    Nothing,
}

impl MetadataServer {
    pub(crate) fn new(now: Instant, info: Bytes) -> Self {
        let pieces = u32::try_from(info.len().div_ceil(PIECE_LENGTH)).unwrap_or(u32::MAX);
        let burst = pieces.saturating_mul(COPIES);
        Self {
            info,
            queue: VecDeque::new(),
            budget: Budget::new(now, burst, PERIOD),
            max_queued: burst as usize,
        }
    }

    /// Takes in a `ut_metadata` message of a peer.
    pub(crate) fn handle(&mut self, now: Instant, payload: &[u8]) -> MetadataReply {
        let Some(piece) = requested_piece(payload) else {
            return MetadataReply::Nothing;
        };
        let known = self.piece(piece).is_some();
        if known && self.queue.len() < self.max_queued && self.budget.take(now) {
            self.queue.push_back(piece);
            MetadataReply::Queued
        } else {
            MetadataReply::Reject { piece }
        }
    }

    /// Says whether nothing waits to be answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Writes the next answer under the peer's id of `ut_metadata`.
    pub(crate) fn next(&mut self, their_id: u8) -> Option<Vec<u8>> {
        let index = self.queue.pop_front()?;
        let piece = self.piece(index)?;
        // webtorrent.js ends the dictionary at the first `ee`: nothing may be nested in it.
        let header = format!(
            "d8:msg_typei1e5:piecei{index}e10:total_sizei{}ee",
            self.info.len()
        );
        let mut message = Vec::with_capacity(6 + header.len() + piece.len());
        write::extended(&mut message, their_id, [header.as_bytes(), piece]);
        Some(message)
    }

    fn piece(&self, index: u32) -> Option<&[u8]> {
        let start = (index as usize).checked_mul(PIECE_LENGTH)?;
        let rest = self.info.get(start..).filter(|rest| !rest.is_empty())?;
        rest.chunks(PIECE_LENGTH).next()
    }
}

/// Writes a reject (`msg_type` 2).
pub(crate) fn reject(out: &mut Vec<u8>, their_id: u8, piece: u32) {
    let header = format!("d8:msg_typei2e5:piecei{piece}ee");
    write::extended(out, their_id, [header.as_bytes(), &[]]);
}

/// Returns the piece that a message asks for; other message types ask for nothing.
fn requested_piece(payload: &[u8]) -> Option<u32> {
    let mut decoder = Decoder::new(payload).with_max_depth(MAX_DEPTH);
    let Object::Dict(mut message) = decoder.next_object().ok()?? else {
        return None;
    };
    let (mut is_request, mut piece) = (false, None);
    while let Ok(Some((key, value))) = message.next_pair() {
        match (key, value) {
            (b"msg_type", Object::Integer(kind)) => is_request = kind == "0",
            (b"piece", Object::Integer(index)) => piece = index.parse().ok(),
            _ => {}
        }
    }
    piece.filter(|_| is_request)
}
