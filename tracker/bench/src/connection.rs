use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::time::Instant;

use memchr::memmem;

use crate::link::{Connector, Link};

/// The key of RFC 6455 §1.3, and the proof that a server has read it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The largest head of a response to an upgrade.
const MAX_HEAD: usize = 16 * 1024;

/// What waits for one socket to take it; an announce that finds more is not sent but counted.
pub(crate) const MAX_OUTBOX: usize = 1 << 20;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The TCP connection is on its way.
    Connecting,
    /// The upgrade was asked for.
    Upgrading,
    /// WebSocket messages flow.
    Open,
    /// It is over.
    Closed,
}

/// One client of the load.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) state: State,
    /// The number in its peer id.
    pub(crate) peer: u32,
    pub(crate) torrent: u32,
    pub(crate) since: Instant,
    /// What came of a frame that is not whole.
    pub(crate) inbox: Vec<u8>,
    /// The parts of a message in fragments (RFC 6455 §5.4).
    pub(crate) fragments: Vec<u8>,
    /// What the socket did not take.
    pub(crate) outbox: Vec<u8>,
    /// What a response is owed for, oldest first: when an announce was due, or nothing for an
    /// answer.
    pub(crate) owed: VecDeque<Option<Instant>>,
    /// It reads nothing.
    pub(crate) stalled: bool,
}

impl Connection {
    pub(crate) fn open(through: &Connector, peer: u32, torrent: u32) -> io::Result<Self> {
        Ok(Self {
            link: through.connect()?,
            state: State::Connecting,
            peer,
            torrent,
            since: Instant::now(),
            inbox: Vec::new(),
            fragments: Vec::new(),
            outbox: Vec::new(),
            owed: VecDeque::new(),
            stalled: false,
        })
    }

    /// Goes on to the upgrade if the TCP connection is there.
    pub(crate) fn connected(&mut self, request: &[u8]) -> io::Result<()> {
        let socket = &self.link.socket;
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match socket.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error),
        }
        socket.set_nodelay(true)?;
        self.state = State::Upgrading;
        self.write(request)
    }

    /// Sends `bytes`, or keeps what the socket does not take.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = match self.outbox.is_empty() {
            true => self.push(bytes)?,
            false => 0,
        };
        self.outbox.extend(bytes.iter().skip(taken));
        Ok(())
    }

    /// Sends what is left to send.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.link.flush()?;
        if self.outbox.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.outbox);
        let taken = self.push(&waiting)?;
        self.outbox = waiting;
        self.outbox.drain(..taken);
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.link.write(&bytes[taken..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(more) => taken += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}

/// The request that upgrades a connection (RFC 6455 §4.1).
pub(crate) fn upgrade_request(authority: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// Where the head of an upgrade response ends; `None` when it is not all there.
pub(crate) fn upgraded(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return match bytes.len() {
            ..=MAX_HEAD => Ok(None),
            _ => Err("its response has no end".into()),
        };
    };
    let head = bytes.get(..end).unwrap_or_default();
    let status = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    if memmem::find(status, b" 101").is_none() {
        return Err(format!("it answers `{}`", status.escape_ascii()));
    }
    if memmem::find(head, ACCEPT).is_none() {
        return Err("its `Sec-WebSocket-Accept` is wrong".into());
    }
    Ok(Some(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_ends_after_its_head() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(upgraded(head), Ok(Some(head.len())));
        assert_eq!(upgraded(&head[..20]), Ok(None));
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let told = upgraded(b"HTTP/1.1 503 Service Unavailable\r\n\r\n");
        assert_eq!(
            told,
            Err("it answers `HTTP/1.1 503 Service Unavailable`".into())
        );
        let told = upgraded(b"HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: no\r\n\r\n");
        assert_eq!(told, Err("its `Sec-WebSocket-Accept` is wrong".into()));
        assert!(upgraded(&[b'x'; MAX_HEAD + 1]).is_err());
    }
}
