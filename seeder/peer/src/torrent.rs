use bytes::Bytes;
use thiserror::Error;
use tracker_protocol::InfoHash;

use crate::BlockRequest;

/// Longest block that is served, in bytes. webtorrent.js disconnects above it and libtorrent never
/// asks for more; the usual block is 16 KiB.
pub(crate) const MAX_BLOCK_LENGTH: u32 = 128 * 1024;

/// What a session needs to know of a torrent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Torrent {
    info_hash: InfoHash,
    piece_length: u32,
    total_length: u64,
    piece_count: u32,
    info: Bytes,
}

/// Why numbers do not describe a torrent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TorrentError {
    /// Pieces of no bytes.
    #[error("piece length is `0`; give at least 1")]
    ZeroPieceLength,
    /// The piece index would not fit the wire.
    #[error(
        "`{total_length}` bytes in pieces of `{piece_length}` are over 2^32 pieces; use longer pieces"
    )]
    TooManyPieces {
        /// Bytes of content.
        total_length: u64,
        /// Bytes a piece.
        piece_length: u32,
    },
}

impl Torrent {
    /// Describes a torrent; `info` is the raw bencoded `info` value whose SHA-1 is `info_hash`.
    ///
    /// # Errors
    /// If the piece length is zero or the pieces cannot be counted in 32 bits.
    pub fn new(
        info_hash: InfoHash,
        piece_length: u32,
        total_length: u64,
        info: Bytes,
    ) -> Result<Self, TorrentError> {
        if piece_length == 0 {
            return Err(TorrentError::ZeroPieceLength);
        }
        let pieces = total_length.div_ceil(u64::from(piece_length));
        let piece_count = u32::try_from(pieces).map_err(|_| TorrentError::TooManyPieces {
            total_length,
            piece_length,
        })?;
        Ok(Self {
            info_hash,
            piece_length,
            total_length,
            piece_count,
            info,
        })
    }

    /// Returns the infohash.
    pub fn info_hash(&self) -> InfoHash {
        self.info_hash
    }

    /// Returns the number of pieces.
    pub fn piece_count(&self) -> u32 {
        self.piece_count
    }

    /// Returns the length of every piece but the last, in bytes.
    pub fn piece_length(&self) -> u32 {
        self.piece_length
    }

    /// Returns the length of a piece in bytes, or `None` beyond the last.
    pub fn piece_size(&self, index: u32) -> Option<u32> {
        let start = u64::from(index) * u64::from(self.piece_length);
        let left = self
            .total_length
            .checked_sub(start)
            .filter(|left| *left > 0)?;
        Some(u32::try_from(left).map_or(self.piece_length, |left| left.min(self.piece_length)))
    }

    /// Returns the raw `info` value.
    pub(crate) fn info(&self) -> &Bytes {
        &self.info
    }

    /// Says whether a block lies in the torrent and has a length we serve.
    pub(crate) fn holds(&self, block: &BlockRequest) -> bool {
        let end = u64::from(block.begin) + u64::from(block.length);
        (1..=MAX_BLOCK_LENGTH).contains(&block.length)
            && self
                .piece_size(block.piece)
                .is_some_and(|size| end <= u64::from(size))
    }
}
