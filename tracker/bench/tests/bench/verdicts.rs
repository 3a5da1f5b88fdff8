use tracker_bench::{BenchError, Report, Scenario, Tally};

use crate::faulty::{Fault, Faulty};
use crate::plan;

/// What a hundred announces with three offers each owe, and get from a tracker without faults.
const ALL: Tally = Tally {
    announces: 100,
    responses_due: 100,
    responses: 100,
    offers_due: 300,
    offers: 300,
    answers_due: 300,
    answers: 300,
    duplicates: 0,
    misdirected: 0,
    altered: 0,
    failures: 0,
    strange: 0,
    closed: 0,
    held_back: 0,
};

fn paced(fault: Fault, period: u64) -> Report {
    let tracker = Faulty::start(fault, period);
    tracker_bench::run(&plan(tracker.address, Scenario::Paced)).expect("a report")
}

#[test]
fn a_faithful_tracker_is_flawless() {
    let report = paced(Fault::None, 1);
    assert_eq!(report.tally, ALL);
    assert!(report.flawless());
    assert_eq!(report.complaint, None);
    assert!(report.latency_ms.p50 > 0.0 && report.latency_ms.max >= report.latency_ms.p99);
}

#[test]
fn a_tracker_that_responds_to_answers_owes_those_responses() {
    let report = paced(Fault::RespondToAnswer, 1);
    let tally = Tally {
        responses_due: 400,
        responses: 400,
        ..ALL
    };
    assert_eq!(report.tally, tally);
    assert!(report.flawless());
}

#[test]
fn lost_offers_are_told_and_nobody_answers_them() {
    let report = paced(Fault::LoseOffer, 10);
    let tally = Tally {
        offers: 270,
        answers_due: 270,
        answers: 270,
        ..ALL
    };
    assert_eq!(report.tally, tally);
    assert_eq!(report.relayed_offers.lost_percent, 10.0);
    assert!(!report.flawless());
    assert!(
        report
            .to_string()
            .contains("\noffers          270 of 300, 10.00 % lost\n")
    );
}

#[test]
fn lost_answers_are_told() {
    let report = paced(Fault::LoseAnswer, 20);
    assert_eq!(
        report.tally,
        Tally {
            answers: 285,
            ..ALL
        }
    );
    assert_eq!(report.relayed_answers.lost_percent, 5.0);
}

#[test]
fn lost_responses_are_told() {
    let report = paced(Fault::LoseResponse, 4);
    assert_eq!(
        report.tally,
        Tally {
            responses: 75,
            ..ALL
        }
    );
    assert_eq!(report.responses.lost_percent, 25.0);
}

#[test]
fn an_offer_that_comes_twice_is_answered_once() {
    let report = paced(Fault::RepeatOffer, 10);
    let duplicates = 30;
    assert_eq!(report.tally, Tally { duplicates, ..ALL });
    assert!(!report.flawless());
}

#[test]
fn a_changed_session_description_is_told() {
    let report = paced(Fault::AlterOffer, 10);
    assert_eq!(report.tally, Tally { altered: 30, ..ALL });
    assert!(!report.flawless());
}

#[test]
fn an_answer_to_the_wrong_peer_is_lost_and_misdirected() {
    let report = paced(Fault::ReturnAnswer, 10);
    let tally = Tally {
        answers: 270,
        misdirected: 30,
        ..ALL
    };
    assert_eq!(report.tally, tally);
}

#[test]
fn refusals_are_told_in_the_trackers_words() {
    let report = paced(Fault::Refuse, 10);
    let tally = Tally {
        responses: 90,
        failures: 10,
        ..ALL
    };
    assert_eq!(report.tally, tally);
    let complaint = "the tracker refuses: \\\"busy\\\"".to_owned();
    assert_eq!(report.complaint, Some(complaint));
}

#[test]
fn a_closed_loop_goes_on_after_a_lost_response() {
    let tracker = Faulty::start(Fault::LoseResponse, 50);
    let mut plan = plan(tracker.address, Scenario::ClosedLoop);
    plan.duration = std::time::Duration::from_secs(3);
    let report = tracker_bench::run(&plan).expect("a report");
    let lost = report.tally.announces / 50;
    assert!(
        lost > 10,
        "without going on no client could lose two: {lost}"
    );
    assert!(
        report
            .tally
            .responses
            .abs_diff(report.tally.announces - lost)
            <= 1
    );
}

#[test]
fn a_tracker_that_closes_its_sockets_is_an_error() {
    let tracker = Faulty::start(Fault::Close, 1);
    let error = tracker_bench::run(&plan(tracker.address, Scenario::Paced)).expect_err("refused");
    assert!(
        matches!(
            error,
            BenchError::Refused {
                open: 0,
                wanted: 10,
                ..
            }
        ),
        "{error}"
    );
}
