//! Which of this machine's addresses are told to browsers. Pure.

use std::net::IpAddr;
use std::str::FromStr;

/// A network or an interface whose addresses are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offered {
    /// The addresses of an interface, by its name.
    Interface(String),
    /// The addresses that begin with so many bits of this one.
    Network(IpAddr, u8),
}

impl Offered {
    /// Whether `ip` of `interface` is told.
    pub(super) fn takes(&self, interface: &str, ip: IpAddr) -> bool {
        match self {
            Self::Interface(name) => name == interface,
            Self::Network(network, bits) => {
                let common = match (network, ip) {
                    (IpAddr::V4(ours), IpAddr::V4(ip)) => {
                        (ours.to_bits() ^ ip.to_bits()).leading_zeros()
                    }
                    (IpAddr::V6(ours), IpAddr::V6(ip)) => {
                        (ours.to_bits() ^ ip.to_bits()).leading_zeros()
                    }
                    (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                        return false;
                    }
                };
                common >= u32::from(*bits)
            }
        }
    }
}

impl FromStr for Offered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let Ok(ip) = address.parse::<IpAddr>() else {
            return if bits.is_none() && is_name(text) {
                Ok(Self::Interface(text.to_owned()))
            } else {
                Err(format!(
                    "`{text}` is no address, network or interface; give one such as `203.0.113.7`, `10.0.0.0/8` or `eth0`"
                ))
            };
        };
        let all = if ip.is_ipv4() { 32 } else { 128 };
        match bits.map_or(Ok(all), str::parse) {
            Ok(bits) if bits <= all => Ok(Self::Network(ip, bits)),
            _ => Err(format!(
                "the length of network `{text}` is no number up to {all}; give one, as in `10.0.0.0/8`"
            )),
        }
    }
}

/// What the kernel takes for an interface's name: no address is one.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 64
        && !text.contains(|letter: char| letter.is_whitespace() || "/:".contains(letter))
        && !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(rule: &str, interface: &str, ip: &str) -> bool {
        let rule = rule.parse::<Offered>().expect("a rule");
        rule.takes(interface, ip.parse().expect("an address"))
    }

    #[test]
    fn addresses_are_told_by_network_and_by_interface() {
        assert!(takes("10.1.0.0/16", "eth0", "10.1.200.3"));
        assert!(!takes("10.1.0.0/16", "eth0", "10.2.0.1"));
        assert!(takes("0.0.0.0/0", "eth0", "198.51.100.1"));
        assert!(!takes("0.0.0.0/0", "eth0", "2001:db8::1"));
        assert!(takes("2001:db8::/32", "eth0", "2001:db8:7::1"));
        assert!(takes("192.0.2.7", "eth0", "192.0.2.7"));
        assert!(!takes("192.0.2.7", "eth0", "192.0.2.6"));
        assert!(takes("eth0", "eth0", "192.0.2.7"));
        assert!(!takes("eth0", "eth1", "192.0.2.7"));
    }

    #[test]
    fn what_is_neither_is_refused_by_name() {
        for bad in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "::/129",
            "eth0/8",
            "a b",
        ] {
            let error = bad.parse::<Offered>().expect_err("it is refused");
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
    }
}
