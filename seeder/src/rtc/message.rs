//! Messages to and from STUN and TURN servers (RFC 8489, RFC 8656). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

use super::stun::{self, HEADER_BYTES, MAGIC_COOKIE, Transaction};

/// Methods, which are the types of requests, too (RFC 8489 §5).
pub(super) const BINDING: u16 = 0x0001;
pub(super) const ALLOCATE: u16 = 0x0003;
pub(super) const REFRESH: u16 = 0x0004;
pub(super) const CREATE_PERMISSION: u16 = 0x0008;
pub(super) const CHANNEL_BIND: u16 = 0x0009;
pub(super) const SEND_INDICATION: u16 = 0x0016;
pub(super) const DATA_INDICATION: u16 = 0x0017;

/// What makes a request's type that of a response.
pub(super) const SUCCESS: u16 = 0x0100;
pub(super) const ERROR: u16 = 0x0110;

/// Attributes (RFC 8489 §18.3, RFC 8656 §18).
pub(super) const USERNAME: u16 = 0x0006;
pub(super) const CHANNEL_NUMBER: u16 = 0x000c;
pub(super) const LIFETIME: u16 = 0x000d;
pub(super) const XOR_PEER_ADDRESS: u16 = 0x0012;
pub(super) const DATA: u16 = 0x0013;
pub(super) const REALM: u16 = 0x0014;
pub(super) const NONCE: u16 = 0x0015;
pub(super) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub(super) const REQUESTED_TRANSPORT: u16 = 0x0019;
pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Before RFC 5389 the address came unmasked.
const MAPPED_ADDRESS: u16 = 0x0001;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;

/// A MESSAGE-INTEGRITY attribute with its head.
const INTEGRITY_BYTES: usize = 24;

/// A long-term key (RFC 8489 §9.2.2).
pub(super) type LoginKey = [u8; 16];

/// The key of a user at a server of this realm.
pub(super) fn login_key(user: &str, realm: &[u8], password: &str) -> LoginKey {
    let mut hash = Md5::new();
    hash.update(user);
    hash.update(b":");
    hash.update(realm);
    hash.update(b":");
    hash.update(password);
    hash.finalize().into()
}

/// A message that is written.
#[derive(Debug)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn new(kind: u16, transaction: Transaction) -> Self {
        let kind = kind.to_be_bytes();
        Self([&kind[..], &[0, 0], &MAGIC_COOKIE, &transaction].concat())
    }

    /// Adds an attribute. One of more than 64 KiB, which no datagram has, is cut.
    #[must_use]
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let value = value.get(..usize::from(length)).unwrap_or(value);
        self.0.extend(kind.to_be_bytes());
        self.0.extend(length.to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let body = self.0.len() - HEADER_BYTES;
        set_length(&mut self.0, body);
        self
    }

    /// Adds an address, masked.
    #[must_use]
    pub(super) fn with_address(self, kind: u16, address: SocketAddr) -> Self {
        let (family, ip) = match address.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let mask = self.0.get(4..HEADER_BYTES).unwrap_or_default();
        let masked = |bytes: &[u8]| -> Vec<u8> {
            bytes
                .iter()
                .zip(mask)
                .map(|(byte, mask)| byte ^ mask)
                .collect()
        };
        let port = masked(&address.port().to_be_bytes());
        let value = [&[0, family][..], &port, &masked(&ip)].concat();
        self.with(kind, &value)
    }

    /// Ends it with its MESSAGE-INTEGRITY (RFC 8489 §14.5).
    pub(super) fn signed(mut self, key: &LoginKey) -> Vec<u8> {
        let body = self.0.len() - HEADER_BYTES + INTEGRITY_BYTES;
        set_length(&mut self.0, body);
        let signature = hmac(key, &self.0).finalize().into_bytes();
        self.with(MESSAGE_INTEGRITY, &signature).into_bytes()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn set_length(message: &mut [u8], body: usize) {
    let length = u16::try_from(body).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&length);
    }
}

fn hmac(key: &LoginKey, bytes: &[u8]) -> Hmac<Sha1> {
    let mut hmac = Hmac::<Sha1>::new_from_slice(key).expect("a key of any length will do");
    hmac.update(bytes);
    hmac
}

/// Whether a message bears the MESSAGE-INTEGRITY of this key.
pub(super) fn is_signed(datagram: &[u8], key: &LoginKey) -> bool {
    let Some(signature) = stun::attribute(datagram, MESSAGE_INTEGRITY) else {
        return false;
    };
    // What comes before the attribute's head, as if the message ended with it.
    let end = signature.as_ptr().addr() - datagram.as_ptr().addr() - 4;
    let mut signed = datagram.get(..end).unwrap_or_default().to_vec();
    set_length(&mut signed, end - HEADER_BYTES + INTEGRITY_BYTES);
    hmac(key, &signed).verify_slice(signature).is_ok()
}

/// The type of a message, and its transaction.
pub(super) fn head(datagram: &[u8]) -> Option<(u16, Transaction)> {
    stun::class(datagram)?;
    let kind = u16::from_be_bytes(*datagram.first_chunk()?);
    Some((kind, stun::transaction(datagram)?))
}

/// An address in a message, unmasked (RFC 8489 §14.2).
pub(super) fn address(datagram: &[u8], kind: u16) -> Option<SocketAddr> {
    read_address(
        stun::attribute(datagram, kind)?,
        datagram.get(4..HEADER_BYTES)?,
    )
}

/// The address that a STUN server names in its response.
pub(super) fn mapped_address(response: &[u8]) -> Option<SocketAddr> {
    address(response, XOR_MAPPED_ADDRESS)
        .or_else(|| read_address(stun::attribute(response, MAPPED_ADDRESS)?, &[0; 16]))
}

fn read_address(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
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

/// The code of an error response and its reason (RFC 8489 §14.8).
pub(super) fn error(datagram: &[u8]) -> Option<(u16, &str)> {
    let (&[_, _, class, number], reason) =
        stun::attribute(datagram, ERROR_CODE)?.split_first_chunk::<4>()?;
    let code = u16::from(class & 7) * 100 + u16::from(number);
    Some((code, std::str::from_utf8(reason).unwrap_or_default()))
}

/// A number of seconds in a message.
pub(super) fn seconds(datagram: &[u8], kind: u16) -> Option<u32> {
    let value = stun::attribute(datagram, kind)?.try_into().ok()?;
    Some(u32::from_be_bytes(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: Transaction = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

    fn response(attributes: &[u8]) -> Vec<u8> {
        let mut message = Message::new(BINDING | SUCCESS, TRANSACTION).into_bytes();
        message.extend(attributes);
        message
    }

    /// The attributes of the sample responses in RFC 5769 §2.2 and §2.3.
    #[test]
    fn the_address_is_unmasked() {
        let v4 = b"\x80\x22\x00\x0btest vector \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
        let expected = "192.0.2.1:32853".parse().ok();
        assert_eq!(mapped_address(&response(v4)), expected);
        let v6 = b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        let expected = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().ok();
        assert_eq!(mapped_address(&response(v6)), expected);
        let old = b"\x00\x01\x00\x08\x00\x01\x80\x55\xc0\x00\x02\x01";
        assert_eq!(
            mapped_address(&response(old)),
            "192.0.2.1:32853".parse().ok()
        );
    }

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in ["192.0.2.1:32853", "[2001:db8::7]:1"] {
            let written: SocketAddr = text.parse().expect("an address");
            let message =
                Message::new(BINDING, TRANSACTION).with_address(XOR_PEER_ADDRESS, written);
            assert_eq!(
                address(&message.into_bytes(), XOR_PEER_ADDRESS),
                Some(written)
            );
        }
    }

    /// The sample request of RFC 5769 §2.4.
    #[test]
    fn a_request_is_signed_with_the_long_term_key() {
        let user = "\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}";
        let key = login_key(user, b"example.org", "TheMatrIX");
        let message = Message::new(
            BINDING,
            *b"\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e",
        )
        .with(USERNAME, user.as_bytes())
        .with(NONCE, b"f//499k954d6OL34oL9FSTvy64sA")
        .with(REALM, b"example.org")
        .signed(&key);
        let signature =
            b"\xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9\xa2\x8c\xa8\x96\x66";
        assert_eq!(
            stun::attribute(&message, MESSAGE_INTEGRITY),
            Some(&signature[..])
        );
        assert!(is_signed(&message, &key));
        for at in 0..message.len() {
            let mut other = message.clone();
            other[at] ^= 1;
            assert!(
                !is_signed(&other, &key) || (2..4).contains(&at),
                "byte {at}"
            );
        }
        assert!(!is_signed(&message, &[0; 16]));
    }

    #[test]
    fn an_error_has_a_code_and_a_reason() {
        let message =
            Message::new(ALLOCATE | ERROR, TRANSACTION).with(ERROR_CODE, b"\0\0\x04\x26Stale");
        let message = message.into_bytes();
        assert_eq!(error(&message), Some((438, "Stale")));
        assert_eq!(head(&message), Some((ALLOCATE | ERROR, TRANSACTION)));
    }

    #[test]
    fn what_is_cut_short_tells_nothing() {
        let whole = response(b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        for length in 0..whole.len() {
            assert_eq!(mapped_address(&whole[..length]), None, "{length} bytes");
        }
    }
}
