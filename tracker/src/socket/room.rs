//! The room that all sockets of a worker share: to read into and to write from.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Poll, ready};

use actix_codec::{AsyncRead, ReadBuf};

use crate::frames;
use crate::outbox::Batch;
use crate::shared::Shared;

/// What is read at once, at most. An announce with five offers fits twice.
const READ_BYTES: usize = 16 * 1024;
/// Room for writing that a worker keeps; it is used by one socket at a time.
const WRITE_BYTES: usize = 256 * 1024;
/// Reads after the end.
const FORGOTTEN: u32 = 16;

thread_local! {
    /// What one socket reads, while it acts on it.
    pub(super) static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
    /// JSON of one message, and the frames of a batch, while one socket writes them.
    pub(super) static WRITE: RefCell<(String, Vec<u8>)> = RefCell::default();
}

/// Reads what a remote still sends and forgets it: a socket that is closed with bytes
/// unread is reset, and what was written last may be lost. A remote that sends on and
/// on does not read either.
pub(crate) async fn forget<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<()> {
    for _ in 0..FORGOTTEN {
        let count = std::future::poll_fn(|context| {
            READ.with_borrow_mut(|room| {
                let mut room = ReadBuf::new(room);
                ready!(Pin::new(&mut *stream).poll_read(context, &mut room))?;
                Poll::Ready(std::io::Result::Ok(room.filled().len()))
            })
        })
        .await?;
        if count == 0 {
            break;
        }
    }
    Ok(())
}

/// Makes one run of frames of a batch.
pub(super) fn lay_out(shared: &Shared, batch: Batch, json: &mut String, out: &mut Vec<u8>) {
    out.clear();
    // After one huge message the room shrinks again.
    out.shrink_to(WRITE_BYTES);
    json.shrink_to(WRITE_BYTES);
    if let Some(payload) = &batch.pong {
        frames::write_pong(payload, out);
    }
    if batch.ping {
        frames::write_ping(out);
    }
    for message in &batch.messages {
        json.clear();
        message.write(json);
        frames::write_text(json, out);
        shared.counters.messages_sent.add(1);
    }
}
