//! A secret that does not show in logs and compares in constant time.

use std::fmt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

/// A bearer token.
#[derive(Clone)]
pub struct Secret(Box<str>);

/// Bytes of the shortest token: 16 random bytes in hex make 32.
const MIN_BYTES: usize = 16;
/// Bytes of the longest token: it has to fit into one header.
const MAX_BYTES: usize = 1024;

impl Secret {
    /// Takes `token` as it is, without the white space around it.
    ///
    /// # Errors
    /// When it is too short to be safe, too long, or would not fit a header.
    pub fn new(token: &str) -> Result<Self, SecretError> {
        let token = token.trim();
        if !(MIN_BYTES..=MAX_BYTES).contains(&token.len()) {
            return Err(SecretError::Length { bytes: token.len() });
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretError::Characters);
        }
        Ok(Self(token.into()))
    }

    /// Reads the token from the file at `path`. Warns when others may read it, too.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no usable token.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let text = std::fs::read_to_string(path).map_err(|error| SecretError::File {
            path: path.to_owned(),
            error,
        })?;
        #[cfg(unix)]
        warn_of_readers(path);
        Self::new(&text).map_err(|error| SecretError::InFile {
            path: path.to_owned(),
            error: Box::new(error),
        })
    }

    /// Tells whether `given` is this secret, in a time that depends on its length alone.
    #[must_use]
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

/// Whoever reads the file may delete torrents.
#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!(
            "the token file `{}` has mode `{:o}`, so that others may read it: chmod 600 it",
            path.display(),
            mode & 0o777
        );
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a text cannot be a token.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the token file `{}` cannot be read: give a readable file with the token on one line", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The file can be read, and what it holds cannot be a token.
    #[error("the token file `{}` cannot be used: {error}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// Why; it is told with the file's name, so it is no source.
        error: Box<Self>,
    },
    /// Too short or too long.
    #[error(
        "the admin token has `{bytes}` bytes: give {MIN_BYTES} to {MAX_BYTES}, for example the output of `openssl rand -hex 16`"
    )]
    Length {
        /// Its length.
        bytes: usize,
    },
    /// Not visible ASCII.
    #[error(
        "the admin token holds a space, a line break or a character beyond ASCII: give visible ASCII characters alone"
    )]
    Characters,
}
