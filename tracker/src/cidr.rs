//! A network: an address and the length of the prefix that its addresses share
//! ([RFC 4632 §3.1](https://www.rfc-editor.org/rfc/rfc4632#section-3.1)).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::Deserialize;

/// Bits of an IPv6 address that name a site. The rest is the site's own to choose
/// (RFC 4291 §2.5.4), so that limits of one address would limit nobody.
const SITE_PREFIX: u8 = 64;

/// A network of IPv4 or IPv6 addresses, as in `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr {
    first: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The network of `prefix` bits that `address` is in; none when it has not as many bits.
    #[must_use]
    pub fn around(address: IpAddr, prefix: u8) -> Option<Self> {
        let first = match address {
            IpAddr::V4(v4) => {
                let host = 32_u32.checked_sub(prefix.into())?;
                let mask = u32::MAX.checked_shl(host).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let host = 128_u32.checked_sub(prefix.into())?;
                let mask = u128::MAX.checked_shl(host).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        Some(Self { first, prefix })
    }

    /// The network of one address alone. IPv4 written as IPv6 is IPv4.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        let first = address.to_canonical();
        let prefix = match first {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        Self { first, prefix }
    }

    /// Who is behind an address: an IPv4 address alone, the /64 of an IPv6 address.
    #[must_use]
    pub fn of_site(address: IpAddr) -> Self {
        let one = Self::of(address);
        if one.is_ipv6() {
            one.widened(SITE_PREFIX)
        } else {
            one
        }
    }

    /// The network of `prefix` bits that this one is in; itself when it has no more.
    #[must_use]
    pub fn widened(&self, prefix: u8) -> Self {
        Self::around(self.first, prefix.min(self.prefix)).unwrap_or(*self)
    }

    /// The number of bits that its addresses share.
    pub(crate) const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether its addresses are those of IPv6.
    pub(crate) const fn is_ipv6(&self) -> bool {
        self.first.is_ipv6()
    }

    /// Tells whether `address` is in the network. IPv4 written as IPv6 is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::around(address.to_canonical(), self.prefix) == Some(*self)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    /// Takes `10.0.0.0/8`, and `10.0.0.1` for one address alone.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let wrong = || CidrError::Form { text: text.into() };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse).map_err(|_| wrong())?;
        let network = Self::around(address, prefix).ok_or_else(wrong)?;
        if network.first != address {
            return Err(CidrError::Host {
                text: text.into(),
                network,
            });
        }
        if address.to_canonical() == address {
            return Ok(network);
        }
        // IPv4 written as IPv6 has 96 bits before it.
        prefix
            .checked_sub(96)
            .and_then(|prefix| Self::around(address.to_canonical(), prefix))
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

/// Why a text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// It is no address with a prefix.
    #[error(
        "`{text}` is no network: give an address and the length of its prefix, as in `10.0.0.0/8` or `2001:db8::/32`, or an address alone"
    )]
    Form {
        /// What was given.
        text: String,
    },
    /// Its address has bits after the prefix.
    #[error(
        "`{text}` is an address inside a network: give `{network}` for all of it, or the address alone"
    )]
    Host {
        /// What was given.
        text: String,
        /// What may be meant.
        network: Cidr,
    },
}

#[cfg(test)]
mod tests;
