use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tokio::runtime::Runtime;
use tracker::{Config, Listen, TlsFiles, Tracker};
use tracker_bench::{Report, Scenario};

use crate::plan;

/// Runs a scenario against our own tracker, in this process.
fn bench(scenario: Scenario, change: impl FnOnce(&mut tracker_bench::Plan)) -> Report {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    bench_on(Listen::plain(any), scenario, change)
}

/// The same, on this listener.
fn bench_on(
    listen: Listen,
    scenario: Scenario,
    change: impl FnOnce(&mut tracker_bench::Plan),
) -> Report {
    let runtime = Runtime::new().expect("a runtime");
    let mut config = Config {
        listen: vec![listen],
        ..Config::default()
    };
    config.limits.messages_per_second = 1_000_000;
    config.limits.bytes_per_second = 1_000_000_000;
    let tracker: Tracker = runtime
        .block_on(tracker::start(config, |_| {}))
        .expect("the tracker starts");
    let mut plan = plan(tracker.addresses()[0].tcp().expect("a port"), scenario);
    change(&mut plan);
    let report = tracker_bench::run(&plan).expect("a report");
    runtime.block_on(tracker.stop()).expect("the tracker stops");
    report
}

#[test]
fn our_tracker_loses_nothing_in_a_closed_loop() {
    let report = bench(Scenario::ClosedLoop, |_| {});
    assert!(report.flawless(), "{report}");
    assert!(report.tally.announces > 10, "{report}");
    assert_eq!(report.tally.offers_due, 3 * report.tally.announces);
}

#[test]
fn nothing_is_lost_through_tls() {
    let dir = tempfile::tempdir().expect("a folder");
    let [key, cert] = ["key.pem", "cert.pem"].map(|name| dir.path().join(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
    for scenario in [Scenario::Paced, Scenario::Storm, Scenario::ClosedLoop] {
        let files = TlsFiles {
            cert: cert.clone(),
            key: key.clone(),
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let report = bench_on(Listen::tls(any, files), scenario, |plan| {
            let url = plan.url.to_string().replace("ws:", "wss:");
            plan.url = url.parse().expect("a URL");
        });
        assert!(report.flawless(), "{report}");
        assert!(report.tally.announces > 10, "{report}");
    }
}

#[test]
fn our_tracker_loses_nothing_at_a_pace() {
    let report = bench(Scenario::Paced, |_| {});
    assert!(report.flawless(), "{report}");
    assert_eq!(report.tally.announces, 100);
    assert_eq!(report.tally.offers, 300);
    assert_eq!(report.tally.answers, 300);
}

#[test]
fn more_offers_than_peers_are_not_owed() {
    let report = bench(Scenario::Paced, |plan| plan.offers = 7);
    assert!(report.flawless(), "{report}");
    assert_eq!(report.tally.offers_due, 4 * 100);
}

#[test]
fn our_tracker_serves_a_storm_of_clients() {
    let report = bench(Scenario::Storm, |_| {});
    assert!(report.flawless(), "{report}");
    assert!(report.tally.announces > 10, "{report}");
}

#[test]
fn idle_clients_have_exchanged_their_offers() {
    let report = bench(Scenario::Idle, |_| {});
    assert!(report.flawless(), "{report}");
    assert_eq!(report.tally.announces, 10);
    assert_eq!(report.tally.answers, 30);
    assert!(report.memory.is_some_and(|memory| memory.after_kib > 0));
}

#[test]
fn clients_that_never_read_cost_the_others_no_response() {
    let report = bench(Scenario::Stalled, |plan| {
        plan.stalled = 2;
        plan.duration = Duration::from_secs(1);
    });
    assert_eq!(report.responses.lost_percent, 0.0, "{report}");
    assert_eq!(report.tally.answers, report.tally.answers_due, "{report}");
    assert!(report.relayed_offers.lost_percent > 0.0, "{report}");
    assert_eq!(report.stalled_closed, Some(0));
}

#[test]
fn twice_the_load_loses_no_response() {
    let report = bench(Scenario::Overload, |plan| {
        plan.connections = 200;
        plan.torrents = 20;
        plan.rate = None;
        plan.duration = Duration::from_secs(1);
    });
    assert_eq!(report.responses.lost_percent, 0.0, "{report}");
    assert!(report.due_per_second > Some(2.0));
}
