//! One connection with a peer, on which we are the seeder.

mod contract;
mod link;
mod outbox;

use std::time::Instant;

use bytes::Bytes;
use tracker_protocol::PeerId;

use crate::handshake::{self, HandshakeError};
use crate::{Bitfield, BlockRequest, Torrent};
pub use contract::{CloseReason, Input, Limits, Output, SessionConfig, Traffic, Upload};
use link::{Desk, Link};
use outbox::Outbox;

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

    /// Returns the block that [`Session::next_upload`] will return, unless it will return something else.
    pub fn next_block(&self) -> Option<BlockRequest> {
        match &self.phase {
            Phase::Open(link) => link.next_block(),
            Phase::Handshake { .. } | Phase::Closed => None,
        }
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

    /// Says whether the session has ended: what outputs are left end with [`Output::Close`].
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Returns what went over the session so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Returns how many pieces the peer has not told to have.
    pub fn missing_pieces(&self) -> u32 {
        let pieces = self.ours.torrent.piece_count();
        match &self.phase {
            Phase::Open(link) => pieces - link.their_pieces(),
            Phase::Handshake { .. } | Phase::Closed => pieces,
        }
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
