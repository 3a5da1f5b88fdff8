//! Reading files one after another, cut into pieces.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use super::CreateError;
use super::walk::Found;
use crate::hash::Turn;

/// Reads pieces across the borders of files, and notices files that change.
pub(super) struct PieceReader<'a> {
    files: std::slice::Iter<'a, Found>,
    open: Option<OpenFile<'a>>,
    next: u32,
}

struct OpenFile<'a> {
    path: &'a Path,
    file: File,
    before: Metadata,
    left: u64,
}

impl<'a> PieceReader<'a> {
    pub(super) fn new(files: &'a [Found]) -> Self {
        Self {
            files: files.iter(),
            open: None,
            next: 0,
        }
    }

    /// Fills `buffer` with the next piece, the last perhaps in part.
    pub(super) fn read_next(&mut self, buffer: &mut [u8]) -> Result<Turn, CreateError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_some(rest)? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            // Files of no bytes are opened, too: an unreadable one is an error.
            while self.read_some(&mut [0])? > 0 {}
            return Ok(Turn::End);
        }
        let index = self.next;
        self.next += 1;
        Ok(Turn::Piece {
            index,
            length: filled,
        })
    }

    /// Reads up to the end of the current file; 0 when no file is left.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, CreateError> {
        loop {
            if let Some(open) = &mut self.open {
                if open.left > 0 {
                    return open.read(buffer);
                }
                open.check_unchanged()?;
                self.open = None;
            }
            match self.files.next() {
                Some(found) => self.open = Some(OpenFile::open(found)?),
                None => return Ok(0),
            }
        }
    }
}

impl<'a> OpenFile<'a> {
    fn open(found: &'a Found) -> Result<Self, CreateError> {
        let path = found.path.as_path();
        let file = File::open(path).map_err(|source| unreadable(path, source))?;
        let before = file.metadata().map_err(|source| unreadable(path, source))?;
        if before.len() != found.length {
            return Err(CreateError::Changed(path.to_owned()));
        }
        Ok(Self {
            path,
            file,
            before,
            left: found.length,
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, CreateError> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let part = buffer.get_mut(..most).unwrap_or_default();
        loop {
            match self.file.read(part) {
                Ok(0) => return Err(CreateError::Changed(self.path.to_owned())),
                Ok(count) => {
                    self.left -= u64::try_from(count).unwrap_or(self.left);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(unreadable(self.path, source)),
            }
        }
    }

    /// Fails when the file has grown, or was written to, since it was opened.
    fn check_unchanged(&self) -> Result<(), CreateError> {
        let after = self
            .file
            .metadata()
            .map_err(|source| unreadable(self.path, source))?;
        let is_same = after.len() == self.before.len()
            && after.modified().ok() == self.before.modified().ok();
        if is_same {
            Ok(())
        } else {
            Err(CreateError::Changed(self.path.to_owned()))
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> CreateError {
    CreateError::Read {
        path: path.to_owned(),
        source,
    }
}
