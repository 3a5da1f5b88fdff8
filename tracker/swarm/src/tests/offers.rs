//! Who gets whose offers.

use super::{Bench, offers, response};
use crate::Config;

#[test]
fn the_response_comes_first_and_then_each_offer_to_a_distinct_other_peer() {
    let mut bench = Bench::new();
    for (connection, peer) in [(1, 'a'), (2, 'b'), (3, 'c')] {
        bench.announce(connection, peer, "");
    }
    let announced = bench.announce(4, 'd', &offers(5));
    let mut messages = announced.messages();
    assert_eq!(messages.remove(0), response(4, 0, 4, 0));
    let receivers: Vec<_> = announced.offers().into_iter().map(|(to, _)| to).collect();
    assert_eq!(receivers, [1, 2, 3]);
    messages.sort_by_key(|message| message.split_once("offer_id").map(|(_, id)| id.to_owned()));
    for (index, message) in messages.into_iter().enumerate() {
        let (_, message) = message.split_once(' ').expect("a receiver");
        assert_eq!(
            message,
            format!(
                r#"offer {{"action":"announce","info_hash":"<h>","peer_id":"<d>","offer_id":"{index}","offer":{{"sdp":"{index}"}}}}"#
            )
        );
    }
}

#[test]
fn offers_and_their_names_are_relayed_to_the_byte() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    let offer = r#"{ "sdp":"v=0\r\n\u00e9é", "type":"offer", "x":[1e5] }"#;
    for name in ["x", "é\u{1f600} of any kind", "éééééééééééééééééééé"] {
        let keys =
            format!(r#","trackerid":"t","offers":[{{"offer_id":"{name}","offer":{offer}}}]"#);
        let messages = bench.announce(2, 'b', &keys).messages();
        assert_eq!(
            messages[1],
            format!(
                r#"1 offer {{"action":"announce","info_hash":"<h>","peer_id":"<b>","offer_id":"{name}","offer":{offer}}}"#
            )
        );
    }
}

#[test]
fn numwant_bounds_the_offers_and_its_absence_does_not() {
    for (numwant, relayed) in [
        ("", 4),
        (r#","numwant":50"#, 4),
        (r#","numwant":null"#, 4),
        (r#","numwant":-1"#, 4),
        (r#","numwant":2"#, 2),
        (r#","numwant":0"#, 0),
    ] {
        let mut bench = Bench::new();
        for (connection, peer) in (1..).zip('a'..='h') {
            bench.announce(connection, peer, "");
        }
        let announced = bench.announce(20, 'z', &format!("{}{numwant}", offers(4)));
        assert_eq!(announced.offers().len(), relayed, "{numwant}");
    }
}

#[test]
fn offers_beyond_the_configured_number_stay() {
    let mut bench = Bench::with(Config {
        offers: 3,
        ..Config::default()
    });
    for (connection, peer) in (1..).zip('a'..='h') {
        bench.announce(connection, peer, "");
    }
    assert_eq!(bench.announce(20, 'z', &offers(5)).offers().len(), 3);
}

#[test]
fn a_seeds_offer_goes_to_leechers_only() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","left":0"#);
    bench.announce(2, 'b', r#","left":0"#);
    bench.announce(3, 'c', r#","left":9"#);
    bench.announce(4, 'd', "");
    let of_seed = bench.announce(5, 'e', &format!("{},\"left\":0", offers(5)));
    let receivers: Vec<_> = of_seed.offers().into_iter().map(|(to, _)| to).collect();
    assert_eq!(receivers, [3, 4]);
    let of_leecher = bench.announce(6, 'f', &offers(5));
    let receivers: Vec<_> = of_leecher.offers().into_iter().map(|(to, _)| to).collect();
    assert_eq!(receivers, [1, 2, 3, 4, 5]);
}

#[test]
fn seeds_meet_where_roles_are_not_matched() {
    let mut bench = Bench::with(Config {
        match_roles: false,
        ..Config::default()
    });
    bench.announce(1, 'a', r#","left":0"#);
    let of_seed = bench.announce(2, 'b', &format!("{},\"left\":0", offers(5)));
    assert_eq!(of_seed.offers(), [(1, "0".to_owned())]);
}

#[test]
fn an_offer_never_goes_to_an_entry_with_the_offerers_peer_id() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    bench.announce(2, 'a', "");
    bench.announce(3, 'b', "");
    assert_eq!(
        bench.announce(4, 'a', &offers(5)).offers(),
        [(3, "0".to_owned())]
    );
}

#[test]
fn stopped_and_other_torrents_get_no_offers() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', "");
    bench.announce_in('i', 2, 'b', "");
    let stopped = bench.announce(3, 'c', &format!("{},\"event\":\"stopped\"", offers(5)));
    assert_eq!(stopped.offers(), []);
    let announced = bench.announce_in('i', 3, 'c', &offers(5));
    assert_eq!(announced.offers(), [(2, "0".to_owned())]);
}
