//! A client that comes back on another connection and echoes its tracker id.

use super::{Bench, hash, offers, peer};
use crate::{Change, Command, Config, ConnectionId, Departure, Fact, Refusal};

/// Peer `a` on connection 1, a leecher that was answered so many times, and its tracker id.
fn known() -> (Bench, String) {
    let mut bench = Bench::new();
    let told = bench.announce(1, 'a', r#","left":9"#).tracker_id();
    (bench, told.expect("a newcomer is told its tracker id"))
}

fn echo(tracker_id: &str) -> String {
    format!(r#","left":9,"trackerid":"{tracker_id}""#)
}

/// The owner of each entry of `a`.
fn owners(bench: &Bench) -> Vec<u64> {
    let peers = bench.swarms.peers(hash('h'), None, 9);
    let of_a = peers.iter().filter(|entry| entry.peer_id == peer('a'));
    of_a.map(|entry| entry.connection.serial()).collect()
}

fn changes(facts: &[Fact]) -> Vec<(u64, Change)> {
    let change = |fact: &Fact| match fact {
        Fact::Peer {
            connection, change, ..
        } => Some((connection.serial(), *change)),
        Fact::TorrentOpened { .. }
        | Fact::TorrentClosed { .. }
        | Fact::TorrentRemoved { .. }
        | Fact::Completed { .. } => None,
    };
    facts.iter().filter_map(change).collect()
}

#[test]
fn a_client_that_echoes_its_tracker_id_gets_its_place_back_at_once() {
    let (mut bench, tracker_id) = known();
    let returned = bench.announce(2, 'a', &echo(&tracker_id));
    let from = ConnectionId::new(0, 1);
    assert_eq!(changes(&returned.facts()), [(2, Change::Returned { from })]);
    assert_eq!(returned.tracker_id(), None, "it knows");
    assert_eq!((owners(&bench), bench.counts()), (vec![2], (0, 1)));
    assert_eq!(bench.disconnect(1).facts(), [], "it owns nothing any more");
    let gone = Change::Left(Departure::Disconnected);
    assert_eq!(changes(&bench.disconnect(2).facts()), [(2, gone)]);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn a_client_is_told_its_tracker_id_until_it_echoes_it() {
    let (mut bench, tracker_id) = known();
    assert_eq!(tracker_id.len(), 24);
    let again = bench.announce(1, 'a', "").tracker_id();
    assert_eq!(again.as_ref(), Some(&tracker_id));
    assert_eq!(
        bench.announce(1, 'a', &echo(&tracker_id)).tracker_id(),
        None
    );
    let other = bench.announce(1, 'b', &echo(&tracker_id)).tracker_id();
    assert_ne!(other.expect("`b` has one of its own"), tracker_id);
}

#[test]
fn a_tracker_id_is_good_for_one_peer_in_one_torrent_as_long_as_it_is_there() {
    let (mut bench, tracker_id) = known();
    bench.announce(3, 'b', &echo(&tracker_id));
    bench.announce_in('i', 3, 'a', &echo(&tracker_id));
    for wrong in [
        "".to_owned(),
        "t".to_owned(),
        tracker_id
            .to_uppercase()
            .replace(|digit: char| digit.is_ascii_digit(), "A"),
        format!("{}{}", &tracker_id[..8], "0".repeat(16)),
        format!("00000001{}", &tracker_id[8..]),
        format!("ffffffff{}", &tracker_id[8..]),
    ] {
        bench.announce(3, 'a', &echo(&wrong));
        assert_eq!(owners(&bench), [1, 3], "{wrong}");
        bench.announce(3, 'a', r#","event":"stopped""#);
    }
    bench.disconnect(1);
    bench.announce(4, 'z', "");
    let joined = bench.announce(2, 'a', &echo(&tracker_id));
    assert_eq!(changes(&joined.facts()), [(2, Change::Joined)]);
    assert_ne!(joined.tracker_id().expect("a new one"), tracker_id);
}

#[test]
fn a_peer_id_without_the_tracker_id_takes_nothing() {
    let (mut bench, _) = known();
    bench.announce(2, 'a', "");
    assert_eq!(owners(&bench), [1, 2]);
    bench.announce(2, 'a', r#","event":"stopped""#);
    assert_eq!(owners(&bench), [1]);
}

#[test]
fn answers_to_offers_made_before_reach_the_client_where_it_is() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    let told = bench.announce(2, 'b', &offers(2)).tracker_id();
    let tracker_id = told.expect("a newcomer is told");
    assert_eq!(bench.swarms.totals().parked_offers, 1);
    bench.announce(
        3,
        'b',
        &format!(r#","numwant":0,"trackerid":"{tracker_id}""#),
    );
    let answered = bench.answer(1, 'a', 'b', "0").messages();
    assert!(answered[0].starts_with("3 answer "), "{answered:?}");
    // Its offers wait on, too.
    assert_eq!(bench.announce(4, 'c', "").offers().len(), 1);
    let answered = bench.answer(4, 'c', 'b', "1").messages();
    assert!(answered[0].starts_with("3 answer "), "{answered:?}");
}

#[test]
fn what_a_client_was_given_it_may_answer_where_it_is_and_nowhere_else() {
    let (mut bench, tracker_id) = known();
    assert_eq!(bench.announce(2, 'b', &offers(1)).offers().len(), 1);
    bench.announce(3, 'a', &echo(&tracker_id));
    let stale = bench.answer(1, 'a', 'b', "0").0;
    assert!(matches!(
        stale[..],
        [crate::Output::AnswerRefused {
            refusal: Refusal::NotInSwarm,
            ..
        }]
    ));
    assert_eq!(bench.answer(3, 'a', 'b', "0").messages().len(), 1);
}

#[test]
fn what_a_dead_connection_left_unanswered_does_not_count_against_who_returns() {
    let (mut bench, tracker_id) = known();
    for name in 0..4 {
        let offer = format!(r#","offers":[{{"offer":{{}},"offer_id":"{name}"}}]"#);
        bench.announce(2, 'b', &offer);
        bench.pass(15);
    }
    let is_aside = |bench: &Bench| bench.swarms.peers(hash('h'), None, 1)[0].is_set_aside;
    bench.announce(2, 'b', &offers(1));
    assert!(is_aside(&bench));
    bench.announce(3, 'a', &echo(&tracker_id));
    assert!(!is_aside(&bench));
    bench.announce(2, 'b', &offers(1));
    assert!(!is_aside(&bench), "nothing was missed since");
}

#[test]
fn who_returns_is_chosen_by_the_connection_it_has_come_to() {
    let (mut bench, tracker_id) = known();
    let (first, second) = (ConnectionId::new(0, 1), ConnectionId::new(0, 2));
    let is_aside = |bench: &Bench| bench.swarms.peers(hash('h'), None, 1)[0].is_set_aside;
    bench.handle(Command::Congested { connection: first });
    assert!(is_aside(&bench));
    bench.announce(2, 'a', &echo(&tracker_id));
    assert!(!is_aside(&bench));
    assert!(bench.swarms.congested.is_empty(), "of who owns nothing");
    bench.announce_in('i', 1, 'a', "");
    bench.handle(Command::Congested { connection: second });
    bench.announce(1, 'a', &echo(&tracker_id));
    assert!(!is_aside(&bench));
}

#[test]
fn a_client_that_returns_completes_and_stops_as_the_peer_it_was() {
    let (mut bench, tracker_id) = known();
    let done = |event: &str| format!(r#","left":0,"event":"{event}","trackerid":"{tracker_id}""#);
    let facts = bench.announce(2, 'a', &done("completed")).facts();
    assert!(facts.contains(&Fact::Completed {
        info_hash: hash('h'),
        peer_id: peer('a')
    }));
    assert_eq!(bench.counts(), (1, 0));
    let facts = bench.announce(3, 'a', &done("completed")).facts();
    assert_eq!(facts.len(), 1, "it is a seed: {facts:?}");
    let facts = bench.announce(4, 'a', &done("stopped")).facts();
    assert_eq!(changes(&facts), [(3, Change::Left(Departure::Stopped))]);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn a_connection_that_owns_all_it_may_takes_over_nothing() {
    let mut bench = Bench::with(Config {
        entries_per_connection: 1,
        ..Config::default()
    });
    let told = bench.announce(1, 'a', "").tracker_id();
    let tracker_id = told.expect("a newcomer is told");
    bench.announce_in('i', 2, 'a', "");
    let refused = bench.announce(2, 'a', &echo(&tracker_id)).messages();
    assert!(
        refused[0].contains("connection is in `1` swarms"),
        "{refused:?}"
    );
    assert_eq!(owners(&bench), [1]);
}
