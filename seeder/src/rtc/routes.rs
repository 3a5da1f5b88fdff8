//! Who gets which datagram. Pure.
//!
//! A STUN binding request names our connection in its USERNAME (RFC 8445
//! §7.2.2); everything else is told apart by where it comes from. A source is a
//! connection's once a request with its ufrag came from there, or once the
//! connection sent there; it stays so until the connection ends or stays silent
//! from that source, so that a request with a forged source cannot take over a
//! live connection's datagrams.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::path::Path;
use super::sdp::MAX_CHECKED_CANDIDATES;
use super::stun;

/// Ways to one connection's peer; the oldest makes room. More than those that we
/// send checks to on our own, directly and by the relay, so that they cannot
/// displace the peer's.
const MAX_SOURCES: usize = 3 * MAX_CHECKED_CANDIDATES;

/// After this silence a source may pass to another connection. Live peers send
/// consent checks every few seconds (RFC 7675 §5.1).
const SOURCE_IDLE: Duration = Duration::from_secs(10);

/// Names a connection among those of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(pub(super) u64);

/// Which connection a datagram is for.
#[derive(Debug, Default)]
pub(super) struct Routes {
    by_ufrag: HashMap<String, Key>,
    by_source: HashMap<Path, Source>,
    connections: HashMap<Key, Connection>,
}

#[derive(Debug)]
struct Connection {
    ufrag: String,
    sources: VecDeque<Path>,
}

#[derive(Debug)]
struct Source {
    key: Key,
    /// When a datagram last came from there; `None` if we only sent there.
    heard: Option<Instant>,
    /// The address of ours that it sent to: answers must come from there.
    ours: Option<IpAddr>,
}

impl Routes {
    /// Adds a connection by its local ufrag.
    pub(super) fn insert(&mut self, key: Key, ufrag: &str) {
        let ufrag = ufrag.to_owned();
        self.by_ufrag.insert(ufrag.clone(), key);
        let sources = VecDeque::new();
        self.connections.insert(key, Connection { ufrag, sources });
    }

    /// Forgets the connection and its sources.
    pub(super) fn remove(&mut self, key: Key) {
        let Some(connection) = self.connections.remove(&key) else {
            return;
        };
        self.by_ufrag.remove(&connection.ufrag);
        for path in connection.sources {
            self.forget(path, key);
        }
    }

    /// Remote addresses known.
    pub(super) fn sources(&self) -> usize {
        self.by_source.len()
    }

    /// Whose the datagram is that came from `from` to our address `to`.
    pub(super) fn find(
        &mut self,
        datagram: &[u8],
        from: Path,
        to: Option<IpAddr>,
        now: Instant,
    ) -> Option<Key> {
        let named = stun::request_ufrag(datagram).and_then(|ufrag| self.by_ufrag.get(ufrag));
        let Some(key) = named.copied() else {
            let source = self.by_source.get_mut(&from)?;
            source.heard = Some(now);
            return Some(source.key);
        };
        match self.by_source.get_mut(&from) {
            Some(source) if source.key == key => {
                source.heard = Some(now);
                source.ours = to;
            }
            Some(source)
                if source
                    .heard
                    .is_some_and(|heard| now.saturating_duration_since(heard) < SOURCE_IDLE) => {}
            _ => self.assign(from, key, Some(now), to),
        }
        Some(key)
    }

    /// Notes that the connection sends to `to`, so that answers find it; returns
    /// the address of ours to send from, if one is known.
    pub(super) fn sends_to(&mut self, key: Key, to: Path) -> Option<IpAddr> {
        if let Some(source) = self.by_source.get(&to) {
            return source.ours.filter(|_| source.key == key);
        }
        self.assign(to, key, None, None);
        None
    }

    fn assign(&mut self, path: Path, key: Key, heard: Option<Instant>, ours: Option<IpAddr>) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        connection.sources.retain(|source| *source != path);
        connection.sources.push_back(path);
        if connection.sources.len() > MAX_SOURCES
            && let Some(oldest) = connection.sources.pop_front()
        {
            self.forget(oldest, key);
        }
        self.by_source.insert(path, Source { key, heard, ours });
    }

    fn forget(&mut self, path: Path, key: Key) {
        if self
            .by_source
            .get(&path)
            .is_some_and(|source| source.key == key)
        {
            self.by_source.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::rtc::stun::tests::request;

    const ONE: Key = Key(1);
    const TWO: Key = Key(2);

    fn source(port: u16) -> Path {
        Path::direct(SocketAddr::new([192, 0, 2, 1].into(), port))
    }

    /// A binding request to the connection with a ufrag of four letters.
    fn check(ufrag: &str) -> Vec<u8> {
        let username = format!("{ufrag}:peer\0\0\0");
        request(&[b"\x00\x06\x00\x09", username.as_bytes()].concat())
    }

    fn routes() -> Routes {
        let mut routes = Routes::default();
        routes.insert(ONE, "aaaa");
        routes.insert(TWO, "bbbb");
        routes
    }

    #[test]
    fn a_source_belongs_to_the_connection_that_its_checks_name() {
        let (mut routes, now) = (routes(), Instant::now());
        let mut find = |datagram: &[u8], port| routes.find(datagram, source(port), None, now);
        assert_eq!(find(b"\x16dtls", 5000), None);
        assert_eq!(find(&check("none"), 5000), None);
        assert_eq!(find(&check("aaaa"), 5000), Some(ONE));
        assert_eq!(find(b"\x16dtls", 5000), Some(ONE));
        assert_eq!(find(&check("bbbb"), 6000), Some(TWO));
        assert_eq!(find(b"\x16dtls", 6000), Some(TWO));
        routes.remove(ONE);
        assert_eq!(routes.find(b"\x16dtls", source(5000), None, now), None);
        assert_eq!(routes.find(&check("aaaa"), source(5000), None, now), None);
        assert_eq!(routes.sources(), 1);
    }

    #[test]
    fn a_forged_check_does_not_take_over_a_source_that_is_heard() {
        let (mut routes, now) = (routes(), Instant::now());
        let soon = now + SOURCE_IDLE / 2;
        routes.find(&check("aaaa"), source(5000), None, now);
        assert_eq!(
            routes.find(&check("bbbb"), source(5000), None, soon),
            Some(TWO)
        );
        assert_eq!(
            routes.find(b"\x16dtls", source(5000), None, soon),
            Some(ONE)
        );
        let later = now + SOURCE_IDLE * 2;
        routes.find(&check("bbbb"), source(5000), None, later);
        assert_eq!(
            routes.find(b"\x16dtls", source(5000), None, later),
            Some(TWO)
        );
    }

    #[test]
    fn answers_come_from_where_was_sent_and_a_real_check_comes_before() {
        let (mut routes, now) = (routes(), Instant::now());
        routes.sends_to(ONE, source(5000));
        routes.sends_to(TWO, source(5000));
        let answer = b"\x01\x01answer";
        assert_eq!(routes.find(answer, source(5000), None, now), Some(ONE));
        routes.sends_to(ONE, source(6000));
        routes.find(&check("bbbb"), source(6000), None, now);
        assert_eq!(routes.find(b"\x16dtls", source(6000), None, now), Some(TWO));
    }

    #[test]
    fn what_is_sent_comes_from_the_address_that_was_asked() {
        let (mut routes, now) = (routes(), Instant::now());
        let asked = Some(IpAddr::from([198, 51, 100, 2]));
        routes.find(&check("aaaa"), source(5000), asked, now);
        assert_eq!(routes.sends_to(ONE, source(5000)), asked);
        assert_eq!(routes.sends_to(TWO, source(5000)), None);
        assert_eq!(routes.sends_to(ONE, source(6000)), None);
    }

    #[test]
    fn sources_of_a_connection_are_bounded() {
        let (mut routes, now) = (routes(), Instant::now());
        for port in 1000..3000 {
            routes.find(&check("aaaa"), source(port), None, now);
        }
        assert_eq!(routes.sources(), MAX_SOURCES);
        assert_eq!(routes.find(b"\x16dtls", source(2999), None, now), Some(ONE));
        assert_eq!(routes.find(b"\x16dtls", source(1000), None, now), None);
    }
}
