//! Finding the files of a folder, in the order in which they are hashed.

use std::ffi::OsStr;
use std::fs::FileType;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{CreateError, CreateOptions};
use crate::limits::{MAX_FILES, MAX_PATH_DEPTH};
use crate::path::{NameError, check_component};

/// A file to hash.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Its path within the torrent's folder; empty for a single file.
    pub(super) inside: Vec<String>,
    /// Bytes when it was found.
    pub(super) length: u64,
}

/// What a path holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) name: String,
    pub(super) is_folder: bool,
    pub(super) files: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
}

/// Something in the folder that is not in the torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: SkippedReason,
}

/// Why something is not in the torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkippedReason {
    /// Its name starts with `.`.
    #[error("hidden")]
    Hidden,
    /// Its name is one that systems litter folders with.
    #[error("junk")]
    Junk,
    /// A symbolic link, and links are not followed.
    #[error("a link; `shoal create --follow-links` takes what it leads to")]
    Link,
    /// A link that leads nowhere.
    #[error("a broken link")]
    BrokenLink,
    /// A socket, pipe or device.
    #[error("neither a file nor a folder")]
    Special,
}

/// Lists the files at `root`. The root itself may be a link, and hidden: it was
/// asked for by name.
pub(super) fn walk(
    root: &Path,
    options: &CreateOptions,
    cancel: &AtomicBool,
) -> Result<Tree, CreateError> {
    let found = root.metadata().map_err(|source| unreadable(root, source))?;
    let mut tree = Tree {
        name: name(root, options)?,
        is_folder: found.is_dir(),
        files: Vec::new(),
        skipped: Vec::new(),
    };
    if found.is_file() {
        tree.files.push(Found {
            path: root.to_owned(),
            inside: Vec::new(),
            length: found.len(),
        });
        return Ok(tree);
    }
    if !found.is_dir() {
        return Err(CreateError::NotAFile(root.to_owned()));
    }
    let mut walk = Walk {
        tree: &mut tree,
        follow_links: options.follow_links,
        cancel,
        ancestors: Vec::new(),
    };
    walk.folder(root, &mut Vec::new())?;
    if tree.files.is_empty() {
        return Err(CreateError::NoFiles(root.to_owned()));
    }
    Ok(tree)
}

fn name(root: &Path, options: &CreateOptions) -> Result<String, CreateError> {
    let name = match (&options.name, root.file_name()) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) => utf8(name, root)?.to_owned(),
        // `.`, `..` and the like: the name is that of the folder they lead to.
        (None, None) => {
            let folder = root
                .canonicalize()
                .map_err(|source| unreadable(root, source))?;
            utf8(folder.file_name().unwrap_or_default(), root)?.to_owned()
        }
    };
    check_component(&name).map_err(|error| CreateError::Name {
        path: options
            .name
            .as_ref()
            .map_or_else(|| root.to_owned(), PathBuf::from),
        error,
    })?;
    Ok(name)
}

struct Walk<'a> {
    tree: &'a mut Tree,
    follow_links: bool,
    cancel: &'a AtomicBool,
    /// Real paths of the folders the walk is in. Links can lead back to them.
    ancestors: Vec<PathBuf>,
}

impl Walk<'_> {
    /// Recursion ends at [`MAX_PATH_DEPTH`].
    fn folder(&mut self, folder: &Path, inside: &mut Vec<String>) -> Result<(), CreateError> {
        // The torrent's name is a component, too.
        if inside.len() + 1 >= MAX_PATH_DEPTH {
            return Err(CreateError::Name {
                path: folder.to_owned(),
                error: NameError::TooDeep,
            });
        }
        if self.follow_links {
            let real = folder
                .canonicalize()
                .map_err(|source| unreadable(folder, source))?;
            if self.ancestors.contains(&real) {
                return Err(CreateError::LinkLoop(folder.to_owned()));
            }
            self.ancestors.push(real);
        }
        for (name, kind) in entries(folder)? {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(CreateError::Cancelled);
            }
            self.entry(&folder.join(&name), &name, kind, inside)?;
        }
        self.ancestors.pop();
        Ok(())
    }

    fn entry(
        &mut self,
        path: &Path,
        name: &OsStr,
        kind: FileType,
        inside: &mut Vec<String>,
    ) -> Result<(), CreateError> {
        if let Some(reason) = litter(name.as_encoded_bytes()) {
            return self.skip(path, reason);
        }
        let kind = if !kind.is_symlink() {
            kind
        } else if !self.follow_links {
            return self.skip(path, SkippedReason::Link);
        } else {
            match path.metadata() {
                Ok(found) => found.file_type(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return self.skip(path, SkippedReason::BrokenLink);
                }
                Err(source) => return Err(unreadable(path, source)),
            }
        };
        if !kind.is_dir() && !kind.is_file() {
            return self.skip(path, SkippedReason::Special);
        }
        let name = utf8(name, path)?;
        check_component(name).map_err(|error| CreateError::Name {
            path: path.to_owned(),
            error,
        })?;
        inside.push(name.to_owned());
        if kind.is_dir() {
            self.folder(path, inside)?;
        } else {
            self.file(path, inside)?;
        }
        inside.pop();
        Ok(())
    }

    fn file(&mut self, path: &Path, inside: &[String]) -> Result<(), CreateError> {
        if self.tree.files.len() >= MAX_FILES {
            return Err(CreateError::TooManyFiles);
        }
        let found = path.metadata().map_err(|source| unreadable(path, source))?;
        self.tree.files.push(Found {
            path: path.to_owned(),
            inside: inside.to_vec(),
            length: found.len(),
        });
        Ok(())
    }

    fn skip(&mut self, path: &Path, reason: SkippedReason) -> Result<(), CreateError> {
        self.tree.skipped.push(Skipped {
            path: path.to_owned(),
            reason,
        });
        Ok(())
    }
}

/// The entries of a folder in the order of their names' bytes.
fn entries(folder: &Path) -> Result<Vec<(std::ffi::OsString, FileType)>, CreateError> {
    let mut entries = Vec::new();
    for entry in folder
        .read_dir()
        .map_err(|source| unreadable(folder, source))?
    {
        let entry = entry.map_err(|source| unreadable(folder, source))?;
        let kind = entry
            .file_type()
            .map_err(|source| unreadable(&entry.path(), source))?;
        entries.push((entry.file_name(), kind));
    }
    entries.sort_unstable_by(|a, b| a.0.as_encoded_bytes().cmp(b.0.as_encoded_bytes()));
    Ok(entries)
}

/// The names that create-torrent leaves out: hidden ones, and those of the npm
/// package `junk` 4.
fn litter(name: &[u8]) -> Option<SkippedReason> {
    let is_junk = matches!(
        name,
        b"npm-debug.log"
            | b"Icon\r"
            | b"__MACOSX"
            | b"Thumbs.db"
            | b"ehthumbs.db"
            | b"Desktop.ini"
            | b"desktop.ini"
    ) || name.ends_with(b"~")
        || name.ends_with(b"@eaDir")
        || name.windows(8).any(|part| part == b".Trashes");
    if name.starts_with(b".") {
        Some(SkippedReason::Hidden)
    } else if is_junk {
        Some(SkippedReason::Junk)
    } else {
        None
    }
}

fn utf8<'a>(name: &'a OsStr, path: &Path) -> Result<&'a str, CreateError> {
    name.to_str()
        .ok_or_else(|| CreateError::NotUtf8(path.to_owned()))
}

fn unreadable(path: &Path, source: io::Error) -> CreateError {
    CreateError::Read {
        path: path.to_owned(),
        source,
    }
}
