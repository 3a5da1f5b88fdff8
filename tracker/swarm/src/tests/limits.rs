//! What happens when something is full: the newcomer is told, those inside are served.

use super::{Bench, Outcome, hash, response};
use crate::{Config, Full, Output};

/// What the outcome says is full, and for whom.
fn full(outcome: &Outcome) -> Option<(u64, Full)> {
    let [Output::AnnounceRefused { from, full }, _] = *outcome.0.as_slice() else {
        return None;
    };
    Some((from.serial(), full))
}

fn failure(to: u64, info_hash: char, reason: &str) -> String {
    format!(
        r#"{to} failure {{"action":"announce","info_hash":"<{info_hash}>","failure reason":"{reason}"}}"#
    )
}

#[test]
fn a_torrent_too_many_is_refused() {
    let mut bench = Bench::with(Config {
        torrents: 1,
        ..Config::default()
    });
    bench.announce(1, 'a', "");
    let refused = bench.announce_in('i', 1, 'a', "");
    assert_eq!(
        refused.messages(),
        [failure(
            1,
            'i',
            "tracker has `1` torrents, the most allowed; try again later"
        )]
    );
    assert_eq!(refused.facts(), []);
    assert_eq!(full(&refused), Some((1, Full::Tracker)));
    assert_eq!(
        bench.announce(1, 'a', "").messages(),
        [response(1, 0, 1, 0)]
    );
    assert_eq!(
        bench.announce(2, 'b', "").messages(),
        [response(2, 0, 2, 0)]
    );
}

#[test]
fn a_peer_too_many_is_refused() {
    let mut bench = Bench::with(Config {
        peers_per_torrent: 1,
        ..Config::default()
    });
    bench.announce(1, 'a', "");
    let refused = bench.announce(2, 'b', "");
    assert_eq!(full(&refused), Some((2, Full::Torrent)));
    assert_eq!(
        refused.messages(),
        [failure(
            2,
            'h',
            "torrent has `1` peers, the most allowed; try again later"
        )]
    );
    assert_eq!(
        bench.announce(1, 'a', "").messages(),
        [response(1, 0, 1, 0)]
    );
    bench.disconnect(1);
    assert_eq!(
        bench.announce(2, 'b', "").messages(),
        [response(2, 0, 1, 0)]
    );
}

#[test]
fn an_entry_too_many_of_one_connection_is_refused() {
    let mut bench = Bench::with(Config {
        entries_per_connection: 1,
        ..Config::default()
    });
    bench.announce(1, 'a', "");
    let reason = "connection is in `1` swarms, the most allowed; stop one of them first";
    let refused = bench.announce(1, 'b', "");
    assert_eq!(full(&refused), Some((1, Full::Connection)));
    assert_eq!(refused.messages(), [failure(1, 'h', reason)]);
    assert_eq!(
        bench.announce_in('i', 1, 'a', "").messages(),
        [failure(1, 'i', reason)]
    );
    assert_eq!(
        bench.announce(1, 'a', "").messages(),
        [response(1, 0, 1, 0)]
    );
    assert_eq!(
        bench.announce(2, 'b', "").messages(),
        [response(2, 0, 2, 0)]
    );
    bench.announce(1, 'a', r#","event":"stopped""#);
    bench.announce_in('i', 1, 'a', "");
    assert!(bench.swarms.torrent(hash('i')).is_some());
}
