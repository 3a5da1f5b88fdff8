//! Session descriptions as text: what of theirs we pass on, what of ours we say.
//!
//! Pure. The stack parses SDP itself; here are the limits that come before it
//! and the candidate lines, which name the one shared UDP port.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use super::outside::Outside;
use super::reach::Reach;

/// The longest description accepted, in bytes. Browsers send 0.5 to 2.5 KB.
pub(super) const MAX_SDP_BYTES: usize = 16 * 1024;

/// The most candidate lines accepted in a description.
pub(super) const MAX_REMOTE_CANDIDATES: usize = 32;

/// The most of their candidates that we send checks to. They reach us by their
/// own checks; ours only open the way through a NAT, so a few do, and a
/// description cannot make us probe many addresses for its author.
pub(super) const MAX_CHECKED_CANDIDATES: usize = 8;

/// Why a description is refused before the stack sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than the limit.
    #[error("description has {0} bytes, at most {MAX_SDP_BYTES} are accepted")]
    TooLong(usize),
    /// More candidate lines than the limit.
    #[error("description has {0} candidates, at most {MAX_REMOTE_CANDIDATES} are accepted")]
    TooManyCandidates(usize),
    /// No data channel section.
    #[error("description has no `m=application` section for data channels")]
    NoDataChannel,
}

/// Checks `sdp` against the limits and drops the candidates of no use to us:
/// names (mDNS), TCP, component 2, addresses that are nobody's, ports below
/// 1024 (no browser's, but somebody's service), and all that are out of `reach`
/// or above the number that we check.
///
/// # Errors
/// When a limit is passed or no data channel is described.
pub(super) fn accept_remote(sdp: &str, reach: Reach) -> Result<String, SdpError> {
    if sdp.len() > MAX_SDP_BYTES {
        return Err(SdpError::TooLong(sdp.len()));
    }
    let candidates = sdp.lines().filter(|line| is_candidate(line)).count();
    if candidates > MAX_REMOTE_CANDIDATES {
        return Err(SdpError::TooManyCandidates(candidates));
    }
    if !sdp.lines().any(|line| line.starts_with("m=application ")) {
        return Err(SdpError::NoDataChannel);
    }
    let mut kept = 0;
    let mut out = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        if is_candidate(line) {
            if kept == MAX_CHECKED_CANDIDATES || !is_checkable(line, reach) {
                continue;
            }
            kept += 1;
        }
        out.push_str(line);
        out.push_str("\r\n");
    }
    Ok(out)
}

/// Replaces all candidates of `sdp`, our own description, by host candidates at
/// `addresses`, best first, those at `tcp`, and those `outside`, and says that there are no more
/// (RFC 8840).
pub(super) fn advertise(
    sdp: &str,
    addresses: &[SocketAddr],
    tcp: &[SocketAddr],
    outside: Outside,
) -> String {
    let mut out = String::with_capacity(sdp.len() + addresses.len() * 80);
    for line in sdp.lines() {
        if is_candidate(line) || line == "a=end-of-candidates" {
            continue;
        }
        out.push_str(line);
        out.push_str("\r\n");
    }
    for (index, address) in (0_u32..).zip(addresses) {
        let candidate = host_candidate(index, *address);
        write!(out, "a={candidate}\r\n").expect("writing to a string succeeds");
    }
    for (index, address) in (0_u32..).zip(tcp) {
        let candidate = tcp_candidate(index, *address);
        write!(out, "a={candidate}\r\n").expect("writing to a string succeeds");
    }
    let mapped = outside.mapped.filter(|mapped| !addresses.contains(mapped));
    let mapped = mapped.map(|address| (SERVER_REFLEXIVE, address));
    let relayed = outside.relayed.map(|address| (RELAYED, address));
    for (kind, address) in mapped.into_iter().chain(relayed) {
        write!(out, "a={}\r\n", server_candidate(kind, address))
            .expect("writing to a string succeeds");
    }
    out.push_str("a=end-of-candidates\r\n");
    out
}

/// The `index`th best host candidate, at `address` (RFC 8839 §5.1).
pub(super) fn host_candidate(index: u32, address: SocketAddr) -> String {
    let (priority, ip, port) = (host_priority(index), address.ip(), address.port());
    format!(
        "candidate:{} 1 udp {priority} {ip} {port} typ host",
        index + 1
    )
}

/// A candidate's type and its preference (RFC 8445 §5.1.2.2).
type Kind = (&'static str, u32);
const SERVER_REFLEXIVE: Kind = ("srflx", 100);
pub(super) const RELAYED: Kind = ("relay", 0);

/// A candidate that a server gave us. As browsers do, it does not say from which
/// address of ours.
pub(super) fn server_candidate((kind, preference): Kind, address: SocketAddr) -> String {
    let (priority, ip, port) = (
        (preference << 24) | (65_535 << 8) | 255,
        address.ip(),
        address.port(),
    );
    format!("candidate:{kind} 1 udp {priority} {ip} {port} typ {kind} raddr 0.0.0.0 rport 0")
}

/// The `index`th best candidate that waits for TCP connections at `address` (RFC
/// 6544 §4.5), with a type preference below that of UDP, and 4 for the direction.
fn tcp_candidate(index: u32, address: SocketAddr) -> String {
    let priority = (90 << 24) | ((4 << 13) + 8191_u32.saturating_sub(index)) << 8 | 255;
    let (foundation, ip, port) = (index + 1, address.ip(), address.port());
    format!("candidate:tcp{foundation} 1 tcp {priority} {ip} {port} typ host tcptype passive")
}

/// RFC 8445 §5.1.2.1 with type preference 126 (host) and component 1; addresses
/// later in the list get a lower local preference.
fn host_priority(index: u32) -> u32 {
    (126 << 24) | (65_535_u32.saturating_sub(index) << 8) | 255
}

fn is_candidate(line: &str) -> bool {
    candidate(line).is_some()
}

/// What follows `a=candidate:`, with the white space that the stack passes over: what it takes for a
/// candidate must not come past us.
fn candidate(line: &str) -> Option<&str> {
    let attribute = line.trim_start_matches('\r').strip_prefix("a=")?;
    attribute.trim_start().strip_prefix("candidate:")
}

/// Reads `a=candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ …`
/// (RFC 8839 §5.1) and tells whether checks to it make sense.
fn is_checkable(line: &str, reach: Reach) -> bool {
    let words = candidate(line).unwrap_or_default();
    let mut words = words.split_whitespace().skip(1);
    let (Some(component), Some(transport)) = (words.next(), words.next()) else {
        return false;
    };
    let (Some(address), Some(port)) = (words.nth(1), words.next()) else {
        return false;
    };
    let (Ok(ip), Ok(port)) = (address.parse::<IpAddr>(), port.parse::<u16>()) else {
        return false;
    };
    let ip = ip.to_canonical();
    component == "1"
        && transport.eq_ignore_ascii_case("udp")
        && port >= 1024
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && ip != IpAddr::V4(std::net::Ipv4Addr::BROADCAST)
        && reach.includes(ip)
}

/// What holds for every description: for fuzzing and for tests with random text.
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz {
    use super::{MAX_CHECKED_CANDIDATES, Reach, accept_remote, is_checkable};

    /// Passes a description on to `candidates`, which gives those that the stack finds in it.
    ///
    /// # Panics
    /// When the stack finds more than may be, or one that is not to be checked.
    pub(crate) fn intake(sdp: &str, candidates: impl Fn(String) -> Vec<String>) {
        for (loopback, private) in [(false, false), (false, true), (true, false)] {
            let reach = Reach { loopback, private };
            let Ok(accepted) = accept_remote(sdp, reach) else {
                continue;
            };
            // Longer line ends may pass the limit on bytes.
            if let Ok(again) = accept_remote(&accepted, reach) {
                assert_eq!(again, accepted);
            }
            let found = candidates(accepted);
            assert!(found.len() <= MAX_CHECKED_CANDIDATES);
            for value in found {
                assert!(is_checkable(&format!("a=candidate:{value}"), reach));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rtc::RTCSessionDescription;
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";

    #[test]
    fn remote_candidates_of_no_use_are_dropped() {
        let sdp = format!(
            "{HEAD}\
             a=candidate:1 1 udp 2113937151 3d1f-4a.local 51000 typ host\r\n\
             a=candidate:2 1 udp 2113937151 192.0.2.7 51000 typ host generation 0\r\n\
             a=candidate:2 2 udp 2113937150 192.0.2.7 51000 typ host\r\n\
             a=candidate:3 1 tcp 2113937151 192.0.2.7 9 typ host tcptype active\r\n\
             a=candidate:4 1 udp 2113937151 127.0.0.1 51001 typ host\r\n\
             a=candidate:5 1 udp 2113937151 192.0.2.7 53 typ host\r\n\
             a=candidate:6 1 udp 2113937151 0.0.0.0 51001 typ host\r\n\
             a=candidate:6 1 udp 2113937151 ::ffff:0.0.0.0 51001 typ host\r\n\
             a=candidate:6 1 udp 2113937151 ::ffff:224.0.0.1 51001 typ host\r\n\
             a=candidate:7 1 udp 1677729535 2001:db8::1 51002 typ srflx raddr :: rport 0\r\n\
             a=candidate:8\r\n\
             a=mid:0\r\n"
        );
        assert_eq!(
            accept_remote(&sdp, Reach::default()),
            Ok(format!(
                "{HEAD}\
                 a=candidate:2 1 udp 2113937151 192.0.2.7 51000 typ host generation 0\r\n\
                 a=candidate:7 1 udp 1677729535 2001:db8::1 51002 typ srflx raddr :: rport 0\r\n\
                 a=mid:0\r\n"
            ))
        );
    }

    #[test]
    fn white_space_hides_no_candidate() {
        for hidden in [
            "\ra=candidate:1 1 udp 1 127.0.0.1 51000 typ host",
            "\r\ra=candidate:1 1 udp 1 127.0.0.1 51000 typ host",
            "a= candidate:1 1 udp 1 127.0.0.1 51000 typ host",
            "a=\u{a0}candidate:1 1 udp 1 127.0.0.1 51000 typ host",
            "a=candidate: 1 1 udp 1 127.0.0.1 51000 typ host",
            "a=candidate:1\u{2003}1\u{2003}udp\u{2003}1\u{2003}127.0.0.1\u{2003}51000 1 udp 1 192.0.2.7 51000 typ host",
            "a=candidate:1\u{b}1\u{b}udp\u{b}1\u{b}127.0.0.1\u{b}51000 1 udp 1 192.0.2.7 51000 typ host",
        ] {
            let sdp = format!("{HEAD}{hidden}\r\na=mid:0\r\n");
            assert_eq!(
                accept_remote(&sdp, Reach::default()),
                Ok(format!("{HEAD}a=mid:0\r\n")),
                "{hidden:?}"
            );
        }
    }

    #[test]
    fn only_the_first_few_remote_candidates_are_checked() {
        let mut sdp = HEAD.to_owned();
        for port in 0..20 {
            sdp += &format!("a=candidate:1 1 UDP 1 192.0.2.7 {} typ host\n", 2000 + port);
        }
        let accepted = accept_remote(&sdp, Reach::default()).expect("within the limits");
        assert_eq!(
            accepted.lines().filter(|line| is_candidate(line)).count(),
            MAX_CHECKED_CANDIDATES
        );
        sdp += &"a=candidate:1 1 UDP 1 192.0.2.7 3000 typ host\n".repeat(20);
        assert_eq!(
            accept_remote(&sdp, Reach::default()),
            Err(SdpError::TooManyCandidates(40))
        );
    }

    #[test]
    fn descriptions_out_of_bounds_are_refused() {
        let long = HEAD.to_owned() + &"x".repeat(MAX_SDP_BYTES);
        assert_eq!(
            accept_remote(&long, Reach::default()),
            Err(SdpError::TooLong(long.len()))
        );
        assert_eq!(
            accept_remote("v=0\r\nm=audio 9 RTP/AVP 0\r\n", Reach::default()),
            Err(SdpError::NoDataChannel)
        );
        assert_eq!(
            accept_remote("", Reach::default()),
            Err(SdpError::NoDataChannel)
        );
    }

    #[test]
    fn our_candidates_name_the_shared_port_once_each() {
        let sdp = format!(
            "{HEAD}\
             a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host ufrag x\r\n\
             a=candidate:1 2 udp 2130706431 127.0.0.1 40000 typ host ufrag x\r\n\
             a=end-of-candidates\r\n\
             a=mid:0\r\n"
        );
        let addresses = [
            "192.0.2.1:7000".parse().expect("an address"),
            "[2001:db8::1]:7000".parse().expect("an address"),
        ];
        let outside = Outside {
            mapped: "198.51.100.7:7001".parse().ok(),
            relayed: "203.0.113.1:50000".parse().ok(),
            settled: true,
        };
        assert_eq!(
            advertise(&sdp, &addresses, &addresses[..1], outside),
            format!(
                "{HEAD}\
                 a=mid:0\r\n\
                 a=candidate:1 1 udp 2130706431 192.0.2.1 7000 typ host\r\n\
                 a=candidate:2 1 udp 2130706175 2001:db8::1 7000 typ host\r\n\
                 a=candidate:tcp1 1 tcp 1520435199 192.0.2.1 7000 typ host tcptype passive\r\n\
                 a=candidate:srflx 1 udp 1694498815 198.51.100.7 7001 typ srflx raddr 0.0.0.0 rport 0\r\n\
                 a=candidate:relay 1 udp 16777215 203.0.113.1 50000 typ relay raddr 0.0.0.0 rport 0\r\n\
                 a=end-of-candidates\r\n"
            )
        );
    }

    /// A line that is or resembles a candidate's.
    fn line() -> impl Strategy<Value = String> {
        let space =
            || prop::sample::select(vec![" ", "  ", "\t", "\r", "\u{b}", "\u{a0}", "\u{2003}"]);
        let start = prop::sample::select(vec!["", "", "\r", "\r\r", " ", "\u{a0}"]);
        let key = prop::sample::select(vec![
            "a=candidate:",
            "a= candidate:",
            "a=\u{b}candidate:",
            "a=x:",
            "a=",
        ]);
        let words = vec![
            "1",
            "2",
            "udp",
            "tcp",
            "127.0.0.1",
            "192.0.2.7",
            "224.0.0.1",
            "51000",
            "80",
            "typ",
            "host",
        ];
        let words = prop::collection::vec((prop::sample::select(words), space()), 0..20);
        let sound = "1 1 udp 1 192.0.2.7 51000 typ host";
        (start, key, any::<bool>(), words).prop_map(move |(start, key, is_sound, words)| {
            let words = words.iter().flat_map(|(word, space)| [*word, *space]);
            let sound = if is_sound { sound } else { "" };
            format!("{start}{key}{sound}{}\n", words.collect::<String>())
        })
    }

    proptest! {
        #[test]
        fn the_stack_finds_no_candidate_that_is_not_to_be_checked(
            lines in prop::collection::vec(line(), 0..12),
        ) {
            let head = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
                m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
            fuzz::intake(&format!("{head}{}", lines.concat()), |sdp| {
                let offer = RTCSessionDescription::offer(sdp);
                let read = offer.and_then(|offer| offer.unmarshal());
                let media = read.into_iter().flat_map(|read| read.media_descriptions);
                let attributes = media.flat_map(|media| media.attributes);
                let candidates = attributes.filter(|attribute| attribute.is_ice_candidate());
                candidates.filter_map(|attribute| attribute.value).collect()
            });
        }
    }
}
