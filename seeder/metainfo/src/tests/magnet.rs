//! Magnet links, read and written.

use super::{SMALLEST, parse_info};
use crate::{MAX_MAGNET_BYTES, Magnet, MagnetError, Metainfo};

const HASH: &str = "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c";

#[test]
fn every_value_is_written_so_that_magnet_uri_keeps_it() {
    let file = format!(
        "d8:announce15:wss://t/?a=b&c=4:info{}8:url-list12:https://w/#%e",
        SMALLEST.replace("1:n", "8:a b+\u{e9}&=")
    );
    let file = file.replace("15:wss://t/?a=b&c=", "14:wss://t/?a=b&c");
    let magnet = Magnet::from(&Metainfo::parse(file.as_bytes()).expect("a torrent"))
        .with_trackers(["ws://x:1/", "wss://t/?a=b&c"]);
    assert_eq!(
        magnet.to_string(),
        format!(
            "magnet:?xt=urn:btih:{}&dn=a%20b%2B%C3%A9%26%3D&xl=1\
             &tr=wss%3A%2F%2Ft%2F%3Fa%3Db%26c&tr=ws%3A%2F%2Fx%3A1%2F\
             &ws=https%3A%2F%2Fw%2F%23%25",
            magnet.info_hash
        )
    );
    assert_eq!(magnet.to_string().parse(), Ok(magnet));
}

#[test]
fn every_parameter_is_read() {
    let magnet = Magnet::parse(&format!(
        "MAGNET:?xt=urn:btih:{HASH}&dn=a+b%2Bc&xl=5&tr=wss%3A%2F%2Fa&tr.1=wss://b?k=v\
         &xs=http%3A%2F%2Fx&as=http%3A%2F%2Fs&ws=http%3A%2F%2Fw&x.pe=[::1]:80&so=0,2-4&kt=x&junk"
    ))
    .expect("a link");
    let expected = Magnet {
        name: Some("a b+c".to_owned()),
        length: Some(5),
        trackers: vec!["wss://a".to_owned(), "wss://b?k=v".to_owned()],
        exact_sources: vec!["http://x".to_owned()],
        acceptable_sources: vec!["http://s".to_owned()],
        web_seeds: vec!["http://w".to_owned()],
        peers: vec!["[::1]:80".to_owned()],
        select_only: vec![0..=0, 2..=4],
        ..Magnet::new(HASH.parse().expect("a hash"))
    };
    assert_eq!(magnet, expected);
}

#[test]
fn an_infohash_is_read_in_hex_and_base32_of_any_case() {
    let expected = Magnet::new(HASH.parse().expect("a hash"));
    for hash in [
        HASH.to_owned(),
        HASH.to_ascii_uppercase(),
        "3WBFL3G4PSSV7MF37AJSHWDQMLNR63I4".to_owned(),
        "3wbfl3g4pssv7mf37ajshwdqmlnr63i4".to_owned(),
    ] {
        let link = format!("magnet:?xt=urn:btih:{hash}");
        assert_eq!(Magnet::parse(&link).as_ref(), Ok(&expected), "{hash}");
    }
}

#[test]
fn what_is_no_link_to_one_torrent_is_refused() {
    let v2 = format!("urn:btmh:1220{}", "ab".repeat(32));
    let value = |key: &str, value: &str| MagnetError::Value {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    for (link, error) in [
        ("http://example.org/".to_owned(), MagnetError::Scheme),
        ("magnet:xt=a".to_owned(), MagnetError::Scheme),
        ("magnet:?".to_owned(), MagnetError::NoTorrent),
        (
            format!("magnet:?xt=urn:sha1:{HASH}"),
            MagnetError::NoTorrent,
        ),
        (format!("magnet:?xt={v2}"), MagnetError::V2Only),
        (
            "magnet:?xt=urn:btih:12".to_owned(),
            MagnetError::InfoHash("12".to_owned()),
        ),
        (
            format!("magnet:?xt=urn:btih:{HASH}&xt=urn:btih:{}", "0".repeat(40)),
            MagnetError::TwoTorrents,
        ),
        (
            format!("magnet:?xt=urn:btih:{HASH}&dn=%ff"),
            value("dn", "%ff"),
        ),
        (
            format!("magnet:?xt=urn:btih:{HASH}&xl=-1"),
            value("xl", "-1"),
        ),
        (
            format!("magnet:?xt=urn:btih:{HASH}&so=4-2"),
            value("so", "4-2"),
        ),
        (
            format!("magnet:?xt=urn:btih:{HASH}{}", "&tr=a".repeat(129)),
            MagnetError::TooMany("tr"),
        ),
        (
            format!("magnet:?{}", "a".repeat(MAX_MAGNET_BYTES)),
            MagnetError::TooLong(MAX_MAGNET_BYTES + 8),
        ),
    ] {
        assert_eq!(Magnet::parse(&link), Err(error), "{link:.80}");
    }
    let both = format!("magnet:?xt={v2}&xt=urn:btih:{HASH}");
    assert!(
        Magnet::parse(&both).is_ok(),
        "the v1 half of a hybrid's link"
    );
}

#[test]
fn a_link_of_a_torrent_says_its_name_and_length() {
    let metainfo = parse_info(SMALLEST).expect("a torrent");
    assert_eq!(
        Magnet::from(&metainfo).to_string(),
        format!("magnet:?xt=urn:btih:{}&dn=n&xl=1", metainfo.info_hash())
    );
}
