//! Why a `.torrent` file is refused.

use crate::limits::MAX_TORRENT_BYTES;
use crate::path::NameError;

/// Why bytes are refused as a `.torrent` file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The file is too large.
    #[error("the file has {0} bytes; a .torrent file has at most {MAX_TORRENT_BYTES}")]
    TooLarge(usize),
    /// Not bencoding, or not in its one canonical form.
    #[error("not a .torrent file in canonical bencoding: {0}")]
    Bencoding(String),
    /// Keys out of order or doubled.
    #[error(
        "the keys of a dictionary are not in order, or one is there twice: webtorrent.js would compute another infohash; make the file anew with `shoal create`"
    )]
    UnsortedKeys,
    /// Bytes after the end.
    #[error("bytes follow the end of the .torrent file's dictionary")]
    TrailingBytes,
    /// A required field is absent.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field has another bencoding type.
    #[error("`{field}` is not {expected}")]
    WrongType {
        /// The key.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A text of `info` is not UTF-8.
    #[error("`{0}` is not UTF-8: browsers cannot show it, and paths need it")]
    NotUtf8(&'static str),
    /// A number is out of range.
    #[error("`{field}` is `{value}`; it must be {expected}")]
    OutOfRange {
        /// The key.
        field: &'static str,
        /// The number as written.
        value: String,
        /// The range.
        expected: String,
    },
    /// A list or text is over its limit.
    #[error("`{field}` is over the limit of {limit}")]
    TooMany {
        /// The key.
        field: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A name is unsafe or impossible.
    #[error("a path is refused: {0}")]
    Name(#[from] NameError),
    /// Both `length` and `files`.
    #[error("`info` has both `length` and `files`")]
    LengthAndFiles,
    /// The lengths do not add up in 64 bits.
    #[error("the lengths of the files add up to more than 2^53 - 1 bytes")]
    TotalTooLarge,
    /// Too few or too many piece hashes.
    #[error("`pieces` has {actual} bytes; {expected} belong to {total} bytes of content")]
    PieceCount {
        /// Bytes of `pieces`.
        actual: usize,
        /// Bytes it should have.
        expected: u64,
        /// Bytes of content.
        total: u64,
    },
    /// A v2 torrent.
    #[error(
        "a BitTorrent v2 torrent: webtorrent.js, and so every browser, reads v1 only; make the file anew with `shoal create`"
    )]
    V2Only,
    /// A v1 and v2 torrent in one.
    #[error(
        "a hybrid of BitTorrent v1 and v2: webtorrent.js shows its padding as files and may compute another infohash; make the file anew with `shoal create`"
    )]
    Hybrid,
    /// A padding file or a link of BEP 47.
    #[error(
        "`{0}` is a padding file or a link (BEP 47), which webtorrent.js takes for content; make the file anew with `shoal create`"
    )]
    NotContent(String),
    /// webtorrent.js would compute another infohash.
    #[error(
        "webtorrent.js would compute another infohash: in `info`, {why}; make the file anew with `shoal create`"
    )]
    HashDiffers {
        /// What does not survive JavaScript.
        why: &'static str,
    },
}

impl From<bendy::decoding::Error> for ParseError {
    fn from(error: bendy::decoding::Error) -> Self {
        // bendy keeps the kind to itself; its text is all there is.
        let text = error.to_string();
        if text.contains("Keys were not sorted") {
            Self::UnsortedKeys
        } else {
            let text = text.trim_start_matches("bencode encoding corrupted ");
            Self::Bencoding(text.trim_matches(['(', ')']).to_owned())
        }
    }
}
