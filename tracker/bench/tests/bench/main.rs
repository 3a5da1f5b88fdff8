//! The load generator against trackers: one that is made to go wrong, and ours.

mod faulty;
mod ours;
mod verdicts;

use std::net::SocketAddr;
use std::time::Duration;

use tracker_bench::{Plan, Scenario};

/// Ten clients in two torrents, three offers an announce, a hundred announces in half a second.
fn plan(address: SocketAddr, scenario: Scenario) -> Plan {
    Plan {
        url: format!("ws://{address}/").parse().expect("a URL"),
        scenario,
        connections: 10,
        torrents: 2,
        offers: 3,
        sdp_bytes: None,
        rate: Some(200.0),
        duration: Duration::from_millis(500),
        stalled: 0,
        pid: Some(std::process::id()),
        owned: false,
    }
}
