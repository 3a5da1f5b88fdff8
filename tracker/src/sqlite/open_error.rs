//! Why a database cannot be used: for now, or before somebody did something.

use std::path::Path;

use sqlx::migrate::MigrateError;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("its folder does not exist: make the folder, or give another path")]
    NoFolder,
    #[error("it is no file: give the path of a file")]
    NoFile,
    #[error("another tracker uses it: stop that one, or give each a file of its own")]
    InUse,
    #[error("{DAMAGED} ({0})")]
    Damaged(String),
    #[error(
        "its tables were made by another version: use that version, or a file of its own ({0})"
    )]
    Version(MigrateError),
    #[error("{0}")]
    Io(std::io::Error),
    #[error("{0}")]
    Sqlite(sqlx::Error),
}

const DAMAGED: &str = "it is damaged, or no SQLite file: stop the tracker and move the file, and \
                       those beside it that begin with its name, away to begin anew, or repair it \
                       with `sqlite3 FILE .recover`";

/// Primary result codes (<https://www.sqlite.org/rescode.html>).
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;

impl OpenError {
    /// Whether connections that were made before are as good as new ones: a lock
    /// goes and a disk gets room; but one made while the file could not be written
    /// never writes, and a file that was moved away is another.
    pub(crate) fn is_of_the_moment(&self) -> bool {
        let Self::Sqlite(error) = self else {
            return false;
        };
        matches!(code(error), Some(BUSY | LOCKED | FULL))
    }

    /// What to do when it fails while the tracker runs.
    pub(crate) const fn remedy(&self) -> &'static str {
        if self.may_pass() {
            "free disk space, or make the file and its folder writable"
        } else {
            "it does not get better by itself"
        }
    }

    /// Whether time may heal it, as it does a full disk: then the tracker serves
    /// from memory meanwhile. Everything else is a mistake to be told at once.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::NoFolder | Self::NoFile | Self::InUse | Self::Damaged(_) | Self::Version(_) => {
                false
            }
            Self::Io(_) | Self::Sqlite(_) => true,
        }
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(code(&error), Some(CORRUPT | NOT_A_DATABASE)) {
            Self::Damaged(error.to_string())
        } else {
            Self::Sqlite(error)
        }
    }
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
            return error.into();
        }
        Self::Version(error)
    }
}

/// Finds fault with a path that no waiting mends.
pub(super) fn check_place(path: &Path) -> Result<(), OpenError> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(OpenError::NoFolder);
    }
    if path.is_dir() {
        return Err(OpenError::NoFile);
    }
    Ok(())
}

fn code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?;
    let code: i32 = error.code()?.parse().ok()?;
    // The low byte of an extended code is the primary one.
    Some(code & 0xff)
}
