use super::bench::{Bench, MODERN, PLAIN, bare, handshake, have, send, ten_pieces};
use crate::message;
use crate::{Bitfield, Input, Output};
use std::time::Duration;

const EXTENDED_ONLY: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0];

/// Everything after the news of the handshake.
fn opening(have: Bitfield, reserved: [u8; 8]) -> Vec<Output> {
    let mut bench = Bench::with(ten_pieces(), have);
    bench.outputs();
    bench.receive(&handshake(reserved)).split_off(1)
}

fn some(pieces: &[u32]) -> Bitfield {
    let mut have = Bitfield::empty(10);
    for piece in pieces {
        have.insert(*piece);
    }
    have
}

const EXTENDED_HANDSHAKE: &[u8] = b"\0\0\0\x59\x14\0d1:md11:ut_metadatai1ee13:metadata_sizei40000e\
    4:reqqi8e11:upload_onlyi1e1:v9:Shoal 0.1e";

#[test]
fn a_seeder_says_who_it_is_and_have_all_in_one_message_without_an_unchoke() {
    let expected = [EXTENDED_HANDSHAKE, b"\0\0\0\x01\x0e"].concat();
    assert_eq!(opening(Bitfield::full(10), MODERN), [send(expected)]);
}

#[test]
fn without_the_fast_bit_a_seeder_sends_a_bitfield() {
    let expected = [EXTENDED_HANDSHAKE, b"\0\0\0\x03\x05\xff\xc0"].concat();
    assert_eq!(opening(Bitfield::full(10), EXTENDED_ONLY), [send(expected)]);
    assert_eq!(
        opening(Bitfield::full(10), PLAIN),
        [send(*b"\0\0\0\x03\x05\xff\xc0")]
    );
}

#[test]
fn while_verifying_a_bitfield_of_what_is_verified_is_sent() {
    let expected = [EXTENDED_HANDSHAKE, b"\0\0\0\x03\x05\x80\x40"].concat();
    assert_eq!(opening(some(&[0, 9]), MODERN), [send(expected)]);
}

#[test]
fn with_nothing_verified_have_none_is_sent_or_nothing() {
    let expected = [EXTENDED_HANDSHAKE, b"\0\0\0\x01\x0f"].concat();
    assert_eq!(opening(some(&[]), MODERN), [send(expected)]);
    assert_eq!(opening(some(&[]), PLAIN), []);
}

#[test]
fn pieces_verified_later_follow_as_haves_that_share_a_message() {
    let mut bench = Bench::with(ten_pieces(), some(&[0]));
    bench.receive(&handshake(MODERN));
    bench.outputs();
    for piece in [3, 4, 4, 0, 99] {
        assert_eq!(bench.input(Input::PieceVerified(piece)), []);
    }
    let due = bench.now + Duration::from_millis(200);
    assert_eq!(bench.session.poll_timeout(), Some(due));
    let outputs = bench.pass(Duration::from_millis(200));
    assert_eq!(outputs, [send([have(3), have(4)].concat())]);
}

#[test]
fn an_unchoke_waits_for_interest_and_is_a_message_of_its_own() {
    let mut bench = Bench::open(MODERN);
    assert_eq!(bench.input(Input::Unchoke), []);
    let outputs = bench.receive(&bare(message::INTERESTED));
    assert_eq!(outputs, [Output::Interested(true)]);
    assert_eq!(bench.input(Input::Unchoke), [send(bare(message::UNCHOKE))]);
    assert_eq!(bench.input(Input::Unchoke), [], "it is unchoked once");
}

#[test]
fn an_unchoke_does_not_share_a_message_with_haves() {
    let mut bench = Bench::with(ten_pieces(), some(&[0]));
    bench.receive(&handshake(MODERN));
    bench.receive(&bare(message::INTERESTED));
    bench.outputs();
    bench.input(Input::PieceVerified(3));
    let outputs = bench.input(Input::Unchoke);
    assert_eq!(outputs, [send(have(3)), send(bare(message::UNCHOKE))]);
}

#[test]
fn interest_is_told_only_when_it_changes() {
    let mut bench = Bench::open(MODERN);
    let bytes = [
        bare(message::NOT_INTERESTED),
        bare(message::INTERESTED),
        bare(message::INTERESTED),
        bare(message::NOT_INTERESTED),
    ];
    let outputs = bench.receive(&bytes.concat());
    assert_eq!(
        outputs,
        [Output::Interested(true), Output::Interested(false)]
    );
}

#[test]
fn a_peer_is_complete_when_it_has_everything_however_it_says_so() {
    let haves: Vec<u8> = (0..10).flat_map(have).collect();
    let bitfield = b"\0\0\0\x03\x05\xff\xff".to_vec();
    let most_then_one = [b"\0\0\0\x03\x05\xff\x80".to_vec(), have(9)].concat();
    for bytes in [haves, bitfield, most_then_one, bare(message::HAVE_ALL)] {
        let mut bench = Bench::open(MODERN);
        assert_eq!(bench.receive(&bytes), [Output::Complete]);
        assert_eq!(
            bench.receive(&bare(message::HAVE_ALL)),
            [],
            "it is told once"
        );
    }
}

#[test]
fn a_peer_that_lacks_a_piece_is_not_complete() {
    let mut bench = Bench::open(MODERN);
    let bytes: Vec<u8> = (0..9).chain([9_999, 8]).flat_map(have).collect();
    assert_eq!(bench.receive(&bytes), []);
}

#[test]
fn a_bitfield_over_64_kib_is_cut_into_channel_messages() {
    let pieces = 600_000;
    let torrent = crate::Torrent::new(super::bench::info_hash(), 1, pieces, "i".into());
    let pieces = u32::try_from(pieces).expect("it fits");
    let mut bench = Bench::with(torrent.expect("a torrent"), Bitfield::full(pieces));
    bench.outputs();
    let outputs = bench.receive(&handshake(PLAIN)).split_off(1);
    let lengths: Vec<usize> = outputs
        .iter()
        .map(|output| match output {
            Output::Send(bytes) => bytes.len(),
            Output::Handshaken { .. }
            | Output::Interested(_)
            | Output::Requesting(_)
            | Output::Complete
            | Output::Close(_) => 0,
        })
        .collect();
    assert_eq!(lengths, [65_536, 5 + 75_000 - 65_536]);
}
