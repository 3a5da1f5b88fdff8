//! The leecher's side of the BitTorrent protocol on a channel.

use std::collections::BTreeSet;

use bytes::BytesMut;
use seeder::rtc::Channel;
use sha1::{Digest, Sha1};
use tracker_protocol::{InfoHash, PeerId};

/// Requests that a leecher keeps open.
const PIPELINE: usize = 64;
const BLOCK: u32 = 16_384;

/// A message of the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Choke,
    Unchoke,
    Piece(u32, u32, Vec<u8>),
    Reject(u32, u32),
    Bitfield(Vec<u8>),
    HaveAll,
    Have(u32),
    Extended(u8, Vec<u8>),
    Other(u8),
}

/// A channel on which handshakes were exchanged.
pub(crate) struct Wire {
    pub(crate) channel: Channel,
    received: BytesMut,
    pub(crate) choked: bool,
    /// Pieces that the seeder said it has.
    pub(crate) have: BTreeSet<u32>,
}

/// Numbers of a torrent, as a leecher knows them from its metadata.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) piece_length: u32,
    pub(crate) total: u64,
}

impl Shape {
    pub(crate) fn pieces(&self) -> u32 {
        u32::try_from(self.total.div_ceil(u64::from(self.piece_length))).expect("few pieces")
    }

    pub(crate) fn blocks(&self, piece: u32) -> Vec<(u32, u32, u32)> {
        let start = u64::from(piece) * u64::from(self.piece_length);
        let size = u32::try_from((self.total - start).min(u64::from(self.piece_length)))
            .expect("a piece length");
        (0..size)
            .step_by(16_384)
            .map(|begin| (piece, begin, BLOCK.min(size - begin)))
            .collect()
    }
}

/// A leecher's handshake.
pub(crate) fn handshake(info_hash: InfoHash, peer_id: PeerId) -> Vec<u8> {
    let mut handshake = b"\x13BitTorrent protocol".to_vec();
    handshake.extend([0, 0, 0, 0, 0, 0x10, 0, 0x04]);
    handshake.extend(info_hash.as_bytes());
    handshake.extend(peer_id.as_bytes());
    handshake
}

impl Wire {
    /// Shakes hands and says that nothing is there.
    pub(crate) async fn open(channel: Channel, info_hash: InfoHash, peer_id: PeerId) -> Self {
        let mut wire = Self {
            channel,
            received: BytesMut::new(),
            choked: true,
            have: BTreeSet::new(),
        };
        wire.send(&handshake(info_hash, peer_id)).await;
        wire.say(20, b"\0d1:md11:ut_metadatai1eee").await;
        wire.say(15, b"").await;
        while wire.received.len() < 68 {
            assert!(wire.fill().await, "the seeder shakes hands");
        }
        let theirs = wire.received.split_to(68);
        assert_eq!(&theirs[..20], b"\x13BitTorrent protocol");
        assert_eq!(&theirs[28..48], info_hash.as_bytes());
        wire
    }

    pub(crate) async fn send(&self, bytes: &[u8]) {
        // A seeder that has gone is noticed by what it does not say.
        let _ = self.channel.send(BytesMut::from(bytes)).await;
    }

    pub(crate) async fn say(&self, id: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len() + 1).expect("a short message");
        let mut message = length.to_be_bytes().to_vec();
        message.push(id);
        message.extend(payload);
        self.send(&message).await;
    }

    pub(crate) async fn interested(&self) {
        self.say(2, b"").await;
    }

    pub(crate) async fn request(&self, (piece, begin, length): (u32, u32, u32)) {
        let payload = [piece, begin, length].map(u32::to_be_bytes).concat();
        self.say(6, &payload).await;
    }

    /// The next message, or `None` when the seeder has gone.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(message) = self.whole_message() {
                if message.is_empty() {
                    continue;
                }
                let said = read(&message);
                match &said {
                    Said::Choke => self.choked = true,
                    Said::Unchoke => self.choked = false,
                    Said::Have(piece) => _ = self.have.insert(*piece),
                    Said::Bitfield(bits) => self.have.extend(set_bits(bits)),
                    Said::HaveAll => self.have.extend(0..100_000),
                    Said::Piece(..) | Said::Reject(..) | Said::Extended(..) | Said::Other(_) => {}
                }
                return Some(said);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Downloads `pieces`, asking again for what is rejected. Returns them in
    /// order, or `None` when the seeder goes.
    pub(crate) async fn download(&mut self, shape: Shape, pieces: &[u32]) -> Option<Vec<Vec<u8>>> {
        let mut missing: BTreeSet<_> = pieces.iter().flat_map(|p| shape.blocks(*p)).collect();
        let mut asked = BTreeSet::new();
        let mut blocks = std::collections::BTreeMap::new();
        self.interested().await;
        while !missing.is_empty() || !asked.is_empty() {
            while !self.choked
                && asked.len() < PIPELINE
                && let Some(block) = missing.pop_first()
            {
                self.request(block).await;
                asked.insert(block);
            }
            match self.next().await? {
                Said::Piece(piece, begin, bytes) => {
                    let length = u32::try_from(bytes.len()).expect("a block");
                    assert!(asked.remove(&(piece, begin, length)), "it was asked for");
                    blocks.insert((piece, begin), bytes);
                }
                Said::Reject(piece, begin) => {
                    let block = *asked
                        .iter()
                        .find(|block| (block.0, block.1) == (piece, begin))
                        .expect("a rejected request was made");
                    asked.remove(&block);
                    missing.insert(block);
                }
                Said::Choke
                | Said::Unchoke
                | Said::Bitfield(_)
                | Said::HaveAll
                | Said::Have(_)
                | Said::Extended(..)
                | Said::Other(_) => {}
            }
        }
        let of_piece = |piece| {
            blocks
                .range((piece, 0)..(piece + 1, 0))
                .flat_map(|(_, bytes)| bytes.clone())
                .collect()
        };
        Some(pieces.iter().map(|piece| of_piece(*piece)).collect())
    }

    /// Downloads the metadata as a page with a magnet link does.
    pub(crate) async fn metadata(&mut self, info_hash: InfoHash) -> Vec<u8> {
        let (id, size) = loop {
            if let Some(Said::Extended(0, payload)) = self.next().await {
                let id = number_after(&payload, b"11:ut_metadatai");
                break (id, number_after(&payload, b"13:metadata_sizei"));
            }
        };
        let id = u8::try_from(id).expect("an id");
        let mut info = Vec::new();
        for piece in 0..size.div_ceil(16_384) {
            let request = format!("d8:msg_typei0e5:piecei{piece}ee");
            self.say(20, &[&[id], request.as_bytes()].concat()).await;
            loop {
                if let Some(Said::Extended(1, payload)) = self.next().await {
                    // As webtorrent.js: the first `ee` ends the dictionary.
                    let end = payload.windows(2).position(|pair| pair == b"ee");
                    let end = end.expect("a dictionary") + 2;
                    info.extend_from_slice(&payload[end..]);
                    break;
                }
            }
        }
        assert_eq!(Sha1::digest(&info).as_slice(), info_hash.as_bytes());
        info
    }

    async fn fill(&mut self) -> bool {
        match self.channel.receive().await {
            Some(bytes) => {
                self.received.extend_from_slice(&bytes);
                true
            }
            None => false,
        }
    }

    fn whole_message(&mut self) -> Option<BytesMut> {
        let length = u32::from_be_bytes(*self.received.first_chunk::<4>()?);
        let length = usize::try_from(length).expect("a length");
        (self.received.len() >= 4 + length).then(|| {
            let _ = self.received.split_to(4);
            self.received.split_to(length)
        })
    }
}

fn read(message: &[u8]) -> Said {
    let number = |at: usize| {
        let bytes = message[at..at + 4].try_into().expect("four bytes");
        u32::from_be_bytes(bytes)
    };
    match message[0] {
        0 => Said::Choke,
        1 => Said::Unchoke,
        4 => Said::Have(number(1)),
        5 => Said::Bitfield(message[1..].to_vec()),
        7 => Said::Piece(number(1), number(5), message[9..].to_vec()),
        14 => Said::HaveAll,
        16 => Said::Reject(number(1), number(5)),
        20 => Said::Extended(message[1], message[2..].to_vec()),
        other => Said::Other(other),
    }
}

fn set_bits(bits: &[u8]) -> Vec<u32> {
    (0_u32..)
        .zip(bits)
        .flat_map(|(index, byte)| {
            (0..8)
                .filter(move |bit| byte & (0x80 >> bit) != 0)
                .map(move |bit| index * 8 + bit)
        })
        .collect()
}

pub(crate) fn number_after(text: &[u8], key: &[u8]) -> usize {
    let at = text.windows(key.len()).position(|window| window == key);
    let start = at.expect("the key is there") + key.len();
    let digits = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}
