//! The choker in its shell: one for all peers of all torrents.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use peer::{Choker, ChokerConfig, ChokerOutput, PeerEvent, PeerKey, Refusal, Removal};
use tokio::sync::{Notify, watch};
use tracker_protocol::InfoHash;

/// The longest time between two looks at the choker's clock.
const MAX_WAIT: std::time::Duration = std::time::Duration::from_secs(3600);

/// What a connection is to do. A state and not a queue: it cannot overflow, and
/// only the latest counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Whether the peer has a slot.
    pub(crate) unchoked: bool,
    /// Why the connection is to end.
    pub(crate) close: Option<Removal>,
}

/// The choker and how to reach the connections it decides about.
#[derive(Debug)]
pub(crate) struct Choking {
    /// Locked for the pure choker's calls only.
    inner: Mutex<Inner>,
    /// Rings when the choker's next deadline may have moved.
    moved: Notify,
    refused: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    choker: Choker,
    orders: HashMap<PeerKey, watch::Sender<Orders>>,
    next_key: u64,
    /// The deadline that [`Choking::run`] waits for.
    next: Option<Instant>,
}

/// Numbers of the choker.
pub(crate) struct Counts {
    pub(crate) peers: usize,
    pub(crate) served: usize,
    pub(crate) waiting: usize,
    pub(crate) negotiating: usize,
    pub(crate) refused: u64,
}

impl Choking {
    pub(crate) fn new(config: ChokerConfig) -> Self {
        Self {
            inner: Mutex::new(Inner {
                choker: Choker::new(config),
                orders: HashMap::new(),
                next_key: 0,
                next: None,
            }),
            moved: Notify::new(),
            refused: AtomicU64::new(0),
        }
    }

    /// Asks for a place for a new peer of a torrent.
    ///
    /// # Errors
    /// When there is none; the offer is then left unanswered.
    pub(crate) fn admit(self: &Arc<Self>, torrent: InfoHash) -> Result<Place, Refusal> {
        let mut inner = self.lock();
        let key = PeerKey(inner.next_key);
        if let Err(refusal) = inner.choker.admit(Instant::now(), key, torrent) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(refusal);
        }
        inner.next_key += 1;
        let (sender, orders) = watch::channel(Orders::default());
        inner.orders.insert(key, sender);
        self.deliver(inner);
        Ok(Place {
            choking: Arc::clone(self),
            key,
            orders,
        })
    }

    /// Whether a few more peers would be served soon.
    pub(crate) fn has_room(&self) -> bool {
        let inner = self.lock();
        let choker = &inner.choker;
        choker.waiting() + choker.negotiating() < choker.slots() && choker.room() > 0
    }

    pub(crate) fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts {
            peers: inner.choker.peers(),
            served: inner.choker.served(),
            waiting: inner.choker.waiting(),
            negotiating: inner.choker.negotiating(),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Lets time pass for the choker, for ever.
    pub(crate) async fn run(&self) {
        loop {
            let moved = self.moved.notified();
            let next = self.lock().next;
            let next = next.unwrap_or_else(|| Instant::now() + MAX_WAIT);
            tokio::select! {
                () = moved => {}
                () = tokio::time::sleep_until(next.into()) => {
                    let mut inner = self.lock();
                    inner.choker.tick(Instant::now());
                    self.deliver(inner);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what the choker has decided.
    fn deliver(&self, mut inner: MutexGuard<'_, Inner>) {
        while let Some(output) = inner.choker.poll_output() {
            let (key, orders) = match output {
                ChokerOutput::Choke(key) => (key, Orders::default()),
                ChokerOutput::Unchoke(key) => (
                    key,
                    Orders {
                        unchoked: true,
                        close: None,
                    },
                ),
                ChokerOutput::Close(key, removal) => (
                    key,
                    Orders {
                        unchoked: false,
                        close: Some(removal),
                    },
                ),
            };
            if let Some(sender) = inner.orders.get(&key) {
                sender.send_replace(orders);
            }
        }
        let next = inner.choker.poll_timeout();
        let moved = next != inner.next;
        inner.next = next;
        drop(inner);
        if moved {
            self.moved.notify_one();
        }
    }
}

/// A peer's place among those connected or being connected. Dropped, it is free
/// again.
#[derive(Debug)]
pub(crate) struct Place {
    choking: Arc<Choking>,
    key: PeerKey,
    /// What to do; follow it.
    pub(crate) orders: watch::Receiver<Orders>,
}

impl Place {
    /// Tells the choker what the peer did.
    pub(crate) fn tell(&self, event: PeerEvent) {
        let mut inner = self.choking.lock();
        inner.choker.handle(Instant::now(), self.key, event);
        self.choking.deliver(inner);
    }

    /// Waits until the place is taken away.
    pub(crate) async fn taken(&mut self) -> Removal {
        match self.orders.wait_for(|orders| orders.close.is_some()).await {
            Ok(orders) => orders.close.unwrap_or(Removal::NegotiationTimeout),
            // Our own sender is gone: as if it had taken too long.
            Err(_) => Removal::NegotiationTimeout,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.choking.lock();
        inner.orders.remove(&self.key);
        inner
            .choker
            .handle(Instant::now(), self.key, PeerEvent::Left);
        self.choking.deliver(inner);
    }
}
