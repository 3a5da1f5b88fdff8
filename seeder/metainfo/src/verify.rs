//! Checking files against a torrent.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hash::{self, Cores, Progress, Turn};
use crate::metainfo::Metainfo;

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Pieces of the torrent.
    pub pieces: u32,
    /// Pieces whose content is not there or does not match, in order.
    pub bad_pieces: Vec<u32>,
    /// Files that are not as the torrent says, in the torrent's order.
    pub files: Vec<FileProblem>,
}

impl Report {
    /// Tells whether all content is there, and nothing else in its files.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.bad_pieces.is_empty() && self.files.is_empty()
    }
}

/// A file that is not as the torrent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// Index into [`Metainfo::files`].
    pub file: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such file.
    #[error("missing")]
    Missing,
    /// Something else has its name.
    #[error("not a file")]
    NotAFile,
    /// The system does not let us read it.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It is shorter or longer.
    #[error("has {actual} bytes, should have {expected}")]
    WrongLength {
        /// Bytes by the torrent.
        expected: u64,
        /// Bytes on disk.
        actual: u64,
    },
    /// Pieces of it do not match. A piece that runs through several files of
    /// the right length counts against each.
    #[error("{pieces} of its pieces do not match")]
    Corrupt {
        /// Bad pieces that hold some of its bytes.
        pieces: u32,
    },
}

/// The result for one piece, told as soon as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceChecked {
    /// The piece.
    pub index: u32,
    /// Whether its content matches.
    pub is_good: bool,
    /// How far the check has come.
    pub progress: Progress,
}

/// The check was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Checks the files of a torrent on so many cores. `content` is the single file or
/// the folder of the files, as in [`Metainfo::file_paths`].
///
/// Calls `observer` for every piece, on any thread, one call at a time and in any order. Blocks;
/// ends within the time of one piece after `cancel` is set.
///
/// # Errors
/// When cancelled. What is wrong with the files is the report.
pub fn verify(
    metainfo: &Metainfo,
    content: &Path,
    cores: Cores,
    observer: &(dyn Fn(PieceChecked) + Sync),
    cancel: &AtomicBool,
) -> Result<Report, Cancelled> {
    let paths = metainfo.file_paths(content);
    let mut problems: Vec<Option<Problem>> = paths
        .iter()
        .zip(metainfo.files())
        .map(|(path, file)| inspect(path, file.length))
        .collect();
    let mut reader = PieceReader::new(metainfo, &paths);
    let outcome = Mutex::new((
        Progress {
            done: 0,
            total: metainfo.total_length(),
        },
        Vec::new(),
    ));
    let Ok(()) = hash::each_piece::<std::convert::Infallible>(
        hash::buffer_length(metainfo.total_length(), metainfo.piece_length()),
        cores,
        cancel,
        |buffer| Ok(reader.read_next(buffer)),
        |index, _, hash| {
            let is_good = hash.is_some_and(|hash| metainfo.piece_hash(index) == Some(&hash));
            let size = metainfo.piece_size(index).unwrap_or_default();
            let mut outcome = hash::lock(&outcome);
            outcome.0.done += u64::from(size);
            if !is_good {
                outcome.1.push(index);
            }
            observer(PieceChecked {
                index,
                is_good,
                progress: outcome.0,
            });
        },
    );
    if cancel.load(Ordering::Relaxed) {
        return Err(Cancelled);
    }
    let mut bad_pieces = std::mem::take(&mut hash::lock(&outcome).1);
    bad_pieces.sort_unstable();
    blame(metainfo, &bad_pieces, &mut problems);
    Ok(Report {
        pieces: metainfo.piece_count(),
        bad_pieces,
        files: problems
            .into_iter()
            .enumerate()
            .filter_map(|(file, problem)| problem.map(|problem| FileProblem { file, problem }))
            .collect(),
    })
}

/// What is wrong with a file, as far as its metadata tells.
fn inspect(path: &Path, expected: u64) -> Option<Problem> {
    match path.metadata() {
        Ok(found) if !found.is_file() => Some(Problem::NotAFile),
        Ok(found) if found.len() != expected => Some(Problem::WrongLength {
            expected,
            actual: found.len(),
        }),
        // Opening tells what metadata does not: permission to read.
        Ok(_) => File::open(path).err().map(|error| unreadable(&error)),
        Err(error) => Some(unreadable(&error)),
    }
}

/// Opens a file, and nothing else: the opening of a pipe would wait for its writer.
fn open_regular(path: &Path) -> Option<File> {
    let is_file = path.metadata().is_ok_and(|found| found.is_file());
    is_file.then(|| File::open(path).ok()).flatten()
}

fn unreadable(error: &io::Error) -> Problem {
    let is_missing = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    if is_missing.contains(&error.kind()) {
        Problem::Missing
    } else {
        Problem::Unreadable(error.to_string())
    }
}

/// Counts bad pieces against the files they run through, unless a file known to
/// be wrong explains the piece.
fn blame(metainfo: &Metainfo, bad_pieces: &[u32], problems: &mut [Option<Problem>]) {
    for &piece in bad_pieces {
        let size = metainfo.piece_size(piece).unwrap_or_default();
        let files: Vec<usize> = metainfo.segments(piece, 0, size).map(|s| s.file).collect();
        let is_explained = files.iter().any(|&file| {
            let known = problems.get(file).and_then(Option::as_ref);
            known.is_some_and(|problem| !matches!(problem, Problem::Corrupt { .. }))
        });
        if is_explained {
            continue;
        }
        for file in files {
            if let Some(problem) = problems.get_mut(file) {
                match problem {
                    Some(Problem::Corrupt { pieces }) => *pieces += 1,
                    _ => *problem = Some(Problem::Corrupt { pieces: 1 }),
                }
            }
        }
    }
}

/// Reads piece after piece, keeping the file of the last segment open.
struct PieceReader<'a> {
    metainfo: &'a Metainfo,
    paths: &'a [PathBuf],
    next: u32,
    open: Option<OpenFile>,
}

struct OpenFile {
    index: usize,
    /// None when the file cannot be opened, so that it is not tried again.
    file: Option<File>,
    position: u64,
}

impl<'a> PieceReader<'a> {
    fn new(metainfo: &'a Metainfo, paths: &'a [PathBuf]) -> Self {
        Self {
            metainfo,
            paths,
            next: 0,
            open: None,
        }
    }

    fn read_next(&mut self, buffer: &mut [u8]) -> Turn {
        let index = self.next;
        let Some(size) = self.metainfo.piece_size(index) else {
            return Turn::End;
        };
        self.next += 1;
        let metainfo = self.metainfo;
        let mut filled = 0;
        for segment in metainfo.segments(index, 0, size) {
            let end = filled + usize::try_from(segment.length).unwrap_or(usize::MAX);
            let Some(part) = buffer.get_mut(filled..end) else {
                return Turn::Unreadable { index };
            };
            if self.read_at(segment.file, segment.offset, part).is_err() {
                return Turn::Unreadable { index };
            }
            filled = end;
        }
        Turn::Piece {
            index,
            length: filled,
        }
    }

    fn read_at(&mut self, index: usize, offset: u64, part: &mut [u8]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|open| open.index != index) {
            let path = self.paths.get(index).ok_or(io::ErrorKind::NotFound)?;
            self.open = Some(OpenFile {
                index,
                file: open_regular(path),
                position: 0,
            });
        }
        let open = self.open.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let file = open.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if open.position != offset {
            file.seek(SeekFrom::Start(offset))?;
        }
        open.position = u64::MAX;
        file.read_exact(part)?;
        open.position = offset + u64::try_from(part.len()).unwrap_or_default();
        Ok(())
    }
}
