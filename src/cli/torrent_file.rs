//! Reading and writing `.torrent` files.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use metainfo::{MAX_TORRENT_BYTES, Metainfo};

/// Reads the `.torrent` file at `path`, or on stdin when that is `-`.
///
/// # Errors
/// When it cannot be read, or is refused.
pub(crate) fn read(path: &Path) -> anyhow::Result<Metainfo> {
    let name = path.display();
    let bytes = if path == Path::new("-") {
        capped(std::io::stdin().lock())
    } else {
        File::open(path).and_then(capped)
    }
    .with_context(|| format!("`{name}` cannot be read"))?;
    Metainfo::parse(&bytes).with_context(|| format!("`{name}` is refused"))
}

/// One byte over the limit is enough for the parser to say so.
fn capped(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_TORRENT_BYTES).unwrap_or(u64::MAX);
    from.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tells whether `path` is a device or a pipe: something to write into, never to replace.
pub(crate) fn is_sink(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Writes `bytes` to `path` in one step: readers see the old file or the whole
/// new one, and a failure leaves nothing behind.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if is_sink(path) {
        return fs::write(path, bytes)
            .with_context(|| format!("`{}` cannot be written", path.display()));
    }
    let draft = draft_beside(path)?;
    let written = write_through(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The failure that matters is told; this one would hide it.
        let _ = fs::remove_file(&draft);
    }
    written.with_context(|| format!("`{}` cannot be written", path.display()))
}

fn draft_beside(path: &Path) -> anyhow::Result<PathBuf> {
    let name = path
        .file_name()
        .with_context(|| format!("`{}` is no file name", path.display()))?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(draft))
}

fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
