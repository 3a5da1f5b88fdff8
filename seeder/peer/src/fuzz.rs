//! What holds for every peer. Bytes stand for what a peer says and the shell does, so that a fuzzer
//! can write them as well as a test.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tracker_protocol::{InfoHash, PeerId};

use crate::extension::{self, TheirIds};
use crate::message::{self, write};
use crate::metadata::{MetadataReply, MetadataServer, PIECE_LENGTH};
use crate::{
    Bitfield, BlockRequest, Input, Limits, Output, Session, SessionConfig, Torrent, Upload,
};

const BLOCK: u32 = 16 * 1024;
const PIECES: u32 = 10;
const REQQ: u32 = 8;
static INFO: [u8; 40_000] = [b'i'; 40_000];

/// Drives two sessions that are told the same, one of them byte by byte: they must say the same, and
/// keep to the contract.
///
/// # Panics
/// When they do not.
pub fn session(bytes: &[u8]) {
    let mut steps = Steps(bytes);
    let mut now = Instant::now();
    let (mut whole, mut cut) = (Run::new(now), Run::new(now));
    let opening = match steps.below(4) {
        0 => Vec::new(),
        1 => handshake([0; 8]),
        _ => handshake([0, 0, 0, 0, 0, 0x10, 0, 4]),
    };
    whole.receive(now, &opening);
    cut.receive_cut(now, &opening);
    let mut taken = Vec::new();
    while !steps.0.is_empty() {
        let input = match steps.below(12) {
            0 => {
                let said = steps.said();
                whole.receive(now, &said);
                cut.receive_cut(now, &said);
                None
            }
            1..=4 => {
                let said = steps.message();
                whole.receive(now, &said);
                cut.receive_cut(now, &said);
                None
            }
            5 => Some(Input::Choke),
            6 | 7 => Some(Input::Unchoke),
            8 => Some(Input::PieceVerified(steps.number())),
            9 => Some(Input::PieceWithdrawn(steps.number())),
            10 => match (taken.pop(), steps.below(4)) {
                (Some(block), 0) => Some(Input::Unreadable(block)),
                (Some(block), _) => Some(Input::Sent(block)),
                (None, _) => {
                    taken = whole.uploads(now);
                    assert_eq!(taken, cut.uploads(now));
                    None
                }
            },
            _ => {
                now += Duration::from_millis(u64::from(steps.byte()) * 250);
                Some(Input::Tick)
            }
        };
        if let Some(input) = input {
            whole.input(now, input);
            cut.input(now, input);
        }
        assert_eq!((&whole.sent, &whole.events), (&cut.sent, &cut.events));
        assert_eq!(whole.session.traffic(), cut.session.traffic());
        whole.check(now);
    }
}

/// Takes the bytes for an extended handshake and for a `ut_metadata` message.
///
/// # Panics
/// When more comes of them than may.
pub fn extension(bytes: &[u8]) {
    let mut ids = TheirIds::default();
    extension::read(bytes, &mut ids);
    assert!(ids.ut_metadata != Some(0) && ids.lt_donthave != Some(0));
    let mut again = ids;
    extension::read(bytes, &mut again);
    assert_eq!(again, ids);

    let now = Instant::now();
    let mut server = MetadataServer::new(now, Bytes::from_static(&INFO));
    let queued = (0..10)
        .filter(|_| server.handle(now, bytes) == MetadataReply::Queued)
        .count();
    assert!(queued <= 2 * INFO.len().div_ceil(PIECE_LENGTH));
    for _ in 0..queued {
        let message = server.next(3).expect("what is queued is answered");
        assert!(message.len() < PIECE_LENGTH + 100);
    }
    assert_eq!(server.next(3), None);
}

/// A session and what it said.
struct Run {
    session: Session,
    sent: Vec<u8>,
    events: Vec<Output>,
}

impl Run {
    fn new(now: Instant) -> Self {
        let info = Bytes::from_static(&INFO);
        let length = u64::from((PIECES - 1) * 2 * BLOCK + 100);
        let torrent = Torrent::new(InfoHash::from_bytes([7; 20]), 2 * BLOCK, length, info);
        let config = SessionConfig {
            torrent: torrent.expect("the numbers are right"),
            our_peer_id: PeerId::from_bytes([8; 20]),
            have: Bitfield::full(PIECES),
            client: "Shoal 0.1".to_owned(),
            limits: Limits {
                reqq: REQQ,
                ..Limits::default()
            },
        };
        Self {
            session: Session::new(now, config),
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.input(now, Input::Received(bytes));
    }

    fn receive_cut(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            self.receive(now, bytes);
        }
        for portion in bytes.chunks(1) {
            self.receive(now, portion);
        }
    }

    fn input(&mut self, now: Instant, input: Input<'_>) {
        let was_over = self.session.is_over();
        self.session.handle(now, input);
        while let Some(output) = self.session.poll_output() {
            assert!(!was_over, "a closed session is silent");
            match output {
                Output::Send(bytes) => {
                    assert!(bytes.len() <= 64 * 1024);
                    self.sent.extend(bytes);
                }
                // Told once an input: what comes and goes within one is not told.
                Output::Requesting(_) => {}
                Output::Handshaken { .. }
                | Output::Interested(_)
                | Output::Complete
                | Output::Close(_) => self.events.push(output),
            }
        }
    }

    fn uploads(&mut self, now: Instant) -> Vec<BlockRequest> {
        let mut blocks = Vec::new();
        while let Some(upload) = self.session.next_upload(now) {
            match upload {
                Upload::Block(block) => blocks.push(block),
                Upload::Message(message) => self.sent.extend(message),
            }
        }
        blocks
    }

    fn check(&self, now: Instant) {
        assert!(self.session.open_requests() <= REQQ as usize);
        let due = self.session.poll_timeout();
        assert!(due.is_none_or(|due| due > now), "a deadline is left behind");
        assert_eq!(due.is_none(), self.session.is_over());
    }
}

fn handshake(reserved: [u8; 8]) -> Vec<u8> {
    [
        b"\x13BitTorrent protocol".as_slice(),
        &reserved,
        &[7; 20],
        b"-WW0300-S58Mfh7qBbBb",
    ]
    .concat()
}

/// What is left of the bytes. Past their end, all are 0.
struct Steps<'a>(&'a [u8]);

impl Steps<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: u8) -> u32 {
        u32::from(self.byte() % bound)
    }

    /// Mostly small, now and then any.
    fn number(&mut self) -> u32 {
        match self.byte() {
            255 => u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()]),
            small => u32::from(small % 12),
        }
    }

    /// Bytes as they are, up to 255.
    fn said(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        let (said, rest) = self.0.split_at(length);
        self.0 = rest;
        said.to_vec()
    }

    /// A whole message of any kind.
    fn message(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match self.below(16) {
            0 => write::keep_alive(&mut out),
            1 => write::bare(&mut out, message::INTERESTED),
            2 => write::bare(&mut out, self.byte() % 22),
            3 => write::index(&mut out, message::HAVE, self.number()),
            4 => write::extended(
                &mut out,
                extension::HANDSHAKE,
                [b"d1:md11:lt_donthavei2e11:ut_metadatai3eee", &[]],
            ),
            5 => {
                let ask = format!("d8:msg_typei0e5:piecei{}ee", self.number());
                write::extended(&mut out, extension::OUR_UT_METADATA, [ask.as_bytes(), &[]]);
            }
            6 => {
                let said = self.said();
                write::extended(&mut out, self.byte() % 4, [&said, &[]]);
            }
            7 => {
                let said = self.said();
                write::payload(&mut out, self.byte() % 22, &said);
            }
            8 => {
                let block = self.block();
                write::block(&mut out, message::CANCEL, &block);
            }
            _ => {
                let block = self.block();
                write::block(&mut out, message::REQUEST, &block);
            }
        }
        out
    }

    fn block(&mut self) -> BlockRequest {
        let (piece, half) = (self.number(), self.below(3));
        let (begin, length) = match (piece, half) {
            (_, 2) => (self.number(), self.number()),
            (9, half) => (half * 50, 50),
            (_, half) => (half * BLOCK, BLOCK),
        };
        BlockRequest {
            piece,
            begin,
            length,
        }
    }
}
