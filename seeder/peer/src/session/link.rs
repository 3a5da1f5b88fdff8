use std::time::{Duration, Instant};

use bytes::Bytes;

use super::outbox::Outbox;
use super::{CloseReason, Limits, Ours, Output, Traffic};
use crate::budget::Budget;
use crate::decoder::Decoder;
use crate::extension::{self, TheirIds};
use crate::handshake::Handshake;
use crate::message::{self, Message, write};
use crate::metadata::{self, MetadataReply, MetadataServer};
use crate::requests::Requests;
use crate::{Bitfield, BlockRequest, client};

/// Messages a peer may send: twice what 250 MB/s in blocks and pieces of 16 KiB would take.
const MESSAGES: (u32, Duration) = (65_536, Duration::from_secs(2));

/// Messages of which a leecher needs few, and such as mean nothing here. Cancels are among them, of
/// which an end game sends many at once.
const SELDOM_MESSAGES: (u32, Duration) = (2_048, Duration::from_secs(60));

/// Requests outside the torrent in the life of a connection.
const MAX_INVALID_REQUESTS: u32 = 32;

/// A multiple of `reqq`: requests rejected for being over it, a minute.
const REQUEST_FLOOD: u32 = 4;

/// A multiple of `reqq`: requests rejected since a choke. One `reqq` may have been on its way.
const CHOKED_REQUEST_FLOOD: u32 = 2;

/// A peer whose handshake was right.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) requests: Requests,
    fast: bool,
    their_ids: TheirIds,
    /// What the peer has.
    theirs: Bitfield,
    complete: bool,
    interested: bool,
    unchoked: bool,
    /// What `Output::Requesting` said last.
    requesting: bool,
    decoder: Decoder,
    metadata: MetadataServer,
    messages: Budget,
    seldom_messages: Budget,
    requests_over: Budget,
    invalid_requests: u32,
    /// Since the last choke.
    choked_requests: u32,
}

/// What a link works with: our side, the time, and the way out.
pub(super) struct Desk<'a> {
    pub(super) ours: &'a Ours,
    pub(super) now: Instant,
    pub(super) outbox: &'a mut Outbox,
    pub(super) traffic: &'a mut Traffic,
}

impl Link {
    /// Opens the link: tells who we are and what we have.
    pub(super) fn open(now: Instant, ours: &Ours, theirs: Handshake, outbox: &mut Outbox) -> Self {
        let Limits { reqq, .. } = ours.limits;
        outbox.push(Output::Handshaken {
            peer_id: theirs.peer_id,
            client: client::name(&theirs.peer_id),
        });
        if theirs.extended {
            let payload = extension::write(ours.torrent.info().len(), reqq, &ours.client);
            outbox.write(|out| write::extended(out, extension::HANDSHAKE, [&payload, &[]]));
        }
        outbox.write(|out| match (theirs.fast, &ours.have) {
            (true, have) if have.is_full() => write::bare(out, message::HAVE_ALL),
            (true, have) if have.is_empty() => write::bare(out, message::HAVE_NONE),
            (false, have) if have.is_empty() => {}
            (_, have) => write::payload(out, message::BITFIELD, have.as_bytes()),
        });
        let pieces = ours.torrent.piece_count();
        Self {
            requests: Requests::new(reqq),
            fast: theirs.fast,
            their_ids: TheirIds::default(),
            theirs: Bitfield::empty(pieces),
            complete: false,
            interested: false,
            unchoked: false,
            requesting: false,
            decoder: Decoder::new(pieces),
            metadata: MetadataServer::new(now, ours.torrent.info().clone()),
            messages: Budget::new(now, MESSAGES.0, MESSAGES.1),
            seldom_messages: Budget::new(now, SELDOM_MESSAGES.0, SELDOM_MESSAGES.1),
            requests_over: Budget::new(
                now,
                reqq.saturating_mul(REQUEST_FLOOD),
                Duration::from_secs(60),
            ),
            invalid_requests: 0,
            choked_requests: 0,
        }
    }

    pub(super) fn receive(&mut self, desk: &mut Desk<'_>, bytes: &[u8]) -> Result<(), CloseReason> {
        let mut input = bytes;
        while let Some(message) = self.decoder.next(&mut input)? {
            if !self.messages.take(desk.now) {
                return Err(CloseReason::MessageFlood);
            }
            self.on_message(desk, message)?;
        }
        Ok(())
    }

    fn on_message(&mut self, desk: &mut Desk<'_>, message: Message) -> Result<(), CloseReason> {
        match message {
            Message::KeepAlive => Ok(()),
            Message::Interested => self.on_interested(desk, true),
            Message::NotInterested => self.on_interested(desk, false),
            Message::Have(piece) => {
                if !self.theirs.insert(piece) {
                    return self.ignore(desk);
                }
                self.check_complete(desk);
                Ok(())
            }
            Message::Bitfield(payload) => {
                let pieces = desk.ours.torrent.piece_count();
                match Bitfield::from_payload(&payload, pieces) {
                    Some(theirs) => self.on_pieces(desk, theirs),
                    None => self.ignore(desk),
                }
            }
            Message::HaveAll => {
                self.on_pieces(desk, Bitfield::full(desk.ours.torrent.piece_count()))
            }
            Message::HaveNone => {
                self.on_pieces(desk, Bitfield::empty(desk.ours.torrent.piece_count()))
            }
            Message::Request(request) => self.on_request(desk, request),
            Message::Cancel(request) => {
                if self.requests.cancel(&request) {
                    self.reject(desk, &request);
                }
                self.seldom(desk)
            }
            Message::Extended { id, payload } => self.on_extended(desk, id, &payload),
            Message::Choke
            | Message::Unchoke
            | Message::Port
            | Message::Suggest
            | Message::Reject(_)
            | Message::AllowedFast
            | Message::Unknown => self.ignore(desk),
        }
    }

    fn on_interested(&mut self, desk: &mut Desk<'_>, interested: bool) -> Result<(), CloseReason> {
        if self.interested != interested {
            self.interested = interested;
            desk.outbox.push(Output::Interested(interested));
        }
        // Each change moves the choker; a leecher makes a handful of them in its life.
        self.seldom(desk)
    }

    /// Takes in what the peer has, as a whole.
    fn on_pieces(&mut self, desk: &mut Desk<'_>, theirs: Bitfield) -> Result<(), CloseReason> {
        self.theirs = theirs;
        self.check_complete(desk);
        // Sent once, at the start (BEP 3, BEP 6).
        self.seldom(desk)
    }

    fn check_complete(&mut self, desk: &mut Desk<'_>) {
        if self.theirs.is_full() && !self.complete {
            self.complete = true;
            desk.outbox.push(Output::Complete);
        }
    }

    fn on_request(
        &mut self,
        desk: &mut Desk<'_>,
        request: BlockRequest,
    ) -> Result<(), CloseReason> {
        if !desk.ours.torrent.holds(&request) {
            self.invalid_requests += 1;
            self.reject(desk, &request);
            if self.invalid_requests > MAX_INVALID_REQUESTS {
                return Err(CloseReason::InvalidRequests);
            }
        } else if !self.unchoked {
            self.choked_requests = self.choked_requests.saturating_add(1);
            self.reject(desk, &request);
            if self.choked_requests > desk.ours.limits.reqq.saturating_mul(CHOKED_REQUEST_FLOOD) {
                return Err(CloseReason::RequestsWhileChoked);
            }
        } else if !self.requests.has_room() {
            self.reject(desk, &request);
            if !self.requests_over.take(desk.now) {
                return Err(CloseReason::RequestFlood);
            }
        } else if desk.ours.have.contains(request.piece) {
            self.requests.queue(request);
        } else {
            self.requests.hold(desk.now, request);
        }
        Ok(())
    }

    fn on_extended(
        &mut self,
        desk: &mut Desk<'_>,
        id: u8,
        payload: &[u8],
    ) -> Result<(), CloseReason> {
        if id == extension::HANDSHAKE {
            extension::read(payload, &mut self.their_ids);
            return self.seldom(desk);
        }
        let Some(their_id) = self.their_ids.ut_metadata else {
            return self.ignore(desk);
        };
        if id != extension::OUR_UT_METADATA {
            return self.ignore(desk);
        }
        match self.metadata.handle(desk.now, payload) {
            MetadataReply::Queued => Ok(()),
            MetadataReply::Reject { piece } => {
                desk.outbox
                    .write(|out| metadata::reject(out, their_id, piece));
                self.seldom(desk)
            }
            MetadataReply::Nothing => self.ignore(desk),
        }
    }

    /// Counts a message that means nothing here.
    fn ignore(&mut self, desk: &mut Desk<'_>) -> Result<(), CloseReason> {
        desk.traffic.ignored += 1;
        self.seldom(desk)
    }

    /// Counts a message of which a leecher needs few.
    fn seldom(&mut self, desk: &Desk<'_>) -> Result<(), CloseReason> {
        if self.seldom_messages.take(desk.now) {
            Ok(())
        } else {
            Err(CloseReason::SeldomMessages)
        }
    }
}

impl Link {
    pub(super) fn choke(&mut self, desk: &mut Desk<'_>) {
        if !self.unchoked {
            return;
        }
        self.unchoked = false;
        self.choked_requests = 0;
        desk.outbox.write(|out| write::bare(out, message::CHOKE));
        for request in self.requests.clear() {
            self.reject(desk, &request);
        }
    }

    pub(super) fn unchoke(&mut self, desk: &mut Desk<'_>) {
        if self.unchoked || !self.interested {
            return;
        }
        self.unchoked = true;
        // webtorrent.js may miss an unchoke that shares a message with what made it interested.
        desk.outbox.flush();
        desk.outbox.write(|out| write::bare(out, message::UNCHOKE));
    }

    pub(super) fn piece_verified(&mut self, desk: &mut Desk<'_>, piece: u32) {
        let have = |out: &mut Vec<u8>| write::index(out, message::HAVE, piece);
        desk.outbox.write_lazily(desk.now, have);
        self.requests.release(piece);
    }

    pub(super) fn piece_withdrawn(&mut self, desk: &mut Desk<'_>, piece: u32) {
        if let Some(their_id) = self.their_ids.lt_donthave {
            let payload = piece.to_be_bytes();
            desk.outbox
                .write(|out| write::extended(out, their_id, [&payload, &[]]));
        }
        for request in self.requests.withdraw(piece) {
            if self.fast {
                self.reject(desk, &request);
            } else {
                self.requests.hold(desk.now, request);
            }
        }
    }

    pub(super) fn unreadable(
        &mut self,
        desk: &mut Desk<'_>,
        block: &BlockRequest,
    ) -> Result<(), CloseReason> {
        if !self.requests.finish(block) {
            return Ok(());
        }
        if !self.fast {
            return Err(CloseReason::Unreadable);
        }
        self.reject(desk, block);
        Ok(())
    }

    pub(super) fn next_block(&self) -> Option<BlockRequest> {
        match self.metadata.is_idle() {
            true => self.requests.first(),
            false => None,
        }
    }

    pub(super) fn their_pieces(&self) -> u32 {
        self.theirs.count()
    }

    pub(super) fn next_metadata(&mut self) -> Option<Bytes> {
        let their_id = self.their_ids.ut_metadata?;
        self.metadata.next(their_id).map(Bytes::from)
    }

    /// Returns whether there are requests to answer, if that has changed since the last call.
    pub(super) fn requesting_changed(&mut self) -> Option<bool> {
        let requesting = self.requests.is_active();
        let changed = requesting != self.requesting;
        self.requesting = requesting;
        changed.then_some(requesting)
    }

    /// Refuses a request; without the fast extension there is no word for it (BEP 6).
    fn reject(&mut self, desk: &mut Desk<'_>, request: &BlockRequest) {
        desk.traffic.rejected += 1;
        if self.fast {
            desk.outbox
                .write(|out| write::block(out, message::REJECT, request));
        }
    }
}
