//! Completed downloads: counted once, and remembered within bounds.

use super::{Bench, hash, peer, response};
use crate::{Command, Config, Fact, RestoredTorrent};

const COMPLETED: &str = r#","event":"completed","left":0"#;

fn counted(facts: &[Fact]) -> usize {
    let is_count = |fact: &&Fact| matches!(fact, Fact::Completed { .. });
    facts.iter().filter(is_count).count()
}

#[test]
fn a_peer_counts_once_however_often_it_completes() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","left":9"#);
    let completed = bench.announce(1, 'a', COMPLETED);
    assert_eq!(completed.messages(), [response(1, 1, 0, 1)]);
    assert_eq!(
        completed.facts().last(),
        Some(&Fact::Completed {
            info_hash: hash('h'),
            peer_id: peer('a'),
        })
    );
    assert_eq!(counted(&bench.announce(1, 'a', COMPLETED).facts()), 0);
    bench.announce(1, 'a', r#","left":9"#);
    assert_eq!(counted(&bench.announce(1, 'a', COMPLETED).facts()), 0);
    assert_eq!(counted(&bench.announce(2, 'a', COMPLETED).facts()), 0);
    bench.disconnect(1);
    bench.disconnect(2);
    let again = bench.announce(3, 'a', COMPLETED);
    assert_eq!(again.messages(), [response(3, 1, 0, 1)]);
    let other = bench.announce(4, 'b', COMPLETED);
    assert_eq!(other.messages(), [response(4, 2, 0, 2)]);
}

#[test]
fn a_seed_that_says_completed_has_downloaded_nothing() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","left":0"#);
    assert_eq!(
        bench.announce(1, 'a', COMPLETED).messages(),
        [response(1, 1, 0, 0)]
    );
}

#[test]
fn a_count_outlives_the_swarm() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', COMPLETED);
    bench.disconnect(1);
    assert_eq!(bench.swarms.totals().remembered_torrents, 1);
    assert_eq!(
        bench.announce(2, 'b', "").messages(),
        [response(2, 0, 1, 1)]
    );
    assert_eq!(bench.swarms.totals().remembered_torrents, 0);
}

#[test]
fn a_restored_count_shows_and_its_peers_do_not_count_again() {
    let restored = |completed| {
        Command::Restore(RestoredTorrent {
            info_hash: hash('h'),
            completed,
            completed_by: vec![peer('a')],
        })
    };
    let mut bench = Bench::new();
    assert_eq!(bench.handle(restored(5)).0.len(), 0);
    let scrape = bench
        .receive(9, r#"{"action":"scrape","info_hash":"<h>"}"#)
        .messages();
    assert!(scrape[0].contains(r#""downloaded":5"#), "{scrape:?}");
    assert_eq!(
        bench.announce(1, 'a', COMPLETED).messages(),
        [response(1, 1, 0, 5)]
    );
    assert_eq!(
        bench.announce(2, 'b', COMPLETED).messages(),
        [response(2, 2, 0, 6)]
    );
    bench.handle(restored(3));
    assert_eq!(
        bench.announce(1, 'a', "").messages(),
        [response(1, 1, 1, 6)]
    );
    bench.handle(restored(8));
    assert_eq!(
        bench.announce(1, 'a', "").messages(),
        [response(1, 1, 1, 8)]
    );
}

#[test]
fn restoring_nothing_takes_no_memory() {
    let mut bench = Bench::new();
    bench.handle(Command::Restore(RestoredTorrent {
        info_hash: hash('h'),
        completed: 0,
        completed_by: vec![],
    }));
    assert_eq!(bench.swarms.totals(), crate::Totals::default());
}

#[test]
fn the_torrent_that_emptied_first_is_forgotten_first() {
    let mut bench = Bench::with(Config {
        remembered_torrents: 2,
        ..Config::default()
    });
    for torrent in ['h', 'i', 'j'] {
        bench.announce_in(torrent, 1, 'a', COMPLETED);
    }
    bench.disconnect(1);
    assert_eq!(bench.swarms.totals().remembered_torrents, 2);
    let completed: Vec<_> = ['h', 'i', 'j']
        .into_iter()
        .map(|torrent| {
            bench.announce_in(torrent, 2, 'b', "");
            bench
                .swarms
                .torrent(hash(torrent))
                .map(|torrent| torrent.completed)
        })
        .collect();
    assert_eq!(completed, [Some(0), Some(1), Some(1)]);
}

#[test]
fn the_peer_that_completed_first_is_forgotten_first() {
    let mut bench = Bench::with(Config {
        remembered_completions: 2,
        ..Config::default()
    });
    for (connection, peer) in [(1, 'a'), (2, 'b'), (3, 'c')] {
        bench.announce(connection, peer, COMPLETED);
        bench.disconnect(connection);
    }
    assert_eq!(bench.swarms.totals().remembered_completions, 2);
    assert_eq!(counted(&bench.announce(3, 'c', COMPLETED).facts()), 0);
    assert_eq!(counted(&bench.announce(1, 'a', COMPLETED).facts()), 1);
}

#[test]
fn a_removed_torrent_starts_from_zero() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', COMPLETED);
    bench.disconnect(1);
    let info_hash = hash('h');
    let removed = bench.handle(Command::RemoveTorrent { info_hash });
    assert_eq!(removed.facts(), [Fact::TorrentRemoved { info_hash }]);
    assert_eq!(
        bench.announce(2, 'b', "").messages(),
        [response(2, 0, 1, 0)]
    );
}
