//! Bounds on what is read. A `.torrent` file comes from anybody.

/// Largest `.torrent` file, in bytes: over three million pieces. Implies the
/// bound on the number of pieces.
pub const MAX_TORRENT_BYTES: usize = 64 << 20;

/// Deepest nesting of lists and dictionaries. A v1 file needs five.
pub(crate) const MAX_NESTING: usize = 32;

/// Most files of one torrent.
pub const MAX_FILES: usize = 1 << 18;

/// Largest piece, in bytes. A piece is verified in memory, here and in browsers.
pub const MAX_PIECE_LENGTH: u32 = 128 << 20;

/// Most components of a path, the torrent's name included.
pub const MAX_PATH_DEPTH: usize = 64;

/// Longest component of a path, in bytes: `NAME_MAX` of common file systems.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// Longest path, in bytes, separators included: below `PATH_MAX` of Linux.
pub const MAX_PATH_BYTES: usize = 3072;

/// Most trackers, and most web seeds, of one torrent or magnet link.
pub const MAX_URLS: usize = 128;

/// Longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// Longest comment, source or program name, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// Longest magnet link, in bytes.
pub const MAX_MAGNET_BYTES: usize = 64 << 10;

/// Largest `info` that webtorrent.js fetches from peers, in bytes
/// (`MAX_METADATA_SIZE` of ut_metadata 5.0).
pub const MAX_MAGNET_INFO_BYTES: usize = 10_000_000;

/// Largest whole number that JavaScript keeps exact: 2^53 - 1.
pub(crate) const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
