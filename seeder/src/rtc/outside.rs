//! What servers tell of us.

use std::net::SocketAddr;

/// Where others find us beside this machine's own addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outside {
    /// The address that a STUN server sees (RFC 8445 §5.1.1.2).
    pub mapped: Option<SocketAddr>,
    /// The address at which a TURN server takes datagrams for us.
    pub relayed: Option<SocketAddr>,
    /// Whether all servers have answered or been given up once.
    pub settled: bool,
}
