//! The answer to a request for a WebSocket, on any path.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_codec::{Encoder, Framed, FramedParts};
use actix_http::body::{BodySize, MessageBody};
use actix_http::ws::{self, HandshakeError};
use actix_http::{ConnectionType, Request, Response, StatusCode, h1};
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::admission::Refused;
use crate::bans::MadeBy;
use crate::proxies::{self, NoClient};
use crate::router::Connection;
use crate::shared::Shared;
use crate::socket;
use crate::source::Place;
use crate::store::Transport;
use crate::stream::Stream;

/// Seconds after which a refused client may try again; spread, so that those
/// refused together do not return together.
const RETRY_AFTER_SECONDS: std::ops::Range<u32> = 10..60;
/// How long a refusal may take to be read.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers an upgrade request and gives its stream a task of its own.
pub(crate) fn answer(
    shared: &Arc<Shared>,
    transport: Transport,
    request: &Request,
    framed: Framed<Stream, h1::Codec>,
) {
    let FramedParts {
        mut io,
        mut codec,
        read_buf,
        // Responses to requests before this one may still be in it.
        mut write_buf,
        ..
    } = framed.into_parts();
    match accept(shared, transport, request) {
        Ok((connection, place, response)) => {
            let head = h1::Message::Item((response, BodySize::Stream));
            if codec.encode(head, &mut write_buf).is_ok() {
                io.is_socket();
                let (read, unwritten) = (read_buf.to_vec(), write_buf.to_vec());
                let shared = Arc::clone(shared);
                actix_web::rt::spawn(socket::serve(
                    shared,
                    (connection, place),
                    io,
                    read,
                    unwritten,
                ));
            }
        }
        Err(response) => {
            // When full, the connection ends without a word.
            let room = Arc::clone(&shared.refusals).try_acquire_owned();
            if let Ok(room) = room
                && refuse(response, &mut codec, &mut write_buf).is_some()
            {
                actix_web::rt::spawn(async move {
                    // It may go unread.
                    let _ = timeout(REFUSAL_TIMEOUT, say(io, write_buf.to_vec())).await;
                    drop(room);
                });
            }
        }
    }
}

/// Answers requests that name a WebSocket in a way that actix-http takes for HTTP.
pub(crate) async fn misunderstood(request: HttpRequest) -> actix_web::Result<HttpResponse> {
    let wrong = ws::verify_handshake(request.head())
        .err()
        .unwrap_or(HandshakeError::NoWebsocketUpgrade);
    Err(wrong.into())
}

fn accept(
    shared: &Shared,
    transport: Transport,
    request: &Request,
) -> Result<(Connection, Option<Place>, Response<()>), Response<actix_http::body::BoxBody>> {
    let (connection, place) = shared
        .admit(transport, client(shared, request))
        .map_err(refusal)?;
    let mut response = ws::handshake(request.head())?;
    Ok((connection, place, response.finish().drop_body()))
}

/// Says why there is no socket, and when there may be one.
fn refusal(refused: Refused) -> Response<actix_http::body::BoxBody> {
    let (status, why) = match refused {
        Refused::Closing => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the tracker is stopping: try again later\n",
        ),
        Refused::Full => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the tracker has as many sockets as it may: try again later\n",
        ),
        Refused::Overloaded => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the tracker has too much to do: try again later\n",
        ),
        Refused::Crowded => (
            StatusCode::TOO_MANY_REQUESTS,
            "your address has as many sockets as it may: close one, or try again later\n",
        ),
        Refused::Banned {
            made_by: MadeBy::Tracker,
            ..
        } => (
            StatusCode::TOO_MANY_REQUESTS,
            "your address sent too many messages that were wrong: try again later\n",
        ),
        Refused::Banned {
            made_by: MadeBy::Operator,
            ..
        } => (
            StatusCode::FORBIDDEN,
            "your address is banned by the operator of the tracker\n",
        ),
    };
    let jitter = rand::random_range(RETRY_AFTER_SECONDS);
    let wait = match refused {
        Refused::Banned { seconds, .. } => {
            seconds.map(|seconds| seconds.saturating_add(jitter.into()))
        }
        Refused::Closing | Refused::Full | Refused::Overloaded | Refused::Crowded => {
            Some(jitter.into())
        }
    };
    let mut response = Response::build(status);
    if let Some(wait) = wait {
        response.insert_header((header::RETRY_AFTER, wait));
    }
    response
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body(why)
        .map_into_boxed_body()
}

/// The client's address: the peer's own, or what a trusted proxy says.
fn client(shared: &Shared, request: &Request) -> IpAddr {
    let proxies = &shared.config.proxies;
    let peer = request.peer_addr().map(|addr| addr.ip());
    let lines = request.head().headers().get_all(proxies.header.name());
    proxies
        .client(peer, lines.map(HeaderValue::as_bytes))
        .unwrap_or_else(|NoClient| {
            shared.counters.clients_unnamed.add(1);
            proxies::address(peer)
        })
}

/// Writes a whole response, after which the connection ends.
fn refuse(
    mut response: Response<actix_http::body::BoxBody>,
    codec: &mut h1::Codec,
    out: &mut actix_web::web::BytesMut,
) -> Option<()> {
    response
        .head_mut()
        .set_connection_type(ConnectionType::Close);
    let (response, body) = response.into_parts();
    let body = body.try_into_bytes().unwrap_or_default();
    let size = BodySize::Sized(body.len().try_into().ok()?);
    codec
        .encode(h1::Message::Item((response, size)), out)
        .ok()?;
    if !body.is_empty() {
        codec.encode(h1::Message::Chunk(Some(body)), out).ok()?;
        codec.encode(h1::Message::Chunk(None), out).ok()?;
    }
    Some(())
}

async fn say(mut io: Stream, bytes: Vec<u8>) -> std::io::Result<()> {
    io.write_all(&bytes).await?;
    io.shutdown().await?;
    // What it has sent on must be read, or the kernel would take the response back.
    socket::forget(&mut io).await
}
