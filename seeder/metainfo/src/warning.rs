//! What is unusual about a torrent that can be seeded all the same.

use crate::limits::MAX_MAGNET_INFO_BYTES;

/// Something a user should know. The text says what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A text outside `info` is not UTF-8 and was left out.
    #[error("`{field}` is not UTF-8 and was ignored")]
    TextIgnored {
        /// The key.
        field: &'static str,
    },
    /// No tracker can be reached from a browser.
    #[error(
        "no tracker is a ws:// or wss:// URL: browsers find no peers through this file alone, add one with --tracker"
    )]
    NoBrowserTracker,
    /// The private flag without a tracker finds no peers.
    #[error("private, and names no tracker: no peer can be found")]
    PrivateWithoutTracker,
    /// The piece length is unusual.
    #[error(
        "piece length {length} is not a power of two from 16 KiB to 16 MiB: some clients refuse it"
    )]
    OddPieceLength {
        /// Bytes of a piece.
        length: u32,
    },
    /// `info` is larger than webtorrent.js fetches from peers.
    #[error(
        "`info` has {length} bytes: webtorrent.js fetches at most {MAX_MAGNET_INFO_BYTES} from peers, so magnet links do not start without `xs=`; use larger pieces"
    )]
    InfoTooLargeForMagnets {
        /// Bytes of `info`.
        length: usize,
    },
    /// A name holds combining marks, so another normal form has other bytes.
    #[error(
        "`{path}` holds combining characters (NFD): the same name typed elsewhere (NFC) is another name and gives another infohash"
    )]
    CombiningCharacters {
        /// The first such path.
        path: String,
    },
}
