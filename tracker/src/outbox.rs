//! What waits to be written to one socket. Anybody may push and nobody waits:
//! only the socket's own task takes messages out.
//!
//! When it is full, offers go first, the oldest before the younger: they are
//! the bulk, and a client makes new ones at its next announce. A response is
//! never dropped; one that does not fit between responses alone means that the
//! remote asks and does not read, and its socket is closed with 1013.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_ws::{CloseCode, CloseReason};
use bytes::Bytes;
use swarm::Class;
use tokio::sync::Notify;
use tracker_protocol::ServerMessage;

/// Messages taken out at once. actix-ws queues 32 before it makes us wait, and
/// writes what it has queued at once.
const BATCH_MESSAGES: usize = 16;

/// A bounded queue of messages to one socket.
#[derive(Debug)]
pub(crate) struct Outbox {
    max_bytes: usize,
    max_messages: usize,
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<(Class, ServerMessage<'static>)>,
    bytes: usize,
    /// The payload of the latest ping: it alone has to be answered (RFC 6455 §5.5.3).
    pong: Option<Bytes>,
    ping: bool,
    close: Option<CloseReason>,
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
    pub(crate) fn new(max_bytes: usize, max_messages: usize) -> Self {
        Self {
            max_bytes,
            max_messages,
            queue: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Queues `message`, or drops what has to go.
    pub(crate) fn push(&self, class: Class, message: ServerMessage<'static>) -> Pushed {
        let bytes = size(&message);
        let mut queue = self.lock();
        if queue.close.is_some() {
            return Pushed::Closing;
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
                queue.messages.clear();
                queue.bytes = 0;
                drop(queue);
                self.changed.notify_one();
                return Pushed::Overflow;
            }
        }
        queue.bytes += bytes;
        queue.messages.push_back((class, message));
        drop(queue);
        self.changed.notify_one();
        Pushed::Queued { offers_dropped }
    }

    /// Asks the remote for a sign of life.
    pub(crate) fn ping(&self) {
        self.lock().ping = true;
        self.changed.notify_one();
    }

    /// Answers a ping.
    pub(crate) fn pong(&self, payload: Bytes) {
        self.lock().pong = Some(payload);
        self.changed.notify_one();
    }

    /// Closes the socket after what is queued; the first reason stays.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.lock().close.get_or_insert(reason);
        self.changed.notify_one();
    }

    /// Waits until there is something to write and takes a share of it.
    ///
    /// Only the socket's task calls this. Cancel-safe: nothing is taken before it returns.
    pub(crate) async fn next(&self) -> Batch {
        loop {
            if let Some(batch) = self.take() {
                return batch;
            }
            self.changed.notified().await;
        }
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn take(&self) -> Option<Batch> {
        let mut queue = self.lock();
        let count = queue.messages.len().min(BATCH_MESSAGES);
        let messages: Vec<_> = queue
            .messages
            .drain(..count)
            .map(|(_, message)| message)
            .collect();
        queue.bytes -= messages.iter().map(size).sum::<usize>();
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
        queue.messages.len() < self.max_messages
            && queue.bytes.saturating_add(bytes) <= self.max_bytes
    }

    /// Drops the oldest offers until `bytes` fit, and says how many that took.
    fn drop_offers(&self, queue: &mut Queue, bytes: usize) -> u64 {
        let mut dropped = 0;
        let mut kept = VecDeque::with_capacity(queue.messages.len());
        while let Some((class, message)) = queue.messages.pop_front() {
            let room = queue.messages.len() + kept.len() + 1 < self.max_messages
                && queue.bytes.saturating_add(bytes) <= self.max_bytes;
            if class == Class::Offer && !room {
                queue.bytes -= size(&message);
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
