//! This machine: its UDP port, its addresses, its limits.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use indicatif::HumanBytes;
use seeder::rtc::Rtc;
use socket2::SockRef;

use super::finding::Finding;
use super::stun;

/// What the seeder asks of the kernel for its socket, and what it can do with.
const WANTED_BUFFER_BYTES: usize = 4 * 1024 * 1024;
const SMALL_BUFFER_BYTES: usize = 1024 * 1024;

/// Sockets are one a tracker and one for all peers; the rest are files of content.
const FEW_FILES: u64 = 1024;

/// Looks at the UDP port and at the addresses by which browsers would reach it.
pub(super) fn udp(listen: SocketAddr, public_ip: Option<IpAddr>, stun: &[String]) -> Vec<Finding> {
    let socket = match UdpSocket::bind(listen) {
        Ok(socket) => socket,
        Err(error) => {
            return vec![Finding::fail(
                "udp port",
                format!("`{listen}` cannot be bound: {error}"),
                "another program may have it: name a free one with --listen ADDR:PORT",
            )];
        }
    };
    let mut findings = vec![bound(listen, &socket), buffers(&socket)];
    let mapped: Vec<SocketAddr> = stun
        .iter()
        .filter_map(|server| match stun::mapped(&socket, server) {
            Ok(address) => {
                findings.push(Finding::ok(
                    "stun",
                    format!("{server} sees this port as {address}"),
                ));
                Some(address)
            }
            Err(error) => {
                findings.push(Finding::warn(
                    "stun",
                    format!("`{server}`: {error}"),
                    "UDP may be blocked on the way out, or the server is not there: try another",
                ));
                None
            }
        })
        .collect();
    let port = socket
        .local_addr()
        .map_or(listen.port(), |addr| addr.port());
    drop(socket);
    findings.extend(reach(
        SocketAddr::new(listen.ip(), port),
        public_ip,
        &mapped,
    ));
    findings
}

fn bound(listen: SocketAddr, socket: &UdpSocket) -> Finding {
    let at = socket.local_addr().unwrap_or(listen);
    if listen.port() == 0 {
        Finding::note(
            "udp port",
            format!(
                "{at}, another at each start: a firewall needs a fixed one, --listen ADDR:PORT"
            ),
        )
    } else {
        Finding::ok("udp port", format!("{at} can be bound"))
    }
}

/// Whether the kernel keeps enough of a burst of datagrams.
fn buffers(socket: &UdpSocket) -> Finding {
    let socket = SockRef::from(socket);
    // The kernel grants what it allows, and says so below.
    let _ = socket.set_recv_buffer_size(WANTED_BUFFER_BYTES);
    // Linux counts its own bookkeeping in: twice what it grants (socket(7)).
    let granted = socket.recv_buffer_size().unwrap_or(0) / 2;
    let shown = HumanBytes(u64::try_from(granted).unwrap_or(u64::MAX));
    if granted < SMALL_BUFFER_BYTES {
        Finding::warn(
            "buffers",
            format!("the kernel keeps {shown} of datagrams at most: bursts of many peers are lost"),
            "sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304",
        )
    } else {
        Finding::ok("buffers", format!("{shown} for datagrams"))
    }
}

/// Which browsers can reach the addresses that descriptions will name.
fn reach(bound: SocketAddr, public_ip: Option<IpAddr>, mapped: &[SocketAddr]) -> Vec<Finding> {
    let addresses = match addresses(bound, public_ip) {
        Ok(addresses) => addresses,
        Err(error) => {
            return vec![Finding::fail(
                "addresses",
                format!("they cannot be told: {error}"),
                "name one with --public-ip",
            )];
        }
    };
    let list = addresses
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let is_public = addresses
        .iter()
        .any(|address| kind(address.ip()) == Kind::Public);
    let is_local = addresses
        .iter()
        .any(|address| kind(address.ip()) == Kind::Private);
    let mut findings = vec![if is_public {
        Finding::ok("addresses", format!("browsers are told {list}"))
    } else if is_local {
        Finding::warn(
            "addresses",
            format!("browsers are told {list}: only those in the same network reach them"),
            "behind a router, forward the UDP port and name the router's address: --public-ip IP",
        )
    } else {
        Finding::warn(
            "addresses",
            format!("browsers are told {list}: only those on this machine reach them"),
            "listen on every interface, or name the address that others reach: --public-ip IP",
        )
    }];
    let Some(first) = mapped.first() else {
        if !is_public || public_ip.is_some() {
            findings.push(Finding::note(
                "nat",
                "whether others can reach it, a STUN server can tell: --stun HOST:PORT",
            ));
        }
        return findings;
    };
    findings.push(translation(bound, &addresses, *first, mapped));
    findings
}

/// What routers make of the port: `first` of the `mapped` addresses, those that others see.
fn translation(
    bound: SocketAddr,
    addresses: &[SocketAddr],
    first: SocketAddr,
    mapped: &[SocketAddr],
) -> Finding {
    if mapped.iter().any(|other| *other != first) {
        Finding::warn(
            "nat",
            "the router gives each destination another port (RFC 4787 §4.1)",
            "forward the UDP port to this machine, or relay by a TURN server: --turn USER:PASSWORD@HOST",
        )
    } else if addresses.contains(&first) {
        Finding::ok("nat", "others see the port as browsers are told it")
    } else if addresses.iter().any(|address| address.ip() == first.ip()) {
        Finding::warn(
            "nat",
            format!(
                "others see port {}, browsers are told {}",
                first.port(),
                bound.port()
            ),
            format!(
                "forward UDP port {0} to port {0} of this machine",
                bound.port()
            ),
        )
    } else {
        Finding::warn(
            "nat",
            format!("others see {}, which browsers are not told", first.ip()),
            format!(
                "give --stun HOST:PORT, or, better, forward UDP port {} to this machine and give --public-ip {}",
                bound.port(),
                first.ip()
            ),
        )
    }
}

/// What the seeder would name, from the seeder itself.
fn addresses(bound: SocketAddr, public_ip: Option<IpAddr>) -> std::io::Result<Vec<SocketAddr>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _inside = runtime.enter();
    Ok(Rtc::bind(bound, public_ip)?.addresses())
}

/// Looks at how many files may be open at a time.
pub(super) fn files() -> Finding {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match open_files(&limits) {
        Some(limit) if limit < FEW_FILES => Finding::warn(
            "files",
            format!("{limit} may be open at a time"),
            "ulimit -n 65536, or LimitNOFILE=65536 in a systemd unit",
        ),
        Some(limit) => Finding::ok("files", format!("{limit} may be open at a time")),
        None => Finding::note(
            "files",
            "how many may be open at a time cannot be told here",
        ),
    }
}

/// The soft limit in `/proc/self/limits` (proc(5)).
fn open_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loopback,
    /// Means something in one network alone (RFC 1918, RFC 6598, RFC 4193, RFC 3927).
    Private,
    Public,
}

fn kind(ip: IpAddr) -> Kind {
    if ip.is_loopback() {
        return Kind::Loopback;
    }
    let is_private = match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if is_private {
        Kind::Private
    } else {
        Kind::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_who_reaches_them() {
        for (text, expected) in [
            ("127.0.0.1", Kind::Loopback),
            ("::1", Kind::Loopback),
            ("10.1.2.3", Kind::Private),
            ("100.64.0.1", Kind::Private),
            ("100.128.0.1", Kind::Public),
            ("fd00::1", Kind::Private),
            ("2001:db8::1", Kind::Public),
            ("198.51.100.7", Kind::Public),
        ] {
            assert_eq!(kind(text.parse().expect("an address")), expected, "{text}");
        }
    }

    #[test]
    fn the_limit_of_open_files_is_the_soft_one() {
        let limits = "Limit   Soft Limit   Hard Limit   Units\nMax open files            1024                 524288               files\n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files("Max open files unlimited"), None);
    }
}
