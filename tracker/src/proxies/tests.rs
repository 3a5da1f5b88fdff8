use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Trusts 10.0.0.0/8, fd00::/8 and Unix sockets.
fn proxies(header: ClientHeader) -> Proxies {
    let trusted = ["10.0.0.0/8", "fd00::/8", "unix"];
    let trusted = trusted.map(|text| text.parse().expect("a place")).into();
    Proxies { trusted, header }
}

/// What is made of these header lines that came from 10.0.0.1.
fn told(header: ClientHeader, lines: &[&str]) -> Result<IpAddr, NoClient> {
    let lines = lines.iter().map(|line| line.as_bytes());
    proxies(header).client(Some(ip("10.0.0.1")), lines)
}

#[test]
fn the_client_is_the_rightmost_hop_that_is_no_proxy_of_ours() {
    for (lines, client) in [
        (&[][..], "10.0.0.1"),
        (&["", " , "], "10.0.0.1"),
        (&["203.0.113.9"], "203.0.113.9"),
        (&["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (
            &["198.51.100.1,203.0.113.9 , 10.3.0.1,fd00::1"],
            "203.0.113.9",
        ),
        (&["198.51.100.1", "203.0.113.9", "10.3.0.1"], "203.0.113.9"),
        (&["nonsense, 203.0.113.9:4711"], "203.0.113.9"),
        (&["\"nonsense, 2001:db8::7"], "2001:db8::7"),
        (&["[2001:db8::7]"], "2001:db8::7"),
        (&["[2001:db8::7]:80, ::ffff:10.3.0.1"], "2001:db8::7"),
        (&["::ffff:203.0.113.9"], "203.0.113.9"),
        // All are ours: the furthest is the client.
        (&["10.7.0.1, 10.3.0.1"], "10.7.0.1"),
    ] {
        let client = Ok(ip(client));
        assert_eq!(
            told(ClientHeader::XForwardedFor, lines),
            client,
            "{lines:?}"
        );
    }
    assert_eq!(
        told(ClientHeader::XRealIp, &["203.0.113.9"]),
        Ok(ip("203.0.113.9"))
    );
}

#[test]
fn forwarded_is_read_with_its_names_quotes_and_ports() {
    for (line, client) in [
        ("for=203.0.113.9", Some("203.0.113.9")),
        (
            "For=198.51.100.1;proto=http, FOR=203.0.113.9;by=10.0.0.1",
            Some("203.0.113.9"),
        ),
        (
            "by=10.0.0.1 ; for = \"203.0.113.9:80\"",
            Some("203.0.113.9"),
        ),
        (
            "for=\"[2001:db8::7]:4711\", for=10.3.0.1",
            Some("2001:db8::7"),
        ),
        (
            r#"for=203.0.113.9;host="a,b;for=198.51.100.1\",""#,
            Some("203.0.113.9"),
        ),
        (
            r#"for="left open, for=203.0.113.9;proto=https"#,
            Some("203.0.113.9"),
        ),
        ("for=unknown", None),
        ("for=_hidden, for=10.3.0.1", None),
        ("for=203.0.113.9;for=198.51.100.1", None),
        ("proto=https", None),
        ("203.0.113.9", None),
    ] {
        let told = told(ClientHeader::Forwarded, &[line]);
        assert_eq!(told.ok(), client.map(ip), "{line}");
    }
}

#[test]
fn a_hop_that_is_no_address_leaves_no_client_unless_a_client_stands_right_of_it() {
    for line in [
        "unknown",
        "203.0.113.9, -",
        "1.2.3.4.5",
        "203.0.113.9, 10.3.0.1:x",
        "fe80::1%eth0",
    ] {
        assert_eq!(
            told(ClientHeader::XForwardedFor, &[line]),
            Err(NoClient),
            "{line}"
        );
    }
}

#[test]
fn a_unix_peer_is_this_machine_until_it_says_otherwise_and_is_trusted() {
    let line = [&b"203.0.113.9"[..]];
    let header = ClientHeader::XForwardedFor;
    assert_eq!(
        proxies(header).client(None, [].into_iter()),
        Ok(ip("127.0.0.1"))
    );
    assert_eq!(
        proxies(header).client(None, line.into_iter()),
        Ok(ip("203.0.113.9"))
    );
    let nobody = Proxies::default();
    assert_eq!(nobody.client(None, line.into_iter()), Ok(ip("127.0.0.1")));
}

#[test]
fn networks_are_read_and_wrong_ones_are_refused_with_the_remedy() {
    for (text, inside, outside) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
        ("0.0.0.0/0", "255.1.1.1", "::1"),
        ("::/0", "::1", "1.1.1.1"),
        ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.1.1", "11.0.0.0"),
    ] {
        let network: Cidr = text.parse().expect(text);
        assert!(network.contains(ip(inside)), "{text}");
        assert!(!network.contains(ip(outside)), "{text}");
        assert_eq!(network.to_string().parse(), Ok(network));
    }
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0/8",
        "10.0.0.0/-1",
        "::/129",
        "10.0.0.0/8/8",
    ] {
        let error = text.parse::<Cidr>().expect_err(text).to_string();
        assert!(
            error.starts_with(&format!("`{text}` is no network: give ")),
            "{error}"
        );
    }
    assert_eq!(
        "10.1.2.3/8".parse::<Cidr>().map_err(|error| error.to_string()),
        Err("`10.1.2.3/8` is an address inside a network: give `10.0.0.0/8` for all of it, or the address alone".into())
    );
}

fn header() -> impl Strategy<Value = ClientHeader> {
    prop_oneof![
        Just(ClientHeader::XForwardedFor),
        Just(ClientHeader::Forwarded),
        Just(ClientHeader::XRealIp)
    ]
}

/// Addresses of ours, and of others.
fn ours() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([10, a, b, c])),
        any::<u64>()
            .prop_map(|low| IpAddr::from((0xfd_u128 << 120 | u128::from(low)).to_be_bytes())),
    ]
}

fn others() -> impl Strategy<Value = IpAddr> {
    any::<IpAddr>()
        .prop_map(|address| address.to_canonical())
        .prop_filter("ours", |address| {
            !proxies(ClientHeader::Forwarded).trusts(Some(*address))
        })
}

fn hop(header: ClientHeader, address: IpAddr, port: Option<u16>) -> String {
    let text = match (address, port) {
        (address, Some(port)) => SocketAddr::new(address, port).to_string(),
        (IpAddr::V6(v6), None) if header == ClientHeader::Forwarded => format!("[{v6}]"),
        (address, None) => address.to_string(),
    };
    match header {
        ClientHeader::Forwarded => format!(r#"proto=https;For="{text}";host="a\", b;""#),
        ClientHeader::XForwardedFor | ClientHeader::XRealIp => text,
    }
}

proptest! {
    #[test]
    fn whatever_a_client_writes_the_proxies_have_the_last_word(
        header in header(),
        forged in proptest::collection::vec(any::<u8>(), 0..80),
        client in others(),
        chain in proptest::collection::vec(ours(), 0..4),
        port in any::<Option<u16>>(),
    ) {
        let mut line = forged;
        for address in std::iter::once(client).chain(chain) {
            line.extend_from_slice(b", ");
            line.extend_from_slice(hop(header, address, port).as_bytes());
        }
        let told = proxies(header).client(Some(ip("10.0.0.1")), [&line[..]].into_iter());
        prop_assert_eq!(told, Ok(client));
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed(
        header in header(),
        peer in others(),
        lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..3),
    ) {
        let lines = lines.iter().map(Vec::as_slice);
        prop_assert_eq!(proxies(header).client(Some(peer), lines), Ok(peer));
    }

    #[test]
    fn any_header_of_a_trusted_proxy_gives_an_address_or_none(
        header in header(),
        lines in proptest::collection::vec("[0-9a-f.:,;=\"\\\\\\[\\] for]{0,60}", 0..3),
    ) {
        let lines = lines.iter().map(String::as_bytes);
        let _ = proxies(header).client(Some(ip("10.0.0.1")), lines);
    }
}
