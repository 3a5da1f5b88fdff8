//! Who may answer which offer.

use std::time::Duration;

use super::{Bench, hash, offers};
use crate::{Change, Command, Config, ConnectionId, Fact, Output, Refusal};

const RELAYED: &str = r#"2 answer {"action":"announce","info_hash":"<h>","peer_id":"<a>","offer_id":"0","answer":{"sdp":"a"}}"#;

/// Peer `a` on connection 1 was just given offer `0` of peer `b` on connection 2.
fn offered() -> Bench {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","left":9"#);
    assert_eq!(
        bench.announce(2, 'b', &offers(1)).offers(),
        [(1, "0".to_owned())]
    );
    bench
}

fn refused(bench: &mut Bench, connection: u64, peer: char, to: char, offer: &str) -> Refusal {
    match bench.answer(connection, peer, to, offer).0[..] {
        [Output::AnswerRefused { refusal, .. }] => refusal,
        ref other => panic!("not just a refusal: {other:?}"),
    }
}

#[test]
fn an_answer_goes_to_the_owner_of_the_offer_once_and_has_no_response() {
    let mut bench = offered();
    assert_eq!(bench.answer(1, 'a', 'b', "0").messages(), [RELAYED]);
    assert_eq!(refused(&mut bench, 1, 'a', 'b', "0"), Refusal::NotOffered);
}

#[test]
fn only_the_peer_that_was_given_the_offer_may_answer_it() {
    let mut bench = offered();
    bench.announce(3, 'c', "");
    bench.announce(4, 'a', "");
    assert_eq!(refused(&mut bench, 3, 'c', 'b', "0"), Refusal::NotOffered);
    assert_eq!(refused(&mut bench, 3, 'a', 'b', "0"), Refusal::NotInSwarm);
    assert_eq!(refused(&mut bench, 4, 'a', 'b', "0"), Refusal::NotOffered);
    assert_eq!(refused(&mut bench, 9, 'z', 'b', "0"), Refusal::NotInSwarm);
    assert_eq!(bench.answer(1, 'a', 'b', "0").messages(), [RELAYED]);
}

#[test]
fn an_answer_must_name_the_offer_and_its_maker() {
    let mut bench = offered();
    assert_eq!(refused(&mut bench, 1, 'a', 'b', "1"), Refusal::NotOffered);
    assert_eq!(refused(&mut bench, 1, 'a', 'c', "0"), Refusal::NotOffered);
    assert_eq!(bench.answer(1, 'a', 'b', "0").messages(), [RELAYED]);
}

#[test]
fn an_answer_in_another_swarm_is_refused() {
    let mut bench = offered();
    let text = r#"{"action":"announce","info_hash":"<i>","peer_id":"<a>","to_peer_id":"<b>","offer_id":"0","answer":{}}"#;
    assert_eq!(bench.receive(1, text).messages(), [""; 0]);
    assert_eq!(bench.swarms.torrent(hash('i')), None);
}

#[test]
fn an_answer_must_come_within_a_minute() {
    let mut bench = offered();
    bench.pass(59);
    assert_eq!(bench.answer(1, 'a', 'b', "0").messages(), [RELAYED]);
    let mut bench = offered();
    bench.pass(60);
    assert_eq!(refused(&mut bench, 1, 'a', 'b', "0"), Refusal::Late);
    assert_eq!(refused(&mut bench, 1, 'a', 'b', "0"), Refusal::NotOffered);
}

#[test]
fn an_offer_that_comes_again_may_be_answered_again() {
    let mut bench = offered();
    bench.pass(50);
    assert_eq!(bench.announce(2, 'b', &offers(1)).offers().len(), 1);
    bench.pass(50);
    assert_eq!(bench.answer(1, 'a', 'b', "0").messages(), [RELAYED]);
    assert_eq!(refused(&mut bench, 1, 'a', 'b', "0"), Refusal::NotOffered);
}

#[test]
fn an_answer_to_an_offerer_that_left_goes_nowhere() {
    let mut bench = offered();
    bench.disconnect(2);
    assert_eq!(refused(&mut bench, 1, 'a', 'b', "0"), Refusal::OffererGone);
    let mut bench = offered();
    bench.disconnect(2);
    bench.announce(3, 'b', "");
    assert_eq!(refused(&mut bench, 1, 'a', 'b', "0"), Refusal::OffererGone);
}

#[test]
fn answers_go_to_the_connection_of_the_offer_when_two_have_the_same_peer_id() {
    let mut bench = offered();
    bench.announce(3, 'b', "");
    assert_eq!(bench.answer(1, 'a', 'b', "0").messages(), [RELAYED]);
}

#[test]
fn an_answer_keeps_a_peer_alive_and_never_changes_its_role() {
    for (left, counts) in [("0", (1, 1)), ("9", (0, 2))] {
        let mut bench = Bench::new();
        bench.announce(1, 'a', &format!(",\"left\":{left}"));
        bench.announce(2, 'b', &offers(1));
        bench.pass(50);
        bench.announce(2, 'b', "");
        assert_eq!(bench.answer(1, 'a', 'b', "0").facts(), []);
        assert_eq!(bench.counts(), counts);
        bench.pass(299);
        bench.announce(2, 'b', "");
        assert_eq!(
            bench.counts(),
            counts,
            "50 s after `a` announced it answered"
        );
        bench.pass(1);
        assert!(matches!(
            bench.handle(Command::Tick).facts()[..],
            [Fact::Peer {
                change: Change::Left(_),
                ..
            }]
        ));
    }
}

#[test]
fn a_peer_that_owes_a_hundred_answers_is_given_nothing_and_may_give_each_of_them() {
    let mut bench = Bench::with(Config {
        parked_for: Duration::ZERO,
        ..Config::default()
    });
    bench.announce(1, 'a', "");
    let offer = |name: u32| format!(r#","offers":[{{"offer":{{}},"offer_id":"{name}"}}]"#);
    let receivers = |bench: &mut Bench, name| -> Vec<u64> {
        let given = bench.announce(2, 'b', &offer(name)).offers();
        given.into_iter().map(|(to, _)| to).collect()
    };
    for name in 0..100 {
        assert_eq!(receivers(&mut bench, name), [1]);
    }
    assert_eq!(receivers(&mut bench, 100), [0; 0], "nobody has room");
    bench.announce(3, 'c', "");
    for name in 101..110 {
        assert_eq!(receivers(&mut bench, name), [3], "who has room");
    }
    bench.disconnect(3);
    for name in (0..100).map(|name| name.to_string()) {
        assert_eq!(bench.answer(1, 'a', 'b', &name).messages().len(), 1);
    }
    assert_eq!(receivers(&mut bench, 110), [1], "it owes nothing");
}

#[test]
fn answers_that_can_no_longer_be_given_make_room_for_offers() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    for name in 0..101 {
        let offer = format!(r#","offers":[{{"offer":{{}},"offer_id":"{name}"}}]"#);
        bench.announce(2, 'b', &offer);
    }
    bench.pass(59);
    assert_eq!(bench.announce(2, 'b', &offers(1)).offers(), []);
    bench.pass(1);
    assert_eq!(bench.announce(2, 'b', &offers(1)).offers().len(), 1);
}

#[test]
fn a_joiner_owes_no_more_than_a_hundred_however_many_offers_wait() {
    let mut bench = Bench::with(Config {
        offers: 1_000,
        ..Config::default()
    });
    let seed = |number: u64| {
        format!(
            r#"{{"action":"announce","info_hash":"<h>","peer_id":"{number:020}","left":0{}}}"#,
            offers(1)
        )
    };
    for number in 1..=120 {
        bench.receive(number, &seed(number));
    }
    assert_eq!(bench.swarms.totals().parked_offers, 120);
    assert_eq!(bench.announce(200, 'a', "").offers().len(), 100);
    assert_eq!(bench.swarms.totals().parked_offers, 20);
}

#[test]
fn answers_and_offers_are_routed_by_the_node_of_their_connection() {
    use tracker_protocol::{ClientMessage, Limits};
    let mut bench = Bench::new();
    let connections = [ConnectionId::new(1, 7), ConnectionId::new(2, 7)];
    let mut receive = |from: ConnectionId, text: &str| -> Vec<(u16, u64)> {
        let text = super::widen(text);
        let command = match ClientMessage::parse(&text, &Limits::default()).expect("valid") {
            ClientMessage::Announce(announce) => Command::Announce { from, announce },
            ClientMessage::Answer(answer) => Command::Answer { from, answer },
            ClientMessage::Scrape { info_hashes } => Command::Scrape { from, info_hashes },
        };
        let outputs = bench.handle(command).0;
        let destination = |output: &Output| match output {
            Output::Send { to, .. } => Some((to.node(), to.serial())),
            Output::Fact(_) | Output::AnnounceRefused { .. } | Output::AnswerRefused { .. } => None,
        };
        outputs.iter().filter_map(destination).collect()
    };
    let announce = |peer: char, keys: &str| {
        format!(r#"{{"action":"announce","info_hash":"<h>","peer_id":"<{peer}>"{keys}}}"#)
    };
    assert_eq!(receive(connections[0], &announce('a', "")), [(1, 7)]);
    let offer = announce('b', &offers(1));
    assert_eq!(receive(connections[1], &offer), [(2, 7), (1, 7)]);
    let answer = announce('a', r#","to_peer_id":"<b>","offer_id":"0","answer":{}"#);
    assert_eq!(receive(connections[0], &answer), [(2, 7)]);
}
