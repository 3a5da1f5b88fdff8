//! How browsers reach the endpoint.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::socket::Socket;
use super::{Offered, Turn};

/// How browsers reach us.
#[derive(Debug, Clone)]
pub struct Transport {
    /// The UDP address of all connections; port 0 takes a free one. With a
    /// wildcard address, descriptions name every interface's address and loopback,
    /// and `[::]` serves IPv4 and IPv6.
    pub listen: SocketAddr,
    /// Take the first free port from that of `listen` to this one.
    pub last_port: Option<u16>,
    /// The address to name instead, with the bound port: for a host behind
    /// one-to-one NAT.
    pub public_ip: Option<IpAddr>,
    /// Of the addresses behind a wildcard, name these alone; all when empty.
    pub offered: Vec<Offered>,
    /// Be an ICE-lite agent (RFC 8445 §2.5): for hosts that are reachable, and
    /// send no checks but in answer to the peer's.
    pub ice_lite: bool,
    /// Listen for ICE over TCP, too, on the same port (RFC 6544): for browsers
    /// whose networks drop UDP.
    pub ice_tcp: bool,
    /// A STUN server that tells how the socket looks from outside.
    pub stun: Option<SocketAddr>,
    /// A TURN server that takes datagrams for us where nobody reaches us.
    pub turn: Option<Turn>,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 0)),
            last_port: None,
            public_ip: None,
            offered: Vec::new(),
            ice_lite: false,
            ice_tcp: false,
            stun: None,
            turn: None,
        }
    }
}

impl Transport {
    /// Binds the first port of the range that is free.
    pub(super) fn bind(&self) -> io::Result<Socket> {
        let first = self.listen.port();
        let mut bound = Socket::bind(self.listen);
        for port in first..self.last_port.unwrap_or(first) {
            match &bound {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    bound = Socket::bind(SocketAddr::new(self.listen.ip(), port + 1));
                }
                Ok(_) | Err(_) => break,
            }
        }
        bound
    }
}
