use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, MODERN, extended, send};
use crate::Upload;

/// What webtorrent.js sends: its handshake with our messages under the id 3, and a request for a piece.
fn their_handshake() -> Vec<u8> {
    extended(0, b"d1:md11:lt_donthavei2e11:ut_metadatai3eee")
}

fn ask(piece: u32) -> Vec<u8> {
    extended(1, format!("d8:msg_typei0e5:piecei{piece}ee").as_bytes())
}

fn reject(piece: u32) -> Vec<u8> {
    extended(3, format!("d8:msg_typei2e5:piecei{piece}ee").as_bytes())
}

fn piece(index: u32, length: usize) -> Upload {
    let header = format!("d8:msg_typei1e5:piecei{index}e10:total_sizei40000ee");
    let payload = [header.as_bytes(), &vec![b'i'; length]].concat();
    Upload::Message(Bytes::from(extended(3, &payload)))
}

#[test]
fn all_pieces_are_served_under_the_peers_id_while_it_is_choked() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&their_handshake());
    assert_eq!(bench.receive(&[ask(0), ask(1), ask(2)].concat()), []);
    assert_eq!(
        bench.uploads(),
        [piece(0, 16_384), piece(1, 16_384), piece(2, 7_232)]
    );
}

#[test]
fn a_piece_beyond_the_metadata_is_rejected() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&their_handshake());
    for beyond in [3, u32::MAX] {
        assert_eq!(bench.receive(&ask(beyond)), [send(reject(beyond))]);
    }
    assert_eq!(bench.uploads(), []);
}

#[test]
fn the_metadata_is_served_twice_a_minute_and_rejected_beyond() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&their_handshake());
    for _ in 0..2 {
        for index in 0..3 {
            assert_eq!(bench.receive(&ask(index)), []);
            assert_eq!(bench.uploads().len(), 1);
        }
    }
    assert_eq!(bench.receive(&ask(0)), [send(reject(0))]);
    bench.pass(Duration::from_secs(10));
    assert_eq!(
        bench.receive(&ask(0)),
        [],
        "a sixth of a minute brings one of six back"
    );
    assert_eq!(bench.receive(&ask(0)), [send(reject(0))]);
}

#[test]
fn a_long_silence_saves_up_no_more_than_two_copies() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&their_handshake());
    bench.pass(Duration::from_secs(170));
    bench.outputs();
    for _ in 0..6 {
        assert_eq!(bench.receive(&ask(0)), []);
        assert_eq!(bench.uploads().len(), 1);
    }
    assert_eq!(bench.receive(&ask(0)), [send(reject(0))]);
}

#[test]
fn nothing_is_served_before_the_peer_gave_its_id_or_after_it_took_it_back() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&ask(0));
    assert_eq!(bench.uploads(), []);
    bench.receive(&their_handshake());
    bench.receive(&extended(0, b"d1:md11:ut_metadatai0eee"));
    bench.receive(&ask(0));
    assert_eq!(bench.uploads(), []);
}

#[test]
fn what_is_no_request_is_ignored() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&their_handshake());
    let nested = [vec![b'l'; 5_000], vec![b'e'; 5_000]].concat();
    for payload in [
        &b"d8:msg_typei1e5:piecei0e10:total_sizei1eeX"[..],
        b"d8:msg_typei2e5:piecei0ee",
        b"d8:msg_typei0e5:piecei-1ee",
        b"d8:msg_typei0e5:piece1:0e",
        b"d8:msg_typei0ee",
        b"i0e",
        b"",
        b"d8:msg_type",
        &nested,
    ] {
        assert_eq!(bench.receive(&extended(1, payload)), []);
        assert_eq!(bench.receive(&extended(0, payload)), []);
        assert_eq!(bench.uploads(), []);
    }
}
