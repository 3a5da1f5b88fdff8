//! The way of a datagram. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtc::shared::{TransportContext, TransportProtocol};

/// How a datagram comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Via {
    /// The UDP socket.
    Udp,
    /// A TURN server.
    Relay,
    /// A TCP connection that the peer has made.
    Tcp,
}

/// Where a datagram goes to or comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Path {
    pub(super) via: Via,
    pub(super) remote: SocketAddr,
}

impl Path {
    pub(super) fn direct(remote: SocketAddr) -> Self {
        Self {
            via: Via::Udp,
            remote,
        }
    }

    /// As the stack has it.
    pub(super) fn of(transport: &TransportContext) -> Self {
        let remote = transport.peer_addr;
        let labelled = |via: &Via| label(*via, remote.is_ipv6()) == transport.local_addr;
        let via = [Via::Relay, Via::Tcp].into_iter().find(labelled);
        Self {
            via: via.unwrap_or(Via::Udp),
            remote,
        }
    }

    /// For the stack.
    pub(super) fn transport(self) -> TransportContext {
        TransportContext {
            local_addr: label(self.via, self.remote.is_ipv6()),
            peer_addr: self.remote,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        }
    }
}

/// The address under which the stack knows an end of ours: a name that nobody is
/// told. To the stack all is UDP.
pub(super) fn label(via: Via, is_ipv6: bool) -> SocketAddr {
    let number = match via {
        Via::Udp => 1,
        Via::Relay => 2,
        Via::Tcp => 3,
    };
    let ip = if is_ipv6 {
        IpAddr::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, number.into()))
    } else {
        IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))
    };
    SocketAddr::new(ip, 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_gives_back_what_it_was_told() {
        for via in [Via::Udp, Via::Relay, Via::Tcp] {
            for remote in ["192.0.2.7:4000", "[2001:db8::1]:4000"] {
                let remote = remote.parse().expect("an address");
                let path = Path { via, remote };
                assert_eq!(Path::of(&path.transport()), path);
            }
        }
    }
}
