use std::time::Duration;

use super::bench::{
    BLOCK, Bench, MODERN, PLAIN, bare, block, closed, extended, handshake, have, naming, request,
    send, ten_pieces,
};
use crate::message;
use crate::{Bitfield, CloseReason, Input, Output, Upload};

fn reject(piece: u32, begin: u32, length: u32) -> Vec<u8> {
    naming(message::REJECT, block(piece, begin, length))
}

#[test]
fn a_request_is_handed_out_with_the_header_of_its_answer() {
    let mut bench = Bench::unchoked(MODERN);
    let outputs = bench.receive(&request(9, 0, 100));
    assert_eq!(outputs, [Output::Requesting(true)]);
    assert_eq!(bench.uploads(), [Upload::Block(block(9, 0, 100))]);
    let header = block(9, 0, 100).header();
    assert_eq!(header, [0, 0, 0, 109, 7, 0, 0, 0, 9, 0, 0, 0, 0]);
    let outputs = bench.input(Input::Sent(block(9, 0, 100)));
    assert_eq!(outputs, [Output::Requesting(false)]);
    let traffic = bench.session.traffic();
    assert_eq!((traffic.blocks, traffic.bytes), (1, 100));
}

#[test]
fn requests_are_answered_in_order_and_repeated_ones_each() {
    let mut bench = Bench::unchoked(MODERN);
    let asked = [block(9, 0, 100), block(0, 0, BLOCK), block(9, 0, 100)];
    for asked in asked {
        bench.receive(&naming(message::REQUEST, asked));
    }
    assert_eq!(bench.send_blocks(), asked);
}

#[test]
fn requests_outside_the_torrent_are_rejected_and_many_close() {
    let mut bench = Bench::unchoked(MODERN);
    let outside = [
        (10, 0, 1),
        (u32::MAX, 0, BLOCK),
        (9, 0, 101),
        (9, 100, 1),
        (0, 2 * BLOCK - 1, 2),
        (0, u32::MAX, u32::MAX),
        (0, u32::MAX - 10, 20),
        (0, 0, 0),
    ];
    for (piece, begin, length) in outside {
        let outputs = bench.receive(&request(piece, begin, length));
        assert_eq!(outputs, [send(reject(piece, begin, length))]);
    }
    for _ in outside.len()..32 {
        bench.receive(&request(10, 0, 1));
    }
    let outputs = bench.receive(&request(10, 0, 1));
    let rejected = send(reject(10, 0, 1));
    assert_eq!(
        outputs,
        [rejected, Output::Close(CloseReason::InvalidRequests)]
    );
}

#[test]
fn a_block_is_at_most_128_kib_long() {
    let torrent = crate::Torrent::new(super::bench::info_hash(), 1 << 20, 1 << 20, "i".into());
    let mut bench = Bench::with(torrent.expect("it is a torrent"), Bitfield::full(1));
    bench.receive(&[handshake(MODERN), bare(message::INTERESTED)].concat());
    bench.input(Input::Unchoke);
    assert_eq!(
        bench.receive(&request(0, 0, 131_072)),
        [Output::Requesting(true)]
    );
    assert_eq!(
        bench.receive(&request(0, 0, 131_073)),
        [send(reject(0, 0, 131_073))]
    );
}

#[test]
fn requests_over_reqq_are_rejected_and_a_flood_closes() {
    let mut bench = Bench::unchoked(MODERN);
    for _ in 0..8 {
        bench.receive(&request(0, 0, BLOCK));
    }
    for _ in 0..32 {
        assert_eq!(
            bench.receive(&request(1, 0, BLOCK)),
            [send(reject(1, 0, BLOCK))]
        );
    }
    let outputs = bench.receive(&request(1, 0, BLOCK));
    assert_eq!(
        outputs.last(),
        Some(&Output::Close(CloseReason::RequestFlood))
    );
}

#[test]
fn blocks_that_the_shell_has_taken_count_as_open() {
    let mut bench = Bench::unchoked(MODERN);
    for _ in 0..8 {
        bench.receive(&request(0, 0, BLOCK));
    }
    assert_eq!(bench.uploads().len(), 8);
    assert_eq!(
        bench.receive(&request(1, 0, BLOCK)),
        [send(reject(1, 0, BLOCK))]
    );
    bench.input(Input::Sent(block(0, 0, BLOCK)));
    assert_eq!(bench.receive(&request(1, 0, BLOCK)), []);
    assert_eq!(bench.session.open_requests(), 8);
}

#[test]
fn requests_while_choked_are_rejected_and_many_close() {
    let mut bench = Bench::open(MODERN);
    for _ in 0..16 {
        assert_eq!(
            bench.receive(&request(0, 0, BLOCK)),
            [send(reject(0, 0, BLOCK))]
        );
    }
    let outputs = bench.receive(&request(0, 0, BLOCK));
    assert_eq!(
        outputs.last(),
        Some(&Output::Close(CloseReason::RequestsWhileChoked))
    );
}

#[test]
fn requests_that_were_on_their_way_at_each_of_many_chokes_do_not_close() {
    let mut bench = Bench::unchoked(MODERN);
    for _ in 0..20 {
        bench.input(Input::Choke);
        let outputs = bench.receive(&request(0, 0, BLOCK).repeat(8));
        assert_eq!(outputs, [send(reject(0, 0, BLOCK).repeat(8))]);
        bench.input(Input::Unchoke);
    }
}

#[test]
fn a_choke_rejects_what_waits_and_leaves_what_is_being_sent() {
    let mut bench = Bench::unchoked(MODERN);
    for piece in 0..3 {
        bench.receive(&request(piece, 0, BLOCK));
    }
    let taken = bench.session.next_upload(bench.now);
    assert_eq!(taken, Some(Upload::Block(block(0, 0, BLOCK))));
    let expected = [
        bare(message::CHOKE),
        reject(1, 0, BLOCK),
        reject(2, 0, BLOCK),
    ]
    .concat();
    assert_eq!(bench.input(Input::Choke), [send(expected)]);
    assert_eq!(bench.uploads(), []);
    let outputs = bench.input(Input::Sent(block(0, 0, BLOCK)));
    assert_eq!(outputs, [Output::Requesting(false)]);
}

#[test]
fn a_choke_drops_what_waits_where_the_peer_knows_no_reject() {
    let mut bench = Bench::unchoked(PLAIN);
    bench.receive(&request(0, 0, BLOCK));
    let outputs = bench.input(Input::Choke);
    assert_eq!(
        outputs,
        [send(bare(message::CHOKE)), Output::Requesting(false)]
    );
    assert_eq!(bench.uploads(), []);
    assert_eq!(bench.receive(&request(0, 0, BLOCK)), []);
}

#[test]
fn a_cancelled_request_is_rejected_and_not_answered() {
    let mut bench = Bench::unchoked(MODERN);
    bench.receive(&[request(0, 0, BLOCK), request(1, 0, BLOCK)].concat());
    let cancel = naming(message::CANCEL, block(0, 0, BLOCK));
    assert_eq!(bench.receive(&cancel), [send(reject(0, 0, BLOCK))]);
    assert_eq!(bench.receive(&cancel), []);
    assert_eq!(bench.send_blocks(), [block(1, 0, BLOCK)]);
}

#[test]
fn a_request_for_a_piece_that_is_not_verified_is_held_until_it_is() {
    let mut bench = Bench::with(ten_pieces(), Bitfield::empty(10));
    bench.receive(&[handshake(MODERN), bare(message::INTERESTED)].concat());
    bench.input(Input::Unchoke);
    assert_eq!(bench.receive(&request(4, 0, BLOCK)), []);
    bench.pass(Duration::from_secs(24));
    assert_eq!(
        bench.input(Input::PieceVerified(4)),
        [Output::Requesting(true)]
    );
    assert_eq!(bench.send_blocks(), [block(4, 0, BLOCK)]);
}

#[test]
fn a_request_held_for_25_seconds_closes() {
    let mut bench = Bench::with(ten_pieces(), Bitfield::empty(10));
    bench.receive(&[handshake(MODERN), bare(message::INTERESTED)].concat());
    bench.input(Input::Unchoke);
    bench.receive(&request(4, 0, BLOCK));
    assert_eq!(
        bench.session.poll_timeout(),
        Some(bench.now + Duration::from_secs(25))
    );
    assert_eq!(
        bench.pass(Duration::from_secs(25)),
        closed(CloseReason::PieceNotThere)
    );
}

#[test]
fn a_withdrawn_piece_is_taken_back_and_asking_again_is_held_not_rejected() {
    let mut bench = Bench::unchoked(MODERN);
    bench.receive(&extended(0, b"d1:md11:lt_donthavei2eee"));
    bench.receive(&[request(4, 0, BLOCK), request(5, 0, BLOCK)].concat());
    let donthave = extended(2, &4_u32.to_be_bytes());
    let expected = [donthave, reject(4, 0, BLOCK)].concat();
    assert_eq!(bench.input(Input::PieceWithdrawn(4)), [send(expected)]);
    assert_eq!(bench.input(Input::PieceWithdrawn(4)), []);
    assert_eq!(bench.receive(&request(4, 0, BLOCK)), []);
    assert_eq!(bench.send_blocks(), [block(5, 0, BLOCK)]);
}

#[test]
fn a_piece_that_is_back_is_announced_again() {
    let mut bench = Bench::unchoked(MODERN);
    bench.input(Input::PieceWithdrawn(4));
    bench.input(Input::PieceVerified(4));
    assert_eq!(bench.pass(Duration::from_secs(1)), [send(have(4))]);
}

#[test]
fn a_block_that_cannot_be_read_is_rejected_and_its_piece_withdrawn() {
    let mut bench = Bench::unchoked(MODERN);
    bench.receive(&[request(4, 0, BLOCK), request(4, BLOCK, BLOCK)].concat());
    bench.session.next_upload(bench.now);
    let expected = [reject(4, BLOCK, BLOCK), reject(4, 0, BLOCK)].concat();
    let outputs = bench.input(Input::Unreadable(block(4, 0, BLOCK)));
    assert_eq!(outputs, [send(expected), Output::Requesting(false)]);
    assert_eq!(bench.receive(&request(4, 0, BLOCK)), [], "held");
}

#[test]
fn a_block_that_cannot_be_read_closes_where_the_peer_knows_no_reject() {
    let mut bench = Bench::unchoked(PLAIN);
    bench.receive(&request(4, 0, BLOCK));
    bench.uploads();
    let outputs = bench.input(Input::Unreadable(block(4, 0, BLOCK)));
    assert_eq!(outputs, closed(CloseReason::Unreadable));
}

#[test]
fn requests_of_a_withdrawn_piece_are_held_where_the_peer_knows_no_reject() {
    let mut bench = Bench::unchoked(PLAIN);
    bench.receive(&request(4, 0, BLOCK));
    let outputs = bench.input(Input::PieceWithdrawn(4));
    assert_eq!(outputs, [Output::Requesting(false)]);
    assert_eq!(
        bench.input(Input::PieceVerified(4)),
        [Output::Requesting(true)]
    );
    assert_eq!(bench.send_blocks(), [block(4, 0, BLOCK)]);
}
