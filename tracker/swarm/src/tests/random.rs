//! Random commands, beside the naive model. The run as a whole must reach every command and every
//! kind of output.

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config as ProptestConfig, TestRng, TestRunner};

use crate::fuzz::{self, Reached};

#[test]
fn random_commands_are_handled_as_the_naive_model_says() {
    let reached = RefCell::new(Reached::default());
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    runner
        .run(&vec(any::<u8>(), 1..5000), |bytes| {
            fuzz::commands(&bytes, &mut reached.borrow_mut());
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let Reached(counts) = reached.into_inner();
    let missing = REACHED.iter().filter(|what| !counts.contains_key(*what));
    assert_eq!(missing.collect::<Vec<_>>(), [&""; 0], "never reached");
    assert!(counts["announce"] > 50_000, "{counts:?}");
}

/// Everything a run must reach.
const REACHED: [&str; 36] = [
    "announce",
    "answer",
    "scrape",
    "disconnect",
    "remove torrent",
    "kick peer",
    "restore",
    "congested",
    "measured",
    "load",
    "tick",
    "response",
    "scraped",
    "offer",
    "offer to a seed",
    "parked offer of a leecher",
    "parked offer of a seed",
    "relayed answer",
    "failure",
    "joined",
    "updated",
    "returned",
    "stopped",
    "disconnected",
    "expired",
    "removed",
    "opened",
    "closed",
    "completed",
    "not in swarm",
    "not offered",
    "late",
    "offerer gone",
    "connection full",
    "torrent full",
    "tracker full",
];
