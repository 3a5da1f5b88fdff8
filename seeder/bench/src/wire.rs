//! The leecher's side of the peer protocol (BEP 3, 6, 10) as bytes. Pure.

use bytes::BytesMut;

/// The longest message that a seeder may send: a bitfield of half a million pieces.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";
const HANDSHAKE_BYTES: usize = 68;

/// As webtorrent.js: extension protocol and fast extension.
const RESERVED: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x04];

/// What a seeder said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// The handshake, for this torrent.
    Handshake([u8; 20]),
    Choke,
    Unchoke,
    /// That it has a piece, some, or all.
    Has,
    Block {
        index: u32,
        begin: u32,
        bytes: &'a [u8],
    },
    Reject {
        index: u32,
        begin: u32,
    },
    /// The extended handshake: requests that it keeps, if it says so.
    Extended {
        reqq: Option<u32>,
    },
    /// What does not concern a leecher.
    Other,
}

/// What is no message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Nonsense(pub(crate) &'static str);

/// Cuts a stream into messages. Keeps less than one message.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    shaken: bool,
    kept: BytesMut,
}

impl Reader {
    /// Reads what came and hands each whole message to `each`.
    pub(crate) fn read(
        &mut self,
        came: &[u8],
        mut each: impl FnMut(Said<'_>),
    ) -> Result<(), Nonsense> {
        if self.kept.is_empty() {
            let used = self.messages(came, &mut each)?;
            self.kept
                .extend_from_slice(came.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut kept = std::mem::take(&mut self.kept);
        kept.extend_from_slice(came);
        let used = self.messages(&kept, &mut each)?;
        let _ = kept.split_to(used);
        self.kept = kept;
        Ok(())
    }

    /// Reads whole messages and returns how many bytes they were.
    fn messages(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(Said<'_>),
    ) -> Result<usize, Nonsense> {
        let mut rest = bytes;
        if !self.shaken {
            let Some((handshake, after)) = rest.split_first_chunk::<HANDSHAKE_BYTES>() else {
                return Ok(0);
            };
            each(Said::Handshake(info_hash(handshake)?));
            self.shaken = true;
            rest = after;
        }
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            if length > MAX_MESSAGE_BYTES {
                return Err(Nonsense("a message that is too long"));
            }
            let Some((message, after)) = after.split_at_checked(length) else {
                break;
            };
            // An empty one keeps the connection alive.
            if let Some((id, payload)) = message.split_first() {
                each(said(*id, payload)?);
            }
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }
}

fn info_hash(handshake: &[u8; HANDSHAKE_BYTES]) -> Result<[u8; 20], Nonsense> {
    let hash = handshake.get(28..48).and_then(<[u8]>::first_chunk);
    match hash {
        Some(hash) if handshake.starts_with(PROTOCOL) => Ok(*hash),
        _ => Err(Nonsense("no BitTorrent handshake")),
    }
}

fn said(id: u8, payload: &[u8]) -> Result<Said<'_>, Nonsense> {
    Ok(match id {
        0 => Said::Choke,
        1 => Said::Unchoke,
        4 | 5 | 14 => Said::Has,
        7 => {
            let (index, begin, bytes) = place(payload)?;
            Said::Block {
                index,
                begin,
                bytes,
            }
        }
        16 => {
            let (index, begin, _) = place(payload)?;
            Said::Reject { index, begin }
        }
        20 if payload.first() == Some(&0) => Said::Extended {
            reqq: integer_after(payload, b"4:reqqi"),
        },
        _ => Said::Other,
    })
}

fn place(payload: &[u8]) -> Result<(u32, u32, &[u8]), Nonsense> {
    let read = |payload: &[u8]| {
        let (index, rest) = payload.split_first_chunk()?;
        let (begin, _) = rest.split_first_chunk()?;
        Some((u32::from_be_bytes(*index), u32::from_be_bytes(*begin)))
    };
    let (index, begin) = read(payload).ok_or(Nonsense("a block without a place"))?;
    Ok((index, begin, payload.get(8..).unwrap_or_default()))
}

/// The number of a bencoded integer whose key is `key`: enough for a handshake that is only asked
/// for one.
fn integer_after(payload: &[u8], key: &[u8]) -> Option<u32> {
    let at = payload
        .windows(key.len())
        .position(|window| window == key)?;
    let digits = payload.get(at + key.len()..)?;
    let end = digits.iter().position(|byte| *byte == b'e')?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

/// The handshake, which both sides send at once.
pub(crate) fn handshake(info_hash: &[u8; 20], peer_id: &[u8; 20]) -> BytesMut {
    let mut out = BytesMut::with_capacity(HANDSHAKE_BYTES);
    for part in [&PROTOCOL[..], &RESERVED, info_hash, peer_id] {
        out.extend_from_slice(part);
    }
    out
}

/// Appends what a leecher without pieces says next: its extensions, and that it has nothing.
pub(crate) fn introduction(out: &mut BytesMut) {
    say(out, 20, b"\0d1:md11:lt_donthavei2e11:ut_metadatai1eee");
    say(out, 15, b"");
}

/// Appends a message.
pub(crate) fn say(out: &mut BytesMut, id: u8, payload: &[u8]) {
    let length = 1 + payload.len() as u32;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&[id]);
    out.extend_from_slice(payload);
}

/// Appends `interested`.
pub(crate) fn interested(out: &mut BytesMut) {
    say(out, 2, b"");
}

/// Appends `request`.
pub(crate) fn request(out: &mut BytesMut, index: u32, begin: u32, length: u32) {
    let [index, begin, length] = [index, begin, length].map(u32::to_be_bytes);
    say(out, 6, &[index, begin, length].concat());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(chunks: &[&[u8]]) -> Result<Vec<String>, Nonsense> {
        let mut reader = Reader::default();
        let mut told = Vec::new();
        for chunk in chunks {
            reader.read(chunk, |said| told.push(format!("{said:?}")))?;
        }
        Ok(told)
    }

    fn stream() -> BytesMut {
        let mut bytes = handshake(&[7; 20], &[8; 20]);
        introduction(&mut bytes);
        say(&mut bytes, 20, b"\0d1:md11:ut_metadatai3ee4:reqqi500ee");
        bytes.extend_from_slice(&[0; 4]);
        say(&mut bytes, 1, b"");
        say(&mut bytes, 7, b"\0\0\0\x01\0\0\x40\0block");
        say(&mut bytes, 16, b"\0\0\0\x02\0\0\0\0\0\0\x40\0");
        bytes
    }

    #[test]
    fn the_borders_of_chunks_mean_nothing() {
        let bytes = stream();
        let whole = told(&[&bytes]).expect("messages");
        assert_eq!(whole.len(), 7);
        assert_eq!(whole[3], "Extended { reqq: Some(500) }");
        assert_eq!(
            whole[5],
            "Block { index: 1, begin: 16384, bytes: [98, 108, 111, 99, 107] }"
        );
        assert_eq!(whole[6], "Reject { index: 2, begin: 0 }");
        for size in [1, 3, 67, 69, 100] {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(told(&chunks).as_ref(), Ok(&whole), "in chunks of {size}");
        }
    }

    #[test]
    fn what_is_no_message_is_named() {
        let mut long = stream();
        long.extend_from_slice(&[0x80, 0, 0, 0]);
        assert_eq!(told(&[&long]), Err(Nonsense("a message that is too long")));
        assert_eq!(told(&[&[0; 68]]), Err(Nonsense("no BitTorrent handshake")));
        let mut short = stream();
        say(&mut short, 7, b"\0\0\0");
        assert_eq!(told(&[&short]), Err(Nonsense("a block without a place")));
    }
}
