//! How a UDP socket looks from outside: one STUN binding request (RFC 8489).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use rand::RngExt;

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;
/// Before RFC 5389 the address came unmasked.
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Requests go out after these pauses: UDP loses some (RFC 8489 §6.2.1).
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

type Transaction = [u8; 12];

/// Asks `server` (`HOST:PORT`) how it sees `socket`.
///
/// # Errors
/// When the name is not found, nothing comes back in 4.5 s, or the socket fails.
pub(super) fn mapped(socket: &UdpSocket, server: &str) -> io::Result<SocketAddr> {
    let ipv4 = socket.local_addr()?.is_ipv4();
    let server = server
        .to_socket_addrs()?
        .find(|addr| addr.is_ipv4() == ipv4)
        .ok_or_else(|| io::Error::other("it has no address of this socket's family"))?;
    let transaction: Transaction = rand::rng().random();
    let mut datagram = [0; 1500];
    for patience in PATIENCE {
        socket.send_to(&request(transaction), server)?;
        socket.set_read_timeout(Some(patience))?;
        match socket.recv_from(&mut datagram) {
            Ok((length, from)) if from == server => {
                let response = datagram.get(..length).unwrap_or_default();
                if let Some(address) = address(response, transaction) {
                    return Ok(address);
                }
            }
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "it does not answer",
    ))
}

fn request(transaction: Transaction) -> Vec<u8> {
    [&BINDING_REQUEST[..], &[0, 0], &MAGIC_COOKIE, &transaction].concat()
}

/// The address in a success response to this transaction.
fn address(response: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let expected = [&MAGIC_COOKIE[..], &transaction].concat();
    if response.get(..2)? != BINDING_SUCCESS || response.get(4..HEADER_BYTES)? != expected {
        return None;
    }
    let mut attributes = response.get(HEADER_BYTES..)?;
    let mut unmasked = None;
    while let Some((kind, rest)) = attributes.split_first_chunk::<2>() {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let value = rest.get(..length)?;
        match u16::from_be_bytes(*kind) {
            XOR_MAPPED_ADDRESS => return read(value, &expected),
            MAPPED_ADDRESS => unmasked = read(value, &[0; 16]),
            _ => {}
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    unmasked
}

/// An address attribute, unmasked (RFC 8489 §14.1, §14.2).
fn read(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let (&[_, family, high, low], address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([high ^ mask.first()?, low ^ mask.get(1)?]);
    let unmasked: Vec<u8> = address
        .iter()
        .zip(mask)
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(unmasked).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(unmasked).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: Transaction = [
        0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
    ];

    fn response(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len())
            .expect("short")
            .to_be_bytes();
        [
            &BINDING_SUCCESS[..],
            &length,
            &MAGIC_COOKIE,
            &TRANSACTION,
            attributes,
        ]
        .concat()
    }

    /// The attributes of the sample responses in RFC 5769 §2.2 and §2.3.
    #[test]
    fn the_address_is_unmasked() {
        let v4 = b"\x80\x22\x00\x0btest vector \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
        let expected = "192.0.2.1:32853".parse().expect("an address");
        assert_eq!(address(&response(v4), TRANSACTION), Some(expected));
        let v6 = b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        let expected = "[2001:db8:1234:5678:11:2233:4455:6677]:32853"
            .parse()
            .expect("an address");
        assert_eq!(address(&response(v6), TRANSACTION), Some(expected));
        let old = b"\x00\x01\x00\x08\x00\x01\x80\x55\xc0\x00\x02\x01";
        let expected = "192.0.2.1:32853".parse().expect("an address");
        assert_eq!(address(&response(old), TRANSACTION), Some(expected));
    }

    #[test]
    fn what_is_no_response_to_the_request_tells_nothing() {
        let whole = response(b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        for length in 0..whole.len() {
            assert_eq!(
                address(&whole[..length], TRANSACTION),
                None,
                "{length} bytes"
            );
        }
        assert_eq!(address(&whole, [0; 12]), None);
        let mut error = whole;
        error[..2].copy_from_slice(&[0x01, 0x11]);
        assert_eq!(address(&error, TRANSACTION), None);
    }
}
