//! The kinds of load, step by step.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::BenchError;
use crate::connection::State;
use crate::id::Salt;
use crate::load::Load;
use crate::plan::{Plan, Scenario};
use crate::process::{Process, Usage};
use crate::report::{Measured, Report};
use crate::template::Templates;

/// Upgrades under way at the same time while clients gather: under any listen backlog.
const HANDSHAKES: usize = 64;
/// First announces without a response at the same time while clients gather.
const JOINS: usize = 128;
/// Time without any progress after which gathering has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time without any message after which what is still owed counts as lost.
const QUIET: Duration = Duration::from_secs(2);
/// The longest that is waited for what is owed while messages come.
const SETTLE: Duration = Duration::from_secs(60);
/// Time after which a tracker that responds to answers has done so.
const SECOND_RESPONSE: Duration = Duration::from_millis(300);
/// Load before what is measured, for trackers that compile or grow as they go.
const WARM_UP: Duration = Duration::from_secs(1);
/// How often clients whose response is lost are looked for in a closed loop.
const SWEEP: Duration = Duration::from_millis(250);
/// A response is lost after this long at least, and after four times what most others took.
const LOST: Duration = Duration::from_secs(1);
/// Announces sent between two looks at the sockets.
const BURST: u64 = 32;
/// The rate of a paced load that nobody named.
const RATE: f64 = 1000.0;

/// Puts the load of `plan` on its tracker and tells what came of it.
///
/// Blocks for the load's duration and what it takes to gather clients before and to wait for what
/// is owed after: a minute at most each.
///
/// # Errors
/// When the plan is out of bounds, the tracker is not on loopback and not owned, or it does not let
/// the clients in.
pub fn run(plan: &Plan) -> Result<Report, BenchError> {
    let address = plan.address()?;
    let watched = match plan.pid {
        Some(pid) => Some(Process::find(pid).map_err(|error| BenchError::Process { pid, error })?),
        None => None,
    };
    let seed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let salt = Salt::new(seed.subsec_nanos() >> 10);
    let templates = Templates::new(salt, plan.offers, plan.sdp_bytes);
    let mut bench = Bench {
        load: Load::new(plan, address, templates).map_err(BenchError::Connect)?,
        plan,
        watched,
        before: None,
    };
    bench.before = bench.usage()?;
    match plan.scenario {
        Scenario::Storm => bench.storm(),
        Scenario::Idle => bench.idle(),
        Scenario::ClosedLoop => {
            bench.loaded(|bench| bench.closed_loop(plan.duration).map(|()| None))
        }
        Scenario::Stalled => bench.loaded(|bench| bench.closed_loop(plan.duration).map(|()| None)),
        Scenario::Paced => bench.loaded(|bench| bench.paced(plan.rate.unwrap_or(RATE)).map(Some)),
        Scenario::Overload => bench.overload(),
    }
}

struct Bench<'a> {
    load: Load,
    plan: &'a Plan,
    watched: Option<Process>,
    before: Option<Usage>,
}

impl Bench<'_> {
    fn usage(&self) -> Result<Option<Usage>, BenchError> {
        let usage = self.watched.map(Process::usage).transpose();
        usage.map_err(|error| BenchError::Process {
            pid: self.plan.pid.unwrap_or(0),
            error,
        })
    }

    /// Runs `load` among gathered clients after a warm-up, and reports.
    fn loaded(
        mut self,
        load: impl Fn(&mut Self) -> Result<Option<f64>, BenchError>,
    ) -> Result<Report, BenchError> {
        self.gather()?;
        if self.plan.scenario == Scenario::Stalled {
            for slot in 0..self.plan.stalled {
                self.load.stall(slot).map_err(BenchError::Connect)?;
            }
        } else {
            self.closed_loop(WARM_UP.min(self.plan.duration / 4))?;
            self.settle()?;
        }
        self.report(load)
    }

    /// Finds what the tracker can do, then asks twice as much of it.
    fn overload(mut self) -> Result<Report, BenchError> {
        self.gather()?;
        let most = match self.plan.rate {
            Some(rate) => rate / 2.0,
            None => {
                let probe = Duration::from_secs(5).min(self.plan.duration);
                self.closed_loop(probe)?;
                let rate = self.load.latency.total() as f64 / probe.as_secs_f64();
                self.settle()?;
                rate
            }
        };
        self.report(|bench| bench.paced(2.0 * most.max(1.0)).map(Some))
    }

    fn report(
        mut self,
        load: impl Fn(&mut Self) -> Result<Option<f64>, BenchError>,
    ) -> Result<Report, BenchError> {
        self.load.reset();
        let (start, start_usage) = (Instant::now(), self.usage()?);
        let own = Process::own().usage().ok();
        let due_per_second = load(&mut self)?;
        let window = start.elapsed();
        let responses_in_window = self.load.latency.total();
        let own_end = Process::own().usage().ok();
        let watched_window = self.usage()?;
        self.settle()?;
        let end_usage = self.usage()?;
        // What the tracker does after the load is part of each announce's price, not of its rate.
        let measured = Measured {
            window,
            responses_in_window,
            due_per_second,
            own_cpu: own
                .zip(own_end)
                .map_or(Duration::ZERO, |(a, b)| b.cpu - a.cpu),
            window_cpu: start_usage.zip(watched_window).map(|(a, b)| b.cpu - a.cpu),
            stalled_closed: (self.plan.scenario == Scenario::Stalled)
                .then(|| self.stalled_closed()),
            usage: self
                .before
                .zip(start_usage)
                .zip(end_usage)
                .map(|((a, b), c)| [a, b, c]),
        };
        let Load {
            tally,
            latency,
            complaint,
            ..
        } = self.load;
        Ok(Report::new(
            self.plan, &measured, tally, &latency, complaint,
        ))
    }

    fn turn(&mut self, wait: Duration) -> Result<(), BenchError> {
        self.load.turn(wait)?;
        self.load.turns.opened.clear();
        self.load.turns.served.clear();
        self.load.turns.lost.clear();
        Ok(())
    }

    /// Connects and announces all clients, and finds out how the tracker treats answers.
    fn gather(&mut self) -> Result<(), BenchError> {
        let wanted = self.plan.connections;
        let (mut opened, mut joined, mut served) = (0, 0, 0);
        let mut progress = Instant::now();
        while served < wanted {
            while self.load.connections.len() < wanted.min(opened + HANDSHAKES) {
                self.load.connect(None).map_err(BenchError::Connect)?;
            }
            // Nobody announces before all are there: the memory of joining is that of the peers.
            while opened == wanted && joined < wanted.min(served + JOINS) {
                self.load.join(joined, Instant::now());
                joined += 1;
            }
            self.load.turn(Duration::from_millis(10))?;
            let turns = std::mem::take(&mut self.load.turns);
            opened += turns.opened.len();
            served += turns.served.len();
            if !turns.opened.is_empty() || !turns.served.is_empty() {
                progress = Instant::now();
            }
            if !turns.lost.is_empty() || progress.elapsed() > PATIENCE {
                let reason = self.load.complaint.take();
                return Err(BenchError::Refused {
                    open: served,
                    wanted,
                    reason: reason.unwrap_or_else(|| "the tracker does not answer".into()),
                });
            }
        }
        self.probe()
    }

    /// Some trackers send a response to an answer, too: then it is owed, and waited for.
    fn probe(&mut self) -> Result<(), BenchError> {
        if self.plan.offers > 0 && self.plan.connections > self.plan.torrents {
            self.load.reset();
            self.load.probe(0, Instant::now());
            self.settle()?;
            let end = Instant::now() + SECOND_RESPONSE;
            while Instant::now() < end {
                self.turn(Duration::from_millis(50))?;
            }
            self.load.responds_to_answers = self.load.tally.responses > 1;
        }
        Ok(())
    }

    /// Waits until everything owed has come, or nothing comes any more.
    fn settle(&mut self) -> Result<(), BenchError> {
        let start = Instant::now();
        let (mut last, mut seen) = (start, self.load.tally.received());
        while !self.load.tally.settled() && last.elapsed() < QUIET && start.elapsed() < SETTLE {
            self.turn(Duration::from_millis(20))?;
            if self.load.tally.received() != seen {
                seen = self.load.tally.received();
                last = Instant::now();
            }
        }
        Ok(())
    }

    fn closed_loop(&mut self, duration: Duration) -> Result<(), BenchError> {
        let start = Instant::now();
        let end = start + duration;
        self.load.again_until = Some(end);
        for slot in 0..self.load.connections.len() {
            if !self.load.connections[slot].stalled {
                self.load.announce(slot, Instant::now());
            }
        }
        let mut sweep = start + SWEEP;
        while Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            self.turn(left.min(Duration::from_millis(50)))?;
            if Instant::now() > sweep {
                self.announce_after_loss();
                sweep = Instant::now() + SWEEP;
            }
        }
        self.load.again_until = None;
        Ok(())
    }

    /// Lets clients go on whose response is lost.
    fn announce_after_loss(&mut self) {
        let now = Instant::now();
        let patience = LOST.max(self.load.latency.quantile(0.9) * 4);
        for slot in 0..self.load.connections.len() {
            let connection = &mut self.load.connections[slot];
            let waits = connection.state == State::Open && !connection.stalled;
            if waits && now.saturating_duration_since(connection.since) > patience {
                connection.owed.clear();
                self.load.announce(slot, now);
            }
        }
    }

    /// Announces at a fixed rate, one client after the other, and returns the rate.
    fn paced(&mut self, rate: f64) -> Result<f64, BenchError> {
        let start = Instant::now();
        let total = (rate * self.plan.duration.as_secs_f64()) as u64;
        let due = |number: u64| start + Duration::from_secs_f64(number as f64 / rate);
        let clients = self.load.connections.len() as u64;
        let mut number = 0;
        while number < total {
            let mut burst = 0;
            while number < total && burst < BURST && due(number) <= Instant::now() {
                self.load.announce((number % clients) as usize, due(number));
                number += 1;
                burst += 1;
            }
            // A poll waits for whole milliseconds; less than that is spent looking.
            let left = due(number).saturating_duration_since(Instant::now());
            self.turn(Duration::from_millis(left.as_millis().min(50) as u64))?;
        }
        Ok(rate)
    }

    /// Keeps clients that have exchanged their offers and say no more.
    fn idle(mut self) -> Result<Report, BenchError> {
        self.gather()?;
        self.report(|bench| {
            let mut next = 0;
            while next < bench.load.connections.len() {
                let missing = bench.load.tally.announces - bench.load.latency.total();
                if missing < JOINS as u64 {
                    bench.load.announce(next, Instant::now());
                    next += 1;
                } else {
                    bench.turn(Duration::from_millis(10))?;
                }
            }
            bench.settle()?;
            let end = Instant::now() + bench.plan.duration;
            while Instant::now() < end {
                bench.turn(Duration::from_millis(50))?;
            }
            Ok(None)
        })
    }

    /// Connects, announces and leaves, again and again.
    fn storm(self) -> Result<Report, BenchError> {
        self.report(|bench| {
            let end = Instant::now() + bench.plan.duration;
            let mut here = 0;
            loop {
                let over = Instant::now() >= end;
                while !over && bench.load.connections.len() < bench.plan.connections {
                    bench.load.connect(None).map_err(BenchError::Connect)?;
                    here += 1;
                }
                bench.load.turn(Duration::from_millis(10))?;
                let turns = std::mem::take(&mut bench.load.turns);
                for slot in turns.opened {
                    let since = bench.load.connections[slot].since;
                    bench.load.join(slot, since);
                }
                for slot in &turns.served {
                    bench.load.leave(*slot);
                }
                for slot in turns.served.into_iter().chain(turns.lost) {
                    if over {
                        here -= 1;
                    } else {
                        bench
                            .load
                            .connect(Some(slot))
                            .map_err(BenchError::Connect)?;
                    }
                }
                if over && (here == 0 || end.elapsed() > QUIET) {
                    return Ok(None);
                }
            }
        })
    }

    /// How many of the clients that never read have been closed.
    fn stalled_closed(&mut self) -> usize {
        let mut sink = vec![0; 1 << 16];
        let stalled = self.load.connections.iter_mut().filter(|one| one.stalled);
        let closed = stalled.filter_map(|connection| {
            loop {
                match connection.link.read(&mut sink) {
                    Ok(0) => return Some(()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => return Some(()),
                }
            }
        });
        closed.count()
    }
}
