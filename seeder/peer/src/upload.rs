//! Upload limits: when the next block may go, and how many can be served under them.

use std::time::{Duration, Instant};

use crate::{ChokerConfig, Slots};

/// Bytes of a usual block.
const BLOCK: u64 = 16 * 1024;

/// Blocks that a turn under a limit carries at least.
const BLOCKS_A_TURN: u64 = 2;

/// Time for which an unused rate is kept: what timers that fire late have missed.
const KEPT: Duration = Duration::from_millis(100);

/// The slowest upload limit, in bytes a second: a block takes 16 s. webtorrent.js drops a connection
/// 30 s after the last answer.
pub const SLOWEST_LIMIT: u64 = 1024;

/// Bytes a second of content that may go; `None` is without a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UploadLimits {
    /// To all peers together.
    pub in_all: Option<u64>,
    /// To the peers of one torrent together.
    pub per_torrent: Option<u64>,
    /// To one peer.
    pub per_peer: Option<u64>,
}

impl UploadLimits {
    /// Fits a choker to the limits: each turn carries two blocks at least. For that fewer are served
    /// at a time, then turns are longer, and the line, which is served within the patience, shorter.
    pub fn fit(&self, mut config: ChokerConfig) -> ChokerConfig {
        let turn = config.shortest_turn;
        let mut longest = turn;
        let mut fitted = |limit: Option<u64>, slots: usize| {
            let Some(limit) = limit else {
                return slots;
            };
            let carried = u128::from(limit) * turn.as_millis() / 1_000;
            let carried = carried / u128::from(BLOCKS_A_TURN * BLOCK);
            let slots = usize::try_from(carried)
                .unwrap_or(usize::MAX)
                .clamp(1, slots);
            let bytes = (BLOCKS_A_TURN * BLOCK).saturating_mul(slots as u64);
            longest = longest.max(time(bytes, limit));
            slots
        };
        config.slots = match config.slots {
            Slots::Fixed(slots) => Slots::Fixed(fitted(self.in_all, slots)),
            Slots::ByRate { least, most, step } => {
                let most = fitted(self.in_all, most.max(least));
                let least = least.min(most);
                Slots::ByRate { least, most, step }
            }
        };
        config.slots_per_torrent = fitted(self.per_torrent, config.slots_per_torrent);
        fitted(self.per_peer, 1);
        config.shortest_turn = longest;
        config
    }

    /// Returns a limit that is below [`SLOWEST_LIMIT`].
    pub fn too_slow(&self) -> Option<u64> {
        let limits = [self.in_all, self.per_torrent, self.per_peer];
        limits
            .into_iter()
            .flatten()
            .find(|limit| *limit < SLOWEST_LIMIT)
    }
}

/// An upload limit: says when the next bytes may go.
///
/// Bytes are reserved in the order in which they are asked for, so that connections which reserve one
/// block at a time share the rate evenly, and none waits longer than a block of each other takes.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Bytes a second.
    rate: u64,
    /// When all that is reserved has gone.
    booked_until: Option<Instant>,
}

impl Bucket {
    /// Makes an unused limit of `rate` bytes a second, at least 1.
    pub fn new(rate: u64) -> Self {
        Self {
            rate: rate.max(1),
            booked_until: None,
        }
    }

    /// Reserves `bytes` and returns when they may go.
    pub fn reserve(&mut self, now: Instant, bytes: u64) -> Instant {
        let earliest = now.checked_sub(KEPT).unwrap_or(now);
        let at = self.booked_until.map_or(earliest, |at| at.max(earliest));
        self.booked_until = Some(at + time(bytes, self.rate));
        at.max(now)
    }

    /// Gives back `bytes` that were reserved and will not go.
    pub fn give_back(&mut self, bytes: u64) {
        let time = time(bytes, self.rate);
        let booked = self.booked_until;
        self.booked_until = booked.and_then(|until| until.checked_sub(time));
    }
}

/// How long `bytes` take at `rate` bytes a second.
fn time(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
