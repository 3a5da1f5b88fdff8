use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

#[test]
fn a_site_is_an_ipv4_address_or_64_bits_of_ipv6() {
    for (of, site) in [
        ("192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ] {
        let address = of.parse().expect("an address");
        assert_eq!(Cidr::of_site(address).to_string(), site);
    }
}

proptest! {
    #[test]
    fn a_network_holds_exactly_the_addresses_with_its_first_bits(
        first: u32, other: u32, first6: u128, other6: u128, prefix in 0_u8..=32, prefix6 in 0_u8..=128
    ) {
        let v4 = Cidr::of(Ipv4Addr::from_bits(first).into()).widened(prefix);
        let same = (first ^ other).leading_zeros() >= u32::from(prefix);
        prop_assert_eq!(v4.contains(Ipv4Addr::from_bits(other).into()), same);
        prop_assert_eq!(v4.to_string().parse(), Ok(v4));
        // An address of ::ffff:0:0/96 would count as IPv4.
        let (first6, other6) = (first6 | 1 << 127, other6 | 1 << 127);
        let v6 = Cidr::of(Ipv6Addr::from_bits(first6).into()).widened(prefix6);
        let same = (first6 ^ other6).leading_zeros() >= u32::from(prefix6);
        prop_assert_eq!(v6.contains(Ipv6Addr::from_bits(other6).into()), same);
        prop_assert_eq!(v6.to_string().parse(), Ok(v6));
    }
}
