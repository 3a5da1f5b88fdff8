//! The way of a datagram. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtc::shared::{TransportContext, TransportProtocol};

/// The addresses under which the stack knows the endpoint's socket, one for each
/// family. They are names: what peers are told is in the descriptions.
pub(super) const LABELS: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 9),
];

/// The same for the relay.
pub(super) const RELAY_LABEL: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 9);

/// Where a datagram goes to or comes from, and whether the relay passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Path {
    pub(super) remote: SocketAddr,
    pub(super) relayed: bool,
}

impl Path {
    pub(super) fn direct(remote: SocketAddr) -> Self {
        Self {
            remote,
            relayed: false,
        }
    }

    pub(super) fn relayed(remote: SocketAddr) -> Self {
        Self {
            remote,
            relayed: true,
        }
    }

    /// As the stack has it.
    pub(super) fn of(transport: &TransportContext) -> Self {
        Self {
            remote: transport.peer_addr,
            relayed: transport.local_addr == RELAY_LABEL,
        }
    }

    /// For the stack.
    pub(super) fn transport(self) -> TransportContext {
        let [v4, v6] = LABELS;
        TransportContext {
            local_addr: match (self.relayed, self.remote) {
                (true, _) => RELAY_LABEL,
                (false, SocketAddr::V4(_)) => v4,
                (false, SocketAddr::V6(_)) => v6,
            },
            peer_addr: self.remote,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        }
    }
}
