//! What happens, as it happens: a WebSocket on the admin listener, one JSON text
//! message an event.
//!
//! A watcher only listens. Whatever it sends that is not a control frame ends its
//! socket, and the bytes of one frame are bounded before actix-http collects them.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_http::BoxedPayloadStream;
use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, ProtocolError, Session};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError};
use tokio::time::{Instant, sleep_until, timeout};

use super::auth::Authorized;
use super::problem::Problem;
use crate::event::Event;
use crate::shared::Shared;

/// Bytes of a frame from a watcher: as much as a control frame has (RFC 6455 §5.5).
const FRAME_BYTES: usize = 125;
/// Bytes taken in without a whole frame among them; more end the socket. actix-http
/// keeps what has come of a frame until its end, however long it says it is.
const UNREAD_BYTES: usize = 64 * 1024;
/// How long a watcher may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// `GET /events`, with an upgrade to a WebSocket.
pub(super) async fn watch(
    _: Authorized,
    request: HttpRequest,
    body: web::Payload,
    shared: web::Data<Shared>,
) -> actix_web::Result<HttpResponse> {
    let place = match shared.watchers.clone().try_acquire_owned() {
        Ok(place) if !shared.stop.is_cancelled() => place,
        Ok(_) => return Err(Problem::STOPPING.into()),
        Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
            return Err(Problem::TOO_MANY_WATCHERS.into());
        }
    };
    let unread = Rc::new(Cell::new(0));
    let body = bounded(&request, body, Rc::clone(&unread)).await?;
    let (response, session, messages) =
        actix_ws::handle(&request, body).map_err(|_| Problem::UPGRADE_NEEDED)?;
    let watcher = Watcher {
        session,
        messages: messages.max_frame_size(FRAME_BYTES),
        unread,
        // From here on: what happens before the response is read is in it.
        events: shared.events.subscribe(),
        shared,
        _place: place,
    };
    actix_web::rt::spawn(watcher.serve());
    Ok(response)
}

/// `GET /events` on a public listener, whose upgrades are all sockets of the tracker.
pub(super) async fn elsewhere(_: Authorized) -> Problem {
    Problem::EVENTS_ELSEWHERE
}

/// The same body, that fails when too much of it has come since `unread` was zero.
async fn bounded(
    request: &HttpRequest,
    body: web::Payload,
    unread: Rc<Cell<usize>>,
) -> actix_web::Result<web::Payload> {
    let counted = body.into_inner().map(move |bytes| {
        let bytes = bytes?;
        unread.set(unread.get().saturating_add(bytes.len()));
        if unread.get() > UNREAD_BYTES {
            return Err(PayloadError::Overflow);
        }
        Ok(bytes)
    });
    let payload: BoxedPayloadStream = Box::pin(counted);
    let mut payload = dev::Payload::Stream { payload };
    web::Payload::from_request(request, &mut payload).await
}

/// One open socket.
struct Watcher {
    session: Session,
    messages: MessageStream,
    /// Bytes that came since the last whole frame.
    unread: Rc<Cell<usize>>,
    events: Receiver<Event>,
    shared: web::Data<Shared>,
    /// One of the sockets that there may be.
    _place: OwnedSemaphorePermit,
}

/// Why a socket ends: with these words, or without any.
type End = Option<CloseReason>;

/// Told in the place of the events that a slow watcher lost.
#[derive(Serialize)]
struct Lagged {
    event: &'static str,
    count: u64,
}

impl Watcher {
    async fn serve(mut self) {
        let end = self.tell().await;
        let Self {
            session,
            mut messages,
            ..
        } = self;
        let goodbye = async {
            if session.close(end).await.is_ok() {
                while let Some(Ok(_)) = messages.recv().await {}
            }
        };
        // It may not read any more; the stream ends with us.
        let _ = timeout(GOODBYE, goodbye).await;
    }

    /// Tells events until something ends that.
    async fn tell(&mut self) -> End {
        let stop = self.shared.stop.clone();
        let mut unanswered = 0;
        let mut ping_at = self.next_ping();
        loop {
            let told = tokio::select! {
                () = stop.cancelled() => return away(),
                message = self.messages.recv() => {
                    self.unread.set(0);
                    unanswered = 0;
                    self.heard(message).await
                }
                event = self.events.recv() => match line(event) {
                    Some(line) => self.write(Write::Text(line)).await,
                    None => return away(),
                },
                () = sleep_until(ping_at) => {
                    if unanswered >= self.shared.config.sockets.pings_unanswered {
                        return reason(CloseCode::Policy, "no sign of life");
                    }
                    unanswered += 1;
                    ping_at = self.next_ping();
                    self.write(Write::Ping).await
                }
            };
            if let Err(end) = told {
                return end;
            }
        }
    }

    /// Takes what a watcher says: that it is there, or that it goes.
    async fn heard(&mut self, message: Option<Result<Message, ProtocolError>>) -> Result<(), End> {
        match message {
            Some(Ok(Message::Ping(bytes))) => self.write(Write::Pong(bytes)).await,
            Some(Ok(Message::Pong(_) | Message::Nop)) => Ok(()),
            Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Continuation(_)))
            | Some(Err(ProtocolError::Overflow | ProtocolError::Io(_))) => Err(reason(
                CloseCode::Policy,
                "this socket takes no messages: it tells events",
            )),
            Some(Ok(Message::Close(given))) => Err(given.map(|given| given.code.into())),
            Some(Err(error)) => {
                tracing::debug!(%error, "a watcher of events is not understood");
                Err(reason(CloseCode::Protocol, "not a sound frame"))
            }
            None => Err(None),
        }
    }

    /// Hands a frame over; waits while the watcher does not read, but not for long.
    async fn write(&mut self, frame: Write) -> Result<(), End> {
        let (stop, session) = (&self.shared.stop, &mut self.session);
        let written = async {
            match frame {
                Write::Text(line) => session.text(line).await,
                Write::Ping => session.ping(b"").await,
                Write::Pong(bytes) => session.pong(&bytes).await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => Err(away()),
            written = timeout(self.shared.config.sockets.write_timeout, written) => match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(actix_ws::Closed)) => Err(None),
                Err(_) => {
                    self.shared.counters.write_timeouts.add(1);
                    Err(reason(CloseCode::Policy, "too slow a reader"))
                }
            },
        }
    }

    fn next_ping(&self) -> Instant {
        let sockets = &self.shared.config.sockets;
        let jitter = rand::random_range(Duration::ZERO..=sockets.ping_jitter);
        Instant::now() + sockets.ping_after + jitter
    }
}

/// A frame to a watcher.
enum Write {
    Text(String),
    Ping,
    Pong(web::Bytes),
}

/// The text of an event, or of how many were lost; none when there are no more.
fn line(event: Result<Event, RecvError>) -> Option<String> {
    let line = match event {
        Ok(event) => serde_json::to_string(&event),
        Err(RecvError::Lagged(count)) => serde_json::to_string(&Lagged {
            event: "events_lost",
            count,
        }),
        Err(RecvError::Closed) => return None,
    };
    Some(line.expect("ids, numbers and words have a form in JSON"))
}

fn away() -> End {
    reason(CloseCode::Away, "the tracker is stopping")
}

fn reason(code: CloseCode, words: &str) -> End {
    Some((code, words).into())
}
