//! A session in virtual time, and what the tests say to it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tracker_protocol::{InfoHash, PeerId};

use crate::message::{self, write};
use crate::{
    Bitfield, BlockRequest, CloseReason, Input, Limits, Output, Session, SessionConfig, Torrent,
    Upload,
};

pub(super) const OUR_ID: &[u8; 20] = b"-SH0100-abcdefghijkl";
pub(super) const THEIR_ID: &[u8; 20] = b"-WW0300-S58Mfh7qBbBb";
pub(super) const BLOCK: u32 = 16 * 1024;

/// Reserved bytes that webtorrent.js sends, and those of a peer without any extension.
pub(super) const MODERN: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 4];
pub(super) const PLAIN: [u8; 8] = [0; 8];

pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) now: Instant,
}

impl Bench {
    /// A session that has every piece of ten pieces of 32 KiB, the last of 100 bytes.
    pub(super) fn new() -> Self {
        Self::with(ten_pieces(), Bitfield::full(10))
    }

    pub(super) fn with(torrent: Torrent, have: Bitfield) -> Self {
        let now = Instant::now();
        let config = SessionConfig {
            torrent,
            our_peer_id: PeerId::from_bytes(*OUR_ID),
            have,
            client: "Shoal 0.1".to_owned(),
            limits: Limits {
                reqq: 8,
                ..Limits::default()
            },
        };
        let session = Session::new(now, config);
        Self { session, now }
    }

    /// A session whose peer has shaken hands, with what is said until then drained.
    pub(super) fn open(reserved: [u8; 8]) -> Self {
        let mut bench = Self::new();
        bench.receive(&handshake(reserved));
        bench
    }

    /// A session whose peer is interested and unchoked.
    pub(super) fn unchoked(reserved: [u8; 8]) -> Self {
        let mut bench = Self::open(reserved);
        bench.receive(&bare(message::INTERESTED));
        bench.input(Input::Unchoke);
        bench
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Vec<Output> {
        self.input(Input::Received(bytes))
    }

    pub(super) fn input(&mut self, input: Input<'_>) -> Vec<Output> {
        self.session.handle(self.now, input);
        self.outputs()
    }

    pub(super) fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    pub(super) fn pass(&mut self, time: Duration) -> Vec<Output> {
        self.now += time;
        self.input(Input::Tick)
    }

    pub(super) fn uploads(&mut self) -> Vec<Upload> {
        std::iter::from_fn(|| self.session.next_upload(self.now)).collect()
    }

    /// Takes all blocks that are due and says they were sent.
    pub(super) fn send_blocks(&mut self) -> Vec<BlockRequest> {
        let blocks: Vec<_> = self
            .uploads()
            .into_iter()
            .filter_map(|upload| match upload {
                Upload::Block(block) => Some(block),
                Upload::Message(_) => None,
            })
            .collect();
        for block in &blocks {
            self.session.handle(self.now, Input::Sent(*block));
        }
        blocks
    }
}

pub(super) fn ten_pieces() -> Torrent {
    let info = Bytes::from(vec![b'i'; 40_000]);
    Torrent::new(info_hash(), 2 * BLOCK, u64::from(9 * 2 * BLOCK + 100), info)
        .expect("the numbers are right")
}

pub(super) fn info_hash() -> InfoHash {
    InfoHash::from_bytes([7; 20])
}

pub(super) fn handshake(reserved: [u8; 8]) -> Vec<u8> {
    handshake_of(reserved, &[7; 20], THEIR_ID)
}

pub(super) fn handshake_of(reserved: [u8; 8], info_hash: &[u8], peer_id: &[u8]) -> Vec<u8> {
    [
        b"\x13BitTorrent protocol",
        &reserved[..],
        info_hash,
        peer_id,
    ]
    .concat()
}

pub(super) fn bare(id: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    write::bare(&mut bytes, id);
    bytes
}

pub(super) fn have(piece: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    write::index(&mut bytes, message::HAVE, piece);
    bytes
}

pub(super) fn block(piece: u32, begin: u32, length: u32) -> BlockRequest {
    BlockRequest {
        piece,
        begin,
        length,
    }
}

/// A message that names a block: request, cancel or reject.
pub(super) fn naming(id: u8, block: BlockRequest) -> Vec<u8> {
    let mut bytes = Vec::new();
    write::block(&mut bytes, id, &block);
    bytes
}

pub(super) fn request(piece: u32, begin: u32, length: u32) -> Vec<u8> {
    naming(message::REQUEST, block(piece, begin, length))
}

pub(super) fn extended(id: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write::extended(&mut bytes, id, [payload, &[]]);
    bytes
}

pub(super) fn send(bytes: impl Into<Vec<u8>>) -> Output {
    Output::Send(Bytes::from(bytes.into()))
}

pub(super) fn closed(reason: CloseReason) -> Vec<Output> {
    vec![Output::Close(reason)]
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
