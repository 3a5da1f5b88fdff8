//! `shoal bench seeder`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use seeder_bench::{Crowd, Meeting, PathSpec, Plan, TrackerUrl};

use crate::cli::{exit, report, torrent_file};

const EXAMPLE: &str = "\
Example: the seeder is started here and announces to a tracker of the bench's own.
  shoal bench seeder film.torrent --greedy 10 --rtt 50 -- \\
    shoal seed film.torrent --tracker {tracker} --rtc-listen 127.0.0.1:0";

/// The arguments of `shoal bench seeder`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// What the seeder seeds.
    #[arg(value_name = "TORRENT")]
    torrent: PathBuf,
    /// The seeder to start, and to kill at the end: `{tracker}` stands for the tracker's URL.
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "tracker")]
    command: Vec<String>,
    /// Meet a seeder that runs already at this tracker, as in `ws://127.0.0.1:8000`.
    #[arg(long, value_name = "URL")]
    tracker: Option<TrackerUrl>,
    /// Where the bench's own tracker listens.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Leechers that take all they can get [default: 1 if there are no others].
    #[arg(long, value_name = "N")]
    greedy: Option<usize>,
    /// Leechers that take no more than --slow-rate.
    #[arg(long, value_name = "N", default_value_t = 0)]
    slow: usize,
    /// What a slow one takes, in kB/s.
    #[arg(long, value_name = "N", default_value_t = 64)]
    slow_rate: u32,
    /// Leechers that ask for all they may and never read it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    stalled: usize,
    /// Leechers that connect and want nothing.
    #[arg(long, value_name = "N", default_value_t = 0)]
    idle: usize,
    /// Leechers that connect and close, over and over.
    #[arg(long, value_name = "N", default_value_t = 0)]
    churn: usize,
    /// Milliseconds from a leecher to the seeder and back.
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    rtt: f64,
    /// Datagrams lost each way, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    loss: f64,
    /// Megabits a second that pass to each leecher.
    #[arg(long, value_name = "MBIT")]
    rate: Option<f64>,
    /// Bytes that wait at that bottleneck [default: one round trip's, 64 KiB at least].
    #[arg(long, value_name = "N", requires = "rate")]
    queue_bytes: Option<u64>,
    /// Seconds of load, once all have joined.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    duration: f64,
    /// Seconds until the load begins with those who have joined.
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    patience: f64,
    /// The seeder's process, to measure its CPU time and memory [default: the one started].
    #[arg(long)]
    pid: Option<u32>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Use a tracker that is not on loopback.
    #[arg(long)]
    yes_i_own_it: bool,
}

/// Puts the load on and prints what came of it; fails if the seeder sent what it should not.
pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let report = seeder_bench::run(&args.plan()?)?;
    if json {
        report::json(&report)?;
    } else {
        report::line(report.to_string().trim_end())?;
    }
    Ok(if report.flawless() {
        ExitCode::SUCCESS
    } else {
        exit::FAILURE
    })
}

impl Args {
    fn plan(self) -> anyhow::Result<Plan> {
        let others = self.slow + self.stalled + self.idle + self.churn;
        let listen = self.listen;
        let command = self.command;
        Ok(Plan {
            metainfo: Arc::new(torrent_file::read(&self.torrent)?),
            meeting: match self.tracker {
                Some(url) => Meeting::Tracker(url),
                None => Meeting::Own { listen, command },
            },
            crowd: Crowd {
                greedy: self.greedy.unwrap_or(usize::from(others == 0)),
                slow: self.slow,
                slow_bytes_per_second: self.slow_rate.saturating_mul(1000),
                stalled: self.stalled,
                idle: self.idle,
                churn: self.churn,
            },
            path: PathSpec {
                rtt_ms: self.rtt,
                loss_percent: self.loss,
                mbit_per_second: self.rate,
                queue_bytes: self.queue_bytes,
            },
            duration: Duration::try_from_secs_f64(self.duration)?,
            patience: Duration::try_from_secs_f64(self.patience)?,
            pid: self.pid,
            owned: self.yes_i_own_it,
        })
    }
}
