//! What a session costs a block, and what the choker costs an event, by the number of peers.
//!
//! `cargo bench -p peer`. Time in both machines is virtual: it moves on so that no limit is met.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peer::{
    Bitfield, Choker, ChokerConfig, ChokerOutput, Input, Limits, PeerEvent, PeerKey, Session,
    SessionConfig, Slots, Torrent, Upload,
};
use tracker_protocol::{InfoHash, PeerId};

const BLOCK: u32 = 16 * 1024;
const PIECE: u32 = 1024 * 1024;
const PIECES: u32 = 1000;
const BLOCKS_OF_PIECE: u32 = PIECE / BLOCK;

/// Longer than any turn of the benches.
const TURN: Duration = Duration::from_secs(60_000);

const INTERESTED: &[u8] = &[0, 0, 0, 1, 2];

fn torrent() -> Torrent {
    let hashes = "x".repeat(20 * PIECES as usize);
    let info = format!(
        "d6:lengthi{}e4:name1:a12:piece lengthi{PIECE}e6:pieces{}:{hashes}e",
        u64::from(PIECE) * u64::from(PIECES),
        hashes.len()
    );
    let length = u64::from(PIECE) * u64::from(PIECES);
    Torrent::new(
        InfoHash::from_bytes([7; 20]),
        PIECE,
        length,
        info.into_bytes().into(),
    )
    .expect("the torrent is one")
}

/// `request` messages of a whole piece (BEP 3).
fn requests(piece: u32) -> Vec<u8> {
    let message = |block: u32| {
        let fields = [13, 0, piece, block * BLOCK, BLOCK].map(u32::to_be_bytes);
        let [length, _, index, begin, size] = fields;
        [&length[..], &[6], &index, &begin, &size].concat()
    };
    (0..BLOCKS_OF_PIECE).flat_map(message).collect()
}

/// A session whose peer, as webtorrent.js says it, has shaken hands, is interested and unchoked.
fn unchoked(now: Instant) -> Session {
    let mut session = Session::new(
        now,
        SessionConfig {
            torrent: torrent(),
            our_peer_id: PeerId::from_bytes(*b"-SH0100-abcdefghijkl"),
            have: Bitfield::full(PIECES),
            client: "Shoal".to_owned(),
            limits: Limits::default(),
        },
    );
    let mut handshake = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04".to_vec();
    handshake.extend([7; 20]);
    handshake.extend(b"-WW0300-S58Mfh7qBbBb");
    session.handle(now, Input::Received(&handshake));
    session.handle(now, Input::Received(INTERESTED));
    session.handle(now, Input::Unchoke);
    while session.poll_output().is_some() {}
    session
}

/// Requests of a piece come in messages of so many bytes, and each block's header goes out.
fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("session, a piece of 64 blocks");
    group.throughput(Throughput::Elements(BLOCKS_OF_PIECE.into()));
    for (name, chunk) in [
        ("in one message", usize::MAX),
        ("a message each", 17),
        ("in bytes", 1),
    ] {
        let mut now = Instant::now();
        let mut session = unchoked(now);
        let mut pieces = (0..PIECES).cycle();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || requests(pieces.next().expect("they never end")),
                |bytes| {
                    now += Duration::from_secs(1);
                    for part in bytes.chunks(chunk.min(bytes.len())) {
                        session.handle(now, Input::Received(part));
                        while session.poll_output().is_some() {}
                    }
                    let mut sent = 0;
                    while let Some(Upload::Block(block)) = session.next_upload(now) {
                        black_box(block.header());
                        session.handle(now, Input::Sent(block));
                        while session.poll_output().is_some() {}
                        sent += 1;
                    }
                    assert_eq!(sent, BLOCKS_OF_PIECE, "each request is answered");
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// A choker with so many peers that want something, of which 64 are served.
fn crowd(now: Instant, peers: u64) -> Choker {
    let mut choker = Choker::new(ChokerConfig {
        slots: Slots::Fixed(64),
        max_peers: usize::MAX,
        max_negotiations: usize::MAX,
        // The line grows as long as asked for, not as long as it could be served.
        patience: Duration::from_secs(100_000),
        stall: Duration::from_secs(1_000_000),
        ..ChokerConfig::default()
    });
    for peer in 0..peers {
        join(&mut choker, now, PeerKey(peer));
    }
    choker
}

fn join(choker: &mut Choker, now: Instant, peer: PeerKey) {
    choker
        .admit(now, peer, InfoHash::from_bytes([7; 20]))
        .expect("there is room");
    for event in [
        PeerEvent::Joined,
        PeerEvent::Interested,
        PeerEvent::Requesting(true),
    ] {
        choker.handle(now, peer, event);
    }
    while choker.poll_output().is_some() {}
}

/// What happens for each block, at each turn, and when a page comes and goes.
fn choker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choker");
    for peers in [15, 500, 5_000] {
        let mut now = Instant::now();
        let mut choker = crowd(now, peers);
        let mut served = (0..peers.min(64)).cycle();
        group.bench_function(BenchmarkId::new("a block sent", peers), |bencher| {
            bencher.iter(|| {
                now += Duration::from_micros(50);
                let peer = PeerKey(served.next().expect("they never end"));
                choker.handle(
                    now,
                    peer,
                    PeerEvent::Sent {
                        bytes: BLOCK.into(),
                    },
                );
                while let Some(output) = choker.poll_output() {
                    black_box(output);
                }
            });
        });
        let mut choker = crowd(now, peers);
        let mut served: VecDeque<PeerKey> = (0..peers.min(64)).map(PeerKey).collect();
        group.bench_function(BenchmarkId::new("all turns end", peers), |bencher| {
            bencher.iter(|| {
                // Who takes nothing for its turns is closed in the end.
                for peer in &served {
                    choker.handle(
                        now,
                        *peer,
                        PeerEvent::Sent {
                            bytes: BLOCK.into(),
                        },
                    );
                }
                now += TURN;
                choker.tick(now);
                while let Some(output) = choker.poll_output() {
                    match output {
                        ChokerOutput::Choke(_) => served.pop_front(),
                        ChokerOutput::Unchoke(key) => {
                            served.push_back(key);
                            None
                        }
                        ChokerOutput::Close(..) => panic!("all take what they ask for"),
                    };
                }
            });
        });
        let mut choker = crowd(now, peers);
        let mut newcomers = (peers..).map(PeerKey);
        group.bench_function(
            BenchmarkId::new("a page comes and goes", peers),
            |bencher| {
                bencher.iter(|| {
                    now += Duration::from_micros(50);
                    let peer = newcomers.next().expect("they never end");
                    join(&mut choker, now, peer);
                    choker.handle(now, peer, PeerEvent::Left);
                    while let Some(output) = choker.poll_output() {
                        black_box(output);
                    }
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, blocks, choker);
criterion_main!(benches);
