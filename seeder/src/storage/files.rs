//! Files held open, and what tells that one has changed.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Files held open in all; the least recently read is closed.
const MAX_OPEN: usize = 128;

/// What a file looked like: equal stamps mean equal content. On Unix they tell
/// which file it is and when it changed in any way, which no program can set
/// back; removing or replacing a file changes it, too. Elsewhere a writer that
/// sets the time back goes unseen. So does, everywhere, one that writes through
/// a memory map to a page that was written to and is not on disk yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    unix: Unix,
}

#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unix {
    device: u64,
    inode: u64,
    /// Seconds and nanoseconds of the last change of content or attributes.
    changed: (i64, i64),
}

/// A file system's clock may stand still for so long: a second change within it
/// leaves the first one's time.
pub(super) const CLOCK_STEP: Duration = Duration::from_millis(20);

impl Stamp {
    /// The stamp of a file by its name, or `None` if there is no such file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        metadata.is_file().then(|| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            unix: Unix::from(metadata),
        }
    }
}

#[cfg(unix)]
impl From<&Metadata> for Unix {
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Names a file of a torrent: the torrent's number and the file's index.
pub(super) type FileKey = (u64, usize);

/// Open files of all torrents, the most recently read last.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles(Mutex<VecDeque<(FileKey, Arc<File>)>>);

impl OpenFiles {
    /// The file, opened if it is not open.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(&self, key: FileKey, path: &Path) -> io::Result<Arc<File>> {
        if let Some(file) = self.take(key) {
            self.put(key, Arc::clone(&file));
            return Ok(file);
        }
        // Opening a pipe would wait for its writer, and the torrent's checks with it.
        if !path.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let file = Arc::new(File::open(path)?);
        self.put(key, Arc::clone(&file));
        Ok(file)
    }

    /// Closes the file, so that the next read opens what has its name by then.
    pub(super) fn close(&self, key: FileKey) {
        drop(self.take(key));
    }

    /// Closes all files of a torrent.
    pub(super) fn close_all(&self, torrent: u64) {
        self.lock().retain(|((owner, _), _)| *owner != torrent);
    }

    fn take(&self, key: FileKey) -> Option<Arc<File>> {
        let mut open = self.lock();
        let position = open.iter().position(|(other, _)| *other == key)?;
        open.remove(position).map(|(_, file)| file)
    }

    fn put(&self, key: FileKey, file: Arc<File>) {
        let mut open = self.lock();
        open.push_back((key, file));
        if open.len() > MAX_OPEN {
            open.pop_front();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(FileKey, Arc<File>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads exactly `buffer.len()` bytes from `offset`, without moving a cursor
/// that others share.
///
/// # Errors
/// When the file ends before, or cannot be read.
#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

/// Reads exactly `buffer.len()` bytes from `offset`.
///
/// # Errors
/// When the file ends before, or cannot be read.
#[cfg(windows)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = offset + u64::try_from(filled).unwrap_or_default();
        match std::os::windows::fs::FileExt::seek_read(file, rest, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(())
}
