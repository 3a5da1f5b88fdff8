//! Whatever a peer sends, in whatever order the shell acts.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::bench::{BLOCK, Bench, MODERN, bare, block, extended, have, naming, request};
use crate::message;
use crate::{BlockRequest, Input, Output, Upload};

#[derive(Debug, Clone)]
enum Step {
    Bytes(Vec<u8>),
    Request(BlockRequest),
    Choke,
    Unchoke,
    Verified(u32),
    Withdrawn(u32),
    Upload,
    Unreadable,
    Pass(u64),
}

fn valid_request() -> impl Strategy<Value = BlockRequest> {
    (0..10_u32, 0..2_u32).prop_map(|(piece, half)| match piece {
        9 => block(9, half * 50, 50),
        piece => block(piece, half * BLOCK, BLOCK),
    })
}

fn message_of_any_kind() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![0; 4]),
        (0..22_u8).prop_map(bare),
        any::<u32>().prop_map(have),
        (0..20_u32).prop_map(have),
        any::<(u32, u32, u32)>().prop_map(|(piece, begin, length)| request(piece, begin, length)),
        valid_request().prop_map(|asked| naming(message::CANCEL, asked)),
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(id, payload)| extended(id % 4, &payload)),
        (0..5_u32).prop_map(|piece| {
            extended(1, format!("d8:msg_typei0e5:piecei{piece}ee").as_bytes())
        }),
        Just(extended(0, b"d1:md11:lt_donthavei2e11:ut_metadatai3eee")),
        prop::collection::vec(any::<u8>(), 0..30),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => message_of_any_kind().prop_map(Step::Bytes),
        6 => valid_request().prop_map(Step::Request),
        2 => Just(Step::Bytes(bare(message::INTERESTED))),
        1 => Just(Step::Choke),
        3 => Just(Step::Unchoke),
        1 => (0..12_u32).prop_map(Step::Verified),
        1 => (0..12_u32).prop_map(Step::Withdrawn),
        3 => Just(Step::Upload),
        1 => Just(Step::Unreadable),
        1 => (0..40_000_u64).prop_map(Step::Pass),
    ]
}

fn act(bench: &mut Bench, step: &Step, taken: &mut Vec<BlockRequest>) -> Vec<Output> {
    match step {
        Step::Bytes(bytes) => bench.receive(bytes),
        Step::Request(asked) => bench.receive(&naming(message::REQUEST, *asked)),
        Step::Choke => bench.input(Input::Choke),
        Step::Unchoke => bench.input(Input::Unchoke),
        Step::Verified(piece) => bench.input(Input::PieceVerified(*piece)),
        Step::Withdrawn(piece) => bench.input(Input::PieceWithdrawn(*piece)),
        Step::Upload => {
            let blocks = bench
                .uploads()
                .into_iter()
                .filter_map(|upload| match upload {
                    Upload::Block(block) => Some(block),
                    Upload::Message(_) => None,
                });
            taken.extend(blocks);
            Vec::new()
        }
        Step::Unreadable => match taken.pop() {
            Some(block) => bench.input(Input::Unreadable(block)),
            None => Vec::new(),
        },
        Step::Pass(millis) => bench.pass(Duration::from_millis(*millis)),
    }
}

/// Counts the requests that messages of ours reject.
fn rejects(outputs: &[Output]) -> Vec<BlockRequest> {
    let sent: Vec<u8> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send(bytes) => Some(bytes.to_vec()),
            Output::Handshaken { .. }
            | Output::Interested(_)
            | Output::Requesting(_)
            | Output::Complete
            | Output::Close(_) => None,
        })
        .collect::<Vec<_>>()
        .concat();
    let mut rest = &sent[..];
    let mut rejected = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk::<4>() {
        let (message, next) = tail.split_at(u32::from_be_bytes(*head) as usize);
        if message.first() == Some(&message::REJECT) {
            let word = |at: usize| message[at..at + 4].try_into().map(u32::from_be_bytes);
            let word = |at| word(at).expect("four bytes");
            rejected.push(block(word(1), word(5), word(9)));
        }
        rest = next;
    }
    rejected
}

/// Bencoding in any order.
fn token() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "1:m",
        "11:ut_metadata",
        "11:lt_donthave",
        "8:msg_type",
        "5:piece",
        "i0e",
        "i1e",
        "i2e",
        "d",
        "l",
        "e",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(Vec::from),
        1 => any::<i64>().prop_map(|number| format!("i{number}e").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..5),
    ]
}

fn is_closed(outputs: &[Output]) -> bool {
    outputs
        .iter()
        .any(|output| matches!(output, Output::Close(_)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_do_no_harm(
        shaken in any::<bool>(),
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
    ) {
        let mut bench = if shaken { Bench::unchoked(MODERN) } else { Bench::new() };
        for chunk in chunks {
            let sent: usize = bench.receive(&chunk).len();
            prop_assert!(sent <= chunk.len() + 70);
            prop_assert!(bench.session.open_requests() <= 8);
        }
    }

    #[test]
    fn any_steps_do_no_harm_and_portions_say_what_the_whole_says(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        crate::fuzz::session(&bytes);
    }

    #[test]
    fn any_extended_message_says_something_bounded_or_nothing(
        tokens in prop::collection::vec(token(), 0..12),
    ) {
        crate::fuzz::extension(&tokens.concat());
        crate::fuzz::extension(&[b"d", &tokens.concat()[..], b"e"].concat());
    }

    #[test]
    fn every_valid_request_is_answered_or_rejected_once(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut bench = Bench::unchoked(MODERN);
        // Only what concerns requests, so that no step closes.
        let steps = steps.into_iter().filter(|step| {
            !matches!(step, Step::Bytes(_) | Step::Pass(_) | Step::Verified(_) | Step::Withdrawn(_))
        });
        let mut open = BTreeMap::<BlockRequest, i32>::new();
        let mut taken = Vec::new();
        for step in steps {
            if let Step::Request(asked) = &step {
                *open.entry(*asked).or_default() += 1;
            }
            let outputs = act(&mut bench, &step, &mut taken);
            prop_assume!(!is_closed(&outputs));
            for rejected in rejects(&outputs) {
                *open.entry(rejected).or_default() -= 1;
            }
        }
        let mut last = Vec::new();
        act(&mut bench, &Step::Upload, &mut taken);
        for sent in taken {
            last.extend(bench.input(Input::Sent(sent)));
            *open.entry(sent).or_default() -= 1;
        }
        last.extend(bench.input(Input::Choke));
        for rejected in rejects(&last) {
            *open.entry(rejected).or_default() -= 1;
        }
        prop_assert!(open.values().all(|count| *count == 0), "{open:?}");
        prop_assert_eq!(bench.session.open_requests(), 0);
    }

    #[test]
    fn every_valid_request_of_an_unchoked_peer_is_handed_out(
        asked in prop::collection::vec(valid_request(), 0..60),
        read_every in 1_usize..8,
    ) {
        let mut bench = Bench::unchoked(MODERN);
        let mut handed = Vec::new();
        for (at, asked) in asked.iter().enumerate() {
            let outputs = bench.receive(&naming(message::REQUEST, *asked));
            prop_assert!(rejects(&outputs).is_empty());
            if at % read_every == 0 {
                handed.extend(bench.send_blocks());
            }
        }
        handed.extend(bench.send_blocks());
        prop_assert_eq!(handed, asked);
    }
}
