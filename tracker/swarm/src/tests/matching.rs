//! Which of many peers get an offer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Bench, hash, offers};
use crate::{Command, ConnectionId, Peer};

const SEED: &str = r#","left":0"#;

/// A swarm of these seeds and leechers, each on the connection of its number from 1.
fn swarm(seeds: u64, leechers: u64) -> Bench {
    let mut bench = Bench::new();
    for (connection, peer) in (1..=seeds + leechers).zip('a'..) {
        let left = if connection <= seeds { SEED } else { "" };
        bench.announce(connection, peer, left);
    }
    bench
}

/// Lets `z` make five offers so many times, with a second between, and those that `answer` answer.
/// Returns how many each got.
fn offered(bench: &mut Bench, times: u64, answers: impl Fn(u64) -> bool) -> BTreeMap<u64, u64> {
    let mut received = BTreeMap::new();
    for _ in 0..times {
        bench.pass(1);
        // No name comes twice.
        let second = bench.now.duration_since(bench.start).as_secs();
        let offers = offers(5).replace(r#""offer_id":""#, &format!(r#""offer_id":"{second}-"#));
        for (to, name) in bench.announce(99, 'z', &offers).offers() {
            *received.entry(to).or_default() += 1;
            if answers(to) {
                let peer = ('a'..).nth(to as usize - 1).expect("a letter");
                assert_eq!(bench.answer(to, peer, 'z', &name).messages().len(), 1);
            }
        }
    }
    received
}

fn peers(bench: &Bench) -> Vec<Peer> {
    bench.swarms.peers(hash('h'), None, usize::MAX)
}

#[test]
fn offers_are_spread_evenly_over_peers_of_a_role() {
    for (seeds, leechers) in [(0, 20), (20, 0), (10, 10)] {
        let mut bench = swarm(seeds, leechers);
        let received = offered(&mut bench, 200, |_| true);
        for range in [1..=seeds, seeds + 1..=seeds + leechers] {
            let count = range.clone().count() as u64;
            let of_role: Vec<u64> = range.map(|to| received[&to]).collect();
            let mean = of_role.iter().sum::<u64>().checked_div(count).unwrap_or(0);
            for got in of_role {
                assert!(got.abs_diff(mean) <= mean / 8 + 2, "{got} of about {mean}");
            }
        }
    }
}

#[test]
fn seeds_get_half_of_the_leechers_offers_at_least() {
    let mut bench = swarm(5, 15);
    for _ in 0..20 {
        bench.pass(60);
        let to_seeds = bench.announce(99, 'z', &offers(5)).offers();
        let to_seeds = to_seeds.iter().filter(|(to, _)| *to <= 5).count();
        assert!(to_seeds >= 3, "{to_seeds} of five");
        for connection in 1..=20 {
            let peer = ('a'..).nth(connection as usize - 1).expect("a letter");
            let left = if connection <= 5 { SEED } else { "" };
            for name in ["0", "1", "2", "3", "4"] {
                bench.answer(connection, peer, 'z', name);
            }
            bench.announce(connection, peer, left);
        }
    }
}

#[test]
fn a_single_seed_is_not_hit_by_every_joiner() {
    let mut bench = swarm(1, 20);
    // Two joiners a second: half of their offers would be 360 a minute.
    let mut to_seed = 0;
    for _ in 0..600 {
        bench.now += Duration::from_millis(500);
        let given = bench.announce(99, 'z', &offers(5)).offers();
        assert_eq!(given.len(), 5);
        to_seed += given.iter().filter(|(to, _)| *to == 1).count();
        for (to, name) in given {
            let peer = ('a'..).nth(to as usize - 1).expect("a letter");
            bench.answer(to, peer, 'z', &name);
        }
    }
    // 60 a minute, and its share of the others as one of 21.
    assert!((250..=420).contains(&to_seed), "{to_seed}");
}

#[test]
fn peers_that_never_answer_are_chosen_last() {
    let mut bench = swarm(0, 20);
    offered(&mut bench, 60, |to| to <= 8);
    let aside: Vec<_> = peers(&bench).iter().map(|peer| peer.is_set_aside).collect();
    assert_eq!(aside[..20], [[false; 8].as_slice(), &[true; 12]].concat());
    let received = offered(&mut bench, 320, |to| to <= 8);
    let to_silent: u64 = received.range(9..).map(|(_, got)| got).sum();
    // Of 1 600 offers one in 16 is to see whether they answer again.
    assert!((60..=140).contains(&to_silent), "{to_silent}");
}

#[test]
fn silent_peers_get_offers_where_there_are_no_others() {
    let mut bench = swarm(0, 4);
    offered(&mut bench, 30, |_| false);
    assert!(peers(&bench)[..4].iter().all(|peer| peer.is_set_aside));
    let all = bench.announce(99, 'z', &offers(5)).offers();
    assert_eq!(all.len(), 4);
}

#[test]
fn a_peer_that_answers_again_is_chosen_again() {
    let mut bench = swarm(0, 4);
    offered(&mut bench, 30, |_| false);
    offered(&mut bench, 1, |to| to == 1);
    assert!(!peers(&bench)[0].is_set_aside);
    let received = offered(&mut bench, 1, |to| to == 1);
    assert_eq!(received[&1], 1);
}

#[test]
fn three_offers_without_an_answer_in_ten_seconds_are_silence() {
    let mut bench = swarm(0, 1);
    for name in 0..3 {
        let offer = format!(r#","offers":[{{"offer":{{}},"offer_id":"{name}"}}]"#);
        assert_eq!(bench.announce(98, 'y', &offer).offers().len(), 1);
    }
    let is_aside = |bench: &mut Bench| {
        bench.announce(97, 'x', &format!("{},\"numwant\":1", offers(1)));
        peers(bench)[0].is_set_aside
    };
    bench.pass(9);
    assert!(!is_aside(&mut bench));
    bench.pass(1);
    assert!(is_aside(&mut bench));
}

#[test]
fn a_congested_connection_is_chosen_last_for_ten_seconds() {
    let mut bench = swarm(0, 2);
    let connection = ConnectionId::new(0, 1);
    bench.handle(Command::Congested { connection });
    bench.announce_in('i', 1, 'a', "");
    let receiver = |bench: &mut Bench, hash| {
        let keys = format!("{},\"numwant\":1", offers(1));
        let given = bench.announce_in(hash, 9, 'z', &keys).offers();
        bench.announce_in(hash, 9, 'z', r#","event":"stopped""#);
        given.into_iter().map(|(to, _)| to).collect::<Vec<_>>()
    };
    assert!(peers(&bench)[0].is_set_aside);
    assert_eq!(receiver(&mut bench, 'i'), [1], "nobody else is there");
    bench.pass(9);
    bench.handle(Command::Congested { connection });
    bench.pass(9);
    assert!(peers(&bench)[0].is_set_aside);
    bench.pass(1);
    assert_eq!(bench.swarms.poll_timeout(), Some(bench.now));
    bench.handle(Command::Tick);
    assert!(!peers(&bench)[0].is_set_aside);
    bench.handle(Command::Congested { connection });
    bench.disconnect(1);
    let stranger = ConnectionId::new(0, 77);
    bench.handle(Command::Congested {
        connection: stranger,
    });
    assert!(bench.swarms.congested.is_empty() && bench.swarms.reliefs.is_empty());
}

#[test]
fn of_two_alike_the_nearer_is_chosen() {
    let mut near = 0;
    for _ in 0..8 {
        let mut bench = swarm(0, 2);
        for (serial, rtt) in [(1, 80), (2, 20)] {
            let connection = ConnectionId::new(0, serial);
            let rtt = Duration::from_millis(rtt);
            bench.handle(Command::Measured { connection, rtt });
        }
        let keys = format!("{},\"numwant\":1", offers(1));
        near += bench.announce(9, 'z', &keys).offers()[0].0;
        // And the other at the next turn, because it got less.
        bench.pass(1);
        assert_eq!(bench.announce(9, 'z', &keys).offers()[0].0, 1);
    }
    assert_eq!(near, 16);
}

#[test]
fn offers_given_and_answered_are_told_by_torrent_and_peer() {
    let mut bench = swarm(0, 2);
    bench.announce(9, 'z', &offers(2));
    for name in ["0", "1"] {
        bench.answer(1, 'a', 'z', name);
    }
    let torrent = bench.swarms.torrent(hash('h')).expect("a torrent");
    assert_eq!((torrent.offers_given, torrent.offers_answered), (2, 1));
    let told: Vec<_> = peers(&bench)
        .iter()
        .map(|peer| (peer.offers_given, peer.offers_answered))
        .collect();
    assert_eq!(told, [(1, 1), (1, 0), (0, 0)]);
}
