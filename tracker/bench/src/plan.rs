use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use crate::BenchError;

/// What to do to which tracker.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tracker.
    pub url: TrackerUrl,
    /// The kind of load.
    pub scenario: Scenario,
    /// Clients at the same time, 1 to 100 000; each is one peer of one torrent.
    pub connections: usize,
    /// Torrents the clients are spread over, 1 to the number of clients.
    pub torrents: usize,
    /// Offers an announce, 0 to 50.
    pub offers: u32,
    /// Bytes of an SDP, 700 to 16 000; `None` mixes sizes from 800 to 1900.
    pub sdp_bytes: Option<usize>,
    /// Announces a second, up to a million, where the scenario has a rate.
    pub rate: Option<f64>,
    /// How long the load lasts, up to ten minutes.
    pub duration: Duration,
    /// How many of the clients never read, where the scenario has such.
    pub stalled: usize,
    /// The tracker's process, to see its CPU time and memory.
    pub pid: Option<u32>,
    /// Whoever asks for this may load an address that is not loopback.
    pub owned: bool,
}

/// The kinds of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Each client announces again as soon as it has its response: how much the tracker can do.
    ClosedLoop,
    /// Announces at a fixed rate; a latency counts from when the announce was due, so that a
    /// tracker that stalls is not spared the announces of that time.
    Paced,
    /// Clients that have exchanged offers and say no more: what they cost in memory.
    Idle,
    /// Clients that connect, announce and go.
    Storm,
    /// Twice what the tracker can do: what gets lost.
    Overload,
    /// Some clients never read while the others announce: what the tracker keeps for them.
    Stalled,
}

impl Plan {
    /// Checks the bounds and finds the tracker's address.
    pub(crate) fn address(&self) -> Result<SocketAddr, BenchError> {
        self.check()?;
        self.url.address(self.owned)
    }

    fn check(&self) -> Result<(), BenchError> {
        let bounds = [
            ("connections", self.connections as f64, 1.0, 100_000.0),
            (
                "torrents",
                self.torrents as f64,
                1.0,
                self.connections as f64,
            ),
            ("offers", self.offers.into(), 0.0, 50.0),
            (
                "sdp-bytes",
                self.sdp_bytes.unwrap_or(800) as f64,
                700.0,
                16_000.0,
            ),
            ("rate", self.rate.unwrap_or(1.0), 0.1, 1_000_000.0),
            ("duration", self.duration.as_secs_f64(), 0.1, 600.0),
            ("stalled", self.stalled as f64, 0.0, self.connections as f64),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(BenchError::OutOfBounds {
                    name,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

/// A `ws://` or `wss://` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerUrl {
    secure: bool,
    authority: String,
    path: String,
    port: u16,
}

impl TrackerUrl {
    /// Finds the tracker's address.
    ///
    /// # Errors
    /// When it has none, or one that is not loopback and is not `owned` by whoever asks.
    pub fn address(&self, owned: bool) -> Result<SocketAddr, BenchError> {
        let (host, port) = (self.host(), self.port);
        let address = (host, port)
            .to_socket_addrs()
            .map_err(|error| BenchError::Resolve {
                host: host.into(),
                error,
            })?
            .next()
            .ok_or_else(|| BenchError::NoAddress { host: host.into() })?;
        if !address.ip().is_loopback() && !owned {
            return Err(BenchError::NotLoopback { address });
        }
        Ok(address)
    }

    /// Host and port as written.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is spoken through TLS.
    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host without the brackets of IPv6.
    pub(crate) fn host(&self) -> &str {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => &self.authority,
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl std::fmt::Display for TrackerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl std::str::FromStr for TrackerUrl {
    type Err = BenchError;

    fn from_str(text: &str) -> Result<Self, BenchError> {
        let wrong = || BenchError::Url { url: text.into() };
        let (secure, rest) = match text.split_once("://").ok_or_else(wrong)? {
            ("ws", rest) => (false, rest),
            ("wss", rest) => (true, rest),
            _ => return Err(wrong()),
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !visible(authority) || !visible(path) {
            return Err(wrong());
        }
        Ok(Self {
            secure,
            authority: authority.into(),
            path: format!("{}{path}", if path.starts_with('/') { "" } else { "/" }),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(url: &str) -> Plan {
        Plan {
            url: url.parse().expect("a URL"),
            scenario: Scenario::ClosedLoop,
            connections: 10,
            torrents: 2,
            offers: 5,
            sdp_bytes: None,
            rate: None,
            duration: Duration::from_secs(1),
            stalled: 0,
            pid: None,
            owned: false,
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        for (url, authority, path, host, port) in [
            (
                "ws://127.0.0.1:8000",
                "127.0.0.1:8000",
                "/",
                "127.0.0.1",
                8000,
            ),
            (
                "ws://localhost/announce",
                "localhost",
                "/announce",
                "localhost",
                80,
            ),
            ("ws://[::1]:81?a=b", "[::1]:81", "/?a=b", "::1", 81),
            ("ws://[::1]/", "[::1]", "/", "::1", 80),
            ("wss://[::1]/", "[::1]", "/", "::1", 443),
        ] {
            let read: TrackerUrl = url.parse().expect("a URL");
            assert_eq!(read.is_secure(), url.starts_with("wss:"));
            assert_eq!(
                (read.authority(), read.path(), read.host(), read.port),
                (authority, path, host, port)
            );
        }
        for wrong in [
            "wss://", "http://h", "ws://", "ws://h:x", "ws://a b", "ws://u@h",
        ] {
            assert!(wrong.parse::<TrackerUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_loopback_is_loaded_unless_it_is_owned() {
        let mut plan = plan("ws://192.0.2.1:80");
        let refused = plan.address().expect_err("refused").to_string();
        assert_eq!(
            refused,
            "`192.0.2.1:80` is not loopback, and this is a load generator: say --yes-i-own-it if you do"
        );
        plan.owned = true;
        assert!(plan.address().is_ok());
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let mut plan = plan("ws://127.0.0.1:80");
        plan.torrents = 11;
        let refused = plan.address().expect_err("refused").to_string();
        assert_eq!(refused, "torrents is `11`; it must be from 1 to 10");
    }
}
