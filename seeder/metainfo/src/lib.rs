//! Torrent metadata: parse, create, verify, magnet links.
//!
//! Read [`Metainfo`] first: what a `.torrent` file says, checked, with the map
//! from pieces to files ([`Metainfo::segments`]). [`create()`] makes one of files,
//! [`verify()`] checks files against one, [`Magnet`] links to one.
//!
//! Only BitTorrent v1 ([BEP 3]) is read and written: webtorrent.js, which this
//! serves, knows no v2. A file whose `info` webtorrent.js would hash to another
//! infohash is refused, with the reason.
//!
//! The crate reads files, in [`create()`] and [`verify()`], on threads of its own that
//! end before the call returns. It has no clock and opens no socket.
//!
//! [BEP 3]: https://www.bittorrent.org/beps/bep_0003.html

mod canonical;
mod content;
mod create;
mod hash;
mod info;
mod limits;
mod magnet;
mod metainfo;
mod parse;
mod parse_error;
mod path;
mod url;
mod verify;
mod warning;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;

pub use create::{CreateError, CreateOptions, Created, Skipped, SkippedReason, create};
pub use create::{MAX_DEFAULT_PIECE_LENGTH, default_piece_length};
pub use hash::{Cores, Progress};
pub use limits::{
    MAX_COMPONENT_BYTES, MAX_FILES, MAX_MAGNET_BYTES, MAX_MAGNET_INFO_BYTES, MAX_PATH_BYTES,
    MAX_PATH_DEPTH, MAX_PIECE_LENGTH, MAX_TEXT_BYTES, MAX_TORRENT_BYTES, MAX_URL_BYTES, MAX_URLS,
};
pub use magnet::{Magnet, MagnetError};
pub use metainfo::{FileEntry, Metainfo, Segment, Segments};
pub use parse_error::ParseError;
pub use path::NameError;
pub use url::{UrlError, check_tracker_url, check_web_seed_url};
pub use verify::{Cancelled, FileProblem, PieceChecked, Problem, Report, verify};
pub use warning::Warning;
