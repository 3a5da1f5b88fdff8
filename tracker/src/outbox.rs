//! What waits to be written to one socket. Anybody may push and nobody waits:
//! only the socket's own task takes messages out.
//!
//! When it is full, offers go first, the oldest before the younger: they are
//! the bulk, and a client makes new ones at its next announce. A response is
//! never dropped; one that does not fit between responses alone means that the
//! remote asks and does not read, and its socket is closed with 1013.
//!
//! All outboxes together have a budget too. While it is spent, no outbox takes an
//! offer in, and a socket with something to write is not read (see `socket`): what
//! is pushed for it then comes from those that do read.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use actix_http::ws::{CloseCode, CloseReason};
use bytes::Bytes;
use swarm::Class;
use tracker_protocol::ServerMessage;

/// Messages taken out at once, to be written at once.
const BATCH_MESSAGES: usize = 16;
/// Bytes after which no more messages are taken out with others.
const BATCH_BYTES: usize = 32 * 1024;

/// What outboxes may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes in one outbox.
    pub(crate) bytes: usize,
    /// Messages in one outbox.
    pub(crate) messages: usize,
    /// Bytes in all outboxes, beyond which they take no offers.
    pub(crate) bytes_in_all: usize,
    spent: AtomicUsize,
}

impl Budget {
    pub(crate) const fn new(bytes: usize, messages: usize, bytes_in_all: usize) -> Self {
        Self {
            bytes,
            messages,
            bytes_in_all,
            spent: AtomicUsize::new(0),
        }
    }

    /// Whether all outboxes together hold as much as they may.
    pub(crate) fn is_spent(&self) -> bool {
        self.spent() >= self.bytes_in_all
    }

    /// Bytes in all outboxes.
    pub(crate) fn spent(&self) -> usize {
        self.spent.load(Ordering::Relaxed)
    }

    /// How much of what they may hold all outboxes do hold, in thousandths.
    pub(crate) fn permille(&self) -> u16 {
        let spent = self.spent().saturating_mul(1000) / self.bytes_in_all.max(1);
        spent.try_into().unwrap_or(u16::MAX)
    }

    fn spend(&self, bytes: usize) {
        self.spent.fetch_add(bytes, Ordering::Relaxed);
    }

    fn regain(&self, bytes: usize) {
        self.spent.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A bounded queue of messages to one socket.
#[derive(Debug)]
pub(crate) struct Outbox {
    budget: Arc<Budget>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<(Class, ServerMessage<'static>)>,
    bytes: usize,
    /// The payload of the latest ping: it alone has to be answered (RFC 6455 §5.5.3).
    pong: Option<Bytes>,
    ping: bool,
    close: Option<CloseReason>,
    /// The socket's task, while it waits for something to write.
    waiting: Option<Waker>,
}

/// What the socket's task has to write.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) pong: Option<Bytes>,
    pub(crate) ping: bool,
    pub(crate) messages: Vec<ServerMessage<'static>>,
    /// Set when nothing follows.
    pub(crate) close: Option<CloseReason>,
}

/// What became of a pushed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits to be written, and so many offers went in its favour.
    Queued { offers_dropped: u64 },
    /// It was an offer and there is no room for it.
    OfferDropped,
    /// It does not fit, and the socket is being closed for it.
    Overflow,
    /// The socket is being closed.
    Closing,
}

impl Outbox {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            queue: Mutex::default(),
        }
    }

    /// Queues `message`, or drops what has to go.
    pub(crate) fn push(&self, class: Class, message: ServerMessage<'static>) -> Pushed {
        let bytes = size(&message);
        let mut queue = self.lock();
        if queue.close.is_some() {
            return Pushed::Closing;
        }
        if class == Class::Offer && self.budget.is_spent() {
            return Pushed::OfferDropped;
        }
        let mut offers_dropped = 0;
        if !self.fits(&queue, bytes) {
            if class == Class::Offer {
                return Pushed::OfferDropped;
            }
            offers_dropped = self.drop_offers(&mut queue, bytes);
            if !self.fits(&queue, bytes) {
                queue.close = Some(CloseReason {
                    code: CloseCode::Again,
                    description: Some("too much waits to be read: read faster or ask less".into()),
                });
                queue.messages = VecDeque::new();
                self.budget.regain(std::mem::take(&mut queue.bytes));
                wake(queue);
                return Pushed::Overflow;
            }
        }
        queue.bytes += bytes;
        self.budget.spend(bytes);
        queue.messages.push_back((class, message));
        wake(queue);
        Pushed::Queued { offers_dropped }
    }

    /// Asks the remote for a sign of life.
    pub(crate) fn ping(&self) {
        let mut queue = self.lock();
        queue.ping = true;
        wake(queue);
    }

    /// Answers a ping.
    pub(crate) fn pong(&self, payload: Bytes) {
        let mut queue = self.lock();
        queue.pong = Some(payload);
        wake(queue);
    }

    /// Closes the socket after what is queued; the first reason stays.
    pub(crate) fn close(&self, reason: CloseReason) {
        let mut queue = self.lock();
        queue.close.get_or_insert(reason);
        wake(queue);
    }

    /// Takes a share of what there is to write; without any, the task is woken when
    /// there is. Only the socket's task calls this.
    pub(crate) fn poll_next(&self, context: &Context<'_>) -> Poll<Batch> {
        let mut queue = self.lock();
        match self.take(&mut queue) {
            Some(batch) => Poll::Ready(batch),
            None => {
                queue.waiting = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Whether so much waits that the remote should not be heard before it has read
    /// some of it. The rest of the room is for what others send it.
    pub(crate) fn is_crowded(&self) -> bool {
        let queue = self.lock();
        queue.bytes > self.budget.bytes / 4 || queue.messages.len() > self.budget.messages / 4
    }

    /// What all outboxes may hold.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn take(&self, queue: &mut Queue) -> Option<Batch> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        while messages.len() < BATCH_MESSAGES && bytes < BATCH_BYTES {
            let Some((_, message)) = queue.messages.pop_front() else {
                break;
            };
            bytes += size(&message);
            messages.push(message);
        }
        queue.bytes -= bytes;
        self.budget.regain(bytes);
        if queue.messages.is_empty() {
            // An idle socket keeps no room for messages.
            queue.messages = VecDeque::new();
        }
        let batch = Batch {
            pong: queue.pong.take(),
            ping: std::mem::take(&mut queue.ping),
            close: if queue.messages.is_empty() {
                queue.close.clone()
            } else {
                None
            },
            messages,
        };
        let nothing = batch.pong.is_none()
            && !batch.ping
            && batch.messages.is_empty()
            && batch.close.is_none();
        (!nothing).then_some(batch)
    }

    fn fits(&self, queue: &Queue, bytes: usize) -> bool {
        queue.messages.len() < self.budget.messages
            && queue.bytes.saturating_add(bytes) <= self.budget.bytes
    }

    /// Drops the oldest offers until `bytes` fit, and says how many that took.
    fn drop_offers(&self, queue: &mut Queue, bytes: usize) -> u64 {
        let mut dropped = 0;
        let mut kept = VecDeque::with_capacity(queue.messages.len());
        while let Some((class, message)) = queue.messages.pop_front() {
            let room = queue.messages.len() + kept.len() + 1 < self.budget.messages
                && queue.bytes.saturating_add(bytes) <= self.budget.bytes;
            if class == Class::Offer && !room {
                queue.bytes -= size(&message);
                self.budget.regain(size(&message));
                dropped += 1;
            } else {
                kept.push_back((class, message));
            }
        }
        queue.messages = kept;
        dropped
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No section under this lock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let queue = self.queue.get_mut();
        self.budget
            .regain(queue.unwrap_or_else(PoisonError::into_inner).bytes);
    }
}

/// Lets go of the queue, and wakes the socket's task if it waits.
fn wake(mut queue: MutexGuard<'_, Queue>) {
    let waiting = queue.waiting.take();
    drop(queue);
    if let Some(task) = waiting {
        task.wake();
    }
}

/// About as many bytes as the message has as JSON: ids of 20 bytes take up to 120.
fn size(message: &ServerMessage<'_>) -> usize {
    const IDS_AND_KEYS: usize = 512;
    const SCRAPE_ENTRY: usize = 192;
    IDS_AND_KEYS
        + match message {
            ServerMessage::Announced(_) => 0,
            ServerMessage::Offer(relayed) => relayed.offer.get().len(),
            ServerMessage::Answer(relayed) => relayed.answer.get().len(),
            ServerMessage::Scraped(scraped) => scraped.files.len() * SCRAPE_ENTRY,
            ServerMessage::Failure(failure) => failure.reason.len(),
        }
}

#[cfg(test)]
mod tests;
