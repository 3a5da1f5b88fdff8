//! From bytes to a checked [`Metainfo`].

use bendy::decoding::{Decoder, ListDecoder, Object};
use sha1::{Digest, Sha1};
use tracker_protocol::InfoHash;

use crate::canonical;
use crate::info::{self, Info};
use crate::limits::{
    MAX_FILES, MAX_MAGNET_INFO_BYTES, MAX_NESTING, MAX_PIECE_LENGTH, MAX_TEXT_BYTES,
    MAX_TORRENT_BYTES, MAX_URL_BYTES, MAX_URLS,
};
use crate::metainfo::Metainfo;
use crate::parse_error::ParseError;
use crate::url;
use crate::warning::Warning;

/// What stands beside `info`.
#[derive(Default)]
struct Outside {
    announce: Option<String>,
    tiers: Vec<Vec<String>>,
    url_list: Vec<String>,
    comment: Option<String>,
    created_by: Option<String>,
    creation_date: Option<i64>,
    warnings: Vec<Warning>,
}

/// Reads a `.torrent` file.
pub(crate) fn metainfo(bytes: &[u8]) -> Result<Metainfo, ParseError> {
    if bytes.len() > MAX_TORRENT_BYTES {
        return Err(ParseError::TooLarge(bytes.len()));
    }
    let mut decoder = Decoder::new(bytes).with_max_depth(MAX_NESTING);
    let Some(Object::Dict(mut dict)) = decoder.next_object()? else {
        return Err(ParseError::WrongType {
            field: "the file",
            expected: "a dictionary",
        });
    };
    let mut outside = Outside::default();
    let mut info = None;
    while let Some((key, value)) = dict.next_pair()? {
        if key == b"info" {
            let Object::Dict(raw) = value else {
                return Err(ParseError::WrongType {
                    field: "info",
                    expected: "a dictionary",
                });
            };
            info = Some(raw.into_raw()?);
        } else {
            outside.read(key, value)?;
        }
    }
    drop(dict);
    // A stray `e` after the end is bendy's error, anything else a next object.
    if !matches!(decoder.next_object(), Ok(None)) {
        return Err(ParseError::TrailingBytes);
    }
    let raw = info.ok_or(ParseError::Missing("info"))?;
    canonical::check_survives_javascript(raw)?;
    assemble(raw, info::read(raw)?, outside)
}

/// Puts the checked parts together.
fn assemble(raw: &[u8], info: Info, outside: Outside) -> Result<Metainfo, ParseError> {
    let mut tiers = outside.tiers;
    if tiers.iter().all(Vec::is_empty) {
        tiers = outside
            .announce
            .map(|url| vec![vec![url]])
            .unwrap_or_default();
    }
    tiers.retain(|tier| !tier.is_empty());
    let mut warnings = outside.warnings;
    let trackers: Vec<&String> = tiers.iter().flatten().collect();
    if !trackers.is_empty() && !trackers.iter().any(|tracker| url::is_websocket(tracker)) {
        warnings.push(Warning::NoBrowserTracker);
    }
    if trackers.is_empty() && info.private == Some(true) {
        warnings.push(Warning::PrivateWithoutTracker);
    }
    if !(info.piece_length.is_power_of_two() && (1 << 14..=1 << 24).contains(&info.piece_length)) {
        warnings.push(Warning::OddPieceLength {
            length: info.piece_length,
        });
    }
    if raw.len() > MAX_MAGNET_INFO_BYTES {
        warnings.push(Warning::InfoTooLargeForMagnets { length: raw.len() });
    }
    let combining = info
        .files
        .iter()
        .find(|file| file.path.iter().any(|name| has_combining(name)));
    if let Some(file) = combining {
        warnings.push(Warning::CombiningCharacters {
            path: file.path.join("/"),
        });
    }
    Ok(Metainfo {
        info_hash: InfoHash::from_bytes(Sha1::digest(raw).into()),
        pieces: info.pieces,
        info: raw.into(),
        name: info.name,
        piece_length: info.piece_length,
        total_length: info.total_length,
        files: info.files.into(),
        is_multi_file: info.is_multi_file,
        private: info.private,
        source: info.source,
        announce_tiers: tiers,
        url_list: outside.url_list,
        comment: outside.comment,
        created_by: outside.created_by,
        creation_date: outside.creation_date,
        warnings,
    })
}

/// Tells whether `name` holds a combining diacritical mark, as NFD does.
fn has_combining(name: &str) -> bool {
    name.chars().any(|c| ('\u{300}'..='\u{36f}').contains(&c))
}

impl Outside {
    fn read(&mut self, key: &[u8], value: Object<'_, '_>) -> Result<(), ParseError> {
        match key {
            b"announce" => self.announce = Some(url("announce", value)?),
            b"announce-list" => self.tiers = announce_tiers(value)?,
            b"url-list" => self.url_list = url_list(value)?,
            b"comment" => self.comment = self.lenient_text("comment", value)?,
            b"created by" => self.created_by = self.lenient_text("created by", value)?,
            b"creation date" => self.creation_date = Some(creation_date(value)?),
            _ => {}
        }
        Ok(())
    }

    /// A text that says nothing about the content: left out when not UTF-8.
    fn lenient_text(
        &mut self,
        field: &'static str,
        value: Object<'_, '_>,
    ) -> Result<Option<String>, ParseError> {
        match text(field, value, MAX_TEXT_BYTES) {
            Err(ParseError::NotUtf8(field)) => {
                self.warnings.push(Warning::TextIgnored { field });
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

fn announce_tiers(value: Object<'_, '_>) -> Result<Vec<Vec<String>>, ParseError> {
    const FIELD: &str = "announce-list";
    let mut tiers = Vec::new();
    let mut count = 0_usize;
    let mut list = list(FIELD, value)?;
    while let Some(item) = list.next_object()? {
        let tier = match item {
            Object::List(tier) => urls(FIELD, tier)?,
            // Some programs write a flat list: each its own tier.
            single @ (Object::Bytes(_) | Object::Integer(_) | Object::Dict(_)) => {
                vec![url(FIELD, single)?]
            }
        };
        count = count.saturating_add(tier.len());
        if count > MAX_URLS || tiers.len() >= MAX_URLS {
            return Err(ParseError::TooMany {
                field: FIELD,
                limit: MAX_URLS,
            });
        }
        tiers.push(tier);
    }
    Ok(tiers)
}

fn url_list(value: Object<'_, '_>) -> Result<Vec<String>, ParseError> {
    const FIELD: &str = "url-list";
    let mut found = match value {
        Object::List(list) => urls(FIELD, list)?,
        single @ (Object::Bytes(_) | Object::Integer(_) | Object::Dict(_)) => {
            vec![url(FIELD, single)?]
        }
    };
    // Some programs write an empty string for "none".
    found.retain(|url| !url.is_empty());
    Ok(found)
}

fn urls(field: &'static str, mut list: ListDecoder<'_, '_>) -> Result<Vec<String>, ParseError> {
    let mut urls = Vec::new();
    while let Some(item) = list.next_object()? {
        if urls.len() >= MAX_URLS {
            return Err(ParseError::TooMany {
                field,
                limit: MAX_URLS,
            });
        }
        urls.push(url(field, item)?);
    }
    Ok(urls)
}

fn url(field: &'static str, value: Object<'_, '_>) -> Result<String, ParseError> {
    text(field, value, MAX_URL_BYTES)
}

fn creation_date(value: Object<'_, '_>) -> Result<i64, ParseError> {
    const FIELD: &str = "creation date";
    let digits = integer(FIELD, value)?;
    digits
        .parse()
        .map_err(|_| out_of_range(FIELD, digits, "seconds since 1970"))
}

/// A text of at most `limit` bytes.
pub(crate) fn text(
    field: &'static str,
    value: Object<'_, '_>,
    limit: usize,
) -> Result<String, ParseError> {
    let bytes = bytes(field, value)?;
    if bytes.len() > limit {
        return Err(ParseError::TooMany { field, limit });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ParseError::NotUtf8(field))?;
    Ok(text.to_owned())
}

/// A byte string.
pub(crate) fn bytes<'a>(
    field: &'static str,
    value: Object<'_, 'a>,
) -> Result<&'a [u8], ParseError> {
    value.bytes_or(Err(ParseError::WrongType {
        field,
        expected: "a string",
    }))
}

/// An integer, its digits as written.
pub(crate) fn integer<'a>(
    field: &'static str,
    value: Object<'_, 'a>,
) -> Result<&'a str, ParseError> {
    value.integer_or(Err(ParseError::WrongType {
        field,
        expected: "an integer",
    }))
}

/// A list.
pub(crate) fn list<'obj, 'ser>(
    field: &'static str,
    value: Object<'obj, 'ser>,
) -> Result<ListDecoder<'obj, 'ser>, ParseError> {
    value.list_or(Err(ParseError::WrongType {
        field,
        expected: "a list",
    }))
}

/// The error of a number outside `expected`.
pub(crate) fn out_of_range(
    field: &'static str,
    value: &str,
    expected: impl Into<String>,
) -> ParseError {
    ParseError::OutOfRange {
        field,
        value: value.to_owned(),
        expected: expected.into(),
    }
}

/// The range of `piece length`, in words.
pub(crate) fn piece_length_range() -> String {
    format!("from 1 to {MAX_PIECE_LENGTH} bytes")
}

/// The error of a list of files over the limit.
pub(crate) fn too_many_files() -> ParseError {
    ParseError::TooMany {
        field: "files",
        limit: MAX_FILES,
    }
}
