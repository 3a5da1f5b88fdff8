//! What holds for the bytes of every connection: for fuzzing and for tests with random bytes.

use std::ops::ControlFlow;

use actix_codec::Decoder;
use actix_http::{h1, ws};
use bytes::BytesMut;
use tokio::task::LocalSet;
use tracker_protocol::{ClientMessage, Limits};

use super::{Event, Reader};

/// Bytes of a message, at most.
pub(super) const LIMIT: usize = 1000;

/// Takes the first byte for the size of portions, and what follows for a connection: a request for
/// a WebSocket, then frames. What is no such request is taken for frames.
///
/// # Panics
/// When the portions of the frames say other than the whole, or more is kept than may be.
pub(crate) fn connection(bytes: &[u8]) {
    let Some((portion, bytes)) = bytes.split_first() else {
        return;
    };
    let portions = [usize::from(*portion) % 70 + 1];
    let mut rest = BytesMut::from(bytes);
    // The codec starts a clock of its own, in a set of tasks that is never run.
    let tasks = LocalSet::new();
    let _entered = tasks.enter();
    let request = h1::Codec::default().decode(&mut rest);
    if let Ok(Some(h1::Message::Item(request))) = request
        && ws::handshake(request.head()).is_ok()
    {
        frames(&rest, &portions);
    }
    frames(bytes, &portions);
}

/// Takes bytes for frames, at once and in portions of these sizes, over and over.
///
/// # Panics
/// When it is not the same, or more is kept than may be.
pub(crate) fn frames(bytes: &[u8], portions: &[usize]) {
    let mut whole = Vec::new();
    let refused = told(&mut Reader::default(), bytes.to_vec(), &mut whole);

    let mut reader = Reader::default();
    let mut said = Vec::new();
    let mut rest = bytes;
    for portion in portions.iter().cycle() {
        let (now, after) = rest.split_at(rest.len().min(*portion));
        let broken = told(&mut reader, now.to_vec(), &mut said);
        // A frame's header has at most 14 bytes.
        assert!(reader.held.len() <= LIMIT + 14);
        let kept = reader.fragments.as_ref().map(|kept| kept.payload.len());
        assert!(kept.is_none_or(|kept| kept <= LIMIT));
        rest = after;
        if broken.is_some() || rest.is_empty() {
            assert_eq!((said, broken), (whole, refused));
            return;
        }
    }
}

/// What is said, in words; and the close code of a refusal.
pub(super) fn told(
    reader: &mut Reader,
    mut bytes: Vec<u8>,
    heard: &mut Vec<String>,
) -> Option<u16> {
    reader
        .feed(&mut bytes, LIMIT, |event| {
            heard.push(match event {
                Event::Message(text) => {
                    let _ = ClientMessage::parse(&text, &Limits::default());
                    format!("message {text}")
                }
                Event::Ping(payload) => format!("ping {}", payload.escape_ascii()),
                Event::Pong => "pong".into(),
                Event::Close(None) => "close".into(),
                Event::Close(Some(reason)) => {
                    format!("close {} {:?}", u16::from(reason.code), reason.description)
                }
            });
            ControlFlow::Continue(())
        })
        .err()
        .map(|refusal| refusal.code.into())
}
