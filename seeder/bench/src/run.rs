//! One load from start to end: meet, join, measure, go.

use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Waker};
use tracker_bench::{Process, Usage};

use crate::BenchError;
use crate::load::{ANSWERS, Load};
use crate::plan::{Meeting, Plan};
use crate::report::{Measured, Report};
use crate::signalling::Signalling;

/// How often the seeder's memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A seeder that used less CPU time than this in [`QUIET_WINDOW`] has checked its files.
const QUIET: Duration = Duration::from_millis(20);
const QUIET_WINDOW: Duration = Duration::from_millis(500);

/// Puts a load on a seeder, and tells what came of it.
///
/// # Errors
/// When the plan is out of bounds, the seeder or the tracker cannot be had, or nobody could join.
pub fn run(plan: &Plan) -> Result<Report, BenchError> {
    plan.check()?;
    if let Meeting::Tracker(url) = &plan.meeting {
        url.address(plan.owned)?;
    }
    let mut poll = Poll::new().map_err(BenchError::Poll)?;
    let waker = Waker::new(poll.registry(), ANSWERS).map_err(BenchError::Poll)?;
    let signalling = Signalling::start(plan, Arc::new(waker))?;
    let seeder = Seeder::start(plan, &signalling)?;
    let process = seeder.pid.map(find).transpose()?;
    if let Meeting::Own { .. } = plan.meeting
        && !signalling.wait_for_seeder(plan.patience)
    {
        return Err(BenchError::NoSeeder {
            tracker: signalling.tracker.clone(),
        });
    }
    settle(&mut poll, process, plan.patience)?;
    let mut load = Load::new(plan, poll, signalling, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let measured = measure(plan, &mut load, process)?;
    load.close();
    Ok(Report::new(plan, &load, &measured))
}

fn find(pid: u32) -> Result<Process, BenchError> {
    Process::find(pid).map_err(|error| BenchError::Process { pid, error })
}

fn measure(plan: &Plan, load: &mut Load, process: Option<Process>) -> Result<Measured, BenchError> {
    let look = || process.map(look_at).transpose();
    let before = look()?;
    let members = load.leechers.len();
    let joined = Instant::now() + plan.patience;
    // Those that come and go are never all there.
    let lasting = members - plan.crowd.churn;
    load.run(joined, LOOK, |load| {
        load.open() >= lasting && load.turns.opened >= lasting as u64
    })
    .map_err(BenchError::Leecher)?;
    if load.turns.opened == 0 && lasting > 0 {
        return Err(BenchError::NobodyJoined {
            reason: load
                .trouble()
                .unwrap_or_else(|| format!("{:?}", load.turns)),
        });
    }
    let bytes_before = load.leechers.iter().map(|leecher| leecher.tally().bytes);
    let bytes_before = bytes_before.collect();
    let (began, start, own) = (Instant::now(), look()?, own_cpu()?);
    let mut peak_kib = 0;
    load.run(began + plan.duration, LOOK, |_| {
        let seen = process.and_then(|process| process.usage().ok());
        peak_kib = seen.map_or(0, |usage| usage.rss).max(peak_kib);
        false
    })
    .map_err(BenchError::Leecher)?;
    let end = look()?;
    Ok(Measured {
        window: began.elapsed(),
        bytes_before,
        own_cpu: own_cpu()? - own,
        usage: before
            .zip(start)
            .zip(end)
            .map(|((before, start), end)| [before, start, end]),
        peak_kib,
        connected: load.open(),
    })
}

/// Waits until the seeder is done with what it does at its start.
fn settle(poll: &mut Poll, process: Option<Process>, patience: Duration) -> Result<(), BenchError> {
    let Some(process) = process else {
        return Ok(());
    };
    let end = Instant::now() + patience;
    let mut events = Events::with_capacity(1);
    let mut before = look_at(process)?.cpu;
    while Instant::now() < end {
        // Nobody offers anything yet, hence nothing comes.
        poll.poll(&mut events, Some(QUIET_WINDOW))
            .map_err(BenchError::Poll)?;
        let after = look_at(process)?.cpu;
        if after - before < QUIET {
            break;
        }
        before = after;
    }
    Ok(())
}

fn look_at(process: Process) -> Result<Usage, BenchError> {
    process.usage().map_err(|error| BenchError::Process {
        pid: process.id(),
        error,
    })
}

fn own_cpu() -> Result<Duration, BenchError> {
    Ok(look_at(Process::own())?.cpu)
}

/// The seeder, killed at the end if we started it.
struct Seeder {
    child: Option<Child>,
    pid: Option<u32>,
}

impl Seeder {
    fn start(plan: &Plan, signalling: &Signalling) -> Result<Self, BenchError> {
        let Meeting::Own { command, .. } = &plan.meeting else {
            return Ok(Self {
                child: None,
                pid: plan.pid,
            });
        };
        let Some((program, arguments)) = command.split_first() else {
            return Ok(Self {
                child: None,
                pid: plan.pid,
            });
        };
        let arguments = arguments
            .iter()
            .map(|argument| argument.replace("{tracker}", &signalling.tracker));
        let child = Command::new(program)
            .args(arguments)
            // Open until the end, for seeders that live as long as it does.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| BenchError::Start {
                program: program.clone(),
                error,
            })?;
        Ok(Self {
            pid: plan.pid.or(Some(child.id())),
            child: Some(child),
        })
    }
}

impl Drop for Seeder {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
