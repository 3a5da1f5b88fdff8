//! Files drawn as a tree, with their lengths.

use std::collections::BTreeMap;
use std::fmt;

use indicatif::HumanBytes;
use metainfo::FileEntry;

use crate::cli::printable::printable;

/// A folder: names with what they stand for, in order.
#[derive(Default)]
pub(super) struct Tree<'a>(BTreeMap<&'a str, Node<'a>>);

enum Node<'a> {
    File(u64),
    Folder(Tree<'a>),
}

impl<'a> Tree<'a> {
    pub(super) fn of(files: &'a [FileEntry]) -> Self {
        let mut tree = Self::default();
        for file in files {
            tree.insert(&file.path, file.length);
        }
        tree
    }

    /// Recursion ends with the path, whose depth the parser bounds.
    fn insert(&mut self, path: &'a [String], length: u64) {
        match path {
            [] => {}
            [name] => {
                self.0.insert(name, Node::File(length));
            }
            [name, rest @ ..] => {
                let node = self
                    .0
                    .entry(name)
                    .or_insert_with(|| Node::Folder(Self::default()));
                // A file is no folder at once: the parser refuses such torrents.
                if let Node::Folder(folder) = node {
                    folder.insert(rest, length);
                }
            }
        }
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        for (position, (name, node)) in self.0.iter().enumerate() {
            let is_last = position + 1 == self.0.len();
            let branch = if is_last { "└─ " } else { "├─ " };
            let name = printable(name);
            match node {
                Node::File(length) => {
                    write!(f, "\n{indent}{branch}{name}  {}", HumanBytes(*length))?;
                }
                Node::Folder(folder) => {
                    write!(f, "\n{indent}{branch}{name}/")?;
                    let below = if is_last { "   " } else { "│  " };
                    folder.draw(f, &format!("{indent}{below}"))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One root: the torrent's name.
        for (name, node) in &self.0 {
            let name = printable(name);
            match node {
                Node::File(length) => write!(f, "\n{name}  {}", HumanBytes(*length))?,
                Node::Folder(folder) => {
                    write!(f, "\n{name}/")?;
                    folder.draw(f, "")?;
                }
            }
        }
        Ok(())
    }
}
