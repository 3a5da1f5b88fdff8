//! The hops that a header names. Only its right end is written by those who are trusted,
//! so it is read from there, and nothing further left can change what that says.

use std::net::{IpAddr, SocketAddr};

use super::ClientHeader;

/// The hops of one line, the last first; `None` for one that is no address.
pub(super) fn from_the_right(
    header: ClientHeader,
    line: &[u8],
) -> impl Iterator<Item = Option<IpAddr>> {
    rsplit(line, b',')
        .map(<[u8]>::trim_ascii)
        // RFC 9110 §5.6.1: empty elements of a list mean nothing.
        .filter(|element| !element.is_empty())
        .map(move |element| match header {
            ClientHeader::XForwardedFor | ClientHeader::XRealIp => address(element),
            ClientHeader::Forwarded => forwarded(element),
        })
}

/// The `for` of an element of RFC 7239 §4; it may stand there once.
fn forwarded(element: &[u8]) -> Option<IpAddr> {
    let mut clients = rsplit(element, b';').filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        name.trim_ascii()
            .eq_ignore_ascii_case(b"for")
            .then(|| value.get(1..).unwrap_or_default().trim_ascii())
    });
    let (client, None) = (clients.next()?, clients.next()) else {
        return None;
    };
    // No address needs an escape, so none is taken out of the string.
    let unquoted = client
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    address(unquoted.unwrap_or(client))
}

/// An address, IPv6 in brackets or not, with a port or not. RFC 7239 §6 knows `unknown`
/// and made-up names too: they are none.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse()
        .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()))
        .ok()
}

/// Splits from the right at separators that stand in no quoted string (RFC 9110 §5.6.4).
fn rsplit(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let list = rest?;
        let mut quoted = false;
        for (at, &byte) in list.iter().enumerate().rev() {
            let (before, after) = list.split_at_checked(at)?;
            if byte == b'"' && !is_escaped(before) {
                quoted = !quoted;
            } else if byte == separator && !quoted {
                rest = Some(before);
                return after.get(1..);
            }
        }
        rest.take()
    })
}

/// Whether what follows `before` is escaped: an even number of backslashes are characters.
fn is_escaped(before: &[u8]) -> bool {
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}
