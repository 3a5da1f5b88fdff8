//! The kit, tested: trackers that conform pass, and each case can fail.
#![cfg(test)]

mod faults;
mod ours;
mod swarm;
mod table;
mod tracker;

use std::time::Duration;

use conformance::{Case, Options, Report, Verdict};

/// Runs cases and gives each with its verdict and what was seen.
async fn run(url: String, cases: &[&'static Case], timeout: Duration) -> Vec<Report> {
    let options = Options {
        timeout,
        ..Options::new(url)
    };
    let mut reports = Vec::new();
    conformance::run(&options, cases, |report| reports.push(report))
        .await
        .expect("the tracker answers a plain announce");
    reports
}

/// The reports of this verdict, in words.
fn with_verdict(reports: &[Report], is_wanted: impl Fn(Verdict) -> bool) -> Vec<String> {
    reports
        .iter()
        .filter(|report| is_wanted(report.verdict))
        .map(|report| format!("{}: {}", report.case.id, report.got))
        .collect()
}

/// The cases of these names.
fn named(ids: &[&str]) -> Vec<&'static Case> {
    let cases: Vec<_> = conformance::cases()
        .filter(|case| ids.contains(&case.id))
        .collect();
    assert_eq!(cases.len(), ids.len(), "a name in {ids:?} is no case");
    cases
}
