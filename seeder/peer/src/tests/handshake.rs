use std::time::Duration;

use tracker_protocol::{InfoHash, PeerId};

use super::bench::{
    Bench, MODERN, OUR_ID, PLAIN, THEIR_ID, closed, handshake, handshake_of, send, unhex,
};
use crate::handshake::HandshakeError;
use crate::{CloseReason, Output};

#[test]
fn our_handshake_is_sent_at_once_and_sets_the_bits_of_bep_10_and_bep_6() {
    let expected = unhex(
        "13426974546f7272656e742070726f746f636f6c 0000000000100004
         0707070707070707070707070707070707070707 2d5348303130302d6162636465666768696a6b6c",
    );
    assert_eq!(Bench::new().outputs(), [send(expected)]);
}

#[test]
fn a_right_handshake_names_the_peer() {
    for reserved in [MODERN, PLAIN] {
        let mut bench = Bench::new();
        bench.outputs();
        let first = bench.receive(&handshake(reserved)).into_iter().next();
        let handshaken = Output::Handshaken {
            peer_id: PeerId::from_bytes(*THEIR_ID),
            client: "WebTorrent 0300".to_owned(),
        };
        assert_eq!(first, Some(handshaken));
    }
}

#[test]
fn a_peer_id_that_is_not_printable_is_not_shown() {
    for id in [
        b"-W\n0300-S58Mfh7qBbBb",
        b"\xff\xff\xff\xff\xff\xff\xff\xff------------",
    ] {
        assert_eq!(crate::client::name(&PeerId::from_bytes(*id)), "unknown");
    }
}

#[test]
fn another_infohash_closes() {
    let mut bench = Bench::new();
    bench.outputs();
    let outputs = bench.receive(&handshake_of(MODERN, &[8; 20], THEIR_ID));
    let wrong = HandshakeError::WrongInfoHash(InfoHash::from_bytes([8; 20]));
    assert_eq!(outputs, closed(CloseReason::Handshake(wrong)));
}

#[test]
fn our_own_peer_id_closes() {
    let mut bench = Bench::new();
    bench.outputs();
    let outputs = bench.receive(&handshake_of(MODERN, &[7; 20], OUR_ID));
    assert_eq!(
        outputs,
        closed(CloseReason::Handshake(HandshakeError::OwnPeerId))
    );
}

#[test]
fn garbage_closes_at_its_first_wrong_byte() {
    let mut bench = Bench::new();
    bench.outputs();
    assert_eq!(bench.receive(b"\x13BitT"), []);
    let outputs = bench.receive(b"x");
    assert_eq!(
        outputs,
        closed(CloseReason::Handshake(HandshakeError::NotBitTorrent))
    );
    assert_eq!(
        bench.receive(&handshake(MODERN)),
        [],
        "a closed session takes nothing in"
    );
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn no_handshake_within_ten_seconds_closes() {
    let mut bench = Bench::new();
    bench.outputs();
    bench.receive(&handshake(MODERN)[..67]);
    assert_eq!(
        bench.session.poll_timeout(),
        Some(bench.now + Duration::from_secs(10))
    );
    assert_eq!(bench.pass(Duration::from_millis(9_999)), []);
    assert_eq!(
        bench.pass(Duration::from_millis(1)),
        closed(CloseReason::HandshakeTimeout)
    );
}
