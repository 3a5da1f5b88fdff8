//! A load generator for WebTorrent trackers that checks what it gets.
//!
//! [`run`] plays many clients against one tracker, from one thread: they announce with offers of
//! realistic size, answer each offer that is relayed to them at once, and compare every response,
//! offer and answer with what the tracker owes them. The [`Report`] says how much got through, how
//! fast, what was lost, and what it cost the tracker in CPU time and memory.
//!
//! The generator shares a machine with what it measures, so it is made to be cheap: one poll, one
//! read buffer, messages masked once and stamped with digits, relays scanned and not parsed.

mod connection;
mod frame;
mod histogram;
mod id;
mod ledger;
mod link;
mod load;
mod plan;
mod process;
mod report;
mod scan;
mod scenario;
mod table;
mod template;

use std::io;
use std::net::SocketAddr;

pub use frame::FrameError;
pub use histogram::Histogram;
pub use ledger::Tally;
pub use plan::{Plan, Scenario, TrackerUrl};
pub use process::{Process, Usage};
pub use report::{Delivery, Latency, Memory, Report};
pub use scenario::run;

/// Why a load could not be put on a tracker. What the tracker does wrong under load is no error:
/// it is in the report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Not a URL of a WebSocket.
    #[error("tracker `{url}` is not a `ws://host:port` or `wss://host:port` URL")]
    Url {
        /// What was given.
        url: String,
    },
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
    /// The name has no address.
    #[error("tracker host `{host}` cannot be found")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The name resolves to nothing.
    #[error("tracker host `{host}` has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// A tracker that others may use.
    #[error(
        "`{address}` is not loopback, and this is a load generator: say --yes-i-own-it if you do"
    )]
    NotLoopback {
        /// Where the tracker is.
        address: SocketAddr,
    },
    /// No such process, or one that may not be looked at.
    #[error("process `{pid}` cannot be looked at; give the tracker's process id")]
    Process {
        /// The process id.
        pid: u32,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A connection could not be made.
    #[error("cannot connect to the tracker; more open files (`ulimit -n`) may be needed")]
    Connect(#[source] io::Error),
    /// The tracker did not let all clients in.
    #[error("only {open} of {wanted} clients got in: {reason}")]
    Refused {
        /// How many did.
        open: usize,
        /// How many should have.
        wanted: usize,
        /// What went wrong first.
        reason: String,
    },
    /// Waiting for sockets failed.
    #[error("cannot wait for sockets")]
    Poll(#[source] io::Error),
}
