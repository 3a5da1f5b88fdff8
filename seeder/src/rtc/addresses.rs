//! The addresses at which the shared UDP port is reachable.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtc::shared::ifaces::ifaces;

use super::Transport;

/// The most addresses named in a description; hosts of containers have dozens.
const MAX_ADVERTISED: usize = 8;

/// The addresses to name in our descriptions for a socket bound to `bound`,
/// best first: the public one alone when given, the bound address when it is
/// one, otherwise those of every interface that are to be offered, loopback last.
///
/// Loopback is named for browsers on this machine; to others it is an address
/// that does not answer.
pub(super) fn reachable(bound: SocketAddr, transport: &Transport) -> Vec<SocketAddr> {
    let port = bound.port();
    if let Some(ip) = transport.public_ip {
        return vec![SocketAddr::new(ip, port)];
    }
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let interfaces = ifaces().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed, only loopback is offered");
        Vec::new()
    });
    let offered = |interface: &str, ip: IpAddr| {
        let rules = &transport.offered;
        rules.is_empty() || rules.iter().any(|rule| rule.takes(interface, ip))
    };
    let ips = interfaces
        .into_iter()
        .filter_map(|interface| Some((interface.addr?.ip(), interface.name)))
        .filter(|(ip, name)| (bound.is_ipv6() || ip.is_ipv4()) && offered(name, *ip))
        .map(|(ip, _)| ip);
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let loopback = loopback
        .into_iter()
        .filter(|ip: &IpAddr| (bound.is_ipv6() || ip.is_ipv4()) && offered("lo", *ip));
    expand(ips, loopback, port)
}

/// Orders the usable ones of `ips`: IPv4 before IPv6, loopback last.
fn expand(
    ips: impl Iterator<Item = IpAddr>,
    loopback: impl Iterator<Item = IpAddr>,
    port: u16,
) -> Vec<SocketAddr> {
    let mut usable: Vec<IpAddr> = Vec::new();
    for ip in ips {
        if !ip.is_loopback() && !ip.is_unspecified() && !is_link_local(ip) && !usable.contains(&ip)
        {
            usable.push(ip);
        }
    }
    usable.sort_by_key(IpAddr::is_ipv6);
    usable.truncate(MAX_ADVERTISED - 2);
    usable
        .into_iter()
        .chain(loopback)
        .map(|ip| SocketAddr::new(ip, port))
        .collect()
}

/// Addresses that mean nothing without an interface: 169.254/16 (RFC 3927) and
/// fe80::/10 (RFC 4291).
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> impl Iterator<Item = IpAddr> {
        [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into_iter()
    }

    fn text(addresses: &[SocketAddr]) -> Vec<String> {
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_public_address_replaces_all_others() {
        let bound = "0.0.0.0:7000".parse().expect("an address");
        let public = "198.51.100.9".parse().expect("an address");
        let transport = Transport {
            public_ip: Some(public),
            ..Transport::default()
        };
        assert_eq!(text(&reachable(bound, &transport)), ["198.51.100.9:7000"]);
    }

    #[test]
    fn a_bound_address_is_named_alone() {
        let bound = "127.0.0.1:7000".parse().expect("an address");
        assert_eq!(
            text(&reachable(bound, &Transport::default())),
            ["127.0.0.1:7000"]
        );
    }

    #[test]
    fn a_wildcard_names_each_usable_interface_and_loopback_last() {
        let ips = [
            "127.0.0.1",
            "fe80::1",
            "2001:db8::5",
            "192.0.2.4",
            "169.254.1.1",
            "192.0.2.4",
        ]
        .map(|ip| ip.parse::<IpAddr>().expect("an address"));
        assert_eq!(
            text(&expand(ips.into_iter(), loopback(), 9)),
            ["192.0.2.4:9", "[2001:db8::5]:9", "127.0.0.1:9", "[::1]:9"]
        );
        let many = (0..200).map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        assert_eq!(expand(many, loopback(), 9).len(), MAX_ADVERTISED);
    }

    #[test]
    fn only_the_addresses_to_offer_are_named() {
        let bound = "[::]:7000".parse().expect("an address");
        let offered = |rule: &str| Transport {
            offered: vec![rule.parse().expect("a rule")],
            ..Transport::default()
        };
        let loopback = reachable(bound, &offered("127.0.0.0/8"));
        assert_eq!(text(&loopback), ["127.0.0.1:7000"]);
        assert!(reachable(bound, &offered("no-such-interface")).is_empty());
    }
}
