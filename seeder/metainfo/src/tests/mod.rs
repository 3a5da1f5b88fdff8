//! Unit and property tests of this crate.

mod canonical;
mod create;
mod magnet;
mod parse;
mod properties;
mod segments;
mod url;
mod verify;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::{CreateError, CreateOptions, Created, Metainfo, ParseError};

/// A whole file round the bytes of an `info` dictionary.
fn torrent(info: &str) -> Vec<u8> {
    format!("d4:info{info}e").into_bytes()
}

/// Parses a file round the bytes of an `info` dictionary.
fn parse_info(info: &str) -> Result<Metainfo, ParseError> {
    Metainfo::parse(&torrent(info))
}

/// `info` of several files, `files` being the list in bencoding, of one piece.
fn folder(files: &str) -> String {
    format!("d5:files{files}4:name1:n12:piece lengthi16384e6:pieces20:{PIECE}e")
}

/// A piece hash that is text.
const PIECE: &str = "aaaaaaaaaaaaaaaaaaaa";

/// `info` of one file named `n` with one byte.
const SMALLEST: &str =
    "d6:lengthi1e4:name1:n12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";

/// Creates without watching or cancelling.
fn create(path: &Path, options: &CreateOptions) -> Result<Created, CreateError> {
    crate::create(path, options, &|_| {}, &AtomicBool::new(false))
}

/// Bytes that repeat at no power of two, so that no two pieces are alike.
fn content(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// Writes a file, its folders too.
fn put(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folder");
    std::fs::write(path, bytes).expect("file");
}
