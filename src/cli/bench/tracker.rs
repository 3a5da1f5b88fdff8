//! `shoal bench tracker`.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use tracker_bench::{Plan, Scenario, TrackerUrl};

use crate::cli::report;

/// The arguments of `shoal bench tracker`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tracker, as in `ws://127.0.0.1:8000`; of a `wss://` any certificate is taken.
    #[arg(long)]
    url: TrackerUrl,
    /// The kind of load.
    #[arg(long, value_enum, default_value_t = Kind::ClosedLoop)]
    scenario: Kind,
    /// Clients at the same time [default: 1000; storm: 100; stalled: 60].
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Torrents the clients are spread over [default: one for ten clients; stalled: 1].
    #[arg(long, value_name = "N")]
    torrents: Option<usize>,
    /// Offers an announce.
    #[arg(long, value_name = "K", default_value_t = 5)]
    offers: u32,
    /// Bytes of each session description [default: a mix of 800 to 1900].
    #[arg(long, value_name = "N")]
    sdp_bytes: Option<usize>,
    /// Announces a second [default: paced: 1000; overload: twice what a closed loop finds].
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Seconds of load.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    duration: f64,
    /// Clients that never read, with `--scenario stalled`.
    #[arg(long, value_name = "N", default_value_t = 4)]
    stalled: usize,
    /// The tracker's process, to measure its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Load a tracker that is not on loopback.
    #[arg(long)]
    yes_i_own_it: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Each client announces again as soon as it has its response.
    ClosedLoop,
    /// Announces at a fixed rate; latency counts from when each was due.
    Paced,
    /// Clients that have exchanged offers and say no more: memory a client.
    Idle,
    /// Clients that connect, announce and go.
    Storm,
    /// Twice what the tracker can do.
    Overload,
    /// Some clients never read while the others announce.
    Stalled,
}

/// Puts the load on and prints what came of it.
pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let report = tracker_bench::run(&args.plan()?)?;
    if json {
        report::json(&report)?;
    } else {
        report::line(report.to_string().trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn plan(self) -> anyhow::Result<Plan> {
        let (scenario, connections, spread) = match self.scenario {
            Kind::ClosedLoop => (Scenario::ClosedLoop, 1000, 10),
            Kind::Paced => (Scenario::Paced, 1000, 10),
            Kind::Idle => (Scenario::Idle, 1000, 10),
            Kind::Storm => (Scenario::Storm, 100, 10),
            Kind::Overload => (Scenario::Overload, 1000, 10),
            Kind::Stalled => (Scenario::Stalled, 60, usize::MAX),
        };
        let connections = self.connections.unwrap_or(connections);
        let torrents = self.torrents.unwrap_or((connections / spread).max(1));
        Ok(Plan {
            url: self.url,
            scenario,
            connections,
            torrents,
            offers: self.offers,
            sdp_bytes: self.sdp_bytes,
            rate: self.rate,
            duration: Duration::try_from_secs_f64(self.duration)?,
            stalled: self.stalled.min(connections),
            pid: self.pid,
            owned: self.yes_i_own_it,
        })
    }
}
