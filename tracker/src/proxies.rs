//! Who is behind a proxy.
//!
//! Anybody can write a header; a proxy adds what it knows at its right end. So the
//! list of hops is read from the right, and only as far as proxies that the operator
//! trusts speak: the first address that is none of theirs is the client.

mod hops;
pub(crate) mod protocol;

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::Deserialize;

use crate::cidr::{Cidr, CidrError};

/// Proxies that are believed when they say whom they speak for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxies {
    /// Where they are. Default: nowhere, nobody is believed.
    pub trusted: Vec<Trusted>,
    /// The header that they add to. Default `X-Forwarded-For`.
    pub header: ClientHeader,
}

/// A place of proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Trusted {
    /// An address in a network.
    Network(Cidr),
    /// Whoever may connect to one of our Unix sockets; written `unix`.
    Unix,
}

/// The header with the addresses of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ClientHeader {
    /// Addresses with commas between them, each proxy's peer at the right end.
    #[default]
    XForwardedFor,
    /// [RFC 7239](https://www.rfc-editor.org/rfc/rfc7239): the same with names, quotes and ports.
    Forwarded,
    /// One address, written by the nearest proxy.
    XRealIp,
}

/// A trusted proxy said something that names no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoClient;

impl Proxies {
    /// Tells whether `peer` is a proxy that is believed; one without an address is on a Unix socket.
    pub(crate) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        self.trusted.iter().any(|trusted| match (trusted, peer) {
            (Trusted::Network(network), Some(peer)) => network.contains(peer),
            (Trusted::Unix, None) => true,
            (Trusted::Network(_), None) | (Trusted::Unix, Some(_)) => false,
        })
    }

    /// The client behind `peer`, by the lines of the chosen header.
    ///
    /// # Errors
    /// When a trusted peer names a hop that is no address.
    pub(crate) fn client<'a>(
        &self,
        peer: Option<IpAddr>,
        lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> Result<IpAddr, NoClient> {
        let mut client = address(peer);
        if !self.trusts(peer) {
            return Ok(client);
        }
        let hops = lines
            .rev()
            .flat_map(|line| hops::from_the_right(self.header, line));
        for hop in hops {
            client = hop.ok_or(NoClient)?.to_canonical();
            if !self.trusts(Some(client)) {
                break;
            }
        }
        Ok(client)
    }
}

/// The address of a peer itself. One on a Unix socket is on this machine.
pub(crate) fn address(peer: Option<IpAddr>) -> IpAddr {
    peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.to_canonical())
}

impl ClientHeader {
    /// Its name in lower case.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::XRealIp => "x-real-ip",
        }
    }
}

/// A header that is none of [`ClientHeader`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no header with addresses of clients: give `X-Forwarded-For`, `Forwarded` or `X-Real-IP`"
)]
pub struct HeaderError(String);

impl FromStr for ClientHeader {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        [Self::XForwardedFor, Self::Forwarded, Self::XRealIp]
            .into_iter()
            .find(|header| header.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| HeaderError(text.into()))
    }
}

impl TryFrom<String> for ClientHeader {
    type Error = HeaderError;

    fn try_from(text: String) -> Result<Self, HeaderError> {
        text.parse()
    }
}

impl FromStr for Trusted {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        text.parse().map(Self::Network)
    }
}

impl TryFrom<String> for Trusted {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests;
