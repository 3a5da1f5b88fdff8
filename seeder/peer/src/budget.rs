use std::time::{Duration, Instant};

/// A token bucket: `burst` at once, refilled evenly by `burst` per `period`.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    burst: u32,
    period: Duration,
    /// Tokens in units of token × nanosecond of the period, so that no fraction is lost.
    level: u128,
    filled_at: Instant,
}

impl Budget {
    pub(crate) fn new(now: Instant, burst: u32, period: Duration) -> Self {
        let mut budget = Self {
            burst,
            period,
            level: 0,
            filled_at: now,
        };
        budget.level = budget.full();
        budget
    }

    /// Takes one token, or says that there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled_at).as_nanos();
        self.filled_at = self.filled_at.max(now);
        self.level = (self.level + elapsed * u128::from(self.burst)).min(self.full());
        match self.level.checked_sub(self.period.as_nanos()) {
            Some(left) => {
                self.level = left;
                true
            }
            None => false,
        }
    }

    fn full(&self) -> u128 {
        u128::from(self.burst) * self.period.as_nanos()
    }
}
