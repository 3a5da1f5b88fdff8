//! What is shared: a torrent that exists, or one made of a file or folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use metainfo::{CreateError, CreateOptions, Metainfo};

use crate::cli::{doubts, hashing, torrent_file};

/// A torrent, and where its content is.
#[derive(Debug)]
pub(crate) struct Content {
    /// The torrent.
    pub(crate) metainfo: Metainfo,
    /// The single file, or the folder of the files.
    pub(crate) root: PathBuf,
}

/// Tells whether `path` is to be read as a `.torrent` file: by its name, unless it is a folder.
pub(crate) fn is_torrent(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "torrent") && !path.is_dir()
}

/// Reads the `.torrent` file at `path`, or makes a torrent of what is there.
///
/// # Errors
/// When something cannot be read or cannot be in a torrent, or on a signal.
pub(crate) fn prepare(path: &Path, data: Option<&Path>) -> anyhow::Result<Content> {
    if is_torrent(path) {
        let metainfo = torrent_file::read(path)?;
        let folder = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let data = data.or(folder).unwrap_or(Path::new("."));
        let root = metainfo.locate(data);
        if !root.exists() {
            bail!(
                "the content of `{}` is not at `{}`: say with --data where it is",
                path.display(),
                root.display()
            );
        }
        return Ok(Content { metainfo, root });
    }
    if data.is_some() {
        bail!(
            "--data goes with a .torrent file, and `{}` is none",
            path.display()
        );
    }
    let options = CreateOptions {
        created_by: Some("Shoal".to_owned()),
        ..CreateOptions::default()
    };
    // Hashed under its real name, so that `.` and `..` have one.
    let root = path
        .canonicalize()
        .with_context(|| format!("`{}` cannot be read", path.display()))?;
    let created =
        hashing::watched(|progress, cancel| metainfo::create(&root, &options, progress, cancel))?;
    match created {
        Ok(created) => {
            doubts::tell(&created.skipped, created.metainfo.warnings())?;
            Ok(Content {
                metainfo: created.metainfo,
                root,
            })
        }
        Err(CreateError::Cancelled) => bail!("stopped by a signal while hashing"),
        Err(error) => Err(error.into()),
    }
}

/// The `.torrent` file of `metainfo` as the page offers it: with `trackers` where the
/// seeder announces, in place of any that the original names, and its web seeds.
pub(super) fn torrent_file(metainfo: &Metainfo, trackers: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(metainfo.info_bytes().len().saturating_add(1024));
    out.push(b'd');
    if let Some(first) = trackers.first() {
        text(&mut out, "announce");
        text(&mut out, first);
        text(&mut out, "announce-list");
        out.push(b'l');
        for tracker in trackers {
            list(&mut out, std::slice::from_ref(tracker));
        }
        out.push(b'e');
    }
    text(&mut out, "info");
    out.extend_from_slice(metainfo.info_bytes());
    if !metainfo.url_list().is_empty() {
        text(&mut out, "url-list");
        list(&mut out, metainfo.url_list());
    }
    out.push(b'e');
    out
}

fn list(out: &mut Vec<u8>, items: &[String]) {
    out.push(b'l');
    items.iter().for_each(|item| text(out, item));
    out.push(b'e');
}

/// A byte string of [BEP 3](https://www.bittorrent.org/beps/bep_0003.html).
fn text(out: &mut Vec<u8>, value: &str) {
    out.extend_from_slice(format!("{}:{value}", value.len()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offered_torrent_has_our_trackers_and_the_same_infohash() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        std::fs::write(&path, b"hello").expect("a file");
        let options = CreateOptions {
            announce: vec!["wss://elsewhere.example/".to_owned()],
            web_seeds: vec!["https://seed.example/a.txt".to_owned()],
            ..CreateOptions::default()
        };
        let cancel = std::sync::atomic::AtomicBool::new(false);
        let made = metainfo::create(&path, &options, &|_| {}, &cancel).expect("a torrent");
        let trackers = [
            "ws://127.0.0.1:8080/announce".to_owned(),
            "wss://t.example/".to_owned(),
        ];
        let offered = torrent_file(&made.metainfo, &trackers);
        let read = Metainfo::parse(&offered).expect("it is a torrent");
        assert_eq!(read.info_hash(), made.metainfo.info_hash());
        assert_eq!(read.trackers(), trackers);
        assert_eq!(read.url_list(), options.web_seeds);
    }
}
