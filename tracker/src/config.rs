//! What an operator may choose. Each field has a default that suits one small
//! machine; the file form is TOML with the same names.

mod check;
mod duration;
mod limits;
mod mode;
mod secret;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::listen::Address;
use crate::proxies::Proxies;

pub use limits::{Bans, Limits, Overload};
pub use secret::{Secret, SecretError};

/// The configuration of a tracker.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to accept HTTP and WebSockets; at least one. Default: port 8000 of
    /// the loopback interface, without TLS.
    pub listen: Vec<Listen>,
    /// Where the admin API is, with the numbers and the live events: an address of its
    /// own, without TLS, on which no client of the tracker is served. Port 0 lets the
    /// system choose. Without one the API is on each of `listen`, without live events.
    pub admin_listen: Option<SocketAddr>,
    /// The SQLite file that keeps the swarm state over restarts; it is made when
    /// it is missing. Without one the state lives in memory alone.
    pub database: Option<PathBuf>,
    /// The bearer token of the admin API. Without one the API is closed. It has
    /// no form in the configuration file, which is no place for secrets.
    #[serde(skip)]
    pub admin_token: Option<Secret>,
    /// Which proxies are believed when they say whom they speak for.
    pub proxies: Proxies,
    /// What a socket, an address and the listeners may cost.
    pub limits: Limits,
    /// When an address is banned for what it does, and for how long.
    pub bans: Bans,
    /// When the tracker takes itself for overloaded, and sheds load.
    pub overload: Overload,
    /// What clients are told, and how long their offers and entries live.
    pub swarm: Swarm,
    /// When to ping sockets and to give up on them.
    pub sockets: Sockets,
    /// How the database is written and how long it remembers.
    pub store: Store,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The address; port 0 lets the system choose.
    pub addr: Address,
    /// The permissions of a Unix socket, octal in the file. Default 0660: to connect one
    /// has to be of its group.
    #[serde(default, deserialize_with = "mode::deserialize")]
    pub mode: Option<u32>,
    /// With a certificate the listener speaks https and wss, else http and ws.
    #[serde(default)]
    pub tls: Option<TlsFiles>,
    /// Each connection begins with a header of the PROXY protocol, version 1 or 2, and is
    /// one of [`Proxies::trusted`]'s; others are closed.
    #[serde(default)]
    pub proxy_protocol: bool,
}

/// The files of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain in PEM, the server's own certificate first.
    pub cert: PathBuf,
    /// The private key in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// What clients are told, and how long their offers and entries live.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Swarm {
    /// Between two announces of a client, which obeys it. Default 120 s.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// The same in a torrent of one or two peers; it grows to `interval` up to 16.
    /// Without it there is none shorter.
    #[serde(deserialize_with = "duration::optional")]
    pub shortest_interval: Option<Duration>,
    /// The same in a torrent of 65 536 peers or more, from `interval` at 1 024, and of
    /// all under overload. Default twice `interval`.
    #[serde(deserialize_with = "duration::optional")]
    pub longest_interval: Option<Duration>,
    /// Offers relayed for one announce. Default 10, as many as any client sends.
    pub offers_per_announce: usize,
    /// Torrents of one scrape. Default 100.
    pub scrape_torrents: usize,
}

/// When to ping sockets and to give up on them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sockets {
    /// The shortest time between two pings. Default 25 s.
    #[serde(with = "duration")]
    pub ping_after: Duration,
    /// Added to it at random, so that sockets do not march in step. Default 5 s.
    #[serde(with = "duration")]
    pub ping_jitter: Duration,
    /// Pings without a sign of life after which a socket is closed. Default 2.
    pub pings_unanswered: u32,
    /// How long one write may wait for the remote to read. Default 15 s.
    #[serde(with = "duration")]
    pub write_timeout: Duration,
    /// How long a remote may take for the PROXY header and TLS together, and then for the
    /// head of its first request.
    /// Default 10 s.
    #[serde(with = "duration")]
    pub handshake_timeout: Duration,
    /// How long a socket that is in no swarm may say nothing, pongs aside; looked at
    /// when a ping is due. Default 5 min.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
}

/// How the database is written and how long it remembers.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Between two writes; a crash loses at most this much. Default 2 s.
    #[serde(with = "duration")]
    pub flush_interval: Duration,
    /// How long a write waits for a lock of another process. Default 2 s.
    #[serde(with = "duration")]
    pub busy_timeout: Duration,
    /// How long a peer known before a restart is shown as `away`. Default 1 h.
    #[serde(with = "duration")]
    pub away: Duration,
    /// How long a peer that left is remembered, so that its return is not
    /// counted as one more completion. Default 7 days.
    #[serde(with = "duration")]
    pub remember_peers: Duration,
    /// How long a torrent without peers is remembered. Default 90 days.
    #[serde(with = "duration")]
    pub remember_torrents: Duration,
}

impl Listen {
    /// Listens without TLS.
    #[must_use]
    pub fn plain(addr: impl Into<Address>) -> Self {
        Self {
            addr: addr.into(),
            mode: None,
            tls: None,
            proxy_protocol: false,
        }
    }

    /// Listens with TLS.
    #[must_use]
    pub fn tls(addr: impl Into<Address>, files: TlsFiles) -> Self {
        Self {
            tls: Some(files),
            ..Self::plain(addr)
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![Listen::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)))],
            admin_listen: None,
            database: None,
            admin_token: None,
            proxies: Proxies::default(),
            limits: Limits::default(),
            bans: Bans::default(),
            overload: Overload::default(),
            swarm: Swarm::default(),
            sockets: Sockets::default(),
            store: Store::default(),
        }
    }
}

impl Default for Swarm {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(120),
            shortest_interval: None,
            longest_interval: None,
            offers_per_announce: 10,
            scrape_torrents: 100,
        }
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            ping_after: Duration::from_secs(25),
            ping_jitter: Duration::from_secs(5),
            pings_unanswered: 2,
            write_timeout: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(5 * 60),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        let hour = Duration::from_secs(60 * 60);
        Self {
            flush_interval: Duration::from_secs(2),
            busy_timeout: Duration::from_secs(2),
            away: hour,
            remember_peers: 7 * 24 * hour,
            remember_torrents: 90 * 24 * hour,
        }
    }
}

/// A field of the configuration that cannot work.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{field}` {problem}: {remedy}")]
pub struct ConfigError {
    field: &'static str,
    problem: String,
    remedy: String,
}

impl ConfigError {
    fn new(field: &'static str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

#[cfg(test)]
mod tests;
