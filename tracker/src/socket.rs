//! One WebSocket: the task that reads and writes it, on its actix worker.
//!
//! Ten thousand of them are idle for each one that is not, so a socket keeps only
//! what it cannot do without: no buffer to read into (a worker has one for all), none
//! to write from unless the remote is slower than we are, no channel, one timer.

mod hear;
mod room;

use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_http::ws::{CloseCode, CloseReason};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::time::{Sleep, sleep_until, timeout};

use crate::frames::{self, Event, Reader};
use crate::limit::Limit;
use crate::router::Connection;
use crate::shared::Shared;
use crate::source::Place;

use hear::{Pace, take};
pub(crate) use room::forget;
use room::{READ, WRITE, lay_out};

/// Looks after which the other sockets of the worker have a turn.
const READS: u32 = 4;
/// How long a remote may take to end a closed connection.
const LINGER: Duration = Duration::from_secs(1);

struct Socket<S> {
    shared: Arc<Shared>,
    connection: Connection,
    stream: S,
    reader: Reader,
    pace: Pace,
    /// What the remote has not taken yet; the first `written` bytes are gone.
    unwritten: Vec<u8>,
    written: usize,
    /// When the batch on its way has to be written.
    write_by: Option<Instant>,
    /// Follows the batch on its way.
    close: Option<CloseReason>,
    /// When the next message may be acted on; until then nothing is read.
    paused_until: Option<Instant>,
    /// Its reader may hold messages that were not acted on, for want of room for answers
    /// or because they came before the socket was one.
    behind: bool,
    /// It filled the room for reading: others are to write before it is read again,
    /// or what all of them send at once would have to wait for that in outboxes.
    turn_over: bool,
    /// When the latest message came.
    spoke_at: Instant,
    ping_at: Instant,
    pings_unanswered: u32,
    /// When a ping was sent that no pong followed.
    pinged: Option<Instant>,
    /// There was a sign of life since the last ping.
    heard: bool,
}

/// How a socket ends.
enum End {
    /// With a close frame.
    Close(Option<CloseReason>),
    /// The remote is gone.
    Gone,
}

/// Reads and writes until the socket ends; the connection's peers go with it.
///
/// `read` was read before, `unwritten` has to be written first.
pub(crate) fn serve<S>(
    shared: Arc<Shared>,
    (connection, place): (Connection, Option<Place>),
    stream: S,
    read: Vec<u8>,
    unwritten: Vec<u8>,
) -> impl Future<Output = ()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let now = Instant::now();
    let pace = Pace::new(place);
    let wait = pace.begin(&shared, shared.sources.nanos(now), read.len());
    let mut socket = Socket {
        connection,
        stream,
        reader: Reader::of(read),
        pace,
        unwritten,
        written: 0,
        write_by: Some(now + shared.config.sockets.write_timeout),
        close: None,
        paused_until: (!wait.is_zero()).then(|| now + wait),
        behind: wait.is_zero(),
        turn_over: false,
        spoke_at: now,
        ping_at: next_ping(&shared, now),
        pings_unanswered: 0,
        pinged: None,
        heard: false,
        shared,
    };
    async move {
        let mut timer = pin!(sleep_until(socket.ping_at.into()));
        let end = std::future::poll_fn(|context| socket.poll(context, timer.as_mut())).await;
        // Boxed: most sockets are far from their end, and need no room for it.
        Box::pin(socket.finish(end)).await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    fn poll(&mut self, context: &mut Context<'_>, timer: Pin<&mut Sleep>) -> Poll<End> {
        let now = Instant::now();
        if let ControlFlow::Break(end) = self.on_time(now) {
            return Poll::Ready(end);
        }
        let mut looks = READS;
        loop {
            let written = match self.poll_write(context, now) {
                Poll::Ready(ControlFlow::Break(end)) => return Poll::Ready(end),
                Poll::Ready(ControlFlow::Continue(())) => true,
                Poll::Pending => false,
            };
            let outbox = self.connection.outbox();
            let full = !written && (outbox.is_crowded() || outbox.budget().is_spent());
            if self.paused_until.is_some() || full {
                return self.poll_timer(context, timer);
            }
            looks = looks.saturating_sub(1);
            if looks == 0 || std::mem::take(&mut self.turn_over) {
                context.waker().wake_by_ref();
                return self.poll_timer(context, timer);
            }
            let read = if std::mem::take(&mut self.behind) {
                Poll::Ready(self.take_in(&mut [], now))
            } else {
                self.poll_read(context, now)
            };
            match read {
                Poll::Ready(ControlFlow::Break(end)) => return Poll::Ready(end),
                // There may be an answer to write.
                Poll::Ready(ControlFlow::Continue(())) => {}
                Poll::Pending => return self.poll_timer(context, timer),
            }
        }
    }

    /// Takes the peers out of their swarms, and says goodbye.
    async fn finish(self, end: End) {
        let Self {
            shared,
            connection,
            mut stream,
            unwritten,
            written,
            ..
        } = self;
        // Its peers are gone for the others before the remote learns of the end.
        let id = connection.id();
        drop(connection);
        let End::Close(reason) = end else {
            tracing::debug!(connection = %id, "socket is gone");
            return;
        };
        tracing::debug!(connection = %id, ?reason, "socket ends");
        let mut last = unwritten.get(written..).unwrap_or_default().to_vec();
        frames::write_close(reason.as_ref(), &mut last);
        let goodbye = async {
            stream.write_all(&last).await?;
            stream.shutdown().await
        };
        match timeout(shared.config.sockets.write_timeout, goodbye).await {
            Ok(Ok(())) => {
                // It may as well never end it.
                let _ = timeout(LINGER, forget(&mut stream)).await;
            }
            Ok(Err(error)) => tracing::debug!(connection = %id, %error, "no goodbye"),
            // The listener's TCP_USER_TIMEOUT ends what still waits in the kernel.
            Err(_) => shared.counters.write_timeouts.add(1),
        }
    }

    /// Sees to it that the task is woken when the next thing is due.
    fn poll_timer(&self, context: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<End> {
        let due = [self.write_by, self.paused_until]
            .into_iter()
            .flatten()
            .fold(self.ping_at, Instant::min);
        if timer.deadline() != due.into() {
            timer.as_mut().reset(due.into());
        }
        if timer.poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Does what is due.
    fn on_time(&mut self, now: Instant) -> ControlFlow<End> {
        if self.write_by.is_some_and(|at| at <= now) {
            self.shared.counters.write_timeouts.add(1);
            let reason = close_reason(CloseCode::Again, "the socket is not read");
            return ControlFlow::Break(End::Close(Some(reason)));
        }
        if self.ping_at <= now {
            if std::mem::take(&mut self.heard) {
                self.pings_unanswered = 0;
            }
            // While nothing is read no pong is.
            let is_read = self.paused_until.is_none();
            if is_read && self.pings_unanswered >= self.shared.config.sockets.pings_unanswered {
                self.shared.counters.sockets_dead.add(1);
                let reason = close_reason(CloseCode::Policy, "no sign of life: answer pings");
                return ControlFlow::Break(End::Close(Some(reason)));
            }
            let idle_for = now.duration_since(self.spoke_at);
            if idle_for >= self.shared.config.sockets.idle_timeout
                && !self.shared.router.is_in_a_swarm(&self.connection)
            {
                self.shared.counters.limited.add(Limit::IdleTimeout, 1);
                let reason = "in no swarm and silent: announce, or close the socket";
                let reason = close_reason(CloseCode::Policy, reason);
                return ControlFlow::Break(End::Close(Some(reason)));
            }
            self.pings_unanswered += u32::from(is_read);
            self.connection.outbox().ping();
            self.pinged.get_or_insert(now);
            self.ping_at = next_ping(&self.shared, now);
        }
        if self.paused_until.is_some_and(|at| at <= now) {
            self.paused_until = None;
            return self.take_in(&mut [], now);
        }
        ControlFlow::Continue(())
    }

    /// Reads once. Ready means that there may be more.
    fn poll_read(&mut self, context: &mut Context<'_>, now: Instant) -> Poll<ControlFlow<End>> {
        READ.with_borrow_mut(|room| {
            let mut room = ReadBuf::new(room);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut room)) {
                Ok(()) if !room.filled().is_empty() => {
                    self.turn_over = room.remaining() == 0;
                    Poll::Ready(self.take_in(room.filled_mut(), now))
                }
                Ok(()) | Err(_) => Poll::Ready(ControlFlow::Break(End::Gone)),
            }
        })
    }

    /// Acts on what the remote says, at the pace it is allowed.
    fn take_in(&mut self, bytes: &mut [u8], now: Instant) -> ControlFlow<End> {
        let Self {
            shared,
            connection,
            reader,
            pace,
            paused_until,
            behind,
            spoke_at,
            pinged,
            heard,
            ..
        } = self;
        let nanos = shared.sources.nanos(now);
        let mut end = None;
        let mut wait = match bytes.len() {
            0 => Duration::ZERO,
            count => pace.bytes(shared, nanos, count),
        };
        let limit = shared.config.limits.message_bytes;
        let read = reader.feed(bytes, limit, |event| {
            *heard = true;
            match event {
                Event::Message(text) => {
                    *spoke_at = now;
                    let offences = take(shared, connection, &text);
                    pace.offended(shared, nanos, offences);
                }
                Event::Ping(payload) => {
                    connection.outbox().pong(Bytes::copy_from_slice(payload));
                }
                Event::Pong => {
                    if let Some(at) = pinged.take() {
                        let rtt = now.saturating_duration_since(at);
                        shared.router.measured(connection, rtt);
                    }
                }
                Event::Close(reason) => {
                    end = Some(End::Close(reason));
                    return ControlFlow::Break(());
                }
            }
            wait = wait.max(pace.messages(shared, nanos, 1));
            *behind = wait.is_zero() && connection.outbox().is_crowded();
            if *behind || !wait.is_zero() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        if !wait.is_zero() {
            *paused_until = Some(now + wait);
        }
        if let Err(refusal) = read {
            pace.offended(shared, nanos, hear::BROKEN);
            if refusal.is_about_size() {
                shared.counters.limited.add(Limit::MessageBytes, 1);
            }
            end = Some(End::Close(Some(refusal.into())));
        }
        end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    /// Writes what there is to write. Ready means that all of it is written.
    fn poll_write(&mut self, context: &mut Context<'_>, now: Instant) -> Poll<ControlFlow<End>> {
        loop {
            if self.write_by.is_some() {
                if ready!(self.poll_unwritten(context)).is_err() {
                    return Poll::Ready(ControlFlow::Break(End::Gone));
                }
                self.unwritten = Vec::new();
                self.written = 0;
                self.write_by = None;
                if let Some(reason) = self.close.take() {
                    return Poll::Ready(ControlFlow::Break(End::Close(Some(reason))));
                }
            }
            let Poll::Ready(batch) = self.connection.outbox().poll_next(context) else {
                return Poll::Ready(ControlFlow::Continue(()));
            };
            self.write_by = Some(now + self.shared.config.sockets.write_timeout);
            self.close.clone_from(&batch.close);
            let Self { shared, stream, .. } = self;
            self.unwritten = WRITE.with_borrow_mut(|(json, room)| {
                lay_out(shared, batch, json, room);
                // An error shows again at the next write.
                let written = match Pin::new(stream).poll_write(context, room) {
                    Poll::Ready(Ok(written)) => written,
                    Poll::Ready(Err(_)) | Poll::Pending => 0,
                };
                room.get(written..).unwrap_or_default().to_vec()
            });
        }
    }

    /// Writes what the remote had no room for, and what TLS still has of it.
    fn poll_unwritten(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let mut stream = Pin::new(&mut self.stream);
        while let Some(rest @ [_, ..]) = self.unwritten.get(self.written..) {
            match ready!(stream.as_mut().poll_write(context, rest))? {
                0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        stream.poll_flush(context)
    }
}

fn next_ping(shared: &Shared, now: Instant) -> Instant {
    let sockets = &shared.config.sockets;
    let jitter = sockets.ping_jitter.mul_f64(rand::random_range(0.0..=1.0));
    now + sockets.ping_after + jitter
}

fn close_reason(code: CloseCode, description: &str) -> CloseReason {
    CloseReason {
        code,
        description: Some(description.into()),
    }
}
