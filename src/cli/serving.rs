//! What `share` and `seed` say while they run: a status line for people, or JSON lines.

use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use seeder::{Event, Seeder, Stats};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{MissedTickBehavior, interval};

use super::{report, signals};

/// Between two looks at the seeder's numbers.
const LOOK: Duration = Duration::from_millis(200);
/// Looks between two `stats` lines when only the bytes sent have changed.
const LOOKS_PER_LINE: u32 = 5;

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
/// When stdout cannot be written, or signals cannot be watched.
pub(crate) async fn watch(
    seeder: &Seeder,
    mut events: Receiver<Event>,
    json: bool,
) -> std::io::Result<()> {
    let mut stop = pin!(signals::stop_asked());
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut report = if json {
        Report::Lines(Lines::default())
    } else {
        Report::Status(status_line())
    };
    loop {
        tokio::select! {
            biased;
            stopped = &mut stop => {
                report.end();
                return stopped;
            }
            event = events.recv() => match event {
                Ok(event) => report.event(&event)?,
                Err(RecvError::Lagged(count)) => report.lost(count)?,
                Err(RecvError::Closed) => return stop.await,
            },
            _ = looks.tick() => report.stats(&seeder.stats())?,
        }
    }
}

enum Report {
    Lines(Lines),
    Status(ProgressBar),
}

impl Report {
    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        match self {
            Self::Lines(_) => super::report::json(&told(event)),
            Self::Status(bar) => {
                if let Some(line) = said(event) {
                    bar.suspend(|| super::report::line(line))?;
                }
                Ok(())
            }
        }
    }

    fn lost(&mut self, count: u64) -> std::io::Result<()> {
        match self {
            Self::Lines(_) => report::json(&json!({"event": "events_lost", "count": count})),
            Self::Status(_) => Ok(()),
        }
    }

    fn stats(&mut self, stats: &Stats) -> std::io::Result<()> {
        match self {
            Self::Lines(lines) => lines.stats(stats),
            Self::Status(bar) => {
                bar.set_message(status(stats));
                Ok(())
            }
        }
    }

    fn end(&self) {
        match self {
            Self::Lines(_) => {}
            Self::Status(bar) => bar.finish_and_clear(),
        }
    }
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
    /// Prints when peers come, go or change places at once; bytes once a second.
    fn stats(&mut self, stats: &Stats) -> std::io::Result<()> {
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
        if moved || due {
            self.last = Some(now);
            self.looks = 0;
            report::json(&now)?;
        }
        Ok(())
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
        Event::PieceBad { piece, .. } => Some(format!(
            "Piece {piece} does not match the torrent and is not served."
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
        Event::PieceBad { info_hash, piece } => {
            json!({"event": "piece_bad", "info_hash": info_hash.to_string(), "piece": piece})
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
