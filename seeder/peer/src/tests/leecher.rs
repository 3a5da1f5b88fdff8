//! A leecher that behaves as webtorrent.js does, as far as a seeder can tell.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::bench::{BLOCK, MODERN, bare, block, extended, handshake_of, have, naming};
use crate::message;
use crate::{BlockRequest, Torrent};

/// A choked, interested page leaves after this while another of its connections is being made.
const CHOKE_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const REQQ: usize = 8;

pub(super) struct Leecher {
    torrent: Torrent,
    received: Vec<u8>,
    handshaken: bool,
    /// What it will send, a channel message each.
    outgoing: VecDeque<Vec<u8>>,
    wanted: VecDeque<BlockRequest>,
    requested: Vec<BlockRequest>,
    lacking: BTreeSet<(u32, u32)>,
    depth: usize,
    pub(super) unchoked: bool,
    choked_since: Option<Instant>,
    answered_at: Option<Instant>,
    pub(super) rejects: usize,
    /// Why it destroyed the connection.
    pub(super) left: Option<&'static str>,
}

impl Leecher {
    pub(super) fn new(torrent: &Torrent, peer_id: &[u8; 20]) -> Self {
        let info_hash = torrent.info_hash();
        let shake = handshake_of(MODERN, info_hash.as_bytes(), peer_id);
        let mut wanted = VecDeque::new();
        for piece in 0..torrent.piece_count() {
            let size = torrent
                .piece_size(piece)
                .expect("the piece is in the torrent");
            for begin in (0..size).step_by(BLOCK as usize) {
                wanted.push_back(block(piece, begin, BLOCK.min(size - begin)));
            }
        }
        // The sequential strategy tries one block of the last piece first.
        wanted.rotate_right(1);
        Self {
            lacking: wanted
                .iter()
                .map(|block| (block.piece, block.begin))
                .collect(),
            torrent: torrent.clone(),
            received: Vec::new(),
            handshaken: false,
            outgoing: VecDeque::from([shake]),
            wanted,
            requested: Vec::new(),
            depth: 1,
            unchoked: false,
            choked_since: None,
            answered_at: None,
            rejects: 0,
            left: None,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.lacking.is_empty()
    }

    pub(super) fn lacking(&self) -> usize {
        self.lacking.len()
    }

    pub(super) fn next_message(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    /// Takes in one channel message.
    pub(super) fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.received.extend(bytes);
        if !self.handshaken && self.received.len() >= 68 {
            self.received.drain(..68);
            self.handshaken = true;
            let payload = b"d1:md11:lt_donthavei2e11:ut_metadatai1eee";
            self.outgoing.push_back(extended(0, payload));
            self.outgoing.push_back(bare(message::HAVE_NONE));
        }
        while self.handshaken && self.received.len() >= 4 {
            let length = u32::from_be_bytes(self.received[..4].try_into().expect("four bytes"));
            let end = 4 + length as usize;
            if self.received.len() < end {
                break;
            }
            let message: Vec<u8> = self.received.drain(..end).skip(4).collect();
            if message == [message::UNCHOKE] {
                assert_eq!(bytes, bare(message::UNCHOKE), "an unchoke comes alone");
            }
            self.on_message(now, &message);
        }
        self.top_up();
    }

    fn on_message(&mut self, now: Instant, message: &[u8]) {
        let named = |message: &[u8]| {
            let word = |at: usize| message[at..at + 4].try_into().map(u32::from_be_bytes);
            (word(1).expect("an index"), word(5).expect("an offset"))
        };
        match message.first().copied() {
            Some(message::HAVE_ALL) => {
                self.outgoing.push_back(bare(message::INTERESTED));
                self.choked_since = Some(now);
            }
            Some(message::UNCHOKE) => {
                assert!(
                    self.choked_since.is_some(),
                    "unchoked before it was interested"
                );
                self.unchoked = true;
                self.choked_since = None;
            }
            Some(message::CHOKE) => {
                self.unchoked = false;
                self.choked_since = Some(now).filter(|_| !self.is_complete());
            }
            Some(message::PIECE) => {
                let (piece, begin) = named(message);
                let length = message.len() as u32 - 9;
                self.answered(now, block(piece, begin, length));
                self.lacking.remove(&(piece, begin));
                self.depth = (self.depth * 2 + 1).min(REQQ);
                self.on_block(piece);
            }
            Some(message::REJECT) => {
                assert!(
                    !self.unchoked,
                    "a valid request was rejected while unchoked"
                );
                let (piece, begin) = named(message);
                let length = u32::from_be_bytes(message[9..13].try_into().expect("four bytes"));
                let rejected = block(piece, begin, length);
                self.answered(now, rejected);
                self.wanted.push_front(rejected);
                self.rejects += 1;
            }
            Some(message::EXTENDED) | None => {}
            other => panic!("a seeder sent {other:?}"),
        }
    }

    fn answered(&mut self, now: Instant, request: BlockRequest) {
        let position = self.requested.iter().position(|open| *open == request);
        self.requested
            .remove(position.expect("only what was asked for is answered, once"));
        self.answered_at = Some(now);
    }

    fn on_block(&mut self, piece: u32) {
        if self
            .lacking
            .range((piece, 0)..=(piece, u32::MAX))
            .next()
            .is_none()
        {
            self.outgoing.push_back(have(piece));
        }
        if self.is_complete() {
            self.outgoing.push_back(bare(message::NOT_INTERESTED));
        }
    }

    fn top_up(&mut self) {
        while self.unchoked && self.requested.len() < self.depth {
            let Some(request) = self.wanted.pop_front() else {
                break;
            };
            assert!(self.torrent.holds(&request));
            self.requested.push(request);
            self.outgoing.push_back(naming(message::REQUEST, request));
        }
    }

    /// Lets its timers run; another of its connections is being made all the time.
    pub(super) fn tick(&mut self, now: Instant) {
        let over = |since: Option<Instant>, limit| since.is_some_and(|since| now - since >= limit);
        if over(self.choked_since, CHOKE_TIMEOUT) {
            self.left = Some("choked for 5 s");
        }
        if !self.requested.is_empty() && over(self.answered_at, REQUEST_TIMEOUT) {
            self.left = Some("no answer for 30 s");
        }
    }
}
