//! Who is in a swarm, in which role, and who may say so.

use super::{Bench, hash, peer, response};
use crate::{Change, Command, ConnectionId, Departure, Fact, PeerStats, Role};

#[test]
fn left_of_exactly_zero_is_a_seed_and_all_else_a_leecher() {
    for (left, is_seed) in [
        ("0", true),
        ("0.0", true),
        ("\"0\"", true),
        ("null", false),
        ("-1", false),
        ("1.5", false),
        ("9007199254740993", false),
        ("1e999", false),
        ("\"5\"", false),
        ("\"\"", false),
        ("true", false),
    ] {
        let mut bench = Bench::new();
        bench.announce(1, 'a', &format!(",\"left\":{left}"));
        let expected = if is_seed { (1, 0) } else { (0, 1) };
        assert_eq!(bench.counts(), expected, "left: {left}");
    }
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    assert_eq!(bench.counts(), (0, 1));
}

#[test]
fn an_unknown_peer_without_an_event_joins_like_one_that_started() {
    for event in [
        "",
        r#","event":"started""#,
        r#","event":"paused""#,
        r#","event":"<regular>""#,
    ] {
        let mut bench = Bench::new();
        let joined = bench.announce(1, 'a', event);
        assert_eq!(joined.messages(), [response(1, 0, 1, 0)]);
        let stats = PeerStats {
            role: Role::Leecher,
            left: None,
            uploaded: 0,
            downloaded: 0,
        };
        assert_eq!(
            joined.facts(),
            [
                Fact::TorrentOpened {
                    info_hash: hash('h')
                },
                Fact::Peer {
                    info_hash: hash('h'),
                    connection: ConnectionId::new(0, 1),
                    peer_id: peer('a'),
                    change: Change::Joined,
                    stats,
                }
            ]
        );
    }
}

#[test]
fn completed_of_an_unknown_peer_joins_it_as_a_seed() {
    let mut bench = Bench::new();
    let joined = bench.announce(1, 'a', r#","event":"completed","left":7"#);
    assert_eq!(joined.messages(), [response(1, 1, 0, 1)]);
}

#[test]
fn each_announce_states_the_role_anew() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","left":10"#);
    assert_eq!(bench.counts(), (0, 1));
    bench.announce(1, 'a', r#","left":0"#);
    assert_eq!(bench.counts(), (1, 0));
    let updated = bench.announce(1, 'a', r#","left":4,"uploaded":5,"downloaded":6"#);
    assert_eq!(bench.counts(), (0, 1));
    let stats = PeerStats {
        role: Role::Leecher,
        left: Some(4),
        uploaded: 5,
        downloaded: 6,
    };
    assert_eq!(
        updated.facts(),
        [Fact::Peer {
            info_hash: hash('h'),
            connection: ConnectionId::new(0, 1),
            peer_id: peer('a'),
            change: Change::Updated,
            stats,
        }]
    );
}

#[test]
fn stopped_is_answered_and_removes_the_peer() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    bench.announce(2, 'b', r#","left":0"#);
    let stopped = bench.announce(2, 'b', r#","event":"stopped","left":0"#);
    assert_eq!(stopped.messages(), [response(2, 0, 1, 0)]);
    assert_eq!(bench.counts(), (0, 1));
}

#[test]
fn stopped_of_an_unknown_peer_is_answered_and_makes_nothing() {
    let mut bench = Bench::new();
    let stopped = bench.announce(1, 'a', r#","event":"stopped""#);
    assert_eq!(stopped.messages(), [response(1, 0, 0, 0)]);
    assert_eq!(stopped.facts(), []);
    assert_eq!(bench.swarms.totals().torrents, 0);
}

#[test]
fn stopped_counts_only_on_the_connection_that_owns_the_peer() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    let stopped = bench.announce(2, 'a', r#","event":"stopped""#);
    assert_eq!(stopped.messages(), [response(2, 0, 1, 0)]);
    assert_eq!(bench.counts(), (0, 1));
}

#[test]
fn a_second_connection_with_the_same_peer_id_is_a_second_entry() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","left":0"#);
    bench.announce(2, 'a', r#","left":5"#);
    assert_eq!(bench.counts(), (1, 1));
    bench.disconnect(2);
    assert_eq!(bench.counts(), (1, 0));
    bench.disconnect(1);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn closing_a_connection_removes_exactly_what_it_owned() {
    let mut bench = Bench::new();
    bench.announce_in('h', 1, 'a', "");
    bench.announce_in('h', 1, 'b', "");
    bench.announce_in('i', 1, 'a', "");
    bench.announce_in('h', 2, 'a', "");
    bench.announce_in('h', 3, 'c', "");
    bench.disconnect(1);
    let left: Vec<_> = bench.swarms.peers(hash('h'), None, 9);
    let left: Vec<_> = left
        .iter()
        .map(|p| (p.peer_id, p.connection.serial()))
        .collect();
    assert_eq!(left, [(peer('a'), 2), (peer('c'), 3)]);
    assert_eq!(bench.swarms.torrent(hash('i')), None);
    assert_eq!(bench.disconnect(1).0.len(), 0);
}

#[test]
fn a_silent_peer_expires_and_any_announce_keeps_it() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    bench.announce(2, 'b', "");
    bench.pass(200);
    bench.announce(2, 'b', "");
    bench.pass(99);
    assert_eq!(bench.handle(Command::Tick).facts(), []);
    bench.pass(1);
    assert_eq!(bench.swarms.poll_timeout(), Some(bench.now));
    let facts = bench.handle(Command::Tick).facts();
    assert!(
        matches!(
            facts[..],
            [Fact::Peer {
                change: Change::Left(Departure::Expired),
                ..
            }]
        ),
        "{facts:?}"
    );
    assert_eq!(bench.counts(), (0, 1));
    bench.pass(200);
    bench.handle(Command::Tick);
    assert_eq!(bench.counts(), (0, 0));
    assert_eq!(bench.swarms.poll_timeout(), None);
}

#[test]
fn time_that_goes_backwards_stands_still() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    let later = bench.now + std::time::Duration::from_secs(300);
    bench.swarms.handle(later, Command::Tick);
    while bench.swarms.poll_output().is_some() {}
    bench.announce(1, 'a', "");
    assert_eq!(bench.swarms.peers(hash('h'), None, 9)[0].last_seen, later);
}

#[test]
fn an_operator_removes_a_torrent_and_its_peers_are_told() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","event":"completed""#);
    bench.announce(2, 'b', "");
    bench.announce_in('i', 2, 'b', "");
    let info_hash = hash('h');
    let removed = bench.handle(Command::RemoveTorrent { info_hash });
    let failure = |to: u64| {
        format!(
            r#"{to} failure {{"action":"announce","info_hash":"<h>","failure reason":"torrent was removed by the operator"}}"#
        )
    };
    assert_eq!(removed.messages(), [failure(1), failure(2)]);
    assert_eq!(
        removed.facts().last(),
        Some(&Fact::TorrentRemoved { info_hash })
    );
    assert_eq!(bench.swarms.totals().torrents, 1);
    assert_eq!(
        bench.announce(2, 'b', "").messages(),
        [response(2, 0, 1, 0)]
    );
}

#[test]
fn an_operator_kicks_a_peer_on_all_its_connections() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    bench.announce(2, 'a', r#","left":0"#);
    bench.announce(3, 'b', "");
    let kicked = bench.handle(Command::KickPeer {
        info_hash: hash('h'),
        peer_id: peer('a'),
    });
    let mut messages = kicked.messages();
    messages.sort();
    let failure = |to: u64| {
        format!(
            r#"{to} failure {{"action":"announce","info_hash":"<h>","failure reason":"peer was removed by the operator"}}"#
        )
    };
    assert_eq!(messages, [failure(1), failure(2)]);
    assert_eq!(bench.counts(), (0, 1));
}

#[test]
fn intervals_vary_by_a_tenth() {
    use rand::SeedableRng;
    let config = crate::Config::default();
    let swarms = crate::Swarms::new(config, rand::rngs::StdRng::seed_from_u64(1));
    let mut bench = Bench {
        swarms,
        start: std::time::Instant::now(),
        now: std::time::Instant::now(),
    };
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let message = bench.announce(1, 'a', "").messages().remove(0);
        let (_, interval) = message.split_once("\"interval\":").expect("an interval");
        let (interval, _) = interval.split_once(',').expect("more keys");
        seen.insert(interval.parse::<u32>().expect("a number"));
    }
    assert_eq!((seen.first(), seen.last()), (Some(&108), Some(&132)));
}

#[test]
fn the_interval_follows_size_and_load_within_the_operators_bounds() {
    let mut bench = Bench::with(crate::Config {
        shortest_interval: Some(std::time::Duration::from_secs(3)),
        longest_interval: Some(std::time::Duration::from_secs(8 * 60)),
        ..crate::Config::default()
    });
    let first = bench.announce(1, 'a', "").messages().remove(0);
    assert!(first.contains(r#""interval":3,"#), "{first}");
    bench.handle(crate::Command::Load { permille: 9999 });
    let loaded = bench.announce(1, 'a', "").messages().remove(0);
    let interval = (432..=528).find(|at| loaded.contains(&format!(r#""interval":{at},"#)));
    assert!(interval.is_some(), "{loaded}");
}
