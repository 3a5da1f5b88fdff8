//! To whom we send checks. Pure.

use std::net::{IpAddr, SocketAddr};

/// Where checks of ours may go beside public addresses: where we are ourselves.
/// A description must not have a server of the Internet probe the network behind
/// it, whereas on a local network the browsers are local, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// This machine.
    pub(super) loopback: bool,
    /// Networks that the Internet does not reach.
    pub(super) private: bool,
}

impl Reach {
    /// That of an agent that names `addresses`.
    pub(super) fn of(addresses: &[SocketAddr]) -> Self {
        let ips = || addresses.iter().map(SocketAddr::ip);
        Self {
            loopback: ips().any(|ip| ip.is_loopback()),
            private: ips().any(is_private),
        }
    }

    /// Whether checks may go to `ip`.
    pub(super) fn includes(self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if ip.is_loopback() {
            self.loopback
        } else {
            self.private || !is_private(ip)
        }
    }
}

/// Private use (RFC 1918, RFC 4193), link-local (RFC 3927, RFC 4291), and what
/// carriers share (RFC 6598).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn private_addresses_are_checked_by_who_is_in_a_private_network() {
        const PUBLIC: &str = "192.0.2.7";
        let private = [
            "10.0.0.7",
            "172.16.0.7",
            "192.168.1.7",
            "169.254.0.7",
            "100.64.0.7",
            "fd00::7",
            "fe80::7",
            "::ffff:10.0.0.7",
        ];
        let loopback = ["127.0.0.1", "::1", "::ffff:127.0.0.1"];
        for (ours, takes_private, takes_loopback) in [
            (&[PUBLIC][..], false, false),
            (&["fd00::1"], true, false),
            (&[PUBLIC, "10.0.0.1"], true, false),
            (&[PUBLIC, "::1"], false, true),
        ] {
            let addresses = ours.iter().map(|ours| SocketAddr::new(ip(ours), 1));
            let reach = Reach::of(&addresses.collect::<Vec<_>>());
            assert!(reach.includes(ip(PUBLIC)));
            assert!(
                private
                    .iter()
                    .all(|to| reach.includes(ip(to)) == takes_private)
            );
            assert!(
                loopback
                    .iter()
                    .all(|to| reach.includes(ip(to)) == takes_loopback)
            );
        }
    }
}
