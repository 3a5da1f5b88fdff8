//! One tracker a file: two would each add what they count to the same rows.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::OpenError;

/// An advisory lock on a file beside the database. SQLite's own locks are let go
/// after each transaction; a lock on its file would meddle with them. The system
/// lets go of it when the process ends, however that comes; the file stays.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let mut path = OsString::from(database);
        path.push("-lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(OpenError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => Err(OpenError::Io(error)),
        }
    }

    pub(super) fn release(&self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "the lock is let go by the end of the process");
        }
    }
}
