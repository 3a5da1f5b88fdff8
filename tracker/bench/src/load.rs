//! The engine: one thread, one poll, one read buffer, many clients.

mod hear;

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::BenchError;
use crate::connection::{Connection, MAX_OUTBOX, State, upgrade_request, upgraded};
use crate::frame::{Opcode, decode, encode};
use crate::histogram::Histogram;
use crate::ledger::{Ledger, Tally};
use crate::link::Connector;
use crate::plan::Plan;
use crate::template::{Templates, Who};

/// One read takes at most this much; a frame is at most half of it.
const BUFFER: usize = 2 << 20;

/// What a poll said of a connection.
#[derive(Debug, Clone, Copy)]
struct Ready {
    slot: usize,
    readable: bool,
    writable: bool,
}

/// What happened to connections, by slot.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Upgraded.
    pub(crate) opened: Vec<usize>,
    /// Got a response that no announce follows by itself.
    pub(crate) served: Vec<usize>,
    /// Closed or broken by the tracker.
    pub(crate) lost: Vec<usize>,
}

/// All clients and what they have seen.
pub(crate) struct Load {
    poll: Poll,
    events: Events,
    ready: Vec<Ready>,
    connector: Connector,
    request: Vec<u8>,
    torrents: usize,
    pub(crate) offers: u32,
    pub(crate) connections: Vec<Connection>,
    templates: Templates,
    ledger: Ledger,
    buffer: Vec<u8>,
    out: Vec<u8>,
    next_peer: u32,
    /// Until when a response is followed by the next announce.
    pub(crate) again_until: Option<Instant>,
    /// The tracker sends a response to an answer, too.
    pub(crate) responds_to_answers: bool,
    pub(crate) tally: Tally,
    pub(crate) latency: Histogram,
    /// What became of connections, for whoever drains it.
    pub(crate) turns: Turns,
    /// The first thing that went wrong, in words.
    pub(crate) complaint: Option<String>,
}

impl Load {
    pub(crate) fn new(plan: &Plan, address: SocketAddr, templates: Templates) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            ready: Vec::new(),
            connector: Connector::new(address, plan.url.host(), plan.url.is_secure())?,
            request: upgrade_request(plan.url.authority(), plan.url.path()),
            torrents: plan.torrents,
            offers: plan.offers,
            connections: Vec::new(),
            templates,
            ledger: Ledger::default(),
            buffer: vec![0; BUFFER],
            out: Vec::new(),
            next_peer: 0,
            again_until: None,
            responds_to_answers: false,
            tally: Tally::default(),
            latency: Histogram::default(),
            turns: Turns::default(),
            complaint: None,
        })
    }

    /// Starts one more connection, in `slot` if that is given and its last one is over.
    pub(crate) fn connect(&mut self, slot: Option<usize>) -> io::Result<()> {
        let slot = slot.unwrap_or(self.connections.len());
        let torrent = (slot % self.torrents) as u32;
        let mut connection = Connection::open(&self.connector, self.next_peer, torrent)?;
        self.next_peer = (self.next_peer + 1) & crate::id::MAX_NUMBER;
        self.poll.registry().register(
            &mut connection.link.socket,
            Token(slot),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        match self.connections.get_mut(slot) {
            Some(last) => *last = connection,
            None => self.connections.push(connection),
        }
        Ok(())
    }

    /// Forgets what was counted.
    pub(crate) fn reset(&mut self) {
        self.tally = Tally::default();
        self.latency = Histogram::default();
        self.complaint = None;
        self.turns = Turns::default();
    }

    /// Waits for sockets, at most `wait` (whole milliseconds), and serves them.
    pub(crate) fn turn(&mut self, wait: Duration) -> Result<(), BenchError> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(BenchError::Poll(error));
            }
            _ => {}
        }
        self.ready.clear();
        self.ready.extend(self.events.iter().map(|event| Ready {
            slot: event.token().0,
            readable: event.is_readable() || event.is_read_closed() || event.is_error(),
            writable: event.is_writable(),
        }));
        for index in 0..self.ready.len() {
            let ready = self.ready[index];
            if let Err(error) = self.serve(ready) {
                self.lose(ready.slot, &error.to_string());
            }
        }
        Ok(())
    }

    fn serve(&mut self, ready: Ready) -> io::Result<()> {
        let connection = &mut self.connections[ready.slot];
        if connection.state == State::Closed {
            return Ok(());
        }
        if connection.state == State::Connecting && ready.writable {
            connection.connected(&self.request)?;
        } else if ready.writable {
            connection.flush()?;
        }
        if ready.readable && connection.state != State::Connecting {
            self.read(ready.slot)?;
        }
        Ok(())
    }

    fn lose(&mut self, slot: usize, why: &str) {
        let connection = &mut self.connections[slot];
        if connection.state == State::Closed {
            return;
        }
        connection.state = State::Closed;
        connection.owed.clear();
        self.tally.closed += 1;
        self.turns.lost.push(slot);
        let _ = self.poll.registry().deregister(&mut connection.link.socket);
        connection.link.shutdown();
        self.complain(|| format!("a connection was lost: {why}"));
    }

    /// Ends a connection as a client does that goes away.
    pub(crate) fn leave(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let mut close = Vec::new();
        // RFC 6455 §7.4.1: 1001, going away.
        encode(Opcode::Close, &1001_u16.to_be_bytes(), &mut close);
        let _ = connection.write(&close);
        let _ = self.poll.registry().deregister(&mut connection.link.socket);
        connection.link.shutdown();
        connection.state = State::Closed;
    }

    /// Makes a connection one that never reads again.
    pub(crate) fn stall(&mut self, slot: usize) -> io::Result<()> {
        let connection = &mut self.connections[slot];
        connection.stalled = true;
        self.poll.registry().deregister(&mut connection.link.socket)
    }

    fn complain(&mut self, words: impl FnOnce() -> String) {
        self.complaint.get_or_insert_with(words);
    }

    fn read(&mut self, slot: usize) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let done = self.read_into(slot, &mut buffer);
        self.buffer = buffer;
        let out = std::mem::take(&mut self.out);
        let sent = match out.is_empty() {
            true => Ok(()),
            false => self.connections[slot].write(&out),
        };
        self.out = out;
        self.out.clear();
        done.and(sent)
    }

    fn read_into(&mut self, slot: usize, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            let connection = &mut self.connections[slot];
            let kept = connection.inbox.len();
            buffer[..kept].copy_from_slice(&connection.inbox);
            connection.inbox.clear();
            let room = buffer.len() - kept;
            let came = match connection.link.read(&mut buffer[kept..]) {
                Ok(0) => return Err(io::Error::other("the tracker closed it")),
                Ok(came) => came,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let filled = &buffer[..kept + came];
            let used = match came {
                0 => 0,
                _ => self.take(slot, filled)?,
            };
            let connection = &mut self.connections[slot];
            connection.inbox.extend_from_slice(&filled[used..]);
            // Less than there was room for: the socket is empty, and will say when it is not.
            if came < room || connection.state == State::Closed {
                return Ok(());
            }
        }
    }

    /// Takes whole frames off `bytes` and returns how much that was.
    fn take(&mut self, slot: usize, bytes: &[u8]) -> io::Result<usize> {
        let now = Instant::now();
        let mut used = 0;
        if self.connections[slot].state == State::Upgrading {
            match upgraded(bytes).map_err(io::Error::other)? {
                Some(end) => used = end,
                None => return Ok(0),
            }
            self.connections[slot].state = State::Open;
            self.turns.opened.push(slot);
        }
        while let Some(frame) = decode(&bytes[used..]).map_err(io::Error::other)? {
            let payload = &bytes[used..][frame.payload.clone()];
            used += frame.payload.end;
            match frame.opcode {
                Opcode::Close => return Err(io::Error::other(close_words(payload))),
                Opcode::Ping => {
                    encode(Opcode::Pong, payload, &mut self.out);
                }
                Opcode::Pong => {}
                Opcode::Text | Opcode::Binary if frame.last => self.hear(slot, payload, now),
                Opcode::Text | Opcode::Binary | Opcode::Continuation => {
                    let fragments = &mut self.connections[slot].fragments;
                    fragments.extend_from_slice(payload);
                    if frame.last {
                        let whole = std::mem::take(fragments);
                        self.hear(slot, &whole, now);
                    }
                }
            }
        }
        Ok(used)
    }

    /// Peers of a connection's torrent other than it.
    fn others(&self, slot: usize) -> u32 {
        let torrent = slot % self.torrents;
        let peers = (self.connections.len() + self.torrents - 1 - torrent) / self.torrents;
        peers.saturating_sub(1) as u32
    }

    fn stamp_announce(&mut self, slot: usize, due: Instant) {
        if self.ledger.is_full(slot, self.offers) {
            return self.tally.held_back += 1;
        }
        let first = self.ledger.send(slot, self.offers, self.offers);
        let who = who(&self.connections, slot);
        self.templates.announce(who, first, &mut self.out);
        let relayed = self.offers.min(self.others(slot));
        self.owe(slot, due, relayed);
    }

    fn owe(&mut self, slot: usize, due: Instant, offers: u32) {
        self.connections[slot].owed.push_back(Some(due));
        self.connections[slot].since = due;
        self.tally.announces += 1;
        self.tally.responses_due += 1;
        self.tally.offers_due += u64::from(offers);
    }

    /// Announces all offers of a connection, due at `due`.
    pub(crate) fn announce(&mut self, slot: usize, due: Instant) {
        match &self.connections[slot] {
            connection if connection.state != State::Open => return,
            connection if connection.outbox.len() > MAX_OUTBOX => {
                return self.tally.held_back += 1;
            }
            _ => self.stamp_announce(slot, due),
        }
        self.send(slot);
    }

    /// Announces a connection for the first time, without offers.
    pub(crate) fn join(&mut self, slot: usize, due: Instant) {
        let who = who(&self.connections, slot);
        self.templates.join(who.torrent, who.peer, &mut self.out);
        self.owe(slot, due, 0);
        self.send(slot);
    }

    /// Announces a connection with a single offer.
    pub(crate) fn probe(&mut self, slot: usize, due: Instant) {
        let first = self.ledger.send(slot, 1, self.offers);
        let who = who(&self.connections, slot);
        self.templates.probe(who, first, &mut self.out);
        self.owe(slot, due, 1);
        self.send(slot);
    }

    fn send(&mut self, slot: usize) {
        let out = std::mem::take(&mut self.out);
        if let Err(error) = self.connections[slot].write(&out) {
            self.lose(slot, &error.to_string());
        }
        self.out = out;
        self.out.clear();
    }
}

fn who(connections: &[Connection], slot: usize) -> Who {
    Who {
        connection: slot as u32,
        torrent: connections[slot].torrent,
        peer: connections[slot].peer,
    }
}

/// What a close frame says (RFC 6455 §5.5.1).
fn close_words(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => format!(
            "the tracker closed it with {} {}",
            u16::from_be_bytes([*high, *low]),
            reason.escape_ascii()
        ),
        _ => "the tracker closed it without a code".into(),
    }
}
