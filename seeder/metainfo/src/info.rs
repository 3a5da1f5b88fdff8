//! The `info` dictionary, field by field.

use std::ops::Range;

use bendy::decoding::{Decoder, DictDecoder, Object};

use crate::limits::{
    MAX_FILES, MAX_NESTING, MAX_PATH_BYTES, MAX_PATH_DEPTH, MAX_PIECE_LENGTH, MAX_SAFE_INTEGER,
    MAX_TEXT_BYTES,
};
use crate::metainfo::FileEntry;
use crate::parse;
use crate::parse_error::ParseError;
use crate::path::{self, NameError};

/// The checked content of an `info` dictionary.
pub(crate) struct Info {
    pub(crate) name: String,
    pub(crate) piece_length: u32,
    /// Where the piece hashes lie in the dictionary's bytes.
    pub(crate) pieces: Range<usize>,
    pub(crate) total_length: u64,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) is_multi_file: bool,
    pub(crate) private: Option<bool>,
    pub(crate) source: Option<String>,
}

/// The fields as found, before they are held against each other.
#[derive(Default)]
struct Fields<'a> {
    name: Option<String>,
    piece_length: Option<u32>,
    pieces: Option<&'a [u8]>,
    length: Option<u64>,
    /// Paths without the torrent's name, with lengths.
    files: Option<Vec<(Vec<String>, u64)>>,
    private: Option<bool>,
    source: Option<String>,
    attr: Option<&'a [u8]>,
    is_v2: bool,
}

/// Reads the bytes of an `info` dictionary.
pub(crate) fn read(raw: &[u8]) -> Result<Info, ParseError> {
    // One level lower than in the whole file, so that nothing passes here that
    // did not pass there.
    let mut decoder = Decoder::new(raw).with_max_depth(MAX_NESTING);
    let Some(Object::Dict(mut dict)) = decoder.next_object()? else {
        return Err(ParseError::Missing("info"));
    };
    let mut fields = Fields::default();
    while let Some((key, value)) = dict.next_pair()? {
        fields.read(key, value)?;
    }
    drop(dict);
    fields.check(raw)
}

impl<'a> Fields<'a> {
    fn read(&mut self, key: &[u8], value: Object<'_, 'a>) -> Result<(), ParseError> {
        match key {
            b"name" => self.name = Some(parse::text("name", value, MAX_PATH_BYTES)?),
            b"piece length" => self.piece_length = Some(piece_length(value)?),
            b"pieces" => self.pieces = Some(parse::bytes("pieces", value)?),
            b"length" => self.length = Some(length("length", value)?),
            b"files" => self.files = Some(files(value)?),
            b"private" => self.private = Some(flag("private", value)?),
            // Not needed to seed; another type of it is no reason to refuse.
            b"source" => self.source = parse::text("source", value, MAX_TEXT_BYTES).ok(),
            b"attr" => self.attr = Some(parse::bytes("attr", value)?),
            b"meta version" | b"file tree" => self.is_v2 = true,
            _ => {}
        }
        Ok(())
    }

    fn check(self, raw: &[u8]) -> Result<Info, ParseError> {
        if self.is_v2 {
            return Err(match self.pieces {
                Some(_) => ParseError::Hybrid,
                None => ParseError::V2Only,
            });
        }
        let name = self.name.ok_or(ParseError::Missing("name"))?;
        let piece_length = self
            .piece_length
            .ok_or(ParseError::Missing("piece length"))?;
        let pieces = self.pieces.ok_or(ParseError::Missing("pieces"))?;
        check_attributes(self.attr, || name.clone())?;
        let is_multi_file = self.files.is_some();
        let listed = match (self.length, self.files) {
            (Some(_), Some(_)) => return Err(ParseError::LengthAndFiles),
            (None, None) => return Err(ParseError::Missing("length")),
            (Some(length), None) => vec![(Vec::new(), length)],
            (None, Some(files)) if files.is_empty() => return Err(ParseError::Missing("files")),
            (None, Some(files)) => files,
        };
        let (files, total_length) = lay_out(&name, listed)?;
        check_piece_count(pieces.len(), piece_length, total_length)?;
        Ok(Info {
            pieces: range_within(raw, pieces),
            name,
            piece_length,
            total_length,
            files,
            is_multi_file,
            private: self.private,
            source: self.source,
        })
    }
}

/// Puts the torrent's name before every path and the files one after another.
fn lay_out(
    name: &str,
    listed: Vec<(Vec<String>, u64)>,
) -> Result<(Vec<FileEntry>, u64), ParseError> {
    let mut files = Vec::with_capacity(listed.len());
    let mut offset = 0_u64;
    for (inside, length) in listed {
        let mut path = Vec::with_capacity(inside.len() + 1);
        path.push(name.to_owned());
        path.extend(inside);
        path::check_path(&path)?;
        files.push(FileEntry {
            path,
            length,
            offset,
        });
        offset = offset
            .checked_add(length)
            .filter(|total| *total <= MAX_SAFE_INTEGER)
            .ok_or(ParseError::TotalTooLarge)?;
    }
    path::check_distinct(&files)?;
    Ok((files, offset))
}

fn check_piece_count(bytes: usize, piece_length: u32, total: u64) -> Result<(), ParseError> {
    let expected = total.div_ceil(u64::from(piece_length)).saturating_mul(20);
    if u64::try_from(bytes) == Ok(expected) {
        return Ok(());
    }
    Err(ParseError::PieceCount {
        actual: bytes,
        expected,
        total,
    })
}

/// Refuses padding files and links of
/// [BEP 47](https://www.bittorrent.org/beps/bep_0047.html).
fn check_attributes(attr: Option<&[u8]>, path: impl Fn() -> String) -> Result<(), ParseError> {
    if attr.is_some_and(|attr| attr.contains(&b'p') || attr.contains(&b'l')) {
        return Err(ParseError::NotContent(path()));
    }
    Ok(())
}

fn files(value: Object<'_, '_>) -> Result<Vec<(Vec<String>, u64)>, ParseError> {
    let mut list = parse::list("files", value)?;
    let mut files = Vec::new();
    while let Some(item) = list.next_object()? {
        if files.len() >= MAX_FILES {
            return Err(parse::too_many_files());
        }
        let Object::Dict(dict) = item else {
            return Err(ParseError::WrongType {
                field: "files",
                expected: "a list of dictionaries",
            });
        };
        files.push(file(dict)?);
    }
    Ok(files)
}

fn file(mut dict: DictDecoder<'_, '_>) -> Result<(Vec<String>, u64), ParseError> {
    let (mut found_length, mut found_path, mut attr) = (None, None, None);
    while let Some((key, value)) = dict.next_pair()? {
        match key {
            b"length" => found_length = Some(length("files.length", value)?),
            b"path" => found_path = Some(components(value)?),
            b"attr" => attr = Some(parse::bytes("files.attr", value)?),
            _ => {}
        }
    }
    let path = found_path.ok_or(ParseError::Missing("files.path"))?;
    check_attributes(attr, || path.join("/"))?;
    Ok((
        path,
        found_length.ok_or(ParseError::Missing("files.length"))?,
    ))
}

fn components(value: Object<'_, '_>) -> Result<Vec<String>, ParseError> {
    let mut list = parse::list("files.path", value)?;
    let mut path = Vec::new();
    while let Some(item) = list.next_object()? {
        if path.len() >= MAX_PATH_DEPTH {
            return Err(NameError::TooDeep.into());
        }
        path.push(parse::text("files.path", item, MAX_PATH_BYTES)?);
    }
    if path.is_empty() {
        return Err(NameError::Empty.into());
    }
    Ok(path)
}

fn piece_length(value: Object<'_, '_>) -> Result<u32, ParseError> {
    let digits = parse::integer("piece length", value)?;
    digits
        .parse()
        .ok()
        .filter(|length| (1..=MAX_PIECE_LENGTH).contains(length))
        .ok_or_else(|| parse::out_of_range("piece length", digits, parse::piece_length_range()))
}

fn length(field: &'static str, value: Object<'_, '_>) -> Result<u64, ParseError> {
    let digits = parse::integer(field, value)?;
    digits
        .parse()
        .map_err(|_| parse::out_of_range(field, digits, "a number of bytes"))
}

fn flag(field: &'static str, value: Object<'_, '_>) -> Result<bool, ParseError> {
    match parse::integer(field, value)? {
        "0" => Ok(false),
        "1" => Ok(true),
        other => Err(parse::out_of_range(field, other, "0 or 1")),
    }
}

/// Where `part`, a slice of `whole`, lies in it.
fn range_within(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}
