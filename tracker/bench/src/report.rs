use std::time::Duration;

use crate::histogram::Histogram;
use crate::ledger::Tally;
use crate::plan::{Plan, Scenario};
use crate::process::Usage;

/// What came of a load. As JSON the names of the fields carry the units.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// The kind of load.
    pub scenario: Scenario,
    /// The tracker's URL.
    pub tracker: String,
    /// Clients at the same time.
    pub connections: usize,
    /// Torrents the clients were spread over.
    pub torrents: usize,
    /// Offers an announce.
    pub offers: u32,
    /// Seconds of load.
    pub seconds: f64,
    /// Announces a second that were due, where the load had a rate.
    pub due_per_second: Option<f64>,
    /// Announces a second that got their response while the load lasted.
    pub announces_per_second: f64,
    /// From when an announce was due to its response.
    pub latency_ms: Latency,
    /// Responses to announces.
    pub responses: Delivery,
    /// Offers to other peers. With clients that never read, what they did not read counts as lost.
    pub relayed_offers: Delivery,
    /// Answers to the peers that made the offers.
    pub relayed_answers: Delivery,
    /// All that was counted.
    pub tally: Tally,
    /// CPU time of the tracker for each announce and all it caused, in microseconds.
    pub cpu_us_per_announce: Option<f64>,
    /// CPU time of the tracker by the clock, in per cent of a core.
    pub cpu_percent: Option<f64>,
    /// The tracker's memory.
    pub memory: Option<Memory>,
    /// CPU time of this process by the clock, in per cent of a core: near 100 the load is held
    /// back by the generator.
    pub generator_cpu_percent: f64,
    /// Of the clients that never read, those that the tracker closed.
    pub stalled_closed: Option<usize>,
    /// The first thing that went wrong, in words.
    pub complaint: Option<String>,
}

/// How much of what was owed came.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Delivery {
    /// Owed.
    pub due: u64,
    /// Came.
    pub came: u64,
    /// Missing, in per cent of what was owed.
    pub lost_percent: f64,
}

impl Delivery {
    fn new(due: u64, came: u64) -> Self {
        let lost = due.saturating_sub(came) as f64;
        Self {
            due,
            came,
            lost_percent: if due == 0 {
                0.0
            } else {
                100.0 * lost / due as f64
            },
        }
    }
}

/// Milliseconds that shares of the announces did not exceed.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Latency {
    /// Half of them.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// All but one of a hundred.
    pub p99: f64,
    /// All.
    pub max: f64,
}

impl From<&Histogram> for Latency {
    fn from(histogram: &Histogram) -> Self {
        let millis = |latency: Duration| latency.as_nanos() as f64 / 1e6;
        Self {
            p50: millis(histogram.quantile(0.5)),
            p90: millis(histogram.quantile(0.9)),
            p99: millis(histogram.quantile(0.99)),
            max: millis(histogram.max()),
        }
    }
}

/// Resident memory of the tracker, in KiB.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Memory {
    /// Before the first client came.
    pub before_kib: u64,
    /// At the end, with all clients there.
    pub after_kib: u64,
    /// The most it ever was.
    pub peak_kib: u64,
    /// What it grew by, for each client.
    pub kib_per_connection: f64,
}

/// What was measured around a load.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) window: Duration,
    pub(crate) responses_in_window: u64,
    pub(crate) due_per_second: Option<f64>,
    /// CPU time in the window, of this process and of the tracker.
    pub(crate) own_cpu: Duration,
    pub(crate) window_cpu: Option<Duration>,
    /// The tracker's usage when nobody was there, when the load began, and after it.
    pub(crate) usage: Option<[Usage; 3]>,
    pub(crate) stalled_closed: Option<usize>,
}

impl Report {
    pub(crate) fn new(
        plan: &Plan,
        measured: &Measured,
        tally: Tally,
        latency: &Histogram,
        complaint: Option<String>,
    ) -> Self {
        let clock = measured.window.as_secs_f64().max(f64::EPSILON);
        let percent = |cpu: Duration| 100.0 * cpu.as_secs_f64() / clock;
        let cpu = measured.usage.map(|[_, start, end]| end.cpu - start.cpu);
        let announces = tally.announces.max(1) as f64;
        Self {
            scenario: plan.scenario,
            tracker: plan.url.to_string(),
            connections: plan.connections,
            torrents: plan.torrents,
            offers: plan.offers,
            seconds: measured.window.as_secs_f64(),
            due_per_second: measured.due_per_second,
            announces_per_second: measured.responses_in_window as f64
                / measured.window.as_secs_f64().max(f64::EPSILON),
            latency_ms: latency.into(),
            responses: Delivery::new(tally.responses_due, tally.responses),
            relayed_offers: Delivery::new(tally.offers_due, tally.offers),
            relayed_answers: Delivery::new(tally.answers_due, tally.answers),
            cpu_us_per_announce: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / announces),
            cpu_percent: measured.window_cpu.map(percent),
            memory: measured.usage.map(|[before, _, end]| Memory {
                before_kib: before.rss,
                after_kib: end.rss,
                peak_kib: end.peak,
                kib_per_connection: end.rss.saturating_sub(before.rss) as f64
                    / plan.connections as f64,
            }),
            generator_cpu_percent: percent(measured.own_cpu),
            stalled_closed: measured.stalled_closed,
            tally,
            complaint,
        }
    }

    /// Whether everything that was owed came, once, to whom it should, as it was sent.
    pub fn flawless(&self) -> bool {
        let tally = &self.tally;
        tally.responses == tally.responses_due
            && tally.offers == tally.offers_due
            && tally.answers == tally.answers_due
            && [
                tally.duplicates,
                tally.misdirected,
                tally.altered,
                tally.failures,
                tally.strange,
                tally.closed,
                tally.held_back,
            ]
            .iter()
            .all(|count| *count == 0)
    }
}
