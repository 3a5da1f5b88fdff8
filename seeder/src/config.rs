use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use peer::{ChokerConfig, UploadLimits};

use crate::rtc::{Offered, Transport, Turn};

/// How a seeder runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The UDP address of all WebRTC connections; port 0 takes a free one. A
    /// wildcard address offers every interface's address and loopback, and
    /// `[::]` serves IPv4 and IPv6.
    pub listen: SocketAddr,
    /// The address to offer instead, with the port of `listen`: for a host
    /// behind one-to-one NAT.
    pub public_ip: Option<IpAddr>,
    /// Take the first free port from that of `listen` to this one.
    pub last_port: Option<u16>,
    /// Of the addresses behind a wildcard, offer these alone; all when empty.
    pub offered: Vec<Offered>,
    /// Be an ICE-lite agent: for hosts that browsers reach directly.
    pub ice_lite: bool,
    /// Take TCP connections on the same port, from browsers whose networks drop UDP.
    pub ice_tcp: bool,
    /// A STUN server, which tells how we look from outside of our network.
    pub stun: Option<SocketAddr>,
    /// A TURN server, which relays where nothing reaches us.
    pub turn: Option<Turn>,
    /// WebSocket trackers (`ws://`, `wss://`) of every torrent, beside its own.
    pub trackers: Vec<String>,
    /// Who is let in and who is served.
    pub choker: ChokerConfig,
    /// How fast content may go. The choker is fitted to it.
    pub upload: UploadLimits,
    /// Offers made to other peers of a torrent when it is announced first or
    /// after the connection to a tracker came back, so that browsers which lost
    /// us need not wait for their next announce. At most 10 are made.
    pub offers: usize,
    /// A connection to a tracker on which nothing was heard for so long, pongs
    /// included, is dead, and another is made. A ping goes out when four tenths
    /// of it are over.
    pub tracker_silence: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            public_ip: None,
            last_port: None,
            offered: Vec::new(),
            ice_lite: false,
            ice_tcp: false,
            stun: None,
            turn: None,
            trackers: Vec::new(),
            choker: ChokerConfig::default(),
            upload: UploadLimits::default(),
            offers: 4,
            tracker_silence: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// The part of it that is about how browsers reach us.
    pub(crate) fn transport(&self) -> Transport {
        Transport {
            listen: self.listen,
            last_port: self.last_port,
            public_ip: self.public_ip,
            offered: self.offered.clone(),
            ice_lite: self.ice_lite,
            ice_tcp: self.ice_tcp,
            stun: self.stun,
            turn: self.turn.clone(),
        }
    }
}
