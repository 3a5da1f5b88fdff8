//! What the admin API reads.

use super::{Bench, hash, peer};
use crate::{ConnectionId, Torrent, Totals};

#[test]
fn totals_count_entries_by_role() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","left":0"#);
    bench.announce(1, 'b', "");
    bench.announce_in('i', 2, 'a', r#","event":"completed""#);
    bench.announce_in('i', 2, 'a', &format!("{},\"left\":0", super::offers(2)));
    let totals = Totals {
        torrents: 2,
        seeds: 2,
        leechers: 1,
        connections: 2,
        parked_offers: 2,
        parked_bytes: 2 * (256 + r#"{"sdp":"0"}"#.len()),
        parked_evicted: 0,
        remembered_torrents: 0,
        remembered_completions: 1,
    };
    assert_eq!(bench.swarms.totals(), totals);
}

#[test]
fn torrents_are_paged_by_info_hash() {
    let mut bench = Bench::new();
    for letter in ['k', 'i', 'h', 'j'] {
        bench.announce_in(letter, 1, 'a', r#","left":0"#);
    }
    let torrent = |letter| Torrent {
        info_hash: hash(letter),
        seeds: 1,
        leechers: 0,
        completed: 0,
        offers_given: 0,
        offers_answered: 0,
    };
    let first: Vec<_> = bench.swarms.torrents(None).take(3).collect();
    assert_eq!(first, [torrent('h'), torrent('i'), torrent('j')]);
    let rest: Vec<_> = bench.swarms.torrents(Some(hash('j'))).take(3).collect();
    assert_eq!(rest, [torrent('k')]);
    assert_eq!(bench.swarms.torrent(hash('i')), Some(torrent('i')));
    assert_eq!(bench.swarms.torrent(hash('z')), None);
}

#[test]
fn peers_are_paged_by_peer_id_and_connection() {
    let mut bench = Bench::new();
    for (connection, letter) in [(3, 'b'), (2, 'b'), (5, 'a'), (1, 'c'), (4, 'b')] {
        let left = connection % 2;
        bench.announce(connection, letter, &format!(",\"left\":{left}"));
    }
    let page = |after, limit| -> Vec<_> {
        let peers = bench.swarms.peers(hash('h'), after, limit);
        let key = |found: &crate::Peer| (found.peer_id, found.connection.serial());
        peers.iter().map(key).collect()
    };
    assert_eq!(page(None, 2), [(peer('a'), 5), (peer('b'), 2)]);
    let after = Some((peer('b'), ConnectionId::new(0, 2)));
    assert_eq!(page(after, 2), [(peer('b'), 3), (peer('b'), 4)]);
    let after = Some((peer('b'), ConnectionId::new(0, 4)));
    assert_eq!(page(after, 2), [(peer('c'), 1)]);
    assert_eq!(page(None, 0), []);
    assert_eq!(bench.swarms.peers(hash('z'), None, 9), []);
}

#[test]
fn a_connection_id_carries_its_node() {
    let id = ConnectionId::new(0xfffe, (1 << 48) + 5);
    assert_eq!((id.node(), id.serial()), (0xfffe, 5));
    assert_eq!(id.to_string(), "65534.5");
}
