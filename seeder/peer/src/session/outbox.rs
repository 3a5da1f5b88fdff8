use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Output;

/// Longest channel message we make. Every WebRTC stack takes 64 KiB, also one that names no
/// `max-message-size` (RFC 8841 §6.1).
const MAX_SEND_LENGTH: usize = 64 * 1024;

/// How long a `have` may wait for others to share a message with.
const HAVE_DELAY: Duration = Duration::from_millis(200);

/// The way out of a session: all outputs, in order. What is written during one input shares a message.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    buffer: Vec<u8>,
    /// When the buffer has to go, if it holds nothing more urgent than `have`s.
    lingers_until: Option<Instant>,
    urgent: bool,
    outputs: VecDeque<Output>,
}

impl Outbox {
    /// Writes whole messages that go at the end of this input.
    pub(super) fn write(&mut self, writer: impl FnOnce(&mut Vec<u8>)) {
        writer(&mut self.buffer);
        self.urgent = true;
        self.cut();
    }

    /// Writes whole messages that may wait a little for others.
    pub(super) fn write_lazily(&mut self, now: Instant, writer: impl FnOnce(&mut Vec<u8>)) {
        writer(&mut self.buffer);
        self.lingers_until.get_or_insert(now + HAVE_DELAY);
        self.cut();
    }

    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Makes a message of what is written, if it is due. Says whether one was made.
    pub(super) fn flush_due(&mut self, now: Instant) -> bool {
        let due = self.urgent || self.lingers_until.is_some_and(|until| until <= now);
        if due {
            self.flush();
        }
        due
    }

    /// Makes a message of what is written: what follows is in another.
    pub(super) fn flush(&mut self) {
        self.urgent = false;
        self.lingers_until = None;
        if !self.buffer.is_empty() {
            let message = Bytes::from(std::mem::take(&mut self.buffer));
            self.outputs.push_back(Output::Send(message));
        }
    }

    pub(super) fn lingers_until(&self) -> Option<Instant> {
        self.lingers_until
    }

    /// Keeps the buffer within one channel message. Only a bitfield of over 500 000 pieces ends a
    /// channel message amid a BitTorrent message, which is a stream to the peer.
    fn cut(&mut self) {
        while self.buffer.len() >= MAX_SEND_LENGTH {
            let rest = self.buffer.split_off(MAX_SEND_LENGTH);
            let full = std::mem::replace(&mut self.buffer, rest);
            self.outputs.push_back(Output::Send(Bytes::from(full)));
        }
    }
}
