//! Offers that found no receiver.

use super::{Bench, offers, response};
use crate::{Command, Config, Refusal};

const SEED: &str = r#","left":0"#;

/// The line for offer `name` of a peer that goes to a connection.
fn relayed(to: u64, peer: char, name: &str) -> String {
    format!(
        r#"{to} offer {{"action":"announce","info_hash":"<h>","peer_id":"<{peer}>","offer_id":"{name}","offer":{{"sdp":"{name}"}}}}"#
    )
}

#[test]
fn a_joiner_gets_a_parked_offer_after_its_response_and_may_answer_it() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &offers(2));
    bench.pass(44);
    let joined = bench.announce(2, 'b', "");
    assert_eq!(
        joined.messages(),
        [response(2, 0, 2, 0), relayed(2, 'a', "1")]
    );
    bench.pass(59);
    assert_eq!(
        bench.answer(2, 'b', 'a', "1").messages(),
        [
            r#"1 answer {"action":"announce","info_hash":"<h>","peer_id":"<b>","offer_id":"1","answer":{"sdp":"a"}}"#
        ]
    );
}

#[test]
fn each_joiner_gets_another_offer_until_there_are_no_more() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &offers(2));
    for (connection, peer, given) in [(2, 'b', "1"), (3, 'c', "0")] {
        let joined = bench.announce(connection, peer, "");
        assert_eq!(joined.offers(), [(connection, given.to_owned())]);
    }
    assert_eq!(bench.announce(4, 'd', "").offers(), []);
}

#[test]
fn a_peer_that_was_there_gets_no_parked_offer() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    let two = bench.announce(2, 'b', &offers(2));
    assert_eq!(two.offers(), [(1, "0".to_owned())]);
    assert_eq!(bench.announce(1, 'a', "").offers(), []);
}

#[test]
fn offers_wait_for_less_than_the_clients_own_limit() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &offers(1));
    bench.pass(45);
    assert_eq!(bench.swarms.poll_timeout(), Some(bench.now));
    bench.handle(Command::Tick);
    assert_eq!(bench.swarms.totals().parked_offers, 0);
    assert_eq!(bench.announce(2, 'b', "").offers(), []);
}

#[test]
fn two_peers_are_brought_together_in_one_direction_only() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &offers(1));
    let joined = bench.announce(2, 'b', &offers(2));
    assert_eq!(
        joined.messages(),
        [response(2, 0, 2, 0), relayed(1, 'b', "0")]
    );
    // The second offer of `b` and the one of `a` wait on.
    let joined = bench.announce(3, 'c', "");
    assert_eq!(joined.offers(), [(3, "0".to_owned()), (3, "1".to_owned())]);
}

#[test]
fn numwant_bounds_the_offers_given_and_taken_together() {
    let mut bench = Bench::new();
    for (connection, peer) in (1..).zip('a'..='f') {
        bench.announce(connection, peer, &format!("{},\"numwant\":9", offers(9)));
    }
    let joined = bench.announce(9, 'z', &format!("{},\"numwant\":5", offers(2)));
    let own = joined.offers().iter().filter(|(to, _)| *to != 9).count();
    assert_eq!((own, joined.offers().len()), (2, 5));
    let none = bench.announce(10, 'y', ",\"numwant\":0");
    assert_eq!(none.offers(), []);
}

#[test]
fn a_seeds_offers_wait_for_a_leecher_and_are_preferred() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &format!("{}{SEED}", offers(1)));
    assert_eq!(bench.announce(2, 'b', SEED).offers(), []);
    bench.announce(3, 'c', &format!("{},\"numwant\":9", offers(9)));
    let one = bench.announce(4, 'd', ",\"numwant\":1");
    assert_eq!(one.messages()[1..], [relayed(4, 'a', "0")]);
    let mut bench = Bench::with(Config {
        match_roles: false,
        ..Config::default()
    });
    bench.announce(1, 'a', &format!("{}{SEED}", offers(1)));
    assert_eq!(bench.announce(2, 'b', SEED).offers().len(), 1);
}

#[test]
fn a_parked_offer_never_goes_to_a_peer_with_the_offerers_id() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &offers(1));
    assert_eq!(bench.announce(2, 'a', "").offers(), []);
    assert_eq!(bench.announce(3, 'b', "").offers().len(), 1);
}

#[test]
fn newer_offers_replace_the_parked_ones_and_an_announce_without_leaves_them() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &offers(3));
    bench.announce(1, 'a', "");
    assert_eq!(bench.swarms.totals().parked_offers, 3);
    bench.announce(1, 'a', &offers(1));
    assert_eq!(bench.swarms.totals().parked_offers, 1);
    bench.announce(1, 'a', &format!("{},\"numwant\":0", offers(1)));
    assert_eq!(bench.swarms.totals().parked_offers, 0);
}

#[test]
fn parked_offers_go_with_the_peer_that_made_them() {
    for way in 0..4 {
        let mut bench = Bench::new();
        bench.announce(2, 'b', "");
        bench.announce(1, 'a', &offers(3));
        assert_eq!(bench.swarms.totals().parked_offers, 2);
        match way {
            0 => bench.announce(1, 'a', r#","event":"stopped""#),
            1 => bench.disconnect(1),
            2 => {
                bench.pass(44);
                bench.announce(2, 'b', "");
                bench.handle(Command::KickPeer {
                    info_hash: super::hash('h'),
                    peer_id: super::peer('a'),
                })
            }
            _ => bench.handle(Command::RemoveTorrent {
                info_hash: super::hash('h'),
            }),
        };
        assert_eq!(bench.swarms.totals().parked_bytes, 0, "way {way}");
        assert_eq!(bench.announce(3, 'c', "").offers(), []);
    }
}

#[test]
fn the_oldest_offers_make_room_in_a_torrent_and_in_all() {
    let one = 256 + r#"{"sdp":"0"}"#.len();
    let mut bench = Bench::with(Config {
        parked_bytes_per_torrent: 2 * one,
        parked_bytes: 3 * one,
        ..Config::default()
    });
    bench.announce(1, 'a', &offers(5));
    assert_eq!(bench.swarms.totals().parked_offers, 2);
    bench.announce_in('i', 2, 'b', &offers(2));
    let totals = bench.swarms.totals();
    assert_eq!((totals.parked_offers, totals.parked_bytes), (3, 3 * one));
    let given = |bench: &mut Bench, peer| bench.announce(9, peer, "").offers();
    assert_eq!(given(&mut bench, 'x'), [(9, "4".to_owned())]);
    assert_eq!(given(&mut bench, 'y'), []);
}

#[test]
fn nothing_is_parked_where_it_is_off_or_too_large() {
    for config in [
        Config {
            parked_for: std::time::Duration::ZERO,
            ..Config::default()
        },
        Config {
            parked_bytes: 256,
            ..Config::default()
        },
        Config {
            parked_bytes_per_torrent: 256,
            ..Config::default()
        },
    ] {
        let mut bench = Bench::with(config);
        bench.announce(1, 'a', &offers(2));
        assert_eq!(bench.swarms.totals().parked_offers, 0);
    }
}

#[test]
fn a_parked_offer_is_answered_once_and_by_its_receiver() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', &offers(1));
    bench.announce(2, 'b', "");
    bench.announce(3, 'c', "");
    let refusal = |outcome: super::Outcome| match outcome.0[..] {
        [crate::Output::AnswerRefused { refusal, .. }] => Some(refusal),
        _ => None,
    };
    let of_other = bench.answer(3, 'c', 'a', "0");
    assert_eq!(refusal(of_other), Some(Refusal::NotOffered));
    assert_eq!(refusal(bench.answer(2, 'b', 'a', "0")), None);
    let again = bench.answer(2, 'b', 'a', "0");
    assert_eq!(refusal(again), Some(Refusal::NotOffered));
}
