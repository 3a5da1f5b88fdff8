//! [`Metainfo`]: what a `.torrent` file says, and where its pieces lie in files.

use std::ops::Range;
use std::sync::Arc;

use sha1::{Digest, Sha1};
use tracker_protocol::InfoHash;

use crate::parse;
use crate::parse_error::ParseError;
use crate::warning::Warning;

/// A checked `.torrent` file.
///
/// Invariants, held by [`Metainfo::parse`], the only maker: at least one file;
/// every path safe to join to a folder; no path twice and none inside another
/// file; lengths add up in a `u64`; one hash for each piece.
///
/// Cloning shares the `info` bytes, the piece hashes among them.
#[derive(Clone, PartialEq, Eq)]
pub struct Metainfo {
    pub(crate) info_hash: InfoHash,
    pub(crate) info: Arc<[u8]>,
    pub(crate) pieces: Range<usize>,
    pub(crate) name: String,
    pub(crate) piece_length: u32,
    pub(crate) total_length: u64,
    pub(crate) files: Arc<[FileEntry]>,
    pub(crate) is_multi_file: bool,
    pub(crate) private: Option<bool>,
    pub(crate) source: Option<String>,
    pub(crate) announce_tiers: Vec<Vec<String>>,
    pub(crate) url_list: Vec<String>,
    pub(crate) comment: Option<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) creation_date: Option<i64>,
    pub(crate) warnings: Vec<Warning>,
}

/// One file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Components of the path, each safe to join. The first is the torrent's
    /// name, so that the path reads as webtorrent.js's `file.path`.
    pub path: Vec<String>,
    /// Bytes of the file.
    pub length: u64,
    /// Where the file starts, counted from the start of the torrent's content.
    pub offset: u64,
}

/// A run of bytes within one file: part of a block or piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Index into [`Metainfo::files`].
    pub file: usize,
    /// Where the run starts in that file.
    pub offset: u64,
    /// Bytes of the run, never zero.
    pub length: u32,
}

impl Metainfo {
    /// Reads a `.torrent` file.
    ///
    /// # Errors
    /// When the bytes are not canonical bencoding, a field is missing, out of
    /// range or over a limit of this crate, a path is unsafe, the torrent is v2
    /// or hybrid, or webtorrent.js would compute another infohash.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        parse::metainfo(bytes)
    }

    /// The SHA-1 of [`Metainfo::info_bytes`].
    #[must_use]
    pub fn info_hash(&self) -> InfoHash {
        self.info_hash
    }

    /// The bytes of the `info` dictionary as they stand in the file: what peers
    /// fetch by [BEP 9](https://www.bittorrent.org/beps/bep_0009.html).
    #[must_use]
    pub fn info_bytes(&self) -> &[u8] {
        &self.info
    }

    /// The same bytes, shared.
    #[must_use]
    pub fn shared_info_bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.info)
    }

    /// The name of the file, or of the folder that holds the files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of every piece but the last.
    #[must_use]
    pub fn piece_length(&self) -> u32 {
        self.piece_length
    }

    /// The number of pieces. None when all files are empty.
    #[must_use]
    pub fn piece_count(&self) -> u32 {
        u32::try_from(self.pieces.len() / 20).expect("a torrent file of 64 MiB has fewer pieces")
    }

    /// The SHA-1 of piece `index`.
    #[must_use]
    pub fn piece_hash(&self, index: u32) -> Option<&[u8; 20]> {
        let start = usize::try_from(index).ok()?.checked_mul(20)?;
        self.info
            .get(self.pieces.clone())?
            .get(start..)?
            .first_chunk()
    }

    /// Bytes of piece `index`: the piece length, or less for the last.
    #[must_use]
    pub fn piece_size(&self, index: u32) -> Option<u32> {
        let start = u64::from(index) * u64::from(self.piece_length);
        let rest = self.total_length.checked_sub(start).filter(|r| *r > 0)?;
        u32::try_from(rest.min(u64::from(self.piece_length))).ok()
    }

    /// Tells whether `piece` is the content of piece `index`.
    #[must_use]
    pub fn piece_matches(&self, index: u32, piece: &[u8]) -> bool {
        self.piece_hash(index)
            .is_some_and(|hash| Sha1::digest(piece).as_slice() == hash)
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn total_length(&self) -> u64 {
        self.total_length
    }

    /// The files, in the order in which the pieces run through them.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// Tells whether the files lie in a folder named [`Metainfo::name`].
    #[must_use]
    pub fn is_multi_file(&self) -> bool {
        self.is_multi_file
    }

    /// Tells whether peers may come from the torrent's trackers alone
    /// ([BEP 27](https://www.bittorrent.org/beps/bep_0027.html)).
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private == Some(true)
    }

    /// The private flag as written: `private=0` and no flag give two infohashes.
    #[must_use]
    pub fn private_flag(&self) -> Option<bool> {
        self.private
    }

    /// The `source` of the `info` dictionary.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Tracker URLs in tiers ([BEP 12](https://www.bittorrent.org/beps/bep_0012.html)).
    #[must_use]
    pub fn announce_tiers(&self) -> &[Vec<String>] {
        &self.announce_tiers
    }

    /// Tracker URLs in order, each once: how webtorrent.js reads the tiers.
    #[must_use]
    pub fn trackers(&self) -> Vec<&str> {
        let mut urls: Vec<&str> = Vec::new();
        for url in self.announce_tiers.iter().flatten() {
            if !urls.contains(&url.as_str()) {
                urls.push(url);
            }
        }
        urls
    }

    /// Web seeds ([BEP 19](https://www.bittorrent.org/beps/bep_0019.html)).
    #[must_use]
    pub fn url_list(&self) -> &[String] {
        &self.url_list
    }

    /// The comment.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The program that made the file.
    #[must_use]
    pub fn created_by(&self) -> Option<&str> {
        self.created_by.as_deref()
    }

    /// When the file was made, in seconds since 1970.
    #[must_use]
    pub fn creation_date(&self) -> Option<i64> {
        self.creation_date
    }

    /// What is unusual about the file, though it can be seeded.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The runs of bytes that make up `length` bytes from `begin` of piece
    /// `index`, in order. They cover the range exactly; there are none when the
    /// range does not lie within the piece.
    #[must_use]
    pub fn segments(&self, index: u32, begin: u32, length: u32) -> Segments<'_> {
        let fits = begin
            .checked_add(length)
            .zip(self.piece_size(index))
            .is_some_and(|(end, size)| end <= size);
        let position = u64::from(index) * u64::from(self.piece_length) + u64::from(begin);
        let first = self
            .files
            .partition_point(|file| file.offset + file.length <= position);
        Segments {
            files: &self.files,
            file: first,
            position,
            left: if fits { length } else { 0 },
        }
    }
}

/// The iterator of [`Metainfo::segments`].
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    files: &'a [FileEntry],
    file: usize,
    position: u64,
    left: u32,
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        while self.left > 0 {
            let index = self.file;
            let file = self.files.get(index)?;
            let offset = self.position.checked_sub(file.offset)?;
            let rest = file.length.saturating_sub(offset);
            let length = u32::try_from(rest).unwrap_or(u32::MAX).min(self.left);
            if u64::from(length) == rest {
                self.file += 1;
            }
            if length > 0 {
                self.position += u64::from(length);
                self.left -= length;
                return Some(Segment {
                    file: index,
                    offset,
                    length,
                });
            }
        }
        None
    }
}

impl std::fmt::Debug for Metainfo {
    /// Leaves out the piece hashes, which would fill the screen.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metainfo")
            .field("info_hash", &self.info_hash)
            .field("name", &self.name)
            .field("piece_length", &self.piece_length)
            .field("pieces", &self.piece_count())
            .field("total_length", &self.total_length)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
