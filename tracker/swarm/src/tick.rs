//! Time as entries keep it.

use std::time::{Duration, Instant};

/// Eighths of a second since the machine's first command: four bytes hold seventeen years. Later
/// ones are all the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u32);

const A_SECOND: u32 = 8;
const MILLIS: u64 = 1000 / A_SECOND as u64;

impl Tick {
    /// The latest one that is not after `now`.
    pub(crate) fn at(start: Instant, now: Instant) -> Self {
        let ticks = now.saturating_duration_since(start).as_millis() / u128::from(MILLIS);
        Self(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// The first one that is not before so much later.
    pub(crate) fn after(self, time: Duration) -> Self {
        let ticks = time.as_millis().div_ceil(u128::from(MILLIS));
        Self(
            self.0
                .saturating_add(u32::try_from(ticks).unwrap_or(u32::MAX)),
        )
    }

    pub(crate) fn instant(self, start: Instant) -> Instant {
        start + Duration::from_millis(u64::from(self.0) * MILLIS)
    }

    /// Whole seconds since the first command.
    pub(crate) const fn second(self) -> u32 {
        self.0 / A_SECOND
    }
}
