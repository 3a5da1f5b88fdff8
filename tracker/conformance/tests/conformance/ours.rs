//! Our tracker passes every case.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use conformance::Verdict;
use tracker::{Config, Listen};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_tracker_passes_every_case() {
    let config = Config {
        listen: vec![Listen::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))],
        ..Config::default()
    };
    let tracker = tracker::start(config, |_| {})
        .await
        .expect("the tracker starts");
    let address = tracker.addresses()[0].tcp().expect("a port");
    let cases: Vec<_> = conformance::cases().collect();
    let reports = super::run(format!("ws://{address}/"), &cases, Duration::from_secs(5)).await;
    assert_eq!(reports.len(), cases.len());
    let others = super::with_verdict(&reports, |verdict| verdict != Verdict::Pass);
    assert_eq!(others, Vec::<String>::new());
    tracker.stop().await.expect("the tracker stops");
}
