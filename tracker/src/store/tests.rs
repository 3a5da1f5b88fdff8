use tracker_protocol::PeerId;

use super::changes::{CHANGED_PEERS_MAX, CHANGED_TORRENTS_MAX};
use super::*;

const HASH: InfoHash = InfoHash::from_bytes([1; 20]);
const OTHER: InfoHash = InfoHash::from_bytes([2; 20]);
const PEER: PeerId = PeerId::from_bytes([3; 20]);

fn torrent(completed: u64, at: i64) -> TorrentChange {
    TorrentChange {
        completed,
        first_seen: at,
        last_seen: at,
    }
}

fn peer(uploaded: u64, at: i64) -> PeerRow {
    PeerRow {
        seeder: false,
        left: None,
        uploaded,
        downloaded: 0,
        transport: Transport::Ws,
        present: true,
        first_seen: at,
        last_seen: at,
    }
}

#[test]
fn changes_of_one_row_become_one_with_the_first_beginning_and_all_completions() {
    let mut changes = Changes::default();
    changes.torrent(HASH, torrent(1, 10));
    changes.torrent(HASH, torrent(2, 20));
    changes.peer(HASH, PEER, peer(5, 10));
    changes.peer(HASH, PEER, peer(7, 20));
    changes.counted(HASH, PEER);
    let mut expected = Changes::default();
    expected.torrents.insert(
        HASH,
        TorrentChange {
            completed: 3,
            first_seen: 10,
            last_seen: 20,
        },
    );
    expected.peers.insert(
        (HASH, PEER),
        PeerRow {
            first_seen: 10,
            ..peer(7, 20)
        },
    );
    expected.counted.insert((HASH, PEER));
    assert_eq!(changes, expected);
}

#[test]
fn changes_that_failed_go_under_those_that_came_meanwhile() {
    let mut failed = Changes::default();
    failed.torrent(HASH, torrent(1, 10));
    failed.peer(HASH, PEER, peer(5, 10));
    failed.torrent(OTHER, torrent(9, 10));
    failed.peer(OTHER, PEER, peer(9, 10));
    failed.counted(OTHER, PEER);
    let mut changes = Changes::default();
    changes.torrent(HASH, torrent(1, 20));
    changes.delete(OTHER);
    changes.torrent(OTHER, torrent(0, 30));
    changes.restore(failed);
    let mut expected = Changes::default();
    expected.deleted.insert(OTHER);
    expected.torrents.insert(
        HASH,
        TorrentChange {
            completed: 2,
            first_seen: 10,
            last_seen: 20,
        },
    );
    expected.peers.insert((HASH, PEER), peer(5, 10));
    // What came after the deletion stays; what it deleted does not come back.
    expected.torrents.insert(OTHER, torrent(0, 30));
    assert_eq!(changes, expected);
}

#[test]
fn a_full_map_takes_news_of_the_peers_in_it_and_of_no_others() {
    let mut changes = Changes::default();
    for n in 0..CHANGED_PEERS_MAX {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        assert!(changes.peer(HASH, PeerId::from_bytes(bytes), peer(0, 0)));
    }
    assert!(!changes.peer(HASH, PEER, peer(0, 0)));
    assert!(changes.peer(HASH, PeerId::from_bytes([0; 20]), peer(1, 1)));
    assert_eq!(changes.peers.len(), CHANGED_PEERS_MAX);
}

#[test]
fn a_full_map_takes_news_of_the_torrents_in_it_and_of_no_others() {
    let mut changes = Changes::default();
    for n in 0..CHANGED_TORRENTS_MAX {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        assert!(changes.torrent(InfoHash::from_bytes(bytes), torrent(0, 0)));
    }
    assert!(!changes.torrent(HASH, torrent(1, 1)));
    assert!(changes.torrent(InfoHash::from_bytes([0; 20]), torrent(1, 1)));
    assert_eq!(changes.torrents.len(), CHANGED_TORRENTS_MAX);
}

#[test]
fn a_pause_and_two_writes_are_one_interval_and_a_slow_disk_gets_a_breath() {
    let pauses = [0, 300, 900, 5000].map(|took| {
        let pause = pause(Duration::from_secs(2), Duration::from_millis(took));
        pause.as_millis()
    });
    assert_eq!(pauses, [2000, 1400, 200, 200]);
}
