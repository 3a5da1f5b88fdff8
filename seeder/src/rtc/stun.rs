//! As much of STUN as tells connections apart (RFC 8489).

pub(super) const HEADER_BYTES: usize = 20;
pub(super) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// A transaction's name.
pub(super) type Transaction = [u8; 12];

/// The transaction of a STUN message: an answer bears its request's.
pub(super) fn transaction(datagram: &[u8]) -> Option<Transaction> {
    datagram.get(8..HEADER_BYTES)?.try_into().ok()
}

/// What a STUN message is (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A binding request.
    Request,
    /// A success response to one.
    Success,
    /// Anything else.
    Other,
}

/// The class of a STUN message, or `None` if `datagram` is none: other
/// protocols on the port never begin with two zero bits (RFC 7983 §7).
pub(super) fn class(datagram: &[u8]) -> Option<Class> {
    let kind = datagram.first_chunk::<2>()?;
    if datagram.get(4..8)? != MAGIC_COOKIE || kind[0] & 0xc0 != 0 {
        return None;
    }
    Some(match *kind {
        BINDING_REQUEST => Class::Request,
        BINDING_SUCCESS => Class::Success,
        _ => Class::Other,
    })
}

/// The ufrag of ours that a binding request names: its USERNAME is
/// `ours:theirs` (RFC 8445 §7.2.2). `None` for all else.
pub(super) fn request_ufrag(datagram: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(request_attribute(datagram, USERNAME)?).ok()?;
    let (ours, _theirs) = name.split_once(':')?;
    Some(ours)
}

/// Whether it is a binding request that nominates its pair (RFC 8445 §7.1.2).
pub(super) fn nominates(datagram: &[u8]) -> bool {
    request_attribute(datagram, USE_CANDIDATE).is_some()
}

/// The value of a binding request's attribute.
fn request_attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    if class(datagram)? != Class::Request {
        return None;
    }
    attribute(datagram, wanted)
}

/// The value of an attribute of a STUN message.
pub(super) fn attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut attributes = datagram.get(HEADER_BYTES..)?;
    loop {
        let (kind, rest) = attributes.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let value = rest.get(..length)?;
        if u16::from_be_bytes(*kind) == wanted {
            return Some(value);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::rtc) fn request(attributes: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0x00, 0x01, 0x00, 0x00];
        datagram.extend(MAGIC_COOKIE);
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn a_binding_request_names_our_ufrag() {
        let attributes = b"\x80\x22\x00\x03abc\x00\x00\x06\x00\x09ours:them\x00\x00\x00";
        assert_eq!(request_ufrag(&request(attributes)), Some("ours"));
    }

    #[test]
    fn a_request_nominates_by_use_candidate_alone() {
        let name = b"\x00\x06\x00\x09ours:them\x00\x00\x00".as_slice();
        assert!(!nominates(&request(name)));
        let nominating = request(&[name, b"\x00\x25\x00\x00"].concat());
        assert!(nominates(&nominating));
        let mut response = nominating;
        response[0] = 0x01;
        assert!(!nominates(&response));
    }

    #[test]
    fn other_datagrams_name_none() {
        for attributes in [
            &b""[..],
            b"\x00\x06",
            b"\x00\x06\x00\x09ours",
            b"\x00\x06\x00\x04ours",
            b"\x00\x06\x00\x03\xff:a\x00",
            b"\x80\x22\xff\xffabc",
        ] {
            assert_eq!(request_ufrag(&request(attributes)), None, "{attributes:?}");
        }
        let mut response = request(b"\x00\x06\x00\x09ours:them\x00\x00\x00");
        response[0] = 0x01;
        assert_eq!(request_ufrag(&response), None);
        assert_eq!(request_ufrag(b"\x16\xfe\xff\x00"), None);
        assert_eq!(request_ufrag(b""), None);
    }
}
