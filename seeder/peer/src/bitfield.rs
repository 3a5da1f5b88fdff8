use std::fmt;

/// A set of piece indices, stored as BEP 3 sends it: the high bit of the first byte is piece 0.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitfield {
    bytes: Vec<u8>,
    pieces: u32,
    count: u32,
}

impl Bitfield {
    /// Makes the empty set for a torrent of `pieces` pieces.
    pub fn empty(pieces: u32) -> Self {
        Self {
            bytes: vec![0; byte_length(pieces)],
            pieces,
            count: 0,
        }
    }

    /// Makes the set of all `pieces` pieces.
    pub fn full(pieces: u32) -> Self {
        let mut bytes = vec![0xFF; byte_length(pieces)];
        clear_spare_bits(&mut bytes, pieces);
        Self {
            bytes,
            pieces,
            count: pieces,
        }
    }

    /// Reads the payload of a `bitfield` message. Pieces beyond a short payload are absent; spare
    /// bits are dropped, as webtorrent.js does. `None` if the payload is longer than the torrent needs.
    pub(crate) fn from_payload(payload: &[u8], pieces: u32) -> Option<Self> {
        let mut set = Self::empty(pieces);
        set.bytes.get_mut(..payload.len())?.copy_from_slice(payload);
        clear_spare_bits(&mut set.bytes, pieces);
        set.count = set.bytes.iter().map(|byte| byte.count_ones()).sum();
        Some(set)
    }

    /// Adds a piece and says whether it is new. An index beyond the torrent is never added.
    pub fn insert(&mut self, index: u32) -> bool {
        let new = index < self.pieces && !self.contains(index);
        if new && let Some(byte) = self.bytes.get_mut(index as usize / 8) {
            *byte |= mask(index);
            self.count += 1;
        }
        new
    }

    /// Takes a piece out and says whether it was there.
    pub fn remove(&mut self, index: u32) -> bool {
        let there = self.contains(index);
        if there && let Some(byte) = self.bytes.get_mut(index as usize / 8) {
            *byte &= !mask(index);
            self.count -= 1;
        }
        there
    }

    /// Says whether a piece is in the set.
    pub fn contains(&self, index: u32) -> bool {
        self.bytes
            .get(index as usize / 8)
            .is_some_and(|byte| byte & mask(index) != 0)
    }

    /// Returns how many pieces are in the set.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Returns how many pieces the torrent has.
    pub fn pieces(&self) -> u32 {
        self.pieces
    }

    /// Says whether every piece is in the set.
    pub fn is_full(&self) -> bool {
        self.count == self.pieces
    }

    /// Says whether no piece is in the set.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the payload of a `bitfield` message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Bitfield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitfield({} of {})", self.count, self.pieces)
    }
}

/// Returns the bytes of a `bitfield` payload for `pieces` pieces.
pub(crate) fn byte_length(pieces: u32) -> usize {
    pieces.div_ceil(8) as usize
}

/// Clears the bits after the last piece, in the last of all bytes.
fn clear_spare_bits(bytes: &mut [u8], pieces: u32) {
    let spare = bytes.len() * 8 - pieces as usize;
    if let Some(last) = bytes.last_mut() {
        *last &= 0xFF << spare;
    }
}

fn mask(index: u32) -> u8 {
    0x80 >> (index % 8)
}
