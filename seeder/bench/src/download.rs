//! Which blocks a leecher asks for, and whether what it gets is right. Pure.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use metainfo::Metainfo;
use sha1::{Digest, Sha1};

/// Bytes of a block, but for the last of a torrent: what all clients ask for.
pub(crate) const BLOCK_BYTES: u32 = 16_384;

/// A block: piece, offset in it, length.
pub(crate) type Block = (u32, u32, u32);

/// What a block that came turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As asked.
    Fine,
    /// As asked, and the last of a piece whose hash is right.
    PieceVerified,
    /// The last of this piece, whose hash is wrong.
    PieceWrong(u32),
    /// Never asked for, or of another length.
    Unasked,
}

/// One leecher's way through a torrent: piece after piece, over and over, nothing kept.
#[derive(Debug)]
pub(crate) struct Download {
    metainfo: Arc<Metainfo>,
    piece: u32,
    begin: u32,
    /// Lengths of the blocks that are to come.
    asked: HashMap<(u32, u32), u32>,
    /// Blocks that were refused.
    again: VecDeque<Block>,
    begun: BTreeMap<u32, Piece>,
}

/// A piece of which blocks have been asked for.
#[derive(Debug, Default)]
struct Piece {
    hash: Sha1,
    /// Bytes that went into the hash.
    hashed: u32,
    /// Blocks that came before their turn.
    early: BTreeMap<u32, Vec<u8>>,
}

impl Download {
    pub(crate) fn new(metainfo: Arc<Metainfo>) -> Self {
        Self {
            metainfo,
            piece: 0,
            begin: 0,
            asked: HashMap::new(),
            again: VecDeque::new(),
            begun: BTreeMap::new(),
        }
    }

    /// Blocks that were asked for and have not come.
    pub(crate) fn outstanding(&self) -> usize {
        self.asked.len()
    }

    /// The next block to ask for; `None` while all of a small torrent is on its way.
    pub(crate) fn next(&mut self) -> Option<Block> {
        let block = match self.again.pop_front() {
            Some(block) => block,
            None => self.in_order()?,
        };
        self.asked.insert((block.0, block.1), block.2);
        Some(block)
    }

    fn in_order(&mut self) -> Option<Block> {
        let size = self.metainfo.piece_size(self.piece)?;
        if self.begin == 0 {
            if self.begun.contains_key(&self.piece) {
                return None;
            }
            self.begun.insert(self.piece, Piece::default());
        }
        let block = (self.piece, self.begin, BLOCK_BYTES.min(size - self.begin));
        self.begin += block.2;
        if self.begin == size {
            self.begin = 0;
            self.piece = (self.piece + 1) % self.metainfo.piece_count();
        }
        Some(block)
    }

    /// Takes a refusal.
    pub(crate) fn refused(&mut self, index: u32, begin: u32) {
        if let Some(length) = self.asked.remove(&(index, begin)) {
            self.again.push_back((index, begin, length));
        }
    }

    /// Takes a block that came.
    pub(crate) fn came(&mut self, index: u32, begin: u32, bytes: &[u8]) -> Verdict {
        let due = self.asked.get(&(index, begin));
        let (Some(piece), true) = (
            self.begun.get_mut(&index),
            due.is_some_and(|length| *length as usize == bytes.len()),
        ) else {
            return Verdict::Unasked;
        };
        self.asked.remove(&(index, begin));
        if begin != piece.hashed {
            piece.early.insert(begin, bytes.to_vec());
            return Verdict::Fine;
        }
        piece.take(bytes);
        while let Some(early) = piece.early.remove(&piece.hashed) {
            piece.take(&early);
        }
        if Some(piece.hashed) != self.metainfo.piece_size(index) {
            return Verdict::Fine;
        }
        let hash = std::mem::take(&mut piece.hash).finalize();
        self.begun.remove(&index);
        if self.metainfo.piece_hash(index).map(|hash| &hash[..]) == Some(&hash[..]) {
            Verdict::PieceVerified
        } else {
            Verdict::PieceWrong(index)
        }
    }
}

impl Piece {
    fn take(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.hashed += bytes.len() as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    const PIECE: usize = 32_768;

    fn content() -> (Vec<u8>, Download) {
        let bytes: Vec<u8> = (0..2 * PIECE + 100).map(|at| (at / 7) as u8).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("content");
        std::fs::write(&path, &bytes).expect("a file");
        let options = metainfo::CreateOptions {
            piece_length: Some(PIECE as u32),
            ..metainfo::CreateOptions::default()
        };
        let created = metainfo::create(&path, &options, &|_| {}, &AtomicBool::new(false));
        let metainfo = created.expect("a torrent").metainfo;
        (bytes, Download::new(Arc::new(metainfo)))
    }

    fn of(bytes: &[u8], (index, begin, length): Block) -> &[u8] {
        let start = index as usize * PIECE + begin as usize;
        &bytes[start..start + length as usize]
    }

    #[test]
    fn all_blocks_are_asked_for_once_and_then_anew_once_they_came() {
        let (bytes, mut download) = content();
        let blocks: Vec<Block> = std::iter::from_fn(|| download.next()).collect();
        assert_eq!(
            blocks,
            [
                (0, 0, 16_384),
                (0, 16_384, 16_384),
                (1, 0, 16_384),
                (1, 16_384, 16_384),
                (2, 0, 100)
            ]
        );
        // In reverse, too, a piece is right.
        let verdicts: Vec<Verdict> = blocks
            .iter()
            .rev()
            .map(|block| download.came(block.0, block.1, of(&bytes, *block)))
            .collect();
        let (fine, verified) = (Verdict::Fine, Verdict::PieceVerified);
        assert_eq!(verdicts, [verified, fine, verified, fine, verified]);
        assert_eq!(download.outstanding(), 0);
        assert_eq!(download.next(), Some((0, 0, 16_384)));
    }

    #[test]
    fn a_wrong_byte_is_caught_and_so_is_what_nobody_asked_for() {
        let (bytes, mut download) = content();
        let first = download.next().expect("a block");
        let second = download.next().expect("a block");
        let mut wrong = of(&bytes, second).to_vec();
        wrong[5] ^= 1;
        assert_eq!(
            download.came(1, 0, of(&bytes, (1, 0, 16_384))),
            Verdict::Unasked
        );
        assert_eq!(download.came(0, 0, &wrong[..100]), Verdict::Unasked);
        assert_eq!(download.came(0, 0, of(&bytes, first)), Verdict::Fine);
        assert_eq!(download.came(0, 0, of(&bytes, first)), Verdict::Unasked);
        assert_eq!(download.came(0, 16_384, &wrong), Verdict::PieceWrong(0));
    }

    #[test]
    fn what_is_refused_is_asked_for_again() {
        let (_, mut download) = content();
        let first = download.next();
        download.refused(0, 0);
        assert_eq!(download.outstanding(), 0);
        assert_eq!(download.next(), first);
    }
}
