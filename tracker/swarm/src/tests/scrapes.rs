//! Questions about torrents.

use super::Bench;

#[test]
fn a_scrape_has_an_entry_for_each_torrent_asked_for_even_unknown_ones() {
    let mut bench = Bench::new();
    bench.announce(1, 'a', r#","event":"completed""#);
    bench.announce(2, 'b', "");
    bench.announce(3, 'c', "");
    let one = bench.receive(9, r#"{"action":"scrape","info_hash":"<h>"}"#);
    assert_eq!(
        one.messages(),
        [
            r#"9 response {"action":"scrape","files":{"<h>":{"complete":1,"incomplete":2,"downloaded":1}},"flags":{"min_request_interval":9}}"#
        ]
    );
    let many = bench.receive(9, r#"{"action":"scrape","info_hash":["<x>","<h>","<x>"]}"#);
    assert_eq!(
        many.messages(),
        [
            r#"9 response {"action":"scrape","files":{"<h>":{"complete":1,"incomplete":2,"downloaded":1},"<x>":{"complete":0,"incomplete":0,"downloaded":0}},"flags":{"min_request_interval":9}}"#
        ]
    );
}

#[test]
fn a_scrape_of_no_torrents_is_answered_with_no_files() {
    let none = Bench::new().receive(9, r#"{"action":"scrape","info_hash":[]}"#);
    assert_eq!(
        none.messages(),
        [r#"9 response {"action":"scrape","files":{},"flags":{"min_request_interval":9}}"#]
    );
}

#[test]
fn a_scrape_of_all_torrents_is_refused() {
    let all = Bench::new().receive(9, r#"{"action":"scrape"}"#);
    assert_eq!(
        all.messages(),
        [
            r#"9 failure {"action":"scrape","failure reason":"scraping all torrents is off; name them in `info_hash`","files":{}}"#
        ]
    );
}
