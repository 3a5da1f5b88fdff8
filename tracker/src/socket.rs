//! One WebSocket: the upgrade, and the task that reads and writes it.
//!
//! Reading and writing are two loops of one task, so that neither waits for the
//! other; the first to end ends the socket. The task lives on its actix worker.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use tokio::time::{sleep, timeout};
use tracing::Instrument;
use tracker_protocol::{ClientMessage, Verdict};

use crate::bucket::TokenBucket;
use crate::outbox::{Batch, Outbox};
use crate::router::{Connection, Refused};
use crate::shared::Shared;
use crate::store::Transport;

/// Seconds after which a refused client may try again; spread, so that those
/// refused together do not return together.
const RETRY_AFTER_SECONDS: std::ops::Range<u32> = 10..60;

/// Answers an upgrade request on any path.
pub(crate) async fn upgrade(
    request: HttpRequest,
    body: web::Payload,
    shared: web::Data<Shared>,
) -> actix_web::Result<HttpResponse> {
    let transport = if request.app_config().secure() {
        Transport::Wss
    } else {
        Transport::Ws
    };
    let remote = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |addr| addr.ip());
    let connection = match shared.router.connect(transport, remote) {
        Ok(connection) => connection,
        Err(refused) => {
            shared.counters.sockets_refused.add(1);
            let wait = rand::random_range(RETRY_AFTER_SECONDS);
            return Ok(HttpResponse::ServiceUnavailable()
                .insert_header((header::RETRY_AFTER, wait))
                .body(match refused {
                    Refused::Full => "the tracker has as many sockets as it may: try again later\n",
                    Refused::Closing => "the tracker is stopping: try again later\n",
                }));
        }
    };
    let (response, session, stream) = actix_ws::handle(&request, body)?;
    let limit = shared.config.limits.message_bytes;
    let stream = stream
        .max_frame_size(limit)
        .aggregate_continuations()
        .max_continuation_size(limit);
    let span = tracing::debug_span!("socket", connection = %connection.id());
    actix_web::rt::spawn(serve(shared.into_inner(), connection, session, stream).instrument(span));
    Ok(response)
}

/// Reads and writes until one of them ends; the connection's peers go with it.
async fn serve(
    shared: Arc<Shared>,
    connection: Connection,
    session: Session,
    mut stream: AggregatedMessageStream,
) {
    let outbox = Arc::clone(connection.outbox());
    let mut writer = session.clone();
    let reason = tokio::select! {
        reason = read(&shared, &connection, &mut stream) => reason,
        reason = write(&shared, &outbox, &mut writer) => reason,
        reason = watch(&shared, &connection) => reason,
    };
    // Its peers are gone for the others before the remote learns of the end.
    drop(connection);
    tracing::debug!(?reason, "socket ends");
    let close = session.close(reason);
    if timeout(shared.config.sockets.write_timeout, close)
        .await
        .is_err()
    {
        // The listener's TCP_USER_TIMEOUT ends what still waits in the kernel.
        shared.counters.write_timeouts.add(1);
    }
}

/// Hands every message to the router, at the pace the socket is allowed.
async fn read(
    shared: &Shared,
    connection: &Connection,
    stream: &mut AggregatedMessageStream,
) -> Option<CloseReason> {
    let limits = &shared.config.limits;
    let mut bucket = TokenBucket::new(
        Instant::now(),
        limits.messages_per_second,
        limits.message_burst,
    );
    loop {
        let message = match stream.recv().await? {
            Ok(message) => message,
            Err(error) => return Some(refusal(&error)),
        };
        connection.heard();
        let wait = bucket.take(Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
        match message {
            AggregatedMessage::Text(text) => take(shared, connection, &text),
            AggregatedMessage::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => take(shared, connection, text),
                Err(_) => {
                    return Some(close_reason(CloseCode::Invalid, "the message is not UTF-8"));
                }
            },
            AggregatedMessage::Ping(payload) => connection.outbox().pong(payload),
            AggregatedMessage::Pong(_) => {}
            AggregatedMessage::Close(reason) => return reason,
        }
    }
}

/// Acts on one message of the client.
fn take(shared: &Shared, connection: &Connection, text: &str) {
    shared.counters.messages_received.add(1);
    match ClientMessage::parse(text, &shared.message_limits) {
        Ok(message) => shared.router.submit(connection, message),
        Err(error) => {
            shared.counters.messages_refused.add(1);
            tracing::debug!(%error, "message refused");
            match error.verdict() {
                Verdict::Reply(failure) => shared.router.reply(connection, failure),
                Verdict::Close { code, reason } => {
                    connection
                        .outbox()
                        .close(close_reason(CloseCode::from(code), &reason));
                }
            }
        }
    }
}

/// Writes what waits in the outbox, each share within the write time-out.
async fn write(shared: &Shared, outbox: &Outbox, session: &mut Session) -> Option<CloseReason> {
    loop {
        let batch = outbox.next().await;
        let close = batch.close.clone();
        match timeout(
            shared.config.sockets.write_timeout,
            write_batch(shared, batch, session),
        )
        .await
        {
            Ok(Ok(())) => {}
            Ok(Err(actix_ws::Closed)) => return None,
            Err(_) => {
                shared.counters.write_timeouts.add(1);
                return Some(close_reason(CloseCode::Again, "the socket is not read"));
            }
        }
        if close.is_some() {
            return close;
        }
    }
}

async fn write_batch(
    shared: &Shared,
    batch: Batch,
    session: &mut Session,
) -> Result<(), actix_ws::Closed> {
    if let Some(payload) = batch.pong {
        session.pong(&payload).await?;
    }
    if batch.ping {
        session.ping(b"").await?;
    }
    for message in batch.messages {
        session.text(message.to_json()).await?;
        shared.counters.messages_sent.add(1);
    }
    Ok(())
}

/// Pings the remote now and then, and returns when it gave no sign of life.
async fn watch(shared: &Shared, connection: &Connection) -> Option<CloseReason> {
    let sockets = &shared.config.sockets;
    let mut unanswered = 0;
    loop {
        let jitter = sockets.ping_jitter.mul_f64(rand::random_range(0.0..=1.0));
        sleep(sockets.ping_after + jitter).await;
        if connection.was_heard() {
            unanswered = 0;
        }
        if unanswered >= sockets.pings_unanswered {
            shared.counters.sockets_dead.add(1);
            return Some(close_reason(
                CloseCode::Policy,
                "no sign of life: answer pings",
            ));
        }
        unanswered += 1;
        connection.outbox().ping();
    }
}

/// What to tell a remote whose frames cannot be read.
fn refusal(error: &ProtocolError) -> CloseReason {
    match error {
        ProtocolError::Overflow => close_reason(CloseCode::Size, "the message is too long"),
        // actix-ws says so of text that is not UTF-8, and of a sum of frames that is too long.
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            close_reason(CloseCode::Invalid, "the message is not UTF-8")
        }
        ProtocolError::Io(_) => close_reason(CloseCode::Size, "the message is too long"),
        ProtocolError::UnmaskedFrame
        | ProtocolError::MaskedFrame
        | ProtocolError::InvalidOpcode(_)
        | ProtocolError::InvalidLength(_)
        | ProtocolError::BadOpCode
        | ProtocolError::ContinuationNotStarted
        | ProtocolError::ContinuationStarted
        | ProtocolError::ContinuationFragment(_) => {
            close_reason(CloseCode::Protocol, &error.to_string())
        }
    }
}

fn close_reason(code: CloseCode, description: &str) -> CloseReason {
    CloseReason {
        code,
        description: Some(description.into()),
    }
}
