//! Making a `.torrent` file of a file or a folder.

mod encode;
mod piece_length;
mod read;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hash::{self, Progress};
use crate::limits::{MAX_SAFE_INTEGER, MAX_TORRENT_BYTES};
use crate::metainfo::Metainfo;
use crate::parse_error::ParseError;
use crate::path::NameError;
use crate::url::{UrlError, check_tracker_url, check_web_seed_url};

pub use piece_length::{MAX_DEFAULT_PIECE_LENGTH, default_piece_length};
pub use walk::{Skipped, SkippedReason};

/// What to write beside the content's hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// The torrent's name; that of the path when absent.
    pub name: Option<String>,
    /// Bytes of a piece: a power of two from 16 KiB to 16 MiB.
    /// [`default_piece_length`] when absent.
    pub piece_length: Option<u32>,
    /// Peers come from the trackers alone.
    pub private: bool,
    /// `source`, by which sites keep their infohashes apart.
    pub source: Option<String>,
    /// A comment.
    pub comment: Option<String>,
    /// The program that makes the file.
    pub created_by: Option<String>,
    /// Seconds since 1970, left out when absent.
    pub creation_date: Option<i64>,
    /// Tracker URLs, each a tier.
    pub announce: Vec<String>,
    /// Web seed URLs.
    pub web_seeds: Vec<String>,
    /// Take what links inside a folder lead to; otherwise links are skipped.
    pub follow_links: bool,
}

/// A new `.torrent` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// The same, parsed.
    pub metainfo: Metainfo,
    /// What in the folder is not in the torrent.
    pub skipped: Vec<Skipped>,
}

/// Why no `.torrent` file was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// A file or folder cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file was written to meanwhile.
    #[error("`{}` changed while it was being hashed; try again when nothing writes to it", .0.display())]
    Changed(PathBuf),
    /// A name is not UTF-8.
    #[error("the name of `{}` is not UTF-8, which browsers cannot show; rename it", .0.display())]
    NotUtf8(PathBuf),
    /// A name cannot stand in a torrent.
    #[error("`{}` cannot be in a torrent: {error}", path.display())]
    Name {
        /// The file or folder, or the name asked for.
        path: PathBuf,
        /// What is wrong.
        error: NameError,
    },
    /// Neither a file nor a folder.
    #[error("`{}` is neither a file nor a folder", .0.display())]
    NotAFile(PathBuf),
    /// A folder without files.
    #[error("`{}` holds no files to share (names that start with `.` are passed over)", .0.display())]
    NoFiles(PathBuf),
    /// Following links comes back to a folder it is in.
    #[error("`{}` leads back to a folder that holds it; leave out --follow-links or remove it", .0.display())]
    LinkLoop(PathBuf),
    /// More files than a torrent may have.
    #[error("more than {limit} files; share an archive of them", limit = crate::limits::MAX_FILES)]
    TooManyFiles,
    /// The piece length is none that clients take.
    #[error("piece length `{0}` must be a power of two from 16384 (16 KiB) to 16777216 (16 MiB)")]
    PieceLength(u32),
    /// The pieces are too small for the content.
    #[error("{pieces} pieces are too many for a .torrent file; choose a larger --piece-length")]
    TooManyPieces {
        /// The number of pieces.
        pieces: u64,
    },
    /// A tracker or web seed URL is no such URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The result is not a torrent that this crate would read.
    #[error("the .torrent file would be refused: {0}")]
    Unusable(#[from] ParseError),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Makes a `.torrent` file of the file or folder at `path`, hashing on all
/// cores. Nothing is written to disk.
///
/// The files of a folder come in the order of their paths' bytes, component by
/// component. Left out, as create-torrent does: names that start with `.` and
/// the litter of systems (`Thumbs.db`, `__MACOSX`, `*~` …); and, unlike it,
/// links unless asked for, and what is neither file nor folder. Empty files stay.
///
/// Calls `progress` after every piece, on any thread, one call at a time. Blocks; ends within the
/// time of one piece after `cancel` is set.
///
/// # Errors
/// When an option is refused, something cannot be read, named or changes
/// meanwhile, there are no files, or on cancellation.
pub fn create(
    path: &Path,
    options: &CreateOptions,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &AtomicBool,
) -> Result<Created, CreateError> {
    check(options)?;
    let tree = walk::walk(path, options, cancel)?;
    let total = total_length(&tree.files)?;
    let piece_length = options
        .piece_length
        .unwrap_or_else(|| default_piece_length(total));
    check_piece_count(total, piece_length)?;
    let pieces = hash_pieces(&tree.files, total, piece_length, progress, cancel)?;
    let bytes = encode::torrent(&tree, piece_length, &pieces, options);
    Ok(Created {
        metainfo: Metainfo::parse(&bytes)?,
        bytes,
        skipped: tree.skipped,
    })
}

fn check(options: &CreateOptions) -> Result<(), CreateError> {
    if let Some(length) = options.piece_length
        && !(length.is_power_of_two() && (1 << 14..=1 << 24).contains(&length))
    {
        return Err(CreateError::PieceLength(length));
    }
    for url in &options.announce {
        check_tracker_url(url)?;
    }
    for url in &options.web_seeds {
        check_web_seed_url(url)?;
    }
    Ok(())
}

fn total_length(files: &[walk::Found]) -> Result<u64, CreateError> {
    files
        .iter()
        .try_fold(0_u64, |sum, file| sum.checked_add(file.length))
        .filter(|total| *total <= MAX_SAFE_INTEGER)
        .ok_or(CreateError::Unusable(ParseError::TotalTooLarge))
}

/// Fails before hours of hashing, not after them.
fn check_piece_count(total: u64, piece_length: u32) -> Result<(), CreateError> {
    let pieces = total.div_ceil(u64::from(piece_length));
    let bytes = usize::try_from(pieces.saturating_mul(20));
    if bytes.is_ok_and(|bytes| bytes < MAX_TORRENT_BYTES) {
        Ok(())
    } else {
        Err(CreateError::TooManyPieces { pieces })
    }
}

/// The hashes of all pieces, one after another.
fn hash_pieces(
    files: &[walk::Found],
    total: u64,
    piece_length: u32,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &AtomicBool,
) -> Result<Vec<u8>, CreateError> {
    let mut reader = read::PieceReader::new(files);
    let state = Mutex::new((Vec::new(), Progress { done: 0, total }));
    hash::each_piece(
        hash::buffer_length(total, piece_length),
        hash::Cores::All,
        cancel,
        |buffer| reader.read_next(buffer),
        |index, length, hash| {
            let start = usize::try_from(index).expect("hashes of all pieces fit memory") * 20;
            let mut state = hash::lock(&state);
            if state.0.len() < start + 20 {
                state.0.resize(start + 20, 0);
            }
            if let (Some(slot), Some(hash)) = (state.0.get_mut(start..start + 20), hash) {
                slot.copy_from_slice(&hash);
            }
            state.1.done += u64::try_from(length).unwrap_or_default();
            progress(state.1);
        },
    )?;
    if cancel.load(Ordering::Relaxed) {
        return Err(CreateError::Cancelled);
    }
    let pieces = std::mem::take(&mut hash::lock(&state).0);
    Ok(pieces)
}
