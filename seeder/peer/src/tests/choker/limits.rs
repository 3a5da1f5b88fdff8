//! Limits of torrents, addresses and negotiations, slots by rate, and the choices of order.

use std::net::IpAddr;
use std::time::Duration;

use tracker_protocol::InfoHash;

use super::{A, B, Bench, C, D, ONE};
use crate::ChokerOutput::{Choke, Close, Unchoke};
use crate::PeerEvent::{Complete, Left, Located, Missing, Sent};
use crate::{ChokerConfig, Order, PeerKey, Refusal, Removal, Slots};

const TWO: InfoHash = InfoHash::from_bytes([2; 20]);
const QUANTUM: u64 = 1024 * 1024;

#[test]
fn a_turn_goes_on_until_its_quantum_is_sent_or_one_has_waited_for_half_of_the_patience() {
    let mut bench = Bench::with(ChokerConfig {
        slots: Slots::Fixed(1),
        quantum: QUANTUM,
        ..ChokerConfig::default()
    });
    bench.eager(A);
    bench.eager(B);
    bench.eager(C);
    assert_eq!(bench.due_in(), Some(Duration::from_secs(2)));
    assert_eq!(bench.pass(1_000), []);
    let rest = Sent { bytes: QUANTUM - 1 };
    assert_eq!(bench.tell(A, rest), []);
    assert_eq!(bench.tell(A, Sent { bytes: 1 }), [Choke(A), Unchoke(B)]);
    assert_eq!(bench.pass(999), []);
    assert_eq!(
        bench.pass(1),
        [Choke(B), Unchoke(C)],
        "C has waited for 2 s"
    );
}

#[test]
fn a_torrent_has_no_more_than_its_slots_and_others_pass_its_line() {
    let mut bench = Bench::with(ChokerConfig {
        slots: Slots::Fixed(3),
        slots_per_torrent: 1,
        ..ChokerConfig::default()
    });
    assert_eq!(bench.eager_for(A, ONE), [Unchoke(A)]);
    assert_eq!(bench.eager_for(B, ONE), []);
    assert_eq!(bench.eager_for(C, TWO), [Unchoke(C)]);
    assert_eq!(bench.due_in(), Some(Duration::from_secs(2)));
    assert_eq!(
        bench.pass(2_000),
        [Choke(A), Unchoke(B)],
        "C's turn goes on"
    );
    for key in 4..7 {
        bench.eager(PeerKey(key));
    }
    let refused = bench.admit(PeerKey(7));
    assert_eq!(refused, Err(Refusal::LongLine));
    let of_two = PeerKey(8);
    assert_eq!(bench.eager_for(of_two, TWO), [Choke(C), Unchoke(of_two)]);
}

#[test]
fn a_torrent_has_no_more_than_its_places() {
    let mut bench = Bench::with(ChokerConfig {
        max_peers_per_torrent: 2,
        ..ChokerConfig::default()
    });
    bench.eager_for(A, TWO);
    bench.tell(A, Complete);
    bench.eager(B);
    bench.eager(C);
    assert_eq!(bench.admit(D), Err(Refusal::Full), "A is of no use to it");
    bench.tell(C, Complete);
    bench.outputs();
    assert_eq!(bench.admit(D), Ok(()));
    assert_eq!(bench.outputs(), [Close(C, Removal::Complete)]);
}

#[test]
fn with_optimistic_slots_these_go_round_and_the_others_serve_who_is_nearest_to_its_end() {
    let mut bench = Bench::with(ChokerConfig {
        slots: Slots::Fixed(2),
        optimistic: 1,
        order: Order::NearestFinish,
        ..ChokerConfig::default()
    });
    for (peer, bytes) in [(A, 900), (B, 500), (C, 700), (D, 400)] {
        bench.eager(peer);
        bench.tell(peer, Missing { bytes });
    }
    assert_eq!((bench.choker.served(), bench.choker.waiting()), (2, 2));
    assert_eq!(bench.pass(1_000), [Choke(A), Unchoke(C)], "C waits longest");
    assert_eq!(
        bench.pass(1_000),
        [Choke(B), Unchoke(D), Choke(C), Unchoke(A)]
    );
    assert_eq!(bench.pass(1_000), [Choke(A), Unchoke(B)]);
    assert_eq!(
        bench.pass(1_000),
        [Choke(B), Unchoke(C)],
        "D keeps its slot"
    );
    assert_eq!(bench.tell(D, Complete), [Choke(D), Unchoke(B)]);
}

#[test]
fn slots_by_rate_follow_the_rate_of_a_crowd() {
    let mut bench = Bench::with(ChokerConfig {
        slots: Slots::ByRate {
            least: 1,
            most: 3,
            step: 1_000,
        },
        ..ChokerConfig::default()
    });
    bench.eager(A);
    bench.eager(B);
    bench.eager(C);
    assert_eq!(bench.choker.served(), 1);
    bench.tell(A, Sent { bytes: 8_000 });
    bench.pass(2_000);
    assert_eq!(
        bench.choker.slots(),
        2,
        "4 000 bytes a second carry 2 × 2 000"
    );
    bench.tell(A, Sent { bytes: 1_000_000 });
    bench.pass(2_000);
    assert_eq!((bench.choker.slots(), bench.choker.served()), (3, 3));
    bench.pass(2_000);
    assert_eq!((bench.choker.slots(), bench.choker.served()), (1, 1));
}

#[test]
fn negotiations_are_bounded_and_slow_ones_give_way_after_5_seconds() {
    let mut bench = Bench::with(ChokerConfig {
        max_negotiations: 2,
        ..ChokerConfig::default()
    });
    assert_eq!((bench.admit(A), bench.admit(B)), (Ok(()), Ok(())));
    assert_eq!(bench.admit(C), Err(Refusal::Busy));
    assert_eq!(bench.choker.room(), 0);
    bench.pass(4_999);
    assert_eq!(bench.admit(C), Err(Refusal::Busy));
    bench.pass(1);
    assert_eq!(bench.admit(C), Ok(()));
    assert_eq!(bench.outputs(), [Close(A, Removal::Negotiating)]);
    assert_eq!(bench.choker.negotiating(), 2);
}

#[test]
fn peers_of_one_address_are_bounded() {
    let mut bench = Bench::with(ChokerConfig {
        max_peers_per_address: 1,
        ..ChokerConfig::default()
    });
    let at = |address: &str| Located(address.parse::<IpAddr>().expect("an address"));
    bench.eager(A);
    bench.eager(B);
    assert_eq!(bench.tell(A, at("192.0.2.1")), []);
    assert_eq!(
        bench.tell(A, at("192.0.2.1")),
        [],
        "told twice, counted once"
    );
    assert_eq!(bench.tell(B, at("192.0.2.2")), []);
    bench.eager(C);
    let crowded = [Close(C, Removal::CrowdedAddress)];
    assert_eq!(bench.tell(C, at("::ffff:192.0.2.1")), crowded);
    bench.eager(D);
    assert_eq!(bench.tell(D, at("2001:db8::1")), []);
    bench.eager(C);
    assert_eq!(bench.tell(C, at("2001:db8::ffff:2")), crowded);
    bench.tell(D, Left);
    bench.eager(C);
    assert_eq!(bench.tell(C, at("2001:db8::3")), []);
}
