//! What holds for every file and link: for fuzzing and for tests with random bytes.

use sha1::{Digest, Sha1};

use crate::{MAX_MAGNET_BYTES, Magnet, Metainfo, Segment};

/// Reads a `.torrent` file. The pieces of one that is accepted cover its files once, no path leads
/// out of its folder, and its magnet link is read back.
///
/// # Panics
/// When that does not hold.
pub fn torrent(bytes: &[u8]) {
    let Ok(metainfo) = Metainfo::parse(bytes) else {
        return;
    };
    let hash: [u8; 20] = Sha1::digest(metainfo.info_bytes()).into();
    assert_eq!(metainfo.info_hash().as_bytes(), &hash);
    let mut covered = vec![0; metainfo.files().len()];
    // A file of a few bytes may name a length of millions of pieces only together with their hashes.
    for index in 0..metainfo.piece_count() {
        let size = metainfo.piece_size(index).expect("a piece has a size");
        for Segment {
            file,
            offset,
            length,
        } in metainfo.segments(index, 0, size)
        {
            assert_eq!(offset, covered[file]);
            covered[file] += u64::from(length);
        }
    }
    for (file, covered) in metainfo.files().iter().zip(covered) {
        assert_eq!(file.length, covered);
        for name in &file.path {
            assert!(!name.is_empty() && name != "." && name != ".." && !name.contains('/'));
        }
    }
    let link = Magnet::from(&metainfo).to_string();
    if link.len() <= MAX_MAGNET_BYTES {
        let magnet = Magnet::parse(&link).expect("our link is one");
        assert_eq!(magnet.info_hash, metainfo.info_hash());
    }
}

/// Reads a magnet link. One that is accepted says the same when it is written and read again.
///
/// # Panics
/// When it does not.
pub fn magnet(text: &str) {
    for link in [text.to_owned(), format!("magnet:?{text}")] {
        let Ok(magnet) = Magnet::parse(&link) else {
            continue;
        };
        let written = magnet.to_string();
        if written.len() <= MAX_MAGNET_BYTES {
            assert_eq!(Magnet::parse(&written), Ok(magnet));
        }
    }
}
