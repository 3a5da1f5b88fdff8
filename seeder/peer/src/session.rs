//! One connection with a peer, on which we are the seeder.

mod link;
mod outbox;

use std::time::{Duration, Instant};

use bytes::Bytes;
use thiserror::Error;
use tracker_protocol::PeerId;

use crate::handshake::{self, HandshakeError};
use crate::{Bitfield, BlockRequest, DecodeError, Torrent};
use link::{Desk, Link};
use outbox::Outbox;

/// What a session is made of.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The torrent of this connection.
    pub torrent: Torrent,
    /// Our peer id.
    pub our_peer_id: PeerId,
    /// The pieces that are verified. Others follow as [`Input::PieceVerified`].
    pub have: Bitfield,
    /// Our name and version as the extended handshake carries them, `Shoal 0.1`.
    pub client: String,
    /// Bounds and intervals.
    pub limits: Limits,
}

/// Bounds and intervals of a session.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests a peer may have open; told to it as `reqq`.
    pub reqq: u32,
    /// Time from the start to the peer's handshake.
    pub handshake: Duration,
    /// A keep-alive is sent when nothing else was for this long. BEP 3 closes after 2 minutes.
    pub keep_alive: Duration,
    /// The session ends when nothing came for this long. webtorrent.js sends a keep-alive every 55 s.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reqq: 512,
            handshake: Duration::from_secs(10),
            keep_alive: Duration::from_secs(100),
            silence: Duration::from_secs(180),
        }
    }
}

/// What a session is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Bytes came; message borders of the channel mean nothing.
    Received(&'a [u8]),
    /// The choker took the slot away.
    Choke,
    /// The choker gave a slot. Without effect while the peer is not interested.
    Unchoke,
    /// A piece may be served from now on.
    PieceVerified(u32),
    /// A piece may not be served any more.
    PieceWithdrawn(u32),
    /// A block from [`Session::next_upload`] was handed to the channel.
    Sent(BlockRequest),
    /// A block from [`Session::next_upload`] could not be read. Its piece counts as withdrawn.
    Unreadable(BlockRequest),
    /// Time has passed: due at [`Session::poll_timeout`].
    Tick,
}

/// What a session wants done or known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this as one channel message (≤ 64 KiB); never together with another.
    Send(Bytes),
    /// The peer's handshake is right.
    Handshaken {
        /// The peer's id.
        peer_id: PeerId,
        /// Name and version read from the id, printable.
        client: String,
    },
    /// The peer wants something (`true`) or nothing (`false`) of us.
    Interested(bool),
    /// The peer began (`true`) or ceased (`false`) to have requests that can be answered.
    Requesting(bool),
    /// The peer has every piece.
    Complete,
    /// Close the connection. The session is over, and ignores what follows.
    Close(CloseReason),
}

/// What to send when there is credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upload {
    /// A whole message: a piece of metadata, ≤ 17 KiB.
    Message(Bytes),
    /// Read this block, send its header and bytes in one buffer, then tell [`Input::Sent`].
    Block(BlockRequest),
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The peer's handshake is not the right one.
    #[error("the handshake {0}")]
    Handshake(#[from] HandshakeError),
    /// No handshake came in time.
    #[error("no handshake came in time")]
    HandshakeTimeout,
    /// The peer sent what is no message for us.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// More messages than a peer can need.
    #[error("too many messages a second")]
    MessageFlood,
    /// Too many messages of which a leecher needs few, or that mean nothing here.
    #[error("too many messages of which a leecher needs few")]
    SeldomMessages,
    /// Requests outside the torrent or of a length never served.
    #[error("too many requests outside the torrent")]
    InvalidRequests,
    /// Many more requests than `reqq`.
    #[error("many more open requests than `reqq` allows")]
    RequestFlood,
    /// Requests went on after a choke.
    #[error("requests went on while choked")]
    RequestsWhileChoked,
    /// A piece was asked for that we did not have, and do not have yet.
    #[error("asked for a piece that is not there")]
    PieceNotThere,
    /// A block could not be read, and the peer knows no `reject`.
    #[error("a requested block cannot be read")]
    Unreadable,
    /// Nothing came for too long.
    #[error("nothing came for too long")]
    Silent,
}

/// What went over a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Blocks sent.
    pub blocks: u64,
    /// Bytes of these blocks, headers not counted.
    pub bytes: u64,
    /// Bytes of metadata messages sent.
    pub metadata_bytes: u64,
    /// Requests rejected, or dropped where the peer knows no `reject`.
    pub rejected: u64,
    /// Messages that meant nothing.
    pub ignored: u64,
}

/// One connection, from our handshake to its end. See the crate's root for how it is driven.
///
/// It never unchokes a peer that is not interested: webtorrent.js listens for `unchoke` only once it
/// knows the metadata, and shows by `interested` that it does. It never rejects a valid request of an
/// unchoked peer: webtorrent.js asks again at once, hundreds of times a second. A request for a piece
/// that is not there is held for 25 s; then the connection is closed, so that the peer finds the right
/// bitfield when it comes back (webtorrent.js cannot unlearn a piece after `have_all`).
#[derive(Debug)]
pub struct Session {
    ours: Ours,
    now: Instant,
    phase: Phase,
    outbox: Outbox,
    received_at: Instant,
    sent_at: Instant,
    traffic: Traffic,
}

/// Our side of the connection, as a link sees it.
#[derive(Debug)]
struct Ours {
    torrent: Torrent,
    peer_id: PeerId,
    have: Bitfield,
    client: String,
    limits: Limits,
}

#[derive(Debug)]
enum Phase {
    Handshake { received: Vec<u8>, until: Instant },
    Open(Box<Link>),
    Closed,
}

impl Session {
    /// Starts the session of a channel that has just opened; our handshake is the first output.
    pub fn new(now: Instant, config: SessionConfig) -> Self {
        let handshake = handshake::write(&config.torrent.info_hash(), &config.our_peer_id);
        let mut outbox = Outbox::default();
        outbox.push(Output::Send(Bytes::from(handshake)));
        Self {
            phase: Phase::Handshake {
                received: Vec::new(),
                until: now + config.limits.handshake,
            },
            ours: Ours {
                torrent: config.torrent,
                peer_id: config.our_peer_id,
                have: config.have,
                client: config.client,
                limits: config.limits,
            },
            now,
            outbox,
            received_at: now,
            sent_at: now,
            traffic: Traffic::default(),
        }
    }

    /// Takes in one thing. Drain [`Session::poll_output`] and [`Session::next_upload`] afterwards.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        let result = self.take_in(input).and_then(|()| self.check_timers());
        match result {
            Ok(()) => self.settle(),
            Err(reason) => self.close(reason),
        }
    }

    /// Returns the next thing to do or know. Drain it to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// Returns what to send next. Call it while there is credit; `None` until another input.
    pub fn next_upload(&mut self, now: Instant) -> Option<Upload> {
        self.now = self.now.max(now);
        let Phase::Open(link) = &mut self.phase else {
            return None;
        };
        if let Some(message) = link.next_metadata() {
            self.sent_at = self.now;
            self.traffic.metadata_bytes += message.len() as u64;
            return Some(Upload::Message(message));
        }
        link.requests.next().map(Upload::Block)
    }

    /// Returns when [`Input::Tick`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshake { until, .. } => Some(*until),
            Phase::Open(link) => {
                let silent = self.received_at + self.ours.limits.silence;
                let keep_alive = self.sent_at + self.ours.limits.keep_alive;
                let others = [self.outbox.lingers_until(), link.requests.held_until()];
                let soonest = silent.min(keep_alive);
                others.into_iter().flatten().chain([soonest]).min()
            }
            Phase::Closed => None,
        }
    }

    /// Returns what went over the session so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Returns how many requests wait for an answer, those taken by the shell included.
    pub fn open_requests(&self) -> usize {
        match &self.phase {
            Phase::Open(link) => link.requests.len(),
            Phase::Handshake { .. } | Phase::Closed => 0,
        }
    }
}

impl Session {
    fn take_in(&mut self, input: Input<'_>) -> Result<(), CloseReason> {
        let have = &mut self.ours.have;
        let (verified, withdrawn) = match input {
            Input::PieceVerified(piece) => (have.insert(piece).then_some(piece), None),
            Input::PieceWithdrawn(piece) | Input::Unreadable(BlockRequest { piece, .. }) => {
                (None, have.remove(piece).then_some(piece))
            }
            Input::Received(bytes) => return self.receive(bytes),
            Input::Choke | Input::Unchoke | Input::Sent(_) | Input::Tick => (None, None),
        };
        let Some((link, mut desk)) = self.link() else {
            return Ok(());
        };
        if let Some(piece) = verified {
            link.piece_verified(&mut desk, piece);
        }
        if let Some(piece) = withdrawn {
            link.piece_withdrawn(&mut desk, piece);
        }
        match input {
            Input::Choke => link.choke(&mut desk),
            Input::Unchoke => link.unchoke(&mut desk),
            Input::Sent(block) => {
                if link.requests.finish(&block) {
                    self.traffic.blocks += 1;
                    self.traffic.bytes += u64::from(block.length);
                    self.sent_at = self.now;
                }
            }
            Input::Unreadable(block) => return link.unreadable(&mut desk, &block),
            Input::PieceVerified(_)
            | Input::PieceWithdrawn(_)
            | Input::Received(_)
            | Input::Tick => {}
        }
        Ok(())
    }

    fn link(&mut self) -> Option<(&mut Link, Desk<'_>)> {
        let Phase::Open(link) = &mut self.phase else {
            return None;
        };
        let desk = Desk {
            ours: &self.ours,
            now: self.now,
            outbox: &mut self.outbox,
            traffic: &mut self.traffic,
        };
        Some((link, desk))
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), CloseReason> {
        self.received_at = self.now;
        let mut input = bytes;
        if let Phase::Handshake { received, .. } = &mut self.phase {
            let missing = handshake::LENGTH.saturating_sub(received.len());
            let (taken, rest) = input.split_at(missing.min(input.len()));
            received.extend_from_slice(taken);
            input = rest;
            if !handshake::begins_well(received) {
                return Err(HandshakeError::NotBitTorrent.into());
            }
            let Ok(whole) = received.as_slice().try_into() else {
                return Ok(());
            };
            let info_hash = self.ours.torrent.info_hash();
            let theirs = handshake::parse(whole, &info_hash, &self.ours.peer_id)?;
            let link = Link::open(self.now, &self.ours, theirs, &mut self.outbox);
            self.phase = Phase::Open(Box::new(link));
        }
        let Some((link, mut desk)) = self.link() else {
            return Ok(());
        };
        link.receive(&mut desk, input)
    }

    fn check_timers(&mut self) -> Result<(), CloseReason> {
        match &self.phase {
            Phase::Handshake { until, .. } if *until <= self.now => {
                Err(CloseReason::HandshakeTimeout)
            }
            Phase::Open(_) if self.received_at + self.ours.limits.silence <= self.now => {
                Err(CloseReason::Silent)
            }
            Phase::Open(link) if link.requests.held_until().is_some_and(|at| at <= self.now) => {
                Err(CloseReason::PieceNotThere)
            }
            Phase::Open(_) if self.sent_at + self.ours.limits.keep_alive <= self.now => {
                self.outbox.write(crate::message::write::keep_alive);
                Ok(())
            }
            Phase::Handshake { .. } | Phase::Open(_) | Phase::Closed => Ok(()),
        }
    }

    /// Lets out what this input has brought.
    fn settle(&mut self) {
        if self.outbox.flush_due(self.now) {
            self.sent_at = self.now;
        }
        if let Phase::Open(link) = &mut self.phase
            && let Some(requesting) = link.requesting_changed()
        {
            self.outbox.push(Output::Requesting(requesting));
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.outbox.flush();
        self.outbox.push(Output::Close(reason));
        self.phase = Phase::Closed;
    }
}
