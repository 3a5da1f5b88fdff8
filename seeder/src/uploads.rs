//! Upload limits in their shell: when a connection may send its next block.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use peer::Bucket;

/// A block that may go so soon goes now: timers are no finer, and the limit is
/// kept over a longer time.
const SLACK: Duration = Duration::from_millis(5);

/// A limit that connections share, or none.
#[derive(Debug, Default)]
pub(crate) struct Limit(Option<Mutex<Bucket>>);

impl Limit {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self(rate.map(|rate| Mutex::new(Bucket::new(rate))))
    }

    fn with<T>(&self, then: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let bucket = self.0.as_ref()?;
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        Some(then(&mut bucket))
    }
}

/// What a connection has to keep to. At most one block is reserved at a time, so
/// that connections take turns by blocks.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: Vec<Arc<Limit>>,
    reserved: Option<Reserved>,
}

#[derive(Debug)]
struct Reserved {
    bytes: u64,
    at: Instant,
}

impl Gate {
    /// A gate that keeps to each of the limits.
    pub(crate) fn new(limits: impl IntoIterator<Item = Arc<Limit>>) -> Self {
        let limits = limits.into_iter().filter(|limit| limit.0.is_some());
        Self {
            limits: limits.collect(),
            reserved: None,
        }
    }

    /// Says whether a block of so many bytes may go now; if not, it is reserved,
    /// and to be asked for again at [`Gate::opens_at`].
    pub(crate) fn lets(&mut self, now: Instant, bytes: u64) -> bool {
        if self.limits.is_empty() {
            return true;
        }
        if self.reserved.as_ref().is_some_and(|r| r.bytes != bytes) {
            self.give_back();
        }
        let limits = &self.limits;
        let reserved = self.reserved.get_or_insert_with(|| Reserved {
            bytes,
            at: (limits.iter())
                .filter_map(|limit| limit.with(|bucket| bucket.reserve(now, bytes)))
                .fold(now, Instant::max),
        });
        let opens = reserved.at <= now + SLACK;
        if opens {
            self.reserved = None;
        }
        opens
    }

    /// When the reserved block may go, if one is.
    pub(crate) fn opens_at(&self) -> Option<Instant> {
        self.reserved.as_ref().map(|reserved| reserved.at)
    }

    /// Nothing is to be sent: what is reserved goes to others.
    pub(crate) fn give_back(&mut self) {
        if let Some(Reserved { bytes, .. }) = self.reserved.take() {
            for limit in &self.limits {
                limit.with(|bucket| bucket.give_back(bytes));
            }
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.give_back();
    }
}
