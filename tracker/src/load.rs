//! How busy the tracker is: how late its workers come to what is due, and how full its
//! outboxes are. What is shed for it is refused, never left without a response.

mod ladder;

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

pub(crate) use ladder::{Ladder, Step};

/// Between two measurements of a worker's lag.
const PROBE: Duration = Duration::from_millis(250);
/// Full load.
pub(crate) const FULL: u16 = 1000;
/// The load that outboxes cause at most: enough for fewer offers, which they are full
/// of. Remotes that do not read must not be able to close the door to the others.
const OUTBOXES_MOST: u16 = Step::Announces.mark() - 1;

/// The load as it was measured last, and the step it led to.
#[derive(Debug)]
pub(crate) struct Load {
    /// The lag that is full load.
    full_lag: Duration,
    started: Instant,
    /// A worker that dies takes its own with it.
    workers: Mutex<Vec<Weak<Probe>>>,
    permille: AtomicU16,
    step: AtomicU8,
}

/// What a worker tells of itself, in nanoseconds since the start.
#[derive(Debug, Default)]
struct Probe {
    /// When it means to come back; 0 before the first time.
    due: AtomicU64,
    /// How late it was at most since that was last asked.
    worst: AtomicU64,
}

impl Load {
    pub(crate) fn new(full_lag: Duration, started: Instant) -> Self {
        Self {
            full_lag,
            started,
            workers: Mutex::default(),
            permille: AtomicU16::new(0),
            step: AtomicU8::new(0),
        }
    }

    /// Measures the lag of the worker that runs this, for ever.
    pub(crate) async fn probe(self: Arc<Self>) {
        let probe = Arc::new(Probe::default());
        self.workers().push(Arc::downgrade(&probe));
        loop {
            let due = Instant::now() + PROBE;
            probe.due.store(self.nanos(due), Ordering::Relaxed);
            sleep_until(due.into()).await;
            let late = self.nanos(Instant::now()) - self.nanos(due);
            probe.worst.fetch_max(late, Ordering::Relaxed);
        }
    }

    /// Measures the load in thousandths. `outboxes` is how full they are, too.
    pub(crate) fn measure(&self, now: Instant, outboxes: u16) -> u16 {
        let nanos = self.nanos(now);
        let mut lag = 0;
        self.workers().retain(|worker| {
            let Some(probe) = worker.upgrade() else {
                return false;
            };
            let worst = probe.worst.swap(0, Ordering::Relaxed);
            // One that is stuck says nothing.
            let due = probe.due.load(Ordering::Relaxed);
            let so_far = if due == 0 {
                0
            } else {
                nanos.saturating_sub(due)
            };
            lag = lag.max(worst).max(so_far);
            true
        });
        let permille = by_lag(Duration::from_nanos(lag), self.full_lag);
        let permille = permille.max(outboxes.min(OUTBOXES_MOST));
        self.permille.store(permille, Ordering::Relaxed);
        permille
    }

    /// The load when it was last measured, in thousandths.
    pub(crate) fn permille(&self) -> u16 {
        self.permille.load(Ordering::Relaxed)
    }

    pub(crate) fn take_step(&self, step: Step) {
        self.step.store(step as u8, Ordering::Relaxed);
    }

    /// What is shed at this time.
    pub(crate) fn step(&self) -> Step {
        Step::from_number(self.step.load(Ordering::Relaxed))
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        since.as_nanos().try_into().unwrap_or(u64::MAX)
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Weak<Probe>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn by_lag(lag: Duration, full: Duration) -> u16 {
    let permille = lag.as_nanos() * u128::from(FULL) / full.as_nanos().max(1);
    permille.try_into().unwrap_or(FULL).min(FULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_the_worst_lag_since_the_last_look_whether_it_is_over_or_not() {
        let start = Instant::now();
        let load = Load::new(Duration::from_secs(2), start);
        assert_eq!(load.measure(start, 0), 0);
        let [idle, late, stuck] = [(); 3].map(|()| Arc::new(Probe::default()));
        load.workers()
            .extend([&idle, &late, &stuck].map(Arc::downgrade));
        assert_eq!(load.measure(start + Duration::from_secs(60), 0), 0);
        late.worst.store(1_000_000_000, Ordering::Relaxed);
        assert_eq!(load.measure(start, 0), 500);
        assert_eq!(load.measure(start, 0), 0);
        stuck.due.store(500_000_000, Ordering::Relaxed);
        assert_eq!(load.measure(start + Duration::from_secs(1), 0), 250);
        assert_eq!(load.measure(start + Duration::from_secs(2), 0), 750);
        assert_eq!(load.measure(start + Duration::from_secs(99), 0), 1000);
        assert_eq!(load.permille(), 1000);
        // One that is gone is not waited for.
        drop(stuck);
        assert_eq!(load.measure(start + Duration::from_secs(99), 0), 0);
        assert_eq!(load.workers().len(), 2);
    }

    #[test]
    fn full_outboxes_ask_for_fewer_offers_and_for_no_more_than_that() {
        let start = Instant::now();
        let load = Load::new(Duration::from_secs(2), start);
        for (outboxes, permille) in [(0, 0), (500, 500), (1000, 749), (u16::MAX, 749)] {
            assert_eq!(load.measure(start, outboxes), permille);
        }
    }
}
