//! The default piece length: that of create-torrent 6.1.

/// Largest default piece, in bytes: create-torrent's `maxPieceLength`.
pub const MAX_DEFAULT_PIECE_LENGTH: u32 = 4 << 20;

/// Smallest piece, in bytes: one block of the peer protocol.
const MIN_PIECE_LENGTH: u32 = 16 << 10;

/// The piece length for `total` bytes: the power of two nearest, by its
/// logarithm, to a 1024th of them, from 16 KiB to 4 MiB.
///
/// Same as create-torrent 6.1, but from about 1.4 TiB on, where its 32-bit shift
/// runs over and gives 16 KiB: that would be a `.torrent` file of gigabytes.
#[must_use]
pub fn default_piece_length(total: u64) -> u32 {
    let mut length = MIN_PIECE_LENGTH;
    // total / 1024 >= length * sqrt(2), squared to stay in whole numbers.
    let is_over = |length: u32| {
        let bound = u128::from(length) << 10;
        u128::from(total).pow(2) >= 2 * bound * bound
    };
    while length < MAX_DEFAULT_PIECE_LENGTH && is_over(length) {
        length *= 2;
    }
    length
}
