//! What a leecher says and does on its channel. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use metainfo::Metainfo;

use crate::download::{Download, Verdict};
use crate::plan::Behaviour;
use crate::wire::{self, Reader, Said};

/// Requests that are kept open with a seeder that does not say how many it keeps.
const DEPTH: usize = 500;

/// The most that are kept open, however many it keeps: half of them fit into one message.
const MAX_DEPTH: usize = 1800;

/// What came of a leecher so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Bytes of blocks.
    pub(crate) bytes: u64,
    pub(crate) pieces_verified: u64,
    pub(crate) pieces_wrong: u64,
    pub(crate) blocks_unasked: u64,
    pub(crate) blocks_refused: u64,
    pub(crate) first_block: Option<Instant>,
}

/// One leecher's talk with the seeder.
#[derive(Debug)]
pub(crate) struct Session {
    behaviour: Behaviour,
    info_hash: [u8; 20],
    reader: Reader,
    download: Download,
    choked: bool,
    interested: bool,
    depth: usize,
    /// What is to be said.
    out: BytesMut,
    began: Instant,
    /// Bytes taken from the channel.
    taken: u64,
    over: bool,
    pub(crate) tally: Tally,
    /// What the seeder did wrong first.
    pub(crate) complaint: Option<String>,
}

impl Session {
    pub(crate) fn new(now: Instant, behaviour: Behaviour, metainfo: Arc<Metainfo>) -> Self {
        Self {
            behaviour,
            info_hash: *metainfo.info_hash().as_bytes(),
            reader: Reader::default(),
            download: Download::new(metainfo),
            choked: true,
            interested: false,
            depth: DEPTH,
            out: BytesMut::new(),
            began: now,
            taken: 0,
            over: false,
            tally: Tally::default(),
            complaint: None,
        }
    }

    /// The channel is open: says what is said first.
    pub(crate) fn open(&mut self, now: Instant, peer_id: &[u8; 20]) -> BytesMut {
        self.began = now;
        wire::handshake(&self.info_hash, peer_id)
    }

    /// Whether it takes another message from its channel now.
    pub(crate) fn takes(&self, now: Instant) -> bool {
        match self.behaviour {
            Behaviour::Greedy | Behaviour::Idle | Behaviour::Churn => true,
            Behaviour::Slow { .. } => self.takes_at().is_none_or(|at| at <= now),
            Behaviour::Stalled => self.download.outstanding() == 0,
        }
    }

    /// When it takes the next one, if it waits for that.
    pub(crate) fn takes_at(&self) -> Option<Instant> {
        match self.behaviour {
            Behaviour::Slow { bytes_per_second } => {
                let seconds = self.taken as f64 / f64::from(bytes_per_second.max(1));
                Some(self.began + Duration::from_secs_f64(seconds))
            }
            Behaviour::Greedy | Behaviour::Stalled | Behaviour::Idle | Behaviour::Churn => None,
        }
    }

    /// Whether it has had enough.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes a message of the channel and returns what to say to it.
    pub(crate) fn take(&mut self, now: Instant, came: &[u8]) -> BytesMut {
        self.taken += came.len() as u64;
        let mut reader = std::mem::take(&mut self.reader);
        let read = reader.read(came, |said| self.hear(now, &said));
        self.reader = reader;
        if let Err(nonsense) = read {
            self.complain(format!("the seeder sent {}", nonsense.0));
            self.over = true;
        }
        self.ask();
        self.out.split()
    }

    fn hear(&mut self, now: Instant, said: &Said<'_>) {
        match said {
            Said::Handshake(info_hash) => {
                if *info_hash != self.info_hash {
                    self.complain("the seeder shook hands for another torrent".to_owned());
                }
                wire::introduction(&mut self.out);
                self.over |= self.behaviour == Behaviour::Churn;
            }
            // Not sooner: webtorrent.js does not hear what comes right behind the handshake.
            Said::Has if !self.interested => {
                self.interested = matches!(
                    self.behaviour,
                    Behaviour::Greedy | Behaviour::Slow { .. } | Behaviour::Stalled
                );
                if self.interested {
                    wire::interested(&mut self.out);
                }
            }
            Said::Extended { reqq: Some(reqq) } => {
                self.depth = (*reqq as usize).clamp(1, MAX_DEPTH);
            }
            Said::Choke => self.choked = true,
            Said::Unchoke => self.choked = false,
            Said::Block {
                index,
                begin,
                bytes,
            } => self.block(now, *index, *begin, bytes),
            Said::Reject { index, begin } => {
                self.tally.blocks_refused += 1;
                self.download.refused(*index, *begin);
            }
            Said::Extended { reqq: None } | Said::Has | Said::Other => {}
        }
    }

    fn block(&mut self, now: Instant, index: u32, begin: u32, bytes: &[u8]) {
        self.tally.first_block.get_or_insert(now);
        match self.download.came(index, begin, bytes) {
            Verdict::Fine => {}
            Verdict::PieceVerified => self.tally.pieces_verified += 1,
            Verdict::PieceWrong(piece) => {
                self.tally.pieces_wrong += 1;
                self.complain(format!(
                    "piece {piece} has another hash than the torrent says"
                ));
                return;
            }
            Verdict::Unasked => {
                self.tally.blocks_unasked += 1;
                self.complain(format!("block {index}:{begin} was not asked for"));
                return;
            }
        }
        self.tally.bytes += bytes.len() as u64;
    }

    /// Asks for more once half of what may be open has come.
    fn ask(&mut self) {
        let open = self.download.outstanding();
        if self.choked || open > self.depth / 2 {
            return;
        }
        for _ in open..self.depth.min(open + MAX_DEPTH / 2) {
            let Some((index, begin, length)) = self.download.next() else {
                break;
            };
            wire::request(&mut self.out, index, begin, length);
        }
    }

    fn complain(&mut self, complaint: String) {
        self.complaint.get_or_insert(complaint);
    }
}

impl Tally {
    /// Adds what came of another connection.
    pub(crate) fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.pieces_verified += other.pieces_verified;
        self.pieces_wrong += other.pieces_wrong;
        self.blocks_unasked += other.blocks_unasked;
        self.blocks_refused += other.blocks_refused;
        self.first_block = self.first_block.or(other.first_block);
    }
}
