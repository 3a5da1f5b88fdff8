//! The PROXY protocol, versions 1 and 2
//! ([HAProxy's specification](https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt)):
//! what a proxy says of a connection before the client's first byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// §2.1: the longest header of version 1, its end included.
const LONGEST_V1: usize = 107;
/// The shortest: `PROXY UNKNOWN` and its end.
const SHORTEST_V1: usize = 15;
/// What is taken of version 2, extensions (§2.2) included. Real ones are below 1 KiB; the
/// length field could promise 64.
const LONGEST_V2: usize = 4096;
/// §2.2: signature, version, command, family and length.
const FIXED_V2: usize = 16;
const SIGNATURE_V2: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const SIGNATURE_V1: &[u8; 6] = b"PROXY ";

/// What the bytes so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// The header alone, and nothing after it.
    Whole {
        /// The client's address; none when the proxy speaks for itself, as in a health
        /// check, or of what has no IP address.
        client: Option<SocketAddr>,
    },
    /// A beginning: at least this many bytes more belong to it, never none.
    Part {
        /// May be read without taking a byte of the client's.
        more: usize,
    },
}

/// The bytes are no header; the connection cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no PROXY header of version 1 or 2 within its bounds")]
pub(crate) struct NoHeader;

/// Reads what may be the beginning of a header. It never asks for more than the header
/// has, so that bytes read as it says end where the client's begin.
pub(crate) fn parse(bytes: &[u8]) -> Result<Header, NoHeader> {
    if starts_alike(bytes, SIGNATURE_V1) {
        return version_1(bytes);
    }
    if starts_alike(bytes, SIGNATURE_V2) {
        return version_2(bytes);
    }
    Err(NoHeader)
}

/// Whether one is the beginning of the other.
fn starts_alike(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(one, other)| one == other)
}

fn version_1(bytes: &[u8]) -> Result<Header, NoHeader> {
    let Some(line) = bytes.strip_suffix(b"\r\n") else {
        let ending = if bytes.ends_with(b"\r") { 1 } else { 2 };
        let more = SHORTEST_V1.saturating_sub(bytes.len()).max(ending);
        // A line ends at its first end, and within its bound.
        let sound = !bytes.contains(&b'\n') && bytes.len() + more <= LONGEST_V1;
        return sound.then_some(Header::Part { more }).ok_or(NoHeader);
    };
    let line = str::from_utf8(line).map_err(|_| NoHeader)?;
    if line.contains(['\r', '\n']) || bytes.len() > LONGEST_V1 {
        return Err(NoHeader);
    }
    let mut words = line.split(' ').skip(1);
    let family = words.next().ok_or(NoHeader)?;
    if family == "UNKNOWN" {
        return Ok(Header::Whole { client: None });
    }
    let mut word = || words.next().ok_or(NoHeader);
    let (source, destination) = (word()?, word()?);
    let (port, _) = (number(word()?)?, number(word()?)?);
    let source = match family {
        "TCP4" => IpAddr::V4(both::<Ipv4Addr>(source, destination)?),
        "TCP6" => IpAddr::V6(both::<Ipv6Addr>(source, destination)?),
        _ => return Err(NoHeader),
    };
    match words.next() {
        None => Ok(whole(source, port)),
        Some(_) => Err(NoHeader),
    }
}

/// The source, when the destination is an address of its kind.
fn both<A: std::str::FromStr>(source: &str, destination: &str) -> Result<A, NoHeader> {
    destination.parse::<A>().map_err(|_| NoHeader)?;
    source.parse().map_err(|_| NoHeader)
}

/// A port, in digits alone.
fn number(text: &str) -> Result<u16, NoHeader> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(NoHeader)
}

fn version_2(bytes: &[u8]) -> Result<Header, NoHeader> {
    let Some((fixed, addresses)) = bytes.split_first_chunk::<FIXED_V2>() else {
        let more = FIXED_V2 - bytes.len();
        return Ok(Header::Part { more });
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED_V2 + length > LONGEST_V2 {
        return Err(NoHeader);
    }
    if let Some(more) = length.checked_sub(addresses.len()).filter(|more| *more > 0) {
        return Ok(Header::Part { more });
    }
    if addresses.len() > length {
        return Err(NoHeader);
    }
    match (command, family) {
        // LOCAL: whatever else it says is skipped.
        (0x20, _) => Ok(Header::Whole { client: None }),
        (0x21, 0x11) => match addresses.first_chunk::<12>() {
            Some([a, b, c, d, _, _, _, _, high, low, _, _]) => Ok(whole(
                IpAddr::from([*a, *b, *c, *d]),
                u16::from_be_bytes([*high, *low]),
            )),
            None => Err(NoHeader),
        },
        (0x21, 0x21) => match (addresses.first_chunk::<16>(), addresses.get(32..36)) {
            (Some(source), Some([high, low, _, _])) => Ok(whole(
                IpAddr::from(*source),
                u16::from_be_bytes([*high, *low]),
            )),
            _ => Err(NoHeader),
        },
        // Unspecified, datagrams, Unix sockets.
        (0x21, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => Ok(Header::Whole { client: None }),
        // §2.2: other values must be rejected.
        _ => Err(NoHeader),
    }
}

const fn whole(address: IpAddr, port: u16) -> Header {
    Header::Whole {
        client: Some(SocketAddr::new(address, port)),
    }
}

#[cfg(test)]
mod tests;
