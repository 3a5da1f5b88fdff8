//! Where a torrent's files lie on this machine.

use std::path::{Path, PathBuf};

use crate::metainfo::Metainfo;

impl Metainfo {
    /// The path of every file, in the order of [`Metainfo::files`], when
    /// `content` is the single file itself, or the folder that holds the files.
    /// The name of `content` need not be the torrent's.
    #[must_use]
    pub fn file_paths(&self, content: &Path) -> Vec<PathBuf> {
        self.files()
            .iter()
            .map(|file| {
                let mut path = content.to_owned();
                path.extend(file.path.iter().skip(1));
                path
            })
            .collect()
    }

    /// Finds the content at `path`, which may be the content itself or the
    /// folder it was put into under the torrent's name. Reads the file system;
    /// when nothing is there, says where it is looked for.
    #[must_use]
    pub fn locate(&self, path: &Path) -> PathBuf {
        let inside = path.join(self.name());
        let is_here = |content: &Path| {
            if self.is_multi_file() {
                self.file_paths(content).iter().any(|file| file.is_file())
            } else {
                content.is_file()
            }
        };
        let goes_by_name = path.file_name() == Some(self.name().as_ref());
        if is_here(path) || (!is_here(&inside) && (goes_by_name || !path.is_dir())) {
            path.to_owned()
        } else {
            inside
        }
    }
}
