/// A block a peer asked for: `length` bytes from `begin` in piece `piece`.
///
/// One that comes from [`Session::next_upload`](crate::Session::next_upload) lies within the torrent,
/// is at most 128 KiB long, and belongs to a piece that is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRequest {
    /// Index of the piece.
    pub piece: u32,
    /// Offset of the block in the piece, in bytes.
    pub begin: u32,
    /// Length of the block, in bytes.
    pub length: u32,
}

impl BlockRequest {
    /// Bytes before the block in a `piece` message: length, id, index, begin (BEP 3).
    pub const HEADER_LENGTH: usize = 13;

    /// Returns what precedes the block in the `piece` message that answers this request. The shell
    /// sends header and block in one buffer.
    pub fn header(&self) -> [u8; Self::HEADER_LENGTH] {
        let mut header = [0; Self::HEADER_LENGTH];
        let (length, rest) = header.split_at_mut(4);
        let (id, rest) = rest.split_at_mut(1);
        let (piece, begin) = rest.split_at_mut(4);
        // Index and begin are part of the counted length, the four bytes of the length are not.
        length.copy_from_slice(&self.length.saturating_add(9).to_be_bytes());
        id.copy_from_slice(&[crate::message::PIECE]);
        piece.copy_from_slice(&self.piece.to_be_bytes());
        begin.copy_from_slice(&self.begin.to_be_bytes());
        header
    }
}
