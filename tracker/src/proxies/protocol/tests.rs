use proptest::prelude::*;

use super::*;

/// A header of version 2.
fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).expect("short");
    [
        SIGNATURE_V2,
        &[command, family][..],
        &length.to_be_bytes(),
        addresses,
    ]
    .concat()
}

const TCP4: [u8; 12] = [203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 1, 187];

fn tcp6() -> Vec<u8> {
    let source: Ipv6Addr = "2001:db8::7".parse().expect("an address");
    [&source.octets()[..], &[0; 16], &[0x12, 0x67, 1, 187]].concat()
}

/// Headers, and the clients that they name.
fn sound() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let longest = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535 padding, which the specification says to skip..\r\n";
    vec![
        (
            b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n".into(),
            Some("203.0.113.9:4711"),
        ),
        (
            b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n".into(),
            Some("[2001:db8::7]:4711"),
        ),
        (
            b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n".into(),
            Some("1.1.1.1:1"),
        ),
        (b"PROXY UNKNOWN\r\n".into(), None),
        (longest.into(), None),
        (v2(0x21, 0x11, &TCP4), Some("203.0.113.9:4711")),
        (
            v2(0x21, 0x11, &[&TCP4[..], &[4, 0, 1, 0]].concat()),
            Some("203.0.113.9:4711"),
        ),
        (v2(0x21, 0x21, &tcp6()), Some("[2001:db8::7]:4711")),
        (v2(0x21, 0x00, &[]), None),
        (v2(0x21, 0x12, &TCP4), None),
        (v2(0x21, 0x31, &[0; 216]), None),
        (v2(0x20, 0x00, &[]), None),
        (v2(0x20, 0xff, &[1, 2, 3]), None),
        (
            v2(0x21, 0x11, &[7; LONGEST_V2 - FIXED_V2]),
            Some("7.7.7.7:1799"),
        ),
    ]
}

#[test]
fn headers_of_both_versions_name_their_client() {
    for (header, client) in sound() {
        let client = client.map(|text| text.parse().expect("an address"));
        assert_eq!(
            parse(&header),
            Ok(Header::Whole { client }),
            "{}",
            header.escape_ascii()
        );
    }
}

#[test]
fn every_beginning_asks_for_more_and_never_for_more_than_the_header_has() {
    for (header, _) in sound() {
        for length in 0..header.len() {
            let Ok(Header::Part { more }) = parse(&header[..length]) else {
                panic!("{}", header[..length].escape_ascii());
            };
            assert!(
                (1..=header.len() - length).contains(&more),
                "{more} after {length}"
            );
        }
    }
}

#[test]
fn what_is_no_header_is_refused() {
    for wrong in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01",
        b"PROXX",
        b"PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
        b"PROXY TCP4 1.1.1.1 ::1 1 1\r\n",
        b"PROXY TCP4 ::1 ::1 1 1\r\n",
        b"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1 \r\n",
        b"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
        b"PROXY UNKNOWN\nGET",
        b"PROXY UNKNOWN\r\nGET /\r\n",
        &[&b"PROXY UNKNOWN "[..], &[b'x'; 92]].concat(),
        &v2(0x11, 0x11, &TCP4),
        &v2(0x22, 0x11, &TCP4),
        &v2(0x21, 0x41, &TCP4),
        &v2(0x21, 0x13, &TCP4),
        &v2(0x21, 0x11, &TCP4[..11]),
        &v2(0x21, 0x21, &[0; 35]),
        &v2(0x20, 0x00, &[0; LONGEST_V2 - FIXED_V2 + 1]),
        &[v2(0x20, 0x00, &[]), b"G".into()].concat(),
    ] {
        assert_eq!(parse(wrong), Err(NoHeader), "{}", wrong.escape_ascii());
    }
}

/// Reads a stream as the listener does: what each answer asks for, and no more.
fn read(stream: &[u8]) -> Option<(usize, Option<SocketAddr>)> {
    let mut taken = 0;
    loop {
        match parse(stream.get(..taken)?) {
            Ok(Header::Part { more }) => taken += more,
            Ok(Header::Whole { client }) => return Some((taken, client)),
            Err(NoHeader) => return None,
        }
    }
}

proptest! {
    #[test]
    fn a_header_is_told_from_what_follows_it(
        source: SocketAddr,
        destination: SocketAddr,
        rest in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (of, to) = (source.ip(), destination.ip());
        let (port, to_port) = (source.port(), destination.port());
        let header = format!("PROXY {family} {of} {to} {port} {to_port}\r\n");
        let stream = [header.as_bytes(), &rest].concat();
        let client = Some(SocketAddr::new(of, port));
        let expected = (of.is_ipv4() == to.is_ipv4()).then_some((header.len(), client));
        prop_assert_eq!(read(&stream), expected);
    }

    #[test]
    fn any_bytes_are_a_header_or_not_within_the_bound(
        version: bool,
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let signature = if version { &SIGNATURE_V1[..] } else { &SIGNATURE_V2[..] };
        for stream in [[signature, &rest].concat(), rest] {
            if let Some((taken, _)) = read(&stream) {
                prop_assert!(taken <= LONGEST_V2);
            }
        }
    }
}
