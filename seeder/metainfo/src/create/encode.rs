//! Writing a `.torrent` file in canonical bencoding.

use bendy::encoding::{Encoder, Error, SingleItemEncoder, SortedDictEncoder};

use super::CreateOptions;
use super::walk::{Found, Tree};

/// The bytes of the file.
pub(super) fn torrent(
    tree: &Tree,
    piece_length: u32,
    pieces: &[u8],
    options: &CreateOptions,
) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder
        .emit_dict(|mut dict| {
            announce(&mut dict, &options.announce)?;
            text(&mut dict, b"comment", options.comment.as_deref())?;
            text(&mut dict, b"created by", options.created_by.as_deref())?;
            if let Some(date) = options.creation_date {
                dict.emit_pair(b"creation date", date)?;
            }
            dict.emit_pair(b"encoding", "UTF-8")?;
            dict.emit_pair_with(b"info", |e| info(e, tree, piece_length, pieces, options))?;
            if !options.web_seeds.is_empty() {
                dict.emit_pair_with(b"url-list", |e| list(e, &options.web_seeds))?;
            }
            Ok(())
        })
        .and_then(|()| encoder.get_output())
        .expect("keys are emitted in order")
}

fn announce(dict: &mut SortedDictEncoder<'_>, urls: &[String]) -> Result<(), Error> {
    let Some(first) = urls.first() else {
        return Ok(());
    };
    dict.emit_pair(b"announce", first.as_str())?;
    dict.emit_pair_with(b"announce-list", |e| {
        e.emit_list(|tiers| {
            for url in urls {
                tiers.emit_list(|tier| tier.emit_str(url))?;
            }
            Ok(())
        })
    })
}

fn info(
    encoder: SingleItemEncoder<'_>,
    tree: &Tree,
    piece_length: u32,
    pieces: &[u8],
    options: &CreateOptions,
) -> Result<(), Error> {
    encoder.emit_dict(|mut dict| {
        match (tree.is_folder, tree.files.as_slice()) {
            (false, [only]) => dict.emit_pair(b"length", only.length)?,
            (_, files) => dict.emit_pair_with(b"files", |e| {
                e.emit_list(|list| files.iter().try_for_each(|found| file(list, found)))
            })?,
        }
        dict.emit_pair(b"name", tree.name.as_str())?;
        dict.emit_pair(b"piece length", piece_length)?;
        dict.emit_pair_with(b"pieces", |e| e.emit_bytes(pieces))?;
        if options.private {
            dict.emit_pair(b"private", 1)?;
        }
        text(&mut dict, b"source", options.source.as_deref())
    })
}

fn file(list: &mut Encoder, found: &Found) -> Result<(), Error> {
    list.emit_dict(|mut dict| {
        dict.emit_pair(b"length", found.length)?;
        dict.emit_pair_with(b"path", |e| self::list(e, &found.inside))
    })
}

fn list(encoder: SingleItemEncoder<'_>, texts: &[String]) -> Result<(), Error> {
    encoder.emit_list(|list| texts.iter().try_for_each(|text| list.emit_str(text)))
}

fn text(dict: &mut SortedDictEncoder<'_>, key: &[u8], text: Option<&str>) -> Result<(), Error> {
    text.map_or(Ok(()), |text| dict.emit_pair(key, text))
}
