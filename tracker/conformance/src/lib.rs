//! Checks a WebTorrent tracker against `docs/webtorrent-tracker-protocol.md`, from outside.
//!
//! [`run`] connects to any tracker, goes through [`cases`] one after the other and tells each
//! [`Report`] as it comes: what was expected, what was seen, and which requirements it is about.
//! Cases use fresh random info-hashes, so that they disturb neither each other nor anybody's
//! swarm, and a handful of sockets at a time.
//!
//! Nothing here knows the inside of a tracker, ours included. A case that cannot fail is a defect:
//! the tests run the table against a tracker that misbehaves on purpose, too.

mod case;
mod cases;
mod lab;
mod message;
mod probe;
mod run;
mod socket;
mod specification;

pub use case::{Case, Level, Miss};
pub use cases::cases;
pub use probe::{Meeting, meet};
pub use run::{Options, Report, RunError, Summary, Verdict, run};
pub use specification::requirement;
