//! Memory comes back when peers go.

use std::borrow::Cow;
use std::time::Duration;

use tracker_protocol::{
    Announce, Event, InfoHash, Offer, OfferId, PeerId, RawValue, SkippedOffers,
};

use super::Bench;
use crate::{Command, Config, ConnectionId, Swarms, Totals};

const PEERS: u32 = 5_000;

/// Peers of few connections in one large swarm and many small ones.
fn crowded() -> Bench {
    let mut bench = Bench::with(Config {
        entries_per_connection: 10_000,
        ..Config::default()
    });
    for number in 0..PEERS {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        for info_hash in [InfoHash::from_bytes(bytes), InfoHash::from_bytes([9; 20])] {
            bench.handle(Command::Announce {
                from: ConnectionId::new(0, u64::from(number % 900)),
                announce: Announce {
                    info_hash,
                    peer_id: PeerId::from_bytes(bytes),
                    event: Event::Started,
                    left: Some(u64::from(number % 3)),
                    uploaded: None,
                    downloaded: None,
                    numwant: None,
                    offers: vec![offer(number)],
                    skipped_offers: SkippedOffers::default(),
                    tracker_id: None,
                },
            });
        }
    }
    assert_eq!(bench.swarms.totals().torrents, PEERS as usize + 1);
    assert_eq!(bench.swarms.totals().parked_offers, PEERS as usize);
    bench
}

/// Finds a receiver in the large swarm and none in the small one.
fn offer(number: u32) -> Offer<'static> {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    let raw = RawValue::from_string("{}".to_owned()).expect("an object");
    Offer {
        offer_id: OfferId::from_bytes(bytes),
        offer: Cow::Owned(raw),
    }
}

#[track_caller]
fn assert_baseline<R>(swarms: &Swarms<R>)
where
    R: rand::Rng,
{
    assert_eq!(swarms.totals(), Totals::default());
    assert!(swarms.swarms.is_empty());
    assert!(swarms.deadlines.is_empty());
    assert!(swarms.numbers.is_empty());
    assert!(swarms.parking.is_empty());
    assert!(swarms.parking.capacity() < 64);
    assert_eq!(swarms.swarms.capacity(), 0);
    assert!(
        swarms.entries.capacity() < 128,
        "{}",
        swarms.entries.capacity()
    );
    assert!(
        swarms.outputs_capacity() <= 64,
        "{}",
        swarms.outputs_capacity()
    );
    assert_eq!(swarms.poll_timeout(), None);
}

#[test]
fn nothing_remains_when_all_connections_have_closed() {
    let mut bench = crowded();
    for connection in 0..900 {
        bench.disconnect(connection);
    }
    assert_baseline(&bench.swarms);
}

#[test]
fn nothing_remains_when_all_peers_have_expired() {
    let mut bench = crowded();
    bench.now += Duration::from_secs(300);
    bench.handle(Command::Tick);
    assert_baseline(&bench.swarms);
}

#[test]
fn a_swarm_that_shrinks_gives_room_back() {
    let mut bench = crowded();
    for connection in 1..900 {
        bench.disconnect(connection);
    }
    let swarm = bench.swarms.swarm(InfoHash::from_bytes([9; 20]));
    let members = &swarm.expect("one connection is left").members;
    assert!(members.len() < 10);
    assert!(members.capacity() < 100, "{}", members.capacity());
    let entries = bench.swarms.entries.capacity();
    assert!(entries < 2_000, "{entries} of {}", 2 * PEERS);
}
