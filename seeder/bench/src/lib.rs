//! Scripted leechers for WebTorrent seeders, on an emulated path, that check every block.
//!
//! [`run`] sets a crowd of leechers on one seeder, ours or another: greedy ones, slow ones, ones
//! that never read, idle ones, ones that come and go. They meet it at a tracker, connect over
//! WebRTC, check every piece against the torrent, and the [`Report`] says how fast it came, how
//! soon, and what it cost the seeder in CPU time and memory. What browsers are too slow or too
//! well-behaved to show.
//!
//! All leechers share one thread and the sans-I/O core of the WebRTC stack, for they share a
//! machine with what they measure. Delay, loss and bottleneck of a [`PathSpec`] are emulated
//! between their sockets and the stack.

mod connection;
mod download;
mod load;
mod path;
mod plan;
mod report;
mod run;
mod session;
mod signalling;
mod stack;
mod table;
mod wire;

use std::io;
use std::net::SocketAddr;

pub use load::Turns;
pub use path::{Path, PathSpec};
pub use plan::{Behaviour, Crowd, Meeting, Plan};
pub use report::{Memory, Report, Spread};
pub use run::run;
pub use tracker_bench::TrackerUrl;

/// Why a load could not be put on a seeder. What the seeder does wrong under load is no error: it
/// is in the report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A number too small or too large.
    #[error("{name} is `{value}`; it must be from {least} to {most}")]
    OutOfBounds {
        /// The option.
        name: &'static str,
        /// What was given.
        value: f64,
        /// The smallest.
        least: f64,
        /// The largest.
        most: f64,
    },
    /// The tracker's URL is of no use.
    #[error(transparent)]
    Tracker(#[from] tracker_bench::BenchError),
    /// Our own tracker cannot listen there.
    #[error("cannot listen on `{address}`; name a free address of this machine")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The signalling cannot start.
    #[error("the signalling cannot start")]
    Signalling(#[source] io::Error),
    /// The seeder's command cannot be run.
    #[error("cannot start `{program}`; name a program and its arguments after `--`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// No seeder came.
    #[error("no seeder announced the torrent to `{tracker}` in time")]
    NoSeeder {
        /// Our tracker.
        tracker: String,
    },
    /// No such process, or one that may not be looked at.
    #[error("process `{pid}` cannot be looked at; give the seeder's process id")]
    Process {
        /// The process id.
        pid: u32,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// No leecher could connect.
    #[error("no leecher could connect to the seeder: {reason}")]
    NobodyJoined {
        /// What happened instead.
        reason: String,
    },
    /// A leecher cannot be made.
    #[error("a leecher cannot go on; more open files (`ulimit -n`) may be needed")]
    Leecher(#[source] io::Error),
    /// Waiting for sockets failed.
    #[error("cannot wait for sockets")]
    Poll(#[source] io::Error),
}
