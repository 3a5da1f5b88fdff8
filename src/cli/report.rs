//! What a subcommand says on stdout: lines for people, or one JSON object a line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::oneshot;

/// Writes `line` and a line break to stdout at once.
///
/// # Errors
/// When stdout cannot be written, a broken pipe among the reasons.
pub(crate) fn line(line: impl std::fmt::Display) -> io::Result<()> {
    bytes(format!("{line}\n").as_bytes())
}

/// Writes `event` to stdout as one line of JSON.
///
/// # Errors
/// When stdout cannot be written, a broken pipe among the reasons.
pub(crate) fn json(event: &impl Serialize) -> io::Result<()> {
    line(serde_json::to_string(event)?)
}

/// Writes `bytes` to stdout at once.
///
/// # Errors
/// When stdout cannot be written, a broken pipe among the reasons.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| io::Error::new(error.kind(), format!("stdout cannot be written: {error}")))
}

/// Prints `events` as lines of JSON until there are no more, on a thread of its own: a reader that
/// stops reading holds up that thread alone, and is told how many events it lost. What is returned
/// gives the error that ended it, or is closed when all is printed.
pub(crate) fn print_events<T: Clone + Serialize + Send + 'static>(
    mut events: Receiver<T>,
) -> oneshot::Receiver<io::Error> {
    let (failed, failure) = oneshot::channel();
    std::thread::spawn(move || {
        let error = loop {
            let printed = match events.blocking_recv() {
                Ok(event) => json(&event),
                Err(RecvError::Lagged(count)) => {
                    json(&json!({"event": "events_lost", "count": count}))
                }
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = printed {
                break error;
            }
        };
        // Nobody asks any more when the program ends anyway.
        let _ = failed.send(error);
    });
    failure
}
