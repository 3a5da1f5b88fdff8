use std::time::{Duration, Instant};

use super::bench::{BLOCK, Bench, MODERN, block, closed, request, send};
use crate::{CloseReason, Input};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_keep_alive_is_sent_when_nothing_else_was() {
    let mut bench = Bench::open(MODERN);
    assert_eq!(bench.session.poll_timeout(), Some(bench.now + 100 * SECOND));
    bench.pass(50 * SECOND);
    bench.receive(&[0; 4]);
    assert_eq!(bench.pass(50 * SECOND), [send([0; 4])]);
    assert_eq!(bench.session.poll_timeout(), Some(bench.now + 100 * SECOND));
}

#[test]
fn a_block_is_as_good_as_a_keep_alive() {
    let mut bench = Bench::unchoked(MODERN);
    bench.receive(&request(0, 0, BLOCK));
    bench.uploads();
    bench.pass(60 * SECOND);
    bench.receive(&[0; 4]);
    bench.input(Input::Sent(block(0, 0, BLOCK)));
    assert_eq!(bench.pass(99 * SECOND), []);
}

#[test]
fn three_silent_minutes_close() {
    let mut bench = Bench::open(MODERN);
    bench.pass(100 * SECOND);
    assert_eq!(bench.session.poll_timeout(), Some(bench.now + 80 * SECOND));
    assert_eq!(bench.pass(80 * SECOND), closed(CloseReason::Silent));
}

#[test]
fn a_peer_that_only_keeps_alive_stays() {
    let mut bench = Bench::open(MODERN);
    for _ in 0..100 {
        bench.now += 55 * SECOND;
        let outputs = bench.receive(&[0; 4]);
        assert!(outputs.is_empty() || outputs == [send([0; 4])]);
    }
}

#[test]
fn time_that_goes_backwards_stands_still() {
    let mut bench = Bench::open(MODERN);
    let due = bench.session.poll_timeout();
    let before: Instant = bench.now - SECOND;
    bench.session.handle(before, Input::Tick);
    assert_eq!(bench.session.poll_timeout(), due);
}
