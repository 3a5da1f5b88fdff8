use std::time::Duration;

use tracker_bench::Usage;

use crate::load::{Leecher, Load, Turns};
use crate::path::PathSpec;
use crate::plan::{Behaviour, Crowd, Plan};
use crate::session::Tally;

/// What came of a load. As JSON the names of the fields carry the units; MB are 10^6 bytes.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// The torrent's name.
    pub torrent: String,
    /// Leechers of each kind.
    pub leechers: Crowd,
    /// What lay between.
    pub path: PathSpec,
    /// Seconds of load.
    pub seconds: f64,
    /// Leechers whose channel was open when the load ended.
    pub connected: usize,
    /// Bytes of blocks while the load lasted, in all and a second.
    pub megabytes: f64,
    /// The same, a second.
    pub mb_per_second: f64,
    /// What each greedy or slow leecher got a second.
    pub leecher_mb_per_second: Option<Spread>,
    /// From the offer to the open channel.
    pub open_ms: Option<Spread>,
    /// From the offer to the first block.
    pub first_block_ms: Option<Spread>,
    /// CPU time of the seeder for each gigabyte while the load lasted.
    pub cpu_s_per_gb: Option<f64>,
    /// CPU time of the seeder by the clock, in per cent of a core.
    pub cpu_percent: Option<f64>,
    /// The seeder's memory.
    pub memory: Option<Memory>,
    /// What happened to the leechers.
    pub turns: Turns,
    /// Pieces whose hash was right.
    pub pieces_verified: u64,
    /// Pieces whose hash was wrong.
    pub pieces_wrong: u64,
    /// Blocks that nobody had asked for.
    pub blocks_unasked: u64,
    /// Requests that the seeder rejected.
    pub blocks_refused: u64,
    /// CPU time of this process by the clock, in per cent of a core: near 100 the load is held
    /// back by the leechers.
    pub leechers_cpu_percent: f64,
    /// The first thing that went wrong, in words.
    pub complaint: Option<String>,
}

/// The least, the middle and the most of some figures.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// Half of them are no more than this.
    pub median: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            min: *sorted.first()?,
            median: *sorted.get((sorted.len() - 1) / 2)?,
            max: *sorted.last()?,
        })
    }
}

/// Resident memory of the seeder, in MB.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Memory {
    /// Before the first leecher came.
    pub before_mb: f64,
    /// At the end, with all leechers there.
    pub after_mb: f64,
    /// The most seen while the load lasted.
    pub peak_mb: f64,
    /// What it grew by until the end, for each leecher that was connected then, in KB.
    pub kb_per_leecher: f64,
}

/// What was measured around a load.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) window: Duration,
    /// Bytes that each leecher had when the window began.
    pub(crate) bytes_before: Vec<u64>,
    /// CPU time of this process in the window.
    pub(crate) own_cpu: Duration,
    /// The seeder's usage when nobody was there, when the load began, and at its end.
    pub(crate) usage: Option<[Usage; 3]>,
    /// The most resident memory seen, in KiB.
    pub(crate) peak_kib: u64,
    pub(crate) connected: usize,
}

impl Report {
    pub(crate) fn new(plan: &Plan, load: &Load, measured: &Measured) -> Self {
        let seconds = measured.window.as_secs_f64().max(f64::EPSILON);
        let percent = |cpu: Duration| 100.0 * cpu.as_secs_f64() / seconds;
        let tallies: Vec<Tally> = load.leechers.iter().map(Leecher::tally).collect();
        let bytes: Vec<f64> = tallies
            .iter()
            .zip(&measured.bytes_before)
            .map(|(tally, before)| (tally.bytes - before) as f64)
            .collect();
        let megabytes = bytes.iter().sum::<f64>() / 1e6;
        let sum = tallies.iter().fold(Tally::default(), |mut sum, tally| {
            sum.add(tally);
            sum
        });
        let cpu = measured.usage.map(|[_, start, end]| end.cpu - start.cpu);
        let rates = load.leechers.iter().zip(&bytes);
        let rates = rates.filter(|(leecher, _)| takes(leecher.behaviour));
        let millis = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1000.0);
        let leechers = load.leechers.iter();
        Self {
            torrent: plan.metainfo.name().to_owned(),
            leechers: plan.crowd,
            path: plan.path,
            seconds,
            connected: measured.connected,
            megabytes,
            mb_per_second: megabytes / seconds,
            leecher_mb_per_second: Spread::of(rates.map(|(_, bytes)| bytes / 1e6 / seconds)),
            open_ms: Spread::of(
                leechers
                    .clone()
                    .filter_map(|leecher| millis(leecher.to_open)),
            ),
            first_block_ms: Spread::of(
                leechers.filter_map(|leecher| millis(leecher.to_first_block)),
            ),
            cpu_s_per_gb: cpu
                .filter(|_| megabytes > 0.0)
                .map(|cpu| cpu.as_secs_f64() * 1000.0 / megabytes),
            cpu_percent: cpu.map(percent),
            memory: measured.usage.map(|usage| memory(usage, measured)),
            turns: load.turns,
            pieces_verified: sum.pieces_verified,
            pieces_wrong: sum.pieces_wrong,
            blocks_unasked: sum.blocks_unasked,
            blocks_refused: sum.blocks_refused,
            leechers_cpu_percent: percent(measured.own_cpu),
            complaint: load.complaint.clone(),
        }
    }

    /// Whether all that came was asked for and right.
    #[must_use]
    pub fn flawless(&self) -> bool {
        self.pieces_wrong == 0 && self.blocks_unasked == 0 && self.complaint.is_none()
    }
}

fn takes(behaviour: Behaviour) -> bool {
    matches!(behaviour, Behaviour::Greedy | Behaviour::Slow { .. })
}

fn memory([before, _, end]: [Usage; 3], measured: &Measured) -> Memory {
    let mega = |kib: u64| kib as f64 * 1024.0 / 1e6;
    let grown = mega(end.rss) - mega(before.rss);
    Memory {
        before_mb: mega(before.rss),
        after_mb: mega(end.rss),
        peak_mb: mega(measured.peak_kib.max(end.rss)),
        kb_per_leecher: grown * 1000.0 / measured.connected.max(1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_names_the_least_the_middle_and_the_most() {
        let spread = |figures: &[f64]| Spread::of(figures.iter().copied());
        let told = |min, median, max| Some(Spread { min, median, max });
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), told(3.0, 3.0, 3.0));
        assert_eq!(spread(&[3.0, 1.0, 2.0, 9.0]), told(1.0, 2.0, 9.0));
    }
}
