//! Peers that mean harm: what they can cost, and that they are closed.

use super::bench::{
    BLOCK, Bench, MODERN, bare, block, closed, extended, handshake, have, naming, request,
};
use crate::message;
use crate::{CloseReason, DecodeError, Output, Upload};

fn last_of_flood(bench: &mut Bench, message: &[u8], times: usize) -> Option<Output> {
    (0..times).find_map(|_| {
        let outputs = bench.receive(message);
        outputs
            .into_iter()
            .find(|output| matches!(output, Output::Close(_)))
    })
}

#[test]
fn an_oversized_message_closes_at_its_head() {
    let mut bench = Bench::open(MODERN);
    let outputs = bench.receive(&[0x7f, 0xff, 0xff, 0xff, message::EXTENDED]);
    let too_long = DecodeError::TooLong {
        id: message::EXTENDED,
        length: 0x7fff_ffff,
        limit: 16_384,
    };
    assert_eq!(outputs, closed(CloseReason::Decode(too_long)));
}

#[test]
fn floods_of_messages_without_use_close() {
    let seldom = Some(Output::Close(CloseReason::SeldomMessages));
    for message in [
        have(3),
        bare(message::HAVE_NONE),
        bare(message::UNCHOKE),
        [bare(message::INTERESTED), bare(message::NOT_INTERESTED)].concat(),
        vec![0, 0, 0, 2, 99, 1],
        extended(77, b"pex"),
        extended(0, b"de"),
        naming(message::CANCEL, block(0, 0, 1)),
    ] {
        let mut bench = Bench::open(MODERN);
        assert_eq!(
            last_of_flood(&mut bench, &message, 2_100),
            seldom,
            "{message:?}"
        );
    }
}

#[test]
fn a_flood_of_keep_alives_closes() {
    let mut bench = Bench::open(MODERN);
    let close = last_of_flood(&mut bench, &[0; 4_096], 65);
    assert_eq!(close, Some(Output::Close(CloseReason::MessageFlood)));
}

#[test]
fn metadata_asked_for_and_never_read_costs_no_memory() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&extended(0, b"d1:md11:ut_metadatai3eee"));
    let ask = extended(1, b"d8:msg_typei0e5:piecei0ee");
    let outputs = bench.receive(&ask.repeat(1_000));
    let sent: usize = outputs.iter().map(sent_bytes).sum();
    assert!(sent < 40 * 1_000, "only rejects are written: {sent} bytes");
    let queued = bench.uploads().len();
    assert_eq!(queued, 6, "two copies of three pieces");
}

#[test]
fn requests_and_cancels_in_turn_close() {
    let mut bench = Bench::unchoked(MODERN);
    let both = [
        request(0, 0, BLOCK),
        naming(message::CANCEL, block(0, 0, BLOCK)),
    ]
    .concat();
    let close = last_of_flood(&mut bench, &both, 2_100);
    assert_eq!(close, Some(Output::Close(CloseReason::SeldomMessages)));
}

#[test]
fn a_request_flood_in_one_message_is_answered_within_bounds() {
    let mut bench = Bench::unchoked(MODERN);
    let outputs = bench.receive(&request(0, 0, BLOCK).repeat(15_000));
    let sent: usize = outputs.iter().map(sent_bytes).sum();
    assert_eq!(
        sent,
        33 * 17,
        "rejects of four times reqq, and of the one that closes"
    );
    assert_eq!(
        outputs.last(),
        Some(&Output::Close(CloseReason::RequestFlood))
    );
    assert_eq!(bench.uploads(), [], "a closed session uploads nothing");
}

#[test]
fn requests_before_interest_are_tolerated_and_rejected() {
    let mut bench = Bench::open(MODERN);
    bench.receive(&request(0, 0, BLOCK));
    bench.receive(&bare(message::INTERESTED));
    bench.input(crate::Input::Unchoke);
    bench.receive(&request(0, 0, BLOCK));
    assert_eq!(bench.uploads(), [Upload::Block(block(0, 0, BLOCK))]);
}

#[test]
fn a_handshake_without_end_is_no_memory() {
    let mut bench = Bench::new();
    bench.outputs();
    let wrong = handshake(MODERN)[..20].repeat(10_000);
    assert!(matches!(
        bench.receive(&wrong)[..],
        [Output::Close(CloseReason::Handshake(_))]
    ));
}

fn sent_bytes(output: &Output) -> usize {
    match output {
        Output::Send(bytes) => bytes.len(),
        Output::Handshaken { .. }
        | Output::Interested(_)
        | Output::Requesting(_)
        | Output::Complete
        | Output::Close(_) => 0,
    }
}
