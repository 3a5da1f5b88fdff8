//! What a channel and the endpoint share of a connection.
//!
//! The endpoint owns the connection; the channel, which lives in a session's
//! task, leaves messages here and rings. Locked for moments, never across an
//! await or a system call.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::routes::Key;

/// Messages of the peer that wait for the session; above it they stay in the
/// stack, which then takes less from the peer.
const MAX_INCOMING: usize = 256;

/// The endpoint's bell: which connections have something for it.
#[derive(Debug, Default)]
pub(super) struct Bell {
    /// Each connection at most once.
    rung: Mutex<Vec<Key>>,
    ringing: Notify,
    /// Connections and remote addresses that the endpoint has.
    connections: AtomicUsize,
    sources: AtomicUsize,
}

impl Bell {
    fn ring(&self, key: Key) {
        lock(&self.rung).push(key);
        self.ringing.notify_one();
    }

    /// Waits until it rings.
    pub(super) async fn rings(&self) {
        self.ringing.notified().await;
    }

    /// Moves those that rang to `keys`.
    pub(super) fn take(&self, keys: &mut Vec<Key>) {
        keys.append(&mut lock(&self.rung));
    }

    pub(super) fn count(&self, connections: usize, sources: usize) {
        self.connections.store(connections, Ordering::Relaxed);
        self.sources.store(sources, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (
            self.connections.load(Ordering::Relaxed),
            self.sources.load(Ordering::Relaxed),
        )
    }
}

/// What is shared.
#[derive(Debug)]
pub(super) struct Link {
    key: Key,
    bell: Arc<Bell>,
    state: Mutex<State>,
    /// Rings when the channel opens, something arrives, or the end comes.
    arrived: Notify,
    /// Rings when there is credit, or the end comes.
    credited: Notify,
}

#[derive(Debug)]
struct State {
    /// Whether the endpoint's bell was rung since it looked last.
    rung: bool,
    open: bool,
    /// Where the peer is, once it is open.
    remote: Option<IpAddr>,
    /// Whether the connection has ended.
    gone: bool,
    /// Whether the channel was dropped.
    dropped: bool,
    outgoing: VecDeque<BytesMut>,
    incoming: VecDeque<Bytes>,
    /// Bytes in `outgoing` and unacknowledged ones in the stack.
    outstanding: usize,
    /// Below so many the channel takes more.
    credit: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Sections cannot panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The channel's side.
impl Link {
    pub(super) fn new(key: Key, bell: Arc<Bell>, credit: usize) -> Self {
        Self {
            key,
            bell,
            state: Mutex::new(State {
                rung: false,
                open: false,
                remote: None,
                gone: false,
                dropped: false,
                outgoing: VecDeque::new(),
                incoming: VecDeque::new(),
                outstanding: 0,
                credit,
            }),
            arrived: Notify::new(),
            credited: Notify::new(),
        }
    }

    /// Waits until the channel is open; false when the end comes before.
    pub(super) async fn opened(&self) -> bool {
        loop {
            {
                let state = lock(&self.state);
                if state.gone || state.open {
                    return !state.gone;
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Where the peer is, if the channel is open.
    pub(super) fn remote(&self) -> Option<IpAddr> {
        lock(&self.state).remote
    }

    /// The next message, or `None` when there is none and the end has come.
    pub(super) async fn receive(&self) -> Option<Bytes> {
        loop {
            {
                let mut state = lock(&self.state);
                let was_full = state.incoming.len() >= MAX_INCOMING;
                if let Some(message) = state.incoming.pop_front() {
                    if was_full {
                        self.ring(&mut state);
                    }
                    return Some(message);
                }
                if state.gone {
                    return None;
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Whether there is credit; `None` when the end has come.
    pub(super) fn credit(&self) -> Option<bool> {
        let state = lock(&self.state);
        (!state.gone).then_some(state.outstanding < state.credit)
    }

    /// Waits until [`Link::credit`] may have changed.
    pub(super) async fn credited(&self) {
        self.credited.notified().await;
    }

    /// Leaves a message for the peer.
    pub(super) fn send(&self, message: BytesMut) {
        let mut state = lock(&self.state);
        if state.gone {
            return;
        }
        state.outstanding += message.len();
        state.outgoing.push_back(message);
        self.ring(&mut state);
    }

    /// Tells the endpoint to close the connection.
    pub(super) fn drop_channel(&self) {
        let mut state = lock(&self.state);
        state.dropped = true;
        state.incoming.clear();
        self.ring(&mut state);
    }

    fn ring(&self, state: &mut State) {
        if !state.rung && !state.gone {
            state.rung = true;
            self.bell.ring(self.key);
        }
    }
}

/// The endpoint's side.
impl Link {
    /// Answers the bell: moves what the channel left to `messages`. Returns
    /// whether the channel was dropped.
    pub(super) fn answer(&self, messages: &mut VecDeque<BytesMut>) -> bool {
        let mut state = lock(&self.state);
        state.rung = false;
        messages.append(&mut state.outgoing);
        state.dropped
    }

    /// Says that the channel is open, to a peer at `remote`.
    pub(super) fn open(&self, remote: Option<IpAddr>) {
        let mut state = lock(&self.state);
        state.open = true;
        state.remote = remote;
        drop(state);
        self.arrived.notify_one();
    }

    /// How many messages have room.
    pub(super) fn room(&self) -> usize {
        MAX_INCOMING.saturating_sub(lock(&self.state).incoming.len())
    }

    /// Hands messages over.
    pub(super) fn deliver(&self, messages: &mut Vec<Bytes>) {
        let mut state = lock(&self.state);
        if state.dropped {
            messages.clear();
        } else {
            state.incoming.extend(messages.drain(..));
            self.arrived.notify_one();
        }
    }

    /// Says how much the stack has unacknowledged.
    pub(super) fn report(&self, unacknowledged: usize, credit: usize) {
        let mut state = lock(&self.state);
        let queued: usize = state.outgoing.iter().map(BytesMut::len).sum();
        state.outstanding = queued + unacknowledged;
        state.credit = credit;
        if state.outstanding < credit {
            self.credited.notify_one();
        }
    }

    /// Says that the connection has ended.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        state.gone = true;
        state.outgoing.clear();
        self.arrived.notify_one();
        self.credited.notify_one();
    }
}
