//! The tracker's swarm state as a pure machine: who is in which swarm, who gets whose offer, who
//! may answer it, and until when.
//!
//! No socket, clock, task or database: time is an argument, randomness a field, output is data.
//! The one rule: call [`Swarms::handle`], drain [`Swarms::poll_output`] to `None`, and call
//! `handle` with [`Command::Tick`] no later than [`Swarms::poll_timeout`] says. `now` never goes
//! backwards; an earlier one counts as the latest seen.
//!
//! ```
//! use std::time::Instant;
//!
//! use rand::{SeedableRng, rngs::StdRng};
//! use swarm::{Command, Config, ConnectionId, Output, Swarms};
//!
//! let mut swarms = Swarms::new(Config::default(), StdRng::seed_from_u64(1));
//! let from = ConnectionId::new(0, 1);
//! let info_hashes = Some(vec![]);
//! swarms.handle(Instant::now(), Command::Scrape { from, info_hashes });
//! while let Some(output) = swarms.poll_output() {
//!     if let Output::Send { to, message, .. } = output {
//!         assert_eq!(to, from);
//!         assert!(message.to_json().starts_with(r#"{"action":"scrape","files":{}"#));
//!     }
//! }
//! assert_eq!(swarms.poll_timeout(), None);
//! ```
//!
//! Start with [`Command`], [`Output`] and [`Fact`]: they are plain data, so that a swarm may live
//! on another node than the sockets of its peers ([`ConnectionId::node`] says on which).

mod announce;
mod answer;
mod choice;
mod command;
mod completions;
mod config;
mod connection;
mod departure;
mod entries;
mod entry;
mod hints;
mod interval;
mod members;
mod output;
mod parking;
mod query;
mod relay;
mod slab;
mod standing;
mod swarm;
mod swarms;
mod tick;
mod ticket;

pub use command::{Command, RestoredTorrent};
pub use config::Config;
pub use connection::ConnectionId;
pub use output::{Change, Class, Departure, Fact, Full, Output, PeerStats, Refusal, Role};
pub use query::{Peer, Torrent, Totals};
pub use swarms::Swarms;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;
