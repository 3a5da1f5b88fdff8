//! What a real page sent, given to a session in every chunking.

use bytes::Bytes;
use proptest::prelude::*;
use tracker_protocol::{InfoHash, PeerId};

use super::bench::{Bench, OUR_ID, block, send, unhex};
use crate::message;
use crate::{Bitfield, BlockRequest, Input, Output, Torrent, Upload};

const RECORDING: &str = include_str!("data/leecher.hex");

fn messages() -> Vec<Vec<u8>> {
    let lines = RECORDING.lines().filter(|line| !line.starts_with('#'));
    lines.map(unhex).collect()
}

fn bench() -> Bench {
    let info_hash = InfoHash::try_from(&messages()[0][28..48]).expect("twenty bytes");
    let info = Bytes::from(vec![b'i'; 6_201]);
    let torrent = Torrent::new(info_hash, 16_384, 5_000_000, info).expect("a torrent");
    let mut bench = Bench::with(torrent, Bitfield::full(306));
    bench.session.poll_output();
    bench
}

/// What a session says and answers, whatever the chunking: sends joined, events in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Transcript {
    sent: Vec<u8>,
    events: Vec<Output>,
    metadata: Vec<Bytes>,
    blocks: Vec<BlockRequest>,
}

fn replay(chunks: &[&[u8]]) -> Transcript {
    let mut bench = bench();
    let mut transcript = Transcript::default();
    for chunk in chunks {
        let mut outputs = bench.receive(chunk);
        while !outputs.is_empty() {
            let unchoke = outputs.contains(&Output::Interested(true));
            for output in outputs {
                match output {
                    Output::Send(bytes) => transcript.sent.extend(bytes),
                    // How often the queue runs empty depends on the chunks.
                    Output::Requesting(_) => {}
                    other @ (Output::Handshaken { .. }
                    | Output::Interested(_)
                    | Output::Complete
                    | Output::Close(_)) => transcript.events.push(other),
                }
            }
            outputs = if unchoke {
                bench.input(Input::Unchoke)
            } else {
                Vec::new()
            };
        }
        for upload in bench.uploads() {
            match upload {
                Upload::Message(bytes) => transcript.metadata.push(bytes),
                Upload::Block(block) => {
                    transcript.blocks.push(block);
                    bench.input(Input::Sent(block));
                }
            }
        }
    }
    transcript
}

#[test]
fn a_recorded_page_is_served() {
    let messages = messages();
    let chunks: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let transcript = replay(&chunks);
    let opening = b"\0\0\0\x58\x14\0d1:md11:ut_metadatai1ee13:metadata_sizei6201e\
        4:reqqi8e11:upload_onlyi1e1:v9:Shoal 0.1e\0\0\0\x01\x0e\0\0\0\x01\x01";
    assert_eq!(transcript.sent, opening);
    let handshaken = Output::Handshaken {
        peer_id: PeerId::try_from(&messages[0][48..]).expect("twenty bytes"),
        client: "WebTorrent 3021".to_owned(),
    };
    let interest = [Output::Interested(true), Output::Interested(false)];
    assert_eq!(
        transcript.events,
        [vec![handshaken], interest.to_vec()].concat()
    );
    assert_eq!(transcript.metadata.len(), 1);
    assert_eq!(
        transcript.metadata[0].len(),
        6_246 + 5,
        "as long as a seeding page's answer"
    );
    let sequential = (0..7).map(|piece| block(piece, 0, 16_384));
    let expected: Vec<_> = [block(305, 0, 2_880)]
        .into_iter()
        .chain(sequential)
        .collect();
    assert_eq!(transcript.blocks, expected);
}

#[test]
fn our_own_id_is_not_the_recorded_one() {
    assert_ne!(&messages()[0][48..], OUR_ID);
    let mut bench = bench();
    bench.receive(&messages()[0]);
    let outputs = bench.receive(&messages()[5]);
    assert_eq!(outputs, [Output::Interested(true)]);
    let outputs = bench.input(Input::Unchoke);
    assert_eq!(outputs, [send(super::bench::bare(message::UNCHOKE))]);
}

proptest! {
    #[test]
    fn the_chunking_changes_nothing(cuts in prop::collection::btree_set(1_usize..700, 0..60)) {
        let messages = messages();
        let whole = messages.concat();
        // The page asks for blocks only once it is unchoked: up to there in chunks of its own.
        let interested: usize = messages[..7].iter().map(Vec::len).sum();
        let mut chunks = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([interested, whole.len()]).collect::<std::collections::BTreeSet<_>>() {
            if cut <= whole.len() {
                chunks.push(&whole[start..cut]);
                start = cut;
            }
        }
        let one_by_one: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(replay(&chunks), replay(&one_by_one));
    }
}
