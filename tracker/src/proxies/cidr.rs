//! A network: an address and the length of the prefix that its addresses share.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A network of IPv4 or IPv6 addresses, as in `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
