//! Compares ways to choose who is served, in virtual time, at one seeder.
//!
//! `cargo run --release -p peer --example choking`. What is modelled, and what is not, is in
//! `docs/choking.md`. The policies of other seeders are written from a description of what they
//! choose; none of their code is here.

mod policy;
mod world;

use std::io::Write;

use peer::{ChokerConfig, Order, Slots};
use policy::Policy;
use world::World;

/// Who comes and what the uplink carries. Times are milliseconds, rates bytes a second.
pub(crate) struct Scenario {
    name: &'static str,
    slots: usize,
    uplink: f64,
    content: f64,
    piece: f64,
    rtt: u64,
    /// Pages that are there at the start.
    crowd: usize,
    /// Pages a second that come later.
    arrivals: f64,
    /// The share of pages that take no more than 100 KB/s.
    slow: f64,
    /// How long it goes on.
    run: u64,
}

const MB: f64 = 1e6;

const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "15 at once, 3 slots, 12 MB/s, near",
        slots: 3,
        uplink: 12.0 * MB,
        content: 20.0 * MB,
        piece: 262_144.0,
        rtt: 2,
        crowd: 15,
        arrivals: 0.0,
        slow: 0.0,
        run: 600_000,
    },
    Scenario {
        name: "40 at once, 8 slots, 12 MB/s, 50 ms away",
        slots: 8,
        uplink: 12.0 * MB,
        content: 50.0 * MB,
        piece: 524_288.0,
        rtt: 50,
        crowd: 40,
        arrivals: 0.0,
        slow: 0.0,
        run: 1_200_000,
    },
    Scenario {
        name: "one every 4 s, 8 slots, 12 MB/s, 50 ms away",
        slots: 8,
        uplink: 12.0 * MB,
        content: 40.0 * MB,
        piece: 524_288.0,
        rtt: 50,
        crowd: 1,
        arrivals: 0.25,
        slow: 0.0,
        run: 900_000,
    },
    Scenario {
        name: "the same, every third takes 100 KB/s at most",
        slots: 8,
        uplink: 12.0 * MB,
        content: 20.0 * MB,
        piece: 262_144.0,
        rtt: 50,
        crowd: 1,
        arrivals: 0.25,
        slow: 0.33,
        run: 900_000,
    },
    Scenario {
        name: "one every 10 s, 4 slots, 1 MB/s, 50 ms away",
        slots: 4,
        uplink: MB,
        content: 8.0 * MB,
        piece: 65_536.0,
        rtt: 50,
        crowd: 1,
        arrivals: 0.1,
        slow: 0.0,
        run: 900_000,
    },
];

fn shoal(slots: usize) -> ChokerConfig {
    ChokerConfig {
        slots: Slots::Fixed(slots),
        max_peers: 1_000,
        ..ChokerConfig::default()
    }
}

fn policies(slots: usize) -> Vec<(&'static str, Policy)> {
    let by_bytes = ChokerConfig {
        quantum: 1024 * 1024,
        ..shoal(slots)
    };
    let nearest = ChokerConfig {
        order: Order::NearestFinish,
        optimistic: slots.div_ceil(3),
        ..shoal(slots)
    };
    let by_rate = ChokerConfig {
        slots: Slots::ByRate {
            least: slots,
            most: 64,
            step: 4_096,
        },
        ..shoal(slots)
    };
    vec![
        ("Shoal", Policy::shoal(shoal(slots))),
        ("Shoal, turns of 1 MiB", Policy::shoal(by_bytes)),
        ("Shoal, nearest finish", Policy::shoal(nearest)),
        ("Shoal, slots by rate", Policy::shoal(by_rate)),
        ("webtorrent", Policy::webtorrent(slots)),
        ("libtorrent", Policy::libtorrent(slots)),
    ]
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| pages | policy | done | hang-ups | first block, s (median / p95 / max) | done after, s (median / p95) | longest choked, s | Jain |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    for scenario in &SCENARIOS {
        for (name, policy) in policies(scenario.slots) {
            let line = World::new(policy, scenario).run();
            writeln!(out, "| {} | {name} | {line} |", scenario.name)?;
        }
    }
    Ok(())
}
