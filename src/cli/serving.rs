//! What `share` and `seed` say while they run: a status line for people, or JSON lines.

use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use seeder::{EVENT_QUEUE, Event, Seeder, Stats};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::broadcast::{self, Receiver, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::report;
use super::signals::Stop;

/// Between two looks at the seeder's numbers.
const LOOK: Duration = Duration::from_millis(200);
/// Looks between two `stats` lines when only the bytes sent have changed.
const LOOKS_PER_LINE: u32 = 5;
/// How long lines that were not printed yet may take at the end.
const LAST_LINES: Duration = Duration::from_millis(200);

/// The runtime of a seeder.
///
/// # Errors
/// When its threads cannot be started.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot start")
}

/// Reports on `seeder` until SIGINT or SIGTERM.
///
/// # Errors
/// When stdout cannot be written.
pub(crate) async fn watch(
    seeder: &Seeder,
    events: Receiver<Event>,
    stop: Stop,
    json: bool,
) -> std::io::Result<()> {
    if json {
        print(seeder, events, stop).await
    } else {
        show(seeder, events, stop).await
    }
}

/// Prints events and numbers as lines of JSON.
async fn print(
    seeder: &Seeder,
    mut events: Receiver<Event>,
    mut stop: Stop,
) -> std::io::Result<()> {
    let mut looks = looks();
    let mut lines = Lines::default();
    let (out, printed) = broadcast::channel(EVENT_QUEUE);
    let mut failure = report::print_events(printed);
    let tell = |line: Value| {
        // The printer's end is told by `failure`.
        let _ = out.send(line);
    };
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            Ok(error) = &mut failure => return Err(error),
            event = events.recv() => match event {
                Ok(event) => tell(told(&event)),
                Err(RecvError::Lagged(count)) => tell(json!({"event": "events_lost", "count": count})),
                Err(RecvError::Closed) => break stop.asked().await,
            },
            _ = looks.tick() => if let Some(line) = lines.stats(&seeder.stats()) {
                tell(line);
            },
        }
    }
    drop(out);
    // What waits is printed, unless nobody reads.
    let _ = timeout(LAST_LINES, failure).await;
    Ok(())
}

/// Shows people what matters at once, and the numbers in a line that is redrawn.
async fn show(seeder: &Seeder, mut events: Receiver<Event>, mut stop: Stop) -> std::io::Result<()> {
    let mut looks = looks();
    let bar = status_line();
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            event = events.recv() => match event {
                Ok(event) => if let Some(line) = said(&event) {
                    bar.suspend(|| report::line(line))?;
                },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break stop.asked().await,
            },
            _ = looks.tick() => bar.set_message(status(&seeder.stats())),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn looks() -> Interval {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

#[derive(Default)]
struct Lines {
    last: Option<Numbers>,
    looks: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
struct Numbers {
    event: &'static str,
    peers: usize,
    served: usize,
    waiting: usize,
    /// Bytes of content.
    sent: u64,
    /// Bytes of content a second.
    rate: u64,
}

impl Lines {
    /// The line to print: when peers come, go or change places at once; bytes once a second.
    fn stats(&mut self, stats: &Stats) -> Option<Value> {
        let now = Numbers {
            event: "stats",
            peers: stats.peers,
            served: stats.served,
            waiting: stats.waiting,
            sent: stats.bytes_sent,
            rate: stats.rate,
        };
        self.looks = self.looks.saturating_add(1);
        let places = |numbers: Numbers| (numbers.peers, numbers.served, numbers.waiting);
        let moved = self.last.map(places) != Some(places(now));
        let due = self.looks >= LOOKS_PER_LINE && self.last != Some(now);
        if !moved && !due {
            return None;
        }
        self.last = Some(now);
        self.looks = 0;
        serde_json::to_value(now).ok()
    }
}

/// A line on stderr that is redrawn in place; nothing where stderr is no terminal.
fn status_line() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn status(stats: &Stats) -> String {
    let peers = match stats.peers {
        0 => "nobody connected".to_owned(),
        1 => "1 peer".to_owned(),
        peers => format!("{peers} peers"),
    };
    let waiting = match stats.waiting {
        0 => String::new(),
        waiting => format!(", {waiting} waiting"),
    };
    let (rate, sent) = (HumanBytes(stats.rate), HumanBytes(stats.bytes_sent));
    let checking = if stats.torrents.iter().any(|torrent| torrent.checking) {
        " · checking content"
    } else {
        ""
    };
    format!("{peers}{waiting} · {rate}/s · {sent} sent{checking}")
}

/// What a person should know at once; the rest is in the status line.
fn said(event: &Event) -> Option<String> {
    match event {
        Event::PiecesBad { pieces, .. } if pieces.start() == pieces.end() => Some(format!(
            "Piece {} does not match the torrent and is not served.",
            pieces.start()
        )),
        Event::PiecesBad { pieces, .. } => Some(format!(
            "Pieces {} to {} do not match the torrent and are not served.",
            pieces.start(),
            pieces.end()
        )),
        Event::FileMissing { path, .. } => Some(format!(
            "`{}` is not there: its pieces are not served until it is put back.",
            path.display()
        )),
        Event::ContentChanged { path, .. } => Some(format!(
            "`{}` has changed: its pieces are checked again.",
            path.display()
        )),
        Event::TrackerDown { url, reason } => {
            Some(format!("Tracker {url} is lost ({reason}); trying again."))
        }
        Event::TrackerWarning { url, message } => Some(format!(
            "Tracker {url} says: {}",
            super::printable::printable(message)
        )),
        // The status line shows the rest.
        Event::Verified { .. }
        | Event::TrackerUp { .. }
        | Event::PeerJoined { .. }
        | Event::PeerLeft { .. }
        | _ => None,
    }
}

/// An event as JSON; ids are lowercase hex.
fn told(event: &Event) -> Value {
    match event {
        Event::Verified {
            info_hash,
            good,
            pieces,
        } => {
            json!({"event": "verified", "info_hash": info_hash.to_string(), "good": good, "pieces": pieces})
        }
        Event::PiecesBad { info_hash, pieces } => {
            json!({"event": "pieces_bad", "info_hash": info_hash.to_string(), "first": pieces.start(), "last": pieces.end()})
        }
        Event::FileMissing { info_hash, path } => {
            json!({"event": "file_missing", "info_hash": info_hash.to_string(), "path": path.display().to_string()})
        }
        Event::ContentChanged { info_hash, path } => {
            json!({"event": "content_changed", "info_hash": info_hash.to_string(), "path": path.display().to_string()})
        }
        Event::TrackerUp { url } => json!({"event": "tracker_up", "url": url}),
        Event::TrackerDown { url, reason } => {
            json!({"event": "tracker_down", "url": url, "reason": reason})
        }
        Event::TrackerWarning { url, message } => {
            json!({"event": "tracker_warning", "url": url, "message": message})
        }
        Event::PeerJoined {
            info_hash,
            peer_id,
            client,
        } => {
            json!({"event": "peer_joined", "info_hash": info_hash.to_string(), "peer_id": peer_id.to_string(), "client": client})
        }
        Event::PeerLeft {
            info_hash,
            peer_id,
            bytes_sent,
            reason,
        } => {
            json!({"event": "peer_left", "info_hash": info_hash.to_string(), "peer_id": peer_id.to_string(), "sent": bytes_sent, "reason": reason})
        }
        // The seeder may learn to tell more before this does.
        _ => json!({"event": "other"}),
    }
}
