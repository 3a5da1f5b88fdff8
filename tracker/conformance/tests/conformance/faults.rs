//! A fault makes the cases that are about it fail.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use conformance::{Case, Verdict};
use serde_json::{Value, json};

use crate::swarm::Fault;
use crate::{named, run, tracker, with_verdict};

const PATIENCE: Duration = Duration::from_secs(5);

/// For trackers that do not answer: each case waits this long, some several times.
const IMPATIENCE: Duration = Duration::from_millis(700);

const EXPECTED: &[(Fault, &[&str])] = &[
    (
        Fault::NullIsSeed,
        &["left.null", "left.empty-text", "left.false"],
    ),
    (
        Fault::EventsRefused,
        &[
            "event.update",
            "event.paused",
            "event.regular",
            "event.unknown",
            "event.empty",
        ],
    ),
    (Fault::IdsCut, &["ids.long", "ids.hex", "ids.peer-id"]),
    (Fault::WideIdsFolded, &["ids.wide"]),
    (Fault::OfferIdsCut, &["offer-id.uuid", "offer-id.long"]),
    (
        Fault::KeysDropped,
        &["offers.unknown-keys", "answer.unknown-keys"],
    ),
    (Fault::OffersReserialised, &["offers.exact"]),
    (
        Fault::BadOfferSpoilsAll,
        &["offers.bad-entries", "hostile.offers-null"],
    ),
    (Fault::NumwantRequired, &["offers.numwant-absent"]),
    (Fault::NumwantIgnored, &["offers.numwant-bounds"]),
    (Fault::OffersToAll, &["offers.distinct", "offers.surplus"]),
    (Fault::OffersToSelf, &["offers.not-to-self"]),
    (Fault::OffersAcrossSwarms, &["offers.own-swarm"]),
    (Fault::OffersOnStop, &["offers.none-on-stop"]),
    (Fault::SeedsToSeeds, &["offers.seed-to-seed"]),
    (Fault::ResponseLast, &["announce.order"]),
    (
        Fault::AnnouncerUncounted,
        &["announce.counts", "left.zero", "event.completed"],
    ),
    (
        Fault::CountedTwice,
        &["announce.twice", "event.completed-twice"],
    ),
    (Fault::AnswersGetResponses, &["answer.silent"]),
    (
        Fault::AnswersDemote,
        &["answer.keeps-seed", "answer.with-left"],
    ),
    (
        Fault::AnswersUnchecked,
        &[
            "answer.foreign-socket",
            "answer.unasked",
            "answer.wrong-offer",
            "answer.twice",
        ],
    ),
    (
        Fault::FailuresUnnamed,
        &[
            "error.announce",
            "error.answer",
            "error.no-info-hash",
            "error.no-action",
            "error.unknown-action",
            "error.garbage",
            "error.null",
            "error.two",
            "scrape.short",
            "hostile.deep",
            "hostile.scrape-object",
        ],
    ),
    (
        Fault::ScrapeForgetsUnknown,
        &["scrape.many", "scrape.unknown"],
    ),
    (Fault::ScrapeListsAll, &["scrape.all-refused"]),
    (
        Fault::ScrapeOfNothingSilent,
        &["scrape.all", "scrape.empty"],
    ),
    (Fault::CompletionsUncounted, &["scrape.downloaded"]),
    (Fault::SecondSocketSilent, &["identity.second-socket"]),
    (
        Fault::SecondSocketTakesOver,
        &["identity.offers-stay", "identity.no-eviction"],
    ),
    (Fault::StopByAnyone, &["identity.foreign-stop"]),
    (Fault::CloseEvictsPeerId, &["identity.no-eviction"]),
    (Fault::CloseForgets, &["end.close", "end.cut", "end.peers"]),
    (Fault::TrackerIdsIgnored, &["identity.return"]),
    (Fault::TrackerIdsAlike, &["identity.foreign-id"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_tracker_without_a_fault_passes_every_case() {
    let cases: Vec<_> = conformance::cases().collect();
    let reports = run(tracker::start(Fault::None).await, &cases, PATIENCE).await;
    let others = with_verdict(&reports, |verdict| verdict != Verdict::Pass);
    assert_eq!(others, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_fails_the_cases_that_are_about_it() {
    for &(fault, ids) in EXPECTED {
        let reports = run(tracker::start(fault).await, &named(ids), PATIENCE).await;
        let passed = with_verdict(&reports, |verdict| {
            !matches!(verdict, Verdict::Fail | Verdict::Warning)
        });
        assert_eq!(passed, Vec::<String>::new(), "with {fault:?}");
    }
}

#[tokio::test]
async fn cases_about_tracker_ids_are_skipped_where_there_are_none() {
    let cases = named(&["identity.return", "identity.foreign-id"]);
    let reports = run(tracker::start(Fault::NoTrackerIds).await, &cases, PATIENCE);
    let skipped = with_verdict(&reports.await, |verdict| verdict == Verdict::Skip);
    let why = "it gives no `tracker id`, and need not";
    assert_eq!(
        skipped,
        cases
            .iter()
            .map(|case| format!("{}: {why}", case.id))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_case_that_takes_the_tracker_down_is_told_and_the_others_go_on() {
    let url = tracker::start(Fault::CrashesOnObject).await;
    let cases = named(&["hostile.scrape-object", "hostile.scrape-number"]);
    let verdicts: Vec<Verdict> = run(url, &cases, PATIENCE)
        .await
        .iter()
        .map(|report| report.verdict)
        .collect();
    assert_eq!(verdicts, [Verdict::Crashed, Verdict::Pass]);
}

/// A tracker that does nothing and one that says everything: a case that both pass checks nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_case_passes_whatever_the_tracker_does() {
    let (deaf, chatty) = tokio::join!(passed_by(Fault::Deaf), passed_by(Fault::Chatty));
    let both: Vec<_> = deaf.intersection(&chatty).collect();
    assert_eq!(
        both,
        Vec::<&&str>::new(),
        "passed in both silence and noise"
    );
}

/// The cases that a tracker with this fault passes.
async fn passed_by(fault: Fault) -> BTreeSet<&'static str> {
    const AT_ONCE: usize = 32;
    let cases: Vec<&'static Case> = conformance::cases().collect();
    let shards: Vec<_> = cases
        .chunks(cases.len().div_ceil(AT_ONCE))
        .map(<[_]>::to_vec)
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    for shard in shards {
        tasks.spawn(async move { run(tracker::start(fault).await, &shard, IMPATIENCE).await });
    }
    tasks
        .join_all()
        .await
        .iter()
        .flatten()
        .filter(|report| report.verdict == Verdict::Pass)
        .map(|report| report.case.id)
        .collect()
}

/// The text as a tracker with this fault understands it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most faults lie in what the tracker does, not in how it reads"
)]
pub(crate) fn heard(fault: Fault, text: &str) -> Cow<'_, str> {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else {
        return text.into();
    };
    match fault {
        Fault::NullIsSeed => match message.get("left") {
            Some(left) if left.is_null() || left == "" || left == false => {
                message["left"] = 0.into()
            }
            _ => return text.into(),
        },
        Fault::EventsRefused => {
            let is_known = |event: &Value| {
                ["started", "completed", "stopped"]
                    .iter()
                    .any(|known| event == known)
            };
            if message.get("event").is_some_and(|event| !is_known(event)) {
                message["peer_id"] = "refused".into();
            }
        }
        Fault::IdsCut => {
            for key in ["info_hash", "peer_id"] {
                cut(&mut message[key]);
            }
        }
        Fault::WideIdsFolded => {
            return text
                .replace("\\u0100", "\\u0000")
                .replace('\u{100}', "\\u0000")
                .into();
        }
        Fault::OfferIdsCut => each_offer(&mut message, |offer| cut(&mut offer["offer_id"])),
        Fault::KeysDropped => {
            let drop = |description: &mut Value| {
                description
                    .as_object_mut()
                    .map(|object| object.remove("x-custom"));
            };
            message.get_mut("answer").into_iter().for_each(drop);
            each_offer(&mut message, |offer| drop(&mut offer["offer"]));
        }
        Fault::OffersReserialised => each_offer(&mut message, |offer| {
            let sdp = offer["offer"]["sdp"]
                .as_str()
                .map(|sdp| sdp.replace("\r\n", "\n"));
            offer["offer"]["sdp"] = sdp.into();
        }),
        Fault::BadOfferSpoilsAll => {
            let is_good =
                |offer: &Value| offer.get("offer").is_some() && offer.get("offer_id").is_some();
            let offers = message.get("offers").and_then(Value::as_array);
            if offers.is_some_and(|offers| !offers.iter().all(is_good)) {
                message["offers"] = json!([]);
            }
        }
        _ => return text.into(),
    }
    message.to_string().into()
}

fn cut(id: &mut Value) {
    if let Some(text) = id.as_str() {
        *id = text.chars().take(20).collect::<String>().into();
    }
}

fn each_offer(message: &mut Value, change: impl Fn(&mut Value)) {
    let offers = message.get_mut("offers").and_then(Value::as_array_mut);
    offers
        .into_iter()
        .flatten()
        .filter(|offer| offer.is_object())
        .for_each(change);
}

/// One message of every kind, and failures that name nothing.
pub(crate) fn everything(info_hash: &Value, is_sender: bool) -> Vec<Value> {
    let peer_id = "-SHCONF-chatty......";
    let base = json!({"action": "announce", "info_hash": info_hash, "peer_id": peer_id});
    let with = |key: &str, value: Value| {
        let mut message = base.clone();
        message[key] = value;
        message["offer_id"] = "chatter.............".into();
        message
    };
    let mut messages = vec![
        with("offer", json!({"type": "offer", "sdp": ""})),
        with("answer", json!({"type": "answer", "sdp": "secret"})),
        json!({"action": "scrape", "files": {"": {}}}),
    ];
    if is_sender {
        messages.push(with("complete", json!(7)));
        messages.push(json!({"failure reason": "chatter"}));
    }
    messages
}
