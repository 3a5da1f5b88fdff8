//! Names of files: safe to join to a folder.

use std::path::{Component, Path};

use crate::limits::{MAX_COMPONENT_BYTES, MAX_PATH_BYTES, MAX_PATH_DEPTH};
use crate::metainfo::FileEntry;

/// Why a name or path of a torrent is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A component has no bytes, or there is no component.
    #[error("a name is empty")]
    Empty,
    /// `.` or `..`.
    #[error("`{0}` would leave its folder")]
    Traversal(String),
    /// A separator or NUL inside a component, or a component that this system
    /// reads as absolute or as a drive.
    #[error("`{0}` holds a path separator, a drive or a NUL")]
    Separator(String),
    /// A component is too long for file systems.
    #[error("a name has {0} bytes; file systems take at most {MAX_COMPONENT_BYTES}")]
    ComponentTooLong(usize),
    /// The path is too long.
    #[error("a path has {0} bytes; at most {MAX_PATH_BYTES} are allowed")]
    PathTooLong(usize),
    /// The path is too deep.
    #[error("a path is more than {MAX_PATH_DEPTH} folders deep")]
    TooDeep,
    /// Two files have one path.
    #[error("`{0}` is there twice")]
    Duplicate(String),
    /// A path is a file and a folder at once.
    #[error("`{0}` is a file and a folder at once")]
    FileAndFolder(String),
}

/// Checks one component of a path.
pub(crate) fn check_component(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name == "." || name == ".." {
        return Err(NameError::Traversal(name.to_owned()));
    }
    let mut components = Path::new(name).components();
    let is_one_name = matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(only)), None) if only == name
    );
    if !is_one_name || name.contains(['/', '\\', '\0']) {
        return Err(NameError::Separator(name.to_owned()));
    }
    if name.len() > MAX_COMPONENT_BYTES {
        return Err(NameError::ComponentTooLong(name.len()));
    }
    Ok(())
}

/// Checks a whole path, the torrent's name first.
pub(crate) fn check_path(path: &[String]) -> Result<(), NameError> {
    if path.is_empty() {
        return Err(NameError::Empty);
    }
    if path.len() > MAX_PATH_DEPTH {
        return Err(NameError::TooDeep);
    }
    for component in path {
        check_component(component)?;
    }
    let bytes = path.iter().map(|component| component.len() + 1).sum();
    if bytes > MAX_PATH_BYTES {
        return Err(NameError::PathTooLong(bytes));
    }
    Ok(())
}

/// Checks that no path is there twice and none runs through another file.
pub(crate) fn check_distinct(files: &[FileEntry]) -> Result<(), NameError> {
    let mut paths: Vec<&[String]> = files.iter().map(|file| file.path.as_slice()).collect();
    paths.sort_unstable();
    // A path that others start with sorts directly before the first of them.
    for pair in paths.windows(2) {
        let [before, after] = pair else { continue };
        if before == after {
            return Err(NameError::Duplicate(before.join("/")));
        }
        if after.starts_with(before) {
            return Err(NameError::FileAndFolder(before.join("/")));
        }
    }
    Ok(())
}
